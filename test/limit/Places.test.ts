import { assert, describe, it } from "@effect/vitest"
import * as Places from "../../src/limit/Places.js"

/** Places of which so many are taken at 0. */
const taken = (most: number, count: number, transit = 100) => {
  const places = Places.make(most, transit)
  return { places, shares: Array.from({ length: count }, () => places.take(7, 0)) }
}

describe("Places", () => {
  it("are one for each attempt, whatever it weighs, until it ends", () => {
    const { places, shares } = taken(3, 2)
    assert.deepStrictEqual([places.used(0), places.opensAt(1, 0), places.opensAt(2, 0)], [2, 0, Infinity])
    const [first] = shares
    if (first !== undefined) {
      places.settle(first, 9, 0)
      places.end(first, "answered", 0)
      // It has left already.
      places.end(first, "broken", 0)
      places.undo(first, 0)
    }
    assert.deepStrictEqual([places.used(0), places.opensAt(2, 0)], [1, 0])
  })

  it("of what was broken off are free once the API must know", () => {
    const { places, shares } = taken(3, 3)
    shares.forEach((share, i) => places.end(share, "broken", 10 * i))
    assert.deepStrictEqual(
      [places.used(20), places.opensAt(1, 20), places.opensAt(2, 20), places.opensAt(4, 20)],
      [3, 100.001, 110.001, Infinity]
    )
    assert.deepStrictEqual([places.used(100), places.used(100.001), places.opensAt(1, 100.001)], [3, 2, 100.001])
  })

  it("are free at once where nothing is on its way for long, or was never sent", () => {
    const { places, shares } = taken(3, 3, 0)
    const [first, second] = shares
    if (first !== undefined) places.end(first, "broken", 0)
    if (second !== undefined) places.undo(second, 0)
    assert.strictEqual(places.used(0), 1)
  })

  it("are whole, whatever the limit is multiplied by", () => {
    const { places } = taken(3, 3)
    places.scale(1.5)
    assert.deepStrictEqual([places.opensAt(1, 0), places.opensAt(2, 0)], [0, Infinity])
  })
})
