/**
 * The faces of a batch: its entries all at once, or as a stream.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Admission } from "./Admission.js"
import * as Attempt from "./Attempt.js"
import * as BatchInput from "./BatchInput.js"
import * as BatchOpener from "./BatchOpener.js"
import type { Keeper } from "./Keeper.js"
import type { KeeperOpener } from "./KeeperOpener.js"
import type { OpenBatch } from "./OpenBatch.js"
import type * as Plan from "./Plan.js"
import * as PoolError from "../PoolError.js"
import type * as PoolStats from "../PoolStats.js"
import type * as ReorderBuffer from "../order/ReorderBuffer.js"
import type * as Source from "./Source.js"

/**
 * The result of a batch: an entry for each row, in submission order.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchResult<out A, out E> {
  readonly entries: ReadonlyArray<ReorderBuffer.BufferEntry<A, E>>
  readonly stats: PoolStats.BatchStats
}

/**
 * A result with the cause of the row that failed first.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchRun<out A, out E> extends BatchResult<A, E> {
  readonly firstFailure: Cause.Cause<E> | undefined
}

type Process<Row, A, E, R> = (row: Row, context: BatchInput.RowContext) => Effect.Effect<A, E, R>

const noOptions = {}

const shutdownError = (admission: Admission): PoolError.PoolShutdownError =>
  new PoolError.PoolShutdownError({ pool: admission.config.name })

/**
 * Runs a batch. Fails only where the pool is shut down already; wrong arguments die before anything runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = <Row, A, E, R, R2 = never, KE = never, KR = never>(
  admission: Admission,
  rows: Iterable<Row>,
  process: Process<Row, A, E, R>,
  options: (BatchInput.BatchOptions<Row, A, E, R2> & BatchInput.JournalOption<Row, A, E, KE, KR>) | undefined,
  isFailFast: boolean
): Effect.Effect<BatchRun<A, PoolError.RowError<E>>, PoolError.PoolShutdownError | KE, R | R2 | KR> =>
  Effect.suspend(() => {
    if (admission.isShutdown) return Effect.fail(shutdownError(admission))
    const wrong = BatchInput.wrongBatch(rows, process, options)
    if (wrong !== undefined) return Effect.die(wrong)
    const list = Array.from(rows)
    const rowsWith = (keeper: Keeper<Row, A, PoolError.RowError<E>, KE> | undefined) =>
      Effect.flatMap(BatchInput.timeoutOf(options), (timeout) =>
        runRows<Row, A, E, R | R2, KE>(list, {
          admission,
          process,
          options: options ?? noOptions,
          timeout,
          isFailFast,
          ordered: true,
          maxPending: Infinity,
          keeper,
          // All rows were handed in, and each has its entry.
          endOfStop: () => Exit.void
        })
      )
    const journal = options?.journal
    const run = journal === undefined ? rowsWith(undefined) : kept(admission, journal, rowsWith)
    const traced = Effect.withSpan(run, "effect-aimd.batch", {
      attributes: { pool: admission.config.name, rows: list.length },
      captureStackTrace: false
    })
    // Under a span Effect wraps every error to remember it, and an error would not be the very object any more.
    return Effect.withFiberRuntime((fiber) => {
      if (admission.isInside(fiber)) return Attempt.insideOut(admission)
      return Attempt.isTraced(fiber) ? traced : run
    })
  })

/** Runs with an open keeper. Its scope is its own: attempts have the caller's. */
const kept = <Row, A, E, KE, KR, B, E2, R2>(
  admission: Admission,
  open: KeeperOpener<Row, A, E, KE, KR>,
  use: (keeper: Keeper<Row, A, E, KE>) => Effect.Effect<B, E2, R2>
) =>
  Effect.acquireUseRelease(
    Scope.make(),
    (scope) => Effect.flatMap(Scope.extend(open(admission.mind), scope), use),
    Scope.close
  )

