import { HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber } from "effect"
import { Capacity, PoolGroup, PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { Report } from "effect-aimd/testing"
import { scripted, url } from "../http/support.js"
import { inVirtualTime } from "../support/time.js"

const one = PooledExecutor.make({ poolSize: 1, control: "delay" })

/** Occupies the only permit for a second, while others come. */
const first = <E, R>(execute: (call: Effect.Effect<void>) => Effect.Effect<void, E, R>) =>
  Effect.zipLeft(Effect.fork(execute(Effect.sleep("1 second"))), Effect.yieldNow())

const call = (order: Array<string>, name: string) =>
  Effect.delay(
    Effect.sync(() => void order.push(name)),
    "1 second"
  )

describe("calls that say whose turn it is", () => {
  it.effect("go by priority, and among equals in the order in which they came", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const order: Array<string> = []
      yield* first(pool.execute)
      // These came before anybody said anything of turns.
      const before = yield* Effect.forEach(["a", "b"], (name) => Effect.fork(pool.execute(call(order, name))))
      yield* Effect.yieldNow()
      const later = yield* Effect.forEach(
        [
          ["nightly", -1],
          ["c", 0],
          ["urgent", 5],
          ["soon", 1]
        ] as const,
        ([name, priority]) => Effect.fork(pool.execute(call(order, name), { priority }))
      )
      const single = yield* Effect.fork(pool.attempt(call(order, "attempt"), { priority: 2 }))
      yield* Effect.forEach([...before, ...later, single], Fiber.join)
      assert.deepStrictEqual(order, ["urgent", "attempt", "soon", "a", "b", "c", "nightly"])
    })
  )

  it.effect("take turns between their tenants, however many of each wait, by weight", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const order: Array<string> = []
      yield* first(pool.execute)
      const tenants = [
        { tenant: "many", count: 60, weight: 1 },
        { tenant: "few", count: 12, weight: 1 },
        { tenant: "heavy", count: 40, weight: 2 }
      ]
      const calls = yield* Effect.forEach(
        tenants.flatMap(({ count, tenant, weight }) => Array.from({ length: count }, () => ({ tenant, weight }))),
        (turn) => Effect.fork(pool.execute(call(order, turn.tenant), turn))
      )
      yield* Effect.forEach(calls, Fiber.join)
      const count = (tenant: string) => order.slice(0, 48).filter((name) => name === tenant).length
      assert.deepStrictEqual([count("many"), count("few"), count("heavy")], [12, 12, 24])
      assert.isAtLeast(Report.jain([count("many"), count("few"), count("heavy") / 2]), 0.99)
    })
  )

  it.effect("give a tenant as many turns as it has told last, once it has had its next", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const order: Array<string> = []
      yield* first(pool.execute)
      const calls = yield* Effect.forEach([1, 3, 3, 3, 3, 3], (weight) =>
        Effect.forEach(["a", "b"], (tenant) =>
          Effect.fork(pool.execute(call(order, tenant), { tenant, weight: tenant === "a" ? weight : 1 }))
        )
      )
      yield* Effect.forEach(calls.flat(), Fiber.join)
      assert.strictEqual(order.join(""), "ababaaababbb")
    })
  )

  it.effect("go by deadline among those of a tenant", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const order: Array<string> = []
      yield* first(pool.execute)
      const calls = yield* Effect.forEach(["30 seconds", "5 seconds", undefined, "10 minutes"] as const, (deadline) =>
        Effect.fork(pool.execute(call(order, deadline ?? "none"), { deadline }))
      )
      yield* Effect.forEach(calls, Fiber.join)
      assert.deepStrictEqual(order, ["5 seconds", "30 seconds", "none", "10 minutes"])
    })
  )

  it.effect("starve nobody: who has waited for a minute goes like the next higher priority", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      let low: number | undefined
      yield* first(pool.execute)
      const waits = yield* Effect.fork(
        pool.execute(
          Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sync(() => void (low = now))),
          { priority: 0 }
        )
      )
      yield* Effect.yieldNow()
      // One of priority 1 a second, and so never a free permit for anybody else.
      const flood = Array.from({ length: 100 }, (_, i) =>
        Effect.delay(pool.execute(Effect.sleep("1 second"), { priority: 1 }), i * 1000 + 1)
      )
      yield* Effect.all(flood, { concurrency: "unbounded" })
      yield* Fiber.join(waits)
      assert.isDefined(low)
      assert.isAtLeast(Number(low), 60_000)
      assert.isAtMost(Number(low), 62_000)
    })
  )

  it.effect("keep their turn when they are rejected: an urgent call that comes then goes first", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1 })
      const order: Array<string> = []
      let isFull = true
      const rejected = Effect.suspend(() => {
        order.push("low")
        return isFull ? Effect.delay(Effect.fail(new Capacity.CapacityError({ status: 429 })), "1 second") : Effect.void
      })
      const low = yield* Effect.fork(pool.execute(rejected, { priority: 0 }))
      yield* Effect.yieldNow()
      const urgent = yield* Effect.fork(pool.execute(call(order, "urgent"), { priority: 1 }))
      const clears = Effect.sync(() => void (isFull = false))
      yield* Effect.fork(Effect.delay(clears, "1500 millis"))
      yield* Effect.all([Fiber.join(low), Fiber.join(urgent)])
      assert.deepStrictEqual(order, ["low", "urgent", "low"])
    })
  )

  it.effect("leave the line when their callers are interrupted", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const order: Array<string> = []
      yield* first(pool.execute)
      const gone = yield* Effect.fork(pool.execute(call(order, "gone"), { priority: 9 }))
      const stays = yield* Effect.fork(pool.execute(call(order, "stays"), { tenant: "t" }))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(gone)
      yield* Fiber.join(stays)
      const { inFlight, pending } = yield* pool.stats
      assert.deepStrictEqual([order, inFlight, pending], [["stays"], 0, 0])
    })
  )

  it.effect("do not wait since one came that has gone away: interrupted, or refused as too late", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay", ageing: 200 })
      for (const goes of ["interrupted", "refused"]) {
        const order: Array<string> = []
        yield* first(pool.execute)
        const low = yield* Effect.fork(pool.execute(call(order, "low"), { priority: -1 }))
        const late = goes === "refused" ? ({ deadline: 500, late: "refuse" } as const) : { deadline: 500 }
        const gone = yield* Effect.fork(Effect.exit(pool.execute(call(order, "gone"), { priority: 0, ...late })))
        yield* Effect.sleep(400)
        const high = yield* Effect.fork(pool.execute(call(order, "high"), { priority: 0 }))
        yield* Effect.sleep(200)
        yield* Fiber.interrupt(gone)
        yield* Effect.forEach([low, high], Fiber.join)
        // The low one came 400 ms before the high one, and that is two ageings.
        assert.deepStrictEqual(order, ["low", "high"], goes)
      }
    })
  )

  it.effect("die of a wrong turn", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const message = (turn: object) =>
        Effect.map(Effect.exit(pool.execute(Effect.void, turn)), (exit) =>
          Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "none"
        )
      assert.include(yield* message({ priority: NaN }), "option priority: expected a finite number")
      assert.include(yield* message({ tenant: 7 }), "option tenant: expected a string")
      assert.include(yield* message({ weight: 0 }), "option weight: expected a finite number over 0")
      assert.include(yield* message({ deadline: -1 }), "option deadline: expected a duration of at least 0")
    })
  )
})

describe("turns elsewhere", () => {
  it.effect("are those of a group's calls as well", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: { a: yield* one } })
      const order: Array<string> = []
      yield* first((busy) => group.execute(() => busy))
      const calls = yield* Effect.forEach([0, 1, 2], (priority) =>
        Effect.fork(group.execute(() => call(order, `${priority}`), { priority }))
      )
      yield* Effect.forEach(calls, Fiber.join)
      assert.deepStrictEqual(order, ["2", "1", "0"])
    })
  )

  it.effect("are said of a request by a function", () =>
    inVirtualTime(function* () {
      const pool = yield* one
      const api = scripted()
      const client = PooledHttpClient.make(pool, {
        turn: ({ headers }) => ({ priority: Number(headers["x-priority"]) })
      })(api.client)
      yield* first(pool.execute)
      const calls = yield* Effect.forEach(["1", "3", "2"], (priority) =>
        Effect.fork(client.execute(HttpClientRequest.get(url, { headers: { "x-priority": priority } })))
      )
      yield* Effect.forEach(calls, Fiber.join)
      assert.deepStrictEqual(
        api.sent.map(({ request }) => request.headers["x-priority"]),
        ["3", "2", "1"]
      )
    })
  )
})
