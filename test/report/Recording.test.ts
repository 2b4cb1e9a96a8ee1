import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Exit } from "effect"
import type { PoolStats, ReorderBuffer } from "effect-aimd"
import * as Recording from "../../src/report/Recording.js"
import { TooLong } from "./sample.js"

const from = Date.UTC(2026, 0, 15)

const change = (fields: Partial<PoolStats.Change>): PoolStats.Change => ({
  at: from,
  window: 4,
  spacing: 0,
  delay: 0,
  holdUntil: 0,
  starts: undefined,
  chance: 0,
  saturatedSince: undefined,
  reason: "looking",
  ...fields
})

const sample = (after: number, fields: Partial<Recording.Sample> = {}): Recording.Sample => ({
  ...change({}),
  at: from + after,
  attempts: 0,
  successes: 0,
  failures: 0,
  rejections: 0,
  inFlight: 0,
  poolSize: 8,
  waitsFor: "rows",
  ...fields
})

type Entry = ReorderBuffer.BufferEntry<unknown, unknown>

const entry = (index: number, fields: Partial<Entry> = {}): Entry => ({
  submitIndex: index,
  completeIndex: index,
  stateId: `row-${index}`,
  exit: Exit.void,
  submittedAt: from,
  startedAt: from + 100,
  completedAt: from + 150,
  bufferWait: Duration.zero,
  throttleWait: Duration.zero,
  attempts: 1,
  ...fields
})

