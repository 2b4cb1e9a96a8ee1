import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Row } from "../../../cli/src/input/Row.js"
import * as Money from "../../../cli/src/run/Money.js"

const prices: Money.Prices = { input: 1_000_000, output: 2_000_000 }
const nothing = { tokens: { input: 0, output: 0 }, largest: 0 }

let number = 0
const row = (body: unknown): Row => ({
  id: String((number += 1)),
  line: 1,
  method: "POST",
  target: { url: "", path: "" },
  body: JSON.stringify(body)
})

/** 16 bytes, and at most one token of answer: 16 + 2. */
const small = (): Row => row({ max_tokens: 1 })
const used = (inputTokens: number, outputTokens: number) => ({
  tokens: inputTokens + outputTokens,
  inputTokens,
  outputTokens
})

describe("Money.tokensOf", () => {
  it("takes what is told apart, and what is told in one for what was sent", () => {
    assert.deepStrictEqual(Money.tokensOf(used(3, 4)), { input: 3, output: 4 })
    assert.deepStrictEqual(Money.tokensOf({ tokens: 3, inputTokens: 3 }), { input: 3, output: 0 })
    assert.deepStrictEqual(Money.tokensOf({ tokens: 7, outputTokens: 4 }), { input: 3, output: 4 })
    assert.deepStrictEqual(Money.tokensOf({ tokens: 7 }), { input: 7, output: 0 })
    assert.isUndefined(Money.tokensOf({ money: 1 }))
  })
})

describe("Money.boundOf", () => {
  it("is the bytes of the body, and the most that it lets the API write", () => {
    const bound = (body: unknown) => Money.boundOf(row(body))
    assert.deepStrictEqual(bound({ a: "ü" }), { input: 10, output: undefined })
    assert.strictEqual(bound({ max_tokens: 5 }).output, 5)
    assert.strictEqual(bound({ max_completion_tokens: 5, n: 3 }).output, 15)
    assert.strictEqual(bound({ max_output_tokens: 5 }).output, 5)
    assert.deepStrictEqual(Money.boundOf({ ...row({}), body: undefined }), { input: 0, output: undefined })
  })
})

describe("Money: the account", () => {
  it.effect("lets rows start as long as all of them may cost no more than the ceiling", () =>
    Effect.gen(function* () {
      const ledger = Money.make(prices, 40, nothing)
      const [first, second, third] = [small(), small(), small()]
      assert.isTrue(yield* ledger.reserve(first))
      assert.isTrue(yield* ledger.reserve(second))
      const waiting = yield* Effect.fork(ledger.reserve(third))
      yield* Effect.yieldNow()
      assert.isNull(waiting.unsafePoll())
      // The first has cost less than it might have: now there is room.
      ledger.settle(first, true, used(2, 1))
      assert.isTrue(yield* Fiber.join(waiting))
      assert.strictEqual(ledger.spent(), 4)
    })
  )

  it.effect("is reached where a row does not fit though nothing is in flight; who waits is told", () =>
    Effect.gen(function* () {
      const ledger = Money.make(prices, 20, nothing)
      const [first, second, third] = [small(), small(), small()]
      assert.isTrue(yield* ledger.reserve(first))
      const waiting = yield* Effect.forkAll([ledger.reserve(second), ledger.reserve(third)])
      yield* Effect.yieldNow()
      ledger.settle(first, true, used(16, 1))
      assert.deepStrictEqual(yield* Fiber.join(waiting), [false, false])
      assert.isTrue(ledger.isReached())
      assert.isFalse(yield* ledger.reserve(small()))
    })
  )

  it.effect("counts what earlier runs have paid", () =>
    Effect.gen(function* () {
      const ledger = Money.make(prices, 20, { tokens: { input: 5, output: 0 }, largest: 0 })
      assert.isFalse(yield* ledger.reserve(small()))
      assert.strictEqual(ledger.spent(), 5)
    })
  )

  it.effect("sends rows without a bound one at a time until it has seen an answer, then by the largest of them", () =>
    Effect.gen(function* () {
      const ledger = Money.make(prices, 100, nothing)
      const [first, second, third] = [row({}), row({}), row({})]
      assert.isTrue(yield* ledger.reserve(first))
      const waiting = yield* Effect.fork(ledger.reserve(second))
      yield* Effect.yieldNow()
      assert.isNull(waiting.unsafePoll())
      ledger.settle(first, true, used(2, 10))
      // 22 are spent, and each of the next may cost 2 + 20.
      assert.isTrue(yield* Fiber.join(waiting))
      assert.isTrue(yield* ledger.reserve(third))
      assert.isTrue(yield* ledger.reserve(row({})))
      const tooMuch = yield* Effect.fork(ledger.reserve(row({})))
      yield* Effect.yieldNow()
      assert.isNull(tooMuch.unsafePoll())
      yield* Fiber.interrupt(tooMuch)
    })
  )

  it.effect("counts the most that an answer may have cost where it told no tokens, and nothing for a failure", () =>
    Effect.gen(function* () {
      const ledger = Money.make(prices, 100, nothing)
      const [first, second] = [small(), small()]
      yield* ledger.reserve(first)
      yield* ledger.reserve(second)
      ledger.settle(first, true, undefined)
      ledger.settle(second, false, undefined)
      assert.deepStrictEqual([ledger.spent(), ledger.untold()], [18, 1])
    })
  )

  it.effect("lets nobody start once it is closed", () =>
    Effect.gen(function* () {
      const ledger = Money.make(prices, Infinity, nothing)
      assert.isTrue(yield* ledger.reserve(row({})))
      ledger.close()
      assert.isFalse(yield* ledger.reserve(row({})))
      assert.isFalse(ledger.isReached())
    })
  )
})
