/**
 * How often something happens of late.
 *
 * @since 0.2.0
 */

/**
 * A frequency; instants in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Frequency {
  readonly note: (now: number) => void
  /** 0 where it has not happened for a second, or only once. */
  readonly perSecond: (now: number) => number
}

/** The latest time counts for so much. */
const share = 0.1

const idleAfter = 1000

/** What happens at one instant happens so far apart. */
const closest = 0.001

/**
 * Of what has not happened yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): Frequency => {
  let last = -Infinity
  let every = Infinity
  return {
    note: (now) => {
      const apart = Math.max(closest, now - last)
      every = every === Infinity ? apart : every + share * (apart - every)
      last = now
    },
    perSecond: (now) => (now - last > idleAfter || every === Infinity ? 0 : 1000 / every)
  }
}
