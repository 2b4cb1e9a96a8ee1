import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { type ControlLaw, WindowLaw } from "effect-aimd"
import * as Ramp from "../../src/law/Ramp.js"

const law = WindowLaw.make()

type Fields = Partial<Extract<ControlLaw.Sample, { readonly _tag: "capacity" }>>

const fields = {
  row: 1,
  attempt: 1,
  epoch: 0,
  inFlight: 1,
  latency: 100,
  sequence: 1,
  startedWith: 1,
  bound: "window"
} as const
const success = (over: Fields = {}): ControlLaw.Sample => ({ ...fields, ...over, _tag: "success" })
const neutral = (over: Fields = {}): ControlLaw.Sample => ({ ownRejection: false, ...fields, ...over, _tag: "neutral" })
const capacity = (over: Fields = {}): ControlLaw.Sample => ({
  ...fields,
  status: 429,
  retryAfter: undefined,
  ...over,
  _tag: "capacity"
})

/** Steps through samples at their instants, and returns the decisions. */
const decisions = (
  samples: ReadonlyArray<readonly [at: number, sample: ControlLaw.Sample]>,
  poolSize = 64,
  of: ControlLaw.ControlLaw<WindowLaw.State> = law
): ReadonlyArray<ControlLaw.Decision> => {
  let { state } = of.initial(poolSize, 0)
  return samples.map(([at, sample]) => {
    const next = of.step(state, sample, at)
    state = next.state
    return next.decision
  })
}

const last = (...args: Parameters<typeof decisions>): ControlLaw.Decision => {
  const decision = decisions(...args).at(-1)
  if (decision === undefined) throw new Error("no samples")
  return decision
}

