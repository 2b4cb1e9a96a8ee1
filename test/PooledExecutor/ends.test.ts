/** What ends, whatever the API does: rows that are always rejected, dead APIs, waits that are too long. */
import { assert, describe, it } from "@effect/vitest"
import { Capacity, PooledExecutor, PoolError } from "effect-aimd"
import { Fault, VirtualTime } from "effect-aimd/testing"
import { Cause, Duration, Effect, Exit, Fiber, Option, type Scope } from "effect"
import { range } from "../support/api.js"

const run = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, options: VirtualTime.Options = {}): A =>
  Exit.getOrElse(VirtualTime.run(Effect.scoped(program), options).exit, (cause) => {
    throw new Error(Cause.pretty(cause))
  })

const rejected = (retryAfter?: Duration.DurationInput) =>
  Effect.delay(
    Effect.fail(
      new Capacity.CapacityError(
        retryAfter === undefined ? { status: 503 } : { status: 429, retryAfter: Duration.decode(retryAfter) }
      )
    ),
    20
  )
const served = Effect.delay(Effect.succeed("ok"), 100)

const timeoutOf = (exit: Exit.Exit<unknown, unknown>): PoolError.RetryTimeoutError => {
  const error = Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : Option.none()
  if (Option.isSome(error) && error.value instanceof PoolError.RetryTimeoutError) return error.value
  throw new Error(`expected a RetryTimeoutError, got ${String(exit)}`)
}

/** When the last of the others is done, and how the rejected rows end. */
const withRejected = (isRejected: (row: number) => boolean, count: number, maxCapacityRetry: string) =>
  run(
    Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({
        poolSize: 16,
        control: "delay",
        maxCapacityRetry: Duration.decode(maxCapacityRetry as "1 minute")
      })
      const { entries } = yield* pool.executeBatch(range(count), (row) => (isRejected(row) ? rejected() : served))
      const others = entries.filter(({ submitIndex }) => !isRejected(submitIndex))
      return {
        others: Math.max(...others.map(({ completedAt }) => completedAt)),
        served: others.filter(({ exit }) => Exit.isSuccess(exit)).length,
        ends: entries.filter(({ submitIndex }) => isRejected(submitIndex)).map(({ exit }) => timeoutOf(exit))
      }
    })
  )

describe("A row that is always rejected", () => {
  const alone = withRejected(() => false, 2000, "1 minute").others

  it("hardly slows 2,000 others, and its error says that they were served", () => {
    const { ends, others, served } = withRejected((row) => row === 7, 2000, "1 minute")
    assert.isAtMost(others / alone, 1.05)
    assert.strictEqual(served, 1999)
    const [error] = ends
    assert.deepStrictEqual([ends.length, error?.othersServed, String(error?.elapsed)], [1, 1999, "Duration(1m)"])
    assert.match(String(error?.message), /last status 503, 1999 others served meanwhile$/)
  })

  it("is no worse as one in a hundred", () => {
    const { ends, others, served } = withRejected((row) => row % 100 === 7, 2000, "1 minute")
    assert.isAtMost(others / alone, 1.15)
    assert.deepStrictEqual([served, ends.length], [1980, 20])
    assert.isTrue(ends.every(({ attempts }) => attempts < 30))
  })

  it("holds only itself once its trouble is known, be it a call of execute", () => {
    const ends = run(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ poolSize: 8, control: "delay", maxCapacityRetry: "1 minute" })
        const bad = yield* Effect.fork(Effect.exit(pool.execute(rejected("20 seconds"))))
        const calls = yield* Effect.forEach(range(2000), () => Effect.fork(pool.execute(served)))
        yield* Effect.forEach(calls, Fiber.await, { discard: true })
        const done = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        return { done, error: timeoutOf(yield* Fiber.join(bad)) }
      })
    )
    // Two silences of the whole pool, and 250 rounds of 100 ms; the third rejection is the call's own, and has no time left.
    assert.isBelow(ends.done, 40_000 + 25_000 + 1000)
    assert.deepStrictEqual([ends.error.attempts, Number(ends.error.othersServed) > 0], [3, true])
  })
})

