import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { AimdThrottle, type ControlLaw, DelayLaw } from "effect-aimd"

const parameters: AimdThrottle.Parameters = { minDelay: 0, maxDelay: 300, multiplier: 2, recoveryStep: 50 }

const fields = { row: 1, attempt: 1, inFlight: 1, latency: 20, sequence: 1, startedWith: 1, bound: "none" } as const
const success = (epoch: number): ControlLaw.Sample => ({ _tag: "success", epoch, ...fields })
const neutral = (epoch: number): ControlLaw.Sample => ({ _tag: "neutral", ownRejection: false, epoch, ...fields })
const capacity = (epoch: number, status = 429, retryAfter?: number): ControlLaw.Sample => ({
  _tag: "capacity",
  status,
  retryAfter,
  epoch,
  ...fields
})

/** The decisions after each sample; the first is the initial one. */
const run = (
  samples: ReadonlyArray<ControlLaw.Sample>,
  law = DelayLaw.make(parameters),
  poolSize = 8
): ReadonlyArray<ControlLaw.Decision> => {
  let { decision, state } = law.initial(poolSize, 1_000)
  const decisions = [decision]
  for (const [i, sample] of samples.entries()) {
    ;({ decision, state } = law.step(state, sample, 1_000 + i))
    decisions.push(decision)
  }
  return decisions
}

const delays = (decisions: ReadonlyArray<ControlLaw.Decision>) => decisions.map(({ delay }) => delay)
const epochs = (decisions: ReadonlyArray<ControlLaw.Decision>) => decisions.map(({ epoch }) => epoch)

