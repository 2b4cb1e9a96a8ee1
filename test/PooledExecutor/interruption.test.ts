import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, type PoolConfig } from "effect-aimd"
import { Clock, Effect, Exit, Fiber, Scope } from "effect"
import { busy, isQuiet, makeApi, ok, outcomes, range, script, type Answer } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

/** A place at which a caller of a pool of two can be suspended, and how to get there. */
interface Place {
  readonly where: string
  readonly options?: PoolConfig.Options
  /** Calls that come before, at 0. */
  readonly others?: ReadonlyArray<Answer>
  /** What the API answers to the caller that is interrupted, who comes at 10. */
  readonly answers: ReadonlyArray<Answer>
  /** Calls that come right after that caller. */
  readonly later?: ReadonlyArray<Answer>
  readonly interruptedAt: number
  /** How often the API was called for that caller by then. */
  readonly started: number
}

const places: ReadonlyArray<Place> = [
  { where: "waiting for a permit", others: [ok(100), ok(100)], answers: [ok()], interruptedAt: 20, started: 0 },
  {
    where: "at the gate",
    options: { minDispatchDelay: 50 },
    others: [ok(100)],
    answers: [ok()],
    interruptedAt: 20,
    started: 0
  },
  {
    where: "in a hold",
    others: [Effect.orElse(busy(0, { retryAfter: "1 second" }), () => ok())],
    options: { maxCapacityRetry: "2 seconds" },
    answers: [busy(5, { retryAfter: "1 second" }), ok()],
    interruptedAt: 100,
    started: 1
  },
  { where: "in backoff", answers: [busy(10), ok()], interruptedAt: 30, started: 1 },
  {
    where: "ready again and waiting for a permit",
    others: [ok(200)],
    answers: [busy(20), ok()],
    later: [ok(200)],
    interruptedAt: 150,
    started: 1
  },
  { where: "in flight", answers: [Effect.never], interruptedAt: 20, started: 1 },
  { where: "in flight for the second time", answers: [busy(), Effect.never], interruptedAt: 80, started: 2 }
]

/** All permits are back: a batch uses the whole pool at once. */
const usesWholePool = (pool: PooledExecutor.PooledExecutor) =>
  Effect.map(
    pool.executeBatch(range(2 * pool.poolSize), () => ok(60)),
    ({ stats }) => stats.maxConcurrentReached === pool.poolSize
  )

