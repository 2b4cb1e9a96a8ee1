import { assert, describe, it } from "@effect/vitest"
import type { Bound } from "../../../src/law/ControlLaw.js"
import * as Closing from "../../../src/law/window/Closing.js"
import { decide } from "../../../src/law/window/Decide.js"
import * as Level from "../../../src/law/window/Level.js"
import * as Period from "../../../src/law/window/Period.js"
import { reject } from "../../../src/law/window/Rejection.js"
import * as State from "../../../src/law/window/State.js"
import { ServerModel } from "effect-aimd/testing"
import * as Permits from "../../../src/law/window/Permits.js"
import { capped, judged, spread, startsOf, type Start } from "../../support/starts.js"

const now = 10_000

/** Ten a second were let through since the API opened, in slow start. */
const draftOf = (over: Partial<State.Draft> = {}): State.Draft => ({
  ...State.draft(State.begin(64, 0, 0).state),
  opened: { at: 0, accepted: 0 },
  latency: 100,
  successes: 100,
  widest: 64,
  ...over
})
const rejection = (retryAfter?: number) => ({
  _tag: "capacity" as const,
  row: 101,
  attempt: 1,
  epoch: 0,
  inFlight: 1,
  latency: 0,
  sequence: 101,
  startedWith: 1,
  bound: "none" as Bound,
  status: 429,
  retryAfter
})

describe("A rejection with a wait", () => {
  /** Whether it is taken for the end of a period. */
  const isEnd = (retryAfter: number): boolean => {
    const draft = draftOf()
    reject(draft, rejection(retryAfter), now, now, undefined)
    return draft.block?.told === true
  }

  it("ends a period where the wait is a second at least, and many calls long; whole seconds may be one too long", () => {
    assert.deepStrictEqual(
      [160, 999, 1001, 1999, 2000, 3001].map((retryAfter) => [retryAfter, isEnd(retryAfter)]),
      [
        [160, false],
        [999, false],
        [1001, true],
        [1999, true],
        [2000, true],
        [3001, true]
      ]
    )
    assert.isFalse(isEnd(1000))
  })
})

describe("A period that was too short", () => {
  it("is waited for a twentieth of it longer, however often it was too short", () => {
    const pauses = [0, 1, 7].map((failures) => {
      const period = { ...Period.told(100, 60_000), isExact: false, failures }
      const draft = draftOf({ period, marks: [{ at: 1, accepted: 1, held: 0 }] })
      reject(draft, rejection(), now, now, undefined)
      assert.deepStrictEqual(draft.marks, [])
      return [draft.decision.reason, draft.decision.holdUntil - now]
    })
    assert.deepStrictEqual(pauses, Array<unknown>(3).fill(["the period is longer than thought", 3000]))
  })
})

describe("A rejection after an exact period was over", () => {
  const exact = Period.told(20, 1000)
  /** The last of so many in a row, where others were served until so many milliseconds before it. */
  const after = (silence: number, period: Period.Period) => {
    const starts = startsOf([[now - silence, "success"], ...Array.from({ length: 3 }, (): Start => [now, "capacity"])])
    const draft = draftOf({ period })
    reject(draft, { ...rejection(), sequence: 4 }, now, now, starts)
    return draft
  }

  it("is that of an API which something else has closed, and the period stays as it stood", () => {
    const once = Period.failed(exact, undefined, 50)
    const { block, decision, period } = after(1040, once ?? exact)
    assert.deepStrictEqual([block?.since, decision.reason], [now, "nothing passes"])
    assert.deepStrictEqual(period, exact)
  })

  it("may be that of the period, as long as this may not have been over", () => {
    const { block, decision } = after(1000, exact)
    assert.deepStrictEqual([block, decision.reason], [undefined, "the period is longer than thought"])
  })
})

describe("A rejection with another status than the limit had", () => {
  /** A cap that answers with 429, and what became of the starts before. */
  const starts = capped(5, 100, spread(400, 21))
  const second = starts.findLastIndex(([, fate], i) => fate === "capacity" && starts[i - 1]?.[1] === "capacity") + 1
  const alone = starts.findLastIndex(([, fate], i) => fate === "capacity" && starts[i - 1]?.[1] === "success") + 1
  const rejected = (sequence: number, log: ReadonlyArray<Start> = starts) => {
    const draft = draftOf({
      ...{ kind: { status: 503, others: 0 }, rejectionLatency: 5 },
      calm: { ...State.calm, starts: 400, rejected: 2 }
    })
    reject(draft, { ...rejection(), startedWith: 6, sequence }, now, now, startsOf(log))
    return draft
  }

  it("is the limit's, where that is certain of it, and not of the other one any more", () => {
    const { calm, kind, limits } = rejected(second)
    assert.deepStrictEqual([kind, limits.window.top], [{ status: 429, others: 0 }, 5])
    // What was seen before was not of this limit.
    assert.strictEqual(calm, State.calm)
  })

  it("is chance where it is one in a row, and where the limit is as certain as ever", () => {
    assert.strictEqual(rejected(alone).kind?.status, 503)
    const both = [...capped(5, 100, spread(400, 21)).map(([at, fate, besides = 0]): Start => [at, fate, besides, 503])]
    const shifted = starts.map(([at, ...rest]): Start => [at + 10_000, ...rest])
    assert.strictEqual(rejected(both.length + second, [...both, ...shifted]).kind?.status, 503)
  })
})