describe("The window law, step by step", () => {
  it("is called by its name, and remembers the starts that a period needs", () => {
    assert.deepStrictEqual([law.name, law.remembers], ["window", 16_384])
  })

  it("begins with twelve permits, or the pool's size", () => {
    assert.deepStrictEqual(
      [1, 12, 64].map((poolSize) => law.initial(poolSize, 0).decision.window),
      [1, 12, 12]
    )
  })

  it("grows by three permits for each success that the window held back, to the pool's size", () => {
    const samples = [1, 2, 3, 4].map((sequence) => [99, success({ sequence, latency: 99 })] as const)
    assert.deepStrictEqual(
      decisions(samples, 20).map(({ window }) => window),
      [15, 18, 20, 20]
    )
  })

  it("grows only while the window is used", () => {
    const bounds = ["none", "spacing", "period"] as const
    assert.deepStrictEqual(
      decisions(bounds.map((bound) => [99, success({ bound, latency: 99 })])).map(({ window }) => window),
      [12, 12, 12]
    )
  })

  it("grows by the clock while no answer comes, from when a rejection would have been known: twofold in half a second", () => {
    const { decision } = law.initial(64, 0)
    assert.deepStrictEqual(decision.ramp, { from: 100, every: 41.671875, most: 64 })
    assert.deepStrictEqual(
      [99, 100, 100 + 12 * 41.671875, 10_000].map((now) => Ramp.windowAt(decision, now)),
      [12, 13, 25, 64]
    )
    // The first answer goes on from there.
    assert.strictEqual(last([[10_000, success({ latency: 10_000, bound: "none" })]]).window, 64)
    assert.isUndefined(law.initial(12, 0).decision.ramp)
  })

  it("goes down to what was in flight at the first rejection, and says so", () => {
    const { epoch, reason, window } = last([[50, capacity({ latency: 50, sequence: 9, startedWith: 9 })]])
    assert.deepStrictEqual([window, epoch, reason], [8, 1, "8 in flight were too many (status 429)"])
  })

  it("decreases once an epoch: what was started before the last decrease is old news", () => {
    const burst = [9, 10, 11, 12].map(
      (sequence) => [50, capacity({ latency: 50, sequence, startedWith: sequence })] as const
    )
    assert.deepStrictEqual(
      decisions(burst).map(({ epoch, window }) => [epoch, window]),
      [
        [1, 8],
        [1, 8],
        [1, 8],
        [1, 8]
      ]
    )
  })

  it("changes nothing for a neutral outcome, not even its state", () => {
    const { state } = law.step(law.initial(64, 0).state, capacity({ latency: 50, sequence: 5, startedWith: 5 }), 50)
    const next = law.step(state, neutral({ epoch: 1 }), 5000)
    assert.strictEqual(next.state, state)
    assert.strictEqual(next.decision, state.decision)
  })

  it("sends no rejected row again at once, even where the API asks for no wait", () => {
    for (const retryAfter of [undefined, 0]) {
      const { delay, holdUntil } = last([[50, capacity({ latency: 50, sequence: 5, startedWith: 5, retryAfter })]])
      assert.deepStrictEqual([delay, holdUntil], [0, 100])
    }
  })

  it("measures the rate between two rejections, and goes on below it", () => {
    // Ten in flight are too many; two seconds and twenty served requests later three are, and the API says when to come
    // back, as one with a cap does not: it is not the window.
    const samples: Array<readonly [number, ControlLaw.Sample]> = [
      [1050, capacity({ latency: 50, sequence: 11, startedWith: 11 })]
    ]
    for (let i = 1; i <= 20; i++) {
      samples.push([
        1050 + i * 100,
        success({ epoch: 1, latency: 500, sequence: i < 11 ? i : i + 1, startedWith: 8, bound: "none" })
      ])
    }
    samples.push([3050, capacity({ latency: 50, epoch: 1, sequence: 32, startedWith: 4, retryAfter: 0 })])
    const { reason, spacing, window } = last(samples)
    assert.isTrue(reason.endsWith("starts a second were too many (status 429)"), reason)
    // 20.5 in two seconds, less the dip of a twentieth.
    assert.deepStrictEqual([Math.round(1000 / spacing), window], [10, 10])
  })

  it("learns a period from a long Retry-After: so many starts in so long", () => {
    const samples: Array<readonly [number, ControlLaw.Sample]> = Array.from({ length: 60 }, (_, i) => [
      100 + i,
      success({ sequence: i + 1, bound: "none" })
    ])
    samples.push([4050, capacity({ latency: 50, sequence: 61, startedWith: 9, retryAfter: 56_000 })])
    const { holdUntil, reason, starts } = last(samples)
    assert.deepStrictEqual([holdUntil, reason], [60_050, "the API's period is used up"])
    assert.deepStrictEqual(starts, { limit: 60, period: 60_050, provenUntil: 60_050 })
  })

  it("takes what an answer says of its limits as advice before anything was rejected: slow start ends", () => {
    const hints = { requests: { limit: 100, remaining: 5, resetAfter: 9500 } }
    const [advised, , again] = decisions([
      [100, { ...success({ bound: "none" }), hints }],
      [200, success({ sequence: 2, bound: "none" })],
      [
        300,
        { ...success({ sequence: 3, bound: "none" }), hints: { requests: { limit: 1, remaining: 0, resetAfter: 1 } } }
      ]
    ])
    assert.deepStrictEqual([advised?.spacing, advised?.reason], [100, "the API says that 5 of 100 requests are left"])
    assert.strictEqual(again?.spacing, 100)
  })

  const advised = (
    hints: ControlLaw.Hints,
    over: Fields = {}
  ): readonly [startsASecond: number, window: number, reason: string] => {
    const samples = Array.from(
      { length: 10 },
      (_, i) => [100 * (i + 1), success({ sequence: i + 1, ...over })] as const
    )
    const { reason, spacing, window } = last([...samples, [1000, { ...success({ sequence: 11, ...over }), hints }]])
    return [1000 / spacing, window, reason]
  }

  it("takes tokens that are nearly used up as so many requests as used them", () => {
    // 900 of them come back in nine seconds; eleven requests have used 1000 in one second: 1.1 a second.
    const tokens = { limit: 1000, remaining: 100, resetAfter: 9000 }
    const [rate, window, reason] = advised({ tokens }, { bound: "none" })
    assert.deepStrictEqual(
      [Math.round(100 * rate), window, reason],
      [110, 22, "the API says that 100 of 1000 tokens are left"]
    )
  })

  it("goes by the tighter of two quotas, whichever it is", () => {
    const requests = (limit: number) => ({ limit, remaining: 0, resetAfter: 10_000 })
    const tokens = { limit: 1000, remaining: 100, resetAfter: 9000 }
    const reasons = [10, 12].map((limit) => advised({ requests: requests(limit), tokens }, { bound: "none" })[2])
    assert.deepStrictEqual(reasons, [
      "the API says that 0 of 10 requests are left",
      "the API says that 100 of 1000 tokens are left"
    ])
  })

  it("heeds no quota of which more than a tenth is left, or which does not say when it is full again", () => {
    const quotas: ReadonlyArray<ControlLaw.Quota> = [
      { limit: 1000, remaining: 101, resetAfter: 9000 },
      { limit: 1000, remaining: 0 },
      { limit: 1000, resetAfter: 9000 },
      { remaining: 0, resetAfter: 9000 }
    ]
    const reasons = quotas.flatMap((quota) => [advised({ requests: quota })[2], advised({ tokens: quota })[2]])
    assert.deepStrictEqual([...new Set(reasons)], ["looking for the limit: nothing was rejected yet"])
  })

  it("forgets after five minutes without a start", () => {
    const low = [50, capacity({ latency: 50, sequence: 5, startedWith: 5 })] as const
    const after = (gap: number) => last([low, [50 + gap + 100, success({ epoch: 1, sequence: 6, bound: "none" })]])
    assert.deepStrictEqual(
      [299_000, 301_000].map((gap) => [after(gap).epoch, after(gap).reason]),
      [
        [1, "4 in flight were too many (status 429)"],
        [1, "looking for the limit: nothing was rejected yet"]
      ]
    )
    assert.strictEqual(after(301_000).window, 12)
  })

  it("does not mind slow answers, unless it is told to", () => {
    const samples: ReadonlyArray<readonly [number, ControlLaw.Sample]> = Array.from({ length: 200 }, (_, i) => [
      (i + 1) * 100,
      success({ sequence: i + 1, latency: i < 20 ? 100 : 1000 })
    ])
    const tolerant = WindowLaw.make({ latencyTolerance: 2 })
    assert.strictEqual(last(samples).window, 64)
    const { reason, window } = last(samples, 64, tolerant)
    assert.strictEqual(reason, "answers take longer: the API queues")
    // Each of 180 gives back two in a thousand of 64.
    assert.strictEqual(window, 44)
  })
})

