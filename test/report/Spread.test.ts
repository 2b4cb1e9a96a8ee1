import { assert, describe, it } from "@effect/vitest"
import * as Spread from "../../src/report/Spread.js"

const of = (values: Iterable<number>): Spread.Spread => {
  const spread = Spread.make()
  for (const value of values) spread.add(value)
  return spread.snapshot()
}

/** Whether a value is within 5 % of another. */
const isNear = (value: number, wanted: number): boolean => Math.abs(value - wanted) <= 0.05 * wanted

describe("Spread", () => {
  it("is nothing of nothing", () => {
    assert.deepStrictEqual(of([]), { rows: 0, p50: 0, p95: 0, max: 0, total: 0 })
  })

  it("tells quantiles within 5 %, the longest and the sum exactly", () => {
    for (const unit of [0.5, 1, 1000, 3_600_000]) {
      const { max, p50, p95, rows, total } = of(Array.from({ length: 1000 }, (_, i) => (i + 1) * unit))
      assert.deepStrictEqual([rows, max, total], [1000, 1000 * unit, 500_500 * unit])
      assert.isTrue(isNear(p50, 500 * unit), `${p50}`)
      assert.isTrue(isNear(p95, 950 * unit), `${p95}`)
    }
  })

  it("keeps no wait apart from a short one, and no quantile beyond the longest", () => {
    assert.deepStrictEqual(of([0, 0, 0, 10]), { rows: 4, p50: 0, p95: 10, max: 10, total: 10 })
  })
})
