/**
 * Does the rows of one chunk, until its journal has all of them.
 *
 * @since 0.2.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Capacity from "../../Capacity.js"
import * as Journal from "../../journal/Journal.js"
import type { JournalError } from "../../journal/JournalError.js"
import type { RowError } from "../../PoolError.js"
import type * as PooledExecutor from "../../PooledExecutor.js"
import { type BatchTables, type Found, journalOf } from "./BatchTables.js"
import type { ChunkEnd } from "./Message.js"
import type { Watch, Watched } from "./Watch.js"

/**
 * What is done with rows, and with what.
 *
 * @since 0.2.0
 * @category models
 */
export interface Work<Row, I, A, AI, E, EI, R> {
  readonly pool: PooledExecutor.PooledExecutor
  readonly tables: BatchTables
  readonly watch: Watch
  readonly interval: Duration.Duration
  readonly row: Schema.Schema<Row, I>
  readonly success: Schema.Schema<A, AI>
  readonly failure: Schema.Schema<E, EI> | undefined
  readonly process: (row: Row, context: PooledExecutor.RowContext) => Effect.Effect<A, E | Capacity.CapacityError, R>
  readonly options: RowOptions<Row, E>
}

/**
 * What may be said of rows; their index is that in the whole batch.
 *
 * @since 0.2.0
 * @category models
 */
export interface RowOptions<in Row, in E> {
  /** Names a row: in its result, its journal, and its `RowContext`. Never empty, and no other row has it. Default its index. */
  readonly stateId?: ((row: Row, rowIndex: number) => string) | undefined
  /** What a row takes of the limits that the pool was told, at most. Default one request. */
  readonly cost?: ((row: Row, rowIndex: number) => PooledExecutor.Cost) | undefined
  /** Whose turn it is: that of all rows, or of each. Default nobody's. */
  readonly turn?: PooledExecutor.BatchOptions<Row>["turn"]
  /** What the results depend on besides the rows, such as the model and the prompt. Default nothing. */
  readonly fingerprint?: string | undefined
  /** Whether a row that failed is done again when its chunk begins again; default `Journal.isUnanswered`. */
  readonly retry?: ((cause: Cause.Cause<RowError<E>>) => boolean) | undefined
}

/**
 * Does a chunk.
 *
 * @since 0.2.0
 * @category constructors
 */
export const run = <Row, I, A, AI, E, EI, R>(
  work: Work<Row, I, A, AI, E, EI, R>,
  batch: string,
  chunk: number
): Effect.Effect<ChunkEnd, never, R | Journal.Journal> => {
  const once = Effect.gen(function* () {
    const watched = yield* work.watch(batch)
    yield* watched.unpaused
    return yield* watched.permits.withPermits(1)(attempt(work, batch, chunk, watched))
  }).pipe(
    Effect.scoped,
    Effect.catchTags({ JournalError: afterJournal, SqlError: later, PoolShutdownError: () => Effect.never }),
    Effect.catchAll(({ message }) => Effect.succeed(failed(message))),
    // A `stateId` that throws would throw again.
    Effect.catchAllDefect((defect) => Effect.succeed(failed(Cause.pretty(Cause.die(defect)))))
  )

  /** What is not done yet is looked at again: it was paused meanwhile, or another runner still works with the journal. */
  const loop: Effect.Effect<ChunkEnd, never, R | Journal.Journal> = Effect.flatMap(once, (end) =>
    end === undefined ? Effect.delay(loop, work.interval) : Effect.succeed(end)
  )
  return loop
}

const done = (millis: number): ChunkEnd => ({ _tag: "Done", millis })
const stopped: ChunkEnd = { _tag: "Stopped" }
const failed = (detail: string): ChunkEnd => ({ _tag: "Failed", detail })

const later = (error: SqlError | JournalError): Effect.Effect<undefined> =>
  Effect.as(Effect.logWarning(`a chunk waits for its tables: ${error.message}`), undefined)

const afterJournal = (error: JournalError): Effect.Effect<ChunkEnd | undefined> => {
  switch (error.reason) {
    case "InUse":
      return Effect.succeed(undefined)
    case "Read":
    case "Write":
      return later(error)
    case "Foreign":
    case "Corrupt":
    case "ChangedRow":
    case "DuplicateRow":
    case "Encode":
      return Effect.succeed(failed(error.message))
  }
}

/** Says how the chunk has ended; undefined where it has not. */
const attempt = <Row, I, A, AI, E, EI, R>(
  work: Work<Row, I, A, AI, E, EI, R>,
  batch: string,
  chunk: number,
  watched: Watched
) =>
  Effect.gen(function* () {
    const state = yield* watched.state
    if (state === "paused") return undefined
    if (state !== "running") return stopped
    const found = yield* work.tables.chunk(batch, chunk)
    if (found === undefined) return failed("the chunk is gone")
    if (found.isDone) return done(0)
    const [lasted, failures] = yield* Effect.timed(doRows(work, batch, found, watched))
    if (typeof failures !== "number") return failures
    return (yield* work.tables.finish(batch, chunk, failures)) ? done(Duration.toMillis(lasted)) : undefined
  })

/** Does what is not in the journal; says how many rows have failed. */
const doRows = <Row, I, A, AI, E, EI, R>(
  work: Work<Row, I, A, AI, E, EI, R>,
  batch: string,
  found: Found,
  watched: Watched
) =>
  Effect.gen(function* () {
    const { failure, options, pool, process, success } = work
    const { first } = found
    const rows = Schema.decodeEither(Schema.parseJson(Schema.Array(work.row)))(found.content ?? "[]")
    if (rows._tag === "Left") return failed(`rows from ${first} on cannot be read: ${rows.left.message}`)
    const isRunning = Effect.map(watched.state, (state) => state === "running")
    const at = <B>(f: ((row: Row, rowIndex: number) => B) | undefined) =>
      f && ((row: Row, i: number): B => f(row, first + i))
    const { stateId = (_: Row, rowIndex: number) => String(rowIndex), turn } = options
    const journal = {
      id: journalOf(batch, found.chunk),
      success,
      failure,
      fingerprint: options.fingerprint,
      retry: options.retry
      // Whether a schema is needed cannot be told of an E that is not known; `ClusterBatch.make` has asked for it.
    } as Parameters<typeof Journal.batch<Row, A, AI, E, EI>>[0]
    const entries = pool.stream(
      Stream.takeUntilEffect(Stream.fromIterable(rows.right), () => Effect.negate(isRunning)),
      (row, context) =>
        Effect.if(isRunning, {
          onTrue: () => unlessInterrupted(process(row, { ...context, rowIndex: first + context.rowIndex })),
          // Not started, as far as the journal knows.
          onFalse: () => Effect.interrupt
        }),
      {
        ordered: false,
        maxPending: pool.poolSize,
        stateId: at(stateId),
        cost: at(options.cost),
        turn: typeof turn === "function" ? at(turn) : turn,
        journal: Journal.batch(journal)
      }
    )
    return yield* Stream.runFold(entries, 0, (failures, { exit }) => failures + (Exit.isFailure(exit) ? 1 : 0))
  })

/** A row that interrupts itself would never be done. What comes from outside passes. */
const unlessInterrupted = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.catchAllCause(effect, (cause) =>
    Cause.isInterrupted(cause) ? Effect.die(new Error("the row interrupted itself")) : Effect.failCause(cause)
  )
