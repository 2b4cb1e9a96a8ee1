// From a file of rows to a file of results: read line by line, kept in a journal, and gone on with after whatever ended it.
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { Console, Effect, Exit, Schema, Stream } from "effect"
import { Capacity, PooledExecutor, ReorderBuffer } from "effect-aimd"
import { FileJournal, Journal } from "effect-aimd/journal"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folder = mkdtempSync(join(tmpdir(), "effect-aimd-"))

let requests = 0
/** Stands for your API. */
const title = (text: string, _idempotencyKey: string) =>
  Effect.suspend(() =>
    (requests += 1) === 2 ? new Capacity.CapacityError({ status: 429 }) : Effect.succeed(text.toUpperCase())
  )

// #region program
const Page = Schema.parseJson(Schema.Struct({ id: Schema.String, text: Schema.String }))

// Lines are read when there is room for them: of a million lines, some hundreds are in memory.
const pagesOf = (path: string) =>
  Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => fs.stream(path))).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect(Schema.decode(Page))
  )

const auditOf = Schema.encodeSync(ReorderBuffer.EntryMetadata)

const titles = (from: string, to: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const pool = yield* PooledExecutor.make({ poolSize: 8 })
    yield* pagesOf(from).pipe(
      PooledExecutor.mapRows(pool, (page, { stateId }) => title(page.text, stateId), {
        stateId: (page) => page.id,
        journal: Journal.batch({ id: "titles", success: Schema.String })
      }),
      // One line for each row, in the order of the rows: its audit record and its result.
      Stream.map((entry) => ({ ...auditOf(entry), title: Exit.getOrElse(entry.exit, () => null) })),
      Stream.map((result) => `${JSON.stringify(result)}\n`),
      Stream.encodeText,
      Stream.run(fs.sink(to))
    )
  }).pipe(Effect.scoped, Effect.provide(FileJournal.layer(`${to}.journal`)))
// #endregion program

const [from, to] = [join(folder, "pages.jsonl"), join(folder, "titles.jsonl")]
writeFileSync(from, ["first", "second", "third"].map((text, i) => JSON.stringify({ id: `page-${i}`, text })).join("\n"))

const twice = Effect.gen(function* () {
  yield* titles(from, to)
  const before = requests
  // Another process, which finds everything in the journal and writes the same results.
  yield* titles(from, to)
  for (const line of readFileSync(to, "utf8").trim().split("\n")) {
    const { attempts, stateId, title } = JSON.parse(line) as { attempts: number; stateId: string; title: string }
    yield* Console.log(`${stateId}: ${title}, attempts: ${attempts}`)
  }
  yield* Console.log(`requests of the second run: ${requests - before}`)
})

await Effect.runPromise(Effect.provide(twice, NodeFileSystem.layer))
rmSync(folder, { recursive: true })
