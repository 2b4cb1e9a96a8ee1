/** What a law does over time, as a picture that needs nothing else: its level as a line, each rejection as a tick. */
import * as Figures from "../../src/report/Figures.js"

export type Point = readonly [seconds: number, value: number]

export interface Line {
  readonly name: string
  readonly points: ReadonlyArray<Point>
}

export interface Panel {
  readonly title: string
  /** What the axis counts. */
  readonly unit: string
  /** Seconds. */
  readonly span: number
  /** What to compare with, as a dashed line; by time, where it changes. */
  readonly limit: { readonly name: string; readonly at: (seconds: number) => number }
  /** One, or one for each of up to four clients. */
  readonly lines: ReadonlyArray<Line>
  readonly rejections: ReadonlyArray<number>
}

const width = 840
const panelHeight = 196
const left = 66
const top = 52
const plotWidth = width - left - 24
const plotHeight = panelHeight - top - 38

const round = (value: number): number => Math.round(value * 10) / 10

const colours = ["blue", "green", "orange", "purple"]

/** Round numbers from 0 up to the end of an axis. */
const marksUpTo = (end: number, most: number): ReadonlyArray<number> => {
  const step = Figures.step(end, most)
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => i * step)
}

const legend = (panel: Panel, y: number): string => {
  const entries = [
    ...panel.lines.map(({ name }, i) => ({
      name: `${name} (${colours[i] ?? ""})`,
      sign: `class="level client${i}"`,
      isTick: false
    })),
    { name: `${panel.limit.name} (dashed)`, sign: 'class="limit"', isTick: false },
    { name: "rejected (red)", sign: 'class="rejection"', isTick: true }
  ]
  let x = left
  return entries
    .map(({ isTick, name, sign }) => {
      const drawn = `<path ${sign} d="M${x + (isTick ? 14 : 0)} ${y}${isTick ? "v-9" : "m0 -4h18"}"/><text x="${x + 23}" y="${y}">${name}</text>`
      x = round(x + 23 + name.length * 5.5 + 12)
      return drawn
    })
    .join("")
}

const draw = (panel: Panel, index: number): string => {
  const { limit, lines, rejections, span, title, unit } = panel
  const steps = 600
  const limits = Array.from({ length: steps + 1 }, (_, i) => limit.at((i * span) / steps))
  const highest = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)), ...limits, 1)
  const end = 1.1 * highest
  const y0 = index * panelHeight
  const base = round(y0 + top + plotHeight)
  const x = (seconds: number): number => round(left + (Math.min(seconds, span) / span) * plotWidth)
  const y = (value: number): number => round(y0 + top + plotHeight * (1 - value / end))
  // A level holds until the next one: steps, not slopes.
  const path = (points: ReadonlyArray<Point>): string =>
    points.map(([at, value], i) => (i === 0 ? `M${x(at)} ${y(value)}` : `H${x(at)}V${y(value)}`)).join("") +
    `H${x(span)}`
  const dashes = path(limits.flatMap((value, i) => (value === limits[i - 1] ? [] : [[(i * span) / steps, value]])))
  const ticks = rejections.map((at) => `M${x(at)} ${base}v-9`).join("")
  const instants = marksUpTo(span, 7)
  const heights = marksUpTo(end, 5)
  return [
    `<text class="title" x="${left}" y="${y0 + 18}">${title}</text>`,
    legend(panel, y0 + 38),
    `<rect x="${left}" y="${y0 + top}" width="${plotWidth}" height="${plotHeight}" class="plot"/>`,
    ...instants.map((at) => `<text x="${x(at)}" y="${base + 15}" text-anchor="middle">${Figures.number(at)}</text>`),
    `<text x="${left + plotWidth / 2}" y="${base + 30}" text-anchor="middle">seconds</text>`,
    ...heights.map((value) => `<path class="grid" d="M${left} ${y(value)}h${plotWidth}"/>`),
    ...heights.map(
      (value) => `<text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${Figures.number(value)}</text>`
    ),
    `<text text-anchor="middle" transform="translate(16 ${y0 + top + plotHeight / 2}) rotate(-90)">${unit}</text>`,
    ...lines.map(({ points }, i) => `<path class="level client${i}" d="${path(points)}"/>`),
    `<path class="limit" d="${dashes}"/>`,
    ticks === "" ? "" : `<path class="rejection" d="${ticks}"/>`
  ].join("\n")
}

/** Blue, green, orange and purple as the legends call them, on light paper and on dark. */
const style = `text { fill: #57606a } .title { font-size: 13px; font-weight: 600; fill: #24292f }
.plot { fill: #f6f8fa; stroke: #d0d7de } .grid { stroke: #d8dee4; stroke-width: 0.7 } .level { fill: none; stroke: #0969da; stroke-width: 1.5 }
.client1 { stroke: #1a7f37 } .client2 { stroke: #bc4c00 } .client3 { stroke: #8250df }
.limit { fill: none; stroke: #57606a; stroke-dasharray: 5 4 } .rejection { stroke: #cf222e; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #8b949e } .title { fill: #e6edf3 }
  .plot { fill: #161b22; stroke: #30363d } .grid { stroke: #21262d } .level { stroke: #58a6ff } .client1 { stroke: #3fb950 } .client2 { stroke: #f0883e } .client3 { stroke: #bc8cff } .limit { stroke: #8b949e } .rejection { stroke: #ff7b72 }
}`

export const svg = (title: string, panels: ReadonlyArray<Panel>): string => {
  const height = panels.length * panelHeight
  const says = panels.map((panel) => `${panel.title}: ${panel.unit} over ${panel.span} seconds.`).join(" ")
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="11">
<title>${title}</title>
<desc>${says}</desc>
<style>
${style}
</style>
${panels.map(draw).join("\n")}
</svg>
`
}
