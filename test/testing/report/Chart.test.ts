import { assert, describe, it } from "@effect/vitest"
import type { Report } from "effect-aimd/testing"
import { Chart, ServerModel, Simulation, Workload } from "effect-aimd/testing"
import { range } from "../support.js"

const bin: Report.Bin = {
  starts: 0,
  successes: 0,
  rejections: 0,
  inFlight: 0,
  window: 0,
  delay: 0,
  spacing: 0,
  clients: []
}

const base = Simulation.report({
  api: { model: ServerModel.tokenBucket({ rate: 20, burst: 10 }) },
  clients: [{ pool: { poolSize: 8 }, workload: Workload.atOnce(100) }]
})

/** A report of ten seconds, a bin a second. */
const report = (bins: ReadonlyArray<Partial<Report.Bin>>, fields: Partial<Report.Report> = {}): Report.Report => ({
  ...base,
  idealGoodput: 40,
  timeline: {
    from: 5000,
    until: 5000 + bins.length * 1000,
    width: 1000,
    bins: bins.map((some) => ({ ...bin, ...some }))
  },
  ...fields
})

const flat = report(range(10).map(() => ({ successes: 20, window: 10, inFlight: 5 })))

/** The path that is titled so. */
const path = (svg: string, title: string): string =>
  new RegExp(`<path d="([^"]*)"[^>]*><title>${title}</title>`).exec(svg)?.[1] ?? "none"

const texts = (svg: string): ReadonlyArray<string> =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = ""]) => text)

