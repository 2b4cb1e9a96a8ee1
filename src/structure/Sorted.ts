/**
 * A list that is always sorted, and knows how many stand before each. To find a place takes as many comparisons as its
 * logarithm, in or out: it is kept in pieces, so that only a few elements move.
 *
 * @since 0.2.0
 */

/**
 * What stands in such a list: of equal rank, the lower sequence is first. No two are equal in both.
 *
 * @since 0.2.0
 * @category models
 */
export interface Element {
  readonly rank: number
  readonly sequence: number
}

/**
 * A sorted list.
 *
 * @since 0.2.0
 * @category models
 */
export interface Sorted<A extends Element> {
  readonly size: number
  readonly first: A | undefined
  readonly add: (element: A) => void
  /** Does nothing for one that is not here. */
  readonly remove: (element: A) => void
  /** Leaves only those that it is true of. */
  readonly keep: (isKept: (element: A) => boolean) => void
  /** How many stand before it, whether it is here or not. */
  readonly before: (element: Element) => number
  /** All of them, the first first. */
  readonly all: () => ReadonlyArray<A>
}

/** A piece is never longer. */
const most = 128

/**
 * Whether the first goes before the second.
 *
 * @since 0.2.0
 * @category ordering
 */
export const isBefore = (a: Element, b: Element): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.sequence < b.sequence)

/** How many of so many go before; those that do come first. */
const search = (length: number, goesBefore: (index: number) => boolean): number => {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (goesBefore(middle)) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * An empty list.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <A extends Element>(): Sorted<A> => {
  /** None is empty. */
  const pieces: Array<Array<A>> = []
  let size = 0

  /** The first piece that does not end before it. */
  const pieceFor = (element: Element): number =>
    search(pieces.length, (index) => {
      const last = pieces[index]?.at(-1)
      return last !== undefined && isBefore(last, element)
    })

  const placeIn = (piece: ReadonlyArray<A>, element: Element): number =>
    search(piece.length, (index) => {
      const other = piece[index]
      return other !== undefined && isBefore(other, element)
    })

  return {
    get size() {
      return size
    },
    get first() {
      return pieces[0]?.[0]
    },
    add: (element) => {
      size += 1
      const end = pieces.at(-1)
      const last = end?.at(-1)
      // Most come last, and go as the first: for those nothing is searched.
      if (end !== undefined && end.length < most && last !== undefined && isBefore(last, element)) {
        return void end.push(element)
      }
      const at = Math.min(pieceFor(element), pieces.length - 1)
      const piece = pieces[at]
      if (piece === undefined) return void pieces.push([element])
      const place = placeIn(piece, element)
      if (place < piece.length) piece.splice(place, 0, element)
      else if (place < most) return void piece.push(element)
      else return void pieces.splice(at + 1, 0, [element])
      if (piece.length > most) pieces.splice(at + 1, 0, piece.splice(most >> 1))
    },
    remove: (element) => {
      const isFirst = pieces[0]?.[0] === element
      const at = isFirst ? 0 : pieceFor(element)
      const piece = pieces[at]
      const place = isFirst || piece === undefined ? 0 : placeIn(piece, element)
      if (piece === undefined || piece[place] !== element) return
      size -= 1
      if (place === 0) piece.shift()
      else piece.splice(place, 1)
      if (piece.length === 0) pieces.splice(at, 1)
    },
    keep: (isKept) => {
      const old = pieces.splice(0)
      size = 0
      for (const piece of old) {
        const kept = piece.filter(isKept)
        const last = pieces.at(-1)
        size += kept.length
        if (last !== undefined && last.length + kept.length <= most) last.push(...kept)
        else if (kept.length > 0) pieces.push(kept)
      }
    },
    before: (element) => {
      const at = pieceFor(element)
      const piece = pieces[at]
      const whole = pieces.slice(0, at).reduce((sum, { length }) => sum + length, 0)
      return whole + (piece === undefined ? 0 : placeIn(piece, element))
    },
    all: () => pieces.flat()
  }
}
