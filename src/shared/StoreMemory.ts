/**
 * Whether a store still knows all that was counted in it: a Redis that was started again may have lost some of it.
 *
 * A key that lives for ever is counted up by everybody. While it is there, and no count of it comes twice, nothing was lost.
 *
 * @since 0.2.0
 */

/**
 * What a process knows of a store's memory; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface StoreMemory {
  /** The key was looked at: this is its count, and for how long the store keeps it. */
  readonly hear: (count: number, life: number, now: number) => void
  /** From when on the store knows all that counts; undefined before anything was heard. */
  readonly completeAt: number | undefined
}

/**
 * The key lives so long, in milliseconds: ten years. Each count adds one, so its age is known as well.
 *
 * @since 0.2.0
 * @category constants
 */
export const forever = 10 * 365 * 86_400_000

/**
 * Whether a key that is kept so long is one that lives for ever.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isKept = (life: number): boolean => life > forever / 2

/** It was not there, and was counted up for a millisecond only: in so many it can be made. */
const soon = 5

/**
 * Knows nothing yet. `waits` is how long a store needs, after it has forgotten everything, to know all that counts; 0 for one
 * that never forgets.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (waits: number): StoreMemory => {
  let last = 0
  let forgotAt = -Infinity
  let completeAt: number | undefined

  return {
    hear: (count, life, now) => {
      if (count <= last) forgotAt = now
      last = count
      const age = forever + count - 1 - life
      completeAt = isKept(life) ? Math.max(now + Math.max(0, waits - age), forgotAt + waits) : now + soon
    },
    get completeAt() {
      return completeAt
    }
  }
}
