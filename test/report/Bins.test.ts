import { assert, describe, it } from "@effect/vitest"
import * as Bins from "../../src/report/Bins.js"

interface Count {
  count: number
}

const merge = (a: Count, b: Count): Count => ({ count: a.count + b.count })
const make = () => Bins.make<Count>({ width: 10, most: 4, fresh: () => ({ count: 0 }), merge })
const copy = (bin: Count): Count => ({ ...bin })
const counts = ({ bins }: Bins.Bins<Count>): ReadonlyArray<number> => bins.map(({ count }) => count)

describe("Bins", () => {
  it("are empty before the first instant", () => {
    assert.deepStrictEqual(make().snapshot(copy), { from: 0, until: 0, width: 10, bins: [] })
  })

  it("have no gap, and become half as many where they are too many", () => {
    const bins = make()
    for (const at of [1000, 1001, 1025, 1039]) bins.at(at).count += 1
    const four = bins.snapshot(copy)
    assert.deepStrictEqual([four.from, four.until, four.width, counts(four)], [1000, 1039, 10, [2, 0, 1, 1]])

    bins.at(1040).count += 1
    assert.deepStrictEqual([bins.width, counts(bins.snapshot(copy))], [20, [2, 2, 1]])
    bins.at(1319).count += 1
    assert.deepStrictEqual([bins.width, counts(bins.snapshot(copy))], [80, [5, 0, 0, 1]])
    assert.deepStrictEqual(counts(four), [2, 0, 1, 1])
  })

  it("can be made coarser, the last of them as it is", () => {
    const bins = { from: 0, until: 45, width: 10, bins: [1, 2, 3, 4, 5].map((count) => ({ count })) }
    const coarse = Bins.coarser(bins, 3, merge)
    assert.deepStrictEqual([coarse.width, counts(coarse)], [20, [3, 7, 5]])
    assert.deepStrictEqual(counts(Bins.coarser(bins, 5, merge)), [1, 2, 3, 4, 5])
  })
})
