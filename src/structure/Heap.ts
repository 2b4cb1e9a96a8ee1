/**
 * A binary heap whose elements can leave from the middle: adding and removing are O(log n), the first is O(1).
 *
 * @since 0.1.0
 */

/**
 * What a heap asks of its elements: each notes its own place, and stands in at most one heap.
 *
 * @since 0.1.0
 * @category models
 */
export interface Element {
  /** Place in the heap, written by the heap alone; -1 before it enters and once it has left. */
  index: number
}

/**
 * An element that goes by its rank, the lowest first, and of equal ones by its sequence. They change only while it stands in
 * no heap, or the heap is told. One class for all: a heap that meets many shapes takes longer.
 *
 * @since 0.2.0
 * @category models
 */
export class Ranked<out A> implements Element {
  index = -1
  rank = 0
  sequence = 0
  readonly value: A

  constructor(value: A) {
    this.value = value
  }
}

/**
 * Whether the first goes before the second.
 *
 * @since 0.2.0
 * @category ordering
 */
export const isBefore = (a: Omit<Ranked<unknown>, "value">, b: Omit<Ranked<unknown>, "value">): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.sequence < b.sequence)

/**
 * @since 0.1.0
 * @category models
 */
export interface Heap<in out A extends Element> {
  readonly size: number
  readonly first: () => A | undefined
  readonly add: (element: A) => void
  /** Does nothing for an element that does not stand in the heap. */
  readonly remove: (element: A) => void
  /** Its rank is another one now; does nothing for an element that does not stand in the heap. */
  readonly moved: (element: A) => void
}

/**
 * Makes an empty heap. `isBefore` must be a strict total order: elements of equal rank would come in any order.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A extends Element>(isBefore: (a: A, b: A) => boolean): Heap<A> => {
  const entries: Array<A> = []

  const place = (entry: A, index: number): void => {
    entries[index] = entry
    entry.index = index
  }

  const settle = (entry: A, from: number): void => {
    let index = from
    // Nothing is asked for beyond the ends of the list: that takes longer than all the rest.
    while (index > 0) {
      const parent = entries[(index - 1) >> 1]
      if (parent === undefined || !isBefore(entry, parent)) break
      place(parent, index)
      index = (index - 1) >> 1
    }
    for (let next = 2 * index + 1; next < entries.length; next = 2 * index + 1) {
      const left = entries[next]
      if (left === undefined) break
      const right = next + 1 < entries.length ? entries[next + 1] : undefined
      const child = right !== undefined && isBefore(right, left) ? right : left
      if (!isBefore(child, entry)) break
      const free = child.index
      place(child, index)
      index = free
    }
    place(entry, index)
  }

  return {
    get size() {
      return entries.length
    },
    first: () => entries[0],
    add: (entry) => {
      entries.push(entry)
      settle(entry, entries.length - 1)
    },
    remove: (entry) => {
      if (entry.index < 0) return
      const last = entries.pop()
      if (last !== undefined && last !== entry) settle(last, entry.index)
      entry.index = -1
    },
    moved: (entry) => {
      if (entry.index >= 0) settle(entry, entry.index)
    }
  }
}