/** Whether every tag is closed in its turn, and nothing stands there that XML does not allow. */
const isWellFormed = (svg: string): boolean => {
  const open: Array<string> = []
  for (const [, close, name = "", attributes = "", empty] of svg.matchAll(
    /<(\/?)([a-z]+)((?: [a-zA-Z-:]+="[^"<]*")*)(\/?)>/g
  )) {
    if (close === "/" && open.pop() !== name) return false
    if (close === "" && empty === "") open.push(name)
    if (/&(?!#\d+;)/.test(attributes)) return false
  }
  const between = svg.replace(/<\/?[a-z]+(?: [a-zA-Z-:]+="[^"<]*")*\/?>/g, "")
  return open.length === 0 && !/[<>]|&(?!#\d+;)/.test(between)
}

describe("Chart.svg", () => {
  it("is well-formed, has a white paper, and neither script nor anything to load", () => {
    for (const some of [base, flat, report([])]) {
      const svg = Chart.svg(some)
      assert.isTrue(isWellFormed(svg))
      assert.match(svg, /<rect width="960" height="[\d.]+" fill="#ffffff"\/>/)
      assert.notMatch(
        svg.replace("http://www.w3.org/2000/svg", ""),
        /script|https?:|url\(|@import|<image|NaN|Infinity|undefined/
      )
    }
  })

  it("escapes what others wrote", () => {
    const svg = Chart.svg(flat, { title: `<b>"Tom" & 'Jerry'</b>\u0007` })
    assert.isTrue(isWellFormed(svg))
    assert.include(texts(svg), "&#60;b&#62;&#34;Tom&#34; &#38; &#39;Jerry&#39;&#60;/b&#62;")
  })

  it("draws a level as a line at its height, from the left to the right", () => {
    const svg = Chart.svg(flat)
    // The panel of attempts is 150 high from 94 on, and its axis ends 5 % above the window of 10.
    const y = (value: number) => Math.round((94 + 150 - (value / 10.5) * 150) * 10) / 10
    assert.strictEqual(path(svg, "window"), `M76,${y(10)}H162H936`)
    assert.strictEqual(path(svg, "in flight"), `M76,${y(5)}H162H936V244H76Z`)
  })

  it("draws the goodput in rows a second beside the ideal", () => {
    const svg = Chart.svg(flat)
    // The second panel begins 40 below the first, and its axis ends 5 % above the ideal of 40.
    const y = (value: number) => Math.round((284 + 150 - (value / 42) * 150) * 10) / 10
    assert.strictEqual(path(svg, "goodput"), `M76,${y(20)}H162H936`)
    assert.include(svg, `<path d="M76,${y(40)}H936"`)
    assert.includeMembers([...texts(svg)], ["rows a second", "ideal, on average", "goodput"])
  })

  it("draws rejections as bars, where there are any", () => {
    const svg = Chart.svg(report(range(10).map((second) => ({ rejections: second === 3 ? 4 : 0 }))))
    assert.strictEqual(path(svg, "rejections"), "M334,564V478.3H420V564Z")
    assert.strictEqual(path(Chart.svg(flat), "rejections"), "M0,0")
  })

  it("shows the sawtooth of a window, step by step", () => {
    const windows = [4, 5, 6, 3, 4, 5]
    const svg = Chart.svg(report(windows.map((window) => ({ window }))))
    assert.strictEqual(path(svg, "window").split(/[ML]/).length - 1, windows.length)
  })

  it("shows delay and spacing only where the law uses them, in seconds", () => {
    assert.notInclude(texts(Chart.svg(flat)), "delay after a rejection")
    const delayed = Chart.svg(report([{ delay: 500 }, { delay: 0 }]))
    assert.includeMembers([...texts(delayed)], ["delay after a rejection", "seconds"])
    assert.notInclude(texts(delayed), "spacing of starts")
    assert.include(texts(Chart.svg(report([{ spacing: 20 }]))), "spacing of starts")
  })

  it("labels its axes from zero, in the unit of time that fits", () => {
    const long = (millis: number) =>
      texts(Chart.svg({ ...flat, timeline: { ...flat.timeline, from: 0, until: millis } }))
    const units = [2000, 10_000, 600_000, 5 * 3_600_000, 10 * 86_400_000].map((millis) => long(millis).at(-1))
    assert.deepStrictEqual(units, ["milliseconds", "seconds", "minutes", "hours", "days"])
    assert.deepStrictEqual(long(10_000).slice(-12, -1), range(11).map(String))
  })

  it("says what the report says, under the title", () => {
    assert.deepStrictEqual(
      texts(
        Chart.svg({
          ...flat,
          fairness: 0.98,
          makespan: 10_000,
          idealMakespan: 9000,
          shareOfIdeal: 0.9,
          rejectedPerSuccess: 0.5
        })
      ).slice(0, 2),
      ["bucket 20/s burst 10", "100 rows in 10 s · ideal 9 s (90 %) · 0.5 rejected per success · fairness 0.98"]
    )
  })

  const clients = (count: number) =>
    report(
      range(4).map(() => ({
        successes: 10 * count,
        window: 8 * count,
        clients: range(count).map(() => ({ successes: 10, window: 8 }))
      })),
      { clients: range(count).map((index) => ({ name: `tenant ${index}`, rows: 40, successes: 40, goodput: 10 })) }
    )

  it("gives each of several clients a line of its own, up to six", () => {
    const lines = (count: number) => Chart.svg(clients(count)).match(/<title>tenant \d<\/title>/g)?.length ?? 0
    assert.deepStrictEqual([1, 2, 6, 7].map(lines), [0, 4, 12, 0])
    assert.include(texts(Chart.svg(clients(7))), "goodput, all clients")
  })

  it("compares the goodput of each of several clients with a fair share of the ideal", () => {
    // Of the ideal of 40 each of four gets 10; the axis of the second panel ends 5 % above the 40 that all are served.
    const svg = Chart.svg(clients(4))
    const y = Math.round((284 + 150 - (10 / 42) * 150) * 10) / 10
    assert.include(svg, `<path d="M76,${y}H936"`)
    assert.include(texts(svg), "fair share of it")
    for (const count of [1, 7]) assert.notInclude(texts(Chart.svg(clients(count))), "fair share of it")
  })

  it("names itself, its figures and its colours for those who do not see them", () => {
    const svg = Chart.svg(flat, { title: "A bucket" })
    assert.match(svg, /^<svg [^>]*role="img"[^>]*>\n<title>A bucket<\/title>\n<desc>100 rows in [^<]*<\/desc>/)
    assert.match(
      svg,
      /in flight \(attempts\): blue, window \(attempts\): blue, goodput \(rows a second\): green, rejections \(calls a second\): red\.<\/desc>/
    )
  })

  it("marks the instants at which capacity is back, and keeps their labels inside", () => {
    const recoveries = [5100, 14_000].map((at) => ({ at, firstSuccess: 10, recovered: 1000 }))
    const svg = Chart.svg({ ...flat, recoveries })
    assert.strictEqual(texts(svg).filter((text) => text === "capacity is back").length, 2)
    assert.match(svg, /<text x="186" [^>]*text-anchor="start">capacity is back/)
    assert.match(svg, /<text x="844" [^>]*text-anchor="end">capacity is back/)
  })

  it("takes a width", () => assert.match(Chart.svg(flat, { width: 640 }), /^<svg [^>]*viewBox="0 0 640 /))

  it("does not grow with the length of a simulation, and is the same each time", () => {
    const draw = () =>
      Chart.svg(
        Simulation.report({
          api: { model: ServerModel.tokenBucket({ rate: 20, burst: 10 }), hints: "milliseconds" },
          clients: [{ pool: { poolSize: 8 }, workload: Workload.atOnce(2000) }]
        })
      )
    const svg = draw()
    assert.isBelow(svg.length, 60_000)
    assert.strictEqual(draw(), svg)
  })
})
