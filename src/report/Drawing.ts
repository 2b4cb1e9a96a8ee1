/**
 * Panels of lines, areas and bars over one axis of time, as an SVG without script or fonts of its own.
 *
 * @since 0.2.0
 */
import * as Figures from "./Figures.js"
import { element, escaped, round } from "./Markup.js"

/**
 * What things are painted with: colours, or variables of a style sheet.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ink {
  readonly text: string
  readonly faint: string
  readonly grid: string
  readonly paper: string
}

/**
 * A colour.
 *
 * @since 0.2.0
 * @category models
 */
export interface Colour {
  /** What the description calls it, for those who see few colours or none. */
  readonly name: string
  readonly paint: string
}

/**
 * Values over time, one a bin; what is not finite is left out.
 *
 * @since 0.2.0
 * @category models
 */
export interface Series {
  readonly name: string
  readonly colour: Colour
  readonly kind: "line" | "thin" | "area" | "bars"
  readonly values: ReadonlyArray<number>
}

/**
 * Series that are counted in the same unit.
 *
 * @since 0.2.0
 * @category models
 */
export interface Panel {
  readonly unit: string
  readonly height: number
  /** Milliseconds a bin. */
  readonly width: number
  readonly series: ReadonlyArray<Series>
  /** Levels to compare with, each with dashes of its own. */
  readonly levels?: ReadonlyArray<{ readonly name: string; readonly value: number; readonly dash: string }>
}

/**
 * A picture; instants in epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Picture {
  readonly title: string
  /** A line below the title, which begins the description too. */
  readonly facts: string
  /** Pixels. */
  readonly width: number
  readonly from: number
  readonly until: number
  readonly panels: ReadonlyArray<Panel>
  readonly ink: Ink
  /** Instants with a word each. */
  readonly marks?: ReadonlyArray<{ readonly at: number; readonly name: string }>
  /** Whether title and facts are written above the panels. Default true. */
  readonly hasHeading?: boolean
}

const label = (
  x: number,
  y: number,
  content: string,
  attributes: { readonly [name: string]: string | number }
): string => element("text", { x, y, "font-size": 12, ...attributes }, escaped(content))

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

type Point = readonly [x: number, y: number]

/** A line that keeps a value for its bin, from the first to the last instant; broken where there is no value. */
const stairs = (points: ReadonlyArray<Point>, end: number): string =>
  points
    .flatMap(([x, y], index) => {
      if (!Number.isFinite(y)) return []
      const until = points[index + 1]?.[0] ?? end
      const last = points[index - 1]?.[1]
      const next = points[index + 1]?.[1]
      // Of a level that goes on only the ends are written.
      if (last === y && next === y) return []
      const begins = last === undefined || !Number.isFinite(last)
      return last === y ? [`H${round(until)}`] : [`${begins ? "M" : "L"}${round(x)},${round(y)}H${round(until)}`]
    })
    .join("")

/** Where things stand on the picture. */
interface Space {
  readonly left: number
  readonly right: number
  readonly x: (at: number) => number
  readonly from: number
  readonly ink: Ink
}

const drawSeries = (
  { colour, kind, name, values }: Series,
  panel: Panel,
  space: Space,
  y: (value: number) => number
) => {
  const { from, left, right, x } = space
  const start = (index: number): number => x(from + index * panel.width)
  const points = values.map((value, index): Point => [start(index), y(value)])
  const named = element("title", {}, escaped(name))
  if (kind === "bars") {
    const bars = points.flatMap(([at, value], index) =>
      value >= y(0) ? [] : [`M${round(at)},${round(y(0))}V${round(value)}H${round(start(index + 1))}V${round(y(0))}Z`]
    )
    return element("path", { d: bars.join("") || "M0,0", fill: colour.paint, stroke: "none" }, named)
  }
  const path = stairs(points, right)
  return kind === "area"
    ? element(
        "path",
        { d: `${path}V${round(y(0))}H${left}Z`, fill: colour.paint, "fill-opacity": "0.18", stroke: "none" },
        named
      )
    : element(
        "path",
        {
          d: path,
          fill: "none",
          stroke: colour.paint,
          "stroke-width": kind === "thin" ? 1.2 : 1.8,
          "stroke-linejoin": "round"
        },
        named
      )
}

interface Sign {
  readonly name: string
  readonly kind: Series["kind"] | "level"
  readonly paint: string
  readonly dash: string
}

/** The signs of a legend with their places: from the left to the right, and on into the next line. */
const placed = ({ levels = [], series }: Panel, { ink, left, right }: Pick<Space, "ink" | "left" | "right">) => {
  const signs: ReadonlyArray<Sign> = [
    ...series.map(({ colour, kind, name }) => ({ paint: colour.paint, kind, name, dash: "none" })),
    ...levels.map(({ dash, name }) => ({ paint: ink.faint, kind: "level" as const, name, dash }))
  ]
  let at = left
  let line = 0
  return signs.map((sign) => {
    const width = 22 + sign.name.length * 6.3
    if (at > left && at + width > right) [at, line] = [left, line + 1]
    const place = { ...sign, at, line }
    at += width + 26
    return place
  })
}

const legendLine = 18

/** Pixels that a legend needs beyond its first line. */
const extra = (panel: Panel, space: Pick<Space, "ink" | "left" | "right">): number =>
  (placed(panel, space).at(-1)?.line ?? 0) * legendLine

