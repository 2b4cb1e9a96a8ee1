import { assert, describe, it } from "@effect/vitest"
import * as Log from "../../../src/law/window/Log.js"
import { startsOf, type Start } from "../../support/starts.js"

describe("What a rejection says of the starts", () => {
  const starts = startsOf([
    [10, "success"],
    [20, "capacity", 0, 503],
    [30, "capacity", 0, 429],
    [40, "open"],
    [50, "neutral"],
    [60, "capacity", 0, 429],
    [70, "success"]
  ])
  const of = (first: number, until: number) => {
    const { at, rejected } = Log.of(starts, first, until)
    return [[...at], [...rejected]]
  }

  it("leaves out those that were rejected with another status", () => {
    assert.deepStrictEqual(of(1, 6), [
      [10, 30, 40, 50, 60],
      [0, 1, 0, 0, 1]
    ])
    assert.deepStrictEqual(of(1, 2), [
      [10, 20],
      [0, 1]
    ])
  })

  it("begins with the first that is asked for and remembered, and ends with the rejection", () => {
    assert.deepStrictEqual(of(3, 3), [[30], [1]])
    assert.deepStrictEqual(of(-100, 3), [
      [10, 30],
      [0, 1]
    ])
  })
})

describe("The latest starts", () => {
  const starts = startsOf([
    [10, "capacity", 0, 503],
    [20, "success"],
    [30, "capacity", 0, 429],
    [40, "capacity", 0, 503],
    [50, "capacity", 0, 503]
  ])

  it("have a share that was rejected, with any status or with all but one", () => {
    assert.deepStrictEqual(
      [
        Log.rejectedOf(starts, 5),
        Log.rejectedOf(starts, 100),
        Log.rejectedOf(starts, 4),
        Log.rejectedOf(starts, 4, 429)
      ],
      [0.8, 0.8, 0.75, 0.5]
    )
  })

  it("were served and rejected last at some time", () => {
    assert.deepStrictEqual(
      [5, 3, 1].map((until) => Log.servedAt(starts, until)),
      [20, 20, -Infinity]
    )
    assert.deepStrictEqual(
      [429, 503, 529].map((status) => Log.lastWith(starts, status)),
      [3, 5, undefined]
    )
  })

  it("weigh something where they weigh differently, and everybody says so", () => {
    const weighing = (...tokens: ReadonlyArray<number>) =>
      Log.tokensOf(startsOf(tokens.map((one, i): Start => [i, "success", 0, 0, one])), 3)
    assert.deepStrictEqual(weighing(9, 1, 2, 6), { mean: 3, most: 6 })
    assert.deepStrictEqual([weighing(2, 2, 2), weighing(0, 2, 6), weighing(0, 0, 0)], [undefined, undefined, undefined])
  })

  it("have been rejected so often in a row", () => {
    assert.deepStrictEqual(
      [1, 3, 5].map((until) => Log.rowOf(starts, until)),
      [1, 1, 3]
    )
  })
})
