/**
 * A row on its way through a pool.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as Tracer from "effect/Tracer"
import type { CapacityError } from "../Capacity.js"
import type { Usage } from "../answer/Usage.js"
import * as Cost from "../limit/Cost.js"
import * as PoolError from "../PoolError.js"
import type { Timer } from "../structure/TimerQueue.js"
import type { Admission } from "./Admission.js"
import type { Member } from "./Insider.js"
import type { Ticket } from "./Starts.js"

/**
 * By when a row is wanted, and after which instant it is refused; Infinity for never.
 *
 * @since 0.2.0
 * @category models
 */
export interface Turn {
  readonly deadline: number
  readonly dueAt: number
}

/**
 * Where a row stands; instants in milliseconds of the monotonic clock unless it says otherwise. A class, because a batch
 * makes one for each row: all of one shape.
 *
 * @since 0.1.0
 * @category models
 */
export class Job {
  /** The row's number in the pool, once it was started. */
  row = 0
  /** Counts from 1 once the row was started. */
  attempts = 0
  /** The first start, in epoch milliseconds of the wall clock; the outcome, if there was none. */
  startedAt = 0
  /** The end of the row's budget, once it was started, as if the pool had never paused. */
  deadline = Infinity
  /** Since when the row waits for its next start: its submission, then its last rejection. */
  waitingSince: number
  /** Milliseconds between rejections and the starts that followed them. */
  throttleWait = 0
  lastError: CapacityError | undefined = undefined
  /** What its attempts have used, where they told. */
  usage: Usage | undefined = undefined
  /** The pool's latest start, and how many it had served, when the row was rejected first. */
  rejectedSince = Infinity
  servedBefore = 0
  /** What the row waits by itself while its rejections are its own trouble, in milliseconds; 0 while they are not. */
  ownDelay = 0
  /** What an attempt of it takes, as its caller says. */
  asked: Cost.Weight = Cost.one
  /** Its turn, where that is said of this row, until its outcome. */
  turn: Turn | undefined = undefined
  /** How many of its lane have started before it although their turn came later. */
  passed = 0
  /** Set from a start until its outcome. */
  ticket: Ticket | undefined = undefined
  /** Where the pool is a group: which of its members gave the latest start. */
  member: Member | undefined = undefined
  /** Ends the row's backoff; once the row is ready again, its budget. */
  timer: Timer | undefined = undefined
  /** The row's span, once it was started, where somebody traces. */
  span: Tracer.Span | undefined = undefined
  /** How it ends, as soon as it can, since somebody cancelled it. */
  cancelled: PoolError.RowCancelledError | undefined = undefined
  /** Whether a rejection is followed by another attempt. */
  isRetried: boolean

  constructor(submittedAt: number, isRetried = true) {
    this.waitingSince = submittedAt
    this.isRetried = isRetried
  }
}

/**
 * How a row ends for which the API has no capacity within its budget.
 *
 * @since 0.2.0
 * @category errors
 */
export const outOfTime = (
  admission: Admission,
  job: Job,
  lastError: CapacityError,
  rejectedAt: number,
  now: number
): PoolError.RetryTimeoutError => {
  const budget = Duration.toMillis(admission.config.maxCapacityRetry)
  const since = job.attempts === 0 ? job.waitingSince : job.deadline - budget + admission.pause.pausedFor(now)
  const { retryAfter } = lastError
  const asked =
    retryAfter === undefined
      ? {}
      : { retryAfter, retryAt: admission.timers.toWall(rejectedAt + Duration.toMillis(retryAfter)) }
  return new PoolError.RetryTimeoutError({
    elapsed: Duration.millis(now - since),
    budget: admission.config.maxCapacityRetry,
    attempts: job.attempts,
    lastError,
    othersServed: job.lastError === undefined ? 0 : admission.served - job.servedBefore,
    ...asked
  })
}