const drawLegend = (panel: Panel, space: Space, top: number): ReadonlyArray<string> => {
  const up = extra(panel, space)
  return placed(panel, space).map(({ at, dash, kind, line, name, paint }) => {
    const y = top - up + line * legendLine
    const sign =
      kind === "area" || kind === "bars"
        ? element("rect", {
            x: at,
            y: y - 18,
            width: 16,
            height: 10,
            fill: paint,
            "fill-opacity": kind === "area" ? "0.25" : "1"
          })
        : element("path", {
            d: `M${round(at)},${y - 13}h16`,
            stroke: paint,
            "stroke-width": kind === "thin" ? 1.5 : 2.5,
            ...(kind === "level" && { "stroke-dasharray": dash })
          })
    return sign + label(at + 22, y - 9, name, { fill: space.ink.text })
  })
}

const drawPanel = (panel: Panel, space: Space, top: number, instants: ReadonlyArray<number>): string => {
  const { height, levels = [], series, unit } = panel
  const { from, ink, left, right, x } = space
  const largest = Math.max(
    0,
    ...levels.map(({ value }) => value),
    ...series.map(({ values }) =>
      values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, value) : most), 0)
    )
  )
  const max = largest === 0 ? 1 : largest * 1.05
  const y = (value: number): number => top + height - (value / max) * height
  const marks = marksUpTo(max, Figures.step(max, height > 100 ? 5 : 3))
  const grid = [
    ...instants.map((instant) =>
      element("path", { d: `M${round(x(from + instant))},${top}V${top + height}`, stroke: ink.grid })
    ),
    ...marks.map((value) => element("path", { d: `M${left},${round(y(value))}H${right}`, stroke: ink.grid })),
    ...marks.map((value) =>
      label(left - 8, y(value) + 4, Figures.number(value), { fill: ink.faint, "text-anchor": "end" })
    )
  ]
  const axis = label(0, 0, unit, {
    fill: ink.faint,
    "text-anchor": "middle",
    transform: `translate(${left < 60 ? 12 : 18} ${top + height / 2}) rotate(-90)`
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
  return [
    ...grid,
    axis,
    ...series.map((one) => drawSeries(one, panel, space, y)),
    ...compared,
    base,
    ...drawLegend(panel, space, top)
  ].join("\n")
}

/** Instants that matter, as dashed lines through all panels, each with its word in the gap above the last panel. */
const drawMarks = (
  marks: Picture["marks"] = [],
  { ink, left, right, x }: Space,
  tops: ReadonlyArray<number>,
  bottom: number
) =>
  marks.map(({ at, name }) => {
    const late = x(at) > (left + right) / 2
    // Beside the line, where the legend is short.
    const place = late ? x(at) - 6 : Math.max(x(at) + 6, left + 110)
    return (
      element("path", {
        d: `M${round(x(at))},${tops[0] ?? 0}V${bottom}`,
        stroke: ink.faint,
        "stroke-dasharray": "2 3"
      }) + label(place, (tops.at(-1) ?? 0) - 9, name, { fill: ink.faint, "text-anchor": late ? "end" : "start" })
    )
  })

const margin = { top: 64, bottom: 44, between: 40 }

/**
 * How far the panels are from the sides of a picture of this width, in pixels.
 *
 * @since 0.2.0
 * @category values
 */
export const sides = (width: number): { readonly left: number; readonly right: number } =>
  width < 600 ? { left: 58, right: 8 } : { left: 76, right: 24 }

/**
 * Draws a picture.
 *
 * @since 0.2.0
 * @category constructors
 */
export const svg = ({ facts, from, hasHeading = true, ink, marks, panels, title, until, width }: Picture): string => {
  const side = sides(width)
  const [left, right] = [side.left, width - side.right]
  const lasts = Math.max(until - from, 1)
  const x = (at: number): number => left + (Math.min(at - from, lasts) / lasts) * (right - left)
  const space: Space = { left, right, x, from, ink }
  const tops = panels.map((panel, index) =>
    panels
      .slice(0, index)
      .reduce(
        (sum, { height }, before) => sum + height + margin.between + extra(panels[before + 1] ?? panel, space),
        (hasHeading ? margin.top + 30 : 30) + extra(panels[0] ?? panel, space)
      )
  )
  const bottom = (tops.at(-1) ?? 0) + (panels.at(-1)?.height ?? 0)
  const height = bottom + margin.bottom
  const unit = timeUnit(lasts)
  const instants = marksUpTo(lasts, Figures.step(lasts / unit.size, width < 600 ? 5 : 10) * unit.size)
  const colours = panels
    .flatMap(({ series, unit: counted }) => series.map(({ colour, name }) => `${name} (${counted}): ${colour.name}`))
    .join(", ")
  const heading = [
    label(left, 28, title, { fill: ink.text, "font-size": 17, "font-weight": 600 }),
    label(left, 50, facts, { fill: ink.faint, "font-size": 13 })
  ]
  return (
    [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">`,
      element("title", {}, escaped(title)),
      element("desc", {}, escaped(`${facts}. ${colours}.`)),
      element("rect", { width, height, fill: ink.paper }),
      ...(hasHeading ? heading : []),
      ...panels.map((panel, index) => drawPanel(panel, space, tops[index] ?? 0, instants)),
      ...drawMarks(marks, space, tops, bottom),
      ...instants.map((instant) =>
        label(x(from + instant), bottom + 18, Figures.number(instant / unit.size), {
          fill: ink.faint,
          "text-anchor": "middle"
        })
      ),
      label((left + right) / 2, bottom + 36, unit.name, { fill: ink.faint, "text-anchor": "middle" }),
      "</svg>"
    ].join("\n") + "\n"
  )
}
