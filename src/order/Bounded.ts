/**
 * A bounded reorder buffer for rows that arrive one by one. The caller of `submit` waits while the buffer is full. The
 * reader gets the rows in the order of submission. Rows that will never finish can be evicted, so that they do not stop
 * the rows behind them.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Schema from "effect/Schema"
import { elapsed, EntryMetadata } from "./Entry.js"
import { Shelf, type Slot, type Ticket } from "./Shelf.js"
import * as Semaphore from "../structure/Semaphore.js"

/**
 * A completed row as `next` releases it. Instants are epoch milliseconds of `Clock`.
 *
 * @since 0.2.0
 * @category models
 */
export interface BoundedEntry<out A> {
  readonly submitIndex: number
  readonly stateId: string
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
 * @since 0.2.0
 * @category models
 */
export interface Metrics {
  /** Rows in the buffer, finished or not; at most `maxPending`. */
  readonly pending: number
  /** How many of them are finished and wait for an earlier row, or for `next`. */
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
  /** The average over the released rows; zero before the first. */
  readonly averageBufferWait: Duration.Duration
}

/**
 * The schema of an entry without its `value`: the record of an audit trail, with `bufferWait` as milliseconds.
 *
 * @since 0.2.0
 * @category schemas
 */
export const BoundedEntryMetadata = EntryMetadata.pick(
  "submitIndex",
  "stateId",
  "submittedAt",
  "completedAt",
  "bufferWait"
)

const Operation = Schema.Literal("submit", "next")

/**
 * The buffer is shut down: it takes no more rows, and every finished row has been released.
 *
 * @since 0.2.0
 * @category errors
 */
export class BufferShutdownError extends Schema.TaggedError<BufferShutdownError>(
  "effect-aimd/ReorderBuffer/BufferShutdownError"
)("BufferShutdownError", { operation: Operation }) {
  /**
   * @since 0.2.0
   */
  override get message(): string {
    return `${this.operation}: the buffer is shut down`
  }
}

/**
 * The call did not succeed within its `timeout`. Nothing has changed: no row was taken in or released.
 *
 * @since 0.2.0
 * @category errors
 */
export class BufferTimeoutError extends Schema.TaggedError<BufferTimeoutError>(
  "effect-aimd/ReorderBuffer/BufferTimeoutError"
)("BufferTimeoutError", { operation: Operation, timeout: Schema.Duration }) {
  /**
   * @since 0.2.0
   */
  override get message(): string {
    const wanted = this.operation === "submit" ? "buffer space" : "next row in sequence"
    return `${this.operation}: no ${wanted} within ${Duration.format(this.timeout)}`
  }
}

const refusals = {
  Unknown: "no row has this index yet",
  Mismatch: "identity mismatch, this buffer did not issue the ticket; pass the object that submit returned",
  Completed: "already completed",
  Released: "already completed and released",
  Discarded: "its late completion was already discarded"
}

/**
 * The ticket does not allow this call. That is a mistake of the caller, and nothing has changed.
 *
 * @since 0.2.0
 * @category errors
 */
export class TicketError extends Schema.TaggedError<TicketError>("effect-aimd/ReorderBuffer/TicketError")(
  "TicketError",
  {
    operation: Schema.Literal("complete", "evict"),
    submitIndex: Schema.Number,
    stateId: Schema.String,
    reason: Schema.Literal("Unknown", "Mismatch", "Completed", "Released", "Discarded")
  }
) {
  /**
   * @since 0.2.0
   */
  override get message(): string {
    return `${this.operation}: ticket ${this.submitIndex} of row "${this.stateId}": ${refusals[this.reason]}`
  }
}

/**
 * A bounded reorder buffer for values of type `A`.
 *
 * @since 0.2.0
 * @category models
 */
export interface BoundedBuffer<in out A> {
  /**
   * Takes a row in; waits while the buffer is full, first come, first served. `timeout` (default none) limits that
   * wait: zero fails at once. An interrupted wait changes nothing. Dies if `stateId` is empty.
   *
   * An unfinished row stops all rows behind it. So complete or evict it, however its work ends.
   */
  submit(
    stateId: string,
    options?: { readonly timeout?: Duration.DurationInput }
  ): Effect.Effect<Ticket, BufferShutdownError | BufferTimeoutError>
  /**
   * Gives the value of a row. Returns true if it will be released. Returns false if it came too late, after the row was
   * evicted or abandoned at shutdown; then it is discarded. A row is completed once: a second time is a `TicketError`,
   * and so is a ticket that this buffer did not issue.
   */
  complete(ticket: Ticket, value: A): Effect.Effect<boolean, TicketError>
  /**
   * Takes an unfinished row out, wherever it stands, and frees its place. Returns true if it did, false if the row is
   * complete, gone, or not submitted yet. A `TicketError` if the ticket is not the one issued for its index.
   */
  evict(ticket: Ticket): Effect.Effect<boolean, TicketError>
  /**
   * Releases the next row in sequence; waits until it is complete, first come, first served. `timeout` (default none)
   * limits that wait: zero fails at once. An interrupted wait takes no row. After shutdown it releases the rows that
   * were complete, then fails.
   */
  next(options?: {
    readonly timeout?: Duration.DurationInput
  }): Effect.Effect<BoundedEntry<A>, BufferShutdownError | BufferTimeoutError>
  /** Abandons the unfinished rows, keeps the finished ones for `next`, and fails every waiting `submit`. Idempotent. */
  readonly shutdown: Effect.Effect<void>
  readonly isShutdown: Effect.Effect<boolean>
  readonly metrics: Effect.Effect<Metrics>
}

/**
 * Makes a buffer for at most `maxPending` rows, an integer of at least 1; dies on anything else.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ReorderBuffer } from "effect-aimd"
 *
 * const program = Effect.gen(function* () {
 *   const buffer = yield* ReorderBuffer.bounded<string>({ maxPending: 100 })
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
 * @since 0.2.0
 * @category constructors
 */
export const bounded = <A>(options: { readonly maxPending: number }): Effect.Effect<BoundedBuffer<A>> =>
  Number.isInteger(options.maxPending) && options.maxPending >= 1
    ? Effect.sync(() => new Buffer<A>(options.maxPending))
    : Effect.die(
        new Cause.IllegalArgumentException(
          `ReorderBuffer.bounded: maxPending must be an integer of at least 1, got ${options.maxPending}`
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

const refuse = (operation: "complete" | "evict", { stateId, submitIndex }: Ticket, reason: keyof typeof refusals) =>
  Exit.fail(new TicketError({ operation, submitIndex, stateId, reason }))

/** What a row came to, and when. */
interface Value<out A> {
  readonly slot: Ticket & { readonly submittedAt: number }
  readonly value: A
  readonly completedAt: number
}

class Buffer<in out A> implements BoundedBuffer<A> {
  private open = true
  private readonly shelf = new Shelf<Value<A>>()
  // The one permit of each is the turn of the first in line, kept until it has acted: so nobody overtakes it, and what
  // it was woken for is left to the next if it is interrupted before.
  private readonly submits: Semaphore.Semaphore
  private readonly nexts: Semaphore.Semaphore
  private readonly total = { released: 0, evicted: 0, abandoned: 0, late: 0, bufferWait: 0 }
  private maxObservedPending = 0

  constructor(maxPending: number) {
    this.submits = Semaphore.make(1, () => !this.open || this.shelf.size < maxPending)
    this.nexts = Semaphore.make(1, () => !this.open || this.shelf.isReady)
  }

  private readonly serve = (): void => {
    this.submits.serve()
    this.nexts.serve()
  }

  readonly submit: BoundedBuffer<A>["submit"] = (stateId, options) =>
    stateId === ""
      ? Effect.die(new Cause.IllegalArgumentException('ReorderBuffer.submit: stateId must not be empty, got ""'))
      : inTurn(this.submits, this.serve, "submit", options?.timeout, (now) => this.admit(stateId, now))

  readonly next: BoundedBuffer<A>["next"] = (options) =>
    inTurn(this.nexts, this.serve, "next", options?.timeout, (now) => this.releaseFirst(now))

  readonly complete: BoundedBuffer<A>["complete"] = (ticket, value) =>
    Effect.clockWith((clock) => {
      const slot = this.shelf.find(ticket)
      return slot === undefined
        ? refuse("complete", ticket, this.unissued(ticket))
        : this.completeSlot(slot, { slot, value, completedAt: clock.unsafeCurrentTimeMillis() })
    })

  readonly evict: BoundedBuffer<A>["evict"] = (ticket) =>
    Effect.suspend(() => {
      const slot = this.shelf.find(ticket)
      if (slot === undefined) {
        return this.unissued(ticket) === "Unknown" ? Exit.succeed(false) : refuse("evict", ticket, "Mismatch")
      }
      if (slot.state !== "pending") return Exit.succeed(false)
      this.shelf.withdraw(slot)
      this.total.evicted++
      this.serve()
      return Exit.succeed(true)
    })

  readonly shutdown = Effect.sync(() => {
    this.open = false
    this.total.abandoned += this.shelf.withdrawPending()
    this.serve()
  })

  readonly isShutdown = Effect.sync(() => !this.open)

  readonly metrics = Effect.sync((): Metrics => {
    const { shelf, total } = this
    return {
      pending: shelf.size,
      completedWaiting: shelf.completed,
      waitingSubmits: this.submits.waiting,
      waitingNexts: this.nexts.waiting,
      maxObservedPending: this.maxObservedPending,
      totalSubmitted: shelf.submitted,
      totalReleased: total.released,
      totalEvicted: total.evicted,
      totalAbandoned: total.abandoned,
      totalLate: total.late,
      averageBufferWait: total.released === 0 ? Duration.zero : Duration.millis(total.bufferWait / total.released)
    }
  })

  private admit(stateId: string, now: number): Exit.Exit<Ticket, BufferShutdownError> {
    if (!this.open) return Exit.fail(new BufferShutdownError({ operation: "submit" }))
    const slot = this.shelf.append(stateId, now)
    this.maxObservedPending = Math.max(this.maxObservedPending, this.shelf.size)
    return Exit.succeed(slot)
  }

  private releaseFirst(now: number): Exit.Exit<BoundedEntry<A>, BufferShutdownError> {
    const first = this.shelf.shift()
    if (first === undefined) return Exit.fail(new BufferShutdownError({ operation: "next" }))
    const { completedAt, slot, value } = first
    const { stateId, submitIndex, submittedAt } = slot
    const bufferWait = elapsed(completedAt, now)
    this.total.released++
    this.total.bufferWait += Duration.toMillis(bufferWait)
    return Exit.succeed({ submitIndex, stateId, value, submittedAt, completedAt, bufferWait })
  }

  private completeSlot(slot: Slot<Value<A>>, value: Value<A>): Exit.Exit<boolean, TicketError> {
    switch (slot.state) {
      case "pending":
        this.shelf.complete(slot, value)
        this.nexts.serve()
        return Exit.succeed(true)
      case "withdrawn":
        slot.state = "discarded"
        this.total.late++
        return Exit.succeed(false)
      case "completed":
        return refuse("complete", slot, "Completed")
      case "released":
        return refuse("complete", slot, "Released")
      case "discarded":
        return refuse("complete", slot, "Discarded")
    }
  }

  private unissued({ submitIndex }: Ticket): "Unknown" | "Mismatch" {
    return submitIndex >= this.shelf.submitted ? "Unknown" : "Mismatch"
  }
}
