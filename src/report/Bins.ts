/**
 * A timeline in bins: few enough to draw, however long it gets.
 *
 * @since 0.2.0
 */

/**
 * Bins without a gap, from the first instant to the last.
 *
 * @since 0.2.0
 * @category models
 */
export interface Bins<out Bin> {
  /** Where the first bin begins, in epoch milliseconds. */
  readonly from: number
  /** The last instant that was told of, in epoch milliseconds. */
  readonly until: number
  /** Milliseconds a bin. */
  readonly width: number
  readonly bins: ReadonlyArray<Bin>
}

/**
 * How bins begin, and become one.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options<Bin> {
  /** Milliseconds a bin, as long as there are not too many. */
  readonly width: number
  /** With more bins than this, two become one. */
  readonly most: number
  readonly fresh: () => Bin
  readonly merge: (a: Bin, b: Bin) => Bin
}

/**
 * At most so many bins; what is of the same width is merged.
 *
 * @since 0.2.0
 * @category combinators
 */
export const coarser = <Bin>(self: Bins<Bin>, most: number, merge: (a: Bin, b: Bin) => Bin): Bins<Bin> => {
  const size = Math.max(1, Math.ceil(self.bins.length / most))
  const bins = Array.from({ length: Math.ceil(self.bins.length / size) }, (_, index) =>
    self.bins.slice(index * size, (index + 1) * size).reduce(merge)
  )
  return { ...self, width: self.width * size, bins }
}

/**
 * Bins that grow with the instants that are asked for. The first instant begins the first bin, and none comes before it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Bin>({ fresh, merge, most, width: firstWidth }: Options<Bin>) => {
  let bins: Array<Bin> = []
  let width = firstWidth
  let from: number | undefined
  let until = 0
  return {
    /** The bin of an instant. */
    at: (instant: number): Bin => {
      from ??= instant
      until = Math.max(until, instant)
      while (Math.floor((instant - from) / width) >= most) {
        bins = bins.flatMap((bin, index) => {
          const other = bins[index + 1]
          return index % 2 === 1 ? [] : [other === undefined ? bin : merge(bin, other)]
        })
        width *= 2
      }
      const index = Math.floor((instant - from) / width)
      while (bins.length <= index) bins.push(fresh())
      // The loop above has just made it where it was missing.
      return bins[index] as Bin
    },
    /** Milliseconds a bin now. */
    get width() {
      return width
    },
    get from() {
      return from
    },
    snapshot: (copy: (bin: Bin) => Bin): Bins<Bin> => ({ from: from ?? 0, until, width, bins: bins.map(copy) })
  }
}
