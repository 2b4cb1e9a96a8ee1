import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Cost from "../../src/limit/Cost.js"
import * as Prices from "../../src/limit/Prices.js"
import * as Purse from "../../src/limit/Purse.js"

describe("Prices", () => {
  const prices: Prices.Prices = {
    small: { input: 1, output: 10 },
    "*": { input: 2, output: 20, request: 0.5 }
  }
  const costs = (cost: Cost.Cost) => {
    const weight = Cost.weigh(cost)
    const price = Prices.find(prices, weight.model)
    return price && Prices.of(price, weight)
  }

  it("are those of a million tokens, and of a request", () => {
    assert.strictEqual(costs({ model: "small", inputTokens: 1_000_000 }), 1)
    assert.strictEqual(costs({ model: "small", inputTokens: 500_000, outputTokens: 100_000 }), 1.5)
    assert.strictEqual(costs({ model: "other", outputTokens: 50_000, requests: 2 }), 2)
    assert.strictEqual(costs({}), 0.5)
  })

  it("of tokens that may be either are the higher", () => {
    assert.strictEqual(costs({ model: "small", tokens: 100_000 }), 1)
    assert.strictEqual(costs({ model: "small", tokens: 300_000, inputTokens: 200_000 }), 1.2)
  })

  it("are none where the table has none", () => {
    assert.isUndefined(Prices.find({ small: { input: 1 } }, "toString"))
    assert.isUndefined(Prices.find({ small: { input: 1 } }, undefined))
  })

  it("are refused with a sentence", () => {
    assert.deepStrictEqual(
      [7, {}, { a: 7 }, { a: { input: "1" } }, { a: { inputs: 1 } }, { a: { output: Infinity } }, prices].map(
        Prices.problem
      ),
      [
        'expected a table of prices by model, such as { "*": { input: 1.25, output: 10 } }, got 7',
        'expected a table of prices by model, such as { "*": { input: 1.25, output: 10 } }, got {}',
        "a: expected { input, output, request }, got 7",
        'a.input: expected a finite number of at least 0, got "1"',
        "a.inputs: expected only input, output, request",
        "a.output: expected a finite number of at least 0, got Infinity",
        undefined
      ]
    )
  })
})

describe("What a call takes", () => {
  it("is of a model that has a name", () => {
    assert.throws(() => Cost.weigh(JSON.parse('{ "tokens": 1, "model": 5 }')), /model: expected a string, got 5/)
  })
})

describe("Purse", () => {
  it("has what is left beside the calls in flight, and all of it again once these are taken back", () => {
    const purse = Purse.make(10)
    purse.reserve(4)
    purse.reserve(3)
    assert.deepStrictEqual([3, 4].map(purse.affords), ["now", "later"])
    purse.undo(4)
    assert.deepStrictEqual([7, 8].map(purse.affords), ["now", "later"])
    purse.settle(3, 5)
    assert.deepStrictEqual([5, 6].map(purse.affords), ["now", "never"])
  })

  it("lets nothing start that could take it over its budget, and says whether that may change", () => {
    const purse = Purse.make(10)
    assert.strictEqual(purse.affords(11), "never")
    purse.reserve(6)
    assert.deepStrictEqual([purse.affords(4), purse.affords(5)], ["now", "later"])
    purse.settle(6, 1)
    assert.strictEqual(purse.affords(9), "now")
    purse.reserve(9)
    purse.undo(9)
    assert.deepStrictEqual(purse.money, { spent: 1, estimated: 0, reserved: 0, budget: 10 })
  })

  it("takes what it had set aside for spent where nobody knows", () => {
    const purse = Purse.make(10)
    purse.reserve(6)
    purse.settle(6, undefined)
    assert.deepStrictEqual(purse.money, { spent: 6, estimated: 6, reserved: 0, budget: 10 })
  })

  it("starts calls of which nobody knows what they cost while anything is left", () => {
    const purse = Purse.make(10)
    for (let i = 0; i < 3; i++) {
      assert.strictEqual(purse.affords(0), "now")
      purse.reserve(0)
    }
    for (let i = 0; i < 3; i++) purse.settle(0, 5)
    // Over by no more than the calls in flight.
    assert.deepStrictEqual([purse.money.spent, purse.affords(0)], [15, "never"])
  })

  it("never spends more than its budget where no call takes more than was set aside", () => {
    const calls = fc.array(
      fc.record({ cost: fc.integer({ min: 1, max: 50 }), share: fc.constantFrom(0, 0.5, 1, undefined) })
    )
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 5 }), (all, budget, most) => {
        const purse = Purse.make(budget)
        const open: Array<{ cost: number; share: number | undefined }> = []
        const end = () => {
          const call = open.shift()
          if (call !== undefined) purse.settle(call.cost, call.share === undefined ? undefined : call.cost * call.share)
        }
        for (const call of all) {
          while (open.length >= most || purse.affords(call.cost) === "later") end()
          if (purse.affords(call.cost) !== "now") continue
          purse.reserve(call.cost)
          open.push(call)
          const { reserved, spent } = purse.money
          assert.isAtMost(spent + reserved, budget)
        }
        while (open.length > 0) end()
        assert.isAtMost(purse.money.spent, budget)
        assert.strictEqual(purse.money.reserved, 0)
      })
    )
  })
})
