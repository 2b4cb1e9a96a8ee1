import { assert, describe, it } from "@effect/vitest"
import type { ControlLaw } from "effect-aimd"
import type { Rejection } from "../../../src/law/window/Blame.js"
import * as Chance from "../../../src/law/window/Chance.js"
import type * as Fit from "../../../src/law/window/Fit.js"
import * as Level from "../../../src/law/window/Level.js"
import * as Noise from "../../../src/law/window/Noise.js"
import * as Pace from "../../../src/law/window/Pace.js"
import * as Period from "../../../src/law/window/Period.js"
import * as Permits from "../../../src/law/window/Permits.js"
import * as Share from "../../../src/law/window/Share.js"
import * as State from "../../../src/law/window/State.js"
import * as History from "../../../src/pool/History.js"

/** A rejection is known after 50 ms; a start every ten, an answer after a hundred. */
const every = 10

type Fate = "served" | "rejected" | "open"

/** The pool's starts, with a constant number in flight besides each, or one that a function says. */
const startsOf = (fates: ReadonlyArray<Fate>, besides: (i: number) => number = () => 9): ControlLaw.Starts => {
  const history = History.make(2000)
  fates.forEach((fate, i) => {
    history.add(every * i, besides(i))
    if (fate !== "open") history.ended(i + 1, fate === "served" ? "success" : "capacity")
  })
  return history
}
const all = (count: number, isRejected: (i: number) => boolean = () => false): ReadonlyArray<Fate> =>
  Array.from({ length: count }, (_, i) => (isRejected(i) ? "rejected" : "served"))

const fields = { row: 1, attempt: 1, epoch: 0, inFlight: 10, latency: 50, bound: "none" } as const
const rejection = (sequence: number, besides = 9) =>
  ({
    ...fields,
    _tag: "capacity",
    status: 503,
    retryAfter: undefined,
    sequence,
    startedWith: besides + 1
  }) as const
const success = (sequence: number): ControlLaw.Sample => ({ ...fields, _tag: "success", sequence, startedWith: 10 })

const drafted = (over: Partial<State.Draft> = {}): State.Draft =>
  Object.assign(State.draft(State.begin(64, 0, 0).state), { widest: 20, latency: 100, ...over })

/** A rejection of an attempt that began at an instant. */
const judge = (draft: State.Draft, sample: Rejection, at: number, starts: ControlLaw.Starts) =>
  Noise.rejected(draft, sample, at, starts, at + 50)

/** Tells a draft of all that was rejected among the starts; returns the verdicts. */
const told = (draft: State.Draft, fates: ReadonlyArray<Fate>, besides?: (i: number) => number): ReadonlyArray<string> =>
  fates.flatMap((fate, i) => {
    if (fate !== "rejected") return []
    // What comes later is not known yet.
    const starts = startsOf(
      fates.slice(0, i + 6).map((later, place) => (place > i ? "open" : later)),
      besides
    )
    const [sample, now] = [rejection(i + 1, besides?.(i)), every * i + 50]
    Noise.watch(draft, starts, sample, now)
    return [judge(draft, sample, every * i, starts)]
  })

const cap: Fit.Explanation = { _tag: "cap", cap: 8, chance: 0.02, likelihood: 0 }
const noisy = (over: Partial<State.Noise> = {}): State.Noise => ({
  chance: 0.02,
  limit: cap,
  fall: Chance.silent,
  test: Chance.silent,
  tested: undefined,
  since: Infinity,
  through: 0,
  waited: 0,
  patience: 0,
  ...over
})
const atCap = (over: Partial<State.Noise> = {}): State.Draft =>
  drafted({
    limits: { window: Permits.initial(8), pace: undefined, slowStart: false },
    noise: noisy(over)
  })

