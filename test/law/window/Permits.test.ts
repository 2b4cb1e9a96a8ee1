import { assert, describe, it } from "@effect/vitest"
import * as Permits from "../../../src/law/window/Permits.js"
import type { Round } from "../../../src/law/window/Round.js"

const round: Round = { unit: 4000, length: 4000 }
const every = 50
const instant = (now: number): Permits.Instant => ({ now, round, every, spread: 1 })
const served = (now: number, over: Partial<Permits.Served> = {}): Permits.Served => ({
  ...instant(now),
  most: 64,
  isUsed: true,
  isPaced: false,
  widest: 64,
  // What is let go is let go exactly.
  dither: 0.5,
  ...over
})

/** Sixteen permits, measured in the first round. */
const base: Permits.Permits = {
  top: 16,
  level: 16,
  since: 4250,
  from: 4250,
  every,
  ends: 4000,
  patience: 0,
  age: -1
}

describe("A permit", () => {
  it("takes a 64th of the unit, and no less than a rejection takes to be known", () => {
    const rows: ReadonlyArray<readonly [unit: number, rejectionLatency: number]> = [
      [4000, 5],
      [4000, 52],
      [4000, 100],
      [8000, 50],
      [8000, 150]
    ]
    assert.deepStrictEqual(
      rows.map(([unit, rejectionLatency]) => Permits.everyOf({ unit, length: unit }, rejectionLatency)),
      [62.5, 62.5, 120, 125, 180]
    )
  })
})

describe("A level of permits", () => {
  it("that nothing is known about neither grows nor is tested", () => {
    const initial = Permits.initial(12)
    assert.deepStrictEqual([Permits.at(initial, 1e12), Permits.isTested(initial, 1e12)], [12, false])
    assert.strictEqual(Permits.nextAt(initial), Infinity)
  })

  it("grows evenly from its instant on", () => {
    assert.deepStrictEqual(
      [0, 4250, 4260, 4300, 4350].map((now) => Permits.at(base, now)),
      [16, 16, 16.2, 17, 18]
    )
    assert.deepStrictEqual(
      [4249, 4250].map((now) => Permits.isTested(base, now)),
      [false, true]
    )
  })

  it("is kept where it is until an instant, and grows from then on", () => {
    const permits = Permits.kept(base, 10, 6000)
    assert.deepStrictEqual(
      [permits, [5999, 6000, 6100].map((now) => [Permits.at(permits, now), Permits.isTested(permits, now)])],
      [
        { ...base, level: 10, since: 6000, from: 6000 },
        [
          [10, false],
          [10, true],
          [12, true]
        ]
      ]
    )
  })

  it("says when the next whole permit is reached, which may be soon after a fraction", () => {
    const levels = [16, 16.5, 16.75, 17 - 1e-12]
    assert.deepStrictEqual(
      levels.map((level) => Math.round(Permits.nextAt({ ...base, level }))),
      [4300, 4275, 4263, 4300]
    )
  })
})

describe("A level that was measured", () => {
  it("stays there for the rest of the round, and is tested in the next", () => {
    assert.deepStrictEqual(Permits.measured(Permits.initial(20), 16, instant(1000), false), { ...base, age: 0 })
    assert.deepStrictEqual(Permits.measured(Permits.initial(20), 16, instant(9000), false), {
      ...Permits.kept(base, 16, 12_250),
      ends: 12_000,
      age: 0
    })
  })

  it("soon is tested an eighth of the unit later, and says nothing of others", () => {
    assert.deepStrictEqual(Permits.measured(Permits.initial(20), 16, instant(1000), true), Permits.kept(base, 16, 1500))
  })

  it("again where it was, or a little above, makes patience, up to three; elsewhere it takes all of it", () => {
    const patience = (top: number, last: Partial<Permits.Permits>, soon = false) =>
      Permits.measured({ ...base, ...last }, top, instant(1000), soon).patience
    const tops = [15, 16, 17, 18, 30]
    assert.deepStrictEqual(
      tops.map((top) => patience(top, { patience: 1 })),
      [0, 2, 2, 0, 0]
    )
    assert.deepStrictEqual(
      [0, 1, 2, 3].map((last) => patience(16, { patience: last })),
      [1, 2, 3, 3]
    )
    assert.deepStrictEqual([patience(100, { top: 95 }), patience(101, { top: 95 })], [1, 0])
    assert.strictEqual(patience(16, { patience: 2 }, true), 0)
  })

  it("below, where it had been known or for the first time, says that others were met", () => {
    const rows: ReadonlyArray<readonly [top: number, patience: number, age: number]> = [
      [15, 0, -1],
      [16, 0, -1],
      [15, 1, 5],
      [15, 2, 5],
      [16, 2, 5]
    ]
    assert.deepStrictEqual(
      rows.map(([top, patience, age]) => Permits.measured({ ...base, patience, age }, top, instant(0), false).age),
      [0, -1, 5, 0, 5]
    )
    assert.strictEqual(Permits.measured({ ...base, patience: 2, age: 5 }, 15, instant(0), true).age, 5)
  })
})

