import { assert, describe, it } from "@effect/vitest"
import * as Closing from "../../../src/law/window/Closing.js"
import * as Level from "../../../src/law/window/Level.js"
import * as Period from "../../../src/law/window/Period.js"
import * as Pace from "../../../src/law/window/Pace.js"
import * as State from "../../../src/law/window/State.js"

/** Open since 0; after `through` were let through, at `closedAt`, nothing passes any more until `openedAt`. */
const reopened = (
  through: number,
  closedAt: number,
  openedAt: number,
  over: Partial<State.Block> = {},
  period?: Period.Period
) => {
  const draft = State.draft(State.begin(64, 0, 0).state)
  draft.period = period
  draft.opened = { at: 0, accepted: 0 }
  draft.limits = { ...draft.limits, pace: Level.known(40), slowStart: false }
  draft.successes = through
  const closing = { since: closedAt, accepted: through, before: draft.limits, at: closedAt }
  draft.block = { ...Closing.make(draft, closing), ...over }
  Closing.reopen(draft, draft.block, openedAt)
  const { pace } = draft.limits
  return { draft, rate: pace && Pace.rate(pace), reason: draft.decision.reason }
}

describe("An API that was closed", () => {
  const punished = "one too many closes the API for a while: well below what was too fast"
  const open = "the API lets requests through again"

  it("for half a minute after five in a second locks out: half of what was too fast", () => {
    const { draft, rate, reason } = reopened(5, 900, 30_900)
    assert.deepStrictEqual([rate, reason], [2.5, punished])
    // What a test may cost is known now, and nothing of it comes back.
    assert.deepStrictEqual([draft.hint, draft.refills, draft.block], [30_000, false, undefined])
    assert.deepStrictEqual(draft.opened, { at: 30_900, accepted: 5 })
  })

  it("for longer than two minutes, or hardly longer than it had been open, was away", () => {
    assert.deepStrictEqual(
      [
        [900, 120_900],
        [900, 120_901],
        [4000, 36_001],
        [4000, 36_000]
      ].map(([closedAt = 0, openedAt = 0]) => reopened(5, closedAt, openedAt).reason),
      [punished, open, punished, open]
    )
  })

  it("after hardly a call, or after many, was away, and so it was where it said for how long", () => {
    assert.deepStrictEqual(
      [1, 2, 15, 16].map((through) => reopened(through, 900, 30_900).reason),
      [open, punished, punished, open]
    )
    assert.strictEqual(reopened(5, 900, 30_900, { told: true }).reason, open)
  })

  it("counts what it has let through since it opened", () => {
    const draft = State.draft(State.begin(64, 0, 0).state)
    Object.assign(draft, { opened: { at: 50_000, accepted: 100 }, successes: 105 })
    draft.limits = { ...draft.limits, pace: Level.known(40), slowStart: false }
    const block = Closing.make(draft, { since: 50_900, accepted: 105, before: draft.limits, at: 50_900 })
    Closing.reopen(draft, block, 80_900)
    assert.deepStrictEqual(
      [draft.decision.reason, draft.opened, draft.limits.pace && Pace.rate(draft.limits.pace)],
      [punished, { at: 80_900, accepted: 105 }, 2.5]
    )
  })

  it("has no lock-out where it has a period", () => {
    const period = Period.told(20, 1000)
    assert.strictEqual(reopened(5, 900, 30_900, {}, period).reason, open)
    assert.strictEqual(reopened(5, 900, 30_900, {}, { ...period, isExact: false, proven: false }).reason, open)
  })

  it("and was away is met as it had been left", () => {
    const { draft, rate } = reopened(100, 4000, 34_000)
    assert.deepStrictEqual([rate, draft.limits.window.level, draft.held], [40, 12, 30_000])
  })
})