describe("Options of the window law", () => {
  const options = (value: unknown) => value as WindowLaw.Options

  it("are refused where they are wrong, and the message says what is right", () => {
    for (const [latencyTolerance, shown] of [
      ["2", '"2"'],
      [NaN, "NaN"],
      [0.9, "0.9"]
    ]) {
      assert.throws(
        () => WindowLaw.make(options({ latencyTolerance })),
        `effect-aimd: option latencyTolerance of WindowLaw.make: expected a number of at least 1, got ${shown}`
      )
    }
    assert.throws(
      () => WindowLaw.make(options({ shared: 1 })),
      "effect-aimd: option shared of WindowLaw.make: expected true or false, got 1"
    )
    assert.strictEqual(WindowLaw.make({ latencyTolerance: 1, shared: true }).name, "window")
  })
})

describe("At a cap, the window law", () => {
  const shared = WindowLaw.make({ shared: true })
  /** Ten answers of 100 ms each, so that rounds of four seconds do, and a rejection of nine at once, started at 1500. */
  const capped = (startedWith = 9): ReadonlyArray<readonly [number, ControlLaw.Sample]> => [
    ...Array.from(
      { length: 10 },
      (_, i) => [100 * (i + 1), success({ sequence: i + 1, startedWith: 4, bound: "none" })] as const
    ),
    [1550, capacity({ latency: 50, sequence: 11, startedWith })]
  ]
  const rejected = (at: number, epoch: number, sequence: number, startedWith: number): readonly [number, Rejected] => [
    at,
    capacity({ latency: 50, epoch, sequence, startedWith, bound: "none" })
  ]
  type Rejected = ReturnType<typeof capacity>
  const served = (at: number, epoch: number, sequence: number, over: Fields = {}) =>
    [at, success({ epoch, sequence, startedWith: 4, bound: "none", ...over })] as const

  it("tests the first measurement half a second later, a permit a rejection's time, and no further than it can know", () => {
    const { ramp, window } = last(capped())
    assert.deepStrictEqual([window, ramp], [8, { from: 1550 + 500 + 60, every: 60, most: 11 }])
  })

  it("lets a large window grow by a quarter between two answers", () => {
    const { ramp, window } = last([[50, capacity({ latency: 50, sequence: 41, startedWith: 41 })]])
    assert.deepStrictEqual([window, ramp?.most], [40, 50])
  })

  it("has no ramp at the pool's size", () => {
    assert.isUndefined(last(capped(), 8).ramp)
  })

  it("takes a rejection below it as a sign of others where there are any, and goes to what is left", () => {
    const { ramp, reason, window } = last([...capped(), served(1700, 1, 12), rejected(2050, 1, 13, 7)], 64, shared)
    assert.deepStrictEqual([window, reason], [6, "6 in flight were too many: others share the API (status 429)"])
    // The next round begins at 4000, and its places are taken back from 4250 on.
    assert.deepStrictEqual(ramp, { from: 4250 + 62.5, every: 62.5, most: 9 })
  })

  it("lets places go for others when the next round begins, and takes them back by itself", () => {
    const samples = [...capped(), served(1700, 1, 12), rejected(2050, 1, 13, 9), served(3999, 1, 14)]
    const begun = last([...samples, served(4001, 1, 15)], 64, shared)
    assert.deepStrictEqual([last(samples, 64, shared).window, begun.window], [8, 6])
    assert.strictEqual(last([...samples, served(4001, 1, 15)]).window, 8)
    assert.deepStrictEqual([begun.ramp?.every, begun.ramp?.most], [62.5, 9])
    assert.isTrue((begun.ramp?.from ?? 0) > 4250 && (begun.ramp?.from ?? 0) <= 4312.5)
  })

  it("doubts that there is a cap after stray rejections with ever fewer in flight, and finds a pace", () => {
    const samples = [...capped(13)]
    for (const [i, startedWith] of [10, 8, 6].entries()) {
      const at = 1700 + 600 * i
      const sequence = 12 + 4 * i
      for (const next of [0, 1, 2]) samples.push(served(at + 100 * next, i + 1, sequence + next))
      samples.push(rejected(at + 300, i + 1, sequence + 3, startedWith))
    }
    const seen = decisions(samples).slice(10)
    const reasons = seen.map(({ reason }) => reason).filter((reason, i, all) => reason !== all[i - 1])
    assert.deepStrictEqual(reasons, [
      "12 in flight were too many (status 429)",
      "9 in flight were too many: others share the API (status 429)",
      "7 in flight were too many: others share the API (status 429)",
      "53.2 starts a second were too many (status 429)"
    ])
    // Nothing says any more that twelve are too many.
    assert.strictEqual(seen.at(-1)?.window, 12)
  })
})

