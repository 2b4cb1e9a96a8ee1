/**
 * A finished row as JSON.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type { ParseError } from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { RowError } from "../PoolError.js"
import { EntryMetadata, type BufferEntry } from "../order/ReorderBuffer.js"
import { PoolFailure } from "./PoolFailure.js"

/**
 * The schema of a recorded row. It is the audit record of its entry without `bufferWait`, which comes after it was recorded.
 *
 * @since 0.2.0
 * @category schemas
 */
export const Record = Schema.Struct({
  ...EntryMetadata.omit("bufferWait").fields,
  /** The fingerprint of the row. */
  row: Schema.String,
  /** How the row ended, as its schemas encode it. */
  exit: Schema.Unknown
})

type Encoded = Schema.Schema.Encoded<typeof Record>

const decodeRecord = Schema.decodeUnknownEither(Record)

/**
 * Reads and writes records of rows that succeed with `A` and fail with `E`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Codec<A, E> {
  /** The record, or why it cannot be one. */
  readonly encode: (row: string, entry: BufferEntry<A, RowError<E>>) => Either.Either<Encoded, string>
  /** The fingerprint of the row and how it ended, or why the record is none. */
  readonly decode: (record: unknown) => Either.Either<Decoded<A, E>, string>
}

interface Decoded<A, E> {
  readonly row: string
  readonly outcome: Omit<BufferEntry<A, RowError<E>>, "bufferWait">
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What is read was JSON once. */
const throughJson = (encoded: unknown): unknown => JSON.parse(JSON.stringify(encoded))

/** JSON leaves out a result that is undefined. */
const withValue = (exit: unknown): unknown =>
  Predicate.isRecord(exit) && exit._tag === "Success" && !("value" in exit) ? { ...exit, value: undefined } : exit

/**
 * Makes a codec; without a schema for its failures a row has none of its own. The first success and the first failure that
 * it encodes are read back: a schema whose encoded side is no JSON is found out now, and not when somebody resumes.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeCodec = <A, AI, E, EI>(
  success: Schema.Schema<A, AI>,
  failure: Schema.Schema<E, EI> | undefined
): Codec<A, E> => {
  const ExitSchema = Schema.Exit({
    success,
    failure: failure === undefined ? PoolFailure : Schema.Union(PoolFailure, failure),
    defect: Schema.Defect
  })
  const encodeFailure = Schema.encodeUnknownEither(ExitSchema)
  const encodeSuccess = Schema.encodeEither(success)
  // Most rows succeed: the schema of an exit would take ten times as long as that of its value.
  const encodeExit = (exit: Exit.Exit<A, RowError<E>>): Either.Either<unknown, unknown> =>
    Exit.isSuccess(exit)
      ? Either.map(encodeSuccess(exit.value), (value) => ({ _tag: "Success", value }))
      : encodeFailure(exit)
  // A row of a batch has just these failures: the schemas are those that a record was written with.
  const decodeExit = Schema.decodeUnknownEither(ExitSchema) as (
    exit: unknown
  ) => Either.Either<Exit.Exit<A, RowError<E>>, ParseError>
  const proven = new Set<Exit.Exit<unknown>["_tag"]>()

  const encode = (row: string, entry: BufferEntry<A, RowError<E>>): Either.Either<Encoded, string> => {
    try {
      const exit = Either.getOrThrowWith(encodeExit(entry.exit), (error) => error)
      if (!proven.has(entry.exit._tag)) {
        const read = decodeExit(withValue(throughJson(exit)))
        if (Either.isLeft(read))
          return Either.left(`its encoded result does not come back from JSON: ${read.left.message}`)
        proven.add(entry.exit._tag)
      }
      const { attempts, completeIndex, completedAt, startedAt, stateId, submitIndex, submittedAt } = entry
      const { lastStatus, member, usage } = entry
      const throttleWait = Duration.toMillis(entry.throttleWait)
      const times = { submittedAt, startedAt, completedAt, throttleWait }
      const whole = { stateId, row, exit, submitIndex, completeIndex, ...times, attempts }
      // Spreads of objects are left to the few rows that have something in them.
      if (lastStatus === undefined && member === undefined && usage === undefined) return Either.right(whole)
      return Either.right({
        ...whole,
        ...(lastStatus !== undefined && { lastStatus }),
        ...(usage && { usage }),
        ...(member !== undefined && { member })
      })
    } catch (error) {
      return Either.left(messageOf(error))
    }
  }

  const decode: Codec<A, E>["decode"] = (record) =>
    Either.flatMap(decodeRecord(record), ({ exit, row, ...metadata }) =>
      Either.map(decodeExit(withValue(exit)), (exit) => ({ row, outcome: { ...metadata, exit } }))
    ).pipe(Either.mapLeft(messageOf))

  return { encode, decode }
}
