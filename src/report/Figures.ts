/**
 * Numbers as a person reads them, for tables and pictures.
 *
 * @since 0.2.0
 */

/**
 * Three digits that count, or all of them where there are more before the point.
 *
 * @since 0.2.0
 * @category formatting
 */
export const number = (n: number): string => {
  if (!Number.isFinite(n)) return Number.isNaN(n) ? "none" : "∞"
  const rounded = Math.abs(n) >= 1000 ? Math.round(n) : Number(n.toPrecision(3))
  return rounded.toLocaleString("en-US", { maximumFractionDigits: 20 })
}

/**
 * A share of one as a percentage.
 *
 * @since 0.2.0
 * @category formatting
 */
export const percent = (share: number): string => `${number(share * 100)} %`

/** Units of time, each with the one that it is told with: `12 min 30 s`. */
const units = [
  { millis: 86_400_000, name: "d", rest: { millis: 3_600_000, name: "h" }, from: 2 },
  { millis: 3_600_000, name: "h", rest: { millis: 60_000, name: "min" }, from: 2 },
  { millis: 60_000, name: "min", rest: { millis: 1000, name: "s" }, from: 2 }
]

/**
 * A span of time, given in milliseconds.
 *
 * @since 0.2.0
 * @category formatting
 */
export const span = (millis: number): string => {
  if (millis === Infinity) return "never"
  for (const { from, millis: size, name, rest } of units) {
    if (millis < from * size) continue
    const whole = Math.round(millis / rest.millis)
    const left = whole % (size / rest.millis)
    const most = `${Math.floor(whole / (size / rest.millis))} ${name}`
    return left === 0 ? most : `${most} ${left} ${rest.name}`
  }
  return millis < 1000 ? `${number(Math.round(millis * 1000) / 1000)} ms` : `${number(millis / 1000)} s`
}

/**
 * The step between the marks of an axis up to `max`: 1, 2 or 5 times a power of ten, for at most `marks` of them above zero.
 *
 * @since 0.2.0
 * @category axes
 */
export const step = (max: number, marks: number): number => {
  const power = 10 ** Math.floor(Math.log10(max / marks))
  return [1, 2, 5, 10].map((factor) => factor * power).find((size) => size * marks >= max * (1 - 1e-9)) ?? 10 * power
}

const blocks = "▁▂▃▄▅▆▇█"

/**
 * A row of blocks, as high as the values; a blank for zero.
 *
 * @since 0.2.0
 * @category pictures
 */
export const sparkline = (values: ReadonlyArray<number>): string => {
  const max = Math.max(...values)
  return values.map((value) => (value > 0 ? blocks.charAt(Math.ceil((value / max) * 8) - 1) : " ")).join("")
}
