import { assert, describe, it } from "@effect/vitest"
import * as Cost from "../../src/limit/Cost.js"

describe("What many rows take", () => {
  it("is what was said of each, with and without a model", () => {
    const said = [
      Cost.weigh({ tokens: 7 }),
      Cost.weigh({ inputTokens: 0.5, outputTokens: 3, model: "small" }),
      Cost.one,
      Cost.weigh({ requests: 0, tokens: 2 ** 40, model: "large" })
    ]
    const weights = new Cost.Weights(said.length)
    said.forEach((weight, i) => weights.set(i, weight))
    assert.deepStrictEqual(
      said.map((_, i) => weights.at(i)),
      said
    )
    assert.strictEqual(weights.length, said.length)
  })

  it("tells as much of each as the largest takes, whatever it is of", () => {
    const weights = new Cost.Weights(3)
    assert.deepStrictEqual(weights.largest, { ...Cost.one, requests: 0 })
    weights.set(0, Cost.weigh({ inputTokens: 5, outputTokens: 3, model: "small" }))
    weights.set(1, Cost.weigh({ requests: 4, outputTokens: 7 }))
    weights.set(2, Cost.weigh({ requests: 2, tokens: 6 }))
    assert.deepStrictEqual(weights.largest, {
      requests: 4,
      tokens: 8,
      inputTokens: 5,
      outputTokens: 7,
      model: undefined
    })
  })
})
