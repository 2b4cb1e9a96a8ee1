/**
 * A bounded reorder buffer for rows that arrive one by one: whoever submits waits while it is full, whoever reads gets
 * the rows in the order of submission. Rows that will never finish can be evicted, and hold up nobody behind them.
 *
 * The buffer refers to no row that it released, evicted or gave up: what it holds is counted by `metrics`.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Schema from "effect/Schema"
import * as LinkedQueue from "../structure/LinkedQueue.js"
import { elapsed, EntryMetadata } from "./ReorderBuffer.js"
import * as Semaphore from "../structure/Semaphore.js"

/**
 * Marks every {@link Ticket}.
 *
 * @since 0.1.0
 * @category symbols
 */
export const TypeId = "~effect-aimd/RowReorderBuffer/Ticket" as const

/**
 * The right to complete or evict one row, once. Only the very object that `submit` returned is valid, not a copy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ticket {
  readonly [TypeId]: typeof TypeId
  /** The row's place in the order of submission, from 0. */
  readonly sequence: number
  /** The row's name, as given to `submit`. */
  readonly rowId: string
}

/**
 * A completed row as `next` releases it. Instants are epoch milliseconds of `Clock`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RowEntry<out A> {
  readonly sequence: number
  readonly rowId: string
  readonly value: A
  /** When the row got its place in the buffer. */
  readonly submittedAt: number
  readonly completedAt: number
  /** From completion to release; never negative, whatever the clock does. */
  readonly bufferWait: Duration.Duration
}

/**
 * What a buffer holds now and has counted since it was made:
 * `totalSubmitted = totalReleased + totalEvicted + totalAbandoned + pending`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Metrics {
  /** Rows in the buffer, finished or not; at most `maxPending`. */
  readonly pending: number
  /** Those of them that are finished and wait for an earlier row, or for `next`. */
  readonly completedWaiting: number
  /** Fibers that wait in `submit`. */
  readonly waitingSubmits: number
  /** Fibers that wait in `next`. */
  readonly waitingNexts: number
  readonly maxObservedPending: number
  readonly totalSubmitted: number
  readonly totalReleased: number
  readonly totalEvicted: number
  /** Rows that were unfinished when the buffer was shut down. */
  readonly totalAbandoned: number
  /** Values that were discarded because their row had been evicted or abandoned. */
  readonly totalLate: number
  /** Over the released rows; zero before the first. */
  readonly averageBufferWait: Duration.Duration
}

/**
 * The schema of an entry without its `value`: the record of an audit trail, with `bufferWait` as milliseconds.
 *
 * @since 0.1.0
 * @category schemas
 */
export const RowEntryMetadata = Schema.Struct({
  sequence: EntryMetadata.fields.submitIndex,
  rowId: EntryMetadata.fields.stateId,
  submittedAt: EntryMetadata.fields.submittedAt,
  completedAt: EntryMetadata.fields.completedAt,
  bufferWait: EntryMetadata.fields.bufferWait
})

const Operation = Schema.Literal("submit", "next")

/**
 * The buffer is shut down: it takes no row any more, and every finished row has been released.
 *
 * @since 0.1.0
 * @category errors
 */
export class BufferShutdownError extends Schema.TaggedError<BufferShutdownError>(
  "effect-aimd/RowReorderBuffer/BufferShutdownError"
)("BufferShutdownError", { operation: Operation }) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return `${this.operation}: the buffer is shut down`
  }
}

/**
 * What the caller waited for did not happen within its `timeout`. Nothing has changed: no row was taken in or released.
 *
 * @since 0.1.0
 * @category errors
 */
export class BufferTimeoutError extends Schema.TaggedError<BufferTimeoutError>(
  "effect-aimd/RowReorderBuffer/BufferTimeoutError"
)("BufferTimeoutError", { operation: Operation, timeout: Schema.Duration }) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    const wanted = this.operation === "submit" ? "buffer space" : "next row in sequence"
    return `${this.operation}: no ${wanted} within ${Duration.format(this.timeout)}`
  }
}

