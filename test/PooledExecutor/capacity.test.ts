import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, PoolError } from "effect-aimd"
import { Effect } from "effect"
import { busy, failures, field, makeApi, millis, ok, outcomes, range, refused, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

describe("Capacity handling", () => {
  it.effect("retries a rejected row after the delay, until it succeeds", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[busy(10), ok(10)]]))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(outcomes(result), ["ok"])
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [60, 0]
      ])
      assert.strictEqual(result.stats.capacityRetries, 1)
    })
  )

  it.effect("backs the delay off from step to cap while the API rejects, and recovers it by a step a success", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: "delay",
        recoveryStep: 100,
        backoffMultiplier: 3,
        maxDispatchDelay: 700,
        poolSize: 1
      })
      const api = makeApi(script([[busy(), busy(), busy(), busy(), ok()]]))
      yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 100, 400, 1100, 1800]
      )
      assert.strictEqual(millis((yield* pool.stats).currentDelay), 600)
    })
  )

  it.effect("retries 429, 503 and 529 alike, and keeps the last status", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const api = makeApi(
        script([
          [busy(0, { status: 429 }), ok()],
          [busy(0, { status: 503 }), ok()],
          [busy(0, { status: 503 }), busy(0, { status: 529 }), refused()],
          [ok()]
        ])
      )
      const result = yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(outcomes(result), ["ok", "ok", "Refused", "ok"])
      assert.deepStrictEqual(field(result, "attempts"), [2, 2, 3, 1])
      assert.deepStrictEqual(field(result, "lastStatus"), [429, 503, 529, undefined])
    })
  )

  it.effect("calls a row that fails with its own error exactly once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[refused(10)], [ok(10)]]))
      const result = yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(outcomes(result), ["Refused", "ok"])
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [10, 1]
      ])
    })
  )

  it.effect("starts further rows at once while poolSize rows back off", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, recoveryStep: "2 seconds" })
      const api = makeApi(script([[busy(), ok()], [busy(), ok()], [ok(10)], [ok(10)], [ok(10)], [ok(10)]]))
      yield* pool.executeBatch(range(6), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [0, 1],
        [0, 2],
        [0, 3],
        [10, 4],
        [10, 5],
        [2000, 0],
        [2000, 1]
      ])
    })
  )

  it.effect("puts a rejected row ahead of the fresh ones", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[busy(), ok(10)], [ok(100)], [ok(10)], [ok(10)]]))
      yield* pool.executeBatch(range(4), api.call)
      // Row 0 is ready again at 50, while row 1 has the only permit until 100.
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [0, 1],
        [100, 0],
        [110, 2],
        [120, 3]
      ])
    })
  )

  it.effect("does not deadlock when a batch larger than the pool is rejected row by row", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: "delay",
        poolSize: 2,
        recoveryStep: 10,
        maxDispatchDelay: 50,
        maxCapacityRetry: "5 seconds"
      })
      const api = makeApi((_, attempt) => (attempt === 1 ? busy() : ok()))
      const result = yield* pool.executeBatch(range(6), api.call)
      assert.deepStrictEqual(
        outcomes(result),
        range(6).map(() => "ok")
      )
      assert.deepStrictEqual(
        field(result, "attempts"),
        range(6).map(() => 2)
      )
      assert.strictEqual(api.starts.length, 12)
      assert.strictEqual(result.stats.capacityRetries, 6)
    })
  )

  it.effect("waits the delay even where the API asks for no wait at all", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[busy(0, { retryAfter: 0 }), ok()]]))
      yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [50, 0]
      ])
    })
  )

  it.effect("retries a single call the same way", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[busy(), busy(), ok(0, "done")]]))
      assert.strictEqual(yield* pool.execute(api.call(0)), "done")
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 50, 150]
      )
    })
  )

  it.effect("fails a single call with its own error, untouched", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const error = yield* Effect.flip(pool.execute(refused(10, 401)))
      assert.isTrue(error._tag === "Refused" && error.code === 401)
    })
  )
})

describe("Attempt timeout", () => {
  it.effect("interrupts an attempt that hangs, and leaves the other rows and the delay alone", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, attemptTimeout: 100 })
      yield* Effect.flip(pool.execute(makeApi(script([[busy(), busy(), refused()]])).call(0)))
      const api = makeApi(script([[Effect.never], [ok(70)], [ok(70)]]))
      const result = yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(outcomes(result), ["AttemptTimeoutError", "ok", "ok"])
      assert.deepStrictEqual(field(result, "completedAt"), [250, 220, 290])
      // Two errors made it 100; two successes took 50 each; the timeout changed nothing.
      assert.strictEqual(millis(result.stats.dispatchDelayAtCompletion), 0)
    })
  )

  it.effect("says which attempt had no answer, and is not retried", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", attemptTimeout: 100, poolSize: 1 })
      const api = makeApi(script([[busy(10), Effect.never]]))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(field(result, "attempts"), [2])
      const [error] = failures(result)
      assert.instanceOf(error, PoolError.AttemptTimeoutError)
      assert.deepStrictEqual([error.attempt, millis(error.timeout)], [2, 100])
      assert.deepStrictEqual(api.ends, [
        [10, 0, "CapacityError"],
        [160, 0, "interrupted"]
      ])
    })
  )

  it.effect("lets an attempt that answers on time pass", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", attemptTimeout: 100, poolSize: 1 })
      assert.strictEqual(yield* pool.execute(ok(99)), "ok")
      assert.strictEqual((yield* Effect.flip(pool.execute(ok(101))))._tag, "AttemptTimeoutError")
    })
  )
})
