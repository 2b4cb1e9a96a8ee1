import { assert, describe, it } from "@effect/vitest"
import type { ControlLaw } from "effect-aimd"
import * as Chance from "../../../src/law/window/Chance.js"
import * as Closing from "../../../src/law/window/Closing.js"
import * as Level from "../../../src/law/window/Level.js"
import * as Pace from "../../../src/law/window/Pace.js"
import * as Period from "../../../src/law/window/Period.js"
import * as Permits from "../../../src/law/window/Permits.js"
import * as State from "../../../src/law/window/State.js"
import { succeed } from "../../../src/law/window/Success.js"

type Fields = Partial<Extract<ControlLaw.Sample, { readonly _tag: "success" }>>

const success = (over: Fields = {}): ControlLaw.Sample => ({
  ...{ _tag: "success", row: 1, attempt: 1, epoch: 0, inFlight: 1, latency: 100, sequence: 50, startedWith: 3 },
  bound: "window",
  ...over
})

const drafted = (over: Partial<State.Draft> = {}): State.Draft =>
  Object.assign(State.draft(State.begin(64, 0, 0).state), { opened: { at: 0, accepted: 0 }, ...over })

/** Lets a draft hear of a success that was started at an instant, and ended a tenth of a second later. */
const served = (over: Partial<State.Draft>, sample: Fields = {}, startedAt = 10_000, tolerance = Infinity) => {
  const draft = drafted(over)
  succeed(draft, success(sample), startedAt, startedAt + 100, tolerance)
  return draft
}

const known = (level: number, pace?: number): State.Limits => ({
  window: Permits.initial(level),
  pace: pace === undefined ? undefined : Level.known(pace),
  slowStart: false
})

describe("A success is remembered by", () => {
  it("how many were in flight, and its latency: a tenth of it, and for the mean as much as any other", () => {
    const first = served({ widest: 5 }, { latency: 80, startedWith: 3 })
    assert.deepStrictEqual(
      [first.successes, first.widest, first.latency, first.meanLatency, first.leastLatency],
      [...[1, 5, 80, 80, 80]]
    )
    const later = { successes: 3, widest: 5, latency: 100, meanLatency: 100, leastLatency: 70 }
    const fourth = served(later, { latency: 200, startedWith: 9 })
    assert.deepStrictEqual(
      [fourth.successes, fourth.widest, fourth.latency, fourth.meanLatency, fourth.leastLatency],
      [4, 9, 110, 125, 70]
    )
    assert.strictEqual(served({ ...later, successes: 99 }, { latency: 200 }).meanLatency, 103)
  })
})

describe("A success while the API is closed", () => {
  it("opens it, unless it was started before the last rejection", () => {
    const isOpen = (sequence: number) => {
      const draft = drafted({ lastRejected: 50, successes: 9 })
      Object.assign(draft, { block: Closing.make(draft, { since: 9000, accepted: 9, before: draft.limits, at: 9000 }) })
      succeed(draft, success({ sequence }), 9500, 9600, Infinity)
      return draft.block === undefined
    }
    assert.deepStrictEqual([49, 50, 51].map(isOpen), [false, false, true])
  })
})

describe("A period that is thought of", () => {
  const thought = (limit: number) => ({ ...Period.told(limit, 60_000), proven: false })
  const isOver = (limit: number, sequence: number, rejections = 0) =>
    served({ period: thought(limit), opened: { at: 0, accepted: 10 }, rejections }, { sequence }).period === undefined

  it("is none where two more than it allows, or a hundredth more, were accepted", () => {
    // Of those that were started before this one all were accepted that were not rejected; this one was, too.
    assert.deepStrictEqual([isOver(100, 112), isOver(100, 113), isOver(100, 113, 1)], [false, true, false])
    assert.deepStrictEqual([isOver(1000, 1020), isOver(1000, 1021)], [false, true])
  })

  it("once it is proven begins anew with the first that is started after it, and has passed where it was used up", () => {
    const period = { ...Period.told(40, 60_000), isExact: false }
    const at = (startedAt: number, sequence: number) => {
      const draft = served({ period, opened: { at: 1000, accepted: 10 } }, { sequence }, startedAt)
      return [draft.opened, draft.period?.quiet]
    }
    const passed = Period.passed(period).quiet
    assert.deepStrictEqual(at(60_999, 51), [{ at: 1000, accepted: 10 }, period.quiet])
    assert.deepStrictEqual(at(61_000, 51), [{ at: 61_000, accepted: 50 }, passed])
    assert.deepStrictEqual(at(61_000, 50), [{ at: 61_000, accepted: 49 }, period.quiet])
    assert.notStrictEqual(passed, period.quiet)
  })
})

