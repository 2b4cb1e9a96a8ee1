import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, FiberId, Scope } from "effect"
import { Capacity, type ControlLaw, PooledExecutor } from "effect-aimd"
import { PooledHttpClient, PoolMap, RequestKey } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { scripted } from "./support.js"

const keysOf = (pools: PoolMap.PoolMap) => Effect.map(pools.stats, (stats) => [...stats.keys()].sort())

/** Runs a call for a key that takes a second, or as many milliseconds. */
const second = (pools: PoolMap.PoolMap, key: string, millis = 1_000) =>
  pools.use(key, (pool) => pool.execute(Effect.sleep(millis)))

describe("pools by key", () => {
  it.effect("are created on use, each with its own options and name", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ pool: (key) => ({ poolSize: key.length }) })
      assert.deepStrictEqual(yield* keysOf(pools), [])
      yield* Effect.forEach(["a", "bb", "a"], (key) => second(pools, key), { concurrency: "unbounded" })
      const stats = yield* pools.stats
      assert.deepStrictEqual(
        [...stats].map(([key, { config, successes }]) => [key, config.name, config.poolSize, successes]),
        [
          ["bb", "bb", 2, 1],
          ["a", "a", 1, 2]
        ]
      )
    })
  )

  it.effect("are one pool where many begin with a key at once", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ pool: { poolSize: 100, control: "delay" } })
      yield* Effect.forEach(Array.from({ length: 50 }), () => second(pools, "a"), { concurrency: "unbounded" })
      const stats = [...(yield* pools.stats).values()]
      assert.deepStrictEqual(
        stats.map(({ maxConcurrentReached, rows }) => [rows, maxConcurrentReached]),
        [[50, 50]]
      )
    })
  )

  it.effect("are dropped once they are idle that long, and not before", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ idleTimeToLive: "10 seconds" })
      yield* second(pools, "a")
      yield* Effect.sleep("9 seconds")
      yield* second(pools, "a")
      yield* Effect.sleep("9999 millis")
      assert.deepStrictEqual(yield* keysOf(pools), ["a"])
      yield* Effect.sleep("2 millis")
      assert.deepStrictEqual(yield* keysOf(pools), [])
      yield* second(pools, "a")
      assert.strictEqual((yield* pools.stats).get("a")?.rows, 1)
    })
  )

  it.effect("are dropped after a use that was longer than they may be idle, too", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ idleTimeToLive: "10 seconds" })
      yield* second(pools, "a")
      yield* second(pools, "a", 30_000)
      yield* Effect.sleep("9999 millis")
      assert.deepStrictEqual(yield* keysOf(pools), ["a"])
      yield* Effect.sleep("2 millis")
      assert.deepStrictEqual(yield* keysOf(pools), [])
    })
  )

  it.effect("let nobody in before those that wait already", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 1 })
      const order: Array<string> = []
      const use = (key: string) =>
        pools.use(key, () =>
          Effect.zipRight(
            Effect.sync(() => order.push(key)),
            Effect.sleep(1000)
          )
        )
      // Whoever uses a goes on to d in the very step in which b is woken.
      const first = yield* Effect.fork(Effect.zipRight(use("a"), use("d")))
      yield* Effect.sleep(10)
      const others = yield* Effect.fork(Effect.all([use("b"), use("c")], { concurrency: 2 }))
      yield* Fiber.join(first)
      yield* Fiber.join(others)
      assert.deepStrictEqual(order, ["a", "b", "c", "d"])
    })
  )

  it.effect("are not dropped while one waits", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ idleTimeToLive: "1 second" })
      const fiber = yield* Effect.fork(pools.use("a", (pool) => pool.execute(Effect.sleep("1 minute"))))
      yield* Effect.sleep("30 seconds")
      assert.deepStrictEqual(yield* keysOf(pools), ["a"])
      yield* Fiber.join(fiber)
    })
  )

  it.effect("are never more than the capacity: the longest idle makes room, or a new key waits its turn", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 2, pool: { poolSize: 4 } })
      yield* second(pools, "a")
      yield* second(pools, "b")
      yield* second(pools, "a")
      yield* second(pools, "c")
      assert.deepStrictEqual(yield* keysOf(pools), ["a", "c"])

      const ended: Array<string> = []
      const run = (key: string) =>
        Effect.tap(second(pools, key, key === "c" ? 1_300 : 1_000), () => Effect.sync(() => ended.push(key)))
      yield* Effect.forEach(["a", "c", "d", "e", "f"], run, { concurrency: "unbounded" })
      assert.deepStrictEqual(ended, ["a", "c", "d", "e", "f"])
      assert.strictEqual((yield* pools.stats).size, 2)
    })
  )

  it.effect("let the next one in when one that waits goes away", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 1 })
      const busy = yield* Effect.fork(second(pools, "a"))
      yield* Effect.yieldNow()
      const impatient = yield* Effect.fork(second(pools, "b"))
      yield* Effect.yieldNow()
      const patient = yield* Effect.fork(second(pools, "c"))
      yield* Effect.sleep("500 millis")
      yield* Fiber.interrupt(impatient)
      yield* Fiber.join(busy)
      yield* Fiber.join(patient)
      assert.deepStrictEqual(yield* keysOf(pools), ["c"])
    })
  )

  it.effect("let the next one in when one goes away in the very step in which it is woken", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 1 })
      const waiting: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
      const first = yield* Effect.fork(
        Effect.zipRight(
          second(pools, "a"),
          // At once: a fiber that interrupts would come too late.
          Effect.sync(() => waiting.forEach((fiber) => fiber.unsafeInterruptAsFork(FiberId.none)))
        )
      )
      yield* Effect.sleep(10)
      waiting.push(yield* Effect.fork(second(pools, "b")))
      yield* Effect.sleep(10)
      const patient = yield* Effect.fork(second(pools, "c"))
      yield* Fiber.join(first)
      yield* Fiber.join(patient)
      assert.deepStrictEqual(yield* keysOf(pools), ["c"])
    })
  )

  it.effect("give a place back when the user fails, dies or is interrupted", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 1 })
      yield* Effect.exit(pools.use("a", () => Effect.fail("no")))
      yield* Effect.exit(pools.use("b", () => Effect.die("no")))
      const hanging = yield* Effect.fork(pools.use("c", () => Effect.never))
      yield* Effect.sleep("1 second")
      yield* Fiber.interrupt(hanging)
      yield* second(pools, "d")
      assert.deepStrictEqual(yield* keysOf(pools), ["d"])
    })
  )

  it.effect("die of invalid options, and leave nothing behind", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 1, pool: (key) => ({ poolSize: key === "bad" ? 0 : 1 }) })
      const exit = yield* Effect.exit(second(pools, "bad"))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.deepStrictEqual(yield* keysOf(pools), [])
      yield* second(pools, "good")
      for (const capacity of [0, 1.5, NaN]) {
        const made = yield* Effect.exit(PoolMap.make({ capacity }))
        assert.include(
          String(made),
          `effect-aimd: option capacity of a PoolMap: expected an integer of at least 1, got ${capacity}`
        )
      }
    })
  )

  it.effect("shut down with the map, those to come as well", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make()
      yield* second(pools, "a")
      yield* pools.shutdown
      const errors = yield* Effect.forEach(["a", "b"], (key) => Effect.flip(second(pools, key)))
      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["PoolShutdownError", "PoolShutdownError"]
      )
    })
  )

  it.effect("end with the scope", () =>
    inVirtualTime(function* () {
      const scope = yield* Scope.make()
      const pools = yield* Scope.extend(PoolMap.make(), scope)
      const fiber = yield* Effect.fork(pools.use("a", (pool) => Effect.flip(pool.execute(Effect.never))))
      yield* Effect.sleep("1 second")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "PoolShutdownError")
    })
  )
})

