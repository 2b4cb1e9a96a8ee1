import { assert, describe, it } from "@effect/vitest"
import { Report } from "effect-aimd/testing"
import { range } from "../support.js"

const none = { p50: 0, p95: 0, p99: 0, max: 0 }
const bin = { starts: 0, successes: 0, rejections: 0, inFlight: 0, window: 0, delay: 0, spacing: 0, clients: [] }

const base: Report.Report = {
  server: "bucket 10/s burst 10",
  seed: 7,
  rows: 1200,
  successes: 1200,
  outcomes: { success: 1200 },
  attempts: 1200,
  rejections: 0,
  rejectedPerSuccess: 0,
  attemptsHistogram: [0, 1200],
  makespan: 120_000,
  idealMakespan: 119_100,
  shareOfIdeal: 0.9925,
  goodput: 10,
  idealGoodput: 10.0756,
  waits: { queue: { p50: 60_000, p95: 114_000, p99: 118_800, max: 119_900 }, hold: none, backoff: none },
  clients: [{ name: "client 0", rows: 1200, successes: 1200, goodput: 10 }],
  fairness: undefined,
  recoveries: [],
  timeline: {
    from: 0,
    until: 120_000,
    width: 20_000,
    bins: range(6).map(() => ({ ...bin, successes: 200, window: 8, inFlight: 4 }))
  }
}

describe("Report.text", () => {
  it("of one client that was never rejected says no more than there is to say", () => {
    assert.strictEqual(
      Report.text(base),
      [
        "bucket 10/s burst 10: 1,200 rows, seed 7",
        "",
        "makespan         2 min, ideal 119 s, 99.3 %",
        "goodput          10/s, ideal 10.1/s",
        "rejected         0, 0 per success",
        "outcomes         1,200 success",
        "attempts         1,200, rows 1,200 with 1",
        "",
        "waits             p50    p95    p99    max",
        "  queue          60 s  114 s  119 s  120 s",
        "  hold           0 ms   0 ms   0 ms   0 ms",
        "  backoff        0 ms   0 ms   0 ms   0 ms",
        "",
        "over 2 min",
        "goodput          ██████                                                        up to 10/s",
        "window           ██████                                                        up to 8",
        "in flight        ██████                                                        up to 4"
      ].join("\n")
    )
  })

  it("of several clients, rejections and an outage shows them all", () => {
    const busy: Report.Report = {
      ...base,
      outcomes: { success: 1190, failed: 6, RetryTimeoutError: 4 },
      attempts: 2500,
      rejections: 1300,
      rejectedPerSuccess: 1300 / 1190,
      attemptsHistogram: [0, 700, 200, 100, 80, 60, 40, 15, 0, 5],
      clients: [
        { name: "nightly", rows: 1000, successes: 990, goodput: 8.25 },
        { name: "web", rows: 200, successes: 200, goodput: 12.3456 }
      ],
      fairness: 0.9612,
      recoveries: [
        { at: 60_000, firstSuccess: 50, recovered: 2000 },
        { at: 110_000, firstSuccess: Infinity, recovered: Infinity }
      ],
      timeline: {
        from: 0,
        until: 120_000,
        width: 1000,
        bins: range(120).map((second) => {
          const out = second >= 50 && second < 60
          return {
            ...bin,
            successes: out ? 0 : 11,
            rejections: out ? 30 : 8,
            window: 8,
            inFlight: 8,
            delay: out ? 5000 : 250,
            spacing: 20
          }
        })
      }
    }
    const [before, out, after] = [25, 5, 30]
    const drawn = (high: string, low: string) => high.repeat(before) + low.repeat(out) + high.repeat(after)
    assert.strictEqual(
      Report.text(busy),
      [
        "bucket 10/s burst 10: 1,200 rows, seed 7",
        "",
        "makespan         2 min, ideal 119 s, 99.3 %",
        "goodput          10/s, ideal 10.1/s",
        "rejected         1,300, 1.09 per success",
        "outcomes         1,190 success, 6 failed, 4 RetryTimeoutError",
        "attempts         2,500, rows 700 with 1, 200 with 2, 100 with 3, 80 with 4, 60 with 5, 40 with 6, 20 with up to 9",
        "",
        "waits             p50    p95    p99    max",
        "  queue          60 s  114 s  119 s  120 s",
        "  hold           0 ms   0 ms   0 ms   0 ms",
        "  backoff        0 ms   0 ms   0 ms   0 ms",
        "",
        "clients           rows  successes  goodput",
        "  nightly        1,000        990   8.25/s",
        "  web              200        200   12.3/s",
        "fairness         0.961 by Jain's index",
        "after 60 s       first success in 50 ms, full rate in 2 s",
        "after 110 s      first success never, full rate never",
        "",
        "over 2 min",
        `goodput          ${drawn("█", " ")}  up to 11/s`,
        `rejections       ${drawn("▃", "█")}  up to 30/s`,
        `window           ${drawn("█", "█")}  up to 8`,
        `in flight        ${drawn("█", "█")}  up to 8`,
        `delay            ${drawn("▁", "█")}  up to 5 s`,
        `spacing          ${drawn("█", "█")}  up to 20 ms`
      ].join("\n")
    )
  })

  it("of a server that never takes the rows says so", () => {
    const never = Report.text({ ...base, idealMakespan: Infinity, shareOfIdeal: Infinity, idealGoodput: 0 })
    assert.match(never, /^makespan {9}2 min, ideal never, ∞ %$/m)
  })
})