const refusals = {
  Unknown: "no row has this sequence yet",
  Mismatch: "identity mismatch, this buffer did not issue the ticket; pass the object that submit returned",
  Completed: "already completed",
  Released: "already completed and released",
  Discarded: "its late completion was already discarded"
}

/**
 * The ticket gives no right to what was asked, which is a mistake of the caller and changed nothing.
 *
 * @since 0.1.0
 * @category errors
 */
export class TicketError extends Schema.TaggedError<TicketError>("effect-aimd/RowReorderBuffer/TicketError")(
  "TicketError",
  {
    operation: Schema.Literal("complete", "evict"),
    sequence: Schema.Number,
    rowId: Schema.String,
    reason: Schema.Literal("Unknown", "Mismatch", "Completed", "Released", "Discarded")
  }
) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return `${this.operation}: ticket ${this.sequence} of row "${this.rowId}": ${refusals[this.reason]}`
  }
}

/**
 * A bounded reorder buffer for values of type `A`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RowReorderBuffer<in out A> {
  /**
   * Takes a row in; waits while the buffer is full, first come first served. `timeout` (default none) bounds that
   * wait: zero fails at once. Interrupted while it waits, it leaves no trace. Dies if `rowId` is empty.
   *
   * An unfinished row holds up all behind it: complete or evict it however its work ends.
   */
  submit(
    rowId: string,
    options?: { readonly timeout?: Duration.DurationInput }
  ): Effect.Effect<Ticket, BufferShutdownError | BufferTimeoutError>
  /**
   * Hands in the value of a row: true if it will be released, false if it came too late, after the row was evicted or
   * abandoned at shutdown, and is discarded. Each row has one completion: a second one, of either kind, is a
   * `TicketError`, and so is a ticket that this buffer did not issue.
   */
  complete(ticket: Ticket, value: A): Effect.Effect<boolean, TicketError>
  /**
   * Takes an unfinished row out, wherever it stands, which frees its place: true if it did, false if the row is
   * complete, gone, or not submitted yet. A `TicketError` if the ticket is not the one issued for its sequence.
   */
  evict(ticket: Ticket): Effect.Effect<boolean, TicketError>
  /**
   * Releases the next row in sequence; waits until it is complete, first come first served. `timeout` (default none)
   * bounds that wait: zero fails at once. Interrupted while it waits, it takes no row. After shutdown it releases the
   * rows that were complete, then fails.
   */
  next(options?: {
    readonly timeout?: Duration.DurationInput
  }): Effect.Effect<RowEntry<A>, BufferShutdownError | BufferTimeoutError>
  /** Abandons the unfinished rows, keeps the finished ones for `next`, and fails every waiting `submit`. Idempotent. */
  readonly shutdown: Effect.Effect<void>
  readonly isShutdown: Effect.Effect<boolean>
  readonly metrics: Effect.Effect<Metrics>
}

type RowState<A> =
  // Withdrawn: evicted or abandoned. Discarded: withdrawn, and its late completion has come.
  | { readonly _tag: "Pending" | "Withdrawn" | "Discarded" | "Released" }
  | { readonly _tag: "Completed"; readonly value: A; readonly completedAt: number }

interface Row<A> {
  readonly ticket: Ticket
  readonly submittedAt: number
  state: RowState<A>
}

const pending = { _tag: "Pending" } as const
const released = { _tag: "Released" } as const
const withdrawn = { _tag: "Withdrawn" } as const
const discarded = { _tag: "Discarded" } as const

