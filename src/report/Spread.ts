/**
 * How durations spread over many rows, in a few numbers, however many rows there are.
 *
 * Counts by logarithm, so that each quantile is off by a share of itself at most: the idea of DDSketch (Masson, Rim and Lee,
 * 2019).
 *
 * @since 0.2.0
 */

/**
 * What durations came to, in milliseconds. Quantiles are within 5 % of the true ones; `max` and `total` are exact.
 *
 * @since 0.2.0
 * @category models
 */
export interface Spread {
  readonly rows: number
  readonly p50: number
  readonly p95: number
  readonly max: number
  readonly total: number
}

const growth = 1.1
/** Shorter than this is no wait, in milliseconds. */
const least = 0.01

/**
 * Makes an empty count of durations.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = () => {
  /** How many are at most `least * growth ** index`, and more than the place before. */
  const counts: Array<number> = []
  let [rows, max, total] = [0, 0, 0]

  const quantile = (share: number): number => {
    const rank = Math.max(1, Math.ceil(share * rows))
    let seen = 0
    for (const [index, count] of counts.entries()) {
      seen += count
      // Between the bounds of its place, as far from the one as from the other by share.
      if (seen >= rank) return index === 0 ? 0 : Math.min(max, (2 * least * growth ** index) / (1 + growth))
    }
    return 0
  }

  return {
    add: (millis: number): void => {
      const index = millis > least ? Math.ceil(Math.log(millis / least) / Math.log(growth)) : 0
      while (counts.length <= index) counts.push(0)
      counts[index] = (counts[index] ?? 0) + 1
      rows += 1
      total += millis
      if (millis > max) max = millis
    },
    snapshot: (): Spread => ({ rows, p50: quantile(0.5), p95: quantile(0.95), max, total })
  }
}
