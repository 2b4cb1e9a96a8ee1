import { assert, describe, it } from "@effect/vitest"
import * as Level from "../../../src/law/window/Level.js"
import type * as Permits from "../../../src/law/window/Permits.js"
import * as State from "../../../src/law/window/State.js"

describe("A draft of a state", () => {
  it("is a copy of all that the law knows, and the state stays as it is", () => {
    const { state } = State.begin(64, 0, 0)
    // Whatever the fields are, they are copied: each has a number of its own here.
    const fields = Object.fromEntries(Object.keys(state).map((field, i) => [field, i])) as unknown as State.State
    const draft = State.draft(fields)
    assert.deepStrictEqual({ ...draft }, { ...fields })
    draft.successes = -1
    assert.isAtLeast(fields.successes, 0)
  })
})

describe("The law before it has heard of anything", () => {
  it("begins with twelve permits, or the pool's size, and knows nothing", () => {
    const { decision, state } = State.begin(64, 1000, 3, true)
    assert.deepStrictEqual(
      [decision.window, decision.epoch, state.isShared, state.limits.slowStart],
      [12, 3, true, true]
    )
    const { blocked, catchUpUntil, doubt, held, hint, judged, lastRejected, latency, meanLatency, rejections } = state
    const { asked, block, kind, marks, noise, opened, period, status, successes, suspect, undoubted, widest } = state
    const counts = [blocked, catchUpUntil, doubt, held, hint, judged, lastRejected, latency, meanLatency, rejections]
    assert.deepStrictEqual(
      [...counts, status, successes, undoubted, widest],
      Array.from({ length: 14 }, () => 0)
    )
    assert.deepStrictEqual([asked, block, kind, noise, opened, period, suspect], Array(7).fill(undefined))
    assert.deepStrictEqual([marks, state.refills, state.leastLatency, decision.holdUntil], [[], true, Infinity, 0])
    // As if a rejection took 50 ms: what it would have said is known after two.
    assert.deepStrictEqual([state.rejectionLatency, decision.ramp?.from], [50, 1100])
    assert.strictEqual(State.begin(5, 0, 0).decision.window, 5)
    assert.isFalse(State.begin(5, 0, 0).state.isShared)
  })

  it("lets the window double in half a second from when a rejection would have been known, up to the pool's size", () => {
    assert.deepStrictEqual(State.blindly(10, 1000, 50, 64), { from: 1100, every: 50, most: 64 })
    assert.strictEqual(State.blindly(64, 1000, 50, 64), undefined)
    assert.isDefined(State.blindly(63, 1000, 50, 64))
  })
})

describe("The law after a long silence", () => {
  it("begins anew, but counts on: all that were started before and not rejected were accepted", () => {
    const { state } = State.begin(64, 0, 7, true)
    const known = { ...state, rejections: 5, successes: 80, latency: 300 }
    const sample = {
      ...{ row: 1, attempt: 1, epoch: 7, inFlight: 1, latency: 200, sequence: 101, startedWith: 1 },
      _tag: "success",
      bound: "none"
    } as const
    const { decision, isShared, lastRejected, latency, limits, opened, rejections } = State.reset(
      known,
      sample,
      400_000
    )
    assert.deepStrictEqual([limits.window.level, limits.slowStart, latency, isShared], [12, true, 0, true])
    assert.deepStrictEqual([rejections, lastRejected, decision.epoch], [5, 100, 7])
    assert.deepStrictEqual(opened, { at: 399_800, accepted: 95 })
  })
})

describe("The rate under the limits", () => {
  const { limits, ...state } = State.begin(64, 0, 0).state
  const rate = (over: Partial<State.State>) =>
    State.rateOf({ ...state, limits, ...over }, { ...limits, ...over.limits })

  it("is that of the pace, else that at which the window turns over, and one a second before anything is known", () => {
    const paced = { ...limits, pace: Level.known(40) }
    assert.deepStrictEqual([rate({}), rate({ latency: 600 }), rate({ latency: 600, limits: paced })], [1, 20, 40])
  })
})

describe("The round of a client", () => {
  const { limits, ...state } = State.begin(64, 0, 0).state
  const round = (over: Partial<State.State>, window: Partial<Permits.Permits> = {}) =>
    State.roundOf({
      ...state,
      ...{ isShared: true, limits: { ...limits, window: { ...limits.window, ...window } }, latency: 600 },
      ...over
    })

  it("is by the mean latency, or a second where none is known", () => {
    assert.deepStrictEqual([round({}).unit, round({ meanLatency: 400 }).unit], [8000, 4000])
  })

  it("is longer where a rejection is dear: a cap holds the pool until it is known, a pace only where nothing comes back", () => {
    // A hold of 960 ms in 32 seconds is three hundredths of the time.
    const dear = { meanLatency: 400, hint: 960 }
    const paced = { ...limits, pace: Level.known(40) }
    assert.deepStrictEqual(
      [
        round({ ...dear, hint: 0 }).length,
        round(dear).length,
        round({ ...dear, hint: 961 }).length,
        round({ ...dear, limits: paced, refills: true }).length,
        round({ ...dear, limits: paced, refills: false }).length
      ],
      [4000, 32_000, 64_000, 4000, 32_000]
    )
    assert.strictEqual(round({ meanLatency: 400, rejectionLatency: 240 }).length, 8000)
  })

  it("is longer where calls are rare, and where the same limit was found twice", () => {
    // Eight calls are a round of a cap: two a second make four seconds.
    const rare = (level: number, patience: number) => round({ meanLatency: 400 }, { level, patience }).length
    assert.deepStrictEqual([rare(1.2, 0), rare(1.1, 0), rare(1.2, 1), rare(1.2, 2)], [4000, 8000, 4000, 8000])
  })

  it("with a pace is of sixteen calls, and so longer than one of a cap", () => {
    const paced = (rate: number) => round({ meanLatency: 400, limits: { ...limits, pace: Level.known(rate) } }).length
    assert.deepStrictEqual([paced(4), paced(3.9), paced(2)], [4000, 8000, 8000])
  })

  it("who is alone is by its calls, sixteen of them, and by what a rejection costs", () => {
    const alone = (over: Partial<State.State>) => round({ isShared: false, ...over }).length
    const at = (rate: number) => alone({ limits: { ...limits, pace: Level.known(rate) } })
    // To the nearest power of two.
    assert.deepStrictEqual([at(4), at(2.83), at(2.82), at(1), at(0.1)], [4000, 4000, 8000, 16_000, 32_000])
    assert.strictEqual(alone({ limits: { ...limits, pace: Level.known(4) }, hint: 960, refills: false }), 32_000)
  })
})

describe("A mean", () => {
  it("begins with its first value, and goes a tenth of the way to each, or as far as is said", () => {
    assert.deepStrictEqual([State.smooth(0, 50), State.smooth(100, 50), State.smooth(100, 50, 0.5)], [50, 95, 75])
  })
})
