import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Home from "../../src/route/Home.js"
import * as Route from "../../src/route/Route.js"

const view = (opensAt: number, latency: number, options: Partial<Route.View> = {}): Route.View => ({
  opensAt,
  latency,
  free: 1,
  every: 100,
  handicap: 0,
  ...options
})

const whole = (min: number, max: number) => fc.integer({ min, max })

const views = fc.record({
  opensAt: whole(0, 500),
  free: whole(1, 4),
  every: whole(1, 300),
  latency: whole(0, 500),
  handicap: whole(0, 200)
})

/** The scores of the first starts of a pool, one by one. */
const scores = (pool: Route.View, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => Route.score(pool) + Math.max(0, i - pool.free + 1) * pool.every)

describe("what a pool can do", () => {
  it("scores by the start, the work and the handicap", () => {
    assert.strictEqual(Route.score(view(10, 200, { handicap: 3 })), 213)
    assert.strictEqual(Route.score(view(Infinity, 200)), Infinity)
  })

  it("counts the starts below a limit as they come one by one", () => {
    fc.assert(
      fc.property(views, whole(0, 3000), (pool, limit) => {
        const counted = scores(pool, 4000).filter((score) => score < limit).length
        assert.strictEqual(Route.startsBelow(pool, limit), counted)
      })
    )
  })

  it("starts any number where nothing spaces its starts, and none where it never opens", () => {
    assert.strictEqual(Route.startsBelow(view(0, 10, { every: 0 }), 11), Infinity)
    assert.strictEqual(Route.startsBelow(view(0, 10, { every: 0 }), 10), 0)
    assert.strictEqual(Route.startsBelow(view(Infinity, 10), Infinity), 0)
  })
})

describe("whether a row should go to the pool that asks", () => {
  it("is so exactly where one of those that wait would be done later by the others", () => {
    fc.assert(
      fc.property(views, fc.array(views, { maxLength: 3 }), whole(1, 12), (asking, others, waiting) => {
        // The best that the others can do: the earliest of all their starts, one for each row.
        const best = others.flatMap((other) => scores(other, waiting + 4)).sort((a, b) => a - b)
        const isBetterElsewhere = (best[waiting - 1] ?? Infinity) < Route.score(asking)
        assert.strictEqual(Route.isWorth(asking, others, waiting, 0), !isBetterElsewhere)
      })
    )
  })

  it("is so for the last row of a batch only where it is done no sooner elsewhere", () => {
    const [slow, fast] = [view(0, 1000), view(100, 200)]
    assert.isFalse(Route.isWorth(slow, [fast], 1, 0))
    assert.isFalse(Route.isWorth(slow, [fast], 7, 0))
    // The fast one starts seven until then.
    assert.isTrue(Route.isWorth(slow, [fast], 8, 0))
    assert.isTrue(Route.isWorth(view(0, 300), [fast], 1, 0))
  })

  it("is so under a load that the others cannot bear alone", () => {
    const [slow, fast] = [view(0, 1000), view(100, 200)]
    assert.isFalse(Route.isWorth(slow, [fast], 1, 1 / 200))
    assert.isTrue(Route.isWorth(slow, [fast], 1, 1 / 50))
    // Less than one row more is none.
    assert.isTrue(Route.isWorth(view(0, 301), [view(0, 300, { every: 1 })], 2, 0))
    assert.isFalse(Route.isWorth(view(0, 301), [view(0, 300, { every: 1 })], 1, 0.9))
  })

  it("tells what is gained by waiting", () => {
    assert.strictEqual(Route.gain(view(0, 1000), [view(100, 200), view(50, 400)]), 700)
    assert.strictEqual(Route.gain(view(0, 100), [view(100, 200)]), 0)
    assert.strictEqual(Route.gain(view(0, 100), []), 0)
  })
})

describe("what a group learns", () => {
  it("follows a latency, the first at once", () => {
    assert.strictEqual(Route.follow(undefined, 80), 80)
    assert.strictEqual(Route.follow(80, 160), 90)
  })

  it("knows how often rows come, and forgets it", () => {
    let rate: Route.Rate = { at: 0, value: 0 }
    for (let now = 100; now <= 60_000; now += 100) rate = Route.arrived(rate, true, now)
    // The sum of a geometric series, which is a little over one in 100.
    assert.strictEqual(rate.value.toFixed(6), (1 / 5000 / (1 - Math.exp(-100 / 5000))).toFixed(6))
    assert.strictEqual(Route.arrived(rate, false, 110_000).value, rate.value * Math.exp(-10))
  })
})

describe("the home of a key", () => {
  const names = ["a", "b", "c", "d"]
  const keys = Array.from({ length: 4000 }, (_, i) => `session ${i}`)

  it("is there, and the same each time, whatever the order of the names", () => {
    for (const key of keys.slice(0, 50)) assert.strictEqual(Home.of(key, names), Home.of(key, [...names].reverse()))
    assert.strictEqual(Home.of("x", []), undefined)
  })

  it("is each name's for about as many keys", () => {
    for (const name of names) {
      const count = keys.filter((key) => Home.of(key, names) === name).length
      // Four standard deviations of a fair share; the hash draws the same each time.
      assert.isBelow(Math.abs(count - 1000), 4 * Math.sqrt(750))
    }
  })

  // A provider's cache is filled for a key at its home: another version of this library must not send it elsewhere.
  it("is the same in every process, and in every version", () => {
    const providers = ["azure", "bedrock", "openai", "vertex"]
    const known = {
      "": "bedrock",
      a: "azure",
      "user 1": "vertex",
      "user 2": "openai",
      "user 3": "vertex",
      "tenant-7": "azure",
      "a longer key, with ü and 漢": "bedrock",
      ["0123456789".repeat(9)]: "bedrock"
    }
    for (const [key, home] of Object.entries(known)) assert.strictEqual(Home.of(key, providers), home)
  })

  it("stays when another name goes", () => {
    for (const key of keys) {
      const home = Home.of(key, names)
      if (home !== "b") assert.strictEqual(Home.of(key, ["a", "c", "d"]), home)
    }
  })
})
