import { assert, describe, it } from "@effect/vitest"
import * as Fit from "../../../src/law/window/Fit.js"
import * as History from "../../../src/pool/History.js"

type Past = readonly [at: number, besides: number, rejected: boolean]

const historyOf = (starts: ReadonlyArray<Past>): Fit.History => ({
  at: starts.map(([at]) => at),
  besides: starts.map(([, besides]) => besides),
  status: starts.map(([, , rejected]) => (rejected ? 429 : 0)),
  weight: starts.map(() => 1)
})
const explain = (count: number, start: (i: number) => readonly [besides: number, rejected: boolean]) =>
  shown(Fit.explainAll(historyOf(Array.from({ length: count }, (_, i) => [10 * i, ...start(i)]))))

/** An explanation with its chance in thousandths, and its rate a second. */
const shown = (found: Fit.Explanation) => {
  const chance = Math.round(1000 * found.chance)
  if (found._tag === "cap") return { _tag: found._tag, cap: found.cap, chance }
  if (found._tag === "bucket") {
    return { _tag: found._tag, rate: Number((1000 * found.rate).toPrecision(3)), depth: found.depth, chance }
  }
  return { _tag: found._tag, chance }
}

/**
 * A bucket of ten tokens a second, tried until it is empty and twice more; then it is full again to the brim, or would be
 * three times over.
 */
const emptied = (depth: number, noise: (start: number) => boolean = () => false): Fit.History => {
  const starts: Array<Past> = []
  let [begin, level, last] = [0, depth, 0]
  for (let burst = 0; starts.length < 400; burst++) {
    for (let i = 0; i < depth + 2; i++) {
      const at = begin + i
      level = Math.min(depth, level + (at - last) / 100)
      last = at
      const isServed = !noise(starts.length) && level >= 1
      if (isServed) level -= 1
      starts.push([at, 5, !isServed])
    }
    begin += (burst % 2 === 0 ? 1 : 3) * 100 * depth
  }
  return historyOf(starts)
}

