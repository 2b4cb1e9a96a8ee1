/**
 * Reads what a batch has come to, from anywhere: its results in the order of the rows, and how far it is.
 *
 * @since 0.2.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Codec } from "../../journal/Record.js"
import type { BufferEntry } from "../../order/ReorderBuffer.js"
import type { RowError } from "../../PoolError.js"
import type { BatchTables, Counts, State } from "./BatchTables.js"
import { ClusterBatchError } from "./ClusterBatchError.js"

/**
 * The result of a row, with its audit record. `submitIndex` is its place in the whole batch, `completeIndex` its place
 * among the rows of its chunk. Instants are by the clock of the runner that did it.
 *
 * @since 0.2.0
 * @category models
 */
export type Result<A, E> = Omit<BufferEntry<A, RowError<E>>, "bufferWait"> & {
  /** Which chunk it was in, from 0. */
  readonly chunk: number
}

/**
 * The progress of a batch.
 *
 * @since 0.2.0
 * @category models
 */
export interface Progress extends Counts {
  readonly state: State
  /** Why the batch has failed; undefined unless `state` is `failed`. */
  readonly failure: string | undefined
}

/**
 * What a reader works with.
 *
 * @since 0.2.0
 * @category models
 */
export interface Shelf<A, E> {
  readonly tables: BatchTables
  readonly codec: Codec<A, E>
  readonly interval: Duration.Duration
  readonly batch: string
}

type Failure = SqlError | ClusterBatchError

/**
 * How far a batch is now.
 *
 * @since 0.2.0
 * @category reading
 */
export const status = ({
  batch,
  tables
}: Pick<Shelf<never, never>, "batch" | "tables">): Effect.Effect<Progress, Failure> =>
  Effect.gen(function* () {
    const found = yield* tables.state(batch)
    if (found === undefined) return yield* unknown(batch)
    const counts = yield* tables.counts(batch)
    return { ...counts, state: found.state, failure: found.failure ?? undefined }
  })

/**
 * There is no such batch.
 *
 * @since 0.2.0
 * @category errors
 */
export const unknown = (batch: string): ClusterBatchError =>
  new ClusterBatchError({ reason: "Unknown", batch, detail: "there is no such batch" })

/**
 * Whether nothing becomes of a batch any more by itself.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isOver = (state: State): boolean => state === "done" || state === "cancelled" || state === "failed"

/**
 * How far a batch is, now and then, until it is over.
 *
 * @since 0.2.0
 * @category reading
 */
export const progress = (
  shelf: Pick<Shelf<never, never>, "batch" | "interval" | "tables">
): Stream.Stream<Progress, Failure> =>
  Stream.concat(Stream.make(0), Stream.fromSchedule(Schedule.spaced(shelf.interval))).pipe(
    Stream.mapEffect(() => status(shelf)),
    Stream.takeUntil(({ state }) => isOver(state))
  )

/**
 * The results from this row on, in the order of the rows, chunk by chunk as they are done; waits for those that are not.
 *
 * @since 0.2.0
 * @category reading
 */
export const results = <A, E>(shelf: Shelf<A, E>, from: number): Stream.Stream<Result<A, E>, Failure> =>
  Stream.unwrap(
    Effect.map(shelf.tables.at(shelf.batch, from), (first) =>
      Stream.dropWhile(
        Stream.paginateChunkEffect(first, (chunk) => next(shelf, chunk)),
        ({ submitIndex }) => submitIndex < from
      )
    )
  )

type Page<A, E> = readonly [Chunk.Chunk<Result<A, E>>, Option.Option<number>]

/** The state is looked at first: what is not there after the batch was over never comes. */
const next = <A, E>(shelf: Shelf<A, E>, chunk: number): Effect.Effect<Page<A, E>, Failure> =>
  Effect.gen(function* () {
    const { batch, interval, tables } = shelf
    const over: Page<A, E> = [Chunk.empty(), Option.none()]
    const current = yield* tables.state(batch)
    if (current === undefined) return yield* unknown(batch)
    const found = yield* tables.chunk(batch, chunk)
    if (found?.size === 0) return over
    const isThere = found !== undefined && (found.isDone || current.state === "cancelled")
    if (isThere) return [yield* read(shelf, chunk, found.first), Option.some(chunk + 1)]
    if (current.state === "failed") {
      return yield* new ClusterBatchError({ reason: "Failed", batch, detail: current.failure ?? "it has failed" })
    }
    if (isOver(current.state)) return over
    return yield* Effect.delay(
      Effect.suspend(() => next(shelf, chunk)),
      interval
    )
  })

const read = <A, E>({ batch, codec, tables }: Shelf<A, E>, chunk: number, first: number) =>
  Effect.gen(function* () {
    const records = yield* tables.records(batch, chunk)
    const corrupt = (detail: string) => new ClusterBatchError({ reason: "Corrupt", batch, detail })
    const decoded = records.map((record) =>
      Either.flatMap(Either.try({ try: (): unknown => JSON.parse(record), catch: String }), codec.decode)
    )
    const results = yield* Either.mapLeft(Either.all(decoded), (detail) =>
      corrupt(`a result of chunk ${chunk} cannot be read: ${detail}`)
    )
    return Chunk.unsafeFromArray(
      results.map(({ outcome }): Result<A, E> => ({ ...outcome, submitIndex: first + outcome.submitIndex, chunk }))
    )
  })
