import { RateLimiter } from "@effect/experimental"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Layer, Option, Scope, TestClock } from "effect"
import { Hints, PooledExecutor } from "effect-aimd"
import { SharedLimit as OfCluster } from "effect-aimd/cluster"
import { SharedLimit } from "effect-aimd/shared"
import { makeLogger } from "../support/observe.js"
import { inVirtualTime } from "../support/time.js"
import * as FakeRedis from "./redis.js"

type Store = RateLimiter.RateLimiterStore["Type"]

const options = {
  poolSize: 64,
  limits: [{ requests: 20, per: "1 second", transit: 0 }],
  forgets: false
} satisfies SharedLimit.Options

/** A store that can be told to do something else. */
const switchOf = (store: Store) => {
  const state = { instead: undefined as Effect.Effect<never, RateLimiter.RateLimitStoreError> | undefined }
  const switched = RateLimiter.RateLimiterStore.of({
    ...store,
    fixedWindow: (request) => Effect.suspend(() => state.instead ?? store.fixedWindow(request))
  })
  return { state, switched }
}

const down = Effect.fail(new RateLimiter.RateLimitStoreError({ message: "connection refused" }))

const fake = Effect.map(Effect.clock, (clock) => FakeRedis.make(clock))

const withStore = (store: Store) => Effect.provideService(RateLimiter.RateLimiterStore, store)

/** Calls that note when they start, in milliseconds. */
const noting = (at: Array<number>) => Effect.map(Clock.currentTimeMillis, (now) => void at.push(now))

/** The most starts in any second. */
const busiest = (at: ReadonlyArray<number>): number =>
  at.reduce((most, now) => Math.max(most, at.filter((other) => other > now - 1000 && other <= now).length), 0)

