/**
 * A first-in-first-out queue that never changes: adding and taking give a new one, in constant amortised time.
 *
 * The two lists of Hood and Melville, "Real-time queue operations in pure Lisp", 1981, in their simple form.
 *
 * @since 0.2.0
 */

interface Cell<A> {
  readonly value: A
  readonly next: Cell<A> | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Fifo<A> {
  readonly size: number
  readonly front: Cell<A> | undefined
  /** What was added since, the newest first. */
  readonly back: Cell<A> | undefined
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const empty: Fifo<never> = { size: 0, front: undefined, back: undefined }

/**
 * @since 0.2.0
 * @category combinators
 */
export const push = <A>(self: Fifo<A>, value: A): Fifo<A> =>
  self.front === undefined
    ? { size: 1, front: { value, next: undefined }, back: undefined }
    : { size: self.size + 1, front: self.front, back: { value, next: self.back } }

/**
 * Without its first element.
 *
 * @since 0.2.0
 * @category combinators
 */
export const shift = <A>(self: Fifo<A>): Fifo<A> => {
  if (self.size <= 1) return empty
  let front = self.front?.next
  if (front !== undefined) return { size: self.size - 1, front, back: self.back }
  for (let cell = self.back; cell !== undefined; cell = cell.next) front = { value: cell.value, next: front }
  return { size: self.size - 1, front, back: undefined }
}

/**
 * The elements, the oldest first.
 *
 * @since 0.2.0
 * @category combinators
 */
export const values = function* <A>(self: Fifo<A>): Generator<A> {
  for (let queue = self; queue.front !== undefined; queue = shift(queue)) yield queue.front.value
}
