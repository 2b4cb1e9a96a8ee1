/**
 * A report as a picture: one SVG file without script or fonts of its own.
 *
 * @since 0.2.0
 */
import * as Figures from "./Figures.js"
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
interface Colour {
  /** What the description calls it, for those who see few colours or none. */
  readonly name: string
  readonly hex: string
}

// Told apart by eyes that see few colours: Okabe and Ito, "Color Universal Design", 2008.
const blue: Colour = { name: "blue", hex: "#0072b2" }
const green: Colour = { name: "green", hex: "#007a5a" }
const red: Colour = { name: "red", hex: "#d1495b" }
const purple: Colour = { name: "purple", hex: "#8a5fa8" }
const orange: Colour = { name: "orange", hex: "#c77700" }
const grey: Colour = { name: "grey", hex: "#52606d" }
const clientColours: ReadonlyArray<Colour> = [
  { name: "yellow", hex: "#e69f00" },
  { name: "light blue", hex: "#56b4e9" },
  { name: "pink", hex: "#cc79a7" },
  purple,
  { name: "olive", hex: "#7f6b1e" },
  { name: "light grey", hex: "#999999" }
]

interface Series {
  readonly name: string
  readonly colour: Colour
  readonly kind: "line" | "thin" | "area" | "bars"
  readonly valueOf: (bin: Bin) => number
}

interface Panel {
  readonly unit: string
  readonly height: number
  readonly timeline: Timeline
  readonly series: ReadonlyArray<Series>
  /** Levels to compare with, each with dashes of its own. */
  readonly levels?: ReadonlyArray<{ readonly name: string; readonly value: number; readonly dash: string }>
}

