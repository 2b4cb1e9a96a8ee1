import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Duration, Effect, Exit, Fiber, Option, Stream } from "effect"
import { Capacity, PoolError, PoolGroup, PooledExecutor } from "effect-aimd"
import { inVirtualTime } from "../support/time.js"

const one = PooledExecutor.make({ poolSize: 1, control: "delay" })
const second = Effect.sleep("1 second")
const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

/** What became of a row: done, or refused, for when it could have been done. */
const endOf = (exit: Exit.Exit<unknown, unknown>): string | number => {
  if (Exit.isSuccess(exit)) return "done"
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  return error instanceof PoolError.TooLateError ? error.possibleAt : "failed"
}

const late = (deadline: Duration.DurationInput | Date) => ({ deadline, late: "refuse" }) as const

describe("deadlines", () => {
  it.effect("refuse at once what cannot be done at the rate now known, with the instant at which it could be", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      // Before the first answer nobody knows how long anything takes.
      yield* pool.execute(second, late("1 minute"))
      const began = yield* Clock.currentTimeMillis
      const calls = yield* Effect.forEach(range(5), () =>
        Effect.fork(
          Effect.flatMap(Effect.exit(pool.execute(second, late("3 seconds"))), (exit) =>
            Effect.map(Clock.currentTimeMillis, (now) => [endOf(exit), now - began])
          )
        )
      )
      const ends = yield* Effect.forEach(calls, Fiber.join)
      assert.deepStrictEqual(ends, [
        ["done", 1000],
        ["done", 2000],
        ["done", 3000],
        [5000, 0],
        [5000, 0]
      ])
    })
  )

  it.effect("refuse a row of a batch in time, though hundreds that are due later have left before it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay", ageing: "1 day" })
      const began = yield* Clock.currentTimeMillis
      const { entries } = yield* pool.executeBatch(range(601), () => second, {
        turn: (row) => (row === 600 ? late("450 seconds") : { priority: 1, ...late("1 hour") })
      })
      const refused = entries.flatMap(({ attempts, completedAt, exit }) =>
        Exit.isSuccess(exit) ? [] : [[typeof endOf(exit), attempts, completedAt - began]]
      )
      // A millisecond after the last instant at which it could have started.
      assert.deepStrictEqual(refused, [["number", 0, 449_001]])
    })
  )

  it.effect(
    "refuse what waits as soon as answers have told that it cannot be done, though nobody knew when it came",
    () =>
      inVirtualTime(function* () {
        const pool = yield* one
        const began = yield* Clock.currentTimeMillis
        const ends: Array<readonly [string, string | number, number]> = []
        const call = (name: string, took: Duration.DurationInput, turn: PooledExecutor.TurnOptions) =>
          Effect.flatMap(Effect.exit(pool.execute(Effect.sleep(took), turn)), (exit) =>
            Effect.map(Clock.currentTimeMillis, (now) => ends.push([name, endOf(exit), now - began]))
          )
        yield* Effect.all(
          [
            call("quick", "1 second", { priority: 2, ...late("1 hour") }),
            call("slow", "8 seconds", { priority: 1, ...late("1 hour") }),
            call("slow", "8 seconds", { priority: 1, ...late("1 hour") }),
            call("waits", "1 second", late("10.5 seconds")),
            call("gone", "1 second", late("18 seconds"))
          ],
          { concurrency: "unbounded" }
        )
        // Answers take 1 second, then 1.875 of it: the first is too late 8.626 seconds after it came, which the answer after 9
        // tells, and the second 16.126 seconds after.
        assert.deepStrictEqual(ends, [
          ["quick", "done", 1000],
          ["slow", "done", 9000],
          ["waits", 12_750, 9000],
          ["gone", 19_876, 16_126],
          ["slow", "done", 17_000]
        ])
      })
  )

  it.effect("refuse what waits as soon as it is too late for a start, and waste no call on it", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      yield* pool.execute(second, late("1 minute"))
      const began = yield* Clock.currentTimeMillis
      let starts = 0
      // It takes longer than anybody knows.
      const slow = yield* Effect.fork(pool.execute(Effect.sleep("10 seconds"), late("1 minute")))
      yield* Effect.yieldNow()
      const exit = yield* Effect.exit(
        pool.execute(
          Effect.sync(() => void (starts += 1)),
          late("4 seconds")
        )
      )
      const now = (yield* Clock.currentTimeMillis) - began
      assert.deepStrictEqual([now, starts], [3001, 0])
      assert.isAtLeast(Number(endOf(exit)), began + 4000)
      yield* Fiber.join(slow)
      const { inFlight, pending } = yield* pool.stats
      assert.deepStrictEqual([inFlight, pending], [0, 0])
    })
  )

  it.effect("say in the error what was wanted, and what is possible", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const error = yield* Effect.flip(pool.execute(second, late(new Date(-5000))))
      assert.instanceOf(error, PoolError.TooLateError)
      assert.deepStrictEqual({ ...error }, { ...error, pool: "default", deadline: -5000, possibleAt: 0, attempts: 0 })
      assert.strictEqual(
        error.message,
        'pool "default" cannot have it done by its deadline, but 5s later at this rate (0 attempts)'
      )
    })
  )

  it.effect("refuse a row that was rejected, instead of another attempt", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, recoveryStep: "10 seconds", control: "delay" })
      let attempts = 0
      const busy = Effect.suspend(() => {
        attempts += 1
        return Effect.delay(Effect.fail(new Capacity.CapacityError({ status: 429 })), "1 second")
      })
      const error = yield* Effect.flip(pool.execute(busy, late("5 seconds")))
      assert.instanceOf(error, PoolError.TooLateError)
      assert.deepStrictEqual([attempts, error.attempts], [1, 1])
      assert.strictEqual(yield* Clock.currentTimeMillis, 5001)
    })
  )

  it.effect("let an attempt go on that has started, though it ends late", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      yield* pool.execute(Effect.sleep("10 seconds"), late("1 second"))
      assert.strictEqual(yield* Clock.currentTimeMillis, 10_000)
    })
  )

  it.effect("of a batch are those of all its rows: what can be done by then is done", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const unfinished: Array<number> = []
      const { entries, stats } = yield* pool.executeBatch(range(10), () => second, {
        turn: late("5 seconds"),
        onUnfinished: (rows) => Effect.sync(() => void unfinished.push(...rows.map(({ rowIndex }) => rowIndex)))
      })
      assert.deepStrictEqual(
        entries.map(({ exit }) => endOf(exit) === "done"),
        range(10).map((i) => i < 5)
      )
      // The fifth ends in time; the others are refused as soon as none of them can.
      assert.deepStrictEqual(
        [yield* Clock.currentTimeMillis, stats.attempts, stats.failures, unfinished],
        [5000, 5, 5, []]
      )
    })
  )

  it.effect("of rows are those of each, in a stream, too", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const rows = [9, 2, 1, 4]
      const ends: Array<readonly [number, string | number]> = []
      yield* Stream.runForEach(
        pool.stream(rows, () => second, { turn: (seconds) => late(Duration.seconds(seconds)), ordered: false }),
        ({ exit, submitIndex }) => Effect.sync(() => void ends.push([rows[submitIndex] ?? 0, endOf(exit)]))
      )
      // The first had started before the others were read: the second in time starts when its second is over.
      assert.deepStrictEqual(
        ends.map(([row, end]) => [row, end === "done"]),
        [
          [9, true],
          [1, false],
          [2, true],
          [4, true]
        ]
      )
    })
  )

  it.effect("end what waits in a pool that is paused", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      yield* pool.pause
      const { entries } = yield* pool.executeBatch(range(3), () => second, { turn: late("5 seconds") })
      assert.deepStrictEqual(
        entries.map(({ exit }) => endOf(exit) === "done"),
        [false, false, false]
      )
      assert.strictEqual(yield* Clock.currentTimeMillis, 5001)
      yield* pool.resume
      yield* pool.execute(second)
    })
  )

  it.effect("count the rows of others that go first: higher priorities, and as many turns of each tenant", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      yield* pool.execute(second, late("1 minute"))
      const began = yield* Clock.currentTimeMillis
      const fork = (options: PooledExecutor.TurnOptions) => Effect.fork(Effect.exit(pool.execute(second, options)))
      const running = yield* fork({ tenant: "a" })
      yield* Effect.yieldNow()
      // Two urgent ones and a hundred of another tenant.
      yield* Effect.forEach(range(2), () => fork({ priority: 1 }))
      yield* Effect.forEach(range(100), () => fork({ tenant: "a" }))
      yield* Effect.yieldNow()
      const exit = yield* Effect.exit(pool.execute(second, { tenant: "b", ...late("2 seconds") }))
      // The one in flight, two urgent ones, one of "a", and then itself.
      assert.deepStrictEqual([endOf(exit), yield* Clock.currentTimeMillis], [began + 5000, began])
      const inTime = yield* fork({ tenant: "b", ...late("5 seconds") })
      assert.strictEqual(endOf(yield* Fiber.join(inTime)), "done")
      yield* Fiber.interrupt(running)
    })
  )

  it.effect("go by what a pool was told, too: it knows its rate before the first call", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 64, limits: "10 requests per second" })
      const { entries } = yield* pool.executeBatch(range(50), () => Effect.void, { turn: late("2 seconds") })
      const done = entries.filter(({ exit }) => endOf(exit) === "done")
      const atOnce = entries.filter(({ completedAt, exit }) => completedAt === 0 && endOf(exit) !== "done")
      // Ten at once, and ten a second: thirty by then, were the second round not a hair later than a second.
      assert.deepStrictEqual([done.length, atOnce.length], [20, 20])
      // Behind all that wait: a second and its twentieth till the next ten, and one for ten more.
      assert.deepStrictEqual(
        [30, 49].map((row) => endOf(entries[row]?.exit ?? Exit.void)),
        [2050.001, 2050.001]
      )
    })
  )

  it.effect("hold at a group: it is as fast as its members together", () =>
    inVirtualTime(function* () {
      const members = { a: yield* PooledExecutor.make({ poolSize: 1 }), b: yield* PooledExecutor.make({ poolSize: 1 }) }
      const group = yield* PoolGroup.make({ members })
      yield* Effect.forEach(range(2), () => group.execute(() => second, late("1 minute")), { concurrency: 2 })
      const calls = yield* Effect.forEach(range(6), () =>
        Effect.fork(Effect.exit(group.execute(() => second, late("2 seconds"))))
      )
      const ends = yield* Effect.forEach(calls, Fiber.join)
      assert.deepStrictEqual(
        ends.map((exit) => endOf(exit) === "done"),
        [true, true, true, true, false, false]
      )
    })
  )

  it.effect("are given up with the calls that had them: interrupted, in the very tick in which they start, too", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const running = yield* Effect.fork(pool.execute(second))
      yield* Effect.yieldNow()
      const waits = yield* Effect.forEach(range(20), () => Effect.fork(pool.execute(second, late("1 hour"))))
      yield* Effect.sleep("1 second")
      yield* Fiber.join(running)
      yield* Effect.forEach(waits, Fiber.interrupt)
      const { inFlight, pending } = yield* pool.stats
      assert.deepStrictEqual([inFlight, pending], [0, 0])
      yield* pool.execute(second, late("1 second"))
    })
  )

  it.effect("die of what is no deadline", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const died = (options: object) =>
        Effect.map(Effect.exit(pool.execute(Effect.void, options)), (exit) =>
          Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "none"
        )
      assert.include(yield* died({ late: "refuse" }), "option late: expected a deadline beside it")
      assert.include(yield* died({ deadline: "1 second", late: "never" }), 'option late: expected "run" or "refuse"')
      assert.include(yield* died({ deadline: new Date(NaN) }), "option deadline: expected a duration of at least 0")
    })
  )

  it.effect("give the start back to the member of a group for which it came too late", () =>
    inVirtualTime(function* () {
      const member = yield* one
      const group = yield* PoolGroup.make({ members: { a: { pool: member } } })
      const order: Array<string> = []
      const call = (name: string, lasts: Duration.DurationInput) => () =>
        Effect.delay(
          Effect.sync(() => void order.push(name)),
          lasts
        )
      const first = yield* Effect.fork(group.execute(call("first", "100.5 millis")))
      yield* Effect.yieldNow()
      // Due in the very millisecond after which what waits is looked at.
      const second = yield* Effect.fork(Effect.exit(group.execute(call("second", "1 second"), late("100 millis"))))
      const third = yield* Effect.fork(group.execute(call("third", "1 second")))
      assert.strictEqual(endOf(yield* Fiber.join(second)), 100.5)
      yield* Fiber.join(first)
      yield* Fiber.join(third)
      assert.deepStrictEqual(order, ["first", "third"])
      for (const { stats } of [group, member]) {
        const { attempts, inFlight, pending } = yield* stats
        assert.deepStrictEqual([attempts, inFlight, pending], [2, 0, 0])
      }
    })
  )
})