describe("Interruption", () => {
  const users = {
    "a single call": (pool: PooledExecutor.PooledExecutor, call: (row: number) => Answer) => pool.execute(call(0)),
    "a batch": (pool: PooledExecutor.PooledExecutor, call: (row: number) => Answer) =>
      pool.executeBatch(range(1), call),
    "a forEach": (pool: PooledExecutor.PooledExecutor, call: (row: number) => Answer) => pool.forEach(range(1), call)
  }
  for (const [who, use] of Object.entries(users)) {
    for (const { answers, interruptedAt, later = [], options, others = [], started, where } of places) {
      it.effect(`of ${who} ${where} is done at once and loses no permit`, () =>
        inVirtualTime(function* () {
          const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, ...options })
          yield* Effect.forkAll(others.map((other) => pool.execute(other)))
          yield* Effect.sleep(10)
          const api = makeApi(script([answers]))
          const caller = yield* Effect.fork(use(pool, api.call))
          yield* Effect.forkAll(later.map((call) => pool.execute(call)))
          yield* Effect.sleep(interruptedAt - 10)
          const exit = yield* Fiber.interrupt(caller)
          assert.isTrue(Exit.isInterrupted(exit))
          assert.strictEqual(yield* Clock.currentTimeMillis, interruptedAt)
          assert.strictEqual(api.starts.length, started)
          yield* Effect.sleep(2000)
          assert.strictEqual(api.starts.length, started)
          assert.isTrue(yield* isQuiet(pool))
          assert.isTrue(yield* usesWholePool(pool))
        })
      )
    }
  }

  it.effect("of a caller lets the next one in line start, once its finalizers are done", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep(30))
      const api = makeApi(script([[slow], [ok()]]))
      for (const use of [pool.execute(api.call(0)), pool.executeBatch([0], api.call)]) {
        const before = yield* Clock.currentTimeMillis
        const first = yield* Effect.fork(use)
        const second = yield* Effect.fork(pool.execute(api.call(1)))
        yield* Effect.sleep(20)
        assert.strictEqual((yield* pool.stats).inFlight, 1)
        yield* Fiber.interrupt(first)
        assert.strictEqual((yield* Clock.currentTimeMillis) - before, 50)
        yield* second
        assert.deepStrictEqual(api.starts.pop(), [before + 50, 1])
      }
    })
  )

  it.effect("of a waiting caller leaves the order of the others as it was", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(() => ok(10))
      const fibers = yield* Effect.forEach(range(5), (row) => Effect.fork(pool.execute(api.call(row))))
      yield* Effect.sleep(5)
      yield* Fiber.interruptAll([fibers[2], fibers[4]].filter((fiber) => fiber !== undefined))
      yield* Effect.sleep(30)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [10, 1],
        [20, 3]
      ])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("of a batch interrupts every attempt of it, and starts none of its rows any more", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const api = makeApi(script([[Effect.never], [busy(), ok()], [ok(10)], [ok(100)], [ok(100)], [ok()]]))
      const batch = yield* Effect.fork(pool.executeBatch(range(6), api.call))
      yield* Effect.sleep(20)
      yield* Fiber.interrupt(batch)
      yield* Effect.sleep(200)
      assert.sameDeepMembers(api.ends, [
        [0, 1, "CapacityError"],
        [10, 2, "ok"],
        [20, 0, "interrupted"],
        [20, 3, "interrupted"],
        [20, 4, "interrupted"]
      ])
      assert.isTrue(yield* isQuiet(pool))
      assert.isTrue(yield* usesWholePool(pool))
    })
  )

  it.effect("by a timeout of the caller's own cuts a call and a batch alike", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const uses: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        pool.execute(Effect.never),
        pool.executeBatch(range(3), () => Effect.never)
      ]
      for (const use of uses) {
        const before = yield* Clock.currentTimeMillis
        assert.strictEqual((yield* Effect.timeoutOption(use, 70))._tag, "None")
        assert.strictEqual((yield* Clock.currentTimeMillis) - before, 70)
        assert.isTrue(yield* isQuiet(pool))
      }
      assert.isTrue(yield* usesWholePool(pool))
    })
  )

  it.effect("during a shutdown lets the shutdown return", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const batch = yield* Effect.fork(pool.executeBatch([0], () => Effect.never))
      const call = yield* Effect.fork(pool.execute(Effect.never))
      const stopped = yield* Effect.fork(Effect.zipRight(pool.shutdown, Clock.currentTimeMillis))
      yield* Effect.sleep(20)
      yield* Fiber.interrupt(batch)
      yield* Effect.sleep(20)
      yield* Fiber.interrupt(call)
      assert.strictEqual(yield* stopped, 40)
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("while the scope closes changes nothing: all end together", () =>
    inVirtualTime(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.extend(PooledExecutor.make({ control: "delay", poolSize: 2 }), scope)
      const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep(30))
      const batch = yield* Effect.fork(pool.executeBatch([0], () => slow))
      const call = yield* Effect.fork(pool.execute(slow))
      yield* Effect.sleep(10)
      const closed = yield* Effect.fork(Effect.zipRight(Scope.close(scope, Exit.void), Clock.currentTimeMillis))
      yield* Effect.sleep(10)
      yield* Fiber.interruptAll([batch, call])
      assert.strictEqual(yield* Clock.currentTimeMillis, 40)
      assert.strictEqual(yield* closed, 40)
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("reaches no attempt of a caller that cannot be interrupted", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const both = Effect.all([pool.executeBatch([0], () => ok(50)), pool.execute(ok(50))], { concurrency: 2 })
      let ended: ReadonlyArray<string> = []
      const caller = yield* Effect.fork(
        Effect.uninterruptible(Effect.map(both, ([batch, call]) => void (ended = [...outcomes(batch), call])))
      )
      yield* Effect.sleep(10)
      yield* Fiber.interrupt(caller)
      assert.strictEqual(yield* Clock.currentTimeMillis, 50)
      assert.deepStrictEqual(ended, ["ok", "ok"])
    })
  )
})
