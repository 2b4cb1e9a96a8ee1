/** What a row of a stream costs, and how much is held, however many rows there are. */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import { batch, concurrency } from "./contenders.js"
import { collectGarbage, double, median, rowsOf } from "./measure.js"
import type { Section } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

const withPool = <A>(use: (pool: PooledExecutor.PooledExecutor) => Effect.Effect<A, unknown>): Promise<A> =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(PooledExecutor.make({ poolSize: concurrency }), (pool) => Effect.orDie(use(pool))))
  )

const work = (row: number) => Effect.succeed(double(row))

const micros = async (rows: number, run: () => Promise<unknown>): Promise<number> => {
  collectGarbage()
  const start = performance.now()
  await run()
  return ((performance.now() - start) * 1000) / rows
}

const child = fileURLToPath(new URL("streamed.mjs", import.meta.url))

/** Megabytes that the heap of a stream's process may take. */
const heap = 64

/** Streams so many rows from a generator in a process of its own. */
const stream = (rows: number): { readonly micros: number; readonly megabytes: number } => {
  // Node lets a heap grow as long as it may: what is not held shows only where it may not.
  const args = [`--max-old-space-size=${heap}`, child, String(rows), String(concurrency)]
  const printed = execFileSync(process.execPath, args, { encoding: "utf8" })
  // It is this file's own child.
  return JSON.parse(printed) as ReturnType<typeof stream>
}

export const streams = async (sizes: Sizes): Promise<Section> => {
  const { batch: few, rows: counts } = sizes.streams
  const inBatch = []
  for (let round = 0; round < sizes.long.rounds; round++) {
    inBatch.push(await micros(few, () => withPool((pool) => batch(pool, rowsOf(few), work))))
  }
  const ofBatch = median(inBatch)
  const lines = []
  for (const rows of counts) {
    const { megabytes, micros: cost } = stream(rows)
    lines.push({ rows, cost, megabytes })
  }
  const last = lines.at(-1)
  return {
    title: "Streams",
    text: [
      `Rows of a generator, no hop, in a process that does nothing else, and whose heap may take ${heap} MB; a batch of ${number(few)} rows costs ${number(ofBatch)} µs a row.`,
      table(
        ["rows", "µs a row", "to the batch", "most memory of the process, MB"],
        lines.map(({ cost, megabytes, rows }) => [number(rows), number(cost), times(cost / ofBatch), number(megabytes)])
      )
    ].join("\n\n"),
    targets: [
      {
        what: "a row of the longest stream, to one of a batch",
        figure: (last?.cost ?? NaN) / ofBatch,
        bound: 1.3,
        unit: "×"
      },
      { what: "memory of the longest stream", figure: last?.megabytes ?? NaN, bound: 200, unit: "MB" }
    ]
  }
}
