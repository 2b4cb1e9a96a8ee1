import { assert, describe, it } from "@effect/vitest"
import * as Cost from "../../src/limit/Cost.js"

describe("What a call weighs", () => {
  it("is one request, and the tokens of its input and output together where they are not said", () => {
    assert.deepStrictEqual(Cost.weigh({}), Cost.one)
    assert.strictEqual(Cost.weigh({ inputTokens: 30, outputTokens: 12 }).tokens, 42)
    assert.strictEqual(Cost.weigh({ inputTokens: 30, outputTokens: 12, tokens: 50 }).tokens, 50)
    assert.deepStrictEqual(Cost.weigh({ requests: 0, tokens: 0, model: "m" }), { ...Cost.one, requests: 0, model: "m" })
  })

  it("is refused by the name of what is wrong, and of its row", () => {
    const message = (cost: unknown, row?: number) => {
      try {
        return String(Cost.weigh(cost, "cost", row).tokens)
      } catch (error) {
        return error instanceof Error ? error.message : ""
      }
    }
    assert.deepStrictEqual(
      [message(5), message({ token: 1 }, 3), message({ tokens: -1 }, 3), message({ requests: Infinity })],
      [
        "effect-aimd: cost: expected an object with requests, tokens, inputTokens, outputTokens, model, got 5",
        "effect-aimd: cost of row 3.token: expected only requests, tokens, inputTokens, outputTokens, model, got 1",
        "effect-aimd: cost of row 3.tokens: expected a finite number of at least 0, got -1",
        "effect-aimd: cost.requests: expected a finite number of at least 0, got Infinity"
      ]
    )
  })
})

describe("What a call took", () => {
  const asked = Cost.weigh({ inputTokens: 30, outputTokens: 70, requests: 2, model: "m" })

  it("is what its answer tells, and of the rest what was asked", () => {
    assert.deepStrictEqual(Cost.took(asked, {}), asked)
    assert.deepStrictEqual(Cost.took(asked, { outputTokens: 20 }), { ...asked, outputTokens: 20, tokens: 50 })
    assert.deepStrictEqual(Cost.took(asked, { inputTokens: 10 }), { ...asked, inputTokens: 10, tokens: 80 })
    assert.deepStrictEqual(Cost.took(asked, { tokens: 40 }), { ...asked, tokens: 40 })
  })
})
