import { assert, describe, it } from "@effect/vitest"
import { Duration, FastCheck as fc } from "effect"
import * as Cost from "../../src/limit/Cost.js"
import * as Ledger from "../../src/limit/Ledger.js"
import * as Limit from "../../src/limit/Limit.js"
import { type Arrival, type Call, run } from "./world.js"

const tokens = (n: number) => Cost.weigh({ tokens: n })

const told = (limit: Limit.Limit) =>
  Limit.tell([
    {
      ...limit,
      per: limit.per === undefined ? undefined : Duration.decode(limit.per),
      transit: limit.transit === undefined ? undefined : Duration.decode(limit.transit)
    }
  ])

/** What the API counts of a call at an instant: what it asked for until it is answered. */
const counted = (unit: Cost.Unit, { actual, asked, endedAt }: Arrival, at: number) =>
  at < endedAt ? asked[unit] : actual[unit]

/** The most that any span of so many milliseconds had, by arrivals. */
const mostInSpan = (unit: Cost.Unit, arrivals: ReadonlyArray<Arrival>, per: number) =>
  arrivals.reduce((most, { at }) => {
    const inside = arrivals.filter((other) => other.at <= at && other.at > at - per)
    return Math.max(
      most,
      inside.reduce((sum, other) => sum + counted(unit, other, at), 0)
    )
  }, 0)

/** The most that was ever missing in a bucket. */
const mostMissing = (unit: Cost.Unit, arrivals: ReadonlyArray<Arrival>, rate: number) => {
  const changes = arrivals
    .flatMap(({ actual, asked, at, endedAt }) => [
      { at, amount: asked[unit] },
      // A bucket that gives back is not fuller than full.
      ...(endedAt < Infinity ? [{ at: Math.max(at, endedAt), amount: actual[unit] - asked[unit] }] : [])
    ])
    .sort((a, b) => a.at - b.at)
  let missing = 0
  let most = 0
  let last = changes[0]?.at ?? 0
  for (const { amount, at } of changes) {
    missing = Math.max(0, Math.max(0, missing - rate * (at - last)) + amount)
    most = Math.max(most, missing)
    last = at
  }
  return most
}

const call = (longest: number, transit: number): fc.Arbitrary<Call> =>
  fc
    .record({
      asked: fc.integer({ min: 0, max: longest }),
      share: fc.constantFrom(0, 0.2, 1),
      lasts: fc.constantFrom(0, 1, 7.3, 120, 2500),
      way: fc.constantFrom(0, 0.1, 0.5, 1),
      how: fc.constantFrom("answered" as const, "answered" as const, "broken" as const)
    })
    .map(({ asked, how, lasts, share, way }) => ({
      asked: tokens(asked),
      actual: { ...tokens(Math.floor(asked * share)), requests: 1 },
      lasts,
      // An answered call has arrived; one that was broken off may still be on its way.
      way: Math.min(way * transit, how === "answered" ? lasts : Infinity),
      how
    }))

const world = fc
  .record({
    most: fc.constantFrom(1, 7, 100, 1000),
    per: fc.constantFrom(100, 1000, 3000, 60_000),
    transit: fc.constantFrom(0, 10, 300),
    permits: fc.constantFrom(1, 8, 500),
    // Instants since the epoch are less exact than those since a start.
    from: fc.constantFrom(0, 1_790_000_000_123.456)
  })
  .chain((options) =>
    fc.record({
      options: fc.constant(options),
      calls: fc.array(call(options.most, options.transit), { minLength: 1, maxLength: 60 })
    })
  )

const conserves = ({ open, refunded, reserved, settled }: Ledger.Standing) => reserved === settled + refunded + open

