/**
 * Numbers that change with time: a capacity that changes in steps, drifts, or follows the time of day.
 *
 * @since 0.2.0
 */

/**
 * A number for each instant, in epoch milliseconds, and its integral.
 *
 * @since 0.2.0
 * @category models
 */
export interface Curve {
  readonly at: (time: number) => number
  /** The integral from one instant to a later one, in units × milliseconds. */
  readonly area: (from: number, to: number) => number
}

/**
 * Always the same value.
 *
 * @since 0.2.0
 * @category constructors
 */
export const constant = (value: number): Curve => ({ at: () => value, area: (from, to) => value * (to - from) })

/**
 * Each value holds from its instant to the next one; the first value also before its instant.
 *
 * @example
 * ```ts
 * import { Curve } from "effect-aimd/testing"
 *
 * const capacity = Curve.steps([[0, 20], [60_000, 5], [120_000, 40]])
 * assert.deepStrictEqual([0, 59_999, 60_000, 1e9].map(capacity.at), [20, 20, 5, 40])
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const steps = (points: readonly [Point, ...ReadonlyArray<Point>]): Curve => {
  const at = (time: number): number => (points.findLast(([from]) => from <= time) ?? points[0])[1]
  return {
    at,
    area: (from, to) => {
      const bounds = [
        from,
        ...points.map(([instant]) => instant).filter((instant) => instant > from && instant < to),
        to
      ]
      return bounds.slice(1).reduce((sum, end, index) => {
        const start = bounds[index] ?? from
        return sum + at(start) * (end - start)
      }, 0)
    }
  }
}

/**
 * An instant in epoch milliseconds, and the value from then on.
 *
 * @since 0.2.0
 * @category models
 */
export type Point = readonly [from: number, value: number]

/**
 * A value that drifts from one to another between two instants, and stays there.
 *
 * @since 0.2.0
 * @category constructors
 */
export const drift = (options: { readonly from: Point; readonly to: Point }): Curve => {
  const [[start, first], [end, last]] = [options.from, options.to]
  const at = (time: number): number =>
    time <= start ? first : time >= end ? last : first + ((last - first) * (time - start)) / (end - start)
  const within = (time: number): number => Math.min(end, Math.max(start, time))
  return {
    at,
    area: (from, to) => {
      const [left, right] = [within(from), within(to)]
      const before = first * (Math.min(to, start) - Math.min(from, start))
      const after = last * (Math.max(to, end) - Math.max(from, end))
      return before + ((at(left) + at(right)) / 2) * (right - left) + after
    }
  }
}

/**
 * A sine: `mean` plus and minus `swing`, once round in `period` milliseconds, highest at the instant `peak` (default half a
 * period).
 *
 * @since 0.2.0
 * @category constructors
 */
export const wave = (options: {
  readonly mean: number
  readonly swing: number
  readonly period: number
  readonly peak?: number
}): Curve => {
  const { mean, period, swing } = options
  const { peak = period / 2 } = options
  const phase = (time: number): number => (2 * Math.PI * (time - peak)) / period
  return {
    at: (time) => mean + swing * Math.cos(phase(time)),
    area: (from, to) =>
      mean * (to - from) + ((swing * period) / (2 * Math.PI)) * (Math.sin(phase(to)) - Math.sin(phase(from)))
  }
}

/**
 * A sine over the day: `mean` plus and minus `swing`, highest at the hour `peak` of UTC.
 *
 * @since 0.2.0
 * @category constructors
 */
export const daily = (options: { readonly mean: number; readonly swing: number; readonly peak?: number }): Curve => {
  const { mean, peak = 12, swing } = options
  const day = 86_400_000
  return wave({ mean, swing, period: day, peak: (peak / 24) * day })
}

/**
 * In each `every` milliseconds, `high` for the last `lasts` milliseconds, and `low` (default 0) before.
 *
 * @example
 * ```ts
 * import { Curve } from "effect-aimd/testing"
 *
 * const episodes = Curve.pulses({ every: 10_000, lasts: 2000, high: 0.5 })
 * assert.deepStrictEqual([0, 7999, 8000, 9999, 10_000].map(episodes.at), [0, 0, 0.5, 0.5, 0])
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const pulses = (options: {
  readonly every: number
  readonly lasts: number
  readonly high: number
  readonly low?: number
}): Curve => {
  const { every, high, lasts, low = 0 } = options
  const calm = every - lasts
  /** The part of the time up to an instant that is high. */
  const highUntil = (time: number): number => {
    const rounds = Math.floor(time / every)
    return rounds * lasts + Math.max(0, time - rounds * every - calm)
  }
  return {
    at: (time) => (time - Math.floor(time / every) * every < calm ? low : high),
    area: (from, to) => low * (to - from) + (high - low) * (highUntil(to) - highUntil(from))
  }
}

/** A curve that has not got there in ten years never will, as far as a simulation is concerned. */
const horizon = 10 * 365 * 86_400_000

/**
 * How long after an instant the integral reaches an amount, in milliseconds; `Infinity` if it does not within ten
 * years. For curves that are never negative.
 *
 * @since 0.2.0
 * @category combinators
 */
export const reach = (self: Curve, from: number, area: number): number => {
  if (area <= 0) return 0
  let high = 1
  while (self.area(from, from + high) < area) {
    if (high > horizon) return Infinity
    high *= 2
  }
  let low = 0
  // Bisected to a thousandth of a millisecond, and never short of it.
  while (high - low > 1e-3) {
    const middle = (low + high) / 2
    if (self.area(from, from + middle) < area) low = middle
    else high = middle
  }
  return high
}