describe("A limit that falls", () => {
  it("is left by a permit, and tested a round trip later; what was known of it is not", () => {
    const last = { ...base, top: 30, level: 30, patience: 3 }
    assert.deepStrictEqual(Permits.fallen(last, 20, instant(5000), 2000), {
      ...Permits.kept(last, 19, 7000),
      top: 19,
      ends: 8000,
      patience: 0
    })
    assert.strictEqual(Permits.fallen(last, 1, instant(5000), 2000).top, 1)
  })

  it("is measured to a permit by a client that is alone", () => {
    const patience = (spread: number) => Permits.measured(base, 17, { ...instant(1000), spread }, false).patience
    assert.deepStrictEqual([1, 0].map(patience), [1, 0])
  })
})

describe("The time that a permit takes", () => {
  it("is a rejection's at least, and for a client that is alone a 32nd of an answer's", () => {
    assert.deepStrictEqual([Permits.everyAlone(600, 50), Permits.everyAlone(32_000, 50)], [60, 1000])
  })
})

describe("A round that begins", () => {
  const begun = (over: Partial<Permits.Permits>, at: Partial<Permits.Served> = {}) =>
    Permits.advance({ ...base, ...over }, served(4000, at))

  it("lets a third of the places go, and takes them back from a sixteenth of the unit on", () => {
    const known = { top: 24, level: 24 }
    assert.deepStrictEqual(begun(known), { ...base, top: 24, level: 16, ends: 8000 })
    assert.deepStrictEqual(begun(known, { now: 4100 }), { ...base, top: 24, level: 16, ends: 8000 })
  })

  it("goes on above the limit only as far as starts were served there", () => {
    const grown = { level: 40, since: 3000, from: 3000 }
    const tops = [64, 20, 19].map((widest) => begun(grown, { widest, isUsed: false }).top)
    assert.deepStrictEqual(tops, [40, 20, 16])
  })

  it("lets half as much go with each time that the same limit was measured", () => {
    const levels = [0, 1, 2, 3].map((patience) => begun({ top: 64, level: 64, patience }, { now: 16_000 }).level)
    assert.deepStrictEqual(levels, [54, 59, 61.5, 62.75])
  })

  it("lets no more go than can be taken back in an eighth of the unit", () => {
    const rows: ReadonlyArray<readonly [level: number, every: number]> = [
      [24, 50],
      [40, 50],
      [40, 100],
      [24, 100]
    ]
    const levels = rows.map(([level, per]) => begun({ top: level, level }, { every: per }).level)
    assert.deepStrictEqual(levels, [16, 30, 35, 19])
  })

  it("lets half of them go three times after others were met, whatever the patience", () => {
    const rounds = [0, 1, 2, 3].map((age) => {
      const { age: next, level } = begun({ top: 24, level: 24, age, patience: 2 })
      return [next, level]
    })
    assert.deepStrictEqual(rounds, [
      [1, 12],
      [2, 12],
      [3, 12],
      [4, 22]
    ])
  })

  it("lets less than a permit go more rarely, and then a whole one or two", () => {
    const table = Array.from({ length: 8 }, (_, i) => {
      const now = 32_000 + i * 4000
      const { level } = Permits.advance({ ...base, top: 12, level: 12, patience: 3, ends: now }, served(now))
      return level
    })
    // 4 / 8 is a half: every second round.
    assert.deepStrictEqual(table, [11, 12.5, 11, 12.5, 11, 12.5, 11, 12.5])
  })

  it("lets nothing go where a pace holds the pool back", () => {
    const { age, level } = begun({ age: 1 }, { isPaced: true })
    assert.deepStrictEqual([age, level], [1, 16.5])
  })

  it("is dithered by a permit, so that equal clients do not ask at the same instant", () => {
    const dithers = [0, 0.25, 0.75]
    const levels = (over: Partial<Permits.Served>) =>
      dithers.map((dither) => begun({ top: 24, level: 24 }, { ...over, dither }).level)
    assert.deepStrictEqual(levels({}), [15.5, 15.75, 16.25])
    assert.deepStrictEqual(levels({ isPaced: true }), [24, 24.25, 24.75])
  })

  it("leaves one permit at least", () => {
    assert.deepStrictEqual(
      [1, 2].map((level) => begun({ top: level, level, age: 0 }, { dither: 0 }).level),
      [1, 1]
    )
  })

  it("begins at no more than the level that was measured, and than the level that was reached", () => {
    const tops = [begun({ top: 15, level: 20 }), begun({ top: 15, level: 12 })]
    assert.deepStrictEqual(
      tops.map(({ level, top }) => [top, level]),
      [
        [15, 10],
        [12, 8]
      ]
    )
  })

  it("while the pool was idle has missed its time: places are taken back from now on", () => {
    const from = [8100, 8250, 11_000].map((now) => Permits.advance(base, served(now)).from)
    assert.deepStrictEqual(from, [8250, 8250, 11_000])
    assert.strictEqual(Permits.advance({ ...base, ends: 8000 }, served(11_000)).from, 8250)
  })

  it("some time ago, for rounds have become longer, lets nothing go and is waited for to its end", () => {
    const long: Round = { unit: 4000, length: 16_000 }
    assert.deepStrictEqual(begun({}, { round: long }), { ...Permits.kept(base, 16, 16_250), ends: 16_000 })
  })
})