describe("At a pace, the window law", () => {
  /** A client with one connection, on a bucket of so many tokens a second; returns when it was rejected, and the reasons. */
  const paced = (rate: (now: number) => number, until: number, law = WindowLaw.make()) => {
    // Rounds follow the wall clock.
    const begin = 4_000_000
    let { decision, state } = law.initial(64, begin)
    let [tokens, last, now, sequence] = [2, 0, 0, 0]
    const reasons: Array<readonly [at: number, reason: string]> = []
    while (now < until) {
      tokens = Math.min(2, tokens + ((now - last) * rate(now)) / 1000)
      last = now
      sequence += 1
      const isServed = tokens >= 1
      if (isServed) tokens -= 1
      const over = { epoch: decision.epoch, sequence, bound: decision.spacing > 0 ? "spacing" : "none" } as const
      const next = law.step(state, isServed ? success(over) : capacity(over), begin + now + 100)
      state = next.state
      decision = next.decision
      if (!isServed) reasons.push([Math.round(now), decision.reason])
      now = Math.max(now + Math.max(decision.spacing, 100), decision.holdUntil - begin)
    }
    return reasons
  }

  it("that is its own tests it ever more rarely", () => {
    const reasons = paced(() => 5, 60_000).filter(([at]) => at > 1000)
    assert.deepStrictEqual(reasons, [
      [3396, "5.2 starts a second were too many (status 429)"],
      [9790, "5.1 starts a second were too many (status 429)"],
      [22_023, "5.0 starts a second were too many (status 429)"],
      [35_472, "5.0 starts a second were too many (status 429)"],
      [48_943, "5.0 starts a second were too many (status 429)"]
    ])
  })

  it("that was proven, and is shared, takes an early rejection as a sign of others", () => {
    const fall = (now: number): number => (now < 60_000 ? 5 : 3)
    const reasons = paced(fall, 64_000, WindowLaw.make({ shared: true }))
    const shared = reasons.map(([at, reason]) => [at > 60_000, reason.endsWith("others share the API")])
    assert.isFalse(paced(fall, 64_000).some(([, reason]) => reason.endsWith("others share the API")))
    assert.deepStrictEqual(
      [shared.filter(([isLess]) => isLess !== true).some(([, isShared]) => isShared), shared.at(-1)],
      [false, [true, true]]
    )
  })
})

