/**
 * The outcome of a row, its entry, and its record for an audit trail.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Usage from "../answer/Usage.js"
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
  /** When its first attempt started; if none started, when the row ended. */
  readonly startedAt: number
  /** When it ended. */
  readonly completedAt: number
  /** From its completion until every earlier row was complete; never negative, whatever the clock does. */
  readonly bufferWait: Duration.Duration
  /** How long it waited between a rejection and its next start, or its end. */
  readonly throttleWait: Duration.Duration
  /** How many attempts were started; 0 for a row that never started. */
  readonly attempts: number
  /** The status of the last capacity error it met; absent when it met none. */
  readonly lastStatus?: number
  /** What all its attempts have used; absent if no attempt reported it. */
  readonly usage?: Usage.Usage
  /** The member of a group that ran its last attempt; absent if its pool is no group, or no attempt started. */
  readonly member?: string
}

/**
 * What is known about a row when it ends: an entry without the fields that the buffer adds.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome<A, E> = Pick<
  BufferEntry<A, E>,
  "exit" | "startedAt" | "throttleWait" | "attempts" | "lastStatus" | "usage" | "member"
>

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
 * `Schema.encode(EntryMetadata)(entry)` takes a whole entry and leaves out its `exit`. It fails with a `ParseError` if
 * an index, a count, an instant or a wait is negative or not finite, or if an index or a count is not an integer.
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
  lastStatus: Schema.optionalWith(HttpStatus, { exact: true }),
  usage: Schema.optionalWith(Usage.Used, { exact: true }),
  member: Schema.optionalWith(Schema.NonEmptyString, { exact: true })
})

/**
 * The time from one instant to another, none if the clock ran backwards.
 *
 * @since 0.2.0
 * @category durations
 */
export const elapsed = (from: number, to: number): Duration.Duration =>
  to > from ? Duration.millis(to - from) : Duration.zero
