/**
 * When the latest starts of a pool were, for a limit of so many in a span of time.
 *
 * @since 0.2.0
 */

/**
 * The latest starts, as instants in epoch milliseconds, in order.
 *
 * @since 0.2.0
 * @category models
 */
export interface StartLog {
  readonly size: number
  readonly add: (at: number) => void
  /** Takes out the latest start at this instant: it was rejected, and a limit counts what was let through. */
  readonly remove: (at: number) => void
  /** The start that so many starts, itself included, have followed; undefined where there were not so many. */
  readonly latest: (count: number) => number | undefined
}

/**
 * Makes a log of at most `most` starts.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (most: number): StartLog => {
  let starts: Array<number> = []
  return {
    get size() {
      return starts.length
    },
    add: (at) => {
      if (most === 0) return
      starts.push(at)
      // Cut rarely, so that a start costs little.
      if (starts.length >= 2 * most) starts = starts.slice(-most)
    },
    remove: (at) => {
      const index = starts.lastIndexOf(at)
      if (index >= 0) starts.splice(index, 1)
    },
    latest: (count) => (count > most ? undefined : starts[starts.length - count])
  }
}
