import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, type PoolConfig } from "effect-aimd"
import { VirtualTime } from "effect-aimd/testing"
import { Clock, Effect, Exit, Scope } from "effect"
import { busy, field, isQuiet, makeApi, ok, outcome, outcomes, range, refused, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

/** The instant at which an effect is done. */
const doneAt = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.zipRight(effect, Clock.currentTimeMillis)

describe("Shutdown", () => {
  it.effect("of an idle pool returns at once, as often as one likes", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* pool.shutdown
      yield* Effect.all([pool.shutdown, pool.shutdown], { concurrency: "unbounded" })
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )

  it.effect("lets attempts in flight finish, fails what waits at once, and returns when nothing is in flight", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[ok(100)], [busy(10), ok()], [ok(100)], [ok()]]))
      const stopped = yield* Effect.fork(Effect.delay(doneAt(pool.shutdown), 30))
      const again = yield* Effect.fork(Effect.delay(doneAt(pool.shutdown), 40))
      const result = yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(outcomes(result), ["ok", "PoolShutdownError", "ok", "PoolShutdownError"])
      assert.deepStrictEqual(field(result, "completedAt"), [100, 30, 110, 30])
      assert.deepStrictEqual(field(result, "attempts"), [1, 1, 1, 0])
      assert.deepStrictEqual([yield* stopped, yield* again], [110, 110])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("does not retry what is rejected after it, and keeps other failures", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[busy(50), ok()], [refused(60)]]))
      yield* Effect.fork(Effect.delay(pool.shutdown, 30))
      const result = yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(outcomes(result), ["PoolShutdownError", "Refused"])
      assert.deepStrictEqual(field(result, "completedAt"), [50, 60])
      assert.strictEqual(api.starts.length, 2)
    })
  )

  it.effect("ends a hold and a wait for a permit", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[busy(0, { retryAfter: "1 minute" }), ok()], [ok(100)], [ok()]]))
      const stopped = yield* Effect.fork(Effect.delay(doneAt(pool.shutdown), 70))
      const result = yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(outcomes(result), ["PoolShutdownError", "ok", "PoolShutdownError"])
      assert.deepStrictEqual(field(result, "completedAt"), [70, 100, 70])
      assert.strictEqual(yield* stopped, 100)
    })
  )

  it.effect("fails the single calls that wait, and lets the ones in flight finish", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const calls = [ok(100), Effect.delay(busy(10), 10), ok(100), ok(100)]
      const at = yield* Effect.forkAll(
        calls.map((call) => Effect.zip(Effect.exit(pool.execute(call)), Clock.currentTimeMillis))
      )
      yield* Effect.sleep(30)
      yield* pool.shutdown
      assert.deepStrictEqual(
        (yield* at).map(([exit, now]) => [outcome(exit), now]),
        [
          ["ok", 100],
          ["PoolShutdownError", 30],
          ["ok", 120],
          ["PoolShutdownError", 30]
        ]
      )
    })
  )

  it.effect("makes every later use fail without running anything", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* pool.shutdown
      const api = makeApi(() => ok())
      assert.strictEqual((yield* Effect.flip(pool.execute(api.call(0))))._tag, "PoolShutdownError")
      assert.strictEqual((yield* Effect.flip(pool.executeBatch(range(3), api.call)))._tag, "PoolShutdownError")
      assert.strictEqual((yield* Effect.flip(pool.executeBatch([], api.call)))._tag, "PoolShutdownError")
      assert.strictEqual((yield* Effect.flip(pool.forEach(range(3), api.call)))._tag, "PoolShutdownError")
      assert.deepStrictEqual(api.starts, [])
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )

  it.effect("can be waited for and given up: the pool is shut down all the same", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const call = yield* Effect.fork(pool.execute(ok(100)))
      yield* Effect.sleep(10)
      const gaveUp = yield* Effect.timeoutOption(pool.shutdown, 20)
      assert.strictEqual(gaveUp._tag, "None")
      assert.strictEqual((yield* Effect.flip(pool.execute(ok())))._tag, "PoolShutdownError")
      assert.strictEqual(yield* call, "ok")
      yield* pool.shutdown
    })
  )
})

