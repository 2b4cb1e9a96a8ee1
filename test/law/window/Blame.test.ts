import { assert, describe, it } from "@effect/vitest"
import { blame, type Rejection } from "../../../src/law/window/Blame.js"
import type * as Bucket from "../../../src/law/window/Bucket.js"
import type * as Fitted from "../../../src/law/window/Fitted.js"
import * as Closing from "../../../src/law/window/Closing.js"
import * as Level from "../../../src/law/window/Level.js"
import * as Permits from "../../../src/law/window/Permits.js"
import * as Share from "../../../src/law/window/Share.js"
import * as State from "../../../src/law/window/State.js"
import { capped, spread, startsOf } from "../../support/starts.js"

const rejection = (over: Partial<Rejection> = {}): Rejection => ({
  ...{ _tag: "capacity", row: 1, attempt: 1, epoch: 0, inFlight: 1, latency: 20, sequence: 100 },
  ...{ startedWith: 9, bound: "none", status: 429, retryAfter: undefined },
  ...over
})

/** A quarter of a round and longer after its beginning: nobody tests. */
const quiet = 8_000_000 + 2000

/** A pool that has been served for long, with twelve permits known. */
const drafted = (over: Partial<State.Draft> = {}): State.Draft =>
  Object.assign(State.draft(State.begin(64, 0, 0).state), {
    limits: { window: Permits.initial(12), pace: undefined, slowStart: false },
    ...{ widest: 12, latency: 100, meanLatency: 100, successes: 100 },
    ...over
  })

const mark = (accepted: number, at = quiet) => ({ at, accepted, held: 0 })

/** Blames a rejection; returns what was learned. */
const blamed = (
  over: Partial<State.Draft>,
  sample: Partial<Rejection> = {},
  accepted = 100,
  at = quiet
): State.Draft => {
  const draft = drafted(over)
  blame(draft, rejection(sample), mark(accepted, at), at + 20, undefined, undefined)
  return draft
}
const paced = (top: number) => ({ window: Permits.initial(12), pace: Level.known(top), slowStart: false })
const topsOf = ({ limits: { pace, window } }: State.Draft) => [window.top, pace?.top]

describe("A rejection that hits a cap", () => {
  it("has as many in flight besides as were ever served, or more", () => {
    const tops = [13, 14].map((startedWith) => {
      const draft = blamed({}, { startedWith })
      return [draft.limits.window.top, draft.limits.pace, draft.widest, draft.decision.reason]
    })
    assert.deepStrictEqual(tops, [
      [12, undefined, 12, "12 in flight were too many (status 429)"],
      [13, undefined, 13, "13 in flight were too many (status 429)"]
    ])
  })

  it("does so beside a pace where it had waited for the window alone", () => {
    const limits = paced(40)
    const ofWindow = blamed({ limits, widest: 8 }, { bound: "window" })
    const ofSpacing = blamed({ limits, widest: 8 }, { bound: "spacing" })
    assert.deepStrictEqual([topsOf(ofWindow), ofSpacing.limits.window.top], [[8, 40], 12])
    assert.match(ofSpacing.decision.reason, /starts a second were too many \(status 429\)$/)
  })

  it("leaves a pace as it is that would allow over twice as much as the cap does", () => {
    const pace = (top: number) => topsOf(blamed({ limits: paced(top), inFlight: [5, 8, 8, 8] }))[1]
    assert.deepStrictEqual([106, 107].map(pace), [159, 107])
  })

  it("is the fourth in a row with the same number in flight, and a pace was too low by half", () => {
    const limits = paced(40)
    const fourth = blamed({ limits, inFlight: [5, 8, 8, 8] })
    assert.deepStrictEqual(
      [topsOf(fourth), fourth.inFlight],
      [
        [8, 60],
        [8, 8, 8, 8]
      ]
    )
    for (const inFlight of [
      [8, 8],
      [8, 8, 7],
      [8, 7, 8, 8]
    ]) {
      assert.match(blamed({ limits, inFlight }).decision.reason, /starts a second/)
    }
  })

  it("takes a little of the doubt away, and never more than there is", () => {
    const doubts = [1, 0.25, 0.1].map((doubt) => blamed({ doubt }, { startedWith: 13 }).doubt)
    assert.deepStrictEqual(doubts, [0.75, 0, 0])
  })

  it("is told of in no reason while the API is closed", () => {
    const draft = drafted()
    draft.block = Closing.make(draft, { since: 0, accepted: 0, before: draft.limits, at: 0 })
    const { reason } = draft.decision
    blame(draft, rejection({ startedWith: 13 }), mark(100), quiet, undefined, undefined)
    assert.deepStrictEqual([draft.limits.window.top, draft.decision.reason], [12, reason])
  })
})

