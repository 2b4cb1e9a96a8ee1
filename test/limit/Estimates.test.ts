import { assert, describe, it } from "@effect/vitest"
import * as Cost from "../../src/limit/Cost.js"
import * as Estimates from "../../src/limit/Estimates.js"

const asked = (tokens: number, model?: string) => Cost.weigh({ tokens, model })

/** Lets estimates see calls that asked for a thousand tokens each, and took so much of it. */
const taught = (shares: ReadonlyArray<number>, model?: string) => {
  const estimates = Estimates.make()
  for (const share of shares) estimates.learn(asked(1000, model), asked(1000 * share, model))
  return estimates
}

const many = (share: number, count = 60) => Array.from({ length: count }, () => share)

describe("Estimates", () => {
  it("stay as they are while too little is known", () => {
    const call = asked(1000)
    assert.strictEqual(Estimates.make().correct(call), call)
    assert.strictEqual(taught(many(0.5, 4)).correct(call).tokens, 1000)
  })

  it("become what calls take of what was said, up or down", () => {
    assert.strictEqual(taught(many(0.5)).correct(asked(1000)).tokens, 500)
    assert.strictEqual(taught(many(1.5)).correct(asked(1000)).tokens, 1500)
    assert.strictEqual(taught(many(0.5)).correct(asked(1000)).requests, 1)
  })

  it("leave room for most of what varies, and no more than calls took", () => {
    const half = taught(many(0).flatMap((_, i) => (i % 2 === 0 ? 0.2 : 0.4)))
    const { tokens } = half.correct(asked(1000))
    assert.isAtLeast(tokens, 390)
    assert.isAtMost(tokens, 400)
  })

  it("of one model say nothing of another", () => {
    const estimates = taught(many(0.5), "small")
    assert.strictEqual(estimates.correct(asked(1000, "small")).tokens, 500)
    assert.strictEqual(estimates.correct(asked(1000, "large")).tokens, 1000)
  })

  it("follow calls that change", () => {
    const { tokens } = taught([...many(0.2), ...many(0.8, 200)]).correct(asked(1000))
    assert.isAtLeast(tokens, 780)
    assert.isAtMost(tokens, 1000)
  })

  it("count the latest fifty calls: one among them that took all is a fiftieth of them", () => {
    // The mean is 0.02 of what was asked, and two deviations more are 0.3.
    assert.strictEqual(taught([...many(0), 1]).correct(asked(1000)).tokens, 300)
  })

  it("learn nothing of calls that ask for nothing", () => {
    const estimates = taught(many(0.5), "first")
    for (let i = 0; i < 1000; i++) estimates.learn(asked(0, `model ${i}`), asked(10))
    assert.strictEqual(estimates.correct(asked(1000, "first")).tokens, 500)
  })

  it("remember no more than a thousand models", () => {
    const estimates = taught(many(0.5), "first")
    for (let i = 0; i < 1000; i++) estimates.learn(asked(10, `model ${i}`), asked(10))
    assert.strictEqual(estimates.correct(asked(1000, "first")).tokens, 1000)
  })
})
