import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Effect } from "effect"
import { busy, makeApi, millis, ok, outcomes, range, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

describe("Retry-After", () => {
  it.effect("lets nothing start before it, and the first right after", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[busy(0, { retryAfter: "2 seconds" }), ok(10)], [ok(10)], [ok(10)], [ok(10)]]))
      const result = yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(outcomes(result), ["ok", "ok", "ok", "ok"])
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [0, 1],
        [2000, 0],
        [2000, 2],
        [2010, 3]
      ])
    })
  )

  it.effect("holds the other batches and the single calls of the pool too", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const api = makeApi((row, attempt) => (row === 0 && attempt === 1 ? busy(0, { retryAfter: "2 seconds" }) : ok()))
      const first = yield* Effect.fork(pool.executeBatch([0], api.call))
      yield* Effect.sleep(100)
      const second = yield* Effect.fork(pool.executeBatch([1], api.call))
      yield* Effect.sleep(100)
      yield* pool.execute(api.call(2))
      yield* Effect.all([first.await, second.await])
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [2000, 0],
        [2000, 1],
        [2000, 2]
      ])
    })
  )

  it.effect("leaves attempts in flight alone", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[busy(0, { retryAfter: "2 seconds" }), ok()], [ok(300)]]))
      yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(api.ends, [
        [0, 0, "CapacityError"],
        [300, 1, "ok"],
        [2000, 0, "ok"]
      ])
    })
  )

  it.effect("is not shortened by a later, shorter one, and prolonged by a longer one", () =>
    inVirtualTime(function* () {
      const startsWith = (second: number) =>
        Effect.gen(function* () {
          const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
          const api = makeApi(
            script([
              [busy(0, { retryAfter: 2000 }), ok()],
              [busy(100, { retryAfter: second }), ok()]
            ])
          )
          const { entries } = yield* pool.executeBatch(range(2), api.call)
          return entries.map(({ completedAt, submittedAt }) => completedAt - submittedAt)
        })
      assert.deepStrictEqual(yield* startsWith(500), [2000, 2000])
      assert.deepStrictEqual(yield* startsWith(3000), [3100, 3100])
    })
  )

  it.effect("shorter than the delay holds fresh rows only that long, while the rejected row waits the delay", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", recoveryStep: "1 second", poolSize: 1 })
      const api = makeApi(script([[busy(0, { retryAfter: 100 }), ok()], [ok()]]))
      yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [100, 1],
        [1000, 0]
      ])
    })
  )

  it.effect("keeps the least spacing between the starts that follow it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3, minDispatchDelay: 50 })
      const api = makeApi(script([[busy(0, { retryAfter: "2 seconds" }), ok()], [ok()], [ok()]]))
      yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [2000, 0],
        [2050, 1],
        [2100, 2]
      ])
    })
  )

  it.effect("of an hour holds the pool for 5 minutes, and the statistics tell the hour", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[busy(0, { retryAfter: "1 hour" }), ok()]]))
      yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 300_000]
      )
      const stats = yield* pool.stats
      assert.strictEqual(millis(stats.longestRetryAfter), 3_600_000)
      assert.strictEqual(stats.holdUntil, 300_000)
    })
  )

  it.effect("is capped by maxRetryAfter", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxRetryAfter: "10 seconds", poolSize: 1 })
      const api = makeApi(
        script([
          [busy(0, { retryAfter: "1 minute" }), busy(0, { retryAfter: "10 seconds" }), busy(0, { retryAfter: 1 }), ok()]
        ])
      )
      yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 10_000, 20_000, 20_200]
      )
      assert.strictEqual(millis((yield* pool.stats).longestRetryAfter), 60_000)
    })
  )

  it.effect("without end is capped as well", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxRetryAfter: "10 seconds", poolSize: 1 })
      const api = makeApi(script([[busy(0, { retryAfter: Infinity }), ok()]]))
      yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 10_000]
      )
    })
  )
})
