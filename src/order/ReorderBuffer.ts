/**
 * Puts the outcomes of a batch back into submission order, each with the metadata that an audit trail needs.
 *
 * Synchronous, and without a clock of its own: every instant is an argument. All operations are O(1) for each row.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { HttpStatus } from "../Capacity.js"

/**
 * A row's final outcome with its ordering metadata. Instants are epoch milliseconds of `Clock`.
 *
 * @since 0.1.0
 * @category models
 */
export interface BufferEntry<out A, out E> {
  /** The row's place in the order of submission, from 0. */
  readonly submitIndex: number
  /** The row's place in the true order of completion, from 0. */
  readonly completeIndex: number
  /** The row's name in an audit trail. */
  readonly stateId: string
  /** What the row ended with. */
  readonly exit: Exit.Exit<A, E>
  /** When the row was submitted. */
  readonly submittedAt: number
  /** When its first attempt started; when it ended, if none did. */
  readonly startedAt: number
  /** When it ended. */
  readonly completedAt: number
  /** From its completion until every earlier row was complete; never negative, whatever the clock does. */
  readonly bufferWait: Duration.Duration
  /** How long it waited for the pool to let it go on. */
  readonly throttleWait: Duration.Duration
  /** How many attempts were started; 0 for a row that never started. */
  readonly attempts: number
  /** The status of the last capacity error it met; absent when it met none. */
  readonly lastStatus?: number
}

/**
 * What the caller of `complete` knows of a row: an entry without the fields that the buffer finds out itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome<A, E> = Pick<BufferEntry<A, E>, "exit" | "startedAt" | "throttleWait" | "attempts" | "lastStatus">

/**
 * A buffer that takes rows in, takes their outcomes in any order, and gives entries back in the order of submission.
 *
 * When no row is pending, both indices start again at 0. So submit a batch's next row before you complete its last
 * pending one, and give each batch a buffer of its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReorderBuffer<in out A, in out E> {
  /** Takes a row in and returns its `submitIndex`. Throws, and changes nothing, if `stateId` is empty. */
  submit(stateId: string, now: number): number
  /**
   * Records the outcome of a row and returns the entries that this releases, in submission order; none while an
   * earlier row is unfinished. Throws, and changes nothing, if no unfinished row has this index.
   */
  complete(submitIndex: number, outcome: Outcome<A, E>, now: number): ReadonlyArray<BufferEntry<A, E>>
  /** How many rows are submitted and not yet released. */
  readonly pending: number
}

const NonNegativeFinite = Schema.Finite.pipe(Schema.nonNegative())
const Index = Schema.NonNegativeInt
// Schema.DurationFromMillis lets Infinity pass, which JSON turns into null.
const Millis = Schema.transform(NonNegativeFinite, Schema.DurationFromSelf.pipe(Schema.filter(Duration.isFinite)), {
  strict: true,
  decode: Duration.millis,
  encode: Duration.toMillis
})

/**
 * The schema of an entry without its `exit`: the record of an audit trail, with durations as milliseconds.
 *
 * `Schema.encode(EntryMetadata)(entry)` takes a whole entry and leaves its `exit` out. Indices, counts, instants and
 * waits that are negative, not finite or (for indices and counts) not integers are a `ParseError`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EntryMetadata = Schema.Struct({
  submitIndex: Index,
  completeIndex: Index,
  stateId: Schema.NonEmptyString,
  submittedAt: NonNegativeFinite,
  startedAt: NonNegativeFinite,
  completedAt: NonNegativeFinite,
  bufferWait: Millis,
  throttleWait: Millis,
  attempts: Index,
  lastStatus: Schema.optionalWith(HttpStatus, { exact: true })
})

/**
 * The time from one instant to another, none if the clock ran backwards.
 *
 * @internal
 */
export const elapsed = (from: number, to: number): Duration.Duration =>
  to > from ? Duration.millis(to - from) : Duration.zero

// The buffer's own entry, which nobody else sees before its `bufferWait` is known.
type Completed<A, E> = { -readonly [K in keyof BufferEntry<A, E>]: BufferEntry<A, E>[K] }

const none: ReadonlyArray<never> = []
const initialLength = 16

/**
 * Makes an empty buffer. It grows by itself; with `rows`, their number, it is large enough from the start.
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
export const make = <A, E>(rows = 0): ReorderBuffer<A, E> => {
  // One array for each field, not one object for each row: that halves the time a long batch spends in the garbage
  // collector. Each is a ring of `length` slots, a power of two, for the rows from `head` up to `tail`.
  let length = initialLength
  while (length < rows) length *= 2
  let stateIds = new Array<string | undefined>(length)
  let instants = new Float64Array(length)
  let entries = new Array<Completed<A, E> | undefined>(length)
  // The first row that is not released.
  let head = 0
  // The next row to be submitted.
  let tail = 0
  // How many rows are complete.
  let completed = 0

  const moved = <Value>(from: Array<Value>, to: number): Array<Value> => {
    const ring = new Array<Value>(to)
    for (let i = head; i < tail; i++) {
      const value = from[i & (length - 1)]
      if (value !== undefined) ring[i & (to - 1)] = value
    }
    return ring
  }

  const resize = (to: number) => {
    const moments = new Float64Array(to)
    for (let i = head; i < tail; i++) moments[i & (to - 1)] = instants[i & (length - 1)] ?? 0
    stateIds = moved(stateIds, to)
    entries = moved(entries, to)
    instants = moments
    length = to
  }

  return {
    get pending() {
      return tail - head
    },
    submit(stateId, now) {
      if (stateId === "") throw new Error('ReorderBuffer.submit: stateId must be a non-empty string, got ""')
      if (tail - head === length) resize(length * 2)
      stateIds[tail & (length - 1)] = stateId
      instants[tail & (length - 1)] = now
      return tail++
    },
    complete(submitIndex, outcome, now) {
      if (!Number.isInteger(submitIndex) || submitIndex < 0 || submitIndex >= tail) {
        throw new Error(
          `ReorderBuffer.complete: no row ${submitIndex} of ${tail}; pass the index that submit returned, ` +
            "which is void once no row is pending"
        )
      }
      const slot = submitIndex & (length - 1)
      const stateId = submitIndex < head ? undefined : stateIds[slot]
      const submittedAt = instants[slot]
      if (stateId === undefined || submittedAt === undefined) {
        throw new Error(`ReorderBuffer.complete: row ${submitIndex} is already complete; complete each row once`)
      }
      stateIds[slot] = undefined
      const entry: Completed<A, E> = {
        submitIndex,
        completeIndex: completed++,
        stateId,
        exit: outcome.exit,
        submittedAt,
        startedAt: outcome.startedAt,
        completedAt: now,
        bufferWait: Duration.zero,
        throttleWait: outcome.throttleWait,
        attempts: outcome.attempts
      }
      if (outcome.lastStatus !== undefined) entry.lastStatus = outcome.lastStatus
      if (submitIndex !== head) {
        entries[slot] = entry
        return none
      }

      head += 1
      const released: Array<BufferEntry<A, E>> = [entry]
      for (let next = entries[head & (length - 1)]; next !== undefined; next = entries[head & (length - 1)]) {
        next.bufferWait = elapsed(next.completedAt, now)
        released.push(next)
        entries[head++ & (length - 1)] = undefined
      }
      if (head === tail) {
        head = tail = completed = 0
        if (length > initialLength) resize(initialLength)
      }
      return released
    }
  }
}