describe("The window after a success", () => {
  it("grows by three in slow start, where it held back this one, which was started under the latest decision", () => {
    const level = (sample: Fields, from = 12) =>
      served({ limits: { ...known(from), slowStart: true } }, sample).limits.window.level
    assert.deepStrictEqual(
      [level({}), level({}, 63), level({}, 64), level({ bound: "none" }), level({ epoch: 1 })],
      [15, 64, 64, 12, 12]
    )
  })

  it("grows once, and heeds no quota, where nothing but chance rejects", () => {
    const noise: State.Noise = {
      ...{
        chance: 0.02,
        limit: { _tag: "none", chance: 0.02, likelihood: 0 },
        fall: Chance.silent,
        test: Chance.silent
      },
      ...{ tested: undefined, since: Infinity, through: 0, waited: 0, patience: 0 }
    }
    const hints = { requests: { limit: 100, remaining: 10, resetAfter: 30_000 } }
    const { limits, told } = served({ noise, limits: { ...known(12), slowStart: true } }, { hints })
    assert.deepStrictEqual([limits.window.level, limits.slowStart, told], [15, true, undefined])
  })

  it("stays as it is beside a pace, where it held nothing back", () => {
    const limits = known(12, 10)
    assert.strictEqual(served({ limits }, { bound: "none" }).limits.window, limits.window)
    assert.notStrictEqual(served({ limits }, { bound: "window" }).limits.window, limits.window)
  })

  it("gives a little back where answers take longer than they may", () => {
    const after = (over: Partial<State.Draft>, sample: Fields = {}) =>
      served({ limits: known(50), latency: 100, leastLatency: 50, ...over }, { latency: 100, ...sample }, 10_000, 2)
    const longer = after({}, { latency: 101 })
    const queues = "answers take longer: the API queues"
    assert.deepStrictEqual([longer.limits.window.level, longer.decision.reason], [49.9, queues])
    assert.strictEqual(after({ limits: known(1) }, { latency: 101 }).limits.window.level, 1)
    // Twice the least is what they may take; and what the window has not held back says nothing of it.
    assert.notStrictEqual(after({}).decision.reason, queues)
    assert.notStrictEqual(after({}, { latency: 101, bound: "none" }).decision.reason, queues)
  })
})

describe("A pace after a success", () => {
  const progress = (over: Partial<State.Draft>, sample: Fields, startedAt = 10_000) => {
    const draft = served(
      { limits: known(12, 10), latency: 100, leastLatency: 100, now: 9000, ...over },
      sample,
      startedAt
    )
    const { pace } = draft.limits
    return pace === undefined || pace.shared ? undefined : pace.progress - 1
  }

  it("goes on where it held this one back, for no longer than an answer and a start take", () => {
    // Four requests take 400 ms.
    const decision = { ...drafted().decision, spacing: 60 }
    assert.closeTo(progress({ decision }, { bound: "spacing" }) ?? 0, 160 / 400, 1e-9)
    assert.closeTo(progress({ decision, now: 10_060 }, { bound: "spacing" }) ?? 0, 40 / 400, 1e-9)
    assert.strictEqual(progress({ decision }, { bound: "window" }), 0)
  })

  it("takes longer with each time that it was found the same, up to four seconds or 32 requests", () => {
    const after = (patience: number, rate: number) => {
      const limits = { ...known(12, rate), pace: { ...Level.known(rate), patience } }
      const elapsed = 100
      return Math.round(elapsed / (progress({ limits }, { bound: "spacing" }) ?? NaN))
    }
    assert.deepStrictEqual(
      [after(0, 10), after(1, 10), after(2, 10), after(9, 10), after(9, 2)],
      [400, 800, 1600, 4000, 16_000]
    )
  })

  it("beyond the test goes on as fast as it can, and is tested more rarely where a hold is not made good", () => {
    const paceOf = (over: Partial<Level.Level>): Level.Level => ({ ...Level.known(10), ...over })
    const after = (over: Partial<Level.Level>, hint = 0, refills = false) => {
      const pace = paceOf(over)
      const limits = { ...known(12, 10), pace }
      const draft = served({ limits, hint, latency: 100, now: 9000, refills }, { bound: "spacing" })
      const next = draft.limits.pace
      return next === undefined || next.shared ? 0 : Math.round(100 / (next.progress - pace.progress))
    }
    // Four requests at its rate; three times found the same, that is doubled three times.
    const four = (progress: number) => 4000 / Level.rate(paceOf({ progress }))
    assert.deepStrictEqual(
      [2, 2.01].map((progress) => after({ patience: 3, progress })),
      [Math.round(8 * four(2)), Math.round(four(2.01))]
    )
    // Four times a hold at least, and so long that holds cost three hundredths of the time; one that is made good costs none.
    assert.deepStrictEqual(
      [0, 9].map((patience) => [false, true].map((refills) => after({ patience }, 300, refills))),
      [
        [1200, 400],
        [10_000, 4000]
      ]
    )
  })

  it("goes no further than its top while a period is found out", () => {
    const period = { ...Period.told(1000, 60_000), proven: false }
    const pace = { ...Level.known(10), progress: 1.5 }
    const draft = served({ limits: { ...known(12, 10), pace }, period, latency: 100, now: 9000 }, { bound: "spacing" })
    assert.deepStrictEqual(draft.limits.pace, { ...pace, progress: 1 })
  })
})

