import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { ServerModel } from "effect-aimd/testing"
import * as Bucket from "../../../src/law/window/Bucket.js"
import { judged, spread, startsOf, type Start, unequal } from "../../support/starts.js"

/** What a bucket makes of starts at a pace that is so many times its rate. */
const pressed = (rate: number, burst: number, by: number, count: number, from = 0): ReadonlyArray<Start> =>
  judged(ServerModel.tokenBucket({ rate, burst }), spread(count, 1000 / rate / by, from))

const lastOf = (starts: ReadonlyArray<Start>): number => starts.findLastIndex(([, fate]) => fate === "capacity") + 1

/** The depth, the rates to four digits, and the closings of the bucket that fits the starts up to the last rejection. */
const fitting = (starts: ReadonlyArray<Start>, { clear = 1, more = 0, until = lastOf(starts) } = {}) => {
  const found = Bucket.fitting(startsOf(starts), clear, until, more)
  return found && [found.depth, Number(found.low.toPrecision(4)), Number(found.high.toPrecision(4)), found.closings]
}

/** Starts of one fate, so many milliseconds apart. */
const row = (count: number, fate: Start[1], from: number, gap: number): ReadonlyArray<Start> =>
  Array.from({ length: count }, (_, i) => [from + i * gap, fate])