const margin = { left: 76, right: 24, top: 64, bottom: 44, between: 40 }
/** Rates need enough rows a bin to mean something; levels can be drawn as fine as the eye sees. */
const bins = { level: 480, rate: 120 }

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`).replace(/[^\P{Cc}\n]/gu, "")

const round = (n: number): number => Math.round(n * 10) / 10

const element = (name: string, attributes: { readonly [name: string]: string | number }, content = ""): string => {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : value}"`
  )
  return content === "" ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${content}</${name}>`
}

const label = (
  x: number,
  y: number,
  content: string,
  attributes: { readonly [name: string]: string | number } = {}
): string => element("text", { x, y, fill: ink.faint, "font-size": 12, ...attributes }, escaped(content))

const panelsOf = (report: Report): ReadonlyArray<Panel> => {
  const levels = coarser(report.timeline, bins.level)
  const rates = coarser(report.timeline, bins.rate)
  const perSecond = (count: number): number => (count / rates.width) * 1000
  const several = report.clients.length > 1 && report.clients.length <= clientColours.length
  const each = (valueOf: (bin: Bin, client: number) => number): ReadonlyArray<Series> =>
    several
      ? report.clients.map(({ name }, client) => ({
          name,
          colour: clientColours[client] ?? grey,
          kind: "thin",
          valueOf: (bin) => valueOf(bin, client)
        }))
      : []
  const all = report.clients.length > 1 ? ", all clients" : ""
  const waits: ReadonlyArray<Series> = [
    { name: "delay after a rejection", colour: orange, kind: "line", valueOf: ({ delay }) => delay / 1000 },
    { name: "spacing of starts", colour: purple, kind: "line", valueOf: ({ spacing }) => spacing / 1000 }
  ]
  const used = waits.filter(({ valueOf }) => levels.bins.some((bin) => valueOf(bin) > 0))
  return [
    {
      unit: "attempts",
      height: 150,
      timeline: levels,
      series: [
        { name: `in flight${all}`, colour: blue, kind: "area", valueOf: ({ inFlight }) => inFlight },
        { name: `window${all}`, colour: blue, kind: "line", valueOf: ({ window }) => window },
        ...each(({ clients }, client) => clients[client]?.window ?? 0)
      ]
    },
    ...(used.length === 0 ? [] : [{ unit: "seconds", height: 90, timeline: levels, series: used }]),
    {
      unit: "rows a second",
      height: 150,
      timeline: rates,
      series: [
        { name: `goodput${all}`, colour: green, kind: "line", valueOf: ({ successes }) => perSecond(successes) },
        ...each(({ clients }, client) => perSecond(clients[client]?.successes ?? 0))
      ],
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
      timeline: rates,
      series: [{ name: "rejections", colour: red, kind: "bars", valueOf: ({ rejections }) => perSecond(rejections) }]
    }
  ]
}

/** What an axis of time is counted in. */
const timeUnit = (millis: number): { readonly name: string; readonly size: number } =>
  millis >= 3 * 86_400_000
    ? { name: "days", size: 86_400_000 }
    : millis >= 3 * 3_600_000
      ? { name: "hours", size: 3_600_000 }
      : millis >= 3 * 60_000
        ? { name: "minutes", size: 60_000 }
        : millis >= 3000
          ? { name: "seconds", size: 1000 }
          : { name: "milliseconds", size: 1 }

const marksUpTo = (max: number, step: number): ReadonlyArray<number> =>
  Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, index) => index * step)

/** A line that keeps a value for its bin, from the first to the last instant. */
const stairs = (points: ReadonlyArray<readonly [x: number, y: number]>, end: number): string =>
  points
    .flatMap(([x, y], index) => {
      const until = points[index + 1]?.[0] ?? end
      const last = points[index - 1]?.[1]
      const next = points[index + 1]?.[1]
      // Of a level that goes on only the ends are written.
      if (last === y && next === y) return []
      return last === y ? [`H${round(until)}`] : [`${index === 0 ? "M" : "L"}${round(x)},${round(y)}H${round(until)}`]
    })
    .join("")

/**
 * Draws the window, what is in flight, the delay and spacing where the law uses them, goodput beside the ideal, and
 * rejections, over time. With several clients, up to six, each has its own line in the window and the goodput.
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
  const panels = panelsOf(report)
  const [left, right] = [margin.left, width - margin.right]
  const lasts = Math.max(until - from, 1)
  const x = (at: number): number => left + (Math.min(at - from, lasts) / lasts) * (right - left)
  const tops = panels.map((_, index) =>
    panels.slice(0, index).reduce((sum, { height }) => sum + height + margin.between, margin.top + 30)
  )
  const bottom = (tops.at(-1) ?? 0) + (panels.at(-1)?.height ?? 0)
  const height = bottom + margin.bottom

  const unit = timeUnit(lasts)
  const instants = marksUpTo(lasts, Figures.step(lasts / unit.size, 10) * unit.size)

  const drawPanel = ({ height, levels = [], series, timeline, unit: unitName }: Panel, top: number): string => {
    const largest = Math.max(
      0,
      ...levels.map(({ value }) => value),
      ...series.map(({ valueOf }) => timeline.bins.reduce((most, bin) => Math.max(most, valueOf(bin)), 0))
    )
    const max = largest === 0 ? 1 : largest * 1.05
    const y = (value: number): number => top + height - (value / max) * height
    const marks = marksUpTo(max, Figures.step(max, height > 100 ? 5 : 3))
    const start = (index: number): number => x(from + index * timeline.width)

    const grid = [
      ...instants.map((instant) =>
        element("path", { d: `M${round(x(from + instant))},${top}V${top + height}`, stroke: ink.grid })
      ),
      ...marks.map((value) => element("path", { d: `M${left},${round(y(value))}H${right}`, stroke: ink.grid })),
      ...marks.map((value) => label(left - 8, y(value) + 4, Figures.number(value), { "text-anchor": "end" }))
    ]
    const axis = label(0, 0, unitName, {
      "text-anchor": "middle",
      transform: `translate(18 ${top + height / 2}) rotate(-90)`
    })

    const draw = ({ colour, kind, name, valueOf }: Series): string => {
      const points = timeline.bins.map((bin, index) => [start(index), y(valueOf(bin))] as const)
      const path = stairs(points, right)
      const named = element("title", {}, escaped(name))
      if (kind === "bars") {
        const bars = points.flatMap(([at, value], index) =>
          value >= y(0)
            ? []
            : [`M${round(at)},${round(y(0))}V${round(value)}H${round(start(index + 1))}V${round(y(0))}Z`]
        )
        return element("path", { d: bars.join("") || "M0,0", fill: colour.hex, stroke: "none" }, named)
      }
      return kind === "area"
        ? element(
            "path",
            { d: `${path}V${round(y(0))}H${left}Z`, fill: colour.hex, "fill-opacity": "0.18", stroke: "none" },
            named
          )
        : element(
            "path",
            {
              d: path,
              fill: "none",
              stroke: colour.hex,
              "stroke-width": kind === "thin" ? 1.2 : 1.8,
              "stroke-linejoin": "round"
            },
            named
          )
    }

    const legend = [
      ...series.map(({ colour, kind, name }) => ({ colour, kind, name, dash: "none" })),
      ...levels.map(({ dash, name }) => ({ colour: grey, kind: "level" as const, name, dash }))
    ]
    let at = left
    const legends = legend.map(({ colour, dash, kind, name }) => {
      const filled = kind === "area" || kind === "bars"
      const sign = filled
        ? element("rect", {
            x: at,
            y: top - 18,
            width: 16,
            height: 10,
            fill: colour.hex,
            "fill-opacity": kind === "area" ? "0.25" : "1"
          })
        : element("path", {
            d: `M${round(at)},${top - 13}h16`,
            stroke: colour.hex,
            "stroke-width": kind === "thin" ? 1.5 : 2.5,
            ...(kind === "level" && { "stroke-dasharray": dash })
          })
      const text = label(at + 22, top - 9, name, { fill: ink.text })
      at += 22 + name.length * 6.3 + 26
      return sign + text
    })

    const compared = levels.map(({ dash, value }) =>
      element("path", {
        d: `M${left},${round(y(value))}H${right}`,
        stroke: ink.faint,
        "stroke-width": 1.2,
        "stroke-dasharray": dash
      })
    )
    const base = element("path", { d: `M${left},${round(y(0))}H${right}`, stroke: ink.faint })
    return [...grid, axis, ...series.map(draw), ...compared, base, ...legends].join("\n")
  }

  const lastTop = tops.at(-1) ?? 0
  const recoveries = report.recoveries.map(({ at }) => {
    const late = x(at) > (left + right) / 2
    // Beside the line, in the gap above the last panel, where the legend is short.
    const place = late ? x(at) - 6 : Math.max(x(at) + 6, left + 110)
    return (
      element("path", {
        d: `M${round(x(at))},${tops[0] ?? 0}V${bottom}`,
        stroke: ink.faint,
        "stroke-dasharray": "2 3"
      }) + label(place, lastTop - 9, "capacity is back", { "text-anchor": late ? "end" : "start" })
    )
  })

  const facts = [
    `${Figures.number(report.rows)} rows in ${Figures.span(report.makespan)}`,
    `ideal ${Figures.span(report.idealMakespan)} (${Figures.percent(report.shareOfIdeal)})`,
    `${Figures.number(report.rejectedPerSuccess)} rejected per success`,
    ...(report.fairness === undefined ? [] : [`fairness ${Figures.number(report.fairness)}`])
  ].join(" · ")

  const colours = panels
    .flatMap(({ series, unit: counted }) => series.map(({ colour, name }) => `${name} (${counted}): ${colour.name}`))
    .join(", ")

  return (
    [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">`,
      element("title", {}, escaped(title)),
      element("desc", {}, escaped(`${facts}. ${colours}.`)),
      element("rect", { width, height, fill: ink.paper }),
      label(left, 28, title, { fill: ink.text, "font-size": 17, "font-weight": 600 }),
      label(left, 50, facts, { "font-size": 13 }),
      ...panels.map((panel, index) => drawPanel(panel, tops[index] ?? 0)),
      ...recoveries,
      ...instants.map((instant) =>
        label(x(from + instant), bottom + 18, Figures.number(instant / unit.size), { "text-anchor": "middle" })
      ),
      label((left + right) / 2, bottom + 36, unit.name, { "text-anchor": "middle" }),
      "</svg>"
    ].join("\n") + "\n"
  )
}
