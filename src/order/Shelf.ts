/**
 * Rows in the order of their submission, until they leave: the first in line when it is complete, any other when it is
 * taken out. Every operation is O(1), and a row that left is not remembered, whatever stands before it.
 *
 * @since 0.2.0
 */

/**
 * A row's place in the order: the right to complete it, or to take it out, once. Only the very object that `submit`
 * returned is valid, not a copy.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ticket {
  /** The row's place in the order of submission, from 0. */
  readonly submitIndex: number
  /** The row's name. */
  readonly stateId: string
}

/**
 * A row on a shelf. It is `withdrawn` once it was taken out, and `discarded` once its late completion has come.
 *
 * @since 0.2.0
 * @category models
 */
export class Slot<A extends object> implements Ticket {
  readonly owner: object
  readonly submitIndex: number
  readonly stateId: string
  readonly submittedAt: number
  state: "pending" | "completed" | "released" | "withdrawn" | "discarded" = "pending"
  /** What the row came to, while it is completed and not released. */
  value: A | undefined = undefined
  previous: Slot<A> | undefined = undefined
  next: Slot<A> | undefined = undefined

  constructor(owner: object, submitIndex: number, stateId: string, submittedAt: number) {
    this.owner = owner
    this.submitIndex = submitIndex
    this.stateId = stateId
    this.submittedAt = submittedAt
  }
}

/**
 * A shelf.
 *
 * @since 0.2.0
 * @category models
 */
export class Shelf<A extends object> {
  /** Names the shelf in its slots, which may live longer and must not keep its rows. */
  private readonly owner = {}
  private first: Slot<A> | undefined = undefined
  private last: Slot<A> | undefined = undefined
  /** Rows on the shelf. */
  size = 0
  /** Those of them that are complete. */
  completed = 0
  /** Rows that were ever put on it. */
  submitted = 0

  /** Whether the first in line is complete. */
  get isReady(): boolean {
    return this.first?.state === "completed"
  }

  append(stateId: string, now: number): Slot<A> {
    const slot = new Slot<A>(this.owner, this.submitted++, stateId, now)
    slot.previous = this.last
    if (this.last === undefined) this.first = slot
    else this.last.next = slot
    this.last = slot
    this.size += 1
    return slot
  }

  /** The slot that a ticket is, if it is one of this shelf. */
  find(ticket: Ticket): Slot<A> | undefined {
    // A slot with this shelf as its owner was made here, for values of this type.
    return ticket instanceof Slot && ticket.owner === this.owner ? (ticket as Slot<A>) : undefined
  }

  /** Completes a pending row. */
  complete(slot: Slot<A>, value: A): void {
    slot.state = "completed"
    slot.value = value
    this.completed += 1
  }

  /** Takes out a pending row. */
  withdraw(slot: Slot<A>): void {
    this.unlink(slot)
    slot.state = "withdrawn"
  }

  /** Takes out the first in line, if it is complete, and returns what it came to. */
  shift(): A | undefined {
    const { first } = this
    if (first?.state !== "completed") return undefined
    const { value } = first
    this.unlink(first)
    first.state = "released"
    first.value = undefined
    this.completed -= 1
    return value
  }

  /** Takes out all pending rows; returns how many. */
  withdrawPending(): number {
    const before = this.size
    for (let slot = this.first; slot !== undefined;) {
      const { next } = slot
      if (slot.state === "pending") this.withdraw(slot)
      slot = next
    }
    return before - this.size
  }

  private unlink(slot: Slot<A>): void {
    const { next, previous } = slot
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
    slot.previous = undefined
    slot.next = undefined
    this.size -= 1
  }
}