describe("What explains the latest starts", () => {
  it("is chance alone, where rejections come with any number in flight, at any time", () => {
    assert.deepStrictEqual(
      explain(100, (i) => [i % 13, i % 20 === 7]),
      { _tag: "none", chance: 49 }
    )
  })

  it("is nothing, where nothing was rejected, and where nothing was started", () => {
    assert.deepStrictEqual(
      explain(100, () => [3, false]),
      { _tag: "none", chance: 0 }
    )
    assert.deepStrictEqual(
      explain(0, () => [3, false]),
      { _tag: "none", chance: 15 }
    )
  })

  it("is a cap, where so many in flight were always too many and fewer never", () => {
    assert.deepStrictEqual(
      explain(100, (i) => [i % 10, i % 10 >= 8]),
      { _tag: "cap", cap: 8, chance: 0 }
    )
  })

  it("is a cap with chance beside it, where some below it were rejected, too", () => {
    assert.deepStrictEqual(
      explain(200, (i) => [i % 10, i % 10 >= 8 || i % 41 === 3]),
      { _tag: "cap", cap: 8, chance: 31 }
    )
  })

  it("is chance, where as many in flight were too many once only", () => {
    assert.deepStrictEqual(
      explain(60, (i) => [i % 10, i === 28]),
      { _tag: "none", chance: 17 }
    )
  })

  // Of rates that explain it as well the fastest is named, up to a hundredth more.
  it.each([
    [4, 10.1],
    [16, 10.1],
    [64, 10.1]
  ])("is a bucket with a burst of %i", (depth, rate) => {
    assert.deepStrictEqual(shown(Fit.explainAll(emptied(depth))), { _tag: "bucket", rate, depth, chance: 0 })
  })

  it("is a bucket with a burst of one, which is told by its rate alone", () => {
    const starts = Array.from({ length: 300 }, (_, i): Past => [100 * Math.floor(i / 3) + (i % 3), 5, i % 3 > 0])
    const found = Fit.explainAll(historyOf(starts))
    assert.deepStrictEqual([found._tag, found._tag === "bucket" && Math.round(1000 * found.rate)], ["bucket", 10])
  })

  it("is a bucket that has rejected twice, with one let through between them, however close they were", () => {
    // One was let through, and rejected a little later; the same again after as long as a token takes.
    const found = [100, 1, 0.5].map((token) => {
      const served = Array.from({ length: 30 }, (_, i): Past => [1000 * i, 1, false])
      const last = [30_000, 30_000 + token].flatMap((at): ReadonlyArray<Past> => [
        [at, 1, false],
        [at + token / 10, 1, true]
      ])
      return shown(Fit.explainAll(historyOf([...served, ...last])))
    })
    assert.deepStrictEqual(
      found.map((one) => [one._tag, "rate" in one && one.rate]),
      [
        ["bucket", 10.1],
        ["bucket", 1010],
        ["bucket", 2020]
      ]
    )
  })

  it("is no bucket where it has rejected once only, whatever rate was known", () => {
    const starts = Array.from({ length: 60 }, (_, i): Past => [100 * i, 3, false])
    const once = historyOf([...starts, [5901, 3, true]])
    const twice = historyOf([...starts, [5901, 3, true], [5902, 3, true]])
    assert.deepStrictEqual([Fit.explainAll(once, 0.01)._tag, Fit.explainAll(twice, 0.01)._tag], ["none", "bucket"])
    assert.strictEqual(Fit.explainAll(twice)._tag, "none")
  })

  it.each([4, 16])("is a bucket with chance beside it: a burst of %i, one in 29 lost", (depth) => {
    const found = shown(Fit.explainAll(emptied(depth, (start) => start % 29 === 3)))
    assert.deepStrictEqual([found._tag, "depth" in found && found.depth], ["bucket", depth])
    assert.isTrue(Math.abs(found.chance - 1000 / 29) < 2, String(found.chance))
  })

  it("is the same limit where caps are equal, and rates hardly differ", () => {
    const cap = (size: number): Fit.Explanation => ({ _tag: "cap", cap: size, chance: 0, likelihood: 0 })
    const bucket = (rate: number): Fit.Explanation => ({ _tag: "bucket", rate, depth: 4, chance: 0, likelihood: 0 })
    const none: Fit.Explanation = { _tag: "none", chance: 0, likelihood: 0 }
    assert.deepStrictEqual(
      [
        Fit.isSame(cap(8), cap(8)),
        Fit.isSame(cap(8), cap(9)),
        Fit.isSame(bucket(10), bucket(10.4)),
        Fit.isSame(bucket(10), bucket(10.6)),
        Fit.isSame(cap(8), bucket(8)),
        Fit.isSame(none, none)
      ],
      [true, false, true, false, false, false]
    )
  })

  it("is said in words", () => {
    const rest = { chance: 0.01, likelihood: 0 }
    assert.deepStrictEqual(
      [
        Fit.show({ _tag: "none", ...rest }),
        Fit.show({ _tag: "cap", cap: 8, ...rest }),
        Fit.show({ _tag: "bucket", rate: 0.0123, depth: 4, ...rest })
      ],
      ["", ", beside a cap of 8", ", beside 12.3 starts a second"]
    )
  })
})

describe("The history that is explained", () => {
  const starts = () => {
    const history = History.make(1000)
    for (const [i, at] of [0, 10, 20, 100, 190].entries()) history.add(at, i)
    history.ended(2, "capacity", 429)
    history.ended(1, "success")
    return history
  }

  it("has what was rejected, and what would have been by now", () => {
    const { at, status } = Fit.historyOf(starts(), 1, 200, 50)
    assert.deepStrictEqual(at, [0, 10, 20, 100])
    assert.deepStrictEqual(status, [0, 429, 0, 0])
    assert.deepStrictEqual(Fit.historyOf(starts(), 3, 200, 50).at, [20, 100])
  })

  it("has no more than the latest 500, of which those of 125 starts ago count half", () => {
    const history = History.make(1000)
    for (let i = 0; i < 600; i++) history.add(i, 0)
    const { at, weight } = Fit.historyOf(history, 1, 10_000, 50)
    assert.deepStrictEqual([at.length, at[0], weight.at(-1), weight.at(-126)], [500, 100, 1, 0.5])
  })
})