describe("SharedLimit", () => {
  it("is the same in effect-aimd/cluster", () => assert.strictEqual(OfCluster.make, SharedLimit.make))

  it.effect("lets a pool start what it may at once, and the rest as parts are free again", () =>
    inVirtualTime(function* () {
      const at: Array<number> = []
      const pool = yield* SharedLimit.make("alone", { ...options, control: "delay" })
      assert.deepStrictEqual(yield* pool.forEach([1, 2, 3], (n) => Effect.succeed(n * 2)), [2, 4, 6])
      yield* pool.forEach(Array.from({ length: 40 }), () => noting(at))
      // 17 at once; a part that was opened is kept for 1.05 seconds, a two-hundredth more, and two milliseconds.
      const again = Math.ceil((1000.001 + 50) * 1.005) + 2
      assert.deepStrictEqual(at, [
        ...Array.from({ length: 17 }, () => 0),
        ...Array.from({ length: 20 }, () => again),
        ...Array.from({ length: 3 }, () => 2 * again)
      ])
    }).pipe(Effect.provide(RateLimiter.layerStoreMemory))
  )

  it.effect("holds for all pools of a key, one of which is gone before its calls count no more", () =>
    inVirtualTime(function* () {
      const at: Array<number> = []
      const run = (rows: number) =>
        Effect.scoped(
          Effect.flatMap(SharedLimit.make("team", options), (pool) =>
            pool.forEach(Array.from({ length: rows }), () => noting(at))
          )
        )
      yield* run(15)
      yield* Effect.all([run(30), run(30), run(30)], { concurrency: "unbounded" })
      assert.strictEqual(at.length, 105)
      assert.strictEqual(busiest(at), 20)
    }).pipe(Effect.provide(RateLimiter.layerStoreMemory))
  )

  it.effect("gives back what interrupted callers had not started", () =>
    inVirtualTime(function* () {
      const pool = yield* SharedLimit.make("interrupted", options)
      const blocked = yield* Effect.fork(pool.forEach(Array.from({ length: 20 }), () => Effect.never))
      yield* Effect.sleep("10 millis")
      const waiting = yield* Effect.fork(pool.execute(Effect.void))
      yield* Effect.sleep("10 millis")
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(blocked)
      const at: Array<number> = []
      yield* pool.forEach(Array.from({ length: 40 }), () => noting(at))
      assert.strictEqual(busiest(at), 20)
    }).pipe(Effect.provide(RateLimiter.layerStoreMemory))
  )

  it.effect("settles tokens: what is not used can be used while the lease lasts, what was used besides is owed", () =>
    inVirtualTime(function* () {
      const { store } = yield* fake
      const limits = [{ tokens: 640, per: "1 second", transit: 0 }] as const
      const pool = yield* SharedLimit.make("tokens", { ...options, limits }).pipe(withStore(store))
      const at: Array<number> = []
      const call = (asked: number, used: number) =>
        pool.execute(Effect.zipRight(noting(at), Hints.report({ usage: { tokens: used } })), {
          cost: { tokens: asked }
        })
      yield* call(640, 100)
      // 540 came back.
      yield* call(540, 640)
      // 100 are owed.
      yield* call(640, 640)
      const again = Math.ceil((1000.001 + 125) * 1.005) + 2
      assert.deepStrictEqual(at, [0, 0, 2 * again])
    })
  )

  const outOfReach = /the store of the shared limit is out of reach; /
  for (const [how, instead] of [
    ["fails", down],
    ["hangs", Effect.never]
  ] as const) {
    it.effect(`goes on with its own part while the store ${how}, says so once, and comes back by itself`, () => {
      const { layer, lines } = makeLogger()
      return inVirtualTime(function* () {
        const { state, switched } = switchOf((yield* fake).store)
        const pool = yield* SharedLimit.make("own", {
          ...options,
          limits: [{ requests: 40, per: "1 second", transit: 0 }],
          processes: 2,
          reserve: 0.5
        }).pipe(withStore(switched))
        // What a process before this one has started by itself may count.
        yield* Effect.sleep("1001 millis")
        state.instead = instead
        const at: Array<number> = []
        yield* pool.forEach(Array.from({ length: 60 }), () => noting(at))
        assert.strictEqual(busiest(at), 10)
        yield* Effect.sleep("5 seconds")
        const meanwhile = yield* pool.stats
        assert.match(meanwhile.reason, outOfReach)
        assert.match(meanwhile.changes.at(-1)?.reason ?? "", outOfReach)
        state.instead = undefined
        yield* Effect.sleep("5 seconds")
        const after = yield* pool.stats
        assert.notMatch(after.reason, outOfReach)
        at.length = 0
        yield* pool.forEach(Array.from({ length: 35 }), () => noting(at))
        assert.strictEqual(busiest(at), 30)
        const told = lines.filter((line) => line.includes("shared limit"))
        assert.strictEqual(told.length, 2)
        assert.match(
          told[0] ?? "",
          /^WARN pool "own": the store of its shared limit gives no answer for [23]s.*: only 10 requests per 1s start here$/
        )
        assert.match(told[1] ?? "", /^INFO pool "own": the store of its shared limit is there again, after /)
      }).pipe(Effect.provide(layer))
    })
  }

  it.effect("starts nothing without the store where it has no part of its own, and all once it is there", () =>
    inVirtualTime(function* () {
      const { state, switched } = switchOf((yield* fake).store)
      const pool = yield* SharedLimit.make("none", options).pipe(withStore(switched))
      state.instead = down
      const call = yield* Effect.fork(pool.execute(Effect.succeed("done")))
      yield* Effect.sleep("10 seconds")
      assert.isTrue(Option.isNone(yield* call.poll))
      state.instead = undefined
      assert.strictEqual(yield* Fiber.join(call), "done")
    })
  )

  it.effect("uses a slow store: leases last longer where an answer takes its time", () =>
    inVirtualTime(function* () {
      const { store } = yield* fake
      const slow = RateLimiter.RateLimiterStore.of({
        ...store,
        fixedWindow: (request) =>
          Effect.delay(Effect.zipLeft(store.fixedWindow(request), Effect.sleep("10 millis")), "10 millis")
      })
      const at: Array<number> = []
      const pools = yield* Effect.all([1, 2].map(() => SharedLimit.make("slow", options))).pipe(withStore(slow))
      yield* Effect.forEach(pools, (pool) => pool.forEach(Array.from({ length: 50 }), () => noting(at)), {
        concurrency: "unbounded"
      })
      assert.strictEqual(at.length, 100)
      assert.strictEqual(busiest(at), 20)
    })
  )

  it.effect("takes nothing from a store that has forgotten before all is over that may count", () => {
    const { layer, lines } = makeLogger()
    return inVirtualTime(function* () {
      const redis = yield* fake
      const pool = yield* SharedLimit.make("forgetful", { ...options, forgets: true }).pipe(withStore(redis.store))
      const at: Array<number> = []
      yield* pool.forEach(Array.from({ length: 20 }), () => noting(at))
      redis.forget()
      yield* pool.forEach(Array.from({ length: 20 }), () => noting(at))
      const waits = Math.ceil((1000.001 + 125) * 1.005) + 1
      assert.isAtLeast(at[0] ?? 0, waits)
      assert.isAtLeast((at[20] ?? 0) - (at[19] ?? 0), waits)
      const told = lines.filter((line) => line.includes("shared limit"))
      assert.deepStrictEqual(told, [
        'WARN pool "forgetful": the store of its shared limit is empty: nothing starts here for 1s 132ms, until what may count is over',
        'INFO pool "forgetful": the store of its shared limit is there again',
        'WARN pool "forgetful": the store of its shared limit is empty: nothing starts here for 1s 132ms, until what may count is over',
        'INFO pool "forgetful": the store of its shared limit is there again'
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks the store for nothing where its own part is enough", () =>
    inVirtualTime(function* () {
      const redis = yield* fake
      const pool = yield* SharedLimit.make("quiet", { ...options, processes: 1, reserve: 0.5 }).pipe(
        withStore(redis.store)
      )
      yield* Effect.sleep("1001 millis")
      for (let i = 0; i < 50; i++) yield* Effect.delay(pool.execute(Effect.void), "110 millis")
      assert.strictEqual(redis.commands, 0)
    })
  )

  it.effect("refuses a call that is larger than what one process can have, and limits that no store can keep", () =>
    Effect.gen(function* () {
      const pool = yield* SharedLimit.make("small", {
        ...options,
        limits: [{ tokens: 100, per: "1 second" }],
        processes: 2,
        reserve: 0.5
      })
      const error = yield* Effect.flip(pool.execute(Effect.void, { cost: { tokens: 51 } }))
      assert.strictEqual(error._tag === "CallTooLargeError" && error.limit, 50)

      const refusalOf = (wrong: SharedLimit.Options) =>
        Effect.map(Effect.exit(Effect.scoped(SharedLimit.make("wrong", wrong))), (exit) =>
          Exit.isFailure(exit) ? Cause.pretty(exit.cause).split("\n")[0] : "nothing"
        )
      const requests = [{ requests: 1, per: "1 second" }] as const
      const refusals = yield* Effect.forEach(
        [
          { limits: [{ concurrent: 8 }] },
          { limits: "headers" },
          { limits: [] },
          { limits: [{ requests: 1, per: "1 second", grows: true }] },
          { limits: [{ requests: 1, per: "1 second", transit: Infinity }] },
          { limits: requests, processes: 0 },
          { limits: requests, processes: 2, reserve: 1.5 }
        ] satisfies ReadonlyArray<SharedLimit.Options>,
        refusalOf
      )
      for (const [i, part] of [
        "8 at once",
        "as answers tell",
        "limits",
        "grows",
        "transit",
        "processes",
        "reserve"
      ].entries()) {
        assert.include(refusals[i], `effect-aimd: option`)
        assert.include(refusals[i], part)
      }
    }).pipe(Effect.scoped, Effect.provide(RateLimiter.layerStoreMemory))
  )

  it.effect("is the application's pool as a layer, and ends with its scope, whatever the store does", () =>
    Effect.gen(function* () {
      const results = yield* PooledExecutor.forEach([1, 2], (n) => Effect.succeed(n)).pipe(
        Effect.provide(Layer.provide(SharedLimit.layer("layer", options), RateLimiter.layerStoreMemory))
      )
      assert.deepStrictEqual(results, [1, 2])
      const scope = yield* Scope.make()
      const { state, switched } = switchOf((yield* fake).store)
      state.instead = Effect.uninterruptible(Effect.never)
      const pool = yield* SharedLimit.make("hangs", options).pipe(withStore(switched), Scope.extend(scope))
      yield* Effect.fork(pool.execute(Effect.void))
      yield* TestClock.adjust("100 millis")
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closing)
    })
  )
})
