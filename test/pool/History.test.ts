import { assert, describe, it } from "@effect/vitest"
import type { Starts } from "../../src/law/ControlLaw.js"
import * as History from "../../src/pool/History.js"

const rowsOf = (starts: Starts) =>
  Array.from({ length: starts.last - starts.first + 1 }, (_, i) => {
    const sequence = starts.first + i
    return [sequence, starts.at(sequence), starts.besides(sequence), starts.fate(sequence)]
  })

describe("The history of a pool's starts", () => {
  it("knows of each when it was, what was in flight besides it, and what has become of it", () => {
    const history = History.make(10)
    assert.deepStrictEqual([history.first, history.last, rowsOf(history)], [1, 0, []])
    for (const at of [100, 110, 120, 130]) history.add(at, (at - 100) / 10)
    history.ended(3, "capacity")
    history.ended(1, "success")
    history.ended(2, "neutral")
    assert.deepStrictEqual(rowsOf(history), [
      [1, 100, 0, "success"],
      [2, 110, 1, "neutral"],
      [3, 120, 2, "capacity"],
      [4, 130, 3, "open"]
    ])
  })

  it("knows with which status it was rejected, while it is remembered", () => {
    const history = History.make(100)
    for (let i = 1; i <= 80; i++) history.add(i, 0)
    history.ended(3, "capacity", 503)
    history.ended(4, "success")
    history.ended(80, "capacity", 429)
    for (let i = 81; i <= 101; i++) history.add(i, 0)
    history.ended(1, "capacity", 529)
    assert.deepStrictEqual(
      [3, 4, 80, 101].map((sequence) => history.status(sequence)),
      [503, 0, 429, 0]
    )
  })

  it("knows what it weighs, where anybody says", () => {
    const history = History.make(100)
    history.add(1, 0)
    history.weighs(1, 0)
    assert.strictEqual(history.tokens(1), 0)
    for (let i = 2; i <= 80; i++) {
      history.add(i, 0)
      if (i % 2 === 0) history.weighs(i, 10 * i)
    }
    assert.deepStrictEqual([2, 3, 64, 80].map(history.tokens), [20, 0, 640, 800])
    for (let i = 81; i <= 102; i++) history.add(i, 0)
    history.weighs(2, 7)
    assert.deepStrictEqual([3, 4, 80, 102].map(history.tokens), [0, 40, 800, 0])
    History.make(0).weighs(1, 5)
  })

  it("forgets the oldest, and what ends after it was forgotten says nothing of a later one", () => {
    const history = History.make(3)
    for (const at of [10, 20, 30, 40, 50]) history.add(at, 0)
    history.ended(2, "capacity")
    history.ended(4, "success")
    assert.deepStrictEqual(rowsOf(history), [
      [3, 30, 0, "open"],
      [4, 40, 0, "success"],
      [5, 50, 0, "open"]
    ])
  })

  it("grows without forgetting", () => {
    const history = History.make(1000)
    for (let i = 1; i <= 300; i++) {
      history.add(i, i % 7)
      if (i % 3 === 0) history.ended(i, "capacity")
    }
    assert.deepStrictEqual(
      rowsOf(history),
      Array.from({ length: 300 }, (_, i) => [i + 1, i + 1, (i + 1) % 7, (i + 1) % 3 === 0 ? "capacity" : "open"])
    )
  })

  it("takes back the latest, and does not remember again what it has forgotten for it", () => {
    const history = History.make(2)
    for (const at of [10, 20, 30]) history.add(at, 0)
    history.takeBack()
    assert.deepStrictEqual(rowsOf(history), [[2, 20, 0, "open"]])
    history.add(40, 1)
    assert.deepStrictEqual(rowsOf(history), [
      [2, 20, 0, "open"],
      [3, 40, 1, "open"]
    ])
  })

  it("counts, and remembers nothing, where nothing is to be remembered", () => {
    const history = History.make(0)
    history.add(10, 0)
    history.add(20, 1)
    history.ended(2, "success")
    assert.deepStrictEqual([history.last, rowsOf(history)], [2, []])
  })
})