describe("Rejections that no test has asked for", () => {
  it("are chance from the first on, where chance alone explains it best", () => {
    const draft = drafted()
    const fates = all(150, (i) => i % 50 === 40)
    assert.deepStrictEqual(told(draft, fates), ["chance", "chance", "chance"])
    assert.deepStrictEqual([draft.noise?.limit._tag, draft.limits.slowStart], ["none", true])
    assert.match(draft.decision.reason, /^chance rejects 2\.\d % of all calls \(status 503\)$/)
  })

  it("are looked at again after 64 starts instead of 500, where they were found from few", () => {
    const draft = drafted()
    told(
      draft,
      all(60, (i) => i === 40)
    )
    assert.strictEqual(Math.round(500 * 2 ** (draft.noise?.patience ?? NaN)), 64)
  })

  it("are a limit where hardly anything was started before", () => {
    const verdicts = [31, 32].map((count) => {
      const draft = drafted()
      const fates = all(count, (i) => i === count - 1)
      return [told(draft, fates), draft.noise !== undefined]
    })
    assert.deepStrictEqual(verdicts, [
      [["limit"], false],
      [["chance"], true]
    ])
  })

  it("are chance, it seems, where few of many have been rejected; two in a row are a limit", () => {
    const calm = { ...State.calm, starts: 2000, rejected: 5 }
    const [one, two] = [drafted({ calm }), drafted({ calm })]
    const fates = all(60, (i) => i === 40)
    assert.deepStrictEqual([told(one, fates), one.noise, one.calm.rejected], [["chance"], undefined, 6])
    assert.strictEqual(one.decision.reason, "a rejection by chance, it seems (status 503)")
    const row = all(60, (i) => i === 40 || i === 41)
    assert.deepStrictEqual([told(two, row), two.noise, two.calm.rejected], [["chance", "limit"], undefined, 5])
  })

  it("are explained from the third on where they are over five in a thousand, and sooner where chance hardly brings one", () => {
    const isExplained = (starts: number, rejected: number): boolean => {
      const draft = drafted({ calm: { ...State.calm, starts, rejected } })
      judge(draft, rejection(41), 400, startsOf(all(41, (i) => i === 40)))
      return draft.noise !== undefined
    }
    // Of 125 starts more a quarter of one is believed to have been rejected.
    assert.deepStrictEqual([isExplained(275, 1), isExplained(275, 2)], [false, true])
    assert.deepStrictEqual([isExplained(524, 2), isExplained(525, 2)], [true, false])
    assert.deepStrictEqual([isExplained(435, 1), isExplained(436, 1)], [false, true])
  })

  it("are a limit where the API says when to come back, and where more was tested", () => {
    const starts = startsOf(all(40, (i) => i === 39))
    const [hinted, tested] = [drafted(), drafted()]
    assert.strictEqual(judge(hinted, { ...rejection(40), retryAfter: 1000 }, 390, starts), "limit")
    assert.strictEqual(judge(tested, rejection(40, 20), 390, starts), "limit")
  })

  it("are a limit where their status is of one's own limit, and others share it; in slow start nobody knows a limit yet", () => {
    const verdict = (slowStart: boolean, isShared: boolean, status: number): string => {
      const draft = drafted({ isShared, limits: { window: Permits.initial(30), pace: undefined, slowStart } })
      // At an instant of the round at which nobody tests.
      return judge(draft, { ...rejection(40), status }, 2390, startsOf(all(40, (i) => i === 39)))
    }
    assert.deepStrictEqual(
      [verdict(false, true, 429), verdict(false, false, 429), verdict(true, true, 429), verdict(false, true, 503)],
      ["limit", "chance", "chance", "chance"]
    )
  })

  it("below a cap are asked again: a limit if the next with as many in flight is rejected, too, else chance", () => {
    const capped = (): State.Draft =>
      drafted({ limits: { window: Permits.initial(12), pace: undefined, slowStart: false }, status: 503 })
    const [fallen, chance] = [capped(), capped()]
    assert.deepStrictEqual(
      told(
        fallen,
        all(44, (i) => i === 40 || i === 41)
      ),
      ["chance", "limit"]
    )
    assert.deepStrictEqual([fallen.asked, fallen.calm.rejected], [undefined, 0])
    assert.deepStrictEqual(
      told(
        chance,
        all(42, (i) => i === 40)
      ),
      ["chance"]
    )
    assert.deepStrictEqual([chance.asked, chance.calm.rejected], [{ sequence: 41, besides: 9 }, 0])
    // The next has as many in flight, and is let through.
    Noise.watch(chance, startsOf(all(44, (i) => i === 40)), success(43), 1000)
    assert.deepStrictEqual([chance.asked, chance.calm.rejected], [undefined, 1])
  })

  it("with another status than the limit's are no fall of it, until there are eleven in a row", () => {
    const verdicts = told(
      drafted({ limits: { window: Permits.initial(12), pace: undefined, slowStart: false }, status: 429 }),
      all(52, (i) => i >= 40)
    )
    // A half of a half and so on, eleven times, is less than one in two thousand.
    assert.strictEqual(verdicts.indexOf("limit"), 10)
  })

  it("are a cap beside chance, where both explain them", () => {
    const draft = drafted({ limits: { window: Permits.initial(12), pace: undefined, slowStart: false } })
    // A call in sixty by chance, and all with eight in flight or more.
    const besides = (i: number): number => i % 10
    const fates = all(240, (i) => i % 10 >= 8 || i % 60 === 5)
    draft.noise = noisy({ limit: { _tag: "none", chance: 0.02, likelihood: 0 } })
    told(draft, fates, besides)
    assert.deepStrictEqual([draft.noise.limit._tag, draft.limits.window.level], ["cap", 8])
    assert.match(draft.decision.reason, /beside a cap of 8 \(status 503\)$/)
  })

  it("end when chance explains none of the latest starts any more", () => {
    const draft = drafted({ noise: noisy({ limit: { _tag: "none", chance: 0.02, likelihood: 0 } }) })
    const starts = startsOf(all(499))
    Noise.watch(draft, starts, success(499), 10_000)
    assert.isDefined(draft.noise)
    draft.calm = { ...State.calm, starts: 9, rejected: 9 }
    Noise.watch(draft, startsOf(all(500)), success(500), 10_000)
    assert.deepStrictEqual([draft.noise, draft.calm], [undefined, State.calm])
  })

  it("are a closed API where chance never brings so many in a row", () => {
    // Three in a row come less often than six in a million where 0.018 are rejected, and not where 0.019 are.
    const verdicts = (chance: number) =>
      told(
        drafted({ noise: noisy({ chance, limit: { _tag: "none", chance, likelihood: 0 } }) }),
        all(43, (i) => i >= 40)
      )
    assert.deepStrictEqual(
      [verdicts(0.018), verdicts(0.019)],
      [
        ["chance", "chance", "closed"],
        ["chance", "chance", "chance"]
      ]
    )
  })
})