describe("While nothing passes, the window law", () => {
  /** Starts one attempt whenever the law allows it; each is rejected, after so many that were served in no time. */
  const knock = (until: number, served = 0) => {
    let { decision, state } = law.initial(64, 0)
    let now = 0
    let sequence = 0
    for (; sequence < served; now += 10) {
      sequence += 1
      state = law.step(state, success({ latency: 10, sequence, startedWith: 2, bound: "none" }), now + 10).state
    }
    const starts: Array<number> = []
    const since = new Set<number | undefined>()
    /** What the pause is longer than the share of the time that nothing has passed. */
    const delays: Array<number> = []
    while (now < until) {
      starts.push(now)
      sequence += 1
      const next = law.step(state, capacity({ latency: 50, epoch: decision.epoch, sequence, startedWith: 1 }), now + 50)
      state = next.state
      decision = next.decision
      since.add(decision.saturatedSince)
      if (decision.saturatedSince !== undefined) {
        delays.push(Math.floor(decision.holdUntil - (now + 50) - 0.05 * (now + 50 - decision.saturatedSince)))
      }
      now = Math.max(decision.holdUntil, now + 50 + decision.spacing)
    }
    return { delays, gaps: starts.slice(1).map((at, i) => at - (starts[i] ?? 0)), starts, since: [...since] }
  }

  it("asks ever more rarely: some dozen times in an hour", () => {
    const { since, starts } = knock(3_600_000)
    assert.isAtMost(starts.length, 60)
    assert.deepStrictEqual(since, [undefined, 0])
    const { gaps } = knock(3_600_000, 100)
    assert.isTrue(gaps.length < 60 && gaps.slice(2).every((gap, i) => gap >= (gaps[i + 1] ?? 0)))
  })

  it("asks when rounds begin and places are free, where it has hardly been served yet", () => {
    const rounds = [20_250, 24_250, 28_250, 32_250, 40_250, 48_250, 56_250, 64_250, 72_250, 80_250, 96_250]
    // Where none begins soon enough, it does not wait for one.
    assert.deepStrictEqual(knock(100_000).starts, [
      ...[0, 100, 773, 1547, 2437, 3461, 4250, 5545, 7035, 8250, 10_145, 12_250, 14_745, 16_250],
      ...rounds
    ])
    assert.deepStrictEqual(knock(100_000, 11).starts.slice(-rounds.length), rounds)
    assert.deepStrictEqual(
      knock(100_000, 12).starts.filter((at) => at % 4000 === 250),
      []
    )
  })

  it("doubles the delay between two probes up to 0.6 s, besides a twentieth of the time that nothing has passed", () => {
    assert.deepStrictEqual(knock(30_000, 1000).delays.slice(2), [160, 322, ...Array<number>(18).fill(600)])
  })

  it("goes back to the level from before when the API was away", () => {
    const samples: Array<readonly [number, ControlLaw.Sample]> = []
    for (let i = 1; i <= 30; i++) samples.push([i * 100, success({ sequence: i, startedWith: 12, bound: "window" })])
    let state = law.initial(20, 0).state
    for (const [at, sample] of samples) state = law.step(state, sample, at).state
    let { decision } = state
    const before = decision.window
    for (let i = 0, now = 3000; now < 63_000; i++) {
      const sample = capacity({ latency: 50, epoch: decision.epoch, sequence: 31 + i, startedWith: 3, bound: "none" })
      const next = law.step(state, sample, now + 50)
      state = next.state
      decision = next.decision
      now = Math.max(decision.holdUntil, now + 50 + decision.spacing)
    }
    assert.strictEqual(decision.saturatedSince, 3000)
    const back = law.step(state, success({ epoch: decision.epoch, sequence: 1000, bound: "none" }), 70_000).decision
    assert.deepStrictEqual(
      [back.window, back.saturatedSince, back.holdUntil, back.reason],
      [before, undefined, 0, "the API lets requests through again"]
    )
  })
})

