import { assert, describe, it } from "@effect/vitest"
import * as Rate from "../../../src/law/window/Rate.js"

const mark = (at: number, accepted: number, held = 0): Rate.Mark => ({ at, accepted, held })

describe("The rate between rejections", () => {
  it("is unknown at the first", () => {
    assert.deepStrictEqual(Rate.measure([], mark(1000, 10)), { low: 0, high: Infinity, accepted: 0 })
  })

  it("is what was accepted between them over the time between them", () => {
    assert.deepStrictEqual(Rate.measure([mark(0, 10)], mark(2000, 30)), {
      low: 10.25,
      high: 10.25,
      accepted: 20
    })
  })

  it("lies between two bounds where the pool was held meanwhile", () => {
    assert.deepStrictEqual(Rate.measure([mark(0, 0)], mark(3000, 20, 1000)), {
      low: 20 / 3,
      high: 10.25,
      accepted: 20
    })
  })

  it("is narrowed down by an earlier rejection where a hold has left it open", () => {
    const { accepted, high, low } = Rate.measure([mark(0, 0), mark(1000, 10)], mark(3000, 25, 1000))
    assert.deepStrictEqual([accepted, high, low], [25, 12.75, 25 / 3])
  })

  it("is the latest measurement where that leaves nothing open", () => {
    const { accepted, high } = Rate.measure([mark(0, 0), mark(1000, 10)], mark(2000, 20))
    assert.deepStrictEqual([accepted, high], [10, 10.5])
  })

  it("stops at one that disagrees: the rate has changed", () => {
    assert.strictEqual(Rate.measure([mark(0, 0), mark(10_000, 1000)], mark(12_000, 1010)).high, 5.25)
  })

  it("counts no rejection at the same instant", () => {
    assert.strictEqual(Rate.measure([mark(0, 0), mark(2000, 20)], mark(2000, 20)).high, 10.25)
  })

  it("does not look behind a measurement of 64", () => {
    // The hold leaves it open, so that one of more would be narrower.
    const accepted = (latest: number) =>
      Rate.measure([mark(0, 0), mark(6500, 64)], mark(13_900, 64 + latest, 1000)).accepted
    assert.deepStrictEqual([63, 64].map(accepted), [127, 64])
  })

  it("remembers twelve rejections", () => {
    let marks: ReadonlyArray<Rate.Mark> = []
    for (let i = 0; i < 20; i++) marks = Rate.remember(marks, mark(i, i))
    assert.deepStrictEqual([marks.length, marks[0]?.at], [12, 8])
  })
})

describe("A rate that falls from rejection to rejection", () => {
  /** Twelve rejections with so many accepted calls between two, at these rates. */
  const fall = (rates: ReadonlyArray<number>, part = 0.35, between = 9) => {
    let last = mark(0, 0)
    const marks = [last]
    for (const rate of rates) {
      last = mark(last.at + (1000 * (between + 0.5)) / rate, last.accepted + between)
      marks.push(last)
    }
    return Rate.fellFrom(marks.slice(0, -1), last, part)
  }
  const rounded = (rate: number | undefined) => (rate === undefined ? undefined : Math.round(rate))
  const steps = (ratio: number) => Array.from({ length: 11 }, (_, i) => 100 * ratio ** i)

  it("in small steps, and far, fell from the first", () => {
    assert.deepStrictEqual(
      [0.95, 0.9, 0.85, 0.5].map(steps).map((rates) => rounded(fall(rates))),
      [undefined, 100, 100, 100]
    )
    assert.deepStrictEqual(
      [0.35, 0.34].map((part) => rounded(fall(steps(0.9), part))),
      [100, undefined]
    )
  })

  it("in two thirds of its steps at least, each of more than three hundredths, fell from the first", () => {
    const inSteps = (count: number) =>
      Array.from({ length: 11 }, (_, i) => 100 * 0.8 ** (i <= 3 ? i : Math.max(3, count - 10 + i)))
    assert.deepStrictEqual(
      [6, 7].map((count) => rounded(fall(inSteps(count)))),
      [undefined, 100]
    )
    const slowly = (ratio: number) => Array.from({ length: 11 }, (_, i) => 100 * ratio ** i * (i < 10 ? 1 : 0.5))
    assert.deepStrictEqual(
      [0.975, 0.965].map((ratio) => rounded(fall(slowly(ratio), 0.5))),
      [undefined, 100]
    )
  })

  it("by a fifth in the second half at least, fell from the first", () => {
    const slower = (ratio: number) =>
      Array.from({ length: 11 }, (_, i) => 100 * 0.7 ** Math.min(i, 5) * ratio ** Math.max(0, i - 5))
    // The fifth power of 0.956 is 0.7985, and that of 0.957 is 0.8027.
    assert.deepStrictEqual(
      [0.957, 0.956].map((ratio) => rounded(fall(slower(ratio)))),
      [undefined, 100]
    )
  })

  it("at once, and then stays, has found a limit", () => {
    assert.strictEqual(fall([100, 100, 100, 20, 5, 5, 5, 5, 5, 5, 5]), undefined)
    assert.strictEqual(fall([1000, 300, 10, 11, 10, 11, 10, 11, 10, 11, 10]), undefined)
  })

  it("says nothing before twelve rejections", () => {
    assert.strictEqual(fall(steps(0.8).slice(1)), undefined)
  })

  it("does not count the time in which the pool was held", () => {
    const marks = steps(0.95).map((rate, i) => mark(i * 2000, i * 9, i * (2000 - 9500 / rate)))
    assert.strictEqual(Rate.fellFrom(marks.slice(0, -1), mark(20_000, 90, 10 * 1900), 0.35), undefined)
  })
})