describe("Many rejections at once that no limit explains", () => {
  /** A fifth of the latest 200 were rejected, with any number in flight and at any time. */
  const fates = all(1000, (i) => i === 999 || (i >= 800 && (i * i * 37) % 101 < 20))

  it("leave the pool as fast as the latest 32 were let through", () => {
    const draft = drafted({
      noise: noisy({ limit: { _tag: "none", chance: 0.02, likelihood: 0 }, fall: [100, 0, 0] })
    })
    const starts = startsOf(fates, (i) => (i * 5) % 11)
    assert.strictEqual(judge(draft, rejection(1000), every * 999, starts), "chance")
    // From the first of them to the one that was rejected it is 320 ms.
    const through = fates.slice(967, 999).filter((fate) => fate === "served").length
    const { pace } = draft.limits
    assert.deepStrictEqual([draft.noise?.limit._tag, pace && Pace.rate(pace)], ["none", through / 0.32])
  })
})

describe("Where the limit is known beside chance", () => {
  it("nothing is tested once hardly anything is rejected any more: what explains the starts is asked for anew", () => {
    // One in fifty by chance, as far as is known; a third of it is no chance any more.
    const after = (rejected: number) => {
      const draft = atCap({ waited: 249, chance: 0.024 })
      draft.judged = 299
      const fates = all(
        300,
        (i) => i >= 50 && (i - 50) % Math.floor(250 / rejected) === 0 && i < 50 + rejected * Math.floor(250 / rejected)
      )
      Noise.watch(
        draft,
        startsOf(fates, () => 4),
        success(300),
        10_000
      )
      return draft.noise?.tested
    }
    // Two of 250 are as many as a third; one is fewer.
    assert.deepStrictEqual([after(2), after(1)], [9, undefined])
  })
})

