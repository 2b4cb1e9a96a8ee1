/**
 * Puts the outcomes of a batch back into the order of submission, each with the metadata that an audit trail needs.
 *
 * `make` makes a synchronous buffer without a clock: every instant is an argument. `bounded` makes a buffer with a
 * limited size, whose callers wait for room and for the next row. All operations are O(1) for each row, and a buffer
 * keeps no reference to a row that it released or that was taken out.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { elapsed, type BufferEntry, type Outcome } from "./Entry.js"
import { Shelf, type Slot, type Ticket } from "./Shelf.js"

export {
  /**
   * A row's final outcome with its ordering metadata.
   *
   * @since 0.1.0
   * @category models
   */
  type BufferEntry,
  /**
   * The schema of an entry without its `exit`.
   *
   * @since 0.1.0
   * @category schemas
   */
  EntryMetadata,
  /**
   * What is known about a row when it ends.
   *
   * @since 0.1.0
   * @category models
   */
  type Outcome
} from "./Entry.js"

export {
  /**
   * The right to complete a row, or to take it out, once.
   *
   * @since 0.2.0
   * @category models
   */
  type Ticket
} from "./Shelf.js"

export {
  /**
   * Makes a buffer with a limited size, whose callers wait.
   *
   * @since 0.2.0
   * @category constructors
   */
  bounded,
  /**
   * A bounded buffer.
   *
   * @since 0.2.0
   * @category models
   */
  type BoundedBuffer,
  /**
   * A row as a bounded buffer releases it.
   *
   * @since 0.2.0
   * @category models
   */
  type BoundedEntry,
  /**
   * The schema of such an entry without its value.
   *
   * @since 0.2.0
   * @category schemas
   */
  BoundedEntryMetadata,
  /**
   * The bounded buffer is shut down.
   *
   * @since 0.2.0
   * @category errors
   */
  BufferShutdownError,
  /**
   * The `timeout` of a call passed first.
   *
   * @since 0.2.0
   * @category errors
   */
  BufferTimeoutError,
  /**
   * What a bounded buffer holds, and its counts.
   *
   * @since 0.2.0
   * @category models
   */
  type Metrics,
  /**
   * The ticket does not allow this call.
   *
   * @since 0.2.0
   * @category errors
   */
  TicketError
} from "./Bounded.js"

/**
 * A buffer that takes rows in, takes their outcomes in any order, and gives entries back in the order of submission.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReorderBuffer<in out A, in out E> {
  /** Takes a row in. Throws, and changes nothing, if `stateId` is empty. */
  submit(stateId: string, now: number): Ticket
  /**
   * Records the outcome of a row and returns the entries that this releases, in submission order; none while an
   * earlier row is unfinished. Throws, and changes nothing, if the ticket is not that of an unfinished row of this buffer.
   */
  complete(ticket: Ticket, outcome: Outcome<A, E>, now: number): ReadonlyArray<BufferEntry<A, E>>
  /** The first half of `complete`: the row gets its entry, which is kept back until `release`. */
  record(ticket: Ticket, outcome: Outcome<A, E>, now: number): BufferEntry<A, E>
  /** The other half: the recorded entry may come out when its turn comes. Returns the entries that this releases. */
  release(ticket: Ticket, now: number): ReadonlyArray<BufferEntry<A, E>>
  /** Takes an unfinished row out, wherever it stands: it gets no entry. Returns the entries that this releases. */
  evict(ticket: Ticket, now: number): ReadonlyArray<BufferEntry<A, E>>
  /** How many rows are submitted and neither released nor taken out. */
  readonly pending: number
}

/**
 * Options of a buffer.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** Default true. If false, each entry comes out when its row is complete. */
  readonly ordered?: boolean
  /**
   * Whether both indices start again at 0 when no row is pending, so that one buffer serves one batch after the other.
   * Default true: then submit the next row of a batch before you complete its last pending one.
   */
  readonly restarts?: boolean
}

// The buffer's own entry, which nobody else sees before its `bufferWait` is known.
type Completed<A, E> = { -readonly [K in keyof BufferEntry<A, E>]: BufferEntry<A, E>[K] }

const none: ReadonlyArray<never> = []