describe("A rejection below a cap", () => {
  const marks = [mark(80, quiet - 1000)]

  it("says nothing in the first quarter of a round, when others test what is free", () => {
    const doubts = [0, 999, 1000, 2000].map((after) => blamed({ marks }, {}, 91, 8_000_000 + after).doubt)
    assert.deepStrictEqual(doubts, [0, 0, 1, 1])
  })

  it("takes doubt away where more was tested, and says that others share the API", () => {
    const window = { ...Permits.initial(12), from: quiet }
    const draft = blamed({ limits: { window, pace: undefined, slowStart: false }, marks, doubt: 1 }, {}, 91)
    assert.deepStrictEqual([draft.doubt, draft.limits.window.top, draft.widest], [0.75, 8, 8])
    assert.strictEqual(draft.decision.reason, "8 in flight were too many: others share the API (status 429)")
  })

  it("remembers the permits from before the first doubt", () => {
    assert.deepStrictEqual(
      [0, 0.5].map((doubt) => blamed({ marks, doubt, undoubted: 30 }, {}, 91).undoubted),
      [12, 30]
    )
  })

  it("ends the cap where the doubt has come to two: a pace is measured, with the permits from before", () => {
    const after = (doubt: number) => {
      const draft = blamed({ marks, doubt, undoubted: 30 }, {}, 91)
      return draft.limits.pace === undefined ? "cap" : [draft.limits.window.top, draft.limits.window.level, draft.doubt]
    }
    assert.deepStrictEqual([1.75, 2].map(after), ["cap", [30, 30, 0]])
  })

  it("with a wait is none of a cap, even if it is told to wait for no time", () => {
    const isCap = [undefined, 0, 50].map(
      (retryAfter) => blamed({ marks }, { bound: "window", retryAfter }, 92).limits.pace === undefined
    )
    assert.deepStrictEqual(isCap, [true, false, false])
  })
})

describe("A rejection before anything was served", () => {
  it("leaves the window at what was in flight besides, or at one", () => {
    const tops = [1, 2, 6].map((startedWith) => {
      const { limits, widest } = blamed({ successes: 0, limits: drafted().limits }, { startedWith, retryAfter: 50 })
      return [limits.window.top, limits.pace, widest]
    })
    assert.deepStrictEqual(tops, [
      [1, undefined, 0],
      [1, undefined, 0],
      [5, undefined, 0]
    ])
  })
})