describe("A test beside chance", () => {
  it("comes after 250 starts at a cap, and is of one more", () => {
    // As before: what is above the cap is rejected, and of the rest one in sixty.
    const draft = atCap({ waited: 249 })
    const fates = all(240, (i) => i % 10 >= 8 || i % 60 === 5)
    draft.judged = 239
    Noise.watch(
      draft,
      startsOf([...fates, "served"], (i) => i % 10),
      success(241),
      10_000
    )
    assert.deepStrictEqual([draft.noise?.tested, draft.limits.window.level], [9, 9])
  })

  it("that lets three through is kept, and the next is of an eighth more", () => {
    const draft = atCap({ tested: 9, since: 0, through: 2, patience: 2 })
    Noise.watch(
      draft,
      startsOf(["served"], () => 8),
      success(1),
      10_000
    )
    const { limit, patience, tested } = draft.noise ?? noisy()
    assert.deepStrictEqual(limit, { ...cap, cap: 9 })
    assert.deepStrictEqual([tested, patience, draft.limits.window.level], [10, 0, 10])
  })

  it("that is rejected more than chance would puts back what was known, and waits longer for the next", () => {
    const draft = atCap({ tested: 9, since: 0, patience: 1 })
    const starts = startsOf(all(40, (i) => i === 39))
    assert.strictEqual(judge(draft, rejection(40, 8), 390, starts), "chance")
    const { limit, patience, tested } = draft.noise ?? noisy()
    assert.deepStrictEqual([limit, tested, patience, draft.limits.window.level], [cap, undefined, 2, 8])
  })

  it("goes on after one rejection that chance may well have brought", () => {
    const draft = atCap({ tested: 9, since: 0, chance: 0.1 })
    const starts = startsOf(all(40, (i) => i === 39))
    assert.strictEqual(judge(draft, rejection(40, 8), 390, starts), "chance")
    assert.deepStrictEqual([draft.noise?.tested, Math.round(Chance.evidence(draft.noise?.test ?? []))], [9, 2])
  })

  it("is not of starts with fewer in flight: their rejections speak of the limit itself", () => {
    const draft = atCap({ tested: 9, since: 0 })
    const starts = startsOf(all(40, (i) => i === 39))
    judge(draft, rejection(40, 7), 390, starts)
    assert.deepStrictEqual([draft.noise?.tested, draft.noise?.test], [9, Chance.silent])
    assert.isAbove(Chance.evidence(draft.noise?.fall ?? []), 0)
  })
})

