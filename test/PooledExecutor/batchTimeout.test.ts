import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, PoolError } from "effect-aimd"
import { Effect } from "effect"
import { busy, failures, field, isQuiet, makeApi, millis, ok, outcomes, range, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

describe("Batch timeout", () => {
  it.effect("interrupts what is unfinished, fails what waits, and keeps what is finished", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[ok(50)], [Effect.never], [ok(40)], [ok(40)], [ok()]]))
      const result = yield* pool.executeBatch(range(5), api.call, { timeout: 100 })
      assert.deepStrictEqual(outcomes(result), [
        "ok",
        "BatchTimeoutError",
        "ok",
        "BatchTimeoutError",
        "BatchTimeoutError"
      ])
      assert.deepStrictEqual(field(result, "attempts"), [1, 1, 1, 1, 0])
      assert.deepStrictEqual(field(result, "startedAt"), [0, 0, 50, 90, 100])
      assert.deepStrictEqual(field(result, "completedAt"), [50, 100, 90, 100, 100])
      assert.deepStrictEqual(
        failures(result).map((error) => error._tag === "BatchTimeoutError" && millis(error.timeout)),
        [100, 100, 100]
      )
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("ends a request that takes longer than the whole batch may", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(() => ok(1000))
      const result = yield* pool.executeBatch([0], api.call, { timeout: "100 millis" })
      assert.deepStrictEqual(outcomes(result), ["BatchTimeoutError"])
      assert.deepStrictEqual(api.ends, [[100, 0, "interrupted"]])
    })
  )

  it.effect("ends a backoff, a hold and a wait for a permit at once, and the permits come back", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, recoveryStep: "1 second" })
      const api = makeApi(script([[busy(), ok()], [busy(20, { retryAfter: "2 seconds" }), ok()], [ok(500)], [ok()]]))
      const result = yield* pool.executeBatch(range(4), api.call, { timeout: 100 })
      assert.deepStrictEqual(
        outcomes(result),
        range(4).map(() => "BatchTimeoutError")
      )
      assert.deepStrictEqual(field(result, "completedAt"), [100, 100, 100, 100])
      assert.deepStrictEqual(field(result, "throttleWait"), [100, 80, 0, 0])
      yield* Effect.sleep("2 seconds")
      const next = yield* pool.executeBatch(range(2), () => ok(10))
      assert.strictEqual(next.stats.maxConcurrentReached, 2)
    })
  )

  it.effect("ends a row that is ready again and waits for a permit", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[busy(), ok()], [ok(500)]]))
      const result = yield* pool.executeBatch(range(2), api.call, { timeout: 100 })
      assert.deepStrictEqual(outcomes(result), ["BatchTimeoutError", "BatchTimeoutError"])
      assert.deepStrictEqual(field(result, "lastStatus"), [429, undefined])
    })
  )

  it.effect("counts from the submission, waiting behind another batch included", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const other = yield* Effect.fork(pool.executeBatch([0], () => ok(150, "other")))
      yield* Effect.sleep(10)
      const result = yield* pool.executeBatch([0], () => ok(), { timeout: 100 })
      assert.deepStrictEqual(outcomes(result), ["BatchTimeoutError"])
      assert.deepStrictEqual(field(result, "completedAt"), [110])
      assert.deepStrictEqual(outcomes(yield* other), ["other"])
    })
  )

  it.effect("waits for an attempt that cannot be interrupted", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[Effect.uninterruptible(ok(150))], [Effect.never]]))
      const result = yield* pool.executeBatch(range(2), api.call, { timeout: 100 })
      assert.deepStrictEqual(outcomes(result), ["BatchTimeoutError", "BatchTimeoutError"])
      assert.deepStrictEqual(field(result, "completedAt"), [150, 100])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("does not retry what is rejected after it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[Effect.uninterruptible(busy(150)), ok()]]))
      const result = yield* pool.executeBatch([0], api.call, { timeout: 100 })
      assert.deepStrictEqual(outcomes(result), ["BatchTimeoutError"])
      assert.deepStrictEqual(field(result, "attempts"), [1])
      assert.deepStrictEqual(field(result, "lastStatus"), [429])
    })
  )

  it.effect("changes nothing in a batch that is done before", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const result = yield* pool.executeBatch(range(2), () => ok(10), { timeout: 21 })
      assert.deepStrictEqual(outcomes(result), ["ok", "ok"])
      yield* Effect.sleep(100)
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch([0], () => ok(10))), ["ok"])
    })
  )

  it.effect("of no time at all runs nothing to its end, and an endless one never comes", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const none = yield* pool.executeBatch(range(3), () => ok(10), { timeout: 0 })
      assert.deepStrictEqual(
        outcomes(none),
        range(3).map(() => "BatchTimeoutError")
      )
      const endless = yield* pool.executeBatch(range(3), () => ok(10), { timeout: Infinity })
      assert.deepStrictEqual(outcomes(endless), ["ok", "ok", "ok"])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("fails a forEach", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const error = yield* Effect.flip(pool.forEach(range(3), () => ok(40), { timeout: 100 }))
      assert.instanceOf(error, PoolError.BatchTimeoutError)
      assert.isTrue(yield* isQuiet(pool))
    })
  )
})