describe("A pace after a rejection", () => {
  /** After so many marks, ten a second each. */
  const every = (count: number, span = 1000) =>
    Array.from({ length: count }, (_, i) => ({ at: quiet - (count - i) * span, accepted: 10 * i, held: 0 }))

  it("is four fifths of what it was, where nothing was measured yet", () => {
    const draft = blamed({ limits: paced(40), widest: 20 })
    assert.deepStrictEqual([Math.round(draft.limits.pace?.top ?? 0), draft.limits.window.top], [32, 12])
  })

  it("goes a quarter of the way to what was measured where that may be wrong, and to no less than a third of what it was", () => {
    /** One was accepted since the last rejection, so many milliseconds ago. */
    const top = (ago: number) => {
      const marks = [mark(99, quiet - ago)]
      return Math.round(100 * (blamed({ limits: paced(40), widest: 20, marks }).limits.pace?.top ?? 0)) / 100
    }
    // 20 a second, and hardly any.
    assert.deepStrictEqual([top(75), top(60_000)], [33.64, 30.39])
  })

  it("is said as it is long: whole, with a tenth, or with two digits", () => {
    const reasons = [200, 40, 0.4].map((top) => blamed({ limits: paced(top), widest: 20 }).decision.reason)
    assert.deepStrictEqual(
      reasons.map((reason) => reason.split(" ")[0]),
      ["160", "32.0", "0.32"]
    )
  })

  it("has gained patience where it is the same again, and lost two of it where it is another", () => {
    const pace = { ...Level.known(10), patience: 3 }
    const limits = (top: number) => ({ ...paced(10), pace: { ...pace, top } })
    const patience = (top: number) => {
      const draft = blamed({ limits: limits(top), widest: 20, marks: every(4) }, {}, 40)
      const { pace } = draft.limits
      return pace === undefined || pace.shared ? undefined : pace.patience
    }
    assert.deepStrictEqual([patience(10), patience(12.5)], [4, 1])
  })

  it("is the same where it differs by a twentieth, and by one of those that it was measured by", () => {
    const patience = (top: number) => {
      const limits = { ...paced(10), pace: { ...Level.known(top), deep: true, patience: 3 } }
      const { pace } = blamed({ limits, widest: 20, marks: [mark(38, quiet - 200)] }, {}, 40).limits
      return pace === undefined || pace.shared ? undefined : pace.patience
    }
    // Two in a fifth of a second, and so some 12.5 a second: to a third.
    assert.deepStrictEqual([patience(20), patience(20.5)], [4, 1])
  })

  it("that fell in small steps for nothing goes back to where it began; with others it may fall further", () => {
    /** Twelve rejections, from `first` a second down to such a part of it. */
    const falling = (part: number, share: boolean) => {
      const rates = Array.from({ length: 11 }, (_, i) => 20 * part ** (i / 10))
      let last = { at: quiet - 60_000, accepted: 0, held: 0 }
      const marks = [
        last,
        ...rates.map((rate) => (last = { at: last.at + 2000, accepted: last.accepted + 2 * rate - 0.5, held: 0 }))
      ]
      const now = marks.pop() ?? last
      const pace = share ? Share.make(10, quiet, { unit: 4000, length: 4000 }) : Level.known(10)
      const draft = drafted({ limits: { ...paced(10), pace }, marks, widest: 20, isShared: share })
      blame(draft, rejection(), now, quiet + 20, undefined, undefined)
      return draft.marks.length === 0 && Math.round(draft.limits.pace?.top ?? 0) === 20
    }
    assert.deepStrictEqual(
      [falling(0.33, false), falling(0.34, false), falling(0.33, true), falling(0.16, true), falling(0.17, true)],
      [true, false, false, true, false]
    )
  })

  it("in slow start leaves the window at what was in flight", () => {
    const limits = { ...paced(40), slowStart: true }
    const draft = blamed({ limits, widest: 20 })
    assert.deepStrictEqual([draft.limits.slowStart, draft.limits.window.top], [false, 8])
  })
})