describe("Within a round a level", () => {
  const within: Permits.Permits = { ...base, level: 10, ends: 8000 }

  it("stays until its places are free", () => {
    const permits = Permits.advance(within, served(4249))
    assert.strictEqual(permits, within)
  })

  it("takes back one permit after the other from then on", () => {
    let permits = within
    const levels = [4250, 4275, 4300, 4400, 4550].map((now) => {
      permits = Permits.advance(permits, served(now))
      return permits.level
    })
    assert.deepStrictEqual(levels, [10, 10.5, 11, 13, 16])
    assert.deepStrictEqual(permits, { ...within, level: 16, since: 4550 })
  })

  it("grows ever faster well beyond what there was: by as many permits at a time as there are eights in it", () => {
    const rows = [15, 16, 19, 20, 24, 32, 64, 80]
    assert.deepStrictEqual(
      rows.map((level) => every / Permits.advance({ ...within, level }, served(4250, { most: 100 })).every),
      [1, 1, 1, 2.5, 3, 4, 8, 10]
    )
  })

  it("never grows above the most that can be of use, nor far without a step", () => {
    const levels = (most: number) =>
      [4550, 5000, 7999].map((now) => Permits.advance(within, served(now, { most })).level)
    assert.deepStrictEqual(
      [levels(12), levels(64)],
      [
        [12, 12, 12],
        [13, 13, 13]
      ]
    )
    assert.deepStrictEqual([4, 12, 40].map(Permits.mostOf), [7, 15, 50])
  })

  it("that found much more than there was keeps it, and goes on to grow in the next round", () => {
    const found = { ...within, level: 20, since: 7000, from: 4250 }
    const { ends, from, level, top } = Permits.advance(found, served(8000, { most: 21 }))
    assert.deepStrictEqual([ends, from, level, top], [12_000, 4250, 21, 21])
  })

  it("is tested from the round's first growth on, however often it has grown since", () => {
    const permits = Permits.advance(Permits.advance(within, served(4300)), served(4400))
    assert.deepStrictEqual([permits.from, permits.since, Permits.isTested(permits, 4250)], [4250, 4400, true])
  })

  it("does not grow in time in which it was not used", () => {
    const permits = Permits.advance(within, served(4550, { isUsed: false }))
    assert.deepStrictEqual(permits, { ...within, since: 4550 })
    assert.strictEqual(Permits.at(permits, 4600), 11)
  })

  it("that was not used begins the next round where it was", () => {
    const permits = Permits.advance(within, served(8000, { isUsed: false, isPaced: true, dither: 0 }))
    assert.deepStrictEqual([permits.top, permits.level], [10, 10])
  })
})