describe("keys with a parent", () => {
  it.effect("take turns at it, however many calls each of them has", () =>
    inVirtualTime(function* () {
      const parent = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      const pools = yield* PoolMap.make({ parent, pool: { poolSize: 100, control: "delay" } })
      const order: Array<string> = []
      const call = (key: string) =>
        Effect.delay(
          Effect.sync(() => order.push(key)),
          "1 second"
        )
      const run = (key: string) => pools.use(key, (pool) => pool.execute(call(key)))
      yield* Effect.forEach([..."aaaaaabbc"], run, { concurrency: "unbounded" })
      // The second a stood in line before anybody else came.
      assert.deepStrictEqual(order.join(""), "aabcabaaa")
    })
  )

  it.effect("are never more under way than either allows", () =>
    inVirtualTime(function* () {
      const parent = yield* PooledExecutor.make({ poolSize: 3, control: "delay" })
      const pools = yield* PoolMap.make({ parent, pool: { poolSize: 2, control: "delay" } })
      yield* Effect.forEach([..."aaaabbbb"], (key) => second(pools, key), { concurrency: "unbounded" })
      const stats = yield* pools.stats
      assert.deepStrictEqual([(yield* parent.stats).maxConcurrentReached, stats.get("a")?.maxConcurrentReached], [3, 2])
    })
  )

  it.effect("retry by themselves what the parent's law hears of as well, hints too", () =>
    inVirtualTime(function* () {
      const heard: Array<readonly [string, string, number | undefined]> = []
      const decision = { window: 4, spacing: 0, holdUntil: 0, delay: 10, epoch: 0, reason: "as ever" }
      const listener = (name: string): ControlLaw.ControlLaw => ({
        name,
        initial: () => ({ state: undefined, decision }),
        step: (state, sample) => {
          heard.push([name, sample._tag, sample.hints?.requests?.remaining])
          return { state, decision }
        }
      })
      const parent = yield* PooledExecutor.make({ control: listener("parent") })
      const pools = yield* PoolMap.make({ parent, pool: { control: listener("key") } })
      const headers = { "ratelimit-remaining": "3" }
      const api = scripted({ status: 429, headers }, { headers })
      const client = PooledHttpClient.makeKeyed(pools, RequestKey.host)(api.client)
      yield* client.execute(HttpClientRequest.get("http://api.test"))
      assert.deepStrictEqual(heard, [
        ["parent", "capacity", 3],
        ["key", "capacity", 3],
        ["parent", "success", 3],
        ["key", "success", 3]
      ])
      const [above, below] = [yield* parent.stats, (yield* pools.stats).get("api.test")]
      assert.deepStrictEqual([above.rows, above.failures, below?.rows, below?.capacityRetries], [2, 1, 1, 1])
    })
  )

  it.effect("send a body that is a stream once", () =>
    inVirtualTime(function* () {
      const parent = yield* PooledExecutor.make()
      const pools = yield* PoolMap.make({ parent })
      const error = yield* Effect.flip(
        pools.use("a", (pool) => pool.attempt(Effect.fail(new Capacity.CapacityError({ status: 429 }))))
      )
      assert.strictEqual(error._tag, "CapacityError")
    })
  )
})