/**
 * Makes an empty buffer. It grows by itself.
 *
 * @example
 * ```ts
 * import { Duration, Exit } from "effect"
 * import { ReorderBuffer } from "effect-aimd"
 *
 * const outcome = (value: string) => ({
 *   exit: Exit.succeed(value),
 *   startedAt: 0,
 *   throttleWait: Duration.zero,
 *   attempts: 1
 * })
 * const buffer = ReorderBuffer.make<string, never>()
 * const first = buffer.submit("row-a", 0)
 * const second = buffer.submit("row-b", 0)
 *
 * assert.deepStrictEqual(buffer.complete(second, outcome("b"), 10), [])
 * const entries = buffer.complete(first, outcome("a"), 30)
 * assert.deepStrictEqual(
 *   entries.map((entry) => [entry.stateId, entry.completeIndex, Duration.toMillis(entry.bufferWait)]),
 *   [["row-a", 1, 0], ["row-b", 0, 20]]
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>({ ordered = true, restarts = true }: Options = {}): ReorderBuffer<A, E> => {
  const shelf = new Shelf<Completed<A, E>>()
  let completed = 0

  const drained = (): void => {
    if (restarts && shelf.size === 0) shelf.submitted = completed = 0
  }

  const releaseReady = (now: number): ReadonlyArray<BufferEntry<A, E>> => {
    if (!shelf.isReady) return none
    const released: Array<BufferEntry<A, E>> = []
    for (let next = shelf.shift(); next !== undefined; next = shelf.shift()) {
      next.bufferWait = elapsed(next.completedAt, now)
      released.push(next)
    }
    drained()
    return released
  }

  const record = (slot: Slot<Completed<A, E>>, outcome: Outcome<A, E>, now: number): Completed<A, E> => {
    const entry = entryOf(slot, outcome, completed++, now)
    slot.value = entry
    return entry
  }

  const release = (slot: Slot<Completed<A, E>>, entry: Completed<A, E>, now: number) => {
    if (ordered) {
      shelf.complete(slot, entry)
      return releaseReady(now)
    }
    shelf.withdraw(slot)
    slot.state = "released"
    slot.value = undefined
    drained()
    return [entry]
  }

  return {
    get pending() {
      return shelf.size
    },
    submit(stateId, now) {
      if (stateId === "") throw new Error('ReorderBuffer.submit: stateId must be a non-empty string, got ""')
      return shelf.append(stateId, now)
    },
    complete(ticket, outcome, now) {
      const slot = unfinished(shelf, "complete", ticket, false)
      return release(slot, record(slot, outcome, now), now)
    },
    record: (ticket, outcome, now) => record(unfinished(shelf, "record", ticket, false), outcome, now),
    release(ticket, now) {
      const slot = unfinished(shelf, "release", ticket, true)
      return slot.value === undefined ? none : release(slot, slot.value, now)
    },
    evict(ticket, now) {
      shelf.withdraw(unfinished(shelf, "evict", ticket, false))
      const released = releaseReady(now)
      drained()
      return released
    }
  }
}

/** The slot of an unfinished row: recorded already, or not. */
const unfinished = <V extends object>(
  shelf: Shelf<V>,
  operation: string,
  ticket: Ticket,
  isRecorded: boolean
): Slot<V> => {
  const slot = shelf.find(ticket)
  if (slot === undefined) {
    throw new Error(
      `ReorderBuffer.${operation}: row ${ticket.submitIndex} has no such ticket; pass what submit returned`
    )
  }
  if (slot.state !== "pending" || (slot.value !== undefined) !== isRecorded) {
    const what = slot.state === "withdrawn" ? "was taken out" : isRecorded ? "is not recorded" : "is already complete"
    throw new Error(`ReorderBuffer.${operation}: row ${slot.submitIndex} ${what}; complete each row once`)
  }
  return slot
}

const entryOf = <A, E>(
  { stateId, submitIndex, submittedAt }: Slot<Completed<A, E>>,
  { attempts, exit, lastStatus, member, startedAt, throttleWait, usage }: Outcome<A, E>,
  completeIndex: number,
  completedAt: number
): Completed<A, E> => {
  const entry: Completed<A, E> = {
    submitIndex,
    completeIndex,
    stateId,
    exit,
    submittedAt,
    startedAt,
    completedAt,
    bufferWait: Duration.zero,
    throttleWait,
    attempts
  }
  if (lastStatus !== undefined) entry.lastStatus = lastStatus
  if (usage !== undefined) entry.usage = usage
  if (member !== undefined) entry.member = member
  return entry
}
