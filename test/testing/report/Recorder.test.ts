import { assert, describe, it } from "@effect/vitest"
import { PoolConfig, type ControlLaw } from "effect-aimd"
import { Report, type Trace } from "effect-aimd/testing"
import * as Recorder from "../../../src/testing/report/Recorder.js"
import * as Timeline from "../../../src/testing/report/Timeline.js"
import { range, valueOf } from "../support.js"

const decision = (fields: Partial<ControlLaw.Decision> = {}): ControlLaw.Decision => ({
  window: 4,
  spacing: 0,
  holdUntil: 0,
  delay: 0,
  epoch: 0,
  reason: "",
  ...fields
})

const submitted = (at: number, row: number, count: number, client = 0): Trace.Event => ({
  _tag: "submitted",
  at,
  client,
  row,
  count,
  line: 0
})
const started = (at: number, row: number, attempt = 1, client = 0): Trace.Event => ({
  _tag: "started",
  at,
  client,
  row,
  attempt
})
const ended = (at: number, row: number, outcome: Trace.Outcome, attempt = 1, client = 0): Trace.Event => ({
  _tag: "ended",
  at,
  client,
  row,
  attempt,
  outcome,
  retryAfter: undefined
})
const decided = (at: number, fields: Partial<ControlLaw.Decision>, sample?: ControlLaw.Sample): Trace.Event => ({
  _tag: "decided",
  at,
  client: 0,
  decision: decision(fields),
  sample
})
const finished = (
  at: number,
  row: number,
  attempts: number,
  outcome: Trace.Outcome = "success",
  client = 0
): Trace.Event => ({
  _tag: "finished",
  at,
  client,
  row,
  order: row,
  completedAt: at,
  outcome,
  attempts
})

const recorded = (rows: number, clients: number, events: ReadonlyArray<Trace.Event>): Recorder.Record => {
  const recorder = Recorder.make(rows, clients)
  for (const event of events) recorder.observe(event)
  return recorder.record()
}

const reported = (
  record: Recorder.Record,
  about: {
    readonly idealFinish?: number
    readonly recoveries?: ReadonlyArray<number>
    readonly clients?: ReadonlyArray<string>
  } = {}
) => Report.make(record, { server: "server", seed: 3, clients: ["a"], idealFinish: 1000, recoveries: [], ...about })

const capacity = (retryAfter: number | undefined): ControlLaw.Sample => ({
  _tag: "capacity",
  row: 1,
  attempt: 1,
  sequence: 1,
  startedWith: 1,
  bound: "none",
  epoch: 0,
  inFlight: 1,
  latency: 10,
  status: 429,
  retryAfter
})

describe("A recorder splits the waits of a row", () => {
  it("into the queue before the first start, holds, and the backoff before the others", () => {
    const record = recorded(2, 1, [
      submitted(100, 0, 2),
      started(100, 0),
      ended(150, 0, "capacity"),
      // Held from 150 to 400 by the law, then from 380 to 450 by a Retry-After.
      decided(150, { holdUntil: 400 }),
      decided(380, {}, capacity(70)),
      started(500, 1),
      started(600, 0, 2),
      ended(650, 0, "success", 2),
      ended(700, 1, "success")
    ])
    assert.deepStrictEqual([...record.queueWait], [0, 100])
    assert.deepStrictEqual([...record.holdWait], [300, 300])
    assert.deepStrictEqual([...record.backoffWait], [150, 0])
    assert.deepStrictEqual([...record.startedAt], [100, 500])
    assert.deepStrictEqual([...record.attempts], [2, 1])
    assert.deepStrictEqual([record.starts, record.rejections, record.decisions], [3, 1, 2])
  })

  it("where holds lie apart, lie within one another, or are over before they begin", () => {
    const record = recorded(1, 1, [
      submitted(0, 0, 1),
      decided(0, { holdUntil: 100 }),
      decided(10, { holdUntil: 50 }),
      decided(200, { holdUntil: 150 }),
      decided(200, { holdUntil: 260 }),
      decided(300, { holdUntil: 400 }),
      started(350, 0)
    ])
    assert.deepStrictEqual([record.holdWait[0], record.queueWait[0]], [100 + 60 + 50, 140])
  })
})

