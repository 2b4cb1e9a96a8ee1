import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import type { ControlLaw } from "effect-aimd"
import * as Limit from "../../src/limit/Limit.js"
import type { Admission } from "../../src/pool/Admission.js"
import * as Outlook from "../../src/pool/Outlook.js"

interface Given {
  readonly decision?: Partial<ControlLaw.Decision>
  readonly inFlight?: number
  readonly hintUntil?: number
  readonly opensAt?: number
  readonly isPaused?: boolean
  readonly told?: ReadonlyArray<Limit.Told>
  readonly takes?: (limit: Limit.Told) => number
}

/** What a pool of ten with answers of 200 ms can do at 1,000. */
const outlook = ({ decision, hintUntil = 0, inFlight = 0, isPaused = false, opensAt, takes, told = [] }: Given) => {
  const admission = {
    decision: { window: 10, spacing: 0, holdUntil: 0, delay: 0, epoch: 0, reason: "", ...decision },
    ...{ hintUntil, inFlight, opensAt, pause: { isPaused } }
  }
  const known = { window: 10, latency: 200, told, takes: takes ?? (() => 1) }
  // Nothing else of a pool is looked at.
  return Outlook.of(admission as unknown as Admission, known, 1000)
}
const second = Duration.seconds(1)

describe("What a pool can do", () => {
  it("is as many at once as its window has room for, and each after the others as fast as answers come", () => {
    assert.deepStrictEqual(outlook({}), { opensAt: 1000, free: 10, every: 20, latency: 200 })
    assert.deepStrictEqual(outlook({ inFlight: 7 }), { opensAt: 1000, free: 3, every: 20, latency: 200 })
  })

  it("begins with the next answer where its window is full", () => {
    assert.deepStrictEqual(outlook({ inFlight: 10 }), { opensAt: 1020, free: 1, every: 20, latency: 200 })
  })

  it("is no faster than the law lets it start", () => {
    assert.strictEqual(outlook({ decision: { spacing: 50 } }).every, 50)
    const starts = { limit: 4, period: 1000, provenUntil: Infinity }
    assert.deepStrictEqual(
      [outlook({ decision: { starts } }).every, outlook({ decision: { starts, spacing: 300 } }).every],
      [250, 300]
    )
  })

  it("begins when the last of what holds it ends, and never while it is paused", () => {
    assert.deepStrictEqual(
      [
        outlook({ hintUntil: 3000, decision: { holdUntil: 2000 } }).opensAt,
        outlook({ decision: { holdUntil: 2000 } }).opensAt,
        outlook({ opensAt: 4000, hintUntil: 3000 }).opensAt,
        outlook({ hintUntil: 1010, inFlight: 10 }).opensAt,
        outlook({ isPaused: true }).opensAt
      ],
      [3000, 2000, 4000, 1020, Infinity]
    )
  })

  it("is what it was told that the API allows, by what a row takes", () => {
    const [requests, tokens, concurrent] = Limit.tell([{ requests: 20, tokens: 500, concurrent: 3, per: second }])
    if (requests === undefined || tokens === undefined || concurrent === undefined) return assert.fail()
    const takes = ({ unit }: Limit.Told) => (unit === "tokens" ? 100 : 1)
    assert.deepStrictEqual(
      [outlook({ told: [requests], takes }).every, outlook({ told: [requests, tokens], takes }).every],
      [50, 200]
    )
    // Five rows of a hundred tokens, and three at once.
    assert.strictEqual(outlook({ told: [requests, tokens], takes }).free, 5)
    assert.deepStrictEqual(outlook({ told: [concurrent], takes, inFlight: 1 }), {
      ...{ opensAt: 1000, free: 2, latency: 200 },
      every: 200 / 3
    })
    // A row that is larger than a limit is tried alone.
    assert.strictEqual(outlook({ told: [tokens], takes: () => 1000 }).free, 1)
  })
})
