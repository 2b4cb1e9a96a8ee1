import { assert, describe, it } from "@effect/vitest"
import * as Rate from "../../src/window/Rate.js"

const mark = (at: number, accepted: number, held = 0): Rate.Mark => ({ at, accepted, held })

describe("The rate between rejections", () => {
  it("is unknown at the first", () => {
    assert.deepStrictEqual(Rate.measure([], mark(1000, 10)), { low: 0, high: Infinity, accepted: 0, intervals: 0 })
  })

  it("is what was accepted between them over the time between them", () => {
    assert.deepStrictEqual(Rate.measure([mark(0, 10)], mark(2000, 30)), {
      low: 10.25,
      high: 10.25,
      accepted: 20,
      intervals: 1
    })
  })

  it("lies between two bounds where the pool was held meanwhile", () => {
    assert.deepStrictEqual(Rate.measure([mark(0, 0)], mark(3000, 20, 1000)), {
      low: 20 / 3,
      high: 10.25,
      accepted: 20,
      intervals: 1
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
    const { high, intervals } = Rate.measure([mark(0, 0), mark(10_000, 1000)], mark(12_000, 1010))
    assert.deepStrictEqual([high, intervals], [5.25, 1])
  })

  it("rests on as many intervals as agree", () => {
    const marks = [mark(0, 0), mark(1000, 500), mark(2000, 510, 100), mark(3000, 520, 200), mark(4000, 530, 300)]
    assert.deepStrictEqual(
      [1, 2, 3, 4].map((count) => Rate.measure(marks.slice(0, count), marks[count] ?? mark(0, 0)).intervals),
      [1, 1, 2, 3]
    )
  })

  it("counts no interval in which no time went by", () => {
    assert.strictEqual(Rate.measure([mark(0, 0), mark(2000, 20)], mark(2000, 20)).intervals, 1)
  })

  it("does not look behind a measurement of sixty", () => {
    const { accepted, intervals } = Rate.measure([mark(0, 0), mark(6000, 60)], mark(12_000, 120))
    assert.deepStrictEqual([accepted, intervals], [60, 1])
  })

  it("remembers twelve rejections", () => {
    let marks: ReadonlyArray<Rate.Mark> = []
    for (let i = 0; i < 20; i++) marks = Rate.remember(marks, mark(i, i))
    assert.deepStrictEqual([marks.length, marks[0]?.at], [12, 8])
  })
})
