/**
 * Whose trouble a rejection is: the pool's, or that of a row which the API rejects again and again while it serves others.
 *
 * @since 0.2.0
 */

/**
 * A row that was rejected with every attempt so far.
 *
 * @since 0.2.0
 * @category models
 */
export interface Rejected {
  /** Its number in the pool. */
  readonly row: number
  /** Its rejections, the latest included. */
  readonly rejections: number
  /** The pool's latest start when the row was rejected first. */
  readonly since: number
}

/**
 * What came of the latest attempts of a pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface Trouble {
  /** An attempt was served or rejected; `sequence` is which start of the pool it was. */
  readonly note: (row: number, sequence: number, isServed: boolean) => void
  /** Whether a row's latest rejection, not yet noted, is its own trouble. */
  readonly isOwn: (rejected: Rejected) => boolean
}

/** So many attempts are remembered. */
const remembered = 512

/** Fewer rejections in a row prove nothing. */
const fewest = 3

/** As unlikely must it be that the row was only unlucky, as often as others are rejected. */
const unlikely = 0.01

/**
 * Makes a memory of nothing yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): Trouble => {
  const latest: Array<{ readonly row: number; readonly sequence: number; readonly isServed: boolean }> = []
  let next = 0
  return {
    note: (row, sequence, isServed) => {
      latest[next] = { row, sequence, isServed }
      next = (next + 1) % remembered
    },
    isOwn: ({ rejections, row, since }) => {
      if (rejections < fewest) return false
      const others = latest.filter((attempt) => attempt.sequence > since && attempt.row !== row)
      const rejected = others.filter(({ isServed }) => !isServed).length
      if (rejected === others.length) return false
      // Laplace's rule: one more of each, as if nothing else were known.
      const chance = (rejected + 1) / (others.length + 2)
      return chance ** rejections <= unlikely
    }
  }
}