describe("Whatever comes, the window law", () => {
  const sample = FastCheck.record({
    kind: FastCheck.constantFrom("success", "success", "success", "capacity", "neutral"),
    after: FastCheck.integer({ min: 0, max: 5000 }),
    latency: FastCheck.integer({ min: 0, max: 20_000 }),
    stale: FastCheck.boolean(),
    startedWith: FastCheck.integer({ min: 1, max: 64 }),
    bound: FastCheck.constantFrom<Array<ControlLaw.Bound>>("window", "spacing", "period", "none"),
    retryAfter: FastCheck.option(FastCheck.integer({ min: 0, max: 300_000 }), { nil: undefined })
  })

  const run = (
    poolSize: number,
    inputs: ReadonlyArray<typeof sample extends FastCheck.Arbitrary<infer A> ? A : never>
  ) => {
    let { decision, state } = law.initial(poolSize, 0)
    let now = 0
    const seen = [decision]
    for (const [i, { after, bound, kind, latency, retryAfter, stale, startedWith }] of inputs.entries()) {
      now += after
      const over = {
        epoch: stale ? 0 : decision.epoch,
        latency: Math.min(latency, now),
        sequence: i + 1,
        startedWith: Math.min(startedWith, poolSize),
        bound,
        retryAfter
      }
      const { retryAfter: _, ...rest } = over
      const next = law.step(
        state,
        kind === "capacity" ? capacity(over) : kind === "success" ? success(rest) : neutral(rest),
        now
      )
      state = next.state
      decision = next.decision
      seen.push(decision)
    }
    return seen
  }

  it.prop(
    "keeps the window between 1 and the pool's size, decides finite numbers, and counts one epoch a decrease at most",
    [FastCheck.integer({ min: 1, max: 64 }), FastCheck.array(sample, { maxLength: 200 })],
    ([poolSize, inputs]) => {
      const seen = run(poolSize, inputs)
      seen.forEach(({ alone = 0, epoch, holdUntil, ramp, spacing, starts, window }, i) => {
        assert.isTrue(Number.isInteger(window) && window >= 1 && window <= poolSize)
        const numbers = [spacing, holdUntil, alone, starts?.limit ?? 0, starts?.period ?? 0]
        assert.isTrue(numbers.every((number) => Number.isFinite(number) && number >= 0))
        // A ramp may begin never.
        if (ramp !== undefined) assert.isTrue(ramp.from >= 0 && ramp.every > 0 && ramp.most > window)
        assert.include([0, 1], epoch - (seen[i - 1]?.epoch ?? 0))
      })
    },
    { fastCheck: { numRuns: 300 } }
  )

  it.prop(
    "decides the same for the same samples",
    [FastCheck.array(sample, { maxLength: 60 })],
    ([inputs]) => assert.deepStrictEqual(run(32, inputs), run(32, inputs)),
    { fastCheck: { numRuns: 50 } }
  )
})
