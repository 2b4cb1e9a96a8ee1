/** The same rows, the same work, the same concurrency: through this library and through others. */
import Bottleneck from "bottleneck"
import { Effect, Exit } from "effect"
import { PooledExecutor } from "effect-aimd"
import fastq from "fastq"
import pLimit from "p-limit"
import PQueue from "p-queue"
import type { Contender } from "./measure.js"
import { double } from "./measure.js"

export const concurrency = 8

/** What is done for a row, as an Effect and as a promise. */
export interface Work {
  readonly effect: (row: number) => Effect.Effect<number>
  readonly promise: (row: number) => Promise<number>
}

const settled = Promise.resolve()

/** One asynchronous hop a row: the fiber yields, the promise awaits once. */
export const hop: Work = {
  effect: (row) => Effect.as(Effect.yieldNow(), double(row)),
  promise: async (row) => {
    await settled
    return double(row)
  }
}

/** No hop at all: the result is there at once. */
export const immediate: Work = {
  effect: (row) => Effect.succeed(double(row)),
  promise: (row) => Promise.resolve(double(row))
}

export type Run = Contender["run"]

/** Runs an effect that needs a pool, each time with a new one. */
export const withPool = <A>(use: (pool: PooledExecutor.PooledExecutor) => Effect.Effect<A>): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(PooledExecutor.make({ poolSize: concurrency }), use)))

/** A batch; a row that failed, or failed to start, throws when the results are read. */
export const batch = (
  pool: PooledExecutor.PooledExecutor,
  rows: ReadonlyArray<number>,
  work: (row: number) => Effect.Effect<number>,
  options?: PooledExecutor.BatchOptions<number>
): Effect.Effect<() => ReadonlyArray<number>> =>
  pool.executeBatch(rows, work, options).pipe(
    Effect.orDie,
    Effect.map(
      ({ entries }) =>
        () =>
          entries.map(({ exit }) => Exit.getOrElse(exit, () => NaN))
    )
  )

export const effectForEach =
  (work: Work["effect"]): Run =>
  async (rows) => {
    const results = await Effect.runPromise(Effect.forEach(rows, work, { concurrency }))
    return () => results
  }

export const executeBatch =
  (work: Work["effect"]): Run =>
  (rows) =>
    withPool((pool) => batch(pool, rows, work))

const poolForEach =
  (work: Work["effect"]): Run =>
  async (rows) => {
    const results = await withPool((pool) => Effect.orDie(pool.forEach(rows, work)))
    return () => results
  }

const execute =
  (work: Work["effect"]): Run =>
  async (rows) => {
    const results = await withPool((pool) =>
      Effect.orDie(Effect.forEach(rows, (row) => pool.execute(work(row)), { concurrency }))
    )
    return () => results
  }

/** Hands all rows over at once, as these libraries are used. */
const promises =
  (open: () => (row: number) => Promise<number>): Run =>
  async (rows) => {
    const results = await Promise.all(rows.map(open()))
    return () => results
  }

export const contenders = (work: Work, rows: number): ReadonlyArray<Contender> => {
  const runs: Record<string, Run> = {
    "`Effect.forEach`": effectForEach(work.effect),
    "`pool.executeBatch`": executeBatch(work.effect),
    "`pool.forEach`": poolForEach(work.effect),
    "`pool.execute`": execute(work.effect),
    "p-queue": promises(() => {
      const queue = new PQueue({ concurrency })
      return (row) => queue.add(() => work.promise(row))
    }),
    "p-limit": promises(() => {
      const limit = pLimit(concurrency)
      return (row) => limit(work.promise, row)
    }),
    fastq: promises(() => {
      const queue = fastq.promise(work.promise, concurrency)
      return (row) => queue.push(row)
    }),
    bottleneck: promises(() => {
      const limiter = new Bottleneck({ maxConcurrent: concurrency })
      return (row) => limiter.schedule(work.promise, row)
    })
  }
  // Bottleneck sleeps on two timers before each start, one row after the other: that is 2.4 ms a row, whatever the work.
  const share = (name: string): number => (name === "bottleneck" ? Math.ceil(rows / 250) : rows)
  return Object.entries(runs).map(([name, run]) => ({ name, rows: share(name), run }))
}
