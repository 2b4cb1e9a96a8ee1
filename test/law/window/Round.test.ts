import { assert, describe, it } from "@effect/vitest"
import * as Round from "../../../src/law/window/Round.js"

const round = (unit: number, length = unit): Round.Round => ({ unit, length })
/** A round for calls that are neither rare nor dear. */
const unitOf = (latency: number) => Round.make(latency, 1000, 0, 0).unit

describe("The unit of a round", () => {
  it("is four seconds for a latency of up to 750 ms, and doubles with it", () => {
    const table = [0.1, 100, 750, 751, 1500, 1501, 3000, 3001, 6000, 6001, 60_000].map((latency) => [
      latency,
      unitOf(latency)
    ])
    assert.deepStrictEqual(table, [
      [0.1, 4000],
      [100, 4000],
      [750, 4000],
      [751, 8000],
      [1500, 8000],
      [1501, 16_000],
      [3000, 16_000],
      [3001, 32_000],
      [6000, 32_000],
      [6001, 64_000],
      [60_000, 512_000]
    ])
  })

  it("depends on the latency alone: all clients of an API have the same", () => {
    const units = [0.001, 1, 1000].flatMap((rate) =>
      [0, 8, 1000].flatMap((count) => [0, 50_000].map((cost) => Round.make(1000, rate, count, cost).unit))
    )
    assert.deepStrictEqual([units.length, ...new Set(units)], [18, 8000])
  })
})

describe("The length of a round", () => {
  const lengths = (rows: ReadonlyArray<readonly [rate: number, count: number, cost: number]>) =>
    rows.map(([rate, count, cost]) => Round.make(100, rate, count, cost).length)

  it("is the unit where it holds enough calls, and twice that where calls are rare, however rare", () => {
    const rows = [100, 2, 1.99, 1, 0.5, 0.001, 0].map((rate) => [rate, 8, 0] as const)
    assert.deepStrictEqual(lengths(rows), [4000, 4000, 8000, 8000, 8000, 8000, 8000])
  })

  it("doubles until what a rejection costs is affordable", () => {
    const rows = [0, 4000, 4001, 8000, 8001, 50_000].map((cost) => [100, 8, cost] as const)
    assert.deepStrictEqual(lengths(rows), [4000, 4000, 8000, 8000, 16_000, 64_000])
  })

  it("counts calls in the round that is affordable", () => {
    assert.deepStrictEqual(
      lengths([
        [1, 8, 4000],
        [1, 8, 8000],
        [0.9, 8, 8000]
      ]),
      [8000, 8000, 16_000]
    )
  })

  it("is a power of two times the unit, so that long rounds begin with short ones", () => {
    const ratios = new Set<number>()
    for (const latency of [10, 900, 4000]) {
      for (const rate of [0.01, 0.7, 30]) {
        for (const cost of [0, 3000, 70_000, 300_000]) {
          const { length, unit } = Round.make(latency, rate, 20, cost)
          ratios.add(Math.log2(length / unit))
        }
      }
    }
    assert.deepStrictEqual(
      [...ratios].sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((power) => ratios.has(power))
    )
    assert.isTrue(ratios.size > 4)
  })
})

describe("A round", () => {
  it("ends where the time since the epoch is a multiple of its length", () => {
    const ends = [0, 1, 7999, 8000, 12_345].map((now) => Round.endOf(round(4000, 8000), now))
    assert.deepStrictEqual(ends, [8000, 8000, 8000, 16_000, 16_000])
  })

  it("has its places taken back a sixteenth of the unit after its beginning, however long it is", () => {
    const rounds = [round(4000), round(4000, 16_000), round(8000)]
    assert.deepStrictEqual(
      rounds.map((of) => Round.climbsAt(of, 16_000)),
      [16_250, 16_250, 16_500]
    )
  })

  it("is busy in the first quarter of the unit, and of every unit in it", () => {
    const instants = [0, 999, 1000, 3999, 4000, 4999, 5000, 8000]
    const busy = [true, true, false, false, true, true, false, true]
    assert.deepStrictEqual(
      instants.map((now) => Round.isBusy(round(4000, 16_000), now)),
      busy
    )
    assert.deepStrictEqual(
      instants.map((now) => Round.isBusy(round(8000), now)),
      [true, true, true, false, false, false, false, true]
    )
  })
})

describe("The roundest instant between two", () => {
  it("is 250 ms after the beginning of the longest round that begins there, when places may be taken", () => {
    const rows: ReadonlyArray<readonly [after: number, until: number]> = [
      [1000, 5000],
      [1000, 9000],
      [1000, 13_000],
      [5000, 13_000],
      [9000, 13_000],
      [9000, 40_000],
      [33_000, 60_000]
    ]
    assert.deepStrictEqual(
      rows.map(([after, until]) => Round.roundest(after, until)),
      [4250, 8250, 8250, 8250, 12_250, 32_250, 48_250]
    )
  })

  it("is none where no round begins", () => {
    assert.deepStrictEqual([Round.roundest(250, 4249), Round.roundest(4250, 8249)], [undefined, undefined])
    // Nor before the first has ended, as on a test's clock.
    assert.deepStrictEqual([Round.roundest(150, 250), Round.roundest(-100, 0)], [undefined, undefined])
  })

  it("is not the first instant, but may be the last", () => {
    assert.deepStrictEqual([Round.roundest(4250, 5000), Round.roundest(4249, 4250)], [undefined, 4250])
  })
})

describe("The round of a client that is alone", () => {
  it("is long enough for so many calls, to the nearest power of two, and at most eight times the shortest", () => {
    const lengths = [100, 5, 3, 2.5, 1.25, 0.1].map((rate) => Round.alone(rate, 20, 0).length)
    assert.deepStrictEqual(lengths, [4000, 4000, 8000, 8000, 16_000, 32_000])
  })

  it("is as long as what a rejection costs demands, whatever the calls", () => {
    assert.deepStrictEqual(Round.alone(100, 20, 50_000), { unit: 4000, length: 64_000 })
  })
})
