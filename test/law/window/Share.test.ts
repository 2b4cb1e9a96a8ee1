import { assert, describe, it } from "@effect/vitest"
import type { Round } from "../../../src/law/window/Round.js"
import * as Share from "../../../src/law/window/Share.js"

const round: Round = { unit: 4000, length: 4000 }

/** A pace of twenty starts a second, cut in the first round. */
const base: Share.Share = { shared: true, top: 20, rate: 20, from: Infinity, ends: 4000, quiet: 0, streak: 0 }
/** The same in the second round, where it grows. */
const growing: Share.Share = { ...base, from: 4250, ends: 8000 }

describe("A shared pace", () => {
  it("begins at its rate, and does not grow before the next round", () => {
    assert.deepStrictEqual(Share.make(20, 1000, round), base)
    assert.deepStrictEqual(Share.make(20, 9000, round, 2), { ...base, ends: 12_000, streak: 2 })
    assert.strictEqual(Share.advance(base, 3999, 100, true, round), base)
  })

  it("is cut by a fifth at a rejection, and waits for the next round again", () => {
    assert.deepStrictEqual(Share.rejected({ ...growing, rate: 30, top: 5, quiet: 3 }, 5000, round), {
      ...base,
      top: 24,
      rate: 24,
      ends: 8000,
      streak: 1
    })
  })

  it("grows from a sixteenth of the unit after the round's beginning on", () => {
    const begun = [4000, 4100, 11_000].map((now) => Share.advance(base, now, 100, true, round))
    assert.deepStrictEqual(begun, [growing, growing, { ...base, from: 8250, ends: 12_000 }])
  })

  it("grows by two starts a second every second, for rounds of four seconds, and only when it grows", () => {
    const rates = [4249, 4250, 4300, 4750].map((now) => Share.advance(growing, now, 500, true, round).rate)
    assert.deepStrictEqual(rates, [20, 20, 20.1, 21])
  })

  it("grows by the time that went by, and no more than since it may", () => {
    const rates = [100, 250, 1000].map((elapsed) => Share.advance(growing, 4500, elapsed, true, round).rate)
    assert.deepStrictEqual(rates, [20.2, 20.5, 20.5])
  })

  it("grows by the same for all, whatever they have", () => {
    const grown = [2, 20, 200].map(
      (rate) => Share.advance({ ...growing, rate, top: rate }, 5250, 1000, true, round).rate - rate
    )
    assert.deepStrictEqual(grown, [2, 2, 2])
  })

  it("of very little does not grow faster than to five times itself in a round", () => {
    assert.strictEqual(Share.advance({ ...growing, rate: 1, top: 1 }, 5250, 1000, true, round).rate, 2)
    const long: Round = { unit: 4000, length: 16_000 }
    assert.strictEqual(Share.advance({ ...growing, ends: 16_000 }, 5250, 1000, true, long).rate, 22)
    assert.strictEqual(Share.advance({ ...growing, rate: 1, ends: 16_000 }, 5250, 1000, true, long).rate, 1.25)
  })

  it("grows more slowly where the latency is longer: in a round it is one start in flight more", () => {
    const slow: Round = { unit: 8000, length: 8000 }
    assert.strictEqual(Share.advance({ ...growing, ends: 8000 }, 5250, 1000, true, slow).rate, 20.5)
  })

  it("does not grow while it is not what holds starts back", () => {
    assert.strictEqual(Share.advance(growing, 5250, 1000, false, round), growing)
  })

  it("grows twice as fast after each round without a rejection", () => {
    let share = growing
    const grown = [8000, 12_000, 16_000].map((now) => {
      share = Share.advance(share, now, 100, true, round)
      return [share.quiet, share.from, share.ends, Share.advance(share, now + 500, 500, true, round).rate - share.rate]
    })
    assert.deepStrictEqual(grown, [
      [1, 4250, 12_000, 2],
      [2, 4250, 16_000, 4],
      [3, 4250, 20_000, 8]
    ])
  })

  it("has plenty at more than four times the rate of the last rejection", () => {
    assert.deepStrictEqual(
      [20, 80, 80.1].map((rate) => Share.isPlenty({ ...base, rate })),
      [false, false, true]
    )
  })

  it("is shared with nobody, where it seems so in four rounds in a row, with one rejection each", () => {
    let share: Share.Share | undefined = Share.make(20, 0, round)
    const streaks: Array<number | undefined> = []
    for (let now = 5000; share !== undefined; now += 4000) {
      share = Share.rejected(Share.advance(share, now, 100, true, round), now, round)
      streaks.push(share?.streak)
    }
    assert.deepStrictEqual(streaks, [1, 2, 3, undefined])
  })

  it("is shared with others, where a second rejection follows the cut in the same round", () => {
    const once = Share.rejected({ ...growing, streak: 3 - 1 }, 5000, round)
    assert.strictEqual(once?.streak, 3)
    const twice = once && Share.rejected(once, 5100, round)
    assert.deepStrictEqual([twice?.streak, twice?.rate], [0, 20 * 0.8 * 0.8])
  })
})

describe("Clients of one token bucket, which know nothing of each other but the time", () => {
  const limit = 40
  const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)

  /** What each is served in each twenty rounds, where they begin with these starts a second. */
  const share = (rates: ReadonlyArray<number>, rounds: number) => {
    const clients = rates.map((rate, i) => ({ share: Share.make(rate, 0, round), last: 0, next: 1 + i, served: 0 }))
    const spans: Array<ReadonlyArray<number>> = []
    let [tokens, at] = [limit, 0]
    while (spans.length < rounds / 20) {
      const client = clients.reduce((a, b) => (b.next < a.next ? b : a))
      const now = client.next
      if (now >= 20 * round.length * (spans.length + 1)) {
        spans.push(clients.map(({ served }) => served))
        for (const each of clients) each.served = 0
      }
      tokens = Math.min(limit, tokens + ((now - at) * limit) / 1000)
      at = now
      if (tokens >= 1) {
        tokens -= 1
        client.served += 1
        client.share = Share.advance(client.share, now, now - client.last, true, round)
      } else {
        // Who thinks to be alone soon meets the others again.
        client.share = Share.rejected(client.share, now, round) ?? Share.make(0.8 * client.share.rate, now, round)
      }
      client.last = now
      client.next = now + 1000 / client.share.rate
    }
    return spans
  }
  /** The fairness index of Chiu and Jain: 1 where all have the same. */
  const fairness = (served: ReadonlyArray<number>) =>
    sum(served) ** 2 / (served.length * sum(served.map((count) => count ** 2)))

  for (const rates of [
    [35, 5],
    [30, 4, 3, 3]
  ]) {
    it(`become equal, ${rates.length} of them, however unequal they began, and lose next to nothing of it`, () => {
      const [, ...settled] = share(rates, 120)
      assert.strictEqual(settled.length, 5)
      for (const served of settled) {
        assert.isAbove(fairness(served), 0.95)
        assert.isAbove(sum(served), 0.98 * 80 * limit)
      }
    })
  }
})
