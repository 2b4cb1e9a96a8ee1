import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { Curve } from "effect-aimd/testing"

const hour = 3_600_000

describe("Curve", () => {
  const drift = Curve.drift({ from: [100, 10], to: [300, 30] })
  const steps = Curve.steps([
    [100, 20],
    [200, 5],
    [400, 40]
  ])

  it("is the same for ever where it is constant", () => {
    assert.deepStrictEqual([-5, 0, 1e12].map(Curve.constant(7).at), [7, 7, 7])
    assert.strictEqual(Curve.constant(7).area(10, 20), 70)
  })

  it("holds a step from its instant to the next one, and the first also before", () => {
    assert.deepStrictEqual([0, 100, 199, 200, 399, 400, 1e9].map(steps.at), [20, 20, 20, 5, 5, 40, 40])
    assert.strictEqual(steps.area(0, 500), 200 * 20 + 200 * 5 + 100 * 40)
    assert.strictEqual(steps.area(250, 260), 50)
  })

  it("drifts between two instants, and stays as it was before and after", () => {
    assert.deepStrictEqual([0, 100, 150, 300, 400].map(drift.at), [10, 10, 15, 30, 30])
    assert.deepStrictEqual(
      [
        [0, 100],
        [100, 300],
        [300, 400],
        [0, 400]
      ].map(([from = 0, to = 0]) => drift.area(from, to)),
      [1000, 4000, 3000, 8000]
    )
  })

  it("follows the day: highest at its peak, lowest twelve hours later, the mean over a whole day", () => {
    const day = Curve.daily({ mean: 10, swing: 4, peak: 15 })
    assert.deepStrictEqual(
      [3, 9, 15, 21].map((at) => Math.round(day.at(at * hour) * 1e9) / 1e9),
      [6, 10, 14, 10]
    )
    assert.approximately(day.area(0, 24 * hour), 10 * 24 * hour, 1e-3)
    assert.strictEqual(Curve.daily({ mean: 1, swing: 1 }).at(12 * hour), 2)
  })

  it("follows a wave of any period, highest at half of it unless told otherwise", () => {
    const wave = Curve.wave({ mean: 24, swing: 16, period: 60_000 })
    assert.deepStrictEqual([0, 30_000, 60_000].map(wave.at), [8, 40, 8])
    assert.strictEqual(Curve.wave({ mean: 24, swing: 16, period: 60_000, peak: 0 }).at(0), 40)
  })

  it("is high for the last part of each round", () => {
    const pulses = Curve.pulses({ every: 100, lasts: 30, high: 5, low: 1 })
    assert.deepStrictEqual([0, 69, 70, 99, 100, 170].map(pulses.at), [1, 1, 5, 5, 1, 5])
    assert.deepStrictEqual([pulses.area(0, 100), pulses.area(60, 80), pulses.area(70, 370)], [220, 60, 660])
  })

  const kinds: Record<string, Curve.Curve> = {
    constant: Curve.constant(3),
    steps,
    drift,
    daily: Curve.daily({ mean: 10, swing: 4, peak: 0 }),
    pulses: Curve.pulses({ every: 100, lasts: 30, high: 5, low: 1 })
  }
  const instants = fc.tuple(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 600 }), fc.nat(600))

  for (const [name, curve] of Object.entries(kinds)) {
    it(`has the area of the sum of its values: ${name}`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 300 }), (from, length) => {
          let sum = 0
          // All bends are at whole instants, so that the middle of each millisecond is its mean.
          for (let at = from; at < from + length; at++) sum += curve.at(at + 0.5)
          assert.approximately(curve.area(from, from + length), sum, 1e-6 * sum)
        }),
        { seed: 1, numRuns: 100 }
      )
    })

    it(`has areas that add up: ${name}`, () => {
      fc.assert(
        fc.property(instants, (some) => {
          const [a = 0, b = 0, c = 0] = [...some].sort((x, y) => x - y)
          assert.approximately(curve.area(a, b) + curve.area(b, c), curve.area(a, c), 1e-6)
        }),
        { seed: 2, numRuns: 100 }
      )
    })

    it(`reaches an area after the time that it takes: ${name}`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 5000 }), (from, length) => {
          assert.approximately(Curve.reach(curve, from, curve.area(from, from + length)), length, 2e-3)
        }),
        { seed: 3, numRuns: 100 }
      )
    })
  }

  it("never reaches what it does not give", () => {
    assert.strictEqual(Curve.reach(Curve.constant(0), 0, 1), Infinity)
    assert.strictEqual(
      Curve.reach(
        Curve.steps([
          [0, 0],
          [60_000, 1]
        ]),
        0,
        0
      ),
      0
    )
  })
})
