// A batch that survives its process: finished rows are kept in a file, and the same call goes on where it was.
import { NodeFileSystem } from "@effect/platform-node"
import { Console, Effect, Exit, Layer, Schema } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"
import { FileJournal, Journal } from "effect-aimd/journal"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folder = mkdtempSync(join(tmpdir(), "effect-aimd-"))
const file = join(folder, "titles.jsonl")

let requests = 0
/** An API that takes a key for each request, so that a request that is repeated is not paid twice. */
const title = (text: string, _idempotencyKey: string) =>
  Effect.suspend((): Effect.Effect<string, Capacity.CapacityError | EmptyText> => {
    requests += 1
    if (requests === 3) return Effect.fail(new Capacity.CapacityError({ status: 429 }))
    return text === "" ? Effect.fail(new EmptyText()) : Effect.succeed(text.toUpperCase())
  })

// #region program
class EmptyText extends Schema.TaggedError<EmptyText>()("EmptyText", {}) {}

interface Page {
  readonly id: string
  readonly text: string
}

const titles = (pages: ReadonlyArray<Page>) =>
  Effect.gen(function* () {
    const pool = yield* PooledExecutor.make({ poolSize: 8 })
    const { entries } = yield* pool.executeBatch(pages, (page, { stateId }) => title(page.text, stateId), {
      stateId: (page) => page.id,
      journal: Journal.batch({
        id: "titles",
        fingerprint: "model 4, prompt 2",
        success: Schema.String,
        failure: EmptyText
      })
    })
    return entries.map(({ exit, stateId }) => [stateId, Exit.getOrElse(exit, () => "no title")].join(": "))
  }).pipe(Effect.scoped)

const Live = FileJournal.layer(file).pipe(Layer.provide(NodeFileSystem.layer))
// #endregion program

const pages = ["first", "", "third", "fourth"].map((text, i) => ({ id: `page-${i + 1}`, text }))
const twice = Effect.gen(function* () {
  // The first process came no further than this.
  yield* titles(pages.slice(0, 3))
  const before = requests
  yield* Console.log((yield* titles(pages)).join("\n"))
  yield* Console.log(`requests of the second run: ${requests - before}`)
})

await Effect.runPromise(Effect.provide(twice, Live))
rmSync(folder, { recursive: true })
