import { assert, describe, it } from "@effect/vitest"
import * as Figures from "../../src/report/Figures.js"

describe("Figures", () => {
  it("keeps three digits that count, and all of a large number", () => {
    assert.deepStrictEqual(
      [0, 0.00012345, 0.98765, 12.345, 999.4, 1234.5, 1_234_567, -0.5, Infinity, NaN].map(Figures.number),
      ["0", "0.000123", "0.988", "12.3", "999", "1,235", "1,234,567", "-0.5", "∞", "none"]
    )
    assert.strictEqual(Figures.percent(0.98765), "98.8 %")
  })

  it("writes spans in the units that they are read in", () => {
    const spans: ReadonlyArray<readonly [millis: number, text: string]> = [
      [0, "0 ms"],
      [1e-12, "0 ms"],
      [0.5, "0.5 ms"],
      [999, "999 ms"],
      [1000, "1 s"],
      [1234, "1.23 s"],
      [119_400, "119 s"],
      [120_000, "2 min"],
      [750_000, "12 min 30 s"],
      [5_999_600, "100 min"],
      [7_200_000, "2 h"],
      [12_000_000, "3 h 20 min"],
      [172_800_000, "2 d"],
      [183_600_000, "2 d 3 h"],
      [Infinity, "never"]
    ]
    assert.deepStrictEqual(
      spans.map(([millis]) => Figures.span(millis)),
      spans.map(([, text]) => text)
    )
  })

  it("puts the marks of an axis at 1, 2 or 5 times a power of ten", () => {
    assert.deepStrictEqual(
      [1, 4.9, 5, 5.1, 23, 99, 1000, 0.3].map((max) => Figures.step(max, 5)),
      [0.2, 1, 1, 2, 5, 20, 200, 0.1]
    )
  })

  it("draws a row of blocks, with a blank for zero", () => {
    assert.strictEqual(Figures.sparkline([0, 0.1, 1, 2, 4, 8]), " ▁▁▂▄█")
    assert.strictEqual(Figures.sparkline([0, 0]), "  ")
  })
})
