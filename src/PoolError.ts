/**
 * The failures that a pool adds to a row's own errors.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type { Unit } from "./limit/Cost.js"
import * as Format from "./structure/Format.js"
import type { CapacityError } from "./Capacity.js"

/**
 * The API had no capacity for the row within its budget, `maxCapacityRetry`: the budget is spent, or the API asks for a
 * longer wait than is left of it, or the API has served nothing at all for that long. `elapsed` counts from the row's
 * first start. If the row never started, it counts from its submission, and `attempts` is 0.
 *
 * @since 0.1.0
 * @category errors
 */
export class RetryTimeoutError extends Data.TaggedError("RetryTimeoutError")<{
  readonly elapsed: Duration.Duration
  readonly budget: Duration.Duration
  readonly attempts: number
  /** The last rejection of the row; of the pool where the row had no attempt. */
  readonly lastError: CapacityError
  /** How many other attempts the API served since it rejected the row first. Many of them: the trouble is the row's own. */
  readonly othersServed?: number
  /** What the API asked for in `lastError`, before `maxRetryAfter` cut it. */
  readonly retryAfter?: Duration.Duration | undefined
  /** The end of that, in epoch milliseconds of the wall clock: when to come back. */
  readonly retryAt?: number | undefined
}> {
  override get message(): string {
    const { attempts, budget, elapsed, lastError, othersServed = 0, retryAfter } = this
    const lasted = `no capacity for ${Format.duration(elapsed)} (budget ${Format.duration(budget)})`
    const others = othersServed === 0 ? "" : `, ${othersServed} others served meanwhile`
    const asked = retryAfter === undefined ? "" : `, retry after ${Format.duration(retryAfter)}`
    return `${lasted}, ${attempts} attempts, last status ${lastError.status}${others}${asked}`
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
 * Somebody cancelled the row, by its name, before it had an outcome.
 *
 * @since 0.2.0
 * @category errors
 */
export class RowCancelledError extends Data.TaggedError("RowCancelledError")<{ readonly stateId: string }> {
  override get message(): string {
    return `the row "${this.stateId}" was cancelled`
  }
}

/**
 * The row or call is larger than a limit that the pool was told, or than its budget, so it could never start. Nothing
 * was sent.
 *
 * @since 0.2.0
 * @category errors
 */
export class CallTooLargeError extends Data.TaggedError("CallTooLargeError")<{
  readonly pool: string
  /** What is too much of it. */
  readonly unit: Unit | "money"
  readonly cost: number
  readonly limit: number
  /** The limit in words. */
  readonly told: string
}> {
  override get message(): string {
    const what = this.unit === "money" ? "" : ` ${this.unit}`
    return `the call takes ${this.cost}${what}, which is more than pool "${this.pool}" may ever: ${this.told} (${this.limit})`
  }
}

/**
 * The row or call cannot be done by its `deadline` at the rate that the pool knows, and its turn says `late: "refuse"`:
 * no attempt of it runs.
 *
 * @since 0.2.0
 * @category errors
 */
export class TooLateError extends Data.TaggedError("TooLateError")<{
  readonly pool: string
  /** In epoch milliseconds of the wall clock. */
  readonly deadline: number
  /** When it would be done, if it waited, in epoch milliseconds of the wall clock. */
  readonly possibleAt: number
  /** Attempts that were started, and rejected. */
  readonly attempts: number
}> {
  override get message(): string {
    const { attempts, deadline, pool, possibleAt } = this
    const late = Format.duration(Duration.millis(possibleAt - deadline))
    return `pool "${pool}" cannot have it done by its deadline, but ${late} later at this rate (${attempts} attempts)`
  }
}

/**
 * The pool's `budget` is spent, and nothing starts any more. A batch with a journal does the other rows when it is run
 * again with a larger budget.
 *
 * @since 0.2.0
 * @category errors
 */
export class BudgetExhaustedError extends Data.TaggedError("BudgetExhaustedError")<{
  readonly pool: string
  readonly budget: number
  readonly spent: number
  /** How many rows and calls of the pool had no outcome when its money was spent. */
  readonly undone: number
}> {
  override get message(): string {
    return `the budget of pool "${this.pool}" is spent: ${this.spent} of ${this.budget}, ${this.undone} rows and calls are undone`
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
 * The errors of calls that a limit, the budget or a deadline forbids.
 *
 * @since 0.2.0
 * @category errors
 */
export type LimitError = CallTooLargeError | BudgetExhaustedError | TooLateError

/**
 * The failures of a call that goes through a pool. Its capacity errors are retried, so they are not among them.
 *
 * @since 0.1.0
 * @category errors
 */
export type CallError<E> =
  Exclude<E, CapacityError> | RetryTimeoutError | PoolShutdownError | AttemptTimeoutError | LimitError

/**
 * The failures of `attempt`, which the pool does not retry: so capacity errors are among them. It is a
 * `RetryTimeoutError` if the API serves nothing while the attempt waits for its start.
 *
 * @since 0.2.0
 * @category errors
 */
export type AttemptError<E> = E | RetryTimeoutError | PoolShutdownError | AttemptTimeoutError | LimitError

/**
 * The failures of a row of a batch.
 *
 * @since 0.1.0
 * @category errors
 */
export type RowError<E> = CallError<E> | BatchTimeoutError | RowCancelledError

/**
 * The errors after which no row of a batch starts any more.
 *
 * @since 0.2.0
 * @category errors
 */
export type StopError = PoolShutdownError | BatchTimeoutError | BudgetExhaustedError
