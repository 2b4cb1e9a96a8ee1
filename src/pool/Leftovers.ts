/**
 * What a batch has to tell of its rows at its end: those that it leaves unfinished, and how many gave up.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PoolError from "../PoolError.js"
import * as Format from "../structure/Format.js"
import type { UnfinishedRow } from "./BatchInput.js"
import type { RowJob } from "./Fresh.js"
import type { Plan } from "./Plan.js"

/**
 * How a row failed, as far as its batch cares: it has an outcome of its own, was taken back, or the batch left it unfinished.
 *
 * @since 0.2.0
 * @category models
 */
export type Failure = "own" | "takenBack" | "unfinished"

/**
 * The leftovers of a batch.
 *
 * @since 0.2.0
 * @category models
 */
export class Leftovers<Row> {
  private readonly unfinished: Array<UnfinishedRow<Row>> = []
  /** Rows that gave up for want of capacity. */
  private gaveUp = 0

  /** Notes a row that failed; what is unfinished ends with `stop`. */
  note<E>(job: RowJob<Row>, cause: Cause.Cause<PoolError.RowError<E>>, stop: PoolError.StopError | undefined): Failure {
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    if (error instanceof PoolError.RetryTimeoutError) this.gaveUp += 1
    if (error === undefined || error !== stop) return error instanceof PoolError.RowCancelledError ? "takenBack" : "own"
    const { attempts, input, lastError, rowIndex, stateId } = job
    this.unfinished.push({ row: input, rowIndex, stateId, attempts, lastError })
    return "unfinished"
  }

  /** Tells of them, in a batch of so many rows. */
  report<A, E, R, F>({ admission, options }: Plan<Row, A, E, R, F>, rows: number): Effect.Effect<void, never, R> {
    const { name, maxCapacityRetry } = admission.config
    const warning =
      this.gaveUp === 0
        ? Effect.void
        : Effect.logWarning(
            `pool "${name}": ${this.gaveUp} of ${rows} rows gave up after ${Format.duration(maxCapacityRetry)} without capacity`
          )
    const { onUnfinished } = options
    if (onUnfinished === undefined || this.unfinished.length === 0) return warning
    return Effect.zipRight(warning, onUnfinished(this.unfinished.sort((a, b) => a.rowIndex - b.rowIndex)))
  }
}
