/**
 * Whose turn it is of a lane's rejected rows, once they are ready for their next start.
 *
 * @since 0.2.0
 */
import * as LinkedQueue from "../structure/LinkedQueue.js"
import type { Job } from "./Job.js"

/** While others wait, one start in so many may be that of a row with a trouble of its own. */
const ownTurn = 10

/**
 * Rows in line for their next start.
 *
 * @since 0.2.0
 * @category models
 */
export class Turns<J extends Job> {
  private readonly ready = LinkedQueue.make<J>()
  /** Ready too, but their trouble is their own: others go before them. */
  private readonly apart = LinkedQueue.make<J>()
  private readonly shift: (line: LinkedQueue.LinkedQueue<J>, now: number) => J | undefined
  private startsSinceApart = 0
  /** A retry was rejected: a fresh row goes before the next. */
  private isFreshTurn = false

  /** `shift` takes the first row out of a line that may still start. */
  constructor(shift: (line: LinkedQueue.LinkedQueue<J>, now: number) => J | undefined) {
    this.shift = shift
  }

  get size(): number {
    return this.ready.size + this.apart.size
  }

  get first(): J | undefined {
    return this.ready.first?.value
  }

  lineOf(job: J): LinkedQueue.LinkedQueue<J> {
    return job.ownDelay > 0 ? this.apart : this.ready
  }

  rejected({ attempts, ownDelay }: J): void {
    if (ownDelay === 0 && attempts > 1) this.isFreshTurn = true
  }

  /** The row whose turn it is, or undefined where it is that of a fresh one; `last` is the row that started last. */
  take(last: number, hasFresh: boolean, now: number): J | undefined {
    this.startsSinceApart += 1
    const isAlone = this.ready.size === 0 && !hasFresh
    const isOwnTurn = this.startsSinceApart >= ownTurn && this.apart.first?.value.row !== last
    const own = isAlone || isOwnTurn ? this.shift(this.apart, now) : undefined
    if (own !== undefined) {
      this.startsSinceApart = 0
      return own
    }
    if (hasFresh && this.isFreshTurn) {
      this.isFreshTurn = false
      return undefined
    }
    this.turnBack(last)
    return this.shift(this.ready, now) ?? (hasFresh ? undefined : this.shift(this.apart, now))
  }

  /** The row that `take` would give, whatever is left of its budget. */
  peek(last: number, hasFresh: boolean): J | undefined {
    const apart = this.apart.first?.value
    const isAlone = this.ready.size === 0 && !hasFresh
    const isOwnTurn = this.startsSinceApart + 1 >= ownTurn && apart?.row !== last
    if ((isAlone || isOwnTurn) && apart !== undefined) return apart
    if (hasFresh && this.isFreshTurn) return undefined
    this.turnBack(last)
    return this.ready.first?.value
  }

  /** A retry that was just rejected is no second probe while there are others: it goes to the end of the line. */
  private turnBack(last: number): void {
    const first = this.ready.first
    if (first === undefined || first.value.row !== last || first.value.attempts <= 1) return
    this.ready.remove(first)
    this.ready.push(first)
  }
}
