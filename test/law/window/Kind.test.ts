import { assert, describe, it } from "@effect/vitest"
import * as Kind from "../../../src/law/window/Kind.js"
import * as State from "../../../src/law/window/State.js"
import { startsOf, type Start } from "../../support/starts.js"

const now = 50_000
const known: State.Kind = { status: 429, others: 0 }
const draftOf = (kind: State.Kind | undefined = known): State.Draft => ({
  ...State.draft(State.begin(64, 0, 0).state),
  kind,
  rejectionLatency: 20
})

/** So many starts, of which some were rejected with a status. */
const some = (count: number, statusOf: (i: number) => number | undefined): ReadonlyArray<Start> =>
  Array.from({ length: count }, (_, i): Start => {
    const status = statusOf(i)
    return status === undefined ? [i, "success"] : [i, "capacity", 0, status]
  })

const judge = (draft: State.Draft, starts: ReadonlyArray<Start>, status = 503) => {
  const sample = { _tag: "capacity", status, retryAfter: undefined, row: 1, attempt: 1, epoch: 0, inFlight: 1 } as const
  const attempt = { ...sample, latency: 20, sequence: starts.length, startedWith: 1, bound: "none" } as const
  return Kind.ofOthers(draft, attempt, startsOf(starts), now)
}

describe("A rejection of another kind than the limit's", () => {
  const tenth = some(100, (i) => (i % 10 === 9 ? 503 : undefined))

  it("is chance, and the share of all that are is known from then on", () => {
    const draft = draftOf()
    assert.deepStrictEqual([judge(draft, tenth), draft.kind], ["chance", { status: 429, others: 0.1 }])
    assert.strictEqual(draft.decision.reason, "chance rejects 10 % of all calls (status 503, the limit has 429)")
    assert.strictEqual(draft.decision.holdUntil, 0)
  })

  it("is not told apart before the limit is known, nor where it is the limit's", () => {
    const [unknown, draft] = [draftOf(undefined), draftOf()]
    unknown.kind = undefined
    assert.deepStrictEqual([judge(unknown, tenth), judge(draft, tenth, 429)], [undefined, undefined])
    assert.strictEqual(draft.decision.epoch, 0)
  })

  it("holds the pool after a second in a row, and twice as long after each further one", () => {
    const holds = [2, 3, 4].map((row) => {
      const draft = draftOf()
      const starts = some(200, (i) => (i % 8 === 0 || i >= 200 - row ? 503 : undefined))
      return [judge(draft, starts), draft.decision.holdUntil - now]
    })
    assert.deepStrictEqual(holds, [
      ["chance", 120],
      ["chance", 240],
      ["chance", 480]
    ])
  })

  it("is a closed API, after more in a row than chance brings", () => {
    const draft = draftOf()
    const starts = some(200, (i) => (i >= 197 ? 503 : undefined))
    assert.deepStrictEqual([judge(draft, starts), draft.kind], ["closed", known])
    // Where many are rejected, as many in a row are none.
    assert.strictEqual(
      judge(
        draftOf(),
        some(200, (i) => (i % 10 === 0 || i >= 197 ? 503 : undefined))
      ),
      "chance"
    )
  })

  it("may be the limit's after all, where over a third of the latest 250 have been rejected so", () => {
    // With the last one 83 and 84.
    const verdicts = [82, 83].map((count) => {
      const draft = draftOf()
      const starts = some(500, (i) => ((i >= 250 && i < 250 + count) || i === 499 ? 503 : undefined))
      return [judge(draft, starts), draft.kind === undefined]
    })
    assert.deepStrictEqual(verdicts, [
      ["chance", false],
      [undefined, true]
    ])
  })

  it("is counted over the latest 1024 starts, and no rejection by the limit is", () => {
    const draft = draftOf()
    const starts = some(2048, (i) => (i < 1024 || i % 16 === 15 ? 503 : i % 16 === 7 ? 429 : undefined))
    assert.deepStrictEqual([judge(draft, starts), draft.kind], ["chance", { status: 429, others: 0.0625 }])
  })
})