describe("What an answer says of its quotas in slow start", () => {
  const after = (hints: ControlLaw.Hints, over: Partial<State.Draft> = {}, startedAt = 9900) => {
    const { limits, decision } = served({ successes: 99, ...over }, { hints }, startedAt)
    return [limits.pace && Pace.rate(limits.pace), limits.slowStart, decision.reason]
  }
  const still = [undefined, true, "looking for the limit: nothing was rejected yet"]
  const requests = { limit: 100, remaining: 10, resetAfter: 30_000 }

  it("ends it where no more than a tenth is left: so fast it comes back", () => {
    assert.deepStrictEqual(after({ requests }), [3, false, "the API says that 10 of 100 requests are left"])
    assert.deepStrictEqual(after({ requests: { ...requests, remaining: 11 } }), still)
    assert.deepStrictEqual(after({ requests: { ...requests, resetAfter: 0 } }), still)
    assert.deepStrictEqual(after({ requests: { limit: 0, remaining: 0, resetAfter: 30_000 } }), still)
  })

  it("counts tokens by what the requests before it have used", () => {
    // 900 used and 300 come back in ten seconds: 1,200 for a hundred requests, and 30 a second.
    const tokens = { limit: 1000, remaining: 100, resetAfter: 30_000 }
    assert.deepStrictEqual(after({ tokens }), [2.5, false, "the API says that 100 of 1000 tokens are left"])
    assert.deepStrictEqual(after({ requests, tokens })[0], 2.5)
    assert.deepStrictEqual(after({ requests: { ...requests, resetAfter: 60_000 }, tokens })[0], 1.5)
  })

  it("is remembered as it was told first", () => {
    const first = served({}, { hints: { requests: { ...requests, remaining: 90 } } })
    assert.deepStrictEqual(first.told, { requests: { ...requests, remaining: 90 } })
    const later = served({ told: first.told }, { hints: { requests, tokens: requests } })
    assert.strictEqual(later.told, first.told)
  })

  it("is no pace where far more is used than at first, and it comes back no later: all at once", () => {
    const first = (remaining: number, resetAfter: number) =>
      after({ requests }, { told: { requests: { limit: 100, remaining, resetAfter } } })[1]
    assert.deepStrictEqual([first(55, 30_000), first(54, 30_000), first(55, 28_500)], [true, false, false])
  })

  it("says nothing once something was rejected, a period is known, or before the API has opened", () => {
    assert.deepStrictEqual(after({ requests }, { limits: known(12) })[0], undefined)
    assert.deepStrictEqual(after({ requests }, { period: Period.told(1000, 60_000) })[0], undefined)
    assert.deepStrictEqual(after({ requests }, { opened: undefined })[0], undefined)
  })
})
