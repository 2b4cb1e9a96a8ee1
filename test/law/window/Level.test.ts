import { assert, describe, it } from "@effect/vitest"
import * as Level from "../../../src/law/window/Level.js"

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

  it("dips as far as it is told, a twentieth if not", () => {
    assert.deepStrictEqual(rounded([0, 0.03, 0.3].map((dip) => Level.rate(Level.measured(100, 0, dip)))), [100, 97, 70])
    assert.strictEqual(Level.rate(Level.measured(100)), 95)
  })

  it("rises above its top by a twentieth at first, however far it had dipped", () => {
    const above = (dip: number) => Number(Level.rate({ ...Level.measured(100, 0, dip), progress: 1.5 }).toFixed(6))
    assert.deepStrictEqual([above(0.05), above(0.3)], [100.625, 100.625])
  })

  it("that is known from elsewhere begins at its top", () => {
    assert.deepStrictEqual(Level.known(100), { ...Level.measured(100), progress: 1 })
    assert.strictEqual(Level.rate(Level.known(100)), 100)
  })

  it("goes on by what it is told, and remembers the rest", () => {
    const level = Level.measured(100, 3, 0.2)
    assert.deepStrictEqual(Level.advance(Level.advance(level, 0.5), 0.25), { ...level, progress: 0.75 })
  })

  it("counts patience up to eight", () => {
    assert.deepStrictEqual(
      [0, 7, 8, 9].map((patience) => Level.measured(100, patience).patience),
      [0, 7, 8, 8]
    )
  })

  it("is proven no further than its top", () => {
    assert.deepStrictEqual(
      [0.5, 3].map((progress) => Level.proven(at(progress)).progress),
      [0.5, 1]
    )
  })
})
