/**
 * Which of several pools serves a row soonest. Pure: what is known of each pool comes in, an order comes out. Instants are
 * milliseconds of one clock.
 *
 * Rows are bound late: they wait in one line, and a pool that may start one asks for it, as in Sparrow (Ousterhout et al.,
 * SOSP 2013). What is left to decide is whether a pool that asks should get a row, or whether the row is better off with
 * another that does not ask yet.
 *
 * @since 0.2.0
 */

/**
 * What is known of a pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface View {
  /** When it may start the next row; `Infinity` for nobody knows. */
  readonly opensAt: number
  /** How many rows it may start then at once; at least 1. */
  readonly free: number
  /** From one start to the next after that. */
  readonly every: number
  /** From a start to its answer. */
  readonly latency: number
  /** How much longer a row would rather wait for another pool than go here. */
  readonly handicap: number
}

/**
 * When a row would be done that this pool starts next, its handicap included.
 *
 * @since 0.2.0
 * @category values
 */
export const score = ({ handicap, latency, opensAt }: View): number => opensAt + latency + handicap

/**
 * How many rows a pool starts, from now on, that score less than this.
 *
 * @since 0.2.0
 * @category values
 */
export const startsBelow = (view: View, limit: number): number => {
  const spare = limit - score(view)
  // Infinity less Infinity is no number, and no start either.
  if (!(spare > 0)) return 0
  return view.free + Math.ceil(spare / view.every) - 1
}

/**
 * How much sooner the next row is done by the best of the others than by the pool that asks, in milliseconds; 0 where it is
 * not.
 *
 * @since 0.2.0
 * @category values
 */
export const gain = (asking: View, others: ReadonlyArray<View>): number => {
  const best = others.reduce((least, other) => Math.min(least, score(other)), Infinity)
  return best < score(asking) ? score(asking) - best : 0
}

/**
 * Whether one of so many rows that wait should go to the pool that asks for it: unless the others, all together, have each of
 * them done sooner, and those as well that come meanwhile, `rate` a millisecond. Whoever waits for a fast pool is in the way
 * of those who come later: so under a steady load that the fast ones cannot bear alone nobody waits for them.
 *
 * @since 0.2.0
 * @category decisions
 */
export const isWorth = (asking: View, others: ReadonlyArray<View>, waiting: number, rate: number): boolean => {
  const here = score(asking)
  const wanted = waiting + Math.floor(rate * gain(asking, others))
  let sooner = 0
  for (const other of others) {
    sooner += startsBelow(other, here)
    if (sooner >= wanted) return false
  }
  return true
}

/** One sample in so many is the mean's. */
const smoothing = 8

/**
 * A mean that follows what changes.
 *
 * @since 0.2.0
 * @category values
 */
export const follow = (mean: number | undefined, sample: number): number =>
  mean === undefined ? sample : mean + (sample - mean) / smoothing

/** How fast the past is forgotten, in milliseconds. */
const memory = 5000

/**
 * How often rows come, of late, in a millisecond. Rows that come at once count once: those that are there are counted as
 * they wait, and a batch brings no others.
 *
 * @since 0.2.0
 * @category models
 */
export interface Rate {
  readonly at: number
  readonly value: number
}

/**
 * The rate as of now, when rows have just come or have not.
 *
 * @since 0.2.0
 * @category values
 */
export const arrived = ({ at, value }: Rate, hasCome: boolean, now: number): Rate => ({
  at: now,
  value: value * Math.exp(-Math.max(0, now - at) / memory) + (hasCome ? 1 / memory : 0)
})
