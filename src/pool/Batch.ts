/**
 * One batch on its way through a pool: at most `poolSize` fibers work its rows, whatever their number.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Argument from "../structure/Argument.js"
import * as Format from "../structure/Format.js"
import type { Admission } from "./Admission.js"
import * as Attempt from "./Attempt.js"
import * as BatchInput from "./BatchInput.js"
import * as Lane from "./Lane.js"
import * as PoolConfig from "../PoolConfig.js"
import * as PoolError from "../PoolError.js"
import * as PoolStats from "../PoolStats.js"
import * as ReorderBuffer from "../order/ReorderBuffer.js"
import * as Workers from "./Workers.js"

/**
 * What an attempt is told about its row.
 *
 * @since 0.1.0
 * @category models
 */
export interface RowContext {
  /** Names the row in an audit trail; never empty. */
  readonly stateId: string
  /** The row's place in the batch, from 0. */
  readonly rowIndex: number
  /** Which attempt this is, from 1. */
  readonly attempt: number
}

/**
 * What a batch ended with: an entry for each row, in submission order.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchResult<out A, out E> {
  readonly entries: ReadonlyArray<ReorderBuffer.BufferEntry<A, E>>
  readonly stats: PoolStats.BatchStats
}

class RowJob extends Lane.Job {
  readonly rowIndex: number
  constructor(submittedAt: number, rowIndex: number) {
    super(submittedAt)
    this.rowIndex = rowIndex
  }
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

/**
 * Runs a batch. Fails only where the pool is shut down already; wrong arguments die before anything runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = <Row, A, E, R>(
  admission: Admission,
  rows: Iterable<Row>,
  process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
  options: BatchInput.BatchOptions<Row> | undefined,
  failFast: boolean
): Effect.Effect<BatchRun<A, PoolError.RowError<E>>, PoolError.PoolShutdownError, R> =>
  Effect.suspend(() => {
    if (admission.isShutdown) return Effect.fail(shutdownError(admission))
    const { rows: list, stateIds } = BatchInput.read(rows, process, options)
    const limit = options?.timeout
    const timeout = limit === undefined ? Effect.succeed(undefined) : PoolConfig.makeDuration("timeout", limit)
    const run = Effect.flatMap(timeout, (limit) => runRows(admission, list, stateIds, process, limit, failFast))
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

const runRows = <Row, A, E, R>(
  admission: Admission,
  rows: ReadonlyArray<Row>,
  stateIds: ReadonlyArray<string>,
  process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
  timeout: Duration.Duration | undefined,
  failFast: boolean
): Effect.Effect<BatchRun<A, PoolError.RowError<E>>, never, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime((parent) => {
      type Failure = PoolError.RowError<E>
      const { timers } = admission
      const submittedAt = timers.now()
      const recordedAt = timers.wallNow()
      const traced = Attempt.isTraced(parent)
      const buffer = ReorderBuffer.make<A, Failure>(rows.length)
      const entries: Array<ReorderBuffer.BufferEntry<A, Failure>> = []
      let fresh = 0
      let gaveUp = 0
      let firstFailure: Cause.Cause<Failure> | undefined
      for (const stateId of stateIds) buffer.submit(stateId, recordedAt)

      const finish = (job: RowJob, exit: Exit.Exit<A, Failure>, now: number): void => {
        const { attempts, lastError, startedAt } = job
        const throttleWait = job.throttleWait === 0 ? Duration.zero : Duration.millis(job.throttleWait)
        const outcome =
          lastError === undefined
            ? { exit, startedAt, throttleWait, attempts }
            : { exit, startedAt, throttleWait, attempts, lastStatus: lastError.status }
        for (const entry of buffer.complete(job.rowIndex, outcome, now)) entries.push(entry)
        if (Exit.isFailure(exit)) {
          const error = Cause.failureOption(exit.cause)
          if (Option.isSome(error) && error.value instanceof PoolError.RetryTimeoutError) gaveUp += 1
          if (firstFailure === undefined) {
            firstFailure = exit.cause
            // The error only unblocks the others: nobody sees their entries.
            if (failFast) lane.stop(shutdownError(admission), true)
          }
        }
        if (entries.length === rows.length) workers.dismiss()
      }

      const lane = Lane.open<RowJob, A, E>(admission, {
        hasFresh: () => fresh < rows.length,
        takeFresh: () => (fresh < rows.length ? new RowJob(submittedAt, fresh++) : undefined),
        start: (job) => workers.give(job),
        finish,
        interrupt: () => workers.interrupt()
      })

      const attempt = (job: RowJob): Effect.Effect<A, E | PoolError.AttemptTimeoutError, R> => {
        const { attempts, rowIndex } = job
        const context: RowContext = { stateId: stateIds[rowIndex] ?? "", rowIndex, attempt: attempts }
        // Rows and state ids were made together: the index of one is an index of the other.
        const call = Effect.suspend(() => checked(process(rows[rowIndex] as Row, context), rowIndex))
        if (!traced) return Attempt.make(admission, call, attempts, undefined)
        const span =
          job.span === undefined
            ? Effect.tap(Attempt.openRowSpan(admission, { ...context }), (opened) => void (job.span = opened))
            : Effect.succeed(job.span)
        return Effect.flatMap(span, (row) => Attempt.make(admission, call, attempts, row))
      }

      const workers = Workers.make<RowJob, A, E | PoolError.AttemptTimeoutError, R>({
        admission,
        restore,
        attempt,
        settle: lane.settle,
        onCrash: (left) => {
          lane.stop(shutdownError(admission), true)
          for (const job of left) lane.withdraw(job)
        }
      })

      const timer =
        timeout === undefined
          ? undefined
          : timers.add(submittedAt + Duration.toMillis(timeout), () =>
              lane.stop(new PoolError.BatchTimeoutError({ timeout }), true)
            )

      const report = Effect.suspend(() =>
        gaveUp === 0
          ? Effect.void
          : Effect.logWarning(
              `pool "${admission.config.name}": ${gaveUp} of ${rows.length} rows gave up after ${Format.duration(admission.config.maxCapacityRetry)} without capacity`
            )
      )
      return Effect.forEach(
        Array.from({ length: Math.min(admission.config.poolSize, rows.length) }),
        () => workers.hire,
        { discard: true }
      ).pipe(
        Effect.zipRight(Effect.sync(() => lane.submitted(rows.length))),
        Effect.zipRight(restore(workers.allGone)),
        Effect.onInterrupt(() =>
          Effect.suspend(() => {
            lane.stop(shutdownError(admission), true)
            return workers.allGone
          })
        ),
        Effect.ensuring(
          Effect.sync(() => {
            if (timer !== undefined) timers.remove(timer)
            lane.close()
          })
        ),
        Effect.zipRight(report),
        Effect.map(() => ({ entries, stats: PoolStats.fromTally(lane.counter.tally), firstFailure }))
      )
    })
  )

const shutdownError = (admission: Admission): PoolError.PoolShutdownError =>
  new PoolError.PoolShutdownError({ pool: admission.config.name })

const checked = <A, E, R>(effect: Effect.Effect<A, E, R>, rowIndex: number): Effect.Effect<A, E, R> =>
  Effect.isEffect(effect)
    ? effect
    : Effect.die(Argument.refusal(`process of row ${rowIndex}`, Argument.anEffect, effect))
