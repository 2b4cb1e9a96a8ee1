/** What counts as a constant of the law, and what half and twice of it are. */
import { assert, describe, it } from "@effect/vitest"
import { constants, constantsOf, variant, varied } from "../../bench/laws/variant.js"

const read = (text: string) => constantsOf("a.ts", text).map(({ name, value }) => [name, value])

describe("The constants of a law", () => {
  it("are the numbers at the top of a module, with those in its objects and lists", () => {
    const text = `
      /** Why. */
      export const memory = 300_000
      const [few, many] = [3, 1 / 16]
      const low = -0.25, high = (2 + 3) * 2 ** 3 - 1
      const cuts = { never: 0, deep: { slow: 0.2 }, name: "x" } as const
      const steps = [1, 2.5]
      const name = "no number"
      const doubled = (n: number) => n * 2
      export const inner = () => { const local = 7; return local }
      let fromOthers = few * 2
    `
    assert.deepStrictEqual(read(text), [
      ["memory", 300_000],
      ["few", 3],
      ["many", 1 / 16],
      ["low", -0.25],
      ["high", 39],
      ["cuts.never", 0],
      ["cuts.deep.slow", 0.2],
      ["steps[0]", 1],
      ["steps[1]", 2.5]
    ])
  })

  it("stand where they are said to stand", () => {
    const text = "const a = 1\nexport const b = 1 / 8\n"
    assert.deepStrictEqual(
      constantsOf("a.ts", text).map(({ end, start }) => text.slice(start, end)),
      ["1", "1 / 8"]
    )
  })

  it("are halved and doubled: counts to counts, shares over a half to shares, and nothing to itself", () => {
    const of = (value: number) => varied({ file: "", name: "", value, start: 0, end: 0 })
    assert.deepStrictEqual([8, 3, 1, 0.25, -0.5, 0.9, 0].map(of), [
      [4, 16],
      [2, 6],
      [2],
      [0.125, 0.5],
      [-0.25, -1],
      [0.8, 0.95],
      []
    ])
  })

  it("can each be changed in a copy of the law", async () => {
    const [constant] = constants()
    assert.isDefined(constant)
    const [value = NaN] = varied(constant)
    const law = await variant({ constant, value })
    assert.isString(law.name)
    assert.isAtLeast(law.initial(8, 0).decision.window, 1)
    // The same change is made once.
    assert.strictEqual(await variant({ constant, value }), law)
  })
})
