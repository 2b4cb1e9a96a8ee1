/**
 * The failures that a pool adds to a row's own errors.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Format from "./structure/Format.js"
import type { CapacityError } from "./Capacity.js"

/**
 * The API had no capacity for the row until its budget, `maxCapacityRetry`, was spent. `elapsed` counts from the row's
 * first start.
 *
 * @since 0.1.0
 * @category errors
 */
export class RetryTimeoutError extends Data.TaggedError("RetryTimeoutError")<{
  readonly elapsed: Duration.Duration
  readonly budget: Duration.Duration
  readonly attempts: number
  readonly lastError: CapacityError
}> {
  override get message(): string {
    const { attempts, budget, elapsed, lastError } = this
    return `no capacity for ${Format.duration(elapsed)} (budget ${Format.duration(budget)}), ${attempts} attempts, last status ${lastError.status}`
  }
}

/**
 * The pool was shut down before the row had an outcome.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolShutdownError extends Data.TaggedError("PoolShutdownError")<{ readonly pool: string }> {
  override get message(): string {
    return `the pool "${this.pool}" is shut down: nothing starts any more`
  }
}

/**
 * The batch's `timeout` passed before the row had an outcome.
 *
 * @since 0.1.0
 * @category errors
 */
export class BatchTimeoutError extends Data.TaggedError("BatchTimeoutError")<{ readonly timeout: Duration.Duration }> {
  override get message(): string {
    return `no outcome within the batch's timeout of ${Format.duration(this.timeout)}`
  }
}

/**
 * An attempt took longer than the pool's `attemptTimeout` and was interrupted; the row is not retried.
 *
 * @since 0.1.0
 * @category errors
 */
export class AttemptTimeoutError extends Data.TaggedError("AttemptTimeoutError")<{
  readonly timeout: Duration.Duration
  readonly attempt: number
}> {
  override get message(): string {
    return `attempt ${this.attempt} had no answer within ${Format.duration(this.timeout)}`
  }
}

/**
 * The failures of a call that goes through a pool. Its capacity errors are retried, so they are not among them.
 *
 * @since 0.1.0
 * @category errors
 */
export type CallError<E> = Exclude<E, CapacityError> | RetryTimeoutError | PoolShutdownError | AttemptTimeoutError

/**
 * The failures of a single attempt. The pool does not retry it, so its capacity errors are among them.
 *
 * @since 0.2.0
 * @category errors
 */
export type AttemptError<E> = E | PoolShutdownError | AttemptTimeoutError

/**
 * The failures of a row of a batch.
 *
 * @since 0.1.0
 * @category errors
 */
export type RowError<E> = CallError<E> | BatchTimeoutError