/**
 * Makes a buffer for at most `maxPending` rows, an integer of at least 1; dies on anything else.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { RowReorderBuffer } from "effect-aimd"
 *
 * const program = Effect.gen(function* () {
 *   const buffer = yield* RowReorderBuffer.make<string>({ maxPending: 100 })
 *   const first = yield* buffer.submit("row-a")
 *   const second = yield* buffer.submit("row-b")
 *   const third = yield* buffer.submit("row-c")
 *
 *   yield* buffer.complete(third, "c")
 *   yield* buffer.complete(first, "a")
 *   yield* buffer.evict(second)
 *   const entries = [yield* buffer.next(), yield* buffer.next()]
 *   assert.deepStrictEqual(entries.map((entry) => entry.value), ["a", "c"])
 *   assert.strictEqual(yield* buffer.complete(second, "too late"), false)
 * })
 *
 * Effect.runSync(program)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: { readonly maxPending: number }): Effect.Effect<RowReorderBuffer<A>> =>
  Number.isInteger(options.maxPending) && options.maxPending >= 1
    ? Effect.sync(() => makeUnsafe<A>(options.maxPending))
    : Effect.die(
        new Cause.IllegalArgumentException(
          `RowReorderBuffer.make: maxPending must be an integer of at least 1, got ${options.maxPending}`
        )
      )

/** Waits for the turn at a line, acts, and lets `serve` see who is next. */
const inTurn = <B>(
  line: Semaphore.Semaphore,
  serve: () => void,
  operation: typeof Operation.Type,
  timeout: Duration.DurationInput = Duration.infinity,
  act: (now: number) => Exit.Exit<B, BufferShutdownError>
): Effect.Effect<B, BufferShutdownError | BufferTimeoutError> =>
  Effect.uninterruptibleMask((restore) => {
    const limit = Duration.decode(timeout)
    const turn = { isMine: false, wake: constVoid }
    const place = line.join(() => {
      turn.isMine = true
      turn.wake()
      return false
    })
    const use = Effect.clockWith((clock): Exit.Exit<B, BufferShutdownError | BufferTimeoutError> => {
      // A turn that came at the very deadline is used: the deadline decides only who has none.
      if (!turn.isMine) {
        line.leave(place)
        return Exit.fail(new BufferTimeoutError({ operation, timeout: limit }))
      }
      const result = act(clock.unsafeCurrentTimeMillis())
      line.release()
      serve()
      return result
    })
    if (turn.isMine || Duration.isZero(limit)) return use

    const wait = Effect.async<void>((resume) => {
      turn.wake = () => resume(Effect.void)
      if (turn.isMine) turn.wake()
    })
    // Interruptible, or the deadline would mean nothing to a caller that is not, such as `Effect.acquireRelease`.
    const bounded = Duration.isFinite(limit) ? Effect.timeoutOption(Effect.interruptible(wait), limit) : wait
    return restore(bounded).pipe(
      Effect.onInterrupt(() => Effect.sync(() => (turn.isMine ? line.release() : line.leave(place)))),
      Effect.zipRight(use)
    )
  })

/** The rows that are neither released nor withdrawn, in sequence. */
const makeShelf = <A>() => {
  // The first, and those behind it.
  let head: LinkedQueue.Node<Row<A>> | undefined
  const behind = LinkedQueue.make<Row<A>>()
  return {
    get head() {
      return head
    },
    get size() {
      return behind.size + (head === undefined ? 0 : 1)
    },
    append: (node: LinkedQueue.Node<Row<A>>): void => {
      if (head === undefined) head = node
      else behind.push(node)
    },
    remove: (node: LinkedQueue.Node<Row<A>>, state: RowState<A>): void => {
      if (node === head) head = behind.shift()
      else behind.remove(node)
      node.value.state = state
    }
  }
}

