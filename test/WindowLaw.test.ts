import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { type ControlLaw, WindowLaw } from "effect-aimd"

const law = WindowLaw.make()

type Fields = Partial<Extract<ControlLaw.Sample, { readonly _tag: "capacity" }>>

const fields = { epoch: 0, inFlight: 1, latency: 100, sequence: 1, startedWith: 1, bound: "window" } as const
const success = (over: Fields = {}): ControlLaw.Sample => ({ ...fields, ...over, _tag: "success" })
const neutral = (over: Fields = {}): ControlLaw.Sample => ({ ...fields, ...over, _tag: "neutral" })
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
    const samples = [1, 2, 3, 4].map((sequence) => [100, success({ sequence })] as const)
    assert.deepStrictEqual(
      decisions(samples, 20).map(({ window }) => window),
      [15, 18, 20, 20]
    )
  })

  it("grows only while the window is used", () => {
    const bounds = ["none", "spacing", "period"] as const
    assert.deepStrictEqual(
      decisions(bounds.map((bound) => [100, success({ bound })])).map(({ window }) => window),
      [12, 12, 12]
    )
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
    // Ten in flight are one too many; two seconds and twenty served requests later three are: it is not the window.
    const samples: Array<readonly [number, ControlLaw.Sample]> = [
      [1050, capacity({ latency: 50, sequence: 11, startedWith: 11 })]
    ]
    for (let i = 1; i <= 20; i++) {
      samples.push([
        1050 + i * 100,
        success({ epoch: 1, latency: 500, sequence: i < 11 ? i : i + 1, startedWith: 8, bound: "none" })
      ])
    }
    samples.push([3050, capacity({ latency: 50, epoch: 1, sequence: 32, startedWith: 4, bound: "window" })])
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

  it("forgets after five minutes without a start", () => {
    const low = [50, capacity({ latency: 50, sequence: 5, startedWith: 5 })] as const
    const after = (gap: number) => last([low, [50 + gap + 100, success({ epoch: 1, sequence: 6, bound: "none" })]])
    assert.deepStrictEqual([after(299_000).window, after(301_000).window], [4, 12])
    assert.strictEqual(after(301_000).epoch, 1)
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
    assert.isBelow(window, 40)
  })
})

describe("While nothing passes, the window law", () => {
  /** Starts one attempt whenever the law allows it; each is rejected. */
  const knock = (until: number) => {
    let { decision, state } = law.initial(64, 0)
    let now = 0
    let sequence = 0
    const starts: Array<number> = []
    const since = new Set<number | undefined>()
    while (now < until) {
      starts.push(now)
      sequence += 1
      const next = law.step(state, capacity({ latency: 50, epoch: decision.epoch, sequence, startedWith: 1 }), now + 50)
      state = next.state
      decision = next.decision
      since.add(decision.saturatedSince)
      now = Math.max(decision.holdUntil, now + 50 + decision.spacing)
    }
    return { starts, since: [...since] }
  }

  it("asks ever more rarely: some dozen times in an hour", () => {
    const { since, starts } = knock(3_600_000)
    assert.isAtMost(starts.length, 60)
    assert.deepStrictEqual(since, [undefined, 0])
    const gaps = starts.slice(1).map((at, i) => at - (starts[i] ?? 0))
    assert.isTrue(gaps.slice(2).every((gap, i) => gap >= (gaps[i + 1] ?? 0)))
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
      seen.forEach(({ alone = 0, epoch, holdUntil, rest = 0, spacing, starts, window }, i) => {
        assert.isTrue(Number.isInteger(window) && window >= 1 && window <= poolSize)
        const numbers = [spacing, holdUntil, alone, rest, starts?.limit ?? 0, starts?.period ?? 0]
        assert.isTrue(numbers.every((number) => Number.isFinite(number) && number >= 0))
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