describe("Shutdown from inside an attempt", () => {
  it.effect("does not wait for itself, also where a timed row ran on the same fiber before", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1, attemptTimeout: 40 })
      const last = Effect.uninterruptible(Effect.as(pool.shutdown, "last"))
      const result = yield* pool.executeBatch(range(3), (row) => (row === 1 ? last : ok(10)))
      assert.deepStrictEqual(outcomes(result), ["ok", "last", "PoolShutdownError"])
      assert.deepStrictEqual(field(result, "completedAt"), [10, 10, 10])
    })
  )

  it.effect("does not wait for others that wait there too; a shutdown from outside waits for them all", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const attempt = Effect.zipRight(pool.shutdown, Effect.delay(Clock.currentTimeMillis, 20))
      const batch = yield* Effect.fork(pool.forEach(range(2), (row) => Effect.delay(attempt, 10 + 2 * row)))
      const outside = yield* Effect.fork(Effect.delay(doneAt(pool.shutdown), 15))
      assert.deepStrictEqual(yield* batch, [52, 32])
      assert.strictEqual(yield* outside, 52)
    })
  )
})

describe("Closing the scope", () => {
  it("leaves no timer behind, also of a pool that was made where nothing can be interrupted", () => {
    const { call } = makeApi((_, attempt) => (attempt === 1 ? busy(5, { retryAfter: 100 }) : ok(5)))
    const program = Effect.gen(function* () {
      const pool = yield* Effect.uninterruptible(PooledExecutor.make({ poolSize: 4 }))
      yield* pool.forEach(range(8), call)
    })
    const { exit, leftRunning } = VirtualTime.run(program)
    assert.deepStrictEqual([Exit.isSuccess(exit), leftRunning], [true, 0])
  })

  const inScope = <A, E>(
    use: (pool: PooledExecutor.PooledExecutor) => Effect.Effect<A, E>,
    options: PoolConfig.Options = { poolSize: 2, control: "delay" }
  ) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.extend(PooledExecutor.make(options), scope)
      return [yield* use(pool), pool, Scope.close(scope, Exit.void)] as const
    })

  it.effect("of an idle pool leaves nothing pending", () =>
    inVirtualTime(function* () {
      const [, pool, close] = yield* inScope(() => Effect.void)
      yield* close
      yield* close
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )

  it.effect("interrupts what is in flight, ends every wait at once, and every row has its entry", () =>
    inVirtualTime(function* () {
      const api = makeApi(script([[Effect.never], [busy(), ok()], [ok(20)], [ok(100)], [ok()]]))
      const [batch, pool, close] = yield* inScope((pool) => Effect.fork(pool.executeBatch(range(5), api.call)))
      yield* Effect.sleep(30)
      assert.strictEqual(yield* doneAt(close), 30)
      const result = yield* batch
      const shut = "PoolShutdownError"
      assert.deepStrictEqual(outcomes(result), [shut, shut, "ok", shut, shut])
      assert.deepStrictEqual(field(result, "completedAt"), [30, 30, 20, 30, 30])
      assert.deepStrictEqual(api.ends.slice(2), [
        [30, 0, "interrupted"],
        [30, 3, "interrupted"]
      ])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("fails single calls, in flight or waiting, and leaves their callers running", () =>
    inVirtualTime(function* () {
      const [calls, pool, close] = yield* inScope((pool) =>
        Effect.forkAll(range(3).map(() => Effect.exit(pool.execute(Effect.never))))
      )
      yield* Effect.sleep(30)
      yield* close
      assert.deepStrictEqual(
        (yield* calls).map(outcome),
        range(3).map(() => "PoolShutdownError")
      )
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("waits for finalizers of what it interrupts", () =>
    inVirtualTime(function* () {
      const [, , close] = yield* inScope((pool) =>
        Effect.fork(pool.execute(Effect.onInterrupt(Effect.never, () => Effect.sleep(40))))
      )
      yield* Effect.sleep(30)
      assert.strictEqual(yield* doneAt(close), 70)
    })
  )

  it.effect("interrupts what a shutdown is waiting for", () =>
    inVirtualTime(function* () {
      const [batch, pool, close] = yield* inScope((pool) =>
        Effect.fork(pool.executeBatch(range(3), () => Effect.never))
      )
      yield* Effect.sleep(10)
      const stopped = yield* Effect.fork(doneAt(pool.shutdown))
      yield* Effect.sleep(10)
      yield* close
      assert.strictEqual(yield* stopped, 20)
      assert.deepStrictEqual(field(yield* batch, "completedAt"), [20, 20, 10])
    })
  )
})
