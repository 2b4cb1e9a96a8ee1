/**
 * A report as a picture: one SVG file without scripts or fonts.
 *
 * @since 0.2.0
 */
import * as Drawing from "../../report/Drawing.js"
import * as Figures from "../../report/Figures.js"
import type { Bin, Report } from "./Report.js"
import { coarser, type Timeline } from "./Timeline.js"

/**
 * Options of a picture.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** Default the name of the server. */
  readonly title?: string
  /** Pixels. Default 960. */
  readonly width?: number
}

const ink = { text: "#1f2933", faint: "#52606d", grid: "#e4e7eb", paper: "#ffffff" }
// Told apart by eyes that see few colours: Okabe and Ito, "Color Universal Design", 2008.
const blue: Drawing.Colour = { name: "blue", paint: "#0072b2" }
const green: Drawing.Colour = { name: "green", paint: "#007a5a" }
const red: Drawing.Colour = { name: "red", paint: "#d1495b" }
const purple: Drawing.Colour = { name: "purple", paint: "#8a5fa8" }
const orange: Drawing.Colour = { name: "orange", paint: "#c77700" }
const grey: Drawing.Colour = { name: "grey", paint: "#52606d" }
const clientColours: ReadonlyArray<Drawing.Colour> = [
  { name: "yellow", paint: "#e69f00" },
  { name: "light blue", paint: "#56b4e9" },
  { name: "pink", paint: "#cc79a7" },
  purple,
  { name: "olive", paint: "#7f6b1e" },
  { name: "light grey", paint: "#999999" }
]

/** Rates need enough rows a bin to mean something; levels can be drawn as fine as the eye sees. */
const bins = { level: 480, rate: 120 }

/** Values of a bin that are to be drawn. */
type Drawn = Omit<Drawing.Series, "values"> & { readonly valueOf: (bin: Bin) => number }

const valuesOf = (timeline: Timeline, series: ReadonlyArray<Drawn>): ReadonlyArray<Drawing.Series> =>
  series.map(({ colour, kind, name, valueOf }) => ({ colour, kind, name, values: timeline.bins.map(valueOf) }))

const panelsOf = (report: Report): ReadonlyArray<Drawing.Panel> => {
  const levels = coarser(report.timeline, bins.level)
  const rates = coarser(report.timeline, bins.rate)
  const perSecond = (count: number): number => (count / rates.width) * 1000
  const several = report.clients.length > 1 && report.clients.length <= clientColours.length
  const each = (valueOf: (bin: Bin, client: number) => number): ReadonlyArray<Drawn> =>
    several
      ? report.clients.map(({ name }, client) => ({
          name,
          colour: clientColours[client] ?? grey,
          kind: "thin",
          valueOf: (bin) => valueOf(bin, client)
        }))
      : []
  const all = report.clients.length > 1 ? ", all clients" : ""
  const waits: ReadonlyArray<Drawn> = [
    { name: "delay after a rejection", colour: orange, kind: "line", valueOf: ({ delay }) => delay / 1000 },
    { name: "spacing of starts", colour: purple, kind: "line", valueOf: ({ spacing }) => spacing / 1000 }
  ]
  const used = waits.filter(({ valueOf }) => levels.bins.some((bin) => valueOf(bin) > 0))
  return [
    {
      unit: "attempts",
      height: 150,
      width: levels.width,
      series: valuesOf(levels, [
        { name: `in flight${all}`, colour: blue, kind: "area", valueOf: ({ inFlight }) => inFlight },
        { name: `window${all}`, colour: blue, kind: "line", valueOf: ({ window }) => window },
        ...each(({ clients }, client) => clients[client]?.window ?? 0)
      ])
    },
    ...(used.length === 0
      ? []
      : [{ unit: "seconds", height: 90, width: levels.width, series: valuesOf(levels, used) }]),
    {
      unit: "rows a second",
      height: 150,
      width: rates.width,
      series: valuesOf(rates, [
        { name: `goodput${all}`, colour: green, kind: "line", valueOf: ({ successes }) => perSecond(successes) },
        ...each(({ clients }, client) => perSecond(clients[client]?.successes ?? 0))
      ]),
      levels: Number.isFinite(report.idealGoodput)
        ? [
            { name: "ideal, on average", value: report.idealGoodput, dash: "4 3" },
            ...(several
              ? [{ name: "fair share of it", value: report.idealGoodput / report.clients.length, dash: "1 3" }]
              : [])
          ]
        : []
    },
    {
      unit: "calls a second",
      height: 90,
      width: rates.width,
      series: valuesOf(rates, [
        { name: "rejections", colour: red, kind: "bars", valueOf: ({ rejections }) => perSecond(rejections) }
      ])
    }
  ]
}

/**
 * Draws over time: the window, the attempts in flight, the delay and the spacing if the law uses them, goodput and the
 * ideal, and rejections. With several clients, up to six, each has its own line for the window and for the goodput.
 *
 * @example
 * ```ts
 * import { Chart, ServerModel, Simulation, Workload } from "effect-aimd/testing"
 *
 * const report = Simulation.report({
 *   api: { model: ServerModel.tokenBucket({ rate: 20, burst: 10 }) },
 *   clients: [{ pool: { poolSize: 8 }, workload: Workload.atOnce(200) }]
 * })
 * const picture = Chart.svg(report, { title: "A bucket" })
 * assert.match(picture, /^<svg .*A bucket.*<\/svg>\n$/s)
 * ```
 *
 * @since 0.2.0
 * @category pictures
 */
export const svg = (report: Report, options: Options = {}): string => {
  const { title = report.server, width = 960 } = options
  const { from, until } = report.timeline
  const facts = [
    `${Figures.number(report.rows)} rows in ${Figures.span(report.makespan)}`,
    `ideal ${Figures.span(report.idealMakespan)} (${Figures.percent(report.shareOfIdeal)})`,
    `${Figures.number(report.rejectedPerSuccess)} rejected per success`,
    ...(report.fairness === undefined ? [] : [`fairness ${Figures.number(report.fairness)}`])
  ].join(" · ")
  const marks = report.recoveries.map(({ at }) => ({ at, name: "capacity is back" }))
  return Drawing.svg({ title, facts, width, from, until, ink, marks, panels: panelsOf(report) })
}