describe("Recording", () => {
  it("spreads what was counted between two samples over the time between them", () => {
    const recording = Recording.make("api", sample(0, { attempts: 10, successes: 10 }))
    recording.sample(sample(200, { attempts: 50, successes: 30, rejections: 4, inFlight: 3, window: 5, spacing: 20 }))
    recording.sample(sample(225, { attempts: 60, successes: 30, rejections: 4, starts: { limit: 6, period: 1000 } }))
    const { attempts, rejections, timeline, until } = recording.snapshot()
    assert.deepStrictEqual([attempts, rejections, until], [50, 4, from + 225])
    assert.deepStrictEqual([timeline.from, timeline.until, timeline.width], [from, from + 225, 50])
    assert.deepStrictEqual(
      timeline.bins.map((bin) => [bin.starts, bin.successes, bin.rejections, bin.inFlight, bin.window, bin.pace]),
      [...Array.from({ length: 4 }, () => [10, 5, 1, 3, 5, 50]), [10, 0, 0, 3, 4, 6]]
    )
  })

  it("counts nothing twice and loses nothing when bins become wider, or the clock goes back", () => {
    const recording = Recording.make("api", sample(0))
    let at = 0
    for (let i = 1; i <= 1000; i++) {
      at += i % 7 === 0 ? -5 : 73
      recording.sample(sample(at, { attempts: i, successes: i }))
    }
    const { timeline } = recording.snapshot()
    assert.isAtMost(timeline.bins.length, 480)
    assert.strictEqual(Math.round(timeline.bins.reduce((sum, { starts }) => sum + starts, 0)), 1000)
  })

  it("counts how long the pool was held, as the law changed its mind", () => {
    const recording = Recording.make("api", sample(0))
    recording.change(change({ at: from + 50, holdUntil: from + 10_000 }))
    recording.change(change({ at: from + 150, holdUntil: from + 160 }))
    recording.sample(sample(200))
    const { timeline } = recording.snapshot()
    assert.deepStrictEqual(
      timeline.bins.map(({ held }) => held),
      [0, 50, 50, 10]
    )
  })

  it("counts for how long each cause kept the pool from starting more", () => {
    const recording = Recording.make("api", sample(0))
    recording.sample(sample(100, { waitsFor: "pace" }))
    recording.sample(sample(250, { waitsFor: "hold" }))
    recording.sample(sample(300, { waitsFor: "pace" }))
    assert.deepStrictEqual(recording.snapshot().waitedFor, {
      pause: 0,
      hold: 150,
      window: 0,
      pace: 150,
      limit: 0,
      rows: 0
    })
  })

  it("splits the time of rows, those apart that an earlier run has done", () => {
    const recording = Recording.make("api", sample(0))
    recording.entry(
      entry(0, { completedAt: from + 1100, throttleWait: Duration.millis(900), bufferWait: Duration.millis(40) })
    )
    recording.entry(entry(1, { startedAt: from - 86_400_000, exit: Exit.fail("no") }))
    const { failures, rows, slowest, waits } = recording.snapshot()
    assert.deepStrictEqual(rows, { succeeded: 1, failed: 1, recalled: 1 })
    assert.deepStrictEqual(
      [waits.start, waits.retry, waits.work, waits.order].map(({ rows, total }) => [rows, total]),
      [
        [1, 100],
        [1, 900],
        [1, 100],
        [1, 40]
      ]
    )
    assert.deepStrictEqual(
      slowest.map(({ stateId, took, waited }) => [stateId, took, waited]),
      [["row-0", 1000, 900]]
    )
    assert.deepStrictEqual(
      failures.map(({ kind, rows }) => [kind, rows]),
      [["Error", 1]]
    )
  })

  it("keeps the slowest rows, the slowest first", () => {
    const recording = Recording.make("api", sample(0))
    for (let i = 0; i < 1000; i++) recording.entry(entry(i, { completedAt: from + 100 + ((i * 7) % 1000) }))
    assert.deepStrictEqual(
      recording.snapshot().slowest.map(({ took }) => took),
      Array.from({ length: 20 }, (_, i) => 999 - i)
    )
  })

  it("counts failures by their kind, the most frequent first, with examples that differ", () => {
    const recording = Recording.make("api", sample(0))
    const causes: ReadonlyArray<Cause.Cause<unknown>> = [
      Cause.fail(new TooLong({ letters: 1 })),
      Cause.fail(new TooLong({ letters: 1 })),
      Cause.fail(new TooLong({ letters: 2 })),
      Cause.die(new TypeError("no")),
      Cause.die({ odd: true }),
      Cause.fail("x".repeat(1000))
    ]
    causes.forEach((cause, index) => recording.entry(entry(index, { exit: Exit.failCause(cause) })))
    const { failures } = recording.snapshot()
    assert.deepStrictEqual(
      failures.map(({ examples, kind, rows }) => [kind, rows, examples.map(({ stateId }) => stateId)]),
      [
        ["TooLong", 3, ["row-0", "row-2"]],
        ["TypeError", 1, ["row-3"]],
        ["Defect", 1, ["row-4"]],
        ["Error", 1, ["row-5"]]
      ]
    )
    assert.strictEqual(failures[3]?.examples[0]?.message.length, 300)
  })

  it("keeps each kind of reason once, with its first and last figures", () => {
    const recording = Recording.make("api", sample(0))
    recording.change(change({ at: from + 1, reason: "12.5 starts a second were too many", window: 3, spacing: 100 }))
    recording.change(change({ at: from + 2, reason: "nothing passes" }))
    recording.change(change({ at: from + 3, reason: "1,000 starts a second were too many", window: 2, spacing: 200 }))
    assert.deepStrictEqual(recording.snapshot().findings, [
      {
        reasons: ["12.5 starts a second were too many", "1,000 starts a second were too many"],
        first: from + 1,
        last: from + 3,
        times: 2,
        window: 2,
        pace: 5
      },
      {
        reasons: ["nothing passes", "nothing passes"],
        first: from + 2,
        last: from + 2,
        times: 1,
        window: 4,
        pace: undefined
      }
    ])
  })

  it("does not grow with the run", () => {
    const recording = Recording.make("api", sample(0))
    const words = Array.from({ length: 100 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(1 + (i % 90)))
    for (let i = 0; i < 100_000; i++) {
      const kind = words[((i / 10) % words.length) | 0] ?? ""
      recording.entry(entry(i, { exit: Exit.fail({ _tag: `${kind}${i}`, message: "y".repeat(i % 500) }) }))
      if (i % 10 === 0) {
        recording.change(change({ at: from + i, reason: `${kind} ${i}` }))
        recording.sample(sample(i * 1000, { attempts: i, reason: `${kind} ${i}` }))
      }
    }
    const { failures, findings, slowest, timeline } = recording.snapshot()
    assert.isAtMost(timeline.bins.length, 480)
    assert.deepStrictEqual([failures.length, findings.length, slowest.length], [31, 31, 20])
    assert.strictEqual(
      failures.reduce((sum, { rows }) => sum + rows, 0),
      100_000
    )
  })
})