describe("Ledger", () => {
  it("never has more than the limit in any span by the API's count, however long calls are on their way", () => {
    fc.assert(
      fc.property(world, ({ calls, options: { from, most, per, permits, transit } }) => {
        const limits = [...told({ tokens: most, per, transit }), ...told({ requests: most, per, transit })]
        const { arrivals, left, standings } = run(limits, calls, from, permits)
        assert.strictEqual(left, 0)
        assert.isAtMost(mostInSpan("tokens", arrivals, per), most)
        assert.isAtMost(mostInSpan("requests", arrivals, per), most)
        // A window is enough for a bucket that holds the limit.
        assert.isAtMost(mostMissing("requests", arrivals, most / per), most * (1 + 1e-9))
        assert.isTrue(standings.every(conserves))
        assert.isTrue(standings.every(({ open }) => open === 0))
      })
    )
  })

  it("never empties a bucket, whatever its burst", () => {
    fc.assert(
      fc.property(world, fc.constantFrom(1, 2, 10), ({ calls, options }, times) => {
        const { from, most, per, permits, transit } = options
        // A bucket that holds more than its limit of a period, or as little as its largest call.
        const limits = told({ tokens: most / times, burst: most, per, transit, kind: "bucket" })
        const { arrivals, left, standings } = run(limits, calls, from, permits)
        assert.strictEqual(left, 0)
        assert.isAtMost(mostMissing("tokens", arrivals, most / times / per), most * (1 + 1e-9))
        assert.isTrue(standings.every(conserves))
      })
    )
  })

  it("holds where calls are counted at any instant until their answer", () => {
    const slow = fc.record({
      asked: fc.integer({ min: 1, max: 100 }).map(tokens),
      lasts: fc.constantFrom(1, 400, 5000),
      share: fc.double({ min: 0, max: 1, noNaN: true })
    })
    fc.assert(
      fc.property(fc.array(slow, { minLength: 1, maxLength: 60 }), fc.constantFrom(1, 8), (rows, permits) => {
        const calls = rows.map(({ asked, lasts, share }) => ({
          asked,
          actual: asked,
          lasts,
          way: lasts * share,
          how: "answered" as const
        }))
        const { arrivals, left } = run(told({ tokens: 100, per: 1000, transit: Infinity }), calls, 0, permits)
        assert.strictEqual(left, 0)
        assert.isAtMost(mostInSpan("tokens", arrivals, 1000), 100)
      })
    )
  })

  const plain = (count: number, n = 0): ReadonlyArray<Call> =>
    Array.from({ length: count }, () => ({ asked: tokens(n), actual: tokens(n), lasts: 0, way: 0, how: "answered" }))

  it("is exact at rates that are no whole number of milliseconds", () => {
    const { starts } = run(told({ requests: 7, per: "3 seconds" }), plain(22), 0, 1)
    const guard = 0.001
    assert.deepStrictEqual(
      starts,
      Array.from({ length: 22 }, (_, i) => Math.floor(i / 7)).map((round) => round * (3000 + guard))
    )
    const slow = run(told({ requests: 1, per: "2 seconds" }), plain(4), 0, 1)
    assert.deepStrictEqual(slow.starts, [0, 2000 + guard, 4000 + 2 * guard, 6000 + 3 * guard])
    const fast = run(told({ requests: 900, per: "1 second" }), plain(901), 0, 1)
    assert.deepStrictEqual(fast.starts.at(-1), 1000 + guard)
    const bucket = run(told({ requests: 900, per: "1 second", kind: "bucket", burst: 2 }), plain(902), 0, 1)
    assert.closeTo(bucket.starts.at(-1) ?? 0, 1000, 2 * guard)
  })

  it("loses a twentieth to the way there, where calls last longer than that", () => {
    const calls = plain(21).map((one) => ({ ...one, lasts: 500 }))
    const { starts } = run(told({ requests: 10, per: "1 second" }), calls, 0, 100)
    assert.deepStrictEqual([starts[9], starts[10], starts[20]], [0, 1050.001, 2100.002])
  })

  it("gives back what a call did not take, and only while it is counted", () => {
    const ledger = Ledger.make(told({ tokens: 100, per: 1000, transit: 0 }))
    const all = ledger.amounts(tokens(100), tokens(100))
    const first = ledger.reserve(all, 0)
    assert.strictEqual(ledger.opensAt(all, 10), 1000.001)
    ledger.settle(first, "answered", tokens(40), 500)
    assert.strictEqual(ledger.opensAt([60], 500), 500)
    const second = ledger.reserve([60], 500)
    // Its span is over: there is nothing to give back.
    ledger.settle(second, "answered", tokens(0), 2000)
    assert.deepStrictEqual(
      ledger.standings(2000).map(({ limit: _, ...rest }) => rest),
      [{ used: 0, reserved: 160, settled: 40, refunded: 120, open: 0 }]
    )
  })

  it("gives nothing back where the API does not, nor what may have been counted", () => {
    const asked = Ledger.make(told({ tokens: 100, per: 1000, transit: 0, refunds: false }))
    const one = asked.reserve([100], 0)
    asked.settle(one, "answered", tokens(1), 10)
    assert.strictEqual(asked.opensAt([1], 10), 1000.001)
    const broken = Ledger.make(told({ tokens: 100, per: 1000, transit: 50 }))
    const other = broken.reserve([100], 0)
    broken.settle(other, "broken", undefined, 10)
    assert.strictEqual(broken.opensAt([1], 10), 1050.001)
  })

  it("gives back what a call that failed did not take, which may be on its way yet", () => {
    for (const kind of ["window", "bucket"] as const) {
      const ledger = Ledger.make(told({ tokens: 100, per: 1000, transit: 50, kind }))
      const [one, other] = [ledger.reserve([60], 0), ledger.reserve([40], 0)]
      ledger.settle(one, "failed", tokens(10), 10)
      assert.deepStrictEqual([ledger.standings(10)[0]?.used, ledger.opensAt([50], 10)], [50, 10])
      ledger.settle(other, "answered", tokens(40), 20)
      const [left] = ledger.standings(3000)
      assert.deepStrictEqual([left?.used, left?.open, left?.refunded], [0, 0, 50])
    }
  })

  it("has nothing left of fractions that it has counted", () => {
    const ledger = Ledger.make(told({ tokens: 1, per: 1000, transit: 0 }))
    for (const share of [0.1, 0.2, 0.3]) ledger.settle(ledger.reserve([share], 0), "answered", undefined, 0)
    assert.deepStrictEqual([ledger.standings(2000)[0]?.used, ledger.opensAt([1], 2000)], [0, 2000])
  })

  it("opens a bucket at no instant that anybody knows where calls may be on their way until their answer", () => {
    const ledger = Ledger.make(told({ tokens: 10, per: 1000, transit: Infinity, kind: "bucket" }))
    const [first] = [ledger.reserve([4], 0), ledger.reserve([4], 0)]
    assert.deepStrictEqual(
      [ledger.opensAt([2], 5), ledger.opensAt([3], 5), ledger.opensAt([10], 5)],
      [5, Infinity, Infinity]
    )
    ledger.settle(first, "answered", undefined, 100)
    assert.strictEqual(ledger.opensAt([6], 100), 500.001)
    assert.strictEqual(ledger.opensAt([11], 100), Infinity, "it never holds so much")
  })

  it("expects what was learned of calls, but no more than the limit, and what they ask for where nothing is given back", () => {
    const [refunds, keeps] = [true, false].map((refunds) => Ledger.make(told({ tokens: 100, per: 1000, refunds })))
    assert.deepStrictEqual(
      [refunds, keeps].map((ledger) =>
        [tokens(40), tokens(900)].map((learned) => ledger?.amounts(tokens(90), learned))
      ),
      [
        [[40], [100]],
        [[90], [90]]
      ]
    )
  })

  it("counts what a call took beyond what it asked for", () => {
    const ledger = Ledger.make(told({ tokens: 100, per: 1000, transit: 0 }))
    const first = ledger.reserve([10], 0)
    ledger.settle(first, "answered", tokens(250), 100)
    assert.strictEqual(ledger.opensAt([1], 100), 1000.001)
    assert.isTrue(ledger.standings(100).every(conserves))
  })

  it("keeps the place of a call that was broken off until the API knows", () => {
    const ledger = Ledger.make(told({ concurrent: 2, transit: 100 }))
    const [a, b] = [ledger.reserve([1], 0), ledger.reserve([1], 0)]
    assert.strictEqual(ledger.opensAt([1], 0), Infinity)
    ledger.settle(a, "broken", undefined, 10)
    assert.strictEqual(ledger.opensAt([1], 10), 110.001)
    assert.deepStrictEqual(
      [110, 111].map((now) => ledger.standings(now)[0]?.used),
      [2, 1]
    )
    assert.strictEqual(ledger.opensAt([1], 111), 111)
    ledger.settle(b, "answered", undefined, 120)
    assert.strictEqual(ledger.opensAt([2], 120), 120)
  })

  it("takes back what was never sent", () => {
    const ledger = Ledger.make([...told({ requests: 1, per: 1000 }), ...told({ concurrent: 1 })])
    ledger.undo(ledger.reserve([1, 1], 0), 0)
    assert.strictEqual(ledger.opensAt([1, 1], 0), 0)
    assert.isTrue(ledger.standings(0).every(({ reserved, used }) => reserved === 0 && used === 0))
  })

  it("lets a small call pass a large one that waits only where that does not delay it", () => {
    const ledger = Ledger.make(told({ tokens: 100, per: 1000, transit: 0 }))
    ledger.settle(ledger.reserve([50], 0), "answered", undefined, 0)
    ledger.settle(ledger.reserve([20], 300), "answered", undefined, 300)
    // The large one starts when the 50 are gone: then there are 20 left beside it.
    const opensAt = ledger.opensAt([60], 400)
    assert.strictEqual(opensAt, 1000.001)
    assert.isTrue(ledger.fitsBeside([20], [60], opensAt, 400))
    assert.isFalse(ledger.fitsBeside([21], [60], opensAt, 400))
    ledger.reserve([20], 400)
    assert.strictEqual(ledger.opensAt([60], 400), opensAt)
    assert.isFalse(ledger.fitsBeside([1], [60], opensAt, 400))
  })

  it("tries whether the API allows more, where it may, and goes back at a rejection", () => {
    const ledger = Ledger.make(told({ requests: 20, per: 1000, transit: 0, grows: true }))
    /** How many start at once, after all before have ended. */
    const round = (now: number) => {
      let count = 0
      for (; ledger.opensAt([1], now) <= now; count++) {
        ledger.settle(ledger.reserve([1], now), "answered", undefined, now)
      }
      ledger.learn(false, now)
      return count
    }
    assert.deepStrictEqual([0, 2000, 4000, 6000].map(round), [20, 21, 22, 23])
    // Not again while nothing was held back, nor before a whole span is over.
    ledger.learn(false, 6500)
    assert.deepStrictEqual([ledger.opensAt(Array.of(24), 9000), ledger.opensAt(Array.of(25), 9000)], [9000, Infinity])
    ledger.learn(false, 6999)
    assert.strictEqual(ledger.opensAt(Array.of(25), 9000), Infinity)
    ledger.learn(true, 7000)
    assert.strictEqual(round(8000), 20)
  })

  it("counts from when an attempt begins, where a busy process lets it wait after its start", () => {
    const window = Ledger.make(told({ tokens: 100, per: 1000, transit: 50 }))
    const late = window.reserve([100], 0)
    // By then it is taken for arrived.
    assert.strictEqual(window.opensAt([1], 200), 1050.001)
    window.begin(late, 200)
    assert.strictEqual(window.opensAt([1], 200), 1250.001)
    window.settle(late, "answered", undefined, 210)
    assert.strictEqual(window.opensAt([1], 210), 1210.001)
    const bucket = Ledger.make(told({ tokens: 100, per: 1000, transit: 50, kind: "bucket" }))
    const other = bucket.reserve([100], 0)
    assert.strictEqual(bucket.opensAt([10], 100), 150.001)
    bucket.begin(other, 100)
    assert.strictEqual(bucket.opensAt([10], 100), 250.001)
    for (const ledger of [window, bucket]) assert.isTrue(ledger.standings(2000).every(conserves))
    // And where it is on its way yet.
    for (const kind of ["window", "bucket"] as const) {
      const ledger = Ledger.make(told({ tokens: 100, per: 1000, transit: 50, kind }))
      ledger.begin(ledger.reserve([100], 0), 20)
      assert.strictEqual(ledger.opensAt([100], 30), 1070.001)
    }
  })

  it("knows the limit that is smaller than a call", () => {
    const ledger = Ledger.make([...told({ requests: 5, per: 1000 }), ...told({ tokens: 100, per: 1000 })])
    assert.isUndefined(ledger.tooSmall(tokens(100)))
    assert.strictEqual(ledger.tooSmall(tokens(101))?.unit, "tokens")
  })

  it("has a bound on what it remembers, and keeps the limit beyond it", () => {
    const calls = plain(12_000, 1).map((one, i) => ({ ...one, lasts: 0.1 + (i % 7) * 0.01 }))
    const { arrivals, end } = run(told({ tokens: 5000, per: 1000, transit: 0 }), calls, 0, 1)
    let first = 0
    const most = arrivals.reduce((sofar, { at }, i) => {
      while ((arrivals[first]?.at ?? Infinity) <= at - 1000) first += 1
      return Math.max(sofar, i - first + 1)
    }, 0)
    assert.isAtMost(most, 5000)
    assert.isBelow(end, 2500)
  })
})
