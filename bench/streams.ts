/** What a row of a stream costs, and how much is held, however many rows there are. */
import { Effect, Stream } from "effect"
import { PooledExecutor } from "effect-aimd"
import { batch, concurrency } from "./contenders.js"
import { collectGarbage, double, median, rowsOf } from "./measure.js"
import type { Section } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

const generate = function* (rows: number) {
  for (let row = 0; row < rows; row++) yield row
}

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

/** Streams rows from a generator; returns the most memory that the process had meanwhile, in megabytes. */
const stream = async (rows: number): Promise<number> => {
  let next = 0
  let most = 0
  await withPool((pool) =>
    Stream.runForEachChunk(pool.stream(generate(rows), work), (chunk) =>
      Effect.sync(() => {
        for (const { submitIndex } of chunk) {
          if (submitIndex !== next++) throw new Error(`entry ${submitIndex} comes as number ${next - 1}`)
        }
        most = Math.max(most, process.memoryUsage.rss())
      })
    )
  )
  if (next !== rows) throw new Error(`${next} entries for ${rows} rows`)
  return most / 1e6
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
    let megabytes = 0
    const cost = await micros(rows, async () => void (megabytes = await stream(rows)))
    lines.push({ rows, cost, megabytes })
  }
  const last = lines.at(-1)
  return {
    title: "Streams",
    text: [
      `Rows of a generator, no hop; a batch of ${number(few)} rows costs ${number(ofBatch)} µs a row.`,
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
