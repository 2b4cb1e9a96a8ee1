import { assert, describe, it } from "@effect/vitest"
import { Workload } from "effect-aimd/testing"

const afters = (parties: ReadonlyArray<Workload.Party>) => parties.flatMap(({ rows }) => rows.map(({ after }) => after))

describe("Workload", () => {
  it("at once is one batch", () => {
    assert.deepStrictEqual(Workload.atOnce(2), [{ kind: "batch", at: 0, rows: [{ tokens: 1 }, { tokens: 1 }] }])
    assert.deepStrictEqual(Workload.atOnce(1, { tokens: 400, at: 50 }), [
      { kind: "batch", at: 50, rows: [{ tokens: 400 }] }
    ])
  })

  it("draws sizes by its seed", () => {
    const tokens: Workload.Tokens = (chance) => chance.integer(1000)
    assert.deepStrictEqual(Workload.atOnce(5, { tokens }), Workload.atOnce(5, { tokens }))
    assert.notDeepEqual(Workload.atOnce(5, { tokens }), Workload.atOnce(5, { tokens, seed: 2 }))
  })

  it("a Poisson process comes in order, at its rate on average, as scattered as chance", () => {
    const parties = Workload.poisson({ rate: 20, count: 10_000, tokens: 3 })
    assert.deepStrictEqual(
      parties.map(({ kind }) => kind),
      ["calls"]
    )
    const instants = afters(parties).map((after = NaN) => after)
    assert.deepStrictEqual(
      instants,
      [...instants].sort((a, b) => a - b)
    )
    const gaps = instants.map((at, index) => at - (instants[index - 1] ?? 0))
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    // Gaps are exponential: as much deviation as mean.
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
    assert.approximately(mean, 50, 1)
    assert.approximately(deviation, 50, 1)
    assert.isTrue(parties.every(({ rows }) => rows.every(({ tokens }) => tokens === 3)))
    assert.deepStrictEqual(Workload.poisson({ rate: 20, count: 3 }), Workload.poisson({ rate: 20, count: 3 }))
    assert.notDeepEqual(Workload.poisson({ rate: 20, count: 3 }), Workload.poisson({ rate: 20, count: 3, seed: 2 }))
  })

  it("a stream is read as it is wanted, or its rows come at times of their own", () => {
    assert.deepStrictEqual(Workload.stream(2, { maxPending: 5, ordered: false, at: 50 }), [
      { kind: "stream", rows: [{ tokens: 1 }, { tokens: 1 }], at: 50, reading: { maxPending: 5, ordered: false } }
    ])
    assert.deepStrictEqual(afters(Workload.stream(3, { every: 20, tokens: 4 })), [0, 20, 40])
  })

  it("bursts come so many at once, every so often", () => {
    assert.deepStrictEqual(afters(Workload.bursts({ size: 2, every: 100, bursts: 3 })), [0, 0, 100, 100, 200, 200])
  })

  it("batches come at once, or one after the other", () => {
    assert.deepStrictEqual(
      Workload.batches(2, 3).map(({ at, kind, rows }) => [kind, at, rows.length]),
      [
        ["batch", 0, 3],
        ["batch", 0, 3]
      ]
    )
    assert.deepStrictEqual(
      Workload.batches(3, 1, { every: 70 }).map(({ at }) => at),
      [0, 70, 140]
    )
    const drawn = Workload.batches(2, 4, { tokens: (chance) => chance.integer(1000) })
    assert.notDeepEqual(drawn[0]?.rows, drawn[1]?.rows)
  })
})
