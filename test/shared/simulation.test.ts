import { assert, describe, it } from "@effect/vitest"
import { live, plans, problemsOf } from "./plans.js"

const seed = Number(process.env["SEED"] ?? 1)

describe("A shared limit, in virtual time", () => {
  it("is used to 0.85 of what it allows by three processes, with no more than four commands a call", () => {
    const story = live(plans.calm, seed)
    assert.deepStrictEqual(problemsOf(plans.calm, story), [])
    // 900 rows of 50 a second, and 20 milliseconds on their way: the first 50 go at once.
    assert.isBelow(story.elapsed, (17 * 1020) / 0.85)
    assert.isBelow(story.commands, 4 * 900)
  })

  for (const name of ["deaths", "forgetful", "restored", "tokens", "bucket"] as const) {
    it(`is never exceeded, and used in the end, whatever happens to processes and the store: ${name}`, () => {
      for (let i = 0; i < 2; i++) {
        const story = live(plans[name], 100 * seed + i)
        assert.deepStrictEqual(problemsOf(plans[name], story), [], `seed ${100 * seed + i}`)
        assert.isAbove(story.troubles.length, 4)
      }
    })
  }
})
