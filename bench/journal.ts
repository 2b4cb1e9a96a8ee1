/** What a journal costs a batch at a rate that few APIs allow, and how long the next process takes to find what is done. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeFileSystem } from "@effect/platform-node"
import { LibsqlClient } from "@effect/sql-libsql"
import { SqlClient } from "@effect/sql"
import { Context, Effect, Exit, Layer, Schema } from "effect"
import { PooledExecutor } from "effect-aimd"
import { FileJournal, Journal, type JournalError } from "effect-aimd/journal"
import { SqlJournal } from "effect-aimd/journal/sql"
import { check, collectGarbage, type Contender, double, median, named, race, ratio, rowsOf } from "./measure.js"
import { number, type Section, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

const poolSize = 64
/** Milliseconds a row, so that as many rows are done in a second. */
const latency = 12.8
const rowsASecond = (1000 * poolSize) / latency

interface Kind {
  readonly name: string
  readonly layer: ((at: string) => Layer.Layer<Journal.Journal>) | undefined
}

const libsql = (at: string) => LibsqlClient.layer({ url: `file:${at}` })
const writeAhead = (context: Context.Context<SqlClient.SqlClient>) =>
  Effect.orDie(Context.get(context, SqlClient.SqlClient)`pragma journal_mode = wal`)

const kinds: ReadonlyArray<Kind> = [
  { name: "no journal", layer: undefined },
  { name: "a file", layer: (at) => FileJournal.layer(at).pipe(Layer.provide(NodeFileSystem.layer)) },
  {
    name: "a file, on the disk at once",
    layer: (at) => FileJournal.layer(at, { sync: true }).pipe(Layer.provide(NodeFileSystem.layer))
  },
  { name: "libSQL", layer: (at) => SqlJournal.layer().pipe(Layer.provide(libsql(at))) },
  {
    name: "libSQL, write-ahead log",
    layer: (at) => SqlJournal.layer().pipe(Layer.provide(Layer.tap(libsql(at), writeAhead)))
  }
]

type Option = PooledExecutor.JournalOption<number, number, never, JournalError.JournalError, Journal.Journal>

/** A row of the second process, which finds them all done. */
const never = () => Effect.dieMessage("a row that is in the journal is done again")

/** Microseconds a row for which a process that goes on with a finished batch needs, from the open journal to the entries. */
const recovery = async (
  { layer, name }: Kind,
  rows: number,
  rounds: number
): Promise<{ name: string; micros: number }> => {
  if (layer === undefined) throw new Error("nothing can be recovered without a journal")
  const folder = mkdtempSync(join(tmpdir(), "effect-aimd-bench-"))
  const journal = Journal.batch<number, number, number>({ id: "bench", success: Schema.Number })
  const again = (process: (row: number) => Effect.Effect<number>) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ poolSize: 1000 })
        const { entries } = yield* pool.executeBatch(rowsOf(rows), process, { journal })
        return entries.map(({ exit }) => Exit.getOrElse(exit, () => NaN))
      }).pipe(Effect.scoped, Effect.provide(layer(join(folder, "journal"))))
    )
  try {
    await again((row) => Effect.succeed(double(row)))
    const figures = new Array<number>()
    for (let round = 0; round < rounds; round++) {
      collectGarbage()
      const start = performance.now()
      const found = await again(never)
      figures.push(((performance.now() - start) * 1000) / rows)
      check(name, rowsOf(rows), found)
    }
    return { name, micros: median(figures) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** All permits at once: what the law finds out is not measured here. */
const batch = (rows: ReadonlyArray<number>, option: Option) =>
  Effect.gen(function* () {
    const pool = yield* PooledExecutor.make({ poolSize, control: "delay" })
    const work = (row: number) => Effect.as(Effect.sleep(latency), double(row))
    const { entries } = yield* pool.executeBatch(rows, work, option)
    return () => entries.map(({ exit }) => Exit.getOrElse(exit, () => NaN))
  }).pipe(Effect.scoped)

/** Nobody opens it. */
const nowhere = Layer.succeed(Journal.Journal, { open: () => Effect.dieMessage("there is no journal") })

const contender = ({ layer, name }: Kind, rows: number): Contender => ({
  name,
  rows,
  run: async (rows) => {
    if (layer === undefined) return Effect.runPromise(Effect.provide(batch(rows, {}), nowhere))
    const folder = mkdtempSync(join(tmpdir(), "effect-aimd-bench-"))
    const journal = Journal.batch<number, number, number>({ id: "bench", success: Schema.Number })
    try {
      return await Effect.runPromise(Effect.provide(batch(rows, { journal }), layer(join(folder, "journal"))))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
})

export const journal = async (sizes: Sizes): Promise<Section> => {
  const timings = await race(
    kinds.map((kind) => contender(kind, sizes.journaled)),
    sizes.journals
  )
  const bare = named(timings, "no journal")
  const recoveries = []
  for (const kind of kinds.filter(({ name }) => name === "a file" || name === "libSQL")) {
    for (const rows of sizes.recovered) {
      recoveries.push({ rows, ...(await recovery(kind, rows, sizes.journals.rounds)) })
    }
  }
  const rate = (micros: number): string => number(1e6 / micros)
  return {
    title: "A journal",
    text: [
      `${poolSize} at a time, ${number(latency)} ms each: ${number(rowsASecond)} rows a second at most.`,
      table(
        ["journal", "rows a round", "rows a second", "time to none"],
        timings.map((timing) => [
          timing.name,
          number(timing.rows),
          rate(median(timing.rounds)),
          times(ratio(timing, bare))
        ])
      ),
      "A process that goes on with a batch that is done: it opens the journal, finds every row, and gives its entries.",
      table(
        ["journal", "rows", "ms in all", "µs a row"],
        recoveries.map(({ micros, name, rows }) => [name, number(rows), number((micros * rows) / 1000), number(micros)])
      )
    ].join("\n\n"),
    targets: [
      {
        what: "time of a batch with a journal in a file, to none",
        figure: ratio(named(timings, "a file"), bare),
        bound: 1.15,
        unit: "×"
      }
    ]
  }
}