describe("A rejection that a bucket fits", () => {
  const bucket: Bucket.Bucket = { depth: 5, low: 9.9, high: 10, closings: 6, starts: 100, unit: undefined }
  const after = (over: Partial<State.Draft>, found: Partial<Bucket.Bucket> = {}) => {
    const draft = drafted(over)
    const fitted = { bucket: { ...bucket, ...found }, cap: { closings: 0, starts: 0 }, isLikelier: true }
    blame(draft, rejection(), mark(100), quiet + 20, fitted, undefined)
    return draft
  }

  it("sets the pace to its rate, in what its tokens are, and leaves the window as it is", () => {
    const { decision, limits, unit } = after({}, { unit: 600 })
    assert.deepStrictEqual([limits.pace?.top, limits.window.level, unit], [10, 12, 600])
    assert.strictEqual(decision.reason, "10.0 starts a second were too many (status 429)")
  })

  it("opens as many permits as its rate needs, where these are more", () => {
    // 1.5 times what is in flight at 200 a second for a tenth of a second each.
    const { window } = after({}, { low: 199, high: 200 }).limits
    assert.deepStrictEqual([window.level, window.top, window.patience], [30, 30, 0])
    assert.strictEqual(after({}, { low: 79, high: 80 }).limits.window.level, 12)
  })

  it("knows whether a hold is made good: the bucket holds what comes back meanwhile", () => {
    const refills = [500, 501].map((hint) => after({ hint, refills: hint > 500 }).refills)
    assert.deepStrictEqual(refills, [true, false])
  })
})

describe("A rejection by a cap that nobody else shares", () => {
  /** Starts behind a cap of five, and the last of them that it rejected. */
  const log = capped(5, 100, spread(400, 21))
  const sequence = log.findLastIndex(([, fate]) => fate === "capacity") + 1
  const after = (
    level: number,
    over: Partial<State.Draft> = {},
    sample: Partial<Rejection> = {},
    fitted?: Fitted.Fitted
  ) => {
    const limits = { window: Permits.initial(level), pace: undefined, slowStart: false }
    const draft = drafted({ limits, widest: 20, rejectionLatency: 5, ...over })
    blame(draft, rejection({ sequence, startedWith: 6, ...sample }), mark(300), quiet + 20, fitted, startsOf(log))
    return draft
  }

  it("measures it where as many were allowed, and below it takes the cap for fallen", () => {
    const measured = after(5)
    assert.deepStrictEqual([measured.limits.window.top, measured.widest, measured.status], [5, 5, 429])
    assert.strictEqual(measured.decision.reason, "5 in flight were too many (status 429)")
    const fallen = after(12)
    assert.deepStrictEqual([fallen.limits.window.top, fallen.widest], [4, 4])
    assert.strictEqual(fallen.decision.reason, "5 in flight are too many by now (status 429)")
  })

  it("is told of in no reason while the API is closed", () => {
    const draft = drafted()
    const block = Closing.make(draft, { since: 0, accepted: 0, before: draft.limits, at: 0 })
    for (const level of [5, 12]) assert.notMatch(after(level, { block }).decision.reason, /in flight/)
  })

  it("is none beside a bucket where the API says how long, or where starts weigh differently", () => {
    const bucket: Bucket.Bucket = { depth: 5, low: 9.9, high: 10, closings: 1, starts: 100, unit: undefined }
    const fitted = { bucket, cap: { closings: 0, starts: 0 }, isLikelier: true }
    const paceOf = (sample: Partial<Rejection>, found: Fitted.Fitted) => after(12, {}, sample, found).limits.pace?.top
    assert.deepStrictEqual(
      [
        paceOf({}, fitted),
        paceOf({ retryAfter: 500 }, fitted),
        paceOf({}, { ...fitted, bucket: { ...bucket, unit: 600 } }),
        // A bucket that explains more rejections than the cap does.
        paceOf({}, { ...fitted, bucket: { ...bucket, closings: 1000 } })
      ],
      [undefined, 10, 10, 10]
    )
  })

  it("is none in slow start, beside a pace, for one alone, and where others share the API", () => {
    const isOwn = (over: Partial<State.Draft>, sample: Partial<Rejection> = {}) =>
      /by now/.test(after(12, over, sample).decision.reason)
    const limits = { window: Permits.initial(12), pace: undefined, slowStart: false }
    assert.deepStrictEqual(
      [
        isOwn({}),
        isOwn({ limits: { ...limits, slowStart: true } }),
        isOwn({ limits: { ...limits, pace: Level.known(10) } }),
        isOwn({ isShared: true }),
        isOwn({}, { startedWith: 1 })
      ],
      [true, false, false, false, false]
    )
  })
})
