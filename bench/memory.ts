/** The heap that rows and callers cost while they wait. */
import { Deferred, Effect, Exit, Fiber, Logger, LogLevel, TestClock, TestContext } from "effect"
import type { PoolStats } from "effect-aimd"
import { Capacity, PooledExecutor } from "effect-aimd"
import { concurrency } from "./contenders.js"
import { check, collectGarbage, double, rowsOf } from "./measure.js"
import type { Section } from "./report.js"
import { number, table } from "./report.js"
import type { Sizes } from "./sizes.js"

type Pool = PooledExecutor.PooledExecutor
type Process = (row: number, context: PooledExecutor.RowContext) => Effect.Effect<number, Capacity.CapacityError>

/** Typed arrays live outside of V8's heap and count as well. */
const bytesInUse = (): number => {
  collectGarbage()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

const until = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.repeat(Effect.zipRight(Effect.yieldNow(), condition), { until: (met) => met }).pipe(Effect.asVoid)

// The test clock warns of a test that does not move it for a second of real time.
const quiet = Logger.minimumLogLevel(LogLevel.None)

const minute = "1 minute"

/** Lets go of what earlier runs left: some of it is only free once the event loop has turned. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate)
    collectGarbage()
  }
}

/** Starts something, waits until it stands still, weighs it, and lets it finish. */
const weigh = (rows: ReadonlyArray<number>, start: Start, still: Still): Promise<number> =>
  Effect.gen(function* () {
    // Every rejection makes for the same long delay, so that all rows back off at once.
    // Under the delay law a rejected row waits where it can be weighed.
    const delays = { control: "delay", maxDispatchDelay: minute, recoveryStep: minute } as const
    const pool = yield* PooledExecutor.make({ poolSize: concurrency, ...delays })
    const finish = yield* Deferred.make<void>()
    const before = bytesInUse()
    const fiber = yield* Effect.fork(start(rows)(pool, Deferred.await(finish)))
    yield* still(pool, rows.length)
    const bytes = (bytesInUse() - before) / rows.length
    yield* Deferred.succeed(finish, undefined)
    yield* TestClock.adjust(minute)
    const results = yield* Fiber.join(fiber)
    check("weighed rows", rows, results)
    return bytes
  }).pipe(Effect.scoped, Effect.provide([TestContext.TestContext, quiet]), Effect.runPromise)

type Start = (
  rows: ReadonlyArray<number>
) => (pool: Pool, finish: Effect.Effect<void>) => Effect.Effect<ReadonlyArray<number>>

const inBatch =
  (process: (finish: Effect.Effect<void>) => Process): Start =>
  (rows) =>
  (pool, finish) =>
    pool.executeBatch(rows, process(finish)).pipe(
      Effect.orDie,
      Effect.map(({ entries }) => entries.map(({ exit }) => Exit.getOrElse(exit, () => NaN)))
    )

const inCallers: Start = (rows) => (pool, finish) =>
  Effect.forEach(rows, (row) => Effect.orDie(pool.execute(held(finish)(row))), { concurrency: "unbounded" })

const held = (finish: Effect.Effect<void>) => (row: number) => Effect.as(finish, double(row))

// One error for all: what an error object weighs is the API's business.
const rejection = new Capacity.CapacityError({ status: 429 })

const heldOnceRejected = inBatch((finish) => (row, { attempt }) => {
  return attempt === 1 ? Effect.fail(rejection) : held(finish)(row)
})

const heldFirst = inBatch((finish) => (row) => (row === 0 ? held(finish)(row) : Effect.succeed(double(row))))

type Still = (pool: Pool, rows: number) => Effect.Effect<void>

const stats =
  (condition: (stats: PoolStats.PoolStats, rows: number) => boolean): Still =>
  (pool, rows) =>
    until(Effect.map(pool.stats, (stats) => condition(stats, rows)))

const allAdmitted = stats(({ inFlight, pending }, rows) => pending === rows && inFlight === concurrency)
const allRejected = stats(({ capacityRetries }, rows) => capacityRetries === rows)
const allReady: Still = (pool, rows) =>
  allRejected(pool, rows).pipe(Effect.zipRight(TestClock.adjust(minute)), Effect.zipRight(allAdmitted(pool, rows)))
const allButOne = stats(({ successes }, rows) => successes === rows - 1)

const rowStates: ReadonlyArray<readonly [name: string, start: Start, still: Still]> = [
  ["row, not started yet", inBatch(held), allAdmitted],
  ["row, rejected and backing off", heldOnceRejected, allRejected],
  ["row, rejected and ready again", heldOnceRejected, allReady],
  ["row, done behind an unfinished first one", heldFirst, allButOne]
]

export const memory = async (sizes: Sizes): Promise<Section> => {
  const weights = async (start: Start, still: Still, counts: ReadonlyArray<number>): Promise<ReadonlyArray<number>> => {
    const bytes = []
    for (const count of counts) {
      await settle()
      bytes.push(await weigh(rowsOf(count), start, still))
    }
    return bytes
  }
  await weigh(rowsOf(100), heldOnceRejected, allReady) // so that no compiled code is counted
  const rows = []
  for (const [name, start, still] of rowStates) rows.push({ name, bytes: await weights(start, still, sizes.pending) })
  const callers = {
    name: "caller of `execute`, its fiber included",
    bytes: await weights(inCallers, allAdmitted, sizes.heldCallers)
  }
  return {
    title: "Memory of what waits",
    text: table(
      ["bytes of heap for one of", ...sizes.pending.map(number)],
      [...rows, callers].map(({ bytes, name }) => [name, ...bytes.map(number)])
    ),
    targets: [
      {
        what: "a pending row, in its most expensive state",
        figure: Math.max(...rows.flatMap(({ bytes }) => bytes)),
        bound: 1000,
        unit: "B"
      }
    ]
  }
}
