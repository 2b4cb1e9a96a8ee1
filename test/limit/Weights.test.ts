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
})
