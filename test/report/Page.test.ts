import { assert, describe, it } from "@effect/vitest"
import * as Page from "../../src/report/Page.js"
import type * as Recording from "../../src/report/Recording.js"

const from = Date.UTC(2026, 0, 15, 9, 30)
const nobody = { rows: 0, p50: 0, p95: 0, max: 0, total: 0 }
const bin: Recording.Bin = {
  ...{ starts: 10, successes: 5, failures: 0, rejections: 2, inFlight: 3, window: 4, held: 0 },
  ...{ pace: undefined, reason: "looking" }
}

/** Four seconds in bins of one. */
const recording = (over: Partial<Recording.Recording> = {}): Recording.Recording => ({
  ...{ name: "api", poolSize: 8, from, until: from + 4000, attempts: 60, rejections: 6 },
  rows: { succeeded: 20, failed: 10, recalled: 0 },
  timeline: { from, until: from + 4000, width: 1000, bins: [bin, bin, bin, bin] },
  end: {
    ...{ at: from + 4000, window: 4, spacing: 0, delay: 0, holdUntil: 0, starts: undefined, chance: 0 },
    ...{ saturatedSince: undefined, reason: "looking" }
  },
  waitedFor: { pause: 0, hold: 1000, window: 3000, pace: 0, limit: 0, rows: 0 },
  waits: { start: nobody, retry: nobody, work: nobody, order: nobody },
  ...{ slowest: [], failures: [], findings: [] },
  ...over
})

/** What a reader sees, without markup. */
const read = (over: Partial<Recording.Recording> = {}, options?: Page.Options): string =>
  Page.html(recording(over), options)
    .replace(/<(script|style|svg)[^>]*>.*?<\/\1>/gs, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, " ")

describe("The summary of a page", () => {
  it("counts rows and attempts, and says how fast it was on average", () => {
    const text = read()
    for (const part of [
      "Rows that succeeded 20 of 30",
      "Rows that failed 10 33.3 %",
      "Time 4 s 5/s on average",
      "Attempts 60 2 a row",
      "Rejected 6 10 % of the attempts"
    ])
      assert.include(text, part)
    assert.notInclude(text, "From the journal")
  })

  it("counts rows apart that an earlier run has done: they took no attempts here", () => {
    const text = read({ rows: { succeeded: 20, failed: 10, recalled: 10 } })
    assert.include(text, "From the journal 10 done in an earlier run")
    assert.include(text, "Attempts 60 3 a row")
  })

  it("is of nothing, too", () => {
    const text = read({ until: from, attempts: 0, rejections: 0, rows: { succeeded: 0, failed: 0, recalled: 0 } })
    assert.include(text, "Rows that failed 0 0 %")
    assert.include(text, "Time 0 ms 0/s on average Attempts 0 Rejected 0 0 % of the attempts")
  })

  it("is headed by when the run began, the pool, and what else there is to know", () => {
    assert.include(read({}, { facts: { model: "small" } }), "2026-01-15 09:30:00Z · pool api, size 8 · model small")
    assert.include(read(), "api 2026-01-15 09:30:00Z")
    assert.include(read({}, { title: "Texts" }), "Texts 2026-01-15 09:30:00Z")
  })
})

describe("The timeline of a page", () => {
  /** What it says of its instants. */
  const data = (over: Partial<Recording.Recording>) => {
    const [, json = "null"] = /id="timeline">(.*?)<\/script>/s.exec(Page.html(recording(over))) ?? []
    return JSON.parse(json) as unknown
  }
  const bins = (...all: ReadonlyArray<Partial<Recording.Bin>>) => ({
    timeline: { from, until: from + 2000 * all.length, width: 2000, bins: all.map((one) => ({ ...bin, ...one })) }
  })

  it("says for each instant why, and how many there were a second", () => {
    assert.deepStrictEqual(data(bins({}, { reason: "too many", pace: 2.5, held: 500 }, { held: 9000 })), {
      names: ["now-why", "now-in-flight", "now-window", "now-pace", "now-goodput", "now-rejected", "now-held"],
      reasons: ["looking", "too many"],
      rows: [
        ["0 ms", 0, "3", "4", "no limit", "2.5/s", "1/s", "0 %"],
        ["2 s", 1, "3", "4", "2.5/s", "2.5/s", "1/s", "25 %"],
        ["4 s", 0, "3", "4", "no limit", "2.5/s", "1/s", "100 %"]
      ]
    })
    assert.match(Page.html(recording(bins({}, {}, {}))), /id="instant" min="0" max="2"/)
    assert.match(Page.html(recording(bins())), /id="instant" min="0" max="0"/)
  })

  it("shows no pace that is over twice what was started, for it bounds nothing", () => {
    /** Whether the pace has a line. */
    const isShown = (pace: number) =>
      /<path d="M[^"]*"[^>]*><title>pace: most that are allowed/.test(Page.html(recording(bins({ pace }, { pace }))))
    // Five a second were started.
    assert.deepStrictEqual([10, 10.1].map(isShown), [true, false])
  })

  it("shows which share of the time was held, and never more than all of it", () => {
    const bars = (held: number) => {
      const [, path = ""] =
        /<path d="([^"]*)"[^>]*><title>held/.exec(Page.html(recording(bins({ held: 2000 }, { held })))) ?? []
      return path
    }
    assert.strictEqual(bars(9000), bars(2000))
    assert.notStrictEqual(bars(2000), bars(1000))
  })
})