const makeUnsafe = <A>(maxPending: number): RowReorderBuffer<A> => {
  let open = true
  const shelf = makeShelf<A>()
  // Weak, so that a row that left lives only as long as its ticket, whose late completion it is to recognise.
  const issued = new WeakMap<Ticket, LinkedQueue.Node<Row<A>>>()
  // The one permit of each is the turn of the first in line, kept until it has acted: so nobody overtakes it, and what
  // it was woken for is left to the next if it is interrupted before.
  const submits = Semaphore.make(1, () => !open || shelf.size < maxPending)
  const nexts = Semaphore.make(1, () => !open || shelf.head?.value.state._tag === "Completed")
  const total = { submitted: 0, released: 0, evicted: 0, abandoned: 0, late: 0, bufferWait: 0 }
  let completedWaiting = 0
  let maxObservedPending = 0

  const serve = () => {
    submits.serve()
    nexts.serve()
  }

  const admit = (rowId: string, now: number): Exit.Exit<Ticket, BufferShutdownError> => {
    if (!open) return Exit.fail(new BufferShutdownError({ operation: "submit" }))
    const ticket: Ticket = { [TypeId]: TypeId, sequence: total.submitted++, rowId }
    const node = LinkedQueue.node<Row<A>>({ ticket, submittedAt: now, state: pending })
    issued.set(ticket, node)
    shelf.append(node)
    maxObservedPending = Math.max(maxObservedPending, shelf.size)
    return Exit.succeed(ticket)
  }

  const releaseHead = (now: number): Exit.Exit<RowEntry<A>, BufferShutdownError> => {
    const { head } = shelf
    if (head?.value.state._tag !== "Completed") return Exit.fail(new BufferShutdownError({ operation: "next" }))
    const { submittedAt, ticket } = head.value
    const { completedAt, value } = head.value.state
    const bufferWait = elapsed(completedAt, now)
    shelf.remove(head, released)
    completedWaiting--
    total.released++
    total.bufferWait += Duration.toMillis(bufferWait)
    return Exit.succeed({
      sequence: ticket.sequence,
      rowId: ticket.rowId,
      value,
      submittedAt,
      completedAt,
      bufferWait
    })
  }

  const unissued = (ticket: Ticket) => (ticket.sequence >= total.submitted ? "Unknown" : "Mismatch")

  const refuse = (operation: "complete" | "evict", { rowId, sequence }: Ticket, reason: keyof typeof refusals) =>
    Exit.fail(new TicketError({ operation, sequence, rowId, reason }))

  return {
    submit: (rowId, options) =>
      rowId === ""
        ? Effect.die(new Cause.IllegalArgumentException('RowReorderBuffer.submit: rowId must not be empty, got ""'))
        : inTurn(submits, serve, "submit", options?.timeout, (now) => admit(rowId, now)),

    next: (options) => inTurn(nexts, serve, "next", options?.timeout, releaseHead),

    complete: (ticket, value) =>
      Effect.clockWith((clock) => {
        const row = issued.get(ticket)?.value
        if (row === undefined) return refuse("complete", ticket, unissued(ticket))
        switch (row.state._tag) {
          case "Pending":
            row.state = { _tag: "Completed", value, completedAt: clock.unsafeCurrentTimeMillis() }
            completedWaiting++
            nexts.serve()
            return Exit.succeed(true)
          case "Withdrawn":
            row.state = discarded
            total.late++
            return Exit.succeed(false)
          case "Completed":
          case "Released":
          case "Discarded":
            return refuse("complete", ticket, row.state._tag)
        }
      }),

    evict: (ticket) =>
      Effect.suspend(() => {
        const node = issued.get(ticket)
        if (node === undefined) {
          return unissued(ticket) === "Unknown" ? Exit.succeed(false) : refuse("evict", ticket, "Mismatch")
        }
        if (node.value.state._tag !== "Pending") return Exit.succeed(false)
        shelf.remove(node, withdrawn)
        total.evicted++
        serve()
        return Exit.succeed(true)
      }),

    shutdown: Effect.sync(() => {
      open = false
      const finished: Array<LinkedQueue.Node<Row<A>>> = []
      for (let head = shelf.head; head !== undefined; head = shelf.head) {
        const { state } = head.value
        if (state._tag === "Completed") {
          finished.push(head)
          shelf.remove(head, state)
        } else {
          shelf.remove(head, withdrawn)
          total.abandoned++
        }
      }
      finished.forEach(shelf.append)
      serve()
    }),

    isShutdown: Effect.sync(() => !open),

    metrics: Effect.sync(() => ({
      pending: shelf.size,
      completedWaiting,
      waitingSubmits: submits.waiting,
      waitingNexts: nexts.waiting,
      maxObservedPending,
      totalSubmitted: total.submitted,
      totalReleased: total.released,
      totalEvicted: total.evicted,
      totalAbandoned: total.abandoned,
      totalLate: total.late,
      averageBufferWait: total.released === 0 ? Duration.zero : Duration.millis(total.bufferWait / total.released)
    }))
  }
}
