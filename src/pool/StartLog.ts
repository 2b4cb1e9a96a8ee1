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
  // Of those that are taken out, older ones take the place.
  const room = 2 * most
  // As large as it has to be, and no larger than it may be: an array that is cut leaves garbage with each cut.
  let starts = new Float64Array(Math.min(room, 64))
  /** How many there ever were: the latest stands before this place, round the end. */
  let end = 0
  let size = 0
  const at = (place: number): number => starts[place % starts.length] ?? 0

  const grow = (): void => {
    const larger = new Float64Array(Math.min(room, 2 * starts.length))
    for (let i = 0; i < size; i++) larger[i] = at(end - size + i)
    starts = larger
  }

  return {
    get size() {
      return size
    },
    add: (instant) => {
      if (room === 0) return
      if (size === starts.length && size < room) grow()
      starts[end % starts.length] = instant
      end += 1
      size = Math.min(size + 1, room)
    },
    remove: (instant) => {
      let place = end - 1
      while (place >= end - size && at(place) !== instant) place -= 1
      if (place < end - size) return
      for (; place < end - 1; place++) starts[place % starts.length] = at(place + 1)
      end -= 1
      size -= 1
    },
    latest: (count) => (count > most || count > size || count < 1 ? undefined : at(end - count))
  }
}