describe("The bucket that fits", () => {
  it.each([
    [10, 1, 1.1, 100, [1, 8.938, 10.07, 38]],
    [10, 1, 3, 100, [1, 8.963, 10.17, 29]],
    [10, 5, 1.25, 100, [5, 9.959, 10.07, 17]],
    [2, 10, 1.6, 100, [10, 1.987, 2.009, 26]],
    [0.1, 4, 2, 64, [4, 0.09971, 0.1008, 22]],
    [40, 24, 1.07, 800, [24, 39.98, 40.04, 30]],
    [500, 100, 1.3, 1000, [100, 499.7, 500.4, 125]],
    // Depths are tried in steps of a fifth, up to 924; of a deeper one the latest 2048 starts have seen what was left.
    [40, 924, 3, 2400, [924, 39.98, 40.04, 337]],
    [40, 1000, 3, 2400, [765, 40.04, 40.04, 300]]
  ])(
    "is found: %d a second with a burst of %d, at %d times the rate, in %d starts",
    (rate, burst, by, count, found) => {
      assert.deepStrictEqual(fitting(pressed(rate, burst, by, count)), found)
    }
  )

  it("is of tokens, where starts weigh differently: in those of a mean start", () => {
    const server = ServerModel.tokenBucket({ rate: 1000, burst: 3000, unit: "tokens" })
    const judgedOnes = judged(server, spread(200, 500), unequal)
    const until = lastOf(judgedOnes)
    const [alike, weighed] = [undefined, 600].map((unit) => Bucket.fitting(startsOf(judgedOnes), 1, until, 1, unit))
    assert.isUndefined(alike)
    const { depth, high, low, starts } = weighed ?? assert.fail("nothing fits")
    assert.deepStrictEqual([starts, Math.round(600 * low), Math.round(600 * high)], [until, 1000, 1001])
    assert.isTrue(depth > 4.7 && depth <= 5)
  })

  it("is that of the latest starts, as many as one bucket fits, and no others than it is asked about", () => {
    const before = pressed(40, 5, 1.3, 300)
    const after = pressed(10, 5, 1.3, 200, (before.at(-1)?.[0] ?? 0) + 1000)
    const both = [...before, ...after]
    // With the burst out of sight several depths fit: the fastest.
    assert.deepStrictEqual(fitting(both), [3, 9.973, 10.03, 29])
    assert.deepStrictEqual(fitting(after), [5, 9.973, 10.02, 41])
    assert.deepStrictEqual(fitting(both, { clear: 301 }), fitting(after))
    assert.deepStrictEqual(fitting(both, { until: lastOf(before) }), fitting(before))
  })

  it("is the fastest, where several fit: what a bucket loses while it is full makes it look slow, never fast", () => {
    const bursts = (...begin: ReadonlyArray<number>) =>
      judged(
        ServerModel.tokenBucket({ rate: 1, burst: 10 }),
        begin.flatMap((at) => Array.from({ length: 12 }, (_, i) => at + i))
      )
    assert.deepStrictEqual(fitting(bursts(0, 20_000, 40_000, 60_000)), [5, 544.4, 549.8, 4])
    assert.deepStrictEqual(fitting(bursts(0, 20_000, 40_000, 48_000)), [10, 0.9867, 1.136, 4])
  })

  it.each([
    [9, [9, 9.959, 10.06, 43]],
    [11, [11, 9.959, 10.03, 39]]
  ])("is found, too, where its burst is between those that are tried: %i", (burst, found) => {
    const instants = spread(250, 40).map((at, i) => at + 90 * burst * Math.floor(i / (2.5 * burst)))
    assert.deepStrictEqual(fitting(judged(ServerModel.tokenBucket({ rate: 10, burst }), instants)), found)
  })

  it.each([
    ["nothing was rejected", row(50, "success", 0, 100), 50, -1],
    ["nothing was let through", row(50, "capacity", 0, 100), 50, 0],
    [
      "one was rejected after a pause, and those after a short one were not",
      [
        ...row(20, "success", 0, 10),
        [10_000, "capacity"] as const,
        ...row(20, "success", 10_010, 10),
        [10_300, "capacity"] as const
      ],
      42,
      0
    ],
    ["nothing was started", [], 0, -1]
  ])("is none, where %s", (_, starts, until, more) => {
    assert.isUndefined(fitting(starts, { until, more }))
  })

  it("has rejected more often than is asked for: a start after one that it had let through", () => {
    const starts = pressed(10, 5, 1.25, 100)
    assert.isDefined(fitting(starts, { more: 16 }))
    assert.isUndefined(fitting(starts, { more: 17 }))
  })

  it("takes what is open for let through", () => {
    const starts = pressed(10, 5, 1.25, 100)
    const found = fitting(starts)
    const open = starts.map(([at, fate], i): Start => [
      at,
      fate === "success" ? (i % 2 === 0 ? "open" : "neutral") : fate
    ])
    assert.deepStrictEqual(fitting(open), found)
  })

  const asked = fc.record({
    // A hundred times a power of ten, a burst, and how far apart starts are, in shares of what the rate allows.
    rate: fc.integer({ min: -50, max: 250 }),
    burst: fc.integer({ min: 1, max: 12 }),
    gaps: fc.noShrink(
      fc.array(
        fc.noBias(fc.integer({ min: 0, max: 1700 })).map((n) => n / 1000),
        { minLength: 300, maxLength: 300 }
      )
    )
  })

  it("has the true rate between its own, within a fiftieth, whatever was pressed how", () => {
    fc.assert(
      fc.property(asked, ({ burst, gaps, rate: power }) => {
        const rate = 10 ** (power / 100)
        let at = 0
        const instants = gaps.map((gap) => (at += (1000 * gap) / rate))
        const starts = judged(ServerModel.tokenBucket({ rate, burst }), instants)
        const found = Bucket.fitting(startsOf(starts), 1, lastOf(starts), 2)
        fc.pre(found !== undefined)
        assert.isAtMost(0.98 * found.low, rate)
        assert.isAtLeast(1.02 * found.high, rate)
      }),
      { numRuns: 40 }
    )
  })

  it("is never slower than the true one, however often that was full again", () => {
    fc.assert(
      fc.property(asked, fc.constantFrom(1, 3, 8, 20), fc.integer({ min: 20, max: 100 }), (of, burst, every) => {
        const rate = 10 ** (of.rate / 100)
        let at = 0
        const instants = of.gaps.map((gap, i) => (at += (1000 * (gap + (i % every === 0 ? burst : 0))) / rate))
        const starts = judged(ServerModel.tokenBucket({ rate, burst }), instants)
        const found = Bucket.fitting(startsOf(starts), 1, lastOf(starts), 1)
        fc.pre(found !== undefined)
        assert.isAtLeast(1.001 * found.high, rate)
      }),
      { numRuns: 40 }
    )
  })
})