describe("a keyed client", () => {
  it.effect("holds up one host for its Retry-After, and no other", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make()
      const api = scripted({ status: 429, headers: { "retry-after": "60" } })
      const client = PooledHttpClient.makeKeyed(pools, RequestKey.host)(api.client)
      const slow = yield* Effect.fork(client.get("http://slow.test"))
      yield* Effect.sleep("1 second")
      yield* client.get("http://fast.test")
      assert.deepStrictEqual(
        api.sent.map(({ at, request }) => [at, request.url]),
        [
          [0, "http://slow.test"],
          [1_000, "http://fast.test"]
        ]
      )
      yield* Fiber.interrupt(slow)
    })
  )

  it.effect("is a layer too", () =>
    inVirtualTime(function* () {
      const api = scripted({ status: 429 })
      const pools = yield* Deferred.make<PoolMap.PoolMap>()
      const made = Effect.tap(PoolMap.make(), (map) => Deferred.succeed(pools, map))
      yield* Effect.flatMap(HttpClient.HttpClient, (client) =>
        Effect.zipRight(client.get("http://api.test"), Effect.flatMap(Deferred.await(pools), keysOf))
      ).pipe(
        Effect.tap((keys) => assert.deepStrictEqual(keys, ["api.test"])),
        Effect.provide(PooledHttpClient.layerKeyed(made, RequestKey.host)),
        Effect.provideService(HttpClient.HttpClient, api.client)
      )
      assert.strictEqual(api.sent.length, 2)
    })
  )
})