describe("A pace beside rejections of another kind", () => {
  it("makes up for those that have not come to the limit", () => {
    const limits = { ...draftOf().limits, pace: Level.known(10), slowStart: false }
    const spacings = [undefined, { status: 429, others: 0 }, { status: 429, others: 0.2 }].map((kind) => {
      const { chance, spacing } = decide(draftOf({ kind, limits }))
      return [spacing, chance]
    })
    assert.deepStrictEqual(spacings, [
      [100, undefined],
      [100, undefined],
      [80, 0.2]
    ])
  })
})

describe("What a rejection is remembered by", () => {
  const after = (over: Partial<State.Draft>, sample: Partial<ReturnType<typeof rejection>>, at = now) => {
    const draft = draftOf({ limits: { ...draftOf().limits, slowStart: false }, ...over })
    reject(draft, { ...rejection(), ...sample }, at, at, undefined)
    return draft
  }

  it("is its own latency where that is longer, and else nine tenths of what it was, and never less than 5 ms", () => {
    const latencies = [
      [100, 95],
      [100, 89],
      [5, 1]
    ].map(([rejectionLatency = 0, latency = 0]) => after({ rejectionLatency }, { latency }).rejectionLatency)
    assert.deepStrictEqual(latencies, [95, 90, 5])
  })

  it("is the wait that it asks for, of which two seconds count at most, and later ones count in part", () => {
    const first = [300, 2000, 5000].map((retryAfter) => after({}, { retryAfter }).hint)
    assert.deepStrictEqual(first, [300, 2000, 2000])
    const next = after({ hint: 1000 }, { retryAfter: 2000 }).hint
    assert.isAbove(next, 1000)
    assert.strictEqual(next, after({ hint: 1000 }, { retryAfter: 9000 }).hint)
    assert.isBelow(next, 2000)
  })

  it("is old news where it was started before the last decrease, but counts", () => {
    const draft = after({ decision: { ...draftOf().decision, epoch: 3 }, lastRejected: 7, rejections: 4 }, { epoch: 2 })
    assert.deepStrictEqual([draft.rejections, draft.lastRejected, draft.decision.epoch, draft.marks], [5, 101, 3, []])
  })

  it("is that nothing was accepted since the last: one is no silence yet at a cap where others take places", () => {
    // All but one of a hundred were accepted before the first; nothing since.
    const marks = [{ at: now - 50, accepted: 99, held: 0 }]
    const sample = { sequence: 101, startedWith: 9 }
    const silent = (over: Partial<State.Draft>, at = now) =>
      after({ marks, rejections: 1, widest: 8, ...over }, sample, at).block !== undefined
    // In the first quarter of a unit others test; a pace, or a lone attempt, loses no place to them.
    const busy = 8_000_000 + 100
    const marked = { marks: [{ at: busy - 50, accepted: 99, held: 0 }] }
    assert.deepStrictEqual(
      [
        silent({}, 8_000_000 + 2000),
        silent(marked, busy),
        silent({ ...marked, blocked: 1 }, busy),
        silent({ ...marked, blocked: 2 }, busy)
      ],
      [true, false, false, true]
    )
    // One that was started no later than the last says nothing.
    assert.isFalse(silent({ marks: [{ at: 8_002_000, accepted: 99, held: 0 }] }, 8_002_000))
  })
})

describe("A rejection while the API is closed", () => {
  const closed = (accepted: number, over: Partial<State.Draft> = {}) => {
    const draft = draftOf({ lastRejected: 90, ...over })
    draft.limits = { ...draft.limits, slowStart: false }
    draft.block = Closing.make(draft, { since: 9000, accepted: 50, before: draft.limits, at: 9000 })
    reject(draft, { ...rejection(), sequence: accepted + 1 }, now, now + 20, undefined)
    return draft
  }

  it("is a probe in vain where nothing has passed since: the next one comes later", () => {
    const { block, decision, marks } = closed(50)
    assert.deepStrictEqual([block?.probes, block?.lastProbe, block?.since, marks], [1, now, 9000, []])
    assert.isAbove(decision.holdUntil, now + 20)
    assert.strictEqual(decision.reason, "nothing passes")
  })

  it("is of an API that had opened where something has passed", () => {
    const { block, decision, marks } = closed(51)
    assert.deepStrictEqual([block, marks.length], [undefined, 1])
    assert.match(decision.reason, /were too many \(status 429\)$/)
  })
})

