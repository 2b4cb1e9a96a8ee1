import { assert, describe, it } from "@effect/vitest"
import { live, plans, problemsOf, startAt } from "./plans.js"
import type { Plan, Story } from "./world.js"

const seed = Number(process.env["SEED"] ?? 1)

/** Calls a second, the beginning and the end aside. */
const rateOf = ({ arrivals }: Story): number => {
  const [from, to] = [Math.floor(arrivals.length / 4), Math.floor(0.9 * arrivals.length)]
  const [first = NaN, last = NaN] = [arrivals[from]?.at, arrivals[to]?.at]
  return (1000 * (to - from)) / (last - first)
}

describe("A pool of a cluster, in virtual time", () => {
  for (const delay of [5, 20]) {
    it(`uses a told limit to 0.95, with fewer than two messages a call, where these take up to ${delay} ms`, () => {
      const plan: Plan = { ...plans.calm, pool: { poolSize: 256 }, delay, latency: 20, rows: 1000 }
      const story = live(plan, seed)
      assert.deepStrictEqual(problemsOf(plan, story), [])
      assert.isAbove(rateOf(story), 0.95 * 50)
      assert.isBelow(story.messages, 2 * 1000)
    })
  }

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
