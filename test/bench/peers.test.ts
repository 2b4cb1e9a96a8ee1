/** The arithmetic of others' laws, by hand. */
import { assert, describe, it } from "@effect/vitest"
import type { ControlLaw } from "effect-aimd"
import { keepingPlaces } from "../../bench/laws/asleep.js"
import { aws } from "../../bench/laws/peers/aws.js"
import { dataDesigner } from "../../bench/laws/peers/dataDesigner.js"
import { inspect } from "../../bench/laws/peers/inspect.js"
import { chance } from "../../bench/laws/peers/law.js"
import { cookbook, fullJitter, sdk } from "../../bench/laws/peers/retries.js"
import { vectorArc } from "../../bench/laws/peers/vector.js"
import { range } from "../testing/support.js"

type Told = Partial<Omit<Extract<ControlLaw.Sample, { _tag: "capacity" }>, "_tag">>

const fields = {
  row: 1,
  attempt: 1,
  epoch: 0,
  inFlight: 64,
  latency: 1000,
  sequence: 1,
  startedWith: 64,
  bound: "none" as const
}

/** None of these laws looks back. */
const noStarts: ControlLaw.Starts = {
  first: 1,
  last: 0,
  at: () => NaN,
  besides: () => NaN,
  fate: () => "open",
  status: () => 0,
  tokens: () => 0
}

/** A law at work: what it decides after each sample, in milliseconds. */
const at = <State>(law: ControlLaw.ControlLaw<State>, poolSize = 64) => {
  let { decision, state } = law.initial(poolSize, 0)
  const step = (sample: ControlLaw.Sample, now: number): ControlLaw.Decision => {
    const next = law.step(state, sample, now, noStarts)
    ;({ decision, state } = next)
    return decision
  }
  return {
    decision: () => decision,
    served: (now: number, told: Told = {}) => step({ _tag: "success", ...fields, ...told }, now),
    rejected: (now: number, told: Told = {}) =>
      step({ _tag: "capacity", status: 429, retryAfter: undefined, ...fields, ...told }, now)
  }
}

describe("AWS adaptive retry", () => {
  it("has no rate before the first 429, then 0.7 of what was measured, and is back there after a cube root of seconds", () => {
    const law = at(aws)
    // 20 answers in the first second: 0.8 of 40 in the half second that is over.
    range(20).forEach((i) => law.served(i * 25))
    assert.strictEqual(law.decision().spacing, 0)
    assert.approximately(1000 / law.rejected(500).spacing, 0.7 * 0.8 * 42, 1e-9)
    const plateau = Math.cbrt((0.8 * 42 * 0.3) / 0.4)
    // Nothing is answered meanwhile, so that twice the measured rate binds from here on.
    assert.approximately(1000 / law.served(500 + 1000 * plateau).spacing, 2 * (0.8 / 2.5 + 0.2 * 0.8 * 42), 1e-9)
  })

  it("takes 503 for no throttling, and never goes under one in two seconds", () => {
    const law = at(aws)
    assert.strictEqual(law.rejected(10, { status: 503 }).spacing, 0)
    assert.strictEqual(law.rejected(20).spacing, 2000)
  })

  it("doubles the sleep with each retry, up to 20 s, and heeds five seconds of a hint", () => {
    const delays = range(12).map((i) => at(aws).rejected(0, { attempt: i + 1 }).delay)
    assert.deepStrictEqual(
      delays,
      range(12).map((i) => Math.floor(Math.min(20_000, chance(1) * 500 * 2 ** i)))
    )
    const [first = 0] = delays
    assert.strictEqual(at(aws).rejected(0, { retryAfter: 60_000 }).delay, first + 5000)
    assert.strictEqual(at(aws).rejected(0, { retryAfter: 3000 }).delay, Math.max(first, 3000))
  })
})

describe("DataDesigner", () => {
  it("cuts a quarter for a call that was admitted under a limit no higher, and blocks for two seconds or the hint", () => {
    const law = at(dataDesigner)
    const first = law.rejected(0, { epoch: 64 })
    assert.deepStrictEqual([first.window, first.holdUntil, first.delay], [48, 2000, 0])
    const again = law.rejected(10, { epoch: 64, retryAfter: 500 })
    assert.deepStrictEqual([again.window, again.holdUntil], [48, 510])
    assert.strictEqual(law.rejected(600, { epoch: 48 }).window, 36)
  })

  it("adds one after 25 successes while nothing is blocked, and never exceeds its pool", () => {
    const law = at(dataDesigner, 8)
    range(100).forEach((i) => law.served(i))
    assert.strictEqual(law.decision().window, 8)
    law.rejected(100, { epoch: 8 })
    range(25).forEach((i) => law.served(101 + i))
    assert.strictEqual(law.decision().window, 6)
    range(25).forEach((i) => law.served(2100 + i))
    assert.strictEqual(law.decision().window, 7)
  })

  it("lets the call sleep on 503, and cuts nothing", () => {
    const { delay, holdUntil, window } = at(dataDesigner).rejected(0, { status: 503, attempt: 2 })
    assert.deepStrictEqual([window, holdUntil], [64, 0])
    assert.isAtLeast(delay, 3200)
    assert.isAtMost(delay, 4000)
  })
})

