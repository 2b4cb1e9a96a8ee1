import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as Chance from "../../../src/law/window/Chance.js"

/** What stands after starts of which `x` were rejected. */
const after = (starts: string, chance: number): number =>
  Chance.evidence(
    [...starts].reduce(
      (alarms, start) => (start === "x" ? Chance.hit(alarms, chance) : Chance.passed(alarms, chance, 1)),
      Chance.silent
    )
  )
const rounded = (value: number): number => Math.round(1000 * value) / 1000

describe("Evidence for a limit", () => {
  it("is, at a rejection, how much likelier it is by a limit that rejects nine in ten", () => {
    assert.strictEqual(after("", 0.01), 0)
    assert.strictEqual(after("x", 0.01), Math.log(0.9 / 0.01))
    assert.strictEqual(rounded(after("xx", 0.1)), rounded(2 * Math.log(9)))
  })

  it("is less the more is let through, and never less than nothing", () => {
    // One in three is best explained by a limit that rejects half, then by one that rejects a fifth.
    const seen = ["x.", "x..", "x.....", `x${".".repeat(20)}`].map((starts) => rounded(after(starts, 0.01)))
    assert.deepStrictEqual(seen, [
      rounded(Math.log(50) + Math.log(0.5 / 0.99)),
      rounded(Math.log(20) + 2 * Math.log(0.8 / 0.99)),
      rounded(Math.log(20) + 5 * Math.log(0.8 / 0.99)),
      0
    ])
  })

  it("is not hidden by all that was let through before", () => {
    assert.strictEqual(after(`${".".repeat(1000)}xx`, 0.01), after("xx", 0.01))
  })

  it("takes many starts at a time as so many", () => {
    const alarms = Chance.hit(Chance.silent, 0.01)
    const one = [1, 2, 3].reduce((last) => Chance.passed(last, 0.01, 1), alarms)
    Chance.passed(alarms, 0.01, 3).forEach((alarm, i) => assert.strictEqual(rounded(alarm), rounded(one[i] ?? NaN)))
    assert.strictEqual(Chance.passed(alarms, 0.01, 0), alarms)
  })

  it.prop(
    "says less of a rejection the commoner chance is, whatever came before",
    [FastCheck.array(FastCheck.constantFrom(".", ".", ".", "x"), { minLength: 1, maxLength: 60 })],
    ([starts]) => {
      const [rare, common] = [0.005, 0.1].map((chance) => after(starts.join(""), chance))
      assert.isTrue((rare ?? NaN) >= (common ?? NaN))
    }
  )
})