describe("What the law found, on a page", () => {
  const finding = (
    over: Partial<Recording.Recording["findings"][number]>
  ): Recording.Recording["findings"][number] => ({
    ...{ reasons: ["first", "first"], first: from + 1000, last: from + 1000, times: 1, window: 4, pace: undefined },
    ...over
  })

  it("is each reason once, from when to when, with its first and its last words", () => {
    const text = read({
      findings: [
        finding({}),
        finding({ reasons: ["9 were too many", "8 were too many"], last: from + 3000, times: 3, pace: 2.5 }),
        finding({ reasons: ["the same", "the same"], first: from - 5, last: from + 2000, times: 2 })
      ]
    })
    assert.include(text, "1 s first 4 no limit 1 s to 3 s 9 were too many 3 times, at last: 8 were too many 4 2.5/s")
    assert.include(text, "0 ms to 2 s the same 2 times 4 no limit")
    assert.include(read(), "It decided nothing new during this run.")
  })

  it("is where it stood at the end", () => {
    const { end } = recording()
    assert.include(read(), "At the end: window 4 of 8, no limit of the pace. Because: looking.")
    assert.include(
      read({ end: { ...end, spacing: 100, starts: { limit: 6, period: 2000 }, chance: 0.02 } }),
      "At the end: window 4 of 8, at most 3/s, 6 starts in 2 s, 2 % of all calls rejected by chance. Because: looking."
    )
  })
})

describe("Waits and rows on a page", () => {
  it("are causes that kept the pool waiting at all, the longest first, with a bar as long as their share", () => {
    const html = Page.html(recording())
    const widths = [...html.matchAll(/class="bar" aria-hidden="true" style="width: ([\d.]+)%"/g)].map(
      ([, width]) => width
    )
    assert.deepStrictEqual(widths, ["75", "25"])
    const text = read()
    assert.include(
      text,
      "as many attempts were in flight as may be 3 s 75 % the API asked for silence, or the law held the pool 1 s 25 %"
    )
    assert.notInclude(text, "the pool was paused")
  })

  it("are how long rows took for what", () => {
    const work = { rows: 30, p50: 100, p95: 400, max: 900, total: 6000 }
    assert.include(
      read({ waits: { start: nobody, retry: nobody, work, order: nobody } }),
      "in attempts 100 ms 400 ms 900 ms 6 s"
    )
  })

  it("are the slowest rows, with what became of them", () => {
    const row = { stateId: "r1", startedAt: from + 500, took: 2000, waited: 1500, attempts: 3, failure: undefined }
    const text = read({ slowest: [row, { ...row, stateId: "r2", startedAt: from - 9, failure: "TooLong" }] })
    assert.include(text, "r1 500 ms 2 s 1.5 s 3 r2 TooLong 0 ms 2 s 1.5 s 3")
    assert.include(read(), "None was done in this run.")
  })

  it("are failures by their kind, with their share of all, and the first open", () => {
    const examples = [{ stateId: "r1", message: "no", attempts: 2 }]
    const failures = [
      { kind: "TooLong", rows: 9, examples },
      { kind: "Odd", rows: 1, examples: [] }
    ]
    const text = read({ failures })
    assert.include(text, "TooLong : 9 rows, 90 % of the failures Examples row message attempts r1 no 2")
    assert.include(text, "Odd : 1 row, 10 % of the failures")
    assert.deepStrictEqual(
      [...Page.html(recording({ failures })).matchAll(/<details[^>]*>/g)].map(([tag]) => tag),
      ["<details open>", "<details>"]
    )
    assert.include(read(), "No row failed.")
  })
})