const runRows = <Row, A, E, R, KE>(
  rows: ReadonlyArray<Row>,
  plan: Plan.Plan<Row, A, E, R, KE>
): Effect.Effect<BatchRun<A, PoolError.RowError<E>>, KE, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(BatchOpener.open(plan, restore), (batch) =>
      batch.offer(rows, true).pipe(
        Effect.zipRight(restore(batch.outlet.ended)),
        Effect.ensuring(batch.close),
        Effect.map(() => ({ entries: batch.outlet.out, stats: batch.stats, firstFailure: batch.firstFailure }))
      )
    )
  )

/**
 * Runs a batch whose rows are read as there is room for them, and gives its entries as they come.
 *
 * @since 0.2.0
 * @category constructors
 */
export const stream = <Row, A, E, R, E2 = never, R2 = never, R3 = never, KE = never, KR = never>(
  admission: Admission,
  rows: Source.Rows<Row, E2, R2>,
  process: Process<Row, A, E, R>,
  options: (BatchInput.StreamOptions<Row, A, E, R3> & BatchInput.JournalOption<Row, A, E, KE, KR>) | undefined
): Stream.Stream<
  ReorderBuffer.BufferEntry<A, PoolError.RowError<E>>,
  E2 | KE | PoolError.StopError,
  R | R2 | R3 | KR
> => {
  type Needs = R | R2 | R3
  type Failure = E2 | KE | PoolError.StopError
  type Batch = OpenBatch<Row, A, E, Needs, Failure>
  const begun = (keeper: Keeper<Row, A, PoolError.RowError<E>, KE> | undefined) =>
    Effect.gen(function* () {
      const timeout = yield* BatchInput.timeoutOf(options)
      const maxPending = options?.maxPending ?? BatchInput.defaultMaxPending(admission.config.poolSize)
      const plan: Plan.Plan<Row, A, E, Needs, Failure> = {
        admission,
        process,
        options: options ?? noOptions,
        timeout,
        isFailFast: false,
        ordered: options?.ordered ?? true,
        maxPending,
        keeper,
        endOfStop: Exit.fail
      }
      // Whoever reads may not be interruptible here; its attempts are, once it stops reading.
      const batch = yield* BatchOpener.open(plan, Effect.interruptible)
      batch.feed(rows)
      return batch
    })
  const checked = Effect.withFiberRuntime<void, PoolError.PoolShutdownError>((fiber) => {
    if (admission.isShutdown) return Effect.fail(shutdownError(admission))
    const wrong = BatchInput.wrongStream(rows, process, options)
    if (wrong !== undefined) return Effect.die(wrong)
    return admission.isInside(fiber) ? Attempt.insideOut(admission) : Effect.void
  })
  // Not `Stream.acquireRelease`: that has a scope of its own, and attempts have the caller's.
  const entriesWith = (keeper: Keeper<Row, A, PoolError.RowError<E>, KE> | undefined) =>
    Stream.fromChannel(
      Channel.acquireReleaseOut(
        Effect.map(Effect.zipRight(checked, begun(keeper)), Chunk.of<Batch>),
        (batch) => Chunk.unsafeHead(batch).close
      )
    ).pipe(Stream.flatMap((batch) => Stream.repeatEffectChunkOption(batch.take)))
  const journal = options?.journal
  const entries =
    journal === undefined
      ? entriesWith(undefined)
      : Stream.fromChannel(
          Channel.acquireReleaseOut(Effect.map(Effect.zipRight(checked, Scope.make()), Chunk.of), (scope, exit) =>
            Scope.close(Chunk.unsafeHead(scope), exit)
          )
        ).pipe(
          Stream.flatMap((scope) =>
            Stream.unwrap(Effect.map(Scope.extend(journal(admission.mind), scope), entriesWith))
          )
        )
  const traced = Stream.withSpan(entries, "effect-aimd.batch", {
    attributes: { pool: admission.config.name },
    captureStackTrace: false
  })
  return Stream.unwrap(Effect.withFiberRuntime((fiber) => Effect.succeed(Attempt.isTraced(fiber) ? traced : entries)))
}
