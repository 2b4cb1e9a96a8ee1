import { assert, describe, it } from "@effect/vitest"
import type { ControlLaw } from "effect-aimd"
import * as Ramp from "../../src/law/Ramp.js"

const decision = (ramp?: ControlLaw.Ramp, window = 4): ControlLaw.Decision => ({
  window,
  spacing: 0,
  holdUntil: 0,
  delay: 0,
  epoch: 0,
  reason: "test",
  ramp
})
const ramped = decision({ from: 1000, every: 50, most: 7 })

/** The windows at some instants, and when each grows next. */
const at = (of: ControlLaw.Decision, instants: ReadonlyArray<number>) =>
  instants.map((now) => [now, Ramp.windowAt(of, now), Ramp.nextAt(of, now)] as const)

describe("A window with a ramp", () => {
  it("grows by a permit a millisecond at most, up to a whole number", () => {
    assert.deepStrictEqual(Ramp.make(1000.01, 0.5, 7.9), { from: 1000.015625, every: 1, most: 7 })
    assert.strictEqual(Ramp.make(0, 1.5, 7).every, 1.5)
  })

  it("grows by one permit at the ramp's beginning and after every step, up to the most", () => {
    assert.deepStrictEqual(at(ramped, [0, 999, 1000, 1001, 1049, 1050, 1099, 1100, 1150, 1e9]), [
      [0, 4, 1000],
      [999, 4, 1000],
      [1000, 5, 1050],
      [1001, 5, 1050],
      [1049, 5, 1050],
      [1050, 6, 1100],
      [1099, 6, 1100],
      [1100, 7, undefined],
      [1150, 7, undefined],
      [1e9, 7, undefined]
    ])
  })

  it("has grown at the very instants at which it says that it grows, be they fractions, as on a clock of today", () => {
    const of = decision({ from: 1_700_000_000_000 + 1 / 64, every: 33 + 21 / 64, most: 104 })
    let now = 0
    const windows = Array.from({ length: 100 }, () => {
      now = Ramp.nextAt(of, now) ?? NaN
      return Ramp.windowAt(of, now)
    })
    assert.deepStrictEqual(
      windows,
      Array.from({ length: 100 }, (_, i) => 5 + i)
    )
    assert.strictEqual(Ramp.nextAt(of, now), undefined)
  })

  it("is due when less than a nanosecond is left, which nobody can sleep for", () => {
    assert.deepStrictEqual(at(ramped, [1000 - 5e-7, 1050 - 5e-7, 1050 - 2e-6]), [
      [1000 - 5e-7, 5, 1050],
      [1050 - 5e-7, 6, 1100],
      [1050 - 2e-6, 5, 1050]
    ])
  })

  it("never shrinks below the decided window, where the most is less", () => {
    for (const most of [1, 4]) {
      assert.deepStrictEqual(at(decision({ from: 1000, every: 50, most }), [0, 1000, 5000]), [
        [0, 4, undefined],
        [1000, 4, undefined],
        [5000, 4, undefined]
      ])
    }
  })
})

describe("A window without a ramp", () => {
  it("stays as it was decided", () => {
    assert.deepStrictEqual(at(decision(), [0, 1e9]), [
      [0, 4, undefined],
      [1e9, 4, undefined]
    ])
  })

  it("is also one whose ramp begins never", () => {
    for (const every of [50, Infinity]) {
      assert.deepStrictEqual(at(decision({ from: Infinity, every, most: 7 }), [0, 1e9]), [
        [0, 4, undefined],
        [1e9, 4, undefined]
      ])
    }
  })
})
