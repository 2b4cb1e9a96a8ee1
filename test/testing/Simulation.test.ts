import { assert, describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import {
  Fault,
  Latency,
  ServerModel,
  Simulation,
  Trace,
  VirtualTime,
  Workload,
  type Checker
} from "effect-aimd/testing"
import { Cause, Exit } from "effect"

const bucket = ServerModel.tokenBucket({ rate: 10, burst: 5 })
const open = ServerModel.concurrencyCap({ cap: 1000 })

const world = (client: Partial<Simulation.Client>, api: Partial<Simulation.World["api"]> = {}): Simulation.World => ({
  api: { model: open, ...api },
  clients: [{ pool: { poolSize: 4, control: "delay" }, workload: Workload.atOnce(10), ...client }]
})

const outcomes = (world: Simulation.World, options?: Simulation.Options) => Simulation.report(world, options).outcomes

describe("A simulation", () => {
  it("gives every row its outcome: served, failed, timed out, too late", () => {
    assert.deepStrictEqual(outcomes(world({})), { success: 10 })
    assert.deepStrictEqual(outcomes(world({}, { model: Fault.failing({ rate: 1 })(open) })), { failed: 10 })
    assert.deepStrictEqual(
      outcomes(world({ pool: { poolSize: 4, attemptTimeout: 500 } }, { model: Fault.hanging({ rate: 1 })(open) })),
      { AttemptTimeoutError: 10 }
    )
    const full = ServerModel.concurrencyCap({ cap: 0 })
    assert.deepStrictEqual(outcomes(world({ pool: { maxCapacityRetry: "1 second" } }, { model: full })), {
      RetryTimeoutError: 10
    })
  })

  it("is as fast as the ideal whatever share of the calls fails: they take their part of the capacity", () => {
    const bucket = ServerModel.tokenBucket({ rate: 10, burst: 1 })
    const shares = [0, 0.5, 1].map((rate) => {
      const model = Fault.failing({ rate })(bucket)
      const pool = { poolSize: 1, minDispatchDelay: 100 }
      return Simulation.report(world({ pool }, { model, latency: Latency.constant(100) })).shareOfIdeal
    })
    assert.deepStrictEqual(shares, [1, 1, 1])
  })

  it("has an ideal with as many in flight as its pools allow, from when the rows are there", () => {
    const pool = { control: "delay" as const }
    const many = world({ pool, workload: Workload.atOnce(3 * PoolConfig.defaults.poolSize) })
    const first = world({ pool, workload: Workload.atOnce(1) })
    const later = { pool, joinsAt: 500, workload: Workload.atOnce(1, { at: 200 }) }
    const ideals = [many, { ...first, clients: [...first.clients, later] }].map(
      (world) => Simulation.report(world).idealMakespan
    )
    assert.deepStrictEqual(ideals, [300, 800])
  })

  it("ends a batch at its timeout, and interrupts its caller when it is told to", () => {
    const [batch = { kind: "batch" as const, rows: [] }] = Workload.atOnce(10)
    assert.deepStrictEqual(outcomes(world({ workload: [{ ...batch, timeout: 150 }] })), {
      success: 4,
      BatchTimeoutError: 6
    })
    assert.deepStrictEqual(outcomes(world({ workload: [{ ...batch, interruptedAt: 150 }] })), { interrupted: 10 })
  })

  it("lets attempts in flight finish at a shutdown, and interrupts them when the scope is closed", () => {
    assert.deepStrictEqual(outcomes(world({ shutdownAt: 150 })), { success: 8, PoolShutdownError: 2 })
    const closed = outcomes(world({ closedAt: 150 }))
    assert.deepStrictEqual([closed.success, (closed.interrupted ?? 0) + (closed.PoolShutdownError ?? 0)], [4, 6])
  })

  it("sends single calls when they come", () => {
    const starts: Array<number> = []
    const report = Simulation.report(world({ workload: Workload.bursts({ size: 2, every: 1000, bursts: 3 }) }), {
      observers: [(event) => event._tag === "started" && starts.push(event.at)]
    })
    assert.deepStrictEqual(starts, [0, 0, 1000, 1000, 2000, 2000])
    assert.deepStrictEqual([report.outcomes, report.makespan, report.idealMakespan], [{ success: 6 }, 2100, 2100])
  })

  it("lets clients join later, each with a name, and judges how they share", () => {
    const client = { pool: { poolSize: 8 }, workload: Workload.atOnce(200) }
    const report = Simulation.report({
      api: { model: ServerModel.workers({ workers: 8, queue: 100 }), latency: Latency.constant(100) },
      clients: [
        { ...client, name: "early" },
        { ...client, joinsAt: 500 }
      ]
    })
    assert.deepStrictEqual(
      report.clients.map(({ name, rows }) => [name, rows]),
      [
        ["early", 200],
        ["client 1", 200]
      ]
    )
    assert.isAbove(report.fairness ?? 0, 0.99)
  })

  it("is the same for the same seed, event by event, and another one for another", () => {
    const noisy = world({ workload: Workload.atOnce(50) }, { model: bucket, latency: Latency.logNormal(200) })
    const trace = (seed: number) => Simulation.events(noisy, { seed }).map(Trace.line)
    assert.deepStrictEqual(trace(1), trace(1))
    assert.notDeepEqual(trace(1), trace(2))
  })

  it("starts at an instant of one's own", () => {
    const startAt = Date.UTC(2027, 0, 1)
    const [first] = Simulation.events(world({}), { startAt })
    assert.strictEqual(first?.at, startAt)
    assert.strictEqual(Simulation.report(world({}), { startAt }).shareOfIdeal, 1)
  })

  const never: Checker.Checker = {
    name: "no third row",
    start: () => (event) => (event._tag === "ended" && event.row === 2 ? "there it is" : undefined)
  }

  it("ends with the first violation, with the trace around it, and throws it from a report", () => {
    const { exit } = Simulation.run(world({}), { checkers: [never] })
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    assert.match(
      String(error),
      /no third row: there it is, at 100 ms\n.*joined with a pool of 4\n[^]*\n {2}100\.000 client 0 ended row 2 attempt 1 success$/
    )
    assert.throws(() => Simulation.report(world({}), { checkers: [never] }), /no third row: there it is/)
    // Where violations are not looked for, nothing ends.
    assert.deepStrictEqual(outcomes(world({}), { checkers: [], observers: [() => undefined] }), { success: 10 })
  })

  it("is a program, which can be explored", () => {
    const { failure, runs } = VirtualTime.explore(Simulation.program(world({}, { model: bucket })), { seeds: 20 })
    assert.deepStrictEqual([failure, runs], [undefined, 20])
  })

  it("is stuck where a server hangs and nobody times out", () => {
    const { exit } = Simulation.run(world({}, { model: Fault.hanging({ rate: 1 })(open) }))
    assert.match(String(exit), /StuckError|stuck after/)
  })
})

describe("A stream in a simulation", () => {
  const streaming = (options: Parameters<typeof Workload.stream>[1], client: Partial<Simulation.Client> = {}) =>
    world({ workload: Workload.stream(10, options), ...client })

  it("gives every row its outcome, and its entries to the reader", () => {
    const events = Simulation.events(streaming({ maxPending: 2, reader: 50 }))
    const rowsOf = (tag: Trace.Event["_tag"]) =>
      events.flatMap((event) => (event._tag === tag && "row" in event ? [event.row] : []))
    const all = Array.from({ length: 10 }, (_, row) => row)
    assert.deepStrictEqual([rowsOf("submitted"), rowsOf("released")], [all, all])
  })

  it("takes rows as they come", () => {
    const { makespan, outcomes } = Simulation.report(streaming({ every: 200 }, { joinsAt: 70 }))
    assert.deepStrictEqual([makespan, outcomes], [1900, { success: 10 }])
  })

  it("leaves what its reader does not take: rows that are not read have no outcome, and the report no holes", () => {
    const { clients, outcomes } = Simulation.report(streaming({ maxPending: 4, reader: 5, leavesAfter: 3 }))
    // The reader leaves with its third entry, 5 ms after it took it at 110, and nothing has been read in its place.
    assert.deepStrictEqual(outcomes, { success: 4, interrupted: 2 })
    assert.deepStrictEqual(
      clients.map(({ goodput, ...rest }) => [Math.round(goodput), rest]),
      [[35, { name: "client 0", rows: 10, successes: 4 }]]
    )
  })

  it("can be paused, resized, and have rows taken back", () => {
    const acts: ReadonlyArray<Workload.Act> = [
      { kind: "cancel", at: 10, row: 1 },
      { kind: "evict", at: 10, row: 2 },
      { kind: "cancel", at: 10, row: 99 },
      { kind: "resize", at: 20, poolSize: 2 },
      { kind: "pause", at: 50, lasts: 950 }
    ]
    const { makespan, outcomes } = Simulation.report(streaming({}, { acts }))
    assert.deepStrictEqual(outcomes, { success: 8, RowCancelledError: 1, evicted: 1 })
    // Four start at 0, of which two are taken back; two others start at 10, and then two at 1000 and two at 1100.
    assert.strictEqual(makespan, 1200)
  })

  it("takes back rows of a batch, and no single call", () => {
    const acts: ReadonlyArray<Workload.Act> = [
      { kind: "evict", at: 10, row: 9 },
      { kind: "cancel", at: 10, row: 10 }
    ]
    const workload = [...Workload.atOnce(10), ...Workload.bursts({ size: 1, every: 1, bursts: 1 })]
    assert.deepStrictEqual(outcomes(world({ workload, acts })), { success: 10, evicted: 1 })
  })
})
