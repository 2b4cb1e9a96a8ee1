import { assert, describe, it } from "@effect/vitest"
import * as Period from "../../../src/law/window/Period.js"

const first = Period.learn(undefined, { limit: 60, short: 50_000, safe: 70_000, openedAt: 70_000 })
const proven = Period.learn(first, { limit: 58, short: 50_000, safe: 70_000, openedAt: 140_000 })

describe("A period", () => {
  it("binds what it was learned from, until it is seen again", () => {
    assert.deepStrictEqual([first.proven, first.length, first.provenUntil], [false, 70_000, 70_000])
    assert.deepStrictEqual([proven.proven, proven.limit, proven.provenUntil], [true, 58, Infinity])
  })

  it("is not seen again in a count that is far off", () => {
    assert.isFalse(Period.learn(first, { limit: 30, short: 0, safe: 70_000, openedAt: 0 }).proven)
  })

  it("is bisected between the length that was too short and the one that will do", () => {
    assert.strictEqual(Math.round(proven.length), 59_161)
    const quiet = Period.passed(proven)
    assert.deepStrictEqual([Math.round(quiet.safe), Math.round(quiet.length)], [59_161, 54_388])
    const failed = Period.failed(quiet, undefined, 100)
    assert.deepStrictEqual([Math.round(failed?.short ?? 0), Math.round(failed?.length ?? 0)], [54_388, 56_724])
    // As if two thirds of what will do had been too short, at least: the root of 60 times 40.
    const far = Period.passed({ ...proven, short: 0, length: 60_000 })
    assert.strictEqual(Math.round(far.length), 48_990)
  })

  it("is longer by what the API says", () => {
    assert.strictEqual(Period.failed(proven, 3000, 100)?.length, proven.length + 3000)
  })

  /** A length that is known to a thousandth. */
  const exact: Period.Period = { ...proven, short: 69_930, length: 70_000 }
  const quietFor = (periods: number, from: Period.Period = exact): Period.Period =>
    Array.from({ length: periods }).reduce<Period.Period>(Period.passed, from)

  it("is measured more finely after eight quiet periods, where there is time to", () => {
    const rough = { ...exact, short: 69_000 }
    assert.deepStrictEqual(
      [7, 8].map((periods) => [quietFor(periods, rough).limit, Math.round(quietFor(periods, rough).length)]),
      [
        [58, 70_000],
        [58, 69_498]
      ]
    )
  })

  it("is tried below what will do, until it is known to three hundredths", () => {
    const next = (short: number) => Math.round(Period.passed({ ...exact, safe: 1000, length: 1000, short }).length)
    assert.deepStrictEqual([969, 970].map(next), [984, 1000])
  })

  it("is known well enough where it is known to two thousandths", () => {
    const rough = (short: number) => quietFor(8, { ...exact, safe: 1000, length: 1000, short })
    assert.deepStrictEqual([rough(998).limit, rough(997.9).limit], [61, 58])
    assert.strictEqual(Math.round(rough(997.9).length), 999)
  })

  it("that was tried below what will do goes half of the way back, and no further than by the pause a time", () => {
    const failedAt = (length: number, pause: number) =>
      Period.failed({ ...exact, safe: 10_000, length }, undefined, pause)
    const lengthOf = (length: number, pause: number) => Math.round(failedAt(length, pause)?.length ?? 0)
    // The geometric mean, or the pause where that is more; never beyond what will do.
    assert.deepStrictEqual([lengthOf(8100, 10), lengthOf(8100, 1500), lengthOf(8100, 5000)], [9000, 9600, 10_000])
    // At what will do, to three hundredths: by the pause, and by three hundredths at most.
    assert.deepStrictEqual([lengthOf(9690, 100), lengthOf(9700, 100), lengthOf(10_000, 5000)], [9844, 9800, 10_300])
    const { quiet, short, stood } = failedAt(9700, 100) ?? exact
    assert.deepStrictEqual([quiet, short, stood?.length], [0, 9700, 9700])
  })

  it("that has failed is tested with a small step again", () => {
    const failed = Period.failed({ ...exact, raises: 3 }, undefined, 100)
    assert.deepStrictEqual([failed?.raises, failed?.quiet, failed?.failures], [0, 0, 1])
  })

  it("that has failed before remembers how it stood before the first of these", () => {
    const once = Period.failed(exact, undefined, 100) ?? exact
    assert.deepStrictEqual([once.stood, once.patience, once.failures], [exact, 5, 1])
    const twice = Period.failed(once, undefined, 100)
    assert.deepStrictEqual([twice?.stood, twice?.patience, twice?.failures], [exact, 7, 2])
    assert.strictEqual(Period.failed({ ...once, patience: 7 }, undefined, 100)?.patience, 8)
  })

  it("is learned from the lengths that are known already, where the new ones are no better", () => {
    const seen = { limit: 58, short: 40_000, safe: 65_000, openedAt: 0 }
    const again = Period.learn({ ...proven, short: 50_000 }, seen)
    assert.deepStrictEqual([again.short, again.safe], [50_000, 65_000])
    assert.strictEqual(Period.learn({ ...proven, short: 50_000 }, { ...seen, short: 55_000 }).short, 55_000)
    // A length that is no shorter than what did now was wrong.
    assert.strictEqual(Period.learn({ ...proven, short: 65_000 }, seen).short, 40_000)
  })

  it("was counted nearly up to one more or less, or a quarter", () => {
    const near = (limit: number) =>
      [limit - 2, limit - 1, limit + 1, limit + 2].map((count) => Period.isNear(count, limit))
    assert.deepStrictEqual(near(3), [false, true, true, false])
    assert.deepStrictEqual(
      [Period.isNear(75, 100), Period.isNear(74, 100), Period.isNear(125, 100)],
      [true, false, true]
    )
  })

  it("allows a twentieth more after eight quiet periods, then sooner and twice as much more, for as long as it passes", () => {
    assert.deepStrictEqual(
      [7, 8, 9, 12].map((periods) => [quietFor(periods).limit, quietFor(periods).known]),
      [
        [58, 58],
        [61, 58],
        [61, 61],
        [67, 61]
      ]
    )
  })

  it("puts back exactly what was known after a test that was too much, and waits longer for the next", () => {
    const tested = quietFor(8)
    const back = Period.failed(tested, undefined, 100)
    assert.deepStrictEqual(back, { ...exact, quiet: 0, raises: 0, patience: 4 })
    assert.deepStrictEqual(Period.failed(tested, 3000, 100), back)
    // After a test that passed it is what passed.
    assert.strictEqual(Period.failed(quietFor(12), undefined, 100)?.limit, 61)
  })

  it("allows less after a rejection has come back three times", () => {
    let worse: Period.Period | undefined = exact
    const limits: Array<number | undefined> = []
    for (let i = 0; i < 4 && worse !== undefined; i++) {
      worse = Period.failed(worse, undefined, 100)
      limits.push(worse?.limit)
    }
    assert.deepStrictEqual([limits, worse?.known], [[58, 58, 58, 55], 55])
  })

  it("is given up after nine rejections in a row", () => {
    let period: Period.Period | undefined = proven
    let failures = 0
    while (period !== undefined) {
      period = Period.failed(period, undefined, 100)
      failures += 1
    }
    assert.strictEqual(failures, 9)
  })

  describe("that every start fits", () => {
    const told = Period.told(20, 1005)

    it("binds at once, for ever, and with the length that was told", () => {
      const { isExact, known, length, limit, proven, provenUntil, safe, short } = told
      assert.deepStrictEqual(
        [limit, known, length, short, safe, proven, provenUntil, isExact],
        [20, 20, 1005, 1005, 1005, true, Infinity, true]
      )
    })

    it("of tokens leaves room for the largest start, which may be the next", () => {
      assert.strictEqual(Period.bounded(Period.told(20, 1000)), 20)
      assert.strictEqual(Period.bounded(Period.told(60_000, 60_000, { mean: 600, most: 1100 })), 58_901)
      assert.strictEqual(Period.bounded(Period.told(500, 60_000, { mean: 600, most: 1100 })), 1)
    })

    it("is not learned anew from when the API opens", () => {
      assert.strictEqual(Period.learn(told, { limit: 30, short: 0, safe: 70_000, openedAt: 70_000 }), told)
      assert.isFalse(proven.isExact)
    })

    it("allows one more after 64 quiet periods, and goes back to what is known where that is too much", () => {
      assert.deepStrictEqual(
        [63, 64].map((periods) => [quietFor(periods, told).limit, quietFor(periods, told).length]),
        [
          [20, 1005],
          [21, 1005]
        ]
      )
      const back = Period.failed(quietFor(64, told), undefined, 100)
      assert.deepStrictEqual([back?.limit, back?.length, back?.isExact], [20, 1005, true])
    })
  })
})
