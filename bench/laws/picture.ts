/** What a law does over time, as a picture that needs nothing else: its level as a line, each rejection as a tick. */

export type Point = readonly [seconds: number, value: number]

export interface Panel {
  readonly title: string
  readonly unit: string
  /** Seconds. */
  readonly span: number
  /** What the server allows, to be drawn as a dashed line; by time, where it changes. */
  readonly limit?: (seconds: number) => number
  /** A line for each client. */
  readonly lines: ReadonlyArray<ReadonlyArray<Point>>
  readonly rejections: ReadonlyArray<number>
}

const width = 760
const panelHeight = 170
const left = 56
const top = 34
const plotWidth = width - left - 16
const plotHeight = panelHeight - top - 30

const round = (value: number): number => Math.round(value * 10) / 10

const draw = (panel: Panel, index: number): string => {
  const { limit, lines, rejections, span, title, unit } = panel
  const steps = 200
  const limits = limit === undefined ? [] : Array.from({ length: steps + 1 }, (_, i) => limit((i * span) / steps))
  const most = 1.15 * Math.max(...lines.flat().map(([, value]) => value), ...limits, 1)
  const y0 = index * panelHeight
  const x = (seconds: number): number => round(left + (Math.min(seconds, span) / span) * plotWidth)
  const y = (value: number): number => round(y0 + top + plotHeight * (1 - value / most))
  // A level holds until the next one: steps, not slopes.
  const path = (points: ReadonlyArray<Point>): string =>
    points.map(([at, value], i) => (i === 0 ? `M${x(at)} ${y(value)}` : `H${x(at)}V${y(value)}`)).join("") +
    `H${x(span)}`
  const dashes = limits.map((value, i) => `${i === 0 ? "M" : "L"}${x((i * span) / steps)} ${y(value)}`).join("")
  const base = round(y0 + top + plotHeight)
  const ticks = rejections.map((at) => `M${x(at)} ${base}v-9`).join("")
  const marks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) => `<text x="${x(share * span)}" y="${base + 16}" text-anchor="middle">${round(share * span)} s</text>`
  )
  const heights = [0, 0.5, 1].map((share) => {
    const value = (most / 1.15) * share
    const text = value >= 10 ? Math.round(value) : round(value)
    return `<text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${text}</text>`
  })
  return [
    `<text class="title" x="${left}" y="${y0 + 20}">${title} <tspan class="unit">${unit}</tspan></text>`,
    `<rect x="${left}" y="${y0 + top}" width="${plotWidth}" height="${plotHeight}" class="plot"/>`,
    ...marks,
    ...heights,
    dashes === "" ? "" : `<path class="limit" d="${dashes}"/>`,
    ...lines.map((points, i) => `<path class="level client${i}" d="${path(points)}"/>`),
    ticks === "" ? "" : `<path class="rejection" d="${ticks}"/>`
  ].join("\n")
}

export const svg = (
  panels: ReadonlyArray<Panel>
): string => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${panels.length * panelHeight}" font-family="system-ui, sans-serif" font-size="11">
<style>
text { fill: #57606a } .title { font-size: 13px; font-weight: 600; fill: #24292f } .unit { font-weight: 400; fill: #57606a }
.plot { fill: #f6f8fa; stroke: #d0d7de } .level { fill: none; stroke: #0969da; stroke-width: 1.5 }
.client1 { stroke: #1a7f37 } .client2 { stroke: #bc4c00 } .client3 { stroke: #8250df }
.limit { fill: none; stroke: #57606a; stroke-dasharray: 5 4 } .rejection { stroke: #cf222e; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #8b949e } .title { fill: #e6edf3 } .unit { fill: #8b949e }
  .plot { fill: #161b22; stroke: #30363d } .level { stroke: #58a6ff } .client1 { stroke: #3fb950 } .client2 { stroke: #f0883e } .client3 { stroke: #bc8cff } .limit { stroke: #8b949e } .rejection { stroke: #ff7b72 }
}
</style>
${panels.map(draw).join("\n")}
</svg>
`