describe("A report", () => {
  it("counts what was recorded", () => {
    const report = reported(
      recorded(4, 1, [
        submitted(0, 0, 4),
        ...range(4).map((row) => started(0, row)),
        ended(500, 0, "success"),
        ended(500, 1, "capacity"),
        ended(500, 2, "failed"),
        started(1000, 1, 2),
        ended(1500, 1, "success", 2),
        finished(500, 0, 1),
        finished(1500, 1, 2),
        finished(500, 2, 1, "failed"),
        finished(2000, 3, 1, "interrupted")
      ])
    )
    assert.deepInclude(report, {
      server: "server",
      seed: 3,
      rows: 4,
      successes: 2,
      outcomes: { success: 2, failed: 1, interrupted: 1 },
      attempts: 5,
      rejections: 1,
      rejectedPerSuccess: 0.5,
      attemptsHistogram: [0, 3, 1],
      makespan: 2000,
      idealMakespan: 1000,
      shareOfIdeal: 0.5,
      goodput: 1,
      idealGoodput: 4,
      clients: [{ name: "a", rows: 4, successes: 2, goodput: 1 }],
      fairness: undefined
    })
    assert.deepStrictEqual(report.waits.backoff, { p50: 0, p95: 500, p99: 500, max: 500 })
  })

  it("of nothing is all zeros", () => {
    const report = reported(recorded(0, 1, []))
    assert.deepStrictEqual(
      [report.makespan, report.idealMakespan, report.shareOfIdeal, report.goodput, report.rejectedPerSuccess],
      [0, 0, 1, 0, 0]
    )
    assert.deepStrictEqual(report.timeline.bins, [])
  })

  it("judges fairness while all clients were there", () => {
    const rows = [0, 1, 2, 3].map((row) => ({ row, client: row === 3 ? 1 : 0, at: 100 * (row + 1) }))
    const record = recorded(4, 2, [
      submitted(0, 0, 3),
      submitted(150, 3, 1, 1),
      ...rows.flatMap(({ at, client, row }) => [
        started(at - 10, row, 1, client),
        ended(at, row, "success", 1, client),
        finished(row === 2 ? 500 : at, row, 1, "success", client)
      ])
    ])
    const report = reported(record, { clients: ["a", "b"] })
    // From 150 to 400: two of a, and none of b before its last row is done.
    assert.strictEqual(report.fairness, Report.jain([2, 0]))
    assert.deepStrictEqual(
      report.clients.map(({ goodput, name }) => [name, goodput]),
      [
        ["a", 6],
        ["b", 4]
      ]
    )
  })

  it("says nothing of fairness where clients were never there at once", () => {
    const record = recorded(2, 2, [
      submitted(0, 0, 1),
      finished(100, 0, 1),
      submitted(200, 1, 1, 1),
      finished(300, 1, 1, "success", 1)
    ])
    assert.strictEqual(reported(record, { clients: ["a", "b"] }).fairness, undefined)
  })

  const successesAt = (instants: ReadonlyArray<number>) =>
    recorded(instants.length, 1, [
      submitted(0, 0, instants.length),
      ...instants.flatMap((at, row) => [started(at - 10, row), ended(at, row, "success"), finished(at, row, 1)])
    ])
  /** So many successes, spread over the second that begins at an instant. */
  const second = (from: number, count: number) => range(count).map((index) => from + 20 + (index * 900) / count)

  it("says how long it took to come back: to the first success, and to nine tenths of the rate", () => {
    const back = [...second(2000, 3), ...second(3000, 8), ...second(4000, 10), ...second(5000, 10), ...second(6000, 10)]
    const record = successesAt([...second(0, 10), ...back])
    assert.deepStrictEqual(reported(record, { recoveries: [1000] }).recoveries, [
      { at: 1000, firstSuccess: 1020, recovered: 3000 }
    ])
  })

  it("comes back with the first success where that is at full rate, and never where none follows", () => {
    const record = successesAt([...second(0, 10), ...second(4000, 5)])
    assert.deepStrictEqual(reported(record, { recoveries: [1000, 5000] }).recoveries, [
      { at: 1000, firstSuccess: 3020, recovered: 3020 },
      { at: 5000, firstSuccess: Infinity, recovered: Infinity }
    ])
  })

  it("takes quantiles by the nearest rank", () => {
    const sorted = range(100).map((index) => index + 1)
    assert.deepStrictEqual(
      [0, 0.5, 0.95, 0.99, 1].map((share) => Report.quantile(sorted, share)),
      [1, 50, 95, 99, 100]
    )
    assert.deepStrictEqual([Report.quantile([], 0.5), Report.quantile([7], 0.01)], [0, 7])
  })

  it("is fair by Jain's index where all have the same", () => {
    assert.deepStrictEqual(
      [
        [3, 3, 3],
        [1, 0, 0, 0],
        [0, 0],
        [4, 2]
      ].map(Report.jain),
      [1, 0.25, 1, 0.9]
    )
  })
})