describe("Inspect", () => {
  it("doubles after a round that was used, up to its pool", () => {
    const law = at(inspect, 64)
    const windows = [20, 40, 64].map((round) => {
      range(round).forEach((i) => law.served(i))
      return law.decision().window
    })
    assert.deepStrictEqual(windows, [40, 64, 64])
    const idle = at(inspect)
    range(20).forEach((i) => idle.served(i, { inFlight: 15 }))
    assert.strictEqual(idle.decision().window, 20)
  })

  it("cuts by a fifth once in 15 s, whatever the hint, and grows by 5 % to a multiple of five", () => {
    const law = at(inspect)
    range(20).forEach((i) => law.served(i))
    assert.strictEqual(law.rejected(100, { retryAfter: 60_000 }).window, 30)
    assert.strictEqual(law.rejected(15_099).window, 30)
    range(40).forEach((i) => law.served(200 + i))
    assert.strictEqual(law.decision().window, 30)
    range(30).forEach((i) => law.served(15_100 + i))
    assert.strictEqual(law.decision().window, 35)
    assert.strictEqual(law.rejected(20_000).window, 25)
  })

  it("counts neither calls that were retried nor 503", () => {
    const law = at(inspect)
    range(30).forEach((i) => law.served(i, { attempt: 2 }))
    assert.strictEqual(law.decision().window, 20)
    assert.strictEqual(law.rejected(100, { status: 503 }).window, 20)
  })
})

describe("Vector", () => {
  it("adds one where the limit was reached and the round trip is no longer than its mean", () => {
    const law = at(vectorArc)
    law.served(1000, { inFlight: 1 })
    assert.strictEqual(law.served(2000, { inFlight: 1 }).window, 2)
    // The limit was not reached, and the round trip is at the mean, whose variance is nought: so it cuts.
    assert.strictEqual(law.served(3000, { inFlight: 1 }).window, 1)
  })

  it("holds where the round trip is longer, and cuts at the mean plus 2.5 deviations, or where something was rejected", () => {
    const law = at(vectorArc)
    const mean = { inFlight: 64 }
    law.served(0, { ...mean, latency: 100 })
    law.served(100, { ...mean, latency: 50 })
    // The mean is 90 now (the first interval holds both, 75, smoothed by 0.4), the variance 0.6 x 0.4 x 25².
    const deviation = Math.sqrt(0.6 * 0.4 * 25 ** 2)
    assert.strictEqual(law.decision().window, 2)
    assert.strictEqual(law.served(1000, { ...mean, latency: 90 + 2.4 * deviation }).window, 2)
    const other = at(vectorArc)
    other.served(0, { ...mean, latency: 100 })
    other.served(100, { ...mean, latency: 50 })
    assert.strictEqual(other.served(1000, { ...mean, latency: 90 + 2.5 * deviation + 1e-9 }).window, 1)
    law.rejected(1100)
    assert.strictEqual(law.served(3000, { ...mean, latency: 1 }).window, 1)
  })

  it("sleeps by the numbers of Fibonacci, at most 30 s", () => {
    const delays = range(11).map((i) => at(vectorArc).rejected(0, { attempt: i + 1 }).delay)
    const share = (delays[0] ?? 0) / 1000
    assert.deepStrictEqual(
      delays.map((delay) => Math.round(delay / share / 1000)),
      [1, 1, 2, 3, 5, 8, 13, 21, 30, 30, 30]
    )
  })
})

describe("Plain retries", () => {
  it("full jitter draws a share of what doubles, and heeds no hint", () => {
    const delays = range(8).map((i) => at(fullJitter).rejected(0, { attempt: i + 1, retryAfter: 60_000 }).delay)
    const share = (delays[0] ?? 0) / 500
    assert.deepStrictEqual(
      delays.map((delay) => Math.round(delay / share)),
      [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    )
  })

  it("an SDK takes a quarter off at most, and heeds a hint of less than a minute", () => {
    for (const sequence of range(100)) {
      const { delay } = at(sdk).rejected(0, { attempt: 9, sequence, retryAfter: 60_000 })
      assert.isAtMost(delay, 8000)
      assert.isAtLeast(delay, 6000)
    }
    assert.strictEqual(at(sdk).rejected(0, { retryAfter: 59_999 }).delay, 59_999)
  })

  it("the cookbook pauses for 15 s after a 429 alone", () => {
    assert.strictEqual(at(cookbook).rejected(5).holdUntil, 15_005)
    assert.strictEqual(at(cookbook).rejected(5, { status: 503 }).holdUntil, 0)
  })
})

describe("Calls that sleep", () => {
  it("keep their places: so many fewer attempts are in flight, until they wake", () => {
    const sleepy: ControlLaw.ControlLaw<null> = {
      name: "sleepy",
      initial: () => ({ state: null, decision: decided(0) }),
      step: (state, sample) => ({ state, decision: decided(sample._tag === "capacity" ? 1000 : 0, sample.inFlight) })
    }
    const decided = (delay: number, epoch = 0): ControlLaw.Decision => ({
      window: 99,
      spacing: 0,
      holdUntil: 0,
      delay,
      epoch,
      reason: ""
    })
    const law = at(keepingPlaces(sleepy), 4)
    assert.strictEqual(law.decision().window, 4)
    assert.deepStrictEqual(
      [law.rejected(0), law.rejected(500), law.served(999), law.served(1000), law.served(1500)].map(
        ({ window }) => window
      ),
      [3, 2, 2, 3, 4]
    )
    // The law is told of calls, those that sleep among them.
    law.rejected(2000)
    assert.strictEqual(law.served(2001, { inFlight: 3 }).epoch, 4)
  })
})
