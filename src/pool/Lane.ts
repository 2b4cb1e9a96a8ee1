/**
 * The way of a row from submission to its outcome: fresh, in flight, backing off, ready again. One lane serves the rows of
 * a batch, another all callers of `execute`. Everything here is synchronous and runs no user code.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { Admission, Outcome, Ticket } from "./Admission.js"
import * as Capacity from "../Capacity.js"
import type { Hints } from "../law/ControlLaw.js"
import * as LinkedQueue from "../structure/LinkedQueue.js"
import * as PoolError from "../PoolError.js"
import * as PoolStats from "../PoolStats.js"
import type { Place } from "../structure/Semaphore.js"
import type { Timer } from "../structure/TimerQueue.js"

/**
 * Where a row stands; instants in epoch milliseconds. A class, because a batch makes one for each row: all of one shape.
 *
 * @since 0.1.0
 * @category models
 */
export class Job {
  /** Counts from 1 once the row was started. */
  attempts = 0
  /** The first start; the outcome, if there was none. */
  startedAt: number
  /** Since when the row waits for its next start: its submission, then its last rejection. */
  waitingSince: number
  /** Milliseconds between rejections and the starts that followed them. */
  throttleWait = 0
  lastError: Capacity.CapacityError | undefined = undefined
  /** Set from a start until its outcome. */
  ticket: Ticket | undefined = undefined
  /** Ends the row's backoff; once the row is ready again, its budget. */
  timer: Timer | undefined = undefined
  /** The row's span, once it was started, where somebody traces. */
  span: Tracer.Span | undefined = undefined
  /** Whether a rejection is followed by another attempt. */
  isRetried: boolean

  constructor(submittedAt: number, isRetried = true) {
    this.startedAt = submittedAt
    this.waitingSince = submittedAt
    this.isRetried = isRetried
  }
}

/**
 * Where a lane gets its fresh rows from, and what it does with the others. Nothing of it may throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface Work<J extends Job, A, E> {
  readonly hasFresh: () => boolean
  readonly takeFresh: () => J | undefined
  /** An attempt of the job is admitted: run it, and `settle` its exit. */
  readonly start: (job: J) => void
  /** The job has its final outcome. */
  readonly finish: (job: J, exit: Exit.Exit<A, PoolError.RowError<E>>, now: number) => void
  /** Interrupts the attempts in flight. */
  readonly interrupt: () => void
}

/**
 * A lane of a pool.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lane<J extends Job, A, E> {
  readonly counter: PoolStats.Counter
  /** Fresh rows have arrived. */
  readonly submitted: (rows: number) => void
  /** An attempt has ended. */
  readonly settle: (job: J, exit: Exit.Exit<A, E | PoolError.AttemptTimeoutError>, hints: Hints | undefined) => void
  /** A job that waits, or was just admitted and not yet run, goes away without an outcome. */
  readonly withdraw: (job: J) => void
  /**
   * Nothing of this lane starts any more: what waits fails with the error now, and so does what would be retried; with
   * `interrupt`, what is in flight is interrupted too.
   */
  readonly stop: (error: PoolError.PoolShutdownError | PoolError.BatchTimeoutError, interrupt: boolean) => void
  /** The lane leaves the pool. */
  readonly close: () => void
}

