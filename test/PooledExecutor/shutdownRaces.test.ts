import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Clock, Effect, Fiber } from "effect"
import { busy, field, isQuiet, makeApi, ok, outcome, outcomes, range, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

describe("Shutdown races", () => {
  it.effect("a pool shut down before gives no batch a single call", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      yield* pool.shutdown
      const api = makeApi(() => ok())
      const error = yield* Effect.flip(pool.executeBatch(range(5), api.call))
      assert.strictEqual(error._tag, "PoolShutdownError")
      assert.deepStrictEqual(api.starts, [])
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )

  it.effect("a shutdown by the first of six rows in a pool of four leaves one outcome a row", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const api = makeApi((row) => (row === 0 ? Effect.zipRight(Effect.delay(pool.shutdown, 1), ok()) : ok(10)))
      const result = yield* pool.executeBatch(range(6), api.call)
      const shut = "PoolShutdownError"
      assert.deepStrictEqual(outcomes(result), ["ok", "ok", "ok", "ok", shut, shut])
      assert.strictEqual(result.stats.successes + result.stats.failures, 6)
      assert.strictEqual(api.starts.length, 4)
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("a shutdown of a batch of ten leaves nothing pending", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      yield* Effect.fork(Effect.delay(pool.shutdown, 15))
      const result = yield* pool.executeBatch(range(10), () => ok(10))
      assert.strictEqual(result.entries.length, 10)
      assert.strictEqual(outcomes(result).filter((word) => word === "ok").length, 6)
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )

  it.effect("equal rows with equal names each keep their own outcome through a shutdown", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const row = { id: 1 }
      yield* Effect.fork(Effect.delay(pool.shutdown, 15))
      const result = yield* pool.executeBatch([row, row, row], (_, { rowIndex }) => ok(10, `row ${rowIndex}`), {
        stateId: () => "same"
      })
      assert.deepStrictEqual(outcomes(result), ["row 0", "row 1", "PoolShutdownError"])
      assert.deepStrictEqual(field(result, "stateId"), ["same", "same", "same"])
    })
  )

  it.effect("a shutdown from outside before the first start runs nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* Effect.fork(pool.execute(ok(100)))
      const api = makeApi(() => ok())
      const batch = yield* Effect.fork(pool.executeBatch(range(2), api.call))
      yield* Effect.sleep(10)
      yield* pool.shutdown
      assert.deepStrictEqual(outcomes(yield* batch), ["PoolShutdownError", "PoolShutdownError"])
      assert.deepStrictEqual(api.starts, [])
    })
  )

  it.effect("a shutdown from outside wakes a backoff at once: one call only", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: "delay",
        recoveryStep: "1 second",
        maxCapacityRetry: "10 seconds",
        poolSize: 1
      })
      const api = makeApi(() => busy())
      yield* Effect.fork(Effect.delay(pool.shutdown, 100))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(outcomes(result), ["PoolShutdownError"])
      assert.deepStrictEqual(field(result, "completedAt"), [100])
      assert.strictEqual(api.starts.length, 1)
    })
  )
})

describe("Attempts that shut their own pool down", () => {
  it.effect("stop the retries: a row rejected at its second call is not called a third time", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: "30 seconds", poolSize: 1 })
      const api = makeApi(script([[busy(), Effect.zipRight(pool.shutdown, busy())]]))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(outcomes(result), ["PoolShutdownError"])
      assert.deepStrictEqual(field(result, "completedAt"), [50])
      assert.strictEqual(api.starts.length, 2)
    })
  )

  it.effect("wait for the others, not for themselves", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const shutdown = Effect.zipRight(
        pool.shutdown,
        Effect.map(Clock.currentTimeMillis, (now) => `shut at ${now}`)
      )
      const result = yield* pool.executeBatch(range(3), (row) => (row === 0 ? Effect.delay(shutdown, 10) : ok(50)))
      assert.deepStrictEqual(outcomes(result), ["shut at 50", "ok", "PoolShutdownError"])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("may do so at once, all of them, from fibers of their own, and from single calls", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const shutdown = Effect.delay(Effect.as(pool.shutdown, "shut"), 10)
      const forked = Effect.flatMap(Effect.fork(shutdown), Fiber.join)
      const calls = yield* Effect.forkAll([pool.execute(shutdown), pool.execute(forked)])
      const result = yield* pool.executeBatch(range(2), (row) => (row === 0 ? shutdown : forked))
      assert.deepStrictEqual(outcomes(result), ["shut", "shut"])
      assert.deepStrictEqual(yield* calls, ["shut", "shut"])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("may do so through another pool in between", () =>
    inVirtualTime(function* () {
      const outer = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const inner = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const call = outer.execute(inner.execute(Effect.as(outer.shutdown, "shut")))
      assert.strictEqual(yield* call, "shut")
    })
  )

  it.effect("do not let another's shutdown return before they have ended", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi((row) => (row === 0 ? Effect.zipRight(pool.shutdown, ok(100)) : ok(200)))
      const batch = yield* Effect.fork(pool.executeBatch(range(2), api.call))
      yield* Effect.sleep(10)
      yield* pool.shutdown
      const now = yield* Clock.currentTimeMillis
      // Row 0's own shutdown returns at 200, when row 1 has ended; row 0 ends at 300.
      assert.deepStrictEqual(field(yield* batch, "completedAt"), [300, 200])
      assert.strictEqual(now, 300)
    })
  )

  it.effect("are not mistaken for a later attempt by what they left running", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      let left = Effect.succeed(0)
      const leave = Effect.zipRight(Effect.delay(pool.shutdown, 50), Clock.currentTimeMillis).pipe(
        Effect.forkDaemon,
        Effect.map((fiber) => {
          left = Fiber.join(fiber)
          return "left"
        })
      )
      const result = yield* pool.executeBatch(range(2), (row) => (row === 0 ? leave : ok(200)))
      assert.deepStrictEqual(outcomes(result), ["left", "ok"])
      assert.strictEqual(yield* left, 200)
    })
  )

  it.effect("end a single call whose own shutdown is followed by a rejection", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const exit = yield* Effect.exit(pool.execute(Effect.zipRight(pool.shutdown, busy())))
      assert.strictEqual(outcome(exit), "PoolShutdownError")
    })
  )
})