describe("A dead API", () => {
  it.each(["window", "delay"] as const)("ends a batch of any length after its budget (%s)", (control) => {
    const ends = [200, 5000].map((rows) =>
      run(
        Effect.gen(function* () {
          const pool = yield* PooledExecutor.make({ poolSize: 16, control, maxCapacityRetry: "10 seconds" })
          const { entries } = yield* pool.executeBatch(range(rows), () => rejected())
          const errors = entries.map(({ exit }) => timeoutOf(exit))
          const last = Math.max(...entries.map(({ completedAt }) => completedAt))
          return [last <= 11_000, errors.every(({ lastError }) => lastError.status === 503), errors.length]
        })
      )
    )
    assert.deepStrictEqual(ends, [
      [true, true, 200],
      [true, true, 5000]
    ])
  })

  it("gives who comes later one attempt, and is alive again with the first that is served", () => {
    const seen = run(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ poolSize: 4, control: "delay", maxCapacityRetry: "10 seconds" })
        const line = yield* pool.line
        let isDead = true
        let calls = 0
        const call = Effect.suspend(() => (calls++, isDead ? rejected() : served))
        const waiting = yield* Effect.fork(Effect.exit(line.execute(call)))
        const first = yield* pool.executeBatch(range(20), () => call)
        const outcomes = [...first.entries.map(({ exit }) => timeoutOf(exit)), timeoutOf(yield* Fiber.join(waiting))]
        const before = calls
        const later = timeoutOf(yield* Effect.exit(pool.execute(call)))
        const probes = calls - before
        isDead = false
        const served_ = yield* pool.execute(call)
        isDead = true
        const again = timeoutOf(yield* Effect.exit(pool.execute(call)))
        return [outcomes.length, later.attempts, probes, served_, again.attempts > 1]
      })
    )
    assert.deepStrictEqual(seen, [21, 1, 1, "ok", true])
  })

  it("has let something through where a call failed with an error of its own", () => {
    const outcomes = run(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay", maxCapacityRetry: "10 seconds" })
        const answers = Effect.delay(Effect.fail("not found"), 1500)
        // Row 0 is rejected once; then row after row fails by itself, for longer than the budget.
        const call = (row: number, attempt: number): Effect.Effect<never, Capacity.CapacityError | string> =>
          row === 0 && attempt === 1 ? rejected() : answers
        const { entries } = yield* pool.executeBatch(range(20), (row, { attempt }) => call(row, attempt))
        return new Set(entries.map(({ exit }) => String(Exit.isFailure(exit) && Cause.squash(exit.cause))))
      })
    )
    assert.deepStrictEqual([...outcomes], ["not found"])
  })

  it("is no API that was busy once, long ago, when nobody waited", () => {
    const attempts = run(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay", maxCapacityRetry: "10 seconds" })
        const left = yield* Effect.fork(pool.execute(rejected()))
        yield* Effect.sleep("1 second")
        yield* Fiber.interrupt(left)
        yield* Effect.sleep("1 hour")
        return timeoutOf(yield* Effect.exit(pool.execute(rejected()))).attempts
      })
    )
    assert.isAbove(attempts, 1)
  })
})

describe("A silence that is longer than the budget", () => {
  it("fails the row at once, with what the API asks for and until when", () => {
    const error = run(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ maxCapacityRetry: "10 minutes", maxRetryAfter: "2 days" })
        return timeoutOf(yield* Effect.exit(pool.execute(rejected(Duration.seconds(86_400)))))
      })
    )
    assert.deepStrictEqual(
      [String(error.elapsed), error.attempts, String(error.retryAfter), error.retryAt],
      ["Duration(20ms)", 1, "Duration(1d)", 86_400_020]
    )
    assert.match(error.message, /retry after 1d$/)
  })

  it("fails all that waits, and who comes during it, without a call", () => {
    const seen = run(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({
          poolSize: 2,
          maxCapacityRetry: "10 minutes",
          maxRetryAfter: "2 days"
        })
        const { entries, stats } = yield* pool.executeBatch(range(50), () => rejected("1 day"))
        const later = timeoutOf(yield* Effect.exit(pool.execute(Effect.die("never run"))))
        return [
          entries.every(({ completedAt }) => completedAt <= 40),
          stats.attempts <= 2,
          later.attempts,
          later.retryAt
        ]
      })
    )
    assert.deepStrictEqual(seen, [true, true, 0, 86_400_020])
  })
})

describe("The wall clock", () => {
  it.each([-3_600_000, 3_600_000])("may be set by %i ms: a second is a second, and no budget is lost", (by) => {
    const seen = run(
      Effect.gen(function* () {
        const clock = yield* Effect.clock
        const pool = yield* PooledExecutor.make({ poolSize: 2, maxCapacityRetry: "1 minute" })
        let calls = 0
        const call = Effect.suspend(() => (calls++ === 0 ? rejected("1 second") : served))
        yield* pool.execute(call)
        const waited = Number(clock.unsafeCurrentTimeNanos()) / 1e6
        const { entries } = yield* pool.executeBatch([0], () => served)
        return [waited, entries[0]?.submittedAt]
      }),
      { wallClock: Fault.wallClock([{ at: 500, by }]) }
    )
    assert.deepStrictEqual(seen, [1120, 1120 + by])
  })
})