describe("A rejection that ended slow start", () => {
  const before = drafted().limits
  /** One with nine in flight besides, before the starts that follow. */
  const suspected = (): State.Draft =>
    drafted({
      limits: { window: Permits.initial(9), pace: undefined, slowStart: false },
      suspect: { sequence: 1, besides: 9, last: 6, before }
    })
  const watch = (draft: State.Draft, fates: ReadonlyArray<Fate>, now: number, besides?: (i: number) => number) =>
    Noise.watch(draft, startsOf(["rejected", ...fates], besides), success(2), now)

  it("is acquitted when three that were started after it, with as many in flight, were let through", () => {
    const draft = suspected()
    watch(draft, all(5), 1000, (i) => (i < 4 ? 9 : 8))
    assert.deepStrictEqual([draft.suspect, draft.limits, draft.calm.rejected], [undefined, before, 1])
    assert.strictEqual(draft.decision.reason, "a rejection by chance: more in flight were let through")
  })

  it("is convicted when one of them was rejected, and when too few were as many", () => {
    for (const [fates, besides] of [
      [all(5, (i) => i === 3), () => 9],
      [all(5), (i: number) => (i < 3 ? 9 : 8)]
    ] as const) {
      const draft = suspected()
      watch(draft, fates, 1000, besides)
      assert.deepStrictEqual([draft.suspect, draft.limits.window.level, draft.calm.rejected], [undefined, 9, 0])
    }
  })

  it("waits for what is not known yet", () => {
    const draft = suspected()
    const fates = [...all(4), "open"] as const
    // A rejection of the last, started at 50, would be known by 110.
    watch(draft, fates, 109)
    assert.isDefined(draft.suspect)
    watch(draft, fates, 110)
    assert.deepStrictEqual([draft.suspect, draft.limits], [undefined, before])
  })
})

describe("Where nothing but chance rejects", () => {
  const free = (): State.Draft => drafted({ noise: noisy({ limit: { _tag: "none", chance: 0.02, likelihood: 0 } }) })

  it("the window grows by three permits for each success that it held back", () => {
    const draft = free()
    Noise.served(draft, { ...success(1), bound: "window" })
    assert.strictEqual(draft.limits.window.level, 15)
    Noise.served(draft, success(2))
    assert.strictEqual(draft.limits.window.level, 15)
  })

  it("and at a limit nothing grows but by tests", () => {
    const draft = atCap()
    Noise.served(draft, { ...success(1), bound: "window" })
    assert.strictEqual(draft.limits.window.level, 8)
  })
})

describe("A bucket beside chance", () => {
  const limit: Fit.Explanation = { _tag: "bucket", rate: 0.02, depth: 5, chance: 0.02, likelihood: 0 }
  const atBucket = (over: Partial<State.Noise> = {}) =>
    drafted({
      limits: { window: Permits.initial(64), pace: Level.known(20), slowStart: false },
      noise: noisy({ limit, ...over })
    })

  it("that lets 64 through is kept, and the next test is of a larger step", () => {
    const draft = atBucket({ tested: 22, since: 0, through: 63 })
    Noise.watch(draft, startsOf(["served"]), success(1), 10_000)
    const { noise } = draft
    assert.deepStrictEqual(noise?.limit, { ...limit, rate: 0.022 })
    assert.closeTo(noise?.tested ?? 0, 22 * 1.1 ** 1.5, 1e-9)
    assert.deepStrictEqual([noise?.since, noise?.through, draft.limits.slowStart], [10_000, 0, false])
    const early = atBucket({ tested: 22, since: 0, through: 62 })
    Noise.watch(early, startsOf(["served"]), success(1), 10_000)
    assert.deepStrictEqual([early.noise?.tested, early.noise?.through], [22, 63])
  })

  it("is tested after 250 starts, by a twentieth more", () => {
    const after = (waited: number) => {
      const draft = atBucket({ waited })
      draft.judged = 299
      Noise.watch(draft, startsOf(all(300, (i) => i % 60 === 5)), success(300), 10_000)
      return draft.noise?.tested
    }
    assert.deepStrictEqual([after(248), after(249)], [undefined, 21])
  })

  it("is tested by what was started since the test began", () => {
    const draft = atBucket({ tested: 22, since: 20 })
    Noise.watch(draft, startsOf(all(4)), success(4), 10_000)
    assert.deepStrictEqual([draft.noise?.through, draft.noise?.waited, draft.judged], [2, 4, 4])
  })
})

