/**
 * The rows of a batch that were read and have not started.
 *
 * @since 0.2.0
 */
import * as Cost from "../limit/Cost.js"
import type { Weight } from "../limit/Cost.js"
import type { Outcome, Ticket } from "../order/ReorderBuffer.js"
import * as Flows from "./Flows.js"
import { Job } from "./Job.js"

/**
 * A row of a batch on its way.
 *
 * @since 0.2.0
 * @category models
 */
export class RowJob<out Row> extends Job {
  readonly input: Row
  readonly rowIndex: number
  readonly stateId: string
  /** Its place in the order of the entries. */
  readonly place: Ticket
  /** It leaves without an entry. */
  isEvicted = false
  /** Its outcome, where that was known before its turn. */
  recalled: Outcome<unknown, unknown> | undefined = undefined
  constructor(input: Row, place: Ticket, asked: Weight, waitingSince: number) {
    super(waitingSince)
    this.asked = asked
    this.input = input
    this.rowIndex = place.submitIndex
    this.stateId = place.stateId
    this.place = place
  }
}

/**
 * The place of a row that has a turn.
 *
 * @since 0.2.0
 * @category models
 */
export class RowPlace<Row> extends Flows.Place<RowJob<Row>> {
  /** In the order of the entries. */
  readonly ticket: Ticket
  private readonly input: Row
  private readonly read: Read
  private made: RowJob<Row> | undefined = undefined

  constructor(input: Row, ticket: Ticket, read: Read) {
    super()
    this.input = input
    this.ticket = ticket
    this.read = read
  }

  /** What an attempt of it takes. */
  get asked(): Weight {
    return askedOf(this.read, this.ticket.submitIndex)
  }

  get job(): RowJob<Row> {
    if (this.made !== undefined) return this.made
    const job = new RowJob(this.input, this.ticket, this.asked, this.read.since)
    job.turn = this
    return (this.made = job)
  }

  override leave(): void {
    super.leave()
    this.made = undefined
  }
}

/**
 * What rows have in common that were read at once: when that was, on the wall clock and on the monotonic one, and the list of
 * what they take, undefined where nobody says.
 *
 * @since 0.2.0
 * @category models
 */
export interface Read {
  readonly submittedAt: number
  readonly since: number
  readonly weights: Cost.Weights | undefined
  /** The index of the first of them. */
  readonly first: number
}

const askedOf = ({ first, weights }: Read, rowIndex: number): Weight =>
  weights === undefined ? Cost.one : weights.at(rowIndex - first)

/**
 * What is known of a row before its turn: its outcome, from an earlier run, or that somebody took it back.
 *
 * @since 0.2.0
 * @category models
 */
export type Known<A, E> = "cancelled" | "evicted" | Outcome<A, E>

/** Rows that were read at the same instant. */
interface Group<out Row> {
  readonly read: Read
  readonly rows: ReadonlyArray<Row>
  /** Undefined where a row's name is its index. */
  readonly stateIds: ReadonlyArray<string> | undefined
  next: number
}

/**
 * Rows in the order in which they were read.
 *
 * @since 0.2.0
 * @category models
 */
export class Fresh<Row, A, E> {
  private readonly groups: Array<Group<Row>> = []
  private readonly known = new Map<number, Known<A, E>>()
  private readonly submit: (stateId: string, submittedAt: number) => Ticket
  /** The index of the first of them; those after it follow. */
  private first = 0
  /** How many there are, known ones included. */
  private size = 0

  constructor(submit: (stateId: string, submittedAt: number) => Ticket) {
    this.submit = submit
  }

  /** How many rows are to be done. */
  get open(): number {
    return this.size - this.known.size
  }

  /** How many rows were ever read. */
  get read(): number {
    return this.first + this.size
  }

  add(
    rows: ReadonlyArray<Row>,
    stateIds: ReadonlyArray<string> | undefined,
    outcomes: ReadonlyArray<Known<A, E> | undefined> | undefined,
    read: Omit<Read, "first">
  ): void {
    if (rows.length === 0) return
    outcomes?.forEach((outcome, i) => {
      if (outcome !== undefined) this.known.set(this.read + i, outcome)
    })
    this.groups.push({ read: { ...read, first: this.read }, rows, stateIds, next: 0 })
    this.size += rows.length
  }

  /** Takes out the first row, if something is known of it already. */
  takeKnown(): { readonly job: RowJob<Row>; readonly known: Known<A, E> } | undefined {
    const known = this.known.size === 0 ? undefined : this.known.get(this.first)
    if (known === undefined) return undefined
    this.known.delete(this.first)
    const job = this.take()
    return job && { job, known }
  }

  /** Takes out the first row; it gets its place in the order. */
  take(): RowJob<Row> | undefined {
    const group = this.groups[0]
    if (group === undefined) return undefined
    // Every index below the length is one of the rows.
    const row = group.rows[group.next] as Row
    const ticket = this.leave(group)
    return new RowJob(row, ticket, askedOf(group.read, ticket.submitIndex), group.read.since)
  }

  /** The same for one that has a turn. */
  takePlace(): RowPlace<Row> | undefined {
    const group = this.groups[0]
    if (group === undefined) return undefined
    // As above.
    const row = group.rows[group.next] as Row
    return new RowPlace(row, this.leave(group), group.read)
  }

  /** Takes back the rows of this name; returns how many. They leave when their turn comes. */
  takeBack(stateId: string, how: "cancelled" | "evicted"): number {
    let index = this.first
    let found = 0
    for (const { next, rows, stateIds } of this.groups) {
      for (let i = next; i < rows.length; i++, index++) {
        if ((stateIds?.[i] ?? String(index)) !== stateId || this.known.has(index)) continue
        this.known.set(index, how)
        found += 1
      }
    }
    return found
  }

  /** The first row leaves for its place in the order. */
  private leave(group: Group<Row>): Ticket {
    const at = group.next++
    if (group.next === group.rows.length) this.groups.shift()
    this.size -= 1
    const rowIndex = this.first++
    return this.submit(group.stateIds?.[at] ?? String(rowIndex), group.read.submittedAt)
  }
}
