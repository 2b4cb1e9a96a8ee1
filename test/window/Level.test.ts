import { assert, describe, it } from "@effect/vitest"
import * as Level from "../../src/window/Level.js"

const at = (progress: number, over: Partial<Level.Level> = {}): Level.Level => ({
  ...Level.measured(100),
  ...over,
  progress
})
const rounded = (values: ReadonlyArray<number>) => values.map((value) => Math.round(value * 100) / 100)

describe("A level", () => {
  it("begins below its top, is flat around it, and leaves it ever faster", () => {
    assert.deepStrictEqual(
      rounded([0, 0.5, 1, 1.5, 2, 3, 4].map((progress) => Level.rate(at(progress)))),
      [95, 99.38, 100, 100.63, 105, 140, 235]
    )
  })

  it("dips as far as the measurement is uncertain, and no less than a twentieth", () => {
    assert.deepStrictEqual(rounded([0, 0.3].map((dip) => Level.rate(Level.measured(100, 0, dip)))), [95, 70])
  })

  it("tests a small window with one permit more, at progress 2, and does not dip it", () => {
    const windows = [0, 1, 1.9, 2, 3].map((progress) => Math.floor(Level.permits(at(progress, { top: 4 })) + 0.5))
    assert.deepStrictEqual(windows, [4, 4, 4, 5, 8])
  })

  it("allows one permit at least", () => {
    assert.strictEqual(Level.permits(at(0, { top: 1 })), 1)
  })

  it("that is shared is cut by a quarter, and is one's own again at twice the way", () => {
    const level = Level.shared(100)
    assert.strictEqual(Level.rate(level), 75)
    const own = Level.advance(level, 2.5)
    assert.deepStrictEqual([own.shared, own.progress], [false, 1])
    assert.strictEqual(own.top, Level.rate({ ...level, progress: 2.5 }))
  })

  it("is proven no further than its top", () => {
    assert.deepStrictEqual(
      [0.5, 3].map((progress) => Level.proven(at(progress)).progress),
      [0.5, 1]
    )
  })
})