describe("Where nothing but chance rejects, a pace", () => {
  const paced = (rate: number, latency: number) => {
    const draft = drafted({
      latency,
      limits: { window: Permits.initial(12), pace: Level.known(rate), slowStart: true },
      noise: noisy({ limit: { _tag: "none", chance: 0.02, likelihood: 0 } })
    })
    Noise.served(draft, { ...success(1), bound: "spacing" })
    return draft.limits.pace && Pace.rate(draft.limits.pace)
  }

  it("grows by a twelfth for each success that it held back, more slowly where it is fast", () => {
    assert.closeTo(paced(24, 100) ?? 0, 26, 1e-9)
    // Of the 40 that are in flight then one and a half times as many share a step.
    assert.closeTo(paced(80, 500) ?? 0, 80 * (1 + 1 / 60), 1e-9)
  })

  it("ends where the pool could not be so fast", () => {
    // One and a half times 64 in flight, a second each.
    assert.deepStrictEqual([paced(95, 1000) !== undefined, paced(96, 1000)], [true, undefined])
  })
})

describe("A rejection while nothing is known of chance", () => {
  const starts = startsOf(all(40, (i) => i === 39))
  const given = (over: Partial<State.Draft>, sample: Partial<Rejection> = {}) => {
    const draft = drafted({ limits: { window: Permits.initial(20), pace: undefined, slowStart: false }, ...over })
    // At an instant at which nobody tests.
    const verdict = judge(draft, { ...rejection(40), ...sample }, 2390, starts)
    return [verdict, draft.suspect?.sequence] as const
  }

  it("is the limit's where the API says how long, where a period is tested, and with 429 where the API is shared", () => {
    const period = Period.told(100, 60_000)
    assert.deepStrictEqual(
      [
        given({})[0],
        given({}, { retryAfter: 100 })[0],
        given({ period }, { bound: "period" })[0],
        given({ period })[0],
        given({ period: { ...period, limit: 101 } })[0],
        given({ isShared: true }, { status: 429 })[0],
        given({ isShared: true })[0]
      ],
      ["chance", "limit", "limit", "chance", "limit", "limit", "chance"]
    )
  })

  it("is the limit's where others share the API at the times when they test", () => {
    const limits = { window: Permits.initial(20), pace: undefined, slowStart: false }
    const verdict = (at: number) => judge(drafted({ isShared: true, limits }), rejection(40), at, starts)
    // The first quarter of eight seconds.
    assert.deepStrictEqual([verdict(9999), verdict(10_000)], ["limit", "chance"])
  })

  it("is the limit's where a pace was tested, be it one's own or one that others share", () => {
    const verdict = (pace: Pace.Pace, isShared: boolean) =>
      given({ isShared, limits: { window: Permits.initial(20), pace, slowStart: false } })[0]
    const shared = (from: number) => ({ ...Share.make(10, 0, { unit: 4000, length: 4000 }), from })
    assert.deepStrictEqual(
      [
        verdict(Level.known(10), false),
        verdict({ ...Level.known(10), progress: 1.1 }, false),
        verdict(shared(2390), true),
        verdict(shared(2391), true)
      ],
      ["chance", "limit", "limit", "chance"]
    )
  })

  it("is suspect where it ends slow start, with what the limits had been", () => {
    const limits = { window: Permits.initial(20), pace: undefined, slowStart: true }
    assert.strictEqual(given({ limits })[1], 40)
    assert.strictEqual(given({})[1], undefined)
  })

  it("is the limit's where more was tested, and where it is the second in a row: then the first was none of chance", () => {
    const limits = { window: Permits.initial(9), pace: undefined, slowStart: false }
    assert.deepStrictEqual(
      [given({ limits })[0], given({ limits: { ...limits, window: Permits.initial(10) } })[0]],
      [...["limit", "chance"]]
    )
    const row = startsOf(all(40, (i) => i >= 38))
    const draft = drafted({
      limits: { window: Permits.initial(20), pace: Level.known(50), slowStart: false },
      calm: { ...State.calm, rejected: 2, last: 39 }
    })
    assert.strictEqual(judge(draft, rejection(40), 390, row), "limit")
    assert.deepStrictEqual([draft.calm.rejected, draft.calm.last], [1, 0])
  })
})