describe("A block that begins", () => {
  const made = (over: Partial<State.Draft>, at = 2000) => {
    const draft = Object.assign(State.draft(State.begin(64, 0, 0).state), { opened: { at: 0, accepted: 10 }, ...over })
    const limits = { ...draft.limits, pace: Level.known(40), slowStart: false }
    draft.limits = limits
    return Closing.make(draft, { since: 1900, accepted: 50, before: limits, at })
  }

  it("knows what was accepted a second, and never more than the limits allow", () => {
    assert.deepStrictEqual(
      [made({}).rate, made({}, 500).rate, made({}, 0).rate, made({ opened: undefined }).rate],
      [20, 40, 0, 0]
    )
  })

  it("looks the more often, the more has gone through", () => {
    const shares = [10, 200, 400, 600, 800].map((successes) => Math.round(10_000 * made({ successes }).share))
    assert.deepStrictEqual(shares, [1500, 1500, 833, 556, 500])
  })

  it("begins without probes, told of by nobody, and suspects nothing", () => {
    const { delay, lastProbe, probes, suspect, told } = made({})
    assert.deepStrictEqual([delay, lastProbe, probes, suspect, told], [0, 2000, 0, false, false])
  })
})

describe("An API that opens again after it was held", () => {
  it("was open since the hold: what was rejected before is past, and a period is learned", () => {
    const draft = State.draft(State.begin(64, 0, 0).state)
    Object.assign(draft, { opened: { at: 0, accepted: 0 }, lastRejected: 77, marks: [{ at: 1, accepted: 1, held: 0 }] })
    draft.limits = { ...draft.limits, pace: Level.known(40), slowStart: false }
    draft.decision = { ...draft.decision, holdUntil: 33_000 }
    const block = Closing.make(draft, { since: 4000, accepted: 100, before: draft.limits, at: 4000 })
    Closing.reopen(draft, block, 34_000)
    assert.deepStrictEqual([draft.opened, draft.period?.limit], [{ at: 33_000, accepted: 100 }, 100])
    assert.deepStrictEqual([draft.clear, draft.marks, draft.before, draft.held], [78, [], undefined, 30_000])
  })
})

describe("How long an API is closed", () => {
  const learned = (accepted: number, closedAt: number, openedAt: number, opened?: State.Draft["opened"]) => {
    const draft = State.draft(State.begin(64, 0, 0).state)
    draft.opened = opened
    Closing.learnPeriod(draft, accepted, closedAt, closedAt + 100, openedAt)
    return [draft.period?.limit, draft.opened] as const
  }

  it("is a period where sixteen were let through, and it was closed for a tenth of it", () => {
    const since = { at: 1000, accepted: 4 }
    assert.deepStrictEqual(
      [
        learned(20, 50_000, 61_000, since)[0],
        learned(19, 50_000, 61_000, since)[0],
        learned(20, 55_000, 61_000, since)[0],
        learned(20, 55_001, 61_000, since)[0]
      ],
      [16, undefined, 16, undefined]
    )
    assert.deepStrictEqual(learned(20, 50_000, 61_000, since)[1], { at: 61_000, accepted: 20 })
  })

  it("is none yet where nobody knows since when it had been open", () => {
    assert.deepStrictEqual(learned(20, 50_000, 61_000), [undefined, { at: 61_000, accepted: 20 }])
  })
})

describe("A probe in vain", () => {
  const heldFor = (retryAfter: number | undefined) => {
    const draft = State.draft(State.begin(64, 0, 0).state)
    Object.assign(draft, { opened: { at: 0, accepted: 0 }, successes: 100, rejectionLatency: 50 })
    const block = Closing.make(draft, { since: 4000, accepted: 100, before: draft.limits, at: 4000 })
    Closing.probeAgain(draft, block, 24_000, retryAfter)
    return draft.decision.holdUntil - 24_000
  }

  it("backs off for as long as nothing has passed says; a hint never shortens that, and may make it longer", () => {
    const backoff = heldFor(undefined)
    assert.isAbove(backoff, 1000)
    assert.deepStrictEqual([heldFor(0), heldFor(1000), heldFor(10_000)], [backoff, backoff, 10_000])
  })
})