describe("Delay law", () => {
  it("is called delay", () => {
    assert.strictEqual(DelayLaw.make(parameters).name, "delay")
  })

  it("begins with a window of the whole pool, the least spacing, no hold and delay 0", () => {
    const law = DelayLaw.make({ ...parameters, minDelay: 10 })
    assert.deepStrictEqual(run([], law, 64), [
      { window: 64, spacing: 10, holdUntil: 0, delay: 0, epoch: 0, reason: "no capacity error yet" }
    ])
  })

  it("backs off on a capacity error and names its status", () => {
    assert.deepStrictEqual(run([capacity(0, 529)]).at(-1), {
      window: 8,
      spacing: 0,
      holdUntil: 0,
      delay: 50,
      epoch: 1,
      reason: "backed off on status 529"
    })
  })

  it("recovers a step on a success and says so", () => {
    assert.deepStrictEqual(run([capacity(0), capacity(1), success(2)]).at(-1), {
      window: 8,
      spacing: 0,
      holdUntil: 0,
      delay: 50,
      epoch: 2,
      reason: "recovered a step on a success"
    })
  })

  it("multiplies up to the cap, one congestion epoch after another, and recovers to the floor", () => {
    const decisions = run([
      ...[0, 1, 2, 3, 4].map((epoch) => capacity(epoch)),
      ...[5, 5, 5, 5, 5, 5, 5].map((epoch) => success(epoch))
    ])
    assert.deepStrictEqual(delays(decisions), [0, 50, 100, 200, 300, 300, 250, 200, 150, 100, 50, 0, 0])
    assert.deepStrictEqual(epochs(decisions), [0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5])
  })

  it("backs off once for a burst of rejections of one congestion epoch", () => {
    const burst = Array.from({ length: 8 }, () => capacity(0))
    assert.deepStrictEqual(delays(run(burst)), [0, 50, 50, 50, 50, 50, 50, 50, 50])
    assert.deepStrictEqual(epochs(run(burst)), [0, 1, 1, 1, 1, 1, 1, 1, 1])
  })

  it("backs off again for the first rejection of an attempt admitted after the last decrease", () => {
    const decisions = run([capacity(0), capacity(0), capacity(1), capacity(0), capacity(1), capacity(2)])
    assert.deepStrictEqual(delays(decisions), [0, 50, 50, 100, 100, 100, 200])
  })

  it("starts no new epoch on a success", () => {
    assert.deepStrictEqual(delays(run([capacity(0), success(0), capacity(0), capacity(1)])), [0, 50, 0, 0, 50])
  })

  it("takes a success of an old epoch for what it is: the API served", () => {
    assert.deepStrictEqual(delays(run([capacity(0), capacity(1), success(0)])), [0, 50, 100, 50])
  })

  it("changes nothing on a neutral outcome: delay 400 stays 400 after three errors of the callers' own", () => {
    const law = DelayLaw.make({ ...parameters, maxDelay: 5_000 })
    const decisions = run([...[0, 1, 2, 3].map((epoch) => capacity(epoch)), neutral(4), neutral(4), neutral(0)], law)
    assert.deepStrictEqual(delays(decisions), [0, 50, 100, 200, 400, 400, 400, 400])
    assert.strictEqual(decisions.at(-1), decisions.at(-4))
  })

  it("hands the same decision on while nothing changes, so that nothing is applied twice", () => {
    const [initial, ...same] = run([success(0), neutral(0), success(0)])
    assert.isTrue(same.every((decision) => decision === initial))
    const [, rejected, stale] = run([capacity(0), capacity(0)])
    assert.strictEqual(stale, rejected)
  })

  it("leaves the Retry-After to the pool", () => {
    assert.deepStrictEqual(run([capacity(0, 429, 60_000)]), run([capacity(0, 429)]))
  })

  it("keeps a state for each pool: one law may serve several", () => {
    const law = DelayLaw.make(parameters)
    assert.deepStrictEqual(delays(run([capacity(0)], law)), [0, 50])
    assert.deepStrictEqual(delays(run([], law)), [0])
  })

  it("has its decision as its state", () => {
    const law = DelayLaw.make(parameters)
    const initial = law.initial(2, 0)
    const stepped = law.step(initial.state, capacity(0), 0)
    assert.strictEqual(initial.state, initial.decision)
    assert.strictEqual(stepped.state, stepped.decision)
  })

  it("changes no state in place", () => {
    const law = DelayLaw.make(parameters)
    const state = Object.freeze(law.initial(2, 0).state)
    const after = law.step(state, capacity(0), 0)
    assert.deepStrictEqual([state.delay, after.state.delay], [0, 50])
  })

  const anySamples = FastCheck.array(
    FastCheck.record({
      sample: FastCheck.constantFrom(success, neutral, (epoch: number) => capacity(epoch)),
      age: FastCheck.nat({ max: 2 })
    }),
    { maxLength: 60 }
  )

  /** Runs samples that are each `age` epochs old when they come. */
  const runAged = (law: ControlLaw.ControlLaw<ControlLaw.Decision>, aged: FastCheckValue<typeof anySamples>) => {
    let { decision, state } = law.initial(4, 0)
    return aged.map(({ age, sample }) => {
      const before = decision
      const taken = sample(Math.max(0, before.epoch - age))
      ;({ decision, state } = law.step(state, taken, 0))
      return { before, taken, after: decision }
    })
  }

  it.prop("never moves window, spacing or hold", [anySamples], ([aged]) => {
    for (const { after } of runAged(DelayLaw.make({ ...parameters, minDelay: 7 }), aged)) {
      assert.deepStrictEqual([after.window, after.spacing, after.holdUntil], [4, 7, 0])
    }
  })

  it.prop("is the AIMD law once an epoch, and nothing else", [anySamples], ([aged]) => {
    for (const { after, before, taken } of runAged(DelayLaw.make(parameters), aged)) {
      const isDecrease = taken._tag === "capacity" && taken.epoch === before.epoch
      const expected = isDecrease
        ? AimdThrottle.backOff(parameters, before.delay)
        : taken._tag === "success"
          ? AimdThrottle.recover(parameters, before.delay)
          : before.delay
      assert.deepStrictEqual([after.delay, after.epoch], [expected, before.epoch + (isDecrease ? 1 : 0)])
    }
  })
})

type FastCheckValue<T> = T extends FastCheck.Arbitrary<infer A> ? A : never
