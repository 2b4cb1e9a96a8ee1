import { assert, describe, it } from "@effect/vitest"
import { decide } from "../../../src/law/window/Decide.js"
import * as Closing from "../../../src/law/window/Closing.js"
import * as Level from "../../../src/law/window/Level.js"
import * as Period from "../../../src/law/window/Period.js"
import * as Permits from "../../../src/law/window/Permits.js"
import * as State from "../../../src/law/window/State.js"

/** Ten permits and a pace, in the middle of things. */
const drafted = (pace: number | undefined, over: Partial<State.Draft> = {}): State.Draft =>
  Object.assign(State.draft(State.begin(64, 0, 0).state), {
    limits: { window: Permits.initial(10), pace: pace === undefined ? undefined : Level.known(pace), slowStart: false },
    ...{ latency: 100, now: 1000 },
    ...over
  })

/** The decision, and the one after it, where nothing has changed. */
const twice = (draft: State.Draft) => {
  const first = decide(draft)
  draft.decision = first
  return [first, decide(draft)] as const
}

describe("What follows from what the law knows", () => {
  it("is a spacing of a quarter of what the window turns over in, or of half of what a permit takes to grow", () => {
    const spacing = (every: number, slowStart: boolean) =>
      decide(drafted(undefined, { limits: { window: { ...Permits.initial(10), every }, pace: undefined, slowStart } }))
        .spacing
    // 100 ms for ten permits, and a quarter of that.
    assert.deepStrictEqual([spacing(Infinity, false), spacing(3, false), spacing(3, true)], [2.5, 1.5, 2.5])
  })

  it("is the last decision itself where nothing has changed, and another where anything has", () => {
    const changes: Record<string, (draft: State.Draft) => void> = {
      "the window": (draft) => (draft.limits = { ...draft.limits, window: Permits.initial(11) }),
      "the pace": (draft) => (draft.limits = { ...draft.limits, pace: Level.known(30) }),
      "the period": (draft) => (draft.period = Period.told(100, 60_000)),
      "the time to know of a rejection": (draft) => (draft.rejectionLatency = 400),
      "what a start weighs": (draft) => (draft.unit = 600),
      "the share of chance": (draft) => (draft.kind = { status: 429, others: 0.1 }),
      "that the API is closed": (draft) =>
        (draft.block = Closing.make(draft, { since: 900, accepted: 9, before: draft.limits, at: 900 })),
      "the epoch": (draft) => (draft.decision = { ...draft.decision, epoch: 1 }),
      "the reason": (draft) => (draft.decision = { ...draft.decision, reason: "another" }),
      "a hold": (draft) => (draft.decision = { ...draft.decision, holdUntil: 5000 })
    }
    for (const [name, change] of Object.entries(changes)) {
      const draft = drafted(40)
      const [first, second] = twice(draft)
      assert.strictEqual(second, first)
      change(draft)
      const next = decide(draft)
      assert.notDeepEqual(next, first, name)
      draft.decision = next
      assert.strictEqual(decide(draft), next, name)
    }
  })

  it("spaces starts by the pace, or so that the window turns over in four times its permits", () => {
    const spacing = (pace: number | undefined, over: Partial<State.Draft> = {}) => decide(drafted(pace, over)).spacing
    assert.deepStrictEqual(
      [
        spacing(40),
        spacing(undefined),
        spacing(undefined, { latency: 39 }),
        spacing(400, { latency: 0 }),
        spacing(1100, { latency: 0 })
      ],
      [25, 2.5, 0, 2.5, 0]
    )
  })

  it("goes one and a half times as fast while it catches up on a hold, and faster by what chance rejects", () => {
    const spacing = (over: Partial<State.Draft>) => decide(drafted(10, over)).spacing
    assert.deepStrictEqual(
      [
        spacing({ catchUpUntil: 1000 }),
        spacing({ catchUpUntil: 1001 }),
        spacing({ kind: { status: 429, others: 0.25 } })
      ],
      [100, 66.671875, 75]
    )
  })

  it("spaces by what starts weigh where a pace does, and not where the window turns over", () => {
    const spaced = (pace: number | undefined) => decide(drafted(pace, { unit: 600 })).spacedTokens
    assert.deepStrictEqual([40, undefined].map(spaced), [600, undefined])
  })

  it("counts tokens in a period of tokens, and leaves room for the largest", () => {
    const period = Period.told(60_000, 60_000, { mean: 600, most: 1100 })
    const starts = { limit: 58_901, period: 60_000, provenUntil: Infinity, areTokens: true }
    assert.deepStrictEqual(decide(drafted(undefined, { period })).starts, starts)
  })

  it("keeps a spacing that would change by less than two in a thousand", () => {
    const spacing = (last: number) => {
      const draft = drafted(10)
      draft.decision = { ...draft.decision, spacing: last }
      return decide(draft).spacing
    }
    assert.deepStrictEqual([100.1, 100.3, 99.9, 99.7].map(spacing), [100.1, 100, 99.9, 100])
  })

  it("counts a pace that is too fast for a spacing in ten milliseconds", () => {
    const starts = (pace: number, period?: Period.Period) => decide(drafted(pace, { latency: 0, period })).starts
    assert.deepStrictEqual(starts(2000), { limit: 20, period: 10, provenUntil: Infinity })
    assert.strictEqual(starts(1000), undefined)
    const period = Period.told(100, 60_000.5)
    assert.deepStrictEqual(starts(2000, period), { limit: 100, period: 60_001, provenUntil: period.provenUntil })
  })

  it("leaves a lone start alone until a rejection of it would be known, twice over", () => {
    assert.strictEqual(decide(drafted(40, { rejectionLatency: 50.3 })).alone, 111)
  })

  it("has at least one permit, at most as many as the pool, and those from before while the API is closed", () => {
    const window = (level: number) =>
      decide(drafted(40, { limits: { window: Permits.initial(level), pace: undefined, slowStart: false } })).window
    assert.deepStrictEqual([0.4, 1.9, 2, 2 - 1e-10, 99].map(window), [1, 1, 2, 2, 64])
    const draft = drafted(40)
    draft.block = Closing.make(draft, { since: 900, accepted: 9, before: draft.limits, at: 900 })
    draft.limits = { ...draft.limits, window: Permits.initial(3) }
    const { ramp, saturatedSince, window: permits } = decide(draft)
    assert.deepStrictEqual([permits, ramp, saturatedSince], [10, undefined, 900])
  })

  it("has no ramp at the pool's size, and one by the clock in slow start", () => {
    const ramp = (level: number, slowStart: boolean) =>
      decide(drafted(undefined, { limits: { window: Permits.initial(level), pace: undefined, slowStart } })).ramp
    assert.deepStrictEqual(ramp(64, true), undefined)
    assert.deepStrictEqual(ramp(10, true), State.blindly(10, 1000, drafted(undefined).rejectionLatency, 64))
    assert.notDeepEqual(ramp(10, false), ramp(10, true))
  })
})
