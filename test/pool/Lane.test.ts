import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, PoolError } from "effect-aimd"
import { Clock, Duration, Effect, Exit, Fiber } from "effect"
import { busy, ok, outcomes, range } from "../support/api.js"
import { fixed } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

describe("A row that is rejected", () => {
  it.effect("ends at once in a hold that is longer than its budget, whoever was told of that hold", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 3, control: fixed({}), maxCapacityRetry: "1 second" })
      // The API is not dead: it serves the third meanwhile.
      const answers = [busy(10, { retryAfter: "5 seconds" }), busy(20), ok(300)]
      const { entries } = yield* pool.executeBatch(answers, (answer) => answer)
      assert.deepStrictEqual(
        entries.map(({ attempts, completedAt, exit }) => [
          attempts,
          completedAt,
          Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error instanceof PoolError.RetryTimeoutError
        ]),
        [
          [1, 10, true],
          [1, 20, true],
          [1, 300, false]
        ]
      )
    })
  )

  it.effect("ends while it waits, at the instant at which another is told of such a hold", () =>
    inVirtualTime(function* () {
      const control = fixed({ delay: 100 })
      const pool = yield* PooledExecutor.make({ poolSize: 3, control, maxCapacityRetry: "1 second" })
      const answers = [busy(10), busy(20, { retryAfter: "5 seconds" }), ok(300)]
      const { entries } = yield* pool.executeBatch(answers, (answer) => answer)
      assert.deepStrictEqual(
        entries.map(({ attempts, completedAt, exit }) => [attempts, completedAt, Exit.isSuccess(exit)]),
        [
          [1, 20, false],
          [1, 20, false],
          [1, 300, true]
        ]
      )
    })
  )

  it.effect("takes those with it that never started: they have waited since they were handed in", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: fixed({}), maxCapacityRetry: "1 second" })
      const answers = [busy(10, { retryAfter: "5 seconds" }), ok(10)]
      const { entries } = yield* pool.executeBatch(answers, (answer) => answer)
      assert.deepStrictEqual(
        entries.map(({ exit }) => {
          const error = Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : undefined
          return error instanceof PoolError.RetryTimeoutError
            ? [error.attempts, Duration.toMillis(error.elapsed), error.retryAt]
            : exit
        }),
        [
          [1, 10, 5010],
          [0, 10, 5010]
        ]
      )
    })
  )

  it.effect(
    "again and again while others are served waits alone, longer each time, and the others do not wait for it",
    () =>
      inVirtualTime(function* () {
        const control = fixed({ delay: 1 })
        const pool = yield* PooledExecutor.make({ poolSize: 1, control, maxCapacityRetry: "1 second" })
        const starts: Array<readonly [row: number, at: number]> = []
        const { entries } = yield* pool.executeBatch(range(120), (row) =>
          Effect.flatMap(Clock.currentTimeMillis, (at) => {
            starts.push([row, at])
            return row === 20 ? busy(10, { retryAfter: "30 millis" }) : ok(10)
          })
        )
        const own = starts.filter(([row]) => row === 20).map(([, at]) => at)
        const others = starts.filter(([row]) => row !== 20).map(([, at]) => at)
        const gaps = (instants: ReadonlyArray<number>) => instants.slice(1).map((at, i) => at - (instants[i] ?? 0))
        // The pool waits for it until it is known for its own trouble; then it waits alone, 50 ms and twice as long each time,
        // and for the attempt that is in its way.
        assert.deepStrictEqual(gaps(own), [40, 50, 50, 70, 120, 220, 420])
        // From then on the others wait for nothing but its attempts.
        const fourth = own[3] ?? NaN
        assert.deepStrictEqual(new Set(gaps(others.filter((at) => at > fourth))), new Set([10, 20]))
        assert.strictEqual(entries.filter(({ exit }) => Exit.isSuccess(exit)).length, 119)
      })
  )

  it.effect("ends when the API has let nothing through for a budget, although other rows have ended meanwhile", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 4, control: fixed({ delay: 10 }), maxCapacityRetry: 100 })
      const endOf = <A, E>(call: Effect.Effect<A, E>) =>
        Effect.zipRight(Effect.exit(pool.execute(call)), Clock.currentTimeMillis)
      const first = yield* Effect.fork(endOf(busy()))
      const dies = yield* Effect.fork(endOf(Effect.delay(Effect.dieMessage("its own"), 60)))
      yield* Effect.sleep(55)
      assert.strictEqual(yield* endOf(busy()), 100)
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(dies)], [100, 60])
    })
  )

  it.effect("is still dead for those that wait when one of them has left", () =>
    inVirtualTime(function* () {
      const control = fixed({ delay: 1000 })
      const pool = yield* PooledExecutor.make({ poolSize: 3, control, maxCapacityRetry: "1 minute" })
      const handle = yield* PooledExecutor.handle
      const batch = yield* Effect.fork(pool.executeBatch([0, 1], () => busy(), { handle }))
      yield* Effect.sleep("10 seconds")
      assert.strictEqual(yield* handle.cancel("0"), 1)
      yield* Effect.sleep("20 seconds")
      const late = yield* Effect.flip(pool.execute(busy()))
      // The first rejection beyond the minute is the end of it, though the call itself has come half a minute ago.
      assert.deepStrictEqual([late._tag, yield* Clock.currentTimeMillis], ["RetryTimeoutError", 61_000])
      assert.deepStrictEqual(outcomes(yield* Fiber.join(batch)), ["RowCancelledError", "RetryTimeoutError"])
    })
  )
})
