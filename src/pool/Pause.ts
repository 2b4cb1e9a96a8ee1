/**
 * A pool at rest: nothing starts, and no budget runs.
 *
 * @since 0.2.0
 */

/**
 * When a pool paused, and for how long; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Pause {
  readonly isPaused: boolean
  /** How long it has been paused by now, all in all. */
  readonly pausedFor: (now: number) => number
  readonly begin: (now: number) => void
  readonly end: (now: number) => void
}

/**
 * Makes a pool's pause; it has not begun.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): Pause => {
  let since: number | undefined
  let total = 0
  return {
    get isPaused() {
      return since !== undefined
    },
    pausedFor: (now) => (since === undefined ? total : total + (now - since)),
    begin: (now) => {
      since ??= now
    },
    end: (now) => {
      if (since !== undefined) total += now - since
      since = undefined
    }
  }
}