const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)

describe("Clients on one cap, which know nothing of each other but the time", () => {
  /** What each holds at the end of every round; all have enough to do, and a place that is let go is free at once. */
  const share = (cap: number, held: ReadonlyArray<number>, rounds: number) => {
    const clients = held.map((level) => ({
      held: level,
      permits: Permits.measured(Permits.initial(level), level, instant(0), false)
    }))
    let free = cap - sum(held)
    const wanted = ({ permits }: (typeof clients)[number], now: number) => Math.floor(Permits.at(permits, now) + 1e-9)
    const ends: Array<ReadonlyArray<number>> = []
    for (let turn = 1; ends.length < rounds; turn++) {
      const now = turn * 10
      clients.forEach((client, i) => {
        // As if each had been served another number of times.
        const dither = ((turn * clients.length + i) * 0.618) % 1
        client.permits = Permits.advance(client.permits, served(now, { dither }))
        const letGo = Math.max(0, client.held - wanted(client, now))
        client.held -= letGo
        free += letGo
      })
      // They take turns in who asks first.
      const first = turn % clients.length
      for (const client of [...clients.slice(first), ...clients.slice(0, first)]) {
        while (client.held < wanted(client, now)) {
          if (free > 0) {
            client.held += 1
            free -= 1
          } else client.permits = Permits.measured(client.permits, client.held, instant(now), false)
        }
      }
      if ((now + 10) % round.length === 0) ends.push(clients.map((client) => client.held))
    }
    return ends
  }
  /** The fairness index of Chiu and Jain of what they held on average in each twenty rounds: 1 where all have the same. */
  const fairness = (ends: ReadonlyArray<ReadonlyArray<number>>) =>
    Array.from({ length: ends.length / 20 }, (_, block) => {
      const rows = ends.slice(block * 20, (block + 1) * 20)
      const sums = (ends[0] ?? []).map((_, i) => sum(rows.map((row) => row[i] ?? 0)))
      return sum(sums) ** 2 / (sums.length * sum(sums.map((held) => held ** 2)))
    })

  it("become equal, two of them, however unequal they began", () => {
    const ends = share(16, [15, 1], 120)
    assert.deepStrictEqual(ends[0], [15, 1])
    const [, ...settled] = fairness(ends)
    assert.isTrue(settled.length === 5 && settled.every((index) => index > 0.95), String(settled))
  })

  it("become equal, four of them, however unequal they began", () => {
    const ends = share(40, [37, 1, 1, 1], 120)
    assert.deepStrictEqual(ends[0], [37, 1, 1, 1])
    const [, ...settled] = fairness(ends)
    assert.isTrue(settled.length === 5 && settled.every((index) => index > 0.95), String(settled))
  })

  it("have taken back the whole cap at the end of each round", () => {
    const held = [share(16, [15, 1], 40), share(40, [37, 1, 1, 1], 40), share(16, [16], 40)].map((ends) => [
      ...new Set(ends.map(sum))
    ])
    assert.deepStrictEqual(held, [[16], [40], [16]])
  })
})
