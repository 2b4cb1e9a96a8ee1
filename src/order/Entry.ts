/**
 * What becomes of a row, in words: its outcome, its entry, and the record of it for an audit trail.
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
  /** What its attempts have used, all of them; absent when none of them told. */
  readonly usage?: Usage.Usage
}

/**
 * What is known of a row when it ends: an entry without the fields that the buffer finds out itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome<A, E> = Pick<
  BufferEntry<A, E>,
  "exit" | "startedAt" | "throttleWait" | "attempts" | "lastStatus" | "usage"
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
  lastStatus: Schema.optionalWith(HttpStatus, { exact: true }),
  usage: Schema.optionalWith(Usage.Used, { exact: true })
})

/**
 * The time from one instant to another, none if the clock ran backwards.
 *
 * @since 0.2.0
 * @category durations
 */
export const elapsed = (from: number, to: number): Duration.Duration =>
  to > from ? Duration.millis(to - from) : Duration.zero
