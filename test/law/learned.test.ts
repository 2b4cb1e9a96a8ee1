import { assert, describe, it } from "@effect/vitest"
import { AimdThrottle, DelayLaw, PoolConfig, WindowLaw, type ControlLaw } from "effect-aimd"
import { Latency, ServerModel, Simulation, Workload } from "effect-aimd/testing"
import { Effect } from "effect"

const delay = DelayLaw.make(AimdThrottle.parameters(Effect.runSync(PoolConfig.make())))
const window = WindowLaw.make()

/** A law that begins with what was learned, and the last that it has learned itself. */
const listen = (learned: unknown) => {
  const seen = { learned }
  const law: ControlLaw.ControlLaw<WindowLaw.State> = {
    ...window,
    initial: (poolSize, now) => window.initial(poolSize, now, learned),
    step: (state, sample, now, starts) => {
      const next = window.step(state, sample, now, starts)
      seen.learned = window.learned?.(next.state)
      return next
    }
  }
  return { law, seen }
}

/** A run against a server: seconds, and what was learned. */
const run = <S>(model: ServerModel.ServerModel<S>, learned?: unknown) => {
  const { law, seen } = listen(learned)
  const { makespan } = Simulation.report({
    api: { model, latency: Latency.constant(1000) },
    clients: [{ pool: { poolSize: 64, control: law }, workload: Workload.atOnce(600) }]
  })
  return { seconds: makespan / 1000, learned: JSON.parse(JSON.stringify(seen.learned)) as unknown }
}

describe("What a law has learned", () => {
  it("is its window and its pace, if it has one, and whether it still looks for the limit", () => {
    const { state } = window.initial(64, 0)
    assert.deepStrictEqual(window.learned?.(state), { window: 12, slowStart: true })
    const learned = { window: 30, rate: 2.5, slowStart: false }
    assert.deepStrictEqual(window.learned?.(window.initial(64, 0, learned).state), learned)
    // Of a pool that is smaller now, and of one whose API others share.
    assert.deepStrictEqual(window.learned?.(window.initial(8, 0, learned).state), { ...learned, window: 8 })
    const shared = WindowLaw.make({ shared: true })
    assert.deepStrictEqual(shared.learned?.(shared.initial(64, 0, learned).state), { window: 30, slowStart: false })
  })

  it("is nothing where it is not that of a law", () => {
    for (const learned of [
      undefined,
      7,
      {},
      { window: 0.5, slowStart: true },
      { window: 30, slowStart: 1 },
      { window: 30, rate: 0, slowStart: false }
    ])
      assert.deepStrictEqual(window.initial(64, 0, learned), window.initial(64, 0))
  })

  it("lets the window law begin where it was", () => {
    const { learned } = run(ServerModel.concurrencyCap({ cap: 40 }))
    const { decision } = window.initial(64, 0, learned)
    assert.isAtLeast(decision.window, 36)
    assert.isAtMost(decision.window, 40)
    assert.strictEqual(decision.reason, "begins with the limits that an earlier process has learned")
    assert.strictEqual(window.initial(8, 0, learned).decision.window, 8)
  })

  it("costs the window law little where it does not hold any more", () => {
    const model = ServerModel.concurrencyCap({ cap: 40 })
    const { seconds } = run(model)
    for (const learned of [
      { window: 2, slowStart: false },
      { window: 64, rate: 2, slowStart: false }
    ]) {
      assert.isAtMost(run(model, learned).seconds, seconds + 12)
    }
  })

  it("lets the delay law begin where it was, within its bounds", () => {
    assert.deepStrictEqual(delay.learned?.({ ...delay.initial(4, 0).state, delay: 70 }), { delay: 70 })
    assert.strictEqual(delay.initial(4, 0, { delay: 70 }).decision.delay, 70)
    assert.strictEqual(delay.initial(4, 0, { delay: 1e9 }).decision.delay, 5000)
  })

  it("is looked at before it is used", () => {
    for (const learned of [
      null,
      7,
      {},
      { window: 0 },
      { window: "9", slowStart: false },
      { delay: -1 },
      { delay: NaN }
    ]) {
      assert.deepStrictEqual(window.initial(64, 0, learned), window.initial(64, 0))
      assert.deepStrictEqual(delay.initial(64, 0, learned), delay.initial(64, 0))
    }
  })
})
