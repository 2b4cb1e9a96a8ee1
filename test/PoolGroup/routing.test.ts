import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber } from "effect"
import { Capacity, PoolGroup, PooledExecutor } from "effect-aimd"
import { inVirtualTime } from "../support/time.js"

const busy = (retryAfter?: Duration.DurationInput) =>
  new Capacity.CapacityError(
    retryAfter === undefined ? { status: 429 } : { status: 429, retryAfter: Duration.decode(retryAfter) }
  )

const pool = (name: string, poolSize: number) => PooledExecutor.make({ name, poolSize, control: "delay" })

const twoPools = (size = 1) => Effect.all({ a: pool("a", size), b: pool("b", size) })

describe("a group", () => {
  it.effect("gives each row to whoever is free, keeps their order, and tells whose each was", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      const starts: Array<string> = []
      const { entries, stats } = yield* group.executeBatch([0, 1, 2, 3, 4], (row, { attempt, member, stateId }) =>
        Effect.gen(function* () {
          starts.push(`${row} at ${yield* Clock.currentTimeMillis} by ${member}, ${stateId}.${attempt}`)
          yield* Effect.sleep(member === "a" ? 1000 : 1001)
          return row * 10
        })
      )
      assert.deepStrictEqual(starts, [
        "0 at 0 by a, 0.1",
        "1 at 0 by b, 1.1",
        "2 at 1000 by a, 2.1",
        "3 at 1001 by b, 3.1",
        "4 at 2000 by a, 4.1"
      ])
      assert.deepStrictEqual(
        entries.map(({ exit, member, submitIndex }) => [submitIndex, member, exit]),
        ["a", "b", "a", "b", "a"].map((member, i) => [i, member, Exit.succeed(i * 10)])
      )
      assert.deepStrictEqual([stats.rows, stats.successes, stats.maxConcurrentReached], [5, 5, 2])
      const { inFlight, members, pending } = yield* group.stats
      assert.deepStrictEqual([inFlight, pending, members.a.attempts, members.b.successes], [0, 0, 3, 2])
    })
  )

  it.effect("sends a rejected row on to another member at once", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      const tried: Array<string> = []
      const result = yield* group.execute((member) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          tried.push(`${member} at ${now}`)
          return member === "a" ? Effect.fail(busy("1 minute")) : Effect.succeed("served")
        })
      )
      assert.deepStrictEqual([result, tried], ["served", ["a at 0", "b at 0"]])
      const { capacityRetries, members } = yield* group.stats
      assert.deepStrictEqual([capacityRetries, members.a.capacityRetries, members.a.pending], [1, 1, 0])
    })
  )

  it.effect("leaves a member that is held, and comes back when the hold is over", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      const starts: Array<string> = []
      yield* group.forEach([0, 1, 2, 3, 4, 5, 6], (_, { member }) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          starts.push(`${member} ${now}`)
          if (member === "a" && now < 3000) return yield* Effect.fail(busy("3 seconds"))
          yield* Effect.sleep(member === "a" ? 1000 : 1001)
        })
      )
      assert.deepStrictEqual(starts, ["a 0", "b 0", "b 1001", "b 2002", "a 3000", "b 3003", "a 4000", "b 4004"])
    })
  )

  it.effect("lets the last rows wait for a fast member, and gives a slow one what it does sooner", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      const latency = { a: 1000, b: 5000 }
      const run = (_: number, { member }: { readonly member: "a" | "b" }) =>
        Effect.as(Effect.sleep(latency[member]), member)
      // Nobody knows them yet: both are tried.
      assert.deepStrictEqual(yield* group.forEach([0, 1], run), ["a", "b"])
      // What has just come is forgotten: rows that still come make nobody wait.
      yield* Effect.sleep("1 minute")
      const { entries } = yield* group.executeBatch([0, 1, 2], run)
      assert.deepStrictEqual(
        entries.map(({ member }) => member),
        ["a", "a", "a"]
      )
      yield* Effect.sleep("1 minute")
      assert.deepStrictEqual(yield* group.forEach([0, 1, 2, 3, 4, 5, 6], run), ["a", "b", "a", "a", "a", "a", "a"])
    })
  )

  it.effect("takes the other member when what it waited for does not come", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      let [a, b] = [1000, 2000]
      const run = (_: number, { member }: { readonly member: string }) =>
        Effect.as(Effect.sleep(member === "a" ? a : b), member)
      yield* group.forEach([0, 1], run)
      yield* Effect.sleep("1 minute")
      a = 60_000
      b = 2000
      const before = yield* Clock.currentTimeMillis
      const first = yield* Effect.fork(group.forEach([0], run))
      yield* Effect.sleep(1)
      // It waits for a, which should be free at 1000, and would be done at 2000; b would be at 2001.
      const second = yield* Effect.fork(group.forEach([0], run))
      assert.deepStrictEqual(yield* Fiber.join(second), ["b"])
      assert.strictEqual((yield* Clock.currentTimeMillis) - before, 2001)
      assert.deepStrictEqual(yield* Fiber.join(first), ["a"])
    })
  )

  it.effect("prefers a cheaper member for as long as a row would rather wait than pay", () =>
    inVirtualTime(function* () {
      const { a, b } = yield* twoPools()
      const group = yield* PoolGroup.make({
        members: { dear: { pool: a, price: 3 }, cheap: { pool: b, price: 1 } },
        patience: "1 second"
      })
      const run = (_: number, { member }: { readonly member: string }) =>
        Effect.as(Effect.sleep(member === "cheap" ? 1000 : 1001), member)
      assert.deepStrictEqual(yield* group.forEach([0, 1], run), ["cheap", "cheap"])
      yield* Effect.sleep("1 minute")
      // A row that the cheap one has done within two seconds more is better off with it.
      const { entries } = yield* group.executeBatch([0, 1, 2, 3, 4, 5], run)
      const cheap = entries.filter(({ member }) => member === "cheap").length
      assert.deepStrictEqual([cheap, entries.length - cheap], [4, 2])
    })
  )

  it.effect("keeps the calls of a key at one member while that serves them soon enough", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools(), stickiness: "2500 millis" })
      const run = (member: string) => Effect.as(Effect.sleep("1 second"), member)
      const call = (key: string) => group.execute(run, { key })
      const homes = yield* Effect.forEach(["k0", "k1", "k2", "k3", "k4", "k5"], call)
      assert.deepStrictEqual([...new Set(homes)].sort(), ["a", "b"])
      const home = homes[0]
      const three = yield* Effect.all([call("k0"), call("k0"), call("k0")], { concurrency: "unbounded" })
      assert.deepStrictEqual(three, [home, home, home])
      // Of many some would wait too long: they go to the other.
      const many = yield* Effect.all(
        Array.from({ length: 12 }, () => call("k0")),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual([...new Set(many)].sort(), ["a", "b"])
    })
  )

  it.effect("sends the calls of a key elsewhere once their member is paused, also those that wait there", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools()
      const group = yield* PoolGroup.make({ members, stickiness: "5 seconds" })
      const run = (member: string) => Effect.as(Effect.sleep("2 seconds"), member)
      const home = yield* group.execute(run, { key: "k" })
      const other = home === "a" ? "b" : "a"
      const [first, second] = yield* Effect.all([
        Effect.fork(group.execute(run, { key: "k" })),
        Effect.fork(group.execute(run, { key: "k" }))
      ])
      yield* Effect.yieldNow()
      yield* members[home === "a" ? "a" : "b"].pause
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [home, other])
      assert.strictEqual(yield* group.execute(run, { key: "k" }), other)
    })
  )

  it.effect("sends the calls of a key elsewhere while their member lets nothing through", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      const home = yield* group.execute(Effect.succeed, { key: "k" })
      const other = home === "a" ? "b" : "a"
      const tried: Array<string> = []
      const served = yield* group.execute(
        (member) => {
          tried.push(member)
          return member === home ? Effect.fail(busy("10 minutes")) : Effect.succeed(member)
        },
        { key: "k" }
      )
      assert.deepStrictEqual([served, tried], [other, [home, other]])
      assert.strictEqual(yield* group.execute(Effect.succeed, { key: "k" }), other)
    })
  )
})
