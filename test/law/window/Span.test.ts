import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { ServerModel } from "effect-aimd/testing"
import * as Span from "../../../src/law/window/Span.js"
import { capped, judged, spread, startsOf, type Start, unequal } from "../../support/starts.js"

const lastOf = (starts: ReadonlyArray<Start>): number => starts.findLastIndex(([, fate]) => fate === "capacity") + 1

const fitting = (starts: ReadonlyArray<Start>, until = lastOf(starts)) => {
  const found = Span.fitting(startsOf(starts), until)
  return found && [found.limit, found.period, found.areRejectedCounted]
}

/** No instant is one of the clock's grid. */
const begin = 1_000_000_123

type Kind = "aligned" | "from the first start" | "sliding" | "sliding, rejections counted"

const judge = (kind: Kind, limit: number, per: number, instants: ReadonlyArray<number>): ReadonlyArray<Start> =>
  kind === "aligned" || kind === "from the first start"
    ? judged(ServerModel.fixedWindow({ limit, per, aligned: kind === "aligned" }), instants)
    : judged(ServerModel.slidingWindow({ limit, per, countRejected: kind !== "sliding" }), instants)

/** Starts at twice the pace that a limit allows, and a rest after each half as many more: who never rests is never let in. */
const withRests = (limit: number, period: number): ReadonlyArray<number> => {
  const rests = [0, ...spread(1200, 0.35)]
  return spread(600, period / limit / 2, begin).map((at, i) => {
    const visits = Math.floor(i / (1.5 * limit))
    return at + period * (0.3 * visits + (rests[visits] ?? 0))
  })
}

const periods = [1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000]
const limits = [1, 2, 5, 20, 60]
const all = periods.flatMap((period) => limits.map((limit) => [limit, period] as const))

describe("The span that fits", () => {
  it.each<Kind>(["aligned", "from the first start", "sliding"])("is found exactly where windows are %s", (kind) => {
    for (const by of [1.1, 1.3, 2])
      assert.deepStrictEqual(
        all.map(([limit, period]) => fitting(judge(kind, limit, period, spread(400, period / limit / by, begin)))),
        all.map(([limit, period]) => [limit, period, false])
      )
  })

  it("is found exactly where the API counts what it has rejected, too", () => {
    assert.deepStrictEqual(
      all.map(([limit, period]) =>
        fitting(judge("sliding, rejections counted", limit, period, withRests(limit, period)))
      ),
      all.map(([limit, period]) => [limit, period, true])
    )
  })

  const row = (count: number, fate: Start[1], from: number, gap = 10): ReadonlyArray<Start> =>
    Array.from({ length: count }, (_, i) => [from + i * gap, fate])
  /** Windows of a second in which so many are let through before some are rejected. */
  const windows = (count: number, through: number, rejected: number, from = 0): ReadonlyArray<Start> =>
    Array.from({ length: count }, (_, i) => [
      ...row(through, "success", from + 1000 * i),
      ...row(rejected, "capacity", from + 1000 * i + 10 * through)
    ]).flat()

  it.each([
    [1, 32],
    [15, 3],
    [16, 2],
    [40, 2]
  ])("has been used up often enough: %d a second in %d spans", (limit, spans) => {
    assert.isUndefined(fitting(windows(spans - 1, limit, 5)))
    assert.deepStrictEqual(fitting(windows(spans, limit, 5)), [limit, 1000, false])
  })

  it("is of tokens, where starts weigh differently", () => {
    const server = ServerModel.fixedWindow({ limit: 60_000, per: 60_000, unit: "tokens" })
    const starts = judged(server, spread(600, 400, begin), unequal)
    const { limit, period, start } = Span.fitting(startsOf(starts), lastOf(starts)) ?? assert.fail("nothing fits")
    assert.deepStrictEqual([period, start.most > 1090, Math.round(start.mean)], [60_000, true, 600])
    assert.isTrue(limit > 59_800 && limit <= 60_000)
    // Alike, as many that weigh nothing fit none.
    assert.isUndefined(fitting(starts.map(([at, fate]): Start => [at, fate])))
  })

  it("has been used up again only when half of it was let through since", () => {
    const trickle = (count: number): ReadonlyArray<Start> =>
      Array.from({ length: count }, (_, i): ReadonlyArray<Start> => [
        [1000 + 10 * i, "success"],
        [1001 + 10 * i, "capacity"]
      ]).flat()
    const full = windows(1, 16, 1)
    assert.isUndefined(fitting([...full, ...trickle(7)]))
    assert.deepStrictEqual(fitting([...full, ...trickle(8)]), [16, 1000, false])
  })

  it("is that of the latest 1,024 starts up to the one that it is asked about", () => {
    const clean = windows(64, 15, 1, 60_000)
    const stray = row(3, "capacity", 0)
    assert.deepStrictEqual(fitting([...stray, ...clean]), [15, 1000, false])
    assert.deepStrictEqual(fitting([...clean, ...row(9, "capacity", 200_000)], 1024), [15, 1000, false])
    assert.isUndefined(fitting([...clean, ...row(9, "capacity", 200_000)]))
  })

  it("takes what is open for let through", () => {
    const starts = judge("sliding, rejections counted", 20, 5000, withRests(20, 5000))
    const open = starts.map(([at, fate]): Start => [at, fate === "success" ? "open" : fate])
    assert.deepStrictEqual(fitting(open), [20, 5000, true])
  })

  const random = (count: number, most: number) =>
    fc.array(
      fc.noBias(fc.integer({ min: 0, max: 1000 * most })).map((n) => n / 1000),
      { minLength: count, maxLength: count }
    )
  const sum = (gaps: ReadonlyArray<number>, unit: number): ReadonlyArray<number> => {
    let at = begin
    return gaps.map((gap) => (at += gap * unit))
  }

  it("is none on a cap, on a bucket, and where chance rejects", () => {
    const asked = fc.record({
      gaps: random(500, 1.7),
      luck: random(500, 1),
      size: fc.integer({ min: 2, max: 30 }),
      mean: fc.integer({ min: 10, max: 2000 }),
      chance: fc.constantFrom(0.01, 0.05, 0.3)
    })
    fc.assert(
      fc.property(asked, ({ chance, gaps, luck, mean, size }) => {
        const instants = sum(gaps, mean)
        const logs = [
          capped(size, size * mean, instants),
          judged(ServerModel.tokenBucket({ rate: 1000 / mean, burst: size }), instants),
          instants.map((at, i): Start => [at, (luck[i] ?? 1) < chance ? "capacity" : "success"])
        ]
        assert.deepStrictEqual(
          logs.map((log) => fitting(log)),
          [undefined, undefined, undefined]
        )
      }),
      { numRuns: 40 }
    )
  })

  it("is the same at whatever pace, and wherever the grid is", () => {
    const asked = fc.record({
      kind: fc.constantFrom<Kind>("aligned", "from the first start", "sliding"),
      limit: fc.integer({ min: 1, max: 60 }),
      period: fc.constantFrom(...periods),
      from: fc.nat(120_000),
      gaps: random(400, 1.5)
    })
    fc.assert(
      fc.property(asked, ({ from, gaps, kind, limit, period }) => {
        const instants = sum(gaps, period / limit).map((at) => at + from)
        assert.deepStrictEqual(fitting(judge(kind, limit, period, instants)), [limit, period, false])
      }),
      { numRuns: 60 }
    )
  })
})