/**
 * Opens a lane of a pool.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = <J extends Job, A, E>(admission: Admission, work: Work<J, A, E>): Lane<J, A, E> => {
  const { timers } = admission
  const budget = Duration.toMillis(admission.config.maxCapacityRetry)
  const counter = PoolStats.makeCounter(admission.tally, admission.labels)
  const ready = LinkedQueue.make<J>()
  const backingOff = new Set<J>()
  const places = new Map<J, LinkedQueue.Node<J>>()
  let line: Place | undefined
  let stopped: { readonly error: PoolError.PoolShutdownError | PoolError.BatchTimeoutError } | undefined

  const party = {
    start: (ticket: Ticket): boolean => {
      // Rows that were rejected go ahead of fresh ones: they have waited longest.
      const next = takeReady(ticket.startedAt) ?? work.takeFresh()
      if (next === undefined) {
        admission.decline()
      } else {
        const waited = ticket.startedAt - next.waitingSince
        if (next.attempts === 0) next.startedAt = ticket.startedAt
        next.attempts += 1
        next.ticket = ticket
        counter.started(waited)
        work.start(next)
      }
      return hasWork()
    },
    shutdown: (interrupt: boolean): void =>
      stop(new PoolError.PoolShutdownError({ pool: admission.config.name }), interrupt)
  }
  admission.enter(party)

  const hasWork = (): boolean => ready.size > 0 || work.hasFresh()

  const queueUp = (): void => {
    if (line?.queued !== true && hasWork()) line = admission.queue(party)
  }

  const leaveIfIdle = (): void => {
    if (line !== undefined && !hasWork()) admission.leave(line)
  }

  /** Takes a job that backs off or is ready again out of where it waits. */
  const unpark = (job: J): void => {
    if (job.lastError !== undefined) job.throttleWait += timers.now() - job.waitingSince
    if (job.timer !== undefined) timers.remove(job.timer)
    job.timer = undefined
    backingOff.delete(job)
    const place = places.get(job)
    if (place !== undefined) ready.remove(place)
    places.delete(job)
  }

  /** The row that is ready longest; on the way to it, those end whose budget is spent at this very instant. */
  const takeReady = (now: number): J | undefined => {
    for (let job = ready.shift()?.value; job !== undefined; job = ready.shift()?.value) {
      if (now < job.startedAt + budget) {
        unpark(job)
        return job
      }
      expire(job)
    }
    return undefined
  }

  const finish = (job: J, exit: Exit.Exit<A, PoolError.RowError<E>>, now: number): void => {
    if (job.attempts === 0) job.startedAt = now
    if (job.span !== undefined) job.span.end(timers.nowNanos(), exit)
    counter.finished(Exit.isSuccess(exit), job.throttleWait, admission.decision.delay)
    work.finish(job, exit, now)
  }

  const observe = (job: J, ticket: Ticket, outcome: Outcome, now: number, hints: Hints | undefined): void => {
    try {
      admission.observe(ticket, outcome, now, hints)
    } catch (defect) {
      // A law of the user's own has thrown: that is the end of the row, and of whoever runs it.
      finish(job, Exit.die(defect), now)
      throw defect
    }
  }

  const expire = (job: J): void => {
    unpark(job)
    // Only a row that was rejected has a budget to spend.
    if (job.lastError === undefined) return
    const now = timers.now()
    const error = new PoolError.RetryTimeoutError({
      elapsed: Duration.millis(now - job.startedAt),
      budget: admission.config.maxCapacityRetry,
      attempts: job.attempts,
      lastError: job.lastError
    })
    finish(job, Exit.fail(error), now)
    leaveIfIdle()
  }

  const backOff = (job: J, now: number): void => {
    const deadline = job.startedAt + budget
    const getReady = (): void => {
      backingOff.delete(job)
      if (timers.now() >= deadline) return expire(job)
      job.timer = timers.add(deadline, () => expire(job))
      const place = LinkedQueue.node(job)
      places.set(job, place)
      ready.push(place)
      queueUp()
    }
    backingOff.add(job)
    const { delay } = admission.decision
    // Without a delay of its own a row waits at the gate, like all others.
    if (delay === 0) getReady()
    else job.timer = timers.add(Math.min(now + delay, deadline), getReady)
  }

  const stop = (error: PoolError.PoolShutdownError | PoolError.BatchTimeoutError, interrupt: boolean): void => {
    // A shutdown with interruption may follow one without; the first error stays.
    stopped ??= { error }
    const now = timers.now()
    const failure = Exit.fail(stopped.error)
    for (const job of backingOff) {
      unpark(job)
      finish(job, failure, now)
    }
    for (const job of places.keys()) {
      unpark(job)
      finish(job, failure, now)
    }
    for (let fresh = work.takeFresh(); fresh !== undefined; fresh = work.takeFresh()) finish(fresh, failure, now)
    leaveIfIdle()
    if (interrupt) work.interrupt()
  }

  return {
    counter,
    submitted: (rows) => {
      counter.submitted(rows)
      // The pool may have been shut down since the caller looked.
      if (admission.isShutdown) party.shutdown(false)
      else queueUp()
    },
    settle: (job, exit, hints) => {
      const now = timers.now()
      const { ticket } = job
      const outcome = outcomeOf(exit)
      job.ticket = undefined
      counter.ended()
      try {
        if (ticket !== undefined) observe(job, ticket, outcome, now, hints)
        if (Capacity.isCapacityError(outcome)) {
          counter.rejected(admission.decision.delay)
          job.waitingSince = now
          job.lastError = outcome
          // Who asked for one attempt has a capacity error among its errors, as E says.
          if (!job.isRetried) finish(job, exit as Exit.Exit<A, never>, now)
          else if (stopped !== undefined) finish(job, Exit.fail(stopped.error), now)
          else backOff(job, now)
        } else if (stopped !== undefined && Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) {
          finish(job, Exit.fail(stopped.error), now)
        } else {
          finish(job, withoutCapacityError(exit), now)
        }
      } finally {
        admission.release()
      }
    },
    withdraw: (job) => {
      if (job.ticket !== undefined) {
        admission.observe(job.ticket, "neutral", timers.now(), undefined)
        counter.ended()
        admission.release()
      } else {
        unpark(job)
        leaveIfIdle()
      }
      counter.finished(false, job.throttleWait, admission.decision.delay)
      if (job.span !== undefined) job.span.end(timers.nowNanos(), Exit.interrupt(FiberId.none))
    },
    stop,
    close: () => admission.exit(party)
  }
}

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return "success"
  const error = Cause.failureOption(exit.cause)
  // Where a finalizer died as well, a retry would bury the defect.
  return Option.isSome(error) && Capacity.isCapacityError(error.value) && !Cause.isDie(exit.cause)
    ? error.value
    : "neutral"
}

const isOwnError = <E>(error: E): error is Exclude<E, Capacity.CapacityError> => !Capacity.isCapacityError(error)

const isOwnCause = <E>(cause: Cause.Cause<E>): cause is Cause.Cause<Exclude<E, Capacity.CapacityError>> =>
  Chunk.every(Cause.failures(cause), isOwnError)

/** The exit as it is; beside a defect or another error, a capacity error is left out, as the types say. */
const withoutCapacityError = <A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, Exclude<E, Capacity.CapacityError>> => {
  // A success holds no error of any type, and a copy of it for each row would be felt.
  if (Exit.isSuccess(exit)) return exit as Exit.Exit<A, never>
  return Exit.failCause(
    isOwnCause(exit.cause)
      ? exit.cause
      : Cause.flatMap(exit.cause, (error) => (isOwnError(error) ? Cause.fail(error) : Cause.empty))
  )
}
