import { assert, describe, it } from "@effect/vitest"
import { live, plans, problemsOf, startAt } from "./plans.js"
import type { Plan } from "./world.js"

const seed = Number(process.env["SEED"] ?? 1)

describe("A pool of a cluster, in virtual time", () => {
  it("uses a told limit to 0.95 of what it allows, with fewer than two messages a call", () => {
    const story = live(plans.calm, seed)
    assert.deepStrictEqual(problemsOf(plans.calm, story), [])
    // 600 rows of 50 a second, and 20 milliseconds on their way: the first 50 go at once.
    assert.isBelow(story.elapsed, (11 * 1020) / 0.95)
    assert.isBelow(story.messages, 2 * 600)
  })

  it("uses a told limit to 0.95 where messages take up to 20 milliseconds, and overtake each other", () => {
    const plan: Plan = { ...plans.calm, pool: { poolSize: 256 }, delay: 20, latency: 20, rows: 1000 }
    const story = live(plan, seed)
    assert.deepStrictEqual(problemsOf(plan, story), [])
    // Its beginning and its end aside.
    const [from, to] = [250, 900]
    const [first = NaN, last = NaN] = [story.arrivals[from]?.at, story.arrivals[to]?.at]
    assert.isAbove((to - from) / ((last - first) / 1000), 0.95 * 50)
  })

  it("uses the share of a runner that dies again within five seconds", () => {
    const story = live(plans.death, seed)
    assert.deepStrictEqual(problemsOf(plans.death, story), [])
    const from = startAt + plans.death.deaths[0].after + 5000
    // It is away, and the others have rows.
    const calls = story.arrivals.filter(({ at }) => at >= from).slice(0, 500)
    assert.isTrue(calls.every(({ node }) => node < 2))
    assert.isBelow((calls.at(-1)?.at ?? Infinity) - from, (10 * 1020) / 0.95)
  })

  for (const name of ["window", "places", "bucket", "law"] as const) {
    it(`keeps its promises while processes die, stop, wake, and messages are lost: ${name}`, () => {
      for (let i = 0; i < 3; i++) {
        const story = live(plans[name], 100 * seed + i)
        assert.deepStrictEqual(problemsOf(plans[name], story), [], `seed ${100 * seed + i}`)
      }
    })
  }
})
