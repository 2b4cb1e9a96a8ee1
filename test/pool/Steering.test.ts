import { assert, describe, it } from "@effect/vitest"
import { PoolConfig, PoolStats, type ControlLaw } from "effect-aimd"
import * as Ramp from "../../src/law/Ramp.js"
import * as History from "../../src/pool/History.js"
import * as Steering from "../../src/pool/Steering.js"
import { sequence } from "../support/laws.js"
import { capacity } from "../testing/events.js"
import { range, valueOf } from "../testing/support.js"

const config = valueOf(PoolConfig.make({ poolSize: 8, minDispatchDelay: 10, maxRetryAfter: "1 second" }))
const starts = History.make(0)

/** A law that goes through the decisions, and how often the pool was told of another one. */
const steered = <State>(law: ControlLaw.ControlLaw<State>) => {
  const told = { decisions: 0 }
  const steering = Steering.make({
    config,
    law,
    labels: [],
    now: 0,
    change: ({ delay, reason, spacing, window }, at) => ({
      ...{ at, delay, reason, spacing, window },
      ...{ holdUntil: 0, starts: undefined, chance: 0, saturatedSince: undefined }
    }),
    onDecision: () => void (told.decisions += 1)
  })
  return { steering, told, step: (now: number) => steering.step(capacity(), now, starts) }
}

