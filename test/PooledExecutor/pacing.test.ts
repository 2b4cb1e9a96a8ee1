import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Effect } from "effect"
import { busy, makeApi, millis, ok, range, refused, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

describe("Dispatch pacing", () => {
  it.effect("is global, not per worker: any two starts are minDispatchDelay apart", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4, minDispatchDelay: 100 })
      const api = makeApi(() => ok())
      yield* pool.executeBatch(range(8), api.call)
      assert.deepStrictEqual(
        api.starts,
        range(8).map((row) => [row * 100, row])
      )
    })
  )

  it.effect("allows no burst at the start", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4, minDispatchDelay: 50 })
      const api = makeApi(() => ok(200))
      yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [50, 1],
        [100, 2],
        [150, 3]
      ])
    })
  )

  it.effect("counts retries as starts", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, minDispatchDelay: 50 })
      const api = makeApi(script([[busy(20), ok()], [ok(200)]]))
      yield* pool.executeBatch(range(2), api.call)
      // Row 0 has waited its delay at 70; the gate opens at 100.
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [50, 1],
        [100, 0]
      ])
    })
  )

  it.effect("counts single calls as starts", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4, minDispatchDelay: 50 })
      const api = makeApi(() => ok())
      const calls = range(2).map((row) => pool.execute(api.call(row)))
      yield* Effect.all([...calls, pool.executeBatch([10, 11], api.call)], { concurrency: "unbounded" })
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 50, 100, 150]
      )
    })
  )

  it.effect("makes nobody wait after a pause, and saves up no burst in it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4, minDispatchDelay: 50 })
      const api = makeApi(() => ok())
      yield* pool.execute(api.call(0))
      yield* Effect.sleep(1000)
      yield* pool.executeBatch([1, 2], api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [1000, 1],
        [1050, 2]
      ])
    })
  )

  it.effect("needs both a permit and the open gate", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, minDispatchDelay: 50 })
      const api = makeApi(script([[ok(300)], [ok(80)], [ok(10)], [ok(10)]]))
      yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [50, 1],
        [130, 2],
        [180, 3]
      ])
    })
  )

  it.effect("is one delay for poolSize rows without minDispatchDelay: all start at once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const api = makeApi(() => ok(10))
      yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [0, 1],
        [0, 2]
      ])
    })
  )

  it.effect('under control "delay" spaces fresh rows by minDispatchDelay alone, however long the delay is', () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4, minDispatchDelay: 10 })
      const errors = makeApi(script([[busy(), busy(), busy(), busy(), busy(), refused()]]))
      yield* Effect.flip(pool.execute(errors.call(0)))
      assert.strictEqual(millis((yield* pool.stats).currentDelay), 800)
      yield* Effect.sleep(10)
      const api = makeApi(() => ok(100))
      const { entries } = yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(
        entries.map(({ startedAt, submittedAt }) => startedAt - submittedAt),
        [0, 10, 20]
      )
    })
  )

  it.effect("takes multiplier and step from the options", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: "delay",
        backoffMultiplier: 3,
        recoveryStep: 100,
        poolSize: 1
      })
      const api = makeApi(script([[busy(), busy(), ok()]]))
      yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 100, 400]
      )
    })
  )
})