describe("A rejection of another kind while the API is closed", () => {
  it("is a probe in vain like any other", () => {
    const log = spread(200, 20).map((at, i): Start => [at, i % 40 === 39 ? "capacity" : "success", 1, 503])
    const draft = draftOf({ kind: { status: 429, others: 0 }, rejections: 5 })
    draft.block = Closing.make(draft, { since: 9000, accepted: 300, before: draft.limits, at: 9000 })
    reject(draft, { ...rejection(), status: 503, sequence: 200 }, now, now + 20, startsOf(log))
    assert.deepStrictEqual([draft.block.probes, draft.decision.reason], [1, "nothing passes"])
  })
})

describe("A period that is thought of", () => {
  const thought = (count: number, over: Partial<ReturnType<typeof rejection>> = {}, widest = 64) => {
    const period = { ...Period.told(100, 60_000), proven: false }
    const draft = draftOf({ period, widest })
    draft.limits = { ...draft.limits, slowStart: false }
    reject(draft, { ...rejection(), sequence: count + 1, ...over }, now, now + 20, undefined)
    return draft.block?.suspect === true
  }

  it("may be at its end where half of it has passed, with fewer in flight than were served before", () => {
    assert.deepStrictEqual(
      [thought(49), thought(50), thought(50, { startedWith: 64 }), thought(50, { startedWith: 65 })],
      [false, true, true, false]
    )
  })

  it("may be at its end where it was waited for, and nearly all of it has passed, however many are in flight", () => {
    const wide = (count: number) => thought(count, { startedWith: 65, bound: "period" })
    assert.deepStrictEqual([wide(100), wide(50)], [true, false])
  })
})

describe("A rejection beside chance", () => {
  it("of an API that has closed is one decrease, and the beginning of a silence", () => {
    const noise: State.Noise = {
      ...{ chance: 0.02, limit: { _tag: "none", chance: 0.02, likelihood: 0 }, fall: [0, 0, 0], test: [0, 0, 0] },
      ...{ tested: undefined, since: Infinity, through: 0, waited: 0, patience: 0 }
    }
    const draft = draftOf({ noise, decision: { ...draftOf().decision, epoch: 4 } })
    const log = Array.from({ length: 50 }, (_, i): Start => [10 * i, i < 40 ? "success" : "capacity"])
    reject(draft, { ...rejection(), epoch: 4, sequence: 50 }, now, now + 20, startsOf(log))
    assert.deepStrictEqual(
      [draft.decision.epoch, draft.block?.since, draft.decision.reason],
      [5, now, "nothing passes"]
    )
    assert.deepStrictEqual([draft.block?.accepted, draft.block?.before], [49, draft.limits])
  })
})

describe("A rejection that a span of a provider fits", () => {
  const last = (log: ReadonlyArray<Start>): number => log.findLastIndex(([, fate]) => fate === "capacity") + 1
  /** Twenty a second, asked for a third more often. */
  const log = judged(ServerModel.slidingWindow({ limit: 20, per: 1000 }), spread(400, 37, 1_000_000_123))
  const after = (over: Partial<State.Draft>, starts: ReadonlyArray<Start> = log, sample = {}) => {
    const draft = draftOf({ limits: { ...draftOf().limits, slowStart: false }, rejectionLatency: 5, ...over })
    const sequence = last(starts)
    const [at = 0] = starts[sequence - 1] ?? []
    reject(draft, { ...rejection(), sequence, ...sample }, at, at + 5, startsOf(starts))
    return draft
  }

  it("is that of a period which is known at once, and of a limit with this status", () => {
    const draft = after({ noise: undefined, marks: [{ at: 1, accepted: 1, held: 0 }] })
    const { calm, decision, kind, limits, marks, noise, period } = draft
    assert.deepStrictEqual([period?.limit, period?.length, period?.isExact, period?.proven], [20, 1000.5, true, true])
    assert.strictEqual(decision.reason, "20 starts in 1 s are the limit")
    assert.deepStrictEqual(
      [decision.epoch, decision.holdUntil, limits.pace, marks, noise],
      [1, 0, undefined, [], undefined]
    )
    assert.deepStrictEqual([kind, calm], [{ status: 429, others: 0 }, State.calm])
  })

  it("leaves as many permits as there were, or as the rate needs where these are more", () => {
    const level = (from: number, latency: number) =>
      after({ latency, limits: { ...draftOf().limits, slowStart: false, window: Permits.initial(from) } }).limits.window
        .level
    // Half as many again as are in flight at twenty a second.
    assert.deepStrictEqual([level(12, 100), level(12, 1000), level(40, 1000)], [12, 30, 40])
  })

  it("is none where others share the API, and where a period is known", () => {
    const isTold = (over: Partial<State.Draft>) => /are the limit$/.test(after(over).decision.reason)
    const known = Period.told(7, 60_000)
    assert.deepStrictEqual(
      [
        isTold({}),
        isTold({ isShared: true }),
        isTold({ period: known }),
        isTold({ period: { ...known, proven: false } })
      ],
      [true, false, false, true]
    )
  })

  it("is none where a bucket fits as well that is no slower", () => {
    const bucket = judged(ServerModel.tokenBucket({ rate: 20, burst: 1 }), spread(400, 37, 1_000_000_123))
    assert.notMatch(after({}, bucket).decision.reason, /are the limit$/)
  })
})
