import { assert, describe, it } from "@effect/vitest"
import * as Log from "../../../src/law/window/Log.js"
import { startsOf } from "../../support/starts.js"

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

  it("have been rejected so often in a row", () => {
    assert.deepStrictEqual(
      [1, 3, 5].map((until) => Log.rowOf(starts, until)),
      [1, 1, 3]
    )
  })
})