describe("What a law decides", () => {
  const bounds: Record<string, ReadonlyArray<readonly [Partial<ControlLaw.Decision>, Partial<ControlLaw.Decision>]>> = {
    "the window between 1 and the poolSize, and whole": [
      [{ window: 2.7 }, { window: 2 }],
      [{ window: 0 }, { window: 1 }],
      [{ window: 99 }, { window: 8 }],
      [{ window: NaN }, { window: 1 }]
    ],
    "the spacing between minDispatchDelay and maxRetryAfter": [
      [{ spacing: 5 }, { spacing: 10 }],
      [{ spacing: 500 }, { spacing: 500 }],
      [{ spacing: 5000 }, { spacing: 1000 }],
      [{ spacing: NaN }, { spacing: 10 }]
    ],
    "a hold up to maxRetryAfter from now": [
      [{ holdUntil: -5 }, { holdUntil: 0 }],
      [{ holdUntil: 600 }, { holdUntil: 600 }],
      [{ holdUntil: 5000 }, { holdUntil: 1100 }],
      [{ holdUntil: NaN }, { holdUntil: 0 }]
    ],
    "a delay that is a number of at least 0": [
      [{ delay: -1 }, { delay: 0 }],
      [{ delay: 50 }, { delay: 50 }],
      [{ delay: NaN }, { delay: 0 }],
      [{ delay: Infinity }, { delay: Infinity }]
    ],
    "a ramp from now on, of at least 1 ms a step, up to the poolSize": [
      [{ ramp: { from: -1, every: 0, most: 0 } }, { ramp: Ramp.make(0, 1, 1) }],
      [{ ramp: { from: 500, every: 5000, most: 99 } }, { ramp: Ramp.make(500, 1000, 8) }]
    ]
  }
  for (const [name, rows] of Object.entries(bounds)) {
    it(`is kept within the pool's bounds: ${name}`, () => {
      const kept = rows.map(([decided, expected]) => {
        const { steering, step } = steered(sequence({}, decided))
        step(100)
        // The fields of which the row speaks.
        return Object.fromEntries(
          Object.entries(steering.decision).filter(([field]) => Object.keys(expected).includes(field))
        )
      })
      assert.deepStrictEqual(
        kept,
        rows.map(([, expected]) => ({ ...expected }))
      )
    })
  }

  it("is told to those who listen where the window, a hold, a limit of starts or the reason is another", () => {
    const same = { reason: "same" }
    const news: ReadonlyArray<Partial<ControlLaw.Decision>> = [
      { ...same, window: 3 },
      { ...same, holdUntil: 900 },
      { reason: "other" },
      { ...same, starts: { limit: 5, period: 100, provenUntil: 0 } }
    ]
    const none: ReadonlyArray<Partial<ControlLaw.Decision>> = [
      { ...same, spacing: 40 },
      { ...same, delay: 40 },
      { ...same, epoch: 4 }
    ]
    const isTold = (decision: Partial<ControlLaw.Decision>): boolean => {
      const { steering, step } = steered(sequence({}, same, decision))
      step(1)
      let heard = 0
      steering.onChange(() => void (heard += 1))
      step(2)
      assert.strictEqual(steering.changes.length - 1, heard)
      return heard === 1
    }
    assert.deepStrictEqual([...news, ...none].map(isTold), [true, true, true, true, false, false, false])
  })

  it("tells of another limit of starts by its number or its period", () => {
    const limits = [
      { limit: 5, period: 100, provenUntil: 0 },
      { limit: 6, period: 100, provenUntil: 0 },
      { limit: 6, period: 200, provenUntil: 0 },
      { limit: 6, period: 200, provenUntil: 9 }
    ]
    const { steering, step } = steered(sequence(...limits.map((starts) => ({ starts, reason: "same" }))))
    const counts = range(3).map((i) => {
      step(i)
      return steering.changes.length
    })
    assert.deepStrictEqual(counts, [1, 2, 2])
  })

  it("is remembered as the latest changes, and no more of them than are kept", () => {
    const many = range(3 * PoolStats.changesKept + 1).map((i) => ({ reason: `reason ${i}` }))
    const { steering, step } = steered(sequence(...many))
    for (const at of range(3 * PoolStats.changesKept)) {
      step(at)
      assert.strictEqual(steering.changes.at(-1)?.reason, `reason ${at + 1}`)
    }
    assert.deepStrictEqual(
      steering.changes.map(({ at }) => at),
      range(PoolStats.changesKept).map((i) => 2 * PoolStats.changesKept + i)
    )
  })

  it("is passed on where it is another, and not where it is the same", () => {
    const same = sequence({})
    const decision = same.initial(8, 0)
    const { step, told } = steered({ ...same, initial: () => decision, step: () => decision })
    step(1)
    assert.strictEqual(told.decisions, 0)
    const other = steered(sequence({}, { window: 3 }))
    other.step(1)
    assert.strictEqual(other.told.decisions, 1)
  })

  it("is what it was where the law goes back to it", () => {
    const { decision: wide } = sequence({ window: 8 }).initial(8, 0)
    const { decision: narrow } = sequence({ window: 2 }).initial(8, 0)
    const { steering, step } = steered({
      name: "there and back",
      initial: () => ({ state: 0, decision: wide }),
      step: (state) => ({ state: state + 1, decision: state % 2 === 0 ? narrow : wide })
    })
    const windows = [100, 200, 300].map((now) => {
      step(now)
      return steering.decision.window
    })
    assert.deepStrictEqual(windows, [2, 8, 2])
  })

  it("is the delay law's, within the last window, once the law has thrown", () => {
    const three = sequence({}, { window: 3 })
    let steps = 0
    const { steering, step, told } = steered({
      ...three,
      step: (...args) => {
        if (++steps === 2) throw new Error("broken")
        return three.step(...args)
      }
    })
    step(1)
    assert.throws(() => step(2), /"sequence" threw in step: broken/)
    assert.deepStrictEqual([steering.decision.window, steering.decision.delay, told.decisions], [3, 0, 2])
    step(3)
    assert.deepStrictEqual([steps, steering.decision.window], [2, 3])
    assert.isAbove(steering.decision.delay, 0)
  })

  it("begins anew with what an earlier process has learned, and the pool hears of it", () => {
    const law: ControlLaw.ControlLaw<unknown> = {
      ...sequence({}),
      initial: (poolSize, _, learned) => ({
        state: 0,
        decision: {
          ...{ window: typeof learned === "number" ? learned : poolSize, spacing: 0, delay: 0, holdUntil: 0, epoch: 0 },
          reason: `learned ${String(learned)}`
        }
      }),
      step: (state) => law.initial(8, 0, state)
    }
    const { steering, told } = steered(law)
    const before = steering.decision.window
    steering.learn(3, 50)
    assert.deepStrictEqual([before, steering.decision.window, told.decisions], [8, 3, 1])
    assert.deepStrictEqual(
      steering.changes.map(({ at, reason }) => [at, reason]),
      [[50, "learned 3"]]
    )
  })
})