describe("A timeline", () => {
  const bin = { starts: 0, successes: 0, rejections: 0, inFlight: 0, window: 0, delay: 0, spacing: 0 }

  it("counts in bins of ten milliseconds, without a gap, keeping what was decided", () => {
    const timeline = Timeline.make(1)
    timeline.limited(1000, 0, { window: 4, delay: 0, spacing: 5 })
    timeline.started(1001)
    timeline.started(1002)
    timeline.ended(1015)
    timeline.succeeded(1015, 0)
    timeline.ended(1031)
    timeline.rejected(1031)
    timeline.limited(1031, 0, { window: 2, delay: 50, spacing: 5 })
    const client = (successes: number, window: number) => ({ clients: [{ successes, window }] })
    assert.deepStrictEqual(timeline.snapshot(), {
      from: 1000,
      until: 1031,
      width: 10,
      bins: [
        { ...bin, starts: 2, inFlight: 2, window: 4, spacing: 5, ...client(0, 4) },
        { ...bin, successes: 1, inFlight: 2, window: 4, spacing: 5, ...client(1, 4) },
        { ...bin, inFlight: 1, window: 4, spacing: 5, ...client(0, 4) },
        { ...bin, rejections: 1, inFlight: 1, window: 2, delay: 50, spacing: 5, ...client(0, 2) }
      ]
    })
  })

  it("sums the windows of its clients and takes the mean of their delays, until one leaves", () => {
    const timeline = Timeline.make(2)
    timeline.limited(0, 0, { window: 4, delay: 10, spacing: 0 })
    timeline.limited(10, 1, { window: 6, delay: 30, spacing: 2 })
    timeline.limited(20, 0, undefined)
    timeline.limited(30, 1, undefined)
    assert.deepStrictEqual(
      timeline
        .snapshot()
        .bins.map(({ clients, delay, spacing, window }) => [
          window,
          delay,
          spacing,
          ...clients.map((one) => one.window)
        ]),
      [
        [4, 10, 0, 4, 0],
        [10, 20, 1, 4, 6],
        [6, 30, 2, 0, 6]
      ]
    )
  })

  it("merges two bins into one when there are too many, and loses nothing", () => {
    const timeline = Timeline.make(1)
    for (let at = 0; at < 100_000; at += 25) timeline.succeeded(at, 0)
    const { bins, width } = timeline.snapshot()
    assert.strictEqual(width, 320)
    assert.strictEqual(bins.length, Math.ceil(100_000 / 320))
    const sum = bins.reduce((total, { successes }) => total + successes, 0)
    assert.deepStrictEqual(
      [sum, bins.reduce((total, { clients }) => total + (clients[0]?.successes ?? 0), 0)],
      [4000, 4000]
    )
  })

  it("merges to what is asked for: counts add up, the most in flight stays, levels are the last ones", () => {
    const bins = range(5).map((index) => ({
      ...bin,
      starts: 1,
      inFlight: 5 - index,
      window: index,
      clients: [{ successes: 1, window: index }]
    }))
    const coarse = Timeline.coarser({ from: 0, until: 45, width: 10, bins }, 3)
    assert.strictEqual(coarse.width, 20)
    assert.deepStrictEqual(
      coarse.bins.map(({ clients, inFlight, starts, window }) => [starts, inFlight, window, clients[0]?.successes]),
      [
        [2, 5, 1, 2],
        [2, 3, 3, 2],
        [1, 1, 4, 1]
      ]
    )
  })

  it("shows what a pool does, where its law would go beyond the pool's own limits", () => {
    const config = valueOf(PoolConfig.make({ poolSize: 3, minDispatchDelay: 7 }))
    const record = recorded(0, 1, [
      { _tag: "joined", at: 0, client: 0, config },
      decided(0, { window: 99, spacing: 1 }),
      decided(10, { window: 0.2, spacing: 1e9 })
    ])
    assert.deepStrictEqual(
      record.timeline.bins.map(({ spacing, window }) => [window, spacing]),
      [
        [3, 7],
        [1, 300_000]
      ]
    )
  })
})
