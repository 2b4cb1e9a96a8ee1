import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, PoolError } from "effect-aimd"
import { Effect } from "effect"
import { busy, failures, field, isQuiet, makeApi, millis, ok, outcomes, range, script } from "../support/api.js"
import { fixed } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

describe("Retry budget", () => {
  it.effect("ends the retries of a row that finds no capacity, with all that a reader needs", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: "delay",
        maxDispatchDelay: 100,
        maxCapacityRetry: "1 second",
        poolSize: 1
      })
      const api = makeApi(() => busy(0, { status: 503 }))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 50, 150, 250, 350, 450, 550, 650, 750, 850, 950]
      )
      const [error] = failures(result)
      assert.instanceOf(error, PoolError.RetryTimeoutError)
      assert.deepStrictEqual([millis(error.elapsed), millis(error.budget), error.attempts], [1000, 1000, 11])
      assert.strictEqual(error.lastError.status, 503)
      assert.deepStrictEqual(field(result, "completedAt"), [1000])
      assert.deepStrictEqual(field(result, "lastStatus"), [503])
    })
  )

  it.effect("ends each row with its own last rejection, whatever came to others after it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: fixed({ delay: 400 }),
        maxCapacityRetry: "1 second",
        poolSize: 2
      })
      const api = makeApi(script([[busy(0, { status: 503 })], [busy(10, { status: 429 })]]))
      const result = yield* pool.executeBatch([0, 1], api.call)
      const ends = failures(result).map((error) =>
        error instanceof PoolError.RetryTimeoutError ? [error.lastError.status, error.attempts] : error
      )
      assert.deepStrictEqual(ends, [
        [503, 3],
        [429, 3]
      ])
      assert.deepStrictEqual(field(result, "completedAt"), [1000, 1000])
    })
  )

  it.effect("is a wall: a wait that would pass it is cut short and no start follows", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: "delay",
        recoveryStep: 900,
        maxDispatchDelay: 900,
        maxCapacityRetry: "1 second",
        poolSize: 1
      })
      const api = makeApi(script([[busy(300), ok()]]))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(outcomes(result), ["RetryTimeoutError"])
      assert.deepStrictEqual(api.starts, [[0, 0]])
      assert.deepStrictEqual(field(result, "completedAt"), [1000])
      assert.deepStrictEqual(field(result, "throttleWait"), [700])
    })
  )

  it.effect("allows a start one millisecond before it and none on it", () =>
    inVirtualTime(function* () {
      const startsWithDelay = (recoveryStep: number) =>
        Effect.gen(function* () {
          const pool = yield* PooledExecutor.make({
            control: "delay",
            recoveryStep,
            maxCapacityRetry: "1 second",
            poolSize: 1
          })
          const api = makeApi(script([[busy(), ok()]]))
          yield* pool.executeBatch([0], api.call)
          return api.starts.length
        })
      assert.strictEqual(yield* startsWithDelay(999), 2)
      assert.strictEqual(yield* startsWithDelay(1000), 1)
    })
  )

  it.effect("ends a row that is ready again and waits for a permit", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 100, poolSize: 1 })
      const api = makeApi(script([[busy(), ok()], [ok(200)], [ok()]]))
      const result = yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(outcomes(result), ["RetryTimeoutError", "ok", "ok"])
      assert.deepStrictEqual(field(result, "completedAt"), [100, 200, 200])
    })
  )

  it.effect("ends a row that waits at the gate", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: "delay",
        poolSize: 2,
        minDispatchDelay: 80,
        maxCapacityRetry: 100
      })
      const api = makeApi(script([[busy(), ok()], [ok(10)]]))
      const result = yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(outcomes(result), ["RetryTimeoutError", "ok"])
      assert.deepStrictEqual(field(result, "completedAt"), [100, 90])
    })
  )

  it.effect("ends a row at once, and what waits behind it, that a hold keeps beyond its budget", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 500, poolSize: 1 })
      const api = makeApi(script([[busy(0, { retryAfter: "1 second" }), ok()], [ok()]]))
      const result = yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(outcomes(result), ["RetryTimeoutError", "RetryTimeoutError"])
      assert.deepStrictEqual(field(result, "completedAt"), [0, 0])
      assert.deepStrictEqual(field(result, "attempts"), [1, 0])
    })
  )

  it.effect("ends a row whose hold is over on its deadline, whoever else waits for that instant", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: "1 second", poolSize: 1 })
      const api = makeApi(script([[busy(0, { retryAfter: "1 second" }), ok()], [ok()]]))
      const result = yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(outcomes(result), ["RetryTimeoutError", "ok"])
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [1000, 1]
      ])
    })
  )

  it.effect("ends a row for whom a permit comes back on its deadline", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 100, poolSize: 1 })
      // Of two sleeps that end at 100, the TestClock wakes the newer first: here that is row 1's.
      const late = Effect.zipRight(Effect.sleep(70), Effect.delay(Effect.succeed("late"), 30))
      const result = yield* pool.executeBatch(range(2), (row, { attempt }) =>
        row === 1 ? late : attempt === 1 ? busy() : ok()
      )
      assert.deepStrictEqual(outcomes(result), ["RetryTimeoutError", "late"])
      assert.deepStrictEqual(field(result, "attempts"), [1, 1])
      assert.deepStrictEqual(field(result, "completedAt"), [100, 100])
    })
  )

  it.effect("ends a row whose first call outlives the budget without a second call", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 100, poolSize: 1 })
      const api = makeApi(script([[busy(300), ok()]]))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(outcomes(result), ["RetryTimeoutError"])
      assert.deepStrictEqual(api.starts, [[0, 0]])
      assert.deepStrictEqual(field(result, "completedAt"), [300])
      assert.deepStrictEqual(field(result, "throttleWait"), [0])
    })
  )

  it.effect("never cuts an attempt short", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 100, poolSize: 1 })
      const api = makeApi(script([[busy(), ok(500)]]))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(outcomes(result), ["ok"])
      assert.deepStrictEqual(field(result, "completedAt"), [550])
    })
  )

  it.effect("counts from a row's first start, not from its submission", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 100, poolSize: 1 })
      const api = makeApi(script([[ok(500)], [busy()]]))
      const result = yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(outcomes(result), ["ok", "RetryTimeoutError"])
      assert.deepStrictEqual(field(result, "completedAt"), [500, 600])
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [500, 1],
        [550, 1]
      ])
    })
  )

  it.effect("of a single call ends it at the deadline, and its permit is not lost", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 100, poolSize: 1 })
      const call = yield* Effect.fork(Effect.flip(pool.execute(busy(30))))
      yield* Effect.sleep(99)
      assert.isNull(call.unsafePoll())
      yield* Effect.sleep(2)
      assert.strictEqual((yield* call)._tag, "RetryTimeoutError")
      assert.isTrue(yield* isQuiet(pool))
      assert.strictEqual(yield* pool.execute(ok()), "ok")
    })
  )
})
