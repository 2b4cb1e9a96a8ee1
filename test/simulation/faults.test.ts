import { assert, describe, it } from "@effect/vitest"
import type { PoolConfig } from "effect-aimd"
import {
  Fault,
  Latency,
  ServerModel,
  Simulation,
  Workload,
  type HintDialect,
  type Report,
  type Trace
} from "effect-aimd/testing"

/** Faults that the reference had, each as a world in which they would show; the pool has its default law. */
describe("A fault of the reference that this pool does not have", () => {
  interface Setting {
    readonly pool?: PoolConfig.Options
    readonly rows?: number
    readonly latency?: Latency.Latency
    readonly hints?: HintDialect.HintDialect
  }

  const worldOf = (
    model: ServerModel.ServerModel,
    { hints = "none", latency = Latency.constant(100), pool = {}, rows = 200 }: Setting
  ): Simulation.World => ({
    api: { model, latency, hints },
    clients: [{ pool: { poolSize: 64, ...pool }, workload: Workload.atOnce(rows) }]
  })

  const reportOf = (
    model: ServerModel.ServerModel,
    setting: Setting = {},
    options: Simulation.Options = {}
  ): Report.Report => Simulation.report(worldOf(model, setting), options)

  const eventsOf = (model: ServerModel.ServerModel, setting: Setting = {}) => Simulation.events(worldOf(model, setting))

  const starts = (events: ReadonlyArray<Trace.Event>) => events.filter((event) => event._tag === "started")

  /** Rejects the first so many requests; then serves everybody. */
  const rejectsFirst = (count: number): ServerModel.ServerModel<number> => ({
    name: `rejects the first ${count}`,
    initial: 0,
    arrive: (seen) => [seen + 1, seen < count ? { _tag: "rejected", status: 429, opensIn: 2000 } : { _tag: "accepted" }]
  })

  it("a permit held in backoff: while as many rows as the pool has permits back off, the next rows start", () => {
    const events = starts(
      eventsOf(rejectsFirst(2), { rows: 6, pool: { poolSize: 2, control: "delay", recoveryStep: 2000 } })
    )
    assert.deepStrictEqual(
      events.map(({ at, row }) => [at, row]),
      [
        [0, 0],
        [0, 1],
        [50, 2],
        [50, 3],
        [150, 4],
        [150, 5],
        [2050, 0],
        [2050, 1]
      ]
    )
  })

  it("one decrease for each of many rejections: a burst of them backs the delay off once", () => {
    const decisions = eventsOf(rejectsFirst(8), { rows: 20, pool: { poolSize: 8, control: "delay" } }).filter(
      (event) => event._tag === "decided"
    )
    assert.strictEqual(Math.max(...decisions.map(({ decision }) => decision.epoch)), 1)
    assert.strictEqual(Math.max(...decisions.map(({ decision }) => decision.delay)), 50)
  })

  it("fresh rows into a storm: a bucket of 10 a second and a pool of 64 see few rejections", () => {
    const { rejectedPerSuccess, shareOfIdeal } = reportOf(ServerModel.tokenBucket({ rate: 10, burst: 10 }), {
      rows: 1000
    })
    assert.isAtMost(rejectedPerSuccess, 0.05)
    assert.isAtLeast(shareOfIdeal, 0.95)
  })

  it("errors that speed the pool up: other failures than rejections decide nothing", () => {
    const epochs = eventsOf(Fault.failing({ rate: 1 })(rejectsFirst(0)), {
      rows: 50,
      pool: { poolSize: 8, control: "delay" }
    })
      .filter((event) => event._tag === "decided")
      .map(({ decision }) => decision)
    assert.strictEqual(new Set(epochs).size, 1)
  })

  it("rows lost although the API serves: 60 rows at 2 a second, with a budget of 10 s and a pool of 20, all arrive", () => {
    const { outcomes } = reportOf(ServerModel.tokenBucket({ rate: 2, burst: 2 }), {
      rows: 60,
      pool: { poolSize: 20, maxCapacityRetry: "10 seconds" }
    })
    assert.deepStrictEqual(outcomes, { success: 60 })
  })

  it("a Retry-After ignored: nothing starts before it, and the first start is at that instant", () => {
    const events = eventsOf(rejectsFirst(1), { rows: 5, hints: "milliseconds", pool: { poolSize: 1 } })
    assert.deepStrictEqual(
      starts(events)
        .slice(0, 2)
        .map(({ at }) => at),
      [0, 2050]
    )
  })

  it("sleepers that wake together: after a hold starts are spread, not all at one instant", () => {
    const events = eventsOf(ServerModel.tokenBucket({ rate: 20, burst: 20 }), { rows: 300, hints: "seconds" })
    const held = events.filter((event) => event._tag === "ended" && event.retryAfter !== undefined)
    assert.isNotEmpty(held)
    const together = new Map<number, number>()
    for (const { at } of starts(events).filter(({ at }) => at > 1000)) together.set(at, (together.get(at) ?? 0) + 1)
    assert.isBelow(Math.max(...together.values()), 20)
  })

  it("an outage of 3 s that costs 40 % of the run", () => {
    // Ten seconds into the run the law knows the rate: this world asks what an outage costs, not what learning costs.
    const model = Fault.outages([{ from: 10_000, until: 13_000 }])(ServerModel.tokenBucket({ rate: 100, burst: 10 }))
    const report = reportOf(model, { rows: 4000, latency: Latency.logNormal(100) }, { recoveries: [13_000] })
    assert.isAtLeast(report.shareOfIdeal, 0.9)
    assert.isAtMost(report.recoveries[0]?.firstSuccess ?? Infinity, 1150)
  })

  it.each([10, 30, 64])(
    "throughput that depends on a pool size guessed right: a pool of %i at 20 a second",
    (poolSize) => {
      const { rejectedPerSuccess, shareOfIdeal } = reportOf(ServerModel.tokenBucket({ rate: 20, burst: 5 }), {
        rows: 1000,
        pool: { poolSize }
      })
      assert.isAtLeast(shareOfIdeal, 0.93)
      assert.isAtMost(rejectedPerSuccess, 0.05)
    }
  )

  it("a hanging request that hangs the batch: the others go on, and it ends at its own timeout", () => {
    const { outcomes } = reportOf(Fault.hanging({ rate: 0.2 })(rejectsFirst(0)), {
      rows: 50,
      pool: { poolSize: 4, attemptTimeout: "1 second" }
    })
    assert.deepStrictEqual(Object.keys(outcomes).sort(), ["AttemptTimeoutError", "success"])
    assert.strictEqual((outcomes.success ?? 0) + (outcomes.AttemptTimeoutError ?? 0), 50)
  })

  it("calls billed after a shutdown: what is in flight finishes, the rest never starts", () => {
    const world = worldOf(rejectsFirst(0), { rows: 20, pool: { poolSize: 4 } })
    const clients = world.clients.map((client) => ({ ...client, shutdownAt: 250 }))
    const { attempts, outcomes } = Simulation.report({ ...world, clients })
    assert.isAbove(attempts, 0)
    assert.deepStrictEqual(outcomes, { success: attempts, PoolShutdownError: 20 - attempts })
  })

  it("batches that queue behind one lock: a short batch beside a long one is done long before it", () => {
    const events = Simulation.events({
      api: { model: rejectsFirst(0) },
      clients: [{ pool: { poolSize: 4 }, workload: [...Workload.atOnce(400), ...Workload.atOnce(4, { at: 500 })] }]
    })
    const finishes = events.flatMap((event) => (event._tag === "finished" ? [event] : []))
    const short = Math.max(...finishes.filter(({ row }) => row >= 400).map(({ completedAt }) => completedAt))
    const long = Math.max(...finishes.filter(({ row }) => row < 400).map(({ completedAt }) => completedAt))
    assert.isBelow(short, 1000)
    assert.isAbove(long, 10 * short - 1)
  })
})
