/**
 * The way of a row from submission to its outcome: fresh, in flight, backing off, ready again. One lane serves the rows of
 * a batch, another all callers of `execute`. Everything here is synchronous and runs no user code.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type { Admission } from "./Admission.js"
import * as Usage from "../answer/Usage.js"
import * as Capacity from "../Capacity.js"
import type { Hints } from "../law/ControlLaw.js"
import * as PoolError from "../PoolError.js"
import * as PoolStats from "../PoolStats.js"
import * as Elected from "./Elected.js"
import * as Ended from "./Ended.js"
import type { Election } from "./Election.js"
import { type Job, outOfTime } from "./Job.js"
import * as LanePlace from "./LanePlace.js"
import * as Outcome from "./Outcome.js"
import type { Party } from "./Parties.js"
import type { Ticket } from "./Starts.js"
import type { Standing } from "./TurnLine.js"
import { Waiting } from "./Waiting.js"

export {
  /**
   * Where a row stands.
   *
   * @since 0.1.0
   * @category models
   */
  Job
} from "./Job.js"

/**
 * Where a lane gets its fresh rows from, and what it does with the others. Nothing of it may throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface Work<J extends Job, A, E> {
  readonly hasFresh: () => boolean
  readonly takeFresh: () => J | undefined
  /**
   * Whose turn it would be, besides that of fresh rows: `retry` is the first of those that were rejected and are ready again,
   * and `elected` of those that wait for room. Default nobody's.
   */
  readonly standing?: ((retry: J | undefined, elected: J | undefined) => Standing) | undefined
  /** Why a job ends instead of starting now, or of waiting for its next start. Default never. */
  readonly refusal?: ((job: J, now: number) => PoolError.TooLateError | undefined) | undefined
  /** Whether anything may start now, fresh or not: who says no wakes the lane later. Default always. */
  readonly mayStart?: (() => boolean) | undefined
  /** An attempt of the job is admitted: run it, and `settle` its exit. */
  readonly start: (job: J) => void
  /** The job has its final outcome; `now` is in epoch milliseconds of the wall clock. */
  readonly finish: (job: J, exit: Exit.Exit<A, PoolError.RowError<E>>, now: number) => void
  /** An attempt of the job was served; called before its outcome. */
  readonly served?: ((job: J, now: number) => void) | undefined
  /** Interrupts the attempts in flight. */
  readonly interrupt: () => void
  /** Nothing starts any more, and what is unfinished ends with the error. */
  readonly onStop?: (error: PoolError.StopError) => void
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
  /** An attempt has ended; `late` is what its answer said in the middle, whatever became of the row. */
  readonly settle: (
    job: J,
    exit: Exit.Exit<A, E | PoolError.AttemptTimeoutError>,
    hints: Hints | undefined,
    late?: Capacity.CapacityError
  ) => void
  /** Something may start again that might not. */
  readonly wake: () => void
  /** The lane stands elsewhere in the line of the pool. */
  readonly moved: () => void
  /** A job that waits, or never started, ends now. */
  readonly finish: (job: J, exit: Exit.Exit<A, PoolError.RowError<E>>) => void
  /** A job that waits, or was just admitted and not yet run, goes away without an outcome. */
  readonly withdraw: (job: J) => void
  /**
   * Nothing of this lane starts any more: what waits fails with the error now, and so does what would be retried; with
   * `interrupt`, what is in flight is interrupted too.
   */
  readonly stop: (error: PoolError.StopError, interrupt: boolean) => void
  /** The jobs that were rejected and wait. */
  readonly parked: () => ReadonlyArray<J>
  /** Fresh jobs whose turn has come, and that wait for room under a limit that the pool was told. */
  readonly elected: () => ReadonlyArray<J>
  /** The lane leaves the pool. */
  readonly close: () => void
}

/**
 * Opens a lane of a pool. Lanes may share a counter.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = <J extends Job, A, E>(
  admission: Admission,
  work: Work<J, A, E>,
  counter = PoolStats.makeCounter(admission.tally, admission.labels)
): Lane<J, A, E> => {
  const { begin, fail, finish } = ends(admission, work, counter)
  const { standing } = work
  /** The row that started last. */
  let last = 0
  let stopped: Stopped | undefined

  const elected = Elected.make<J>(() => work.takeFresh())
  /** Whose start was allowed by the limits that the pool was told. */
  let chosen: J | undefined

  const mayStart = (): boolean => work.mayStart === undefined || work.mayStart()
  const hasFresh = (): boolean => elected.size > 0 || work.hasFresh()
  const takeFresh = (): J | undefined => elected.shift() ?? work.takeFresh()
  const hasWork = (): boolean => (waiting.ready > 0 || hasFresh()) && mayStart()

  const vote = (election: Election): J | undefined => {
    const { now } = election
    const retry = waiting.peek(last, hasFresh(), now)
    if (retry !== undefined && election.accepts(retry.asked)) return waiting.take(last, hasFresh(), now)
    const fresh = election.isOver ? undefined : elected.elect(election)
    if (retry === undefined && fresh !== undefined) waiting.take(last, true, now)
    return fresh
  }

  const elect: Party["elect"] = (election) => {
    if (!hasWork()) {
      line.leaveIfIdle()
      return false
    }
    chosen = vote(election)
    // On the way to a fresh row, others may have ended, and the lane have left its place.
    if (chosen === undefined) line.comeBack()
    return chosen !== undefined
  }

  const next = ({ held, startedAt }: Ticket): J | undefined => {
    if (held !== undefined) return chosen
    if (!mayStart()) return undefined
    return waiting.take(last, hasFresh(), startedAt) ?? takeFresh()
  }

  const party: Party = {
    elect,
    broke: (error) => stop(error, false),
    start: (ticket) => {
      const job = next(ticket)
      const refusal = job && work.refusal?.(job, ticket.startedAt)
      if (job === undefined || refusal !== undefined) {
        admission.decline(ticket)
        if (job !== undefined && refusal !== undefined) finish(job, Exit.fail(refusal))
      } else {
        begin(job, ticket)
        last = job.row
      }
      return hasWork()
    },
    giveUp: () => endAll(fail),
    held: (until) => {
      waiting.endBefore(until)
      line.leaveIfIdle()
    },
    parked: () => waiting.size,
    standing: standing && (() => standing(waiting.first, elected.first)),
    resumed: () => waiting.resumed(),
    shutdown: (interrupt) => stop(new PoolError.PoolShutdownError({ pool: admission.config.name }), interrupt)
  }
  const line = LanePlace.make(admission, party, hasWork)
  const ready = (): void => {
    // A row that is ready again may be due before those with which its lane stands in line.
    if (standing !== undefined) line.moved()
    line.queueUp()
  }
  const waiting = new Waiting<J>(admission.timers, admission.pause, ready, (job) => {
    fail(job)
    line.leaveIfIdle()
  })

  /** Ends all that waits. */
  const endAll = (how: (job: J) => void): void => {
    for (const job of [...waiting.drain(), ...elected.drain()]) how(job)
    for (let fresh = work.takeFresh(); fresh !== undefined; fresh = work.takeFresh()) how(fresh)
    line.leaveIfIdle()
  }

  const stop: Lane<J, A, E>["stop"] = (error, interrupt) => {
    // A shutdown with interruption may follow one without; the first error stays.
    if (stopped === undefined) work.onStop?.(error)
    stopped ??= Exit.fail(error)
    const failure = stopped
    endAll((job) => finish(job, failure))
    if (interrupt) work.interrupt()
  }

  admission.enter(party)
  return {
    counter,
    submitted: (rows) => {
      counter.submitted(rows)
      // The lane, or the pool, may have been stopped since the caller looked.
      const failure = stopped
      if (failure !== undefined) endAll((job) => finish(job, failure))
      else if (admission.isShutdown) party.shutdown(false)
      else if (admission.brokeBy !== undefined) party.broke(admission.brokeBy)
      else if (isHopeless(admission)) party.giveUp()
      else line.queueUp()
    },
    ...outcomes({ admission, work, counter, waiting, elected, line, fail, finish, stopped: () => stopped }),
    moved: line.moved,
    stop,
    parked: () => waiting.jobs,
    elected: elected.jobs,
    close: () => admission.exit(party)
  }
}

/** What a row ends with that would have gone on, had its lane not been stopped. */
type Stopped = Exit.Exit<never, PoolError.StopError>

interface Open<J extends Job, A, E> {
  readonly admission: Admission
  readonly work: Work<J, A, E>
  readonly counter: PoolStats.Counter
  readonly waiting: Waiting<J>
  readonly elected: Elected.Elected<J>
  readonly line: LanePlace.LanePlace
  readonly fail: (job: J) => void
  readonly finish: (job: J, exit: Exit.Exit<A, PoolError.RowError<E>>) => void
  readonly stopped: () => Stopped | undefined
}

/** What becomes of a row once its attempt has ended, or nobody wants it any more. */
const outcomes = <J extends Job, A, E>(
  open: Open<J, A, E>
): Pick<Lane<J, A, E>, "settle" | "wake" | "finish" | "withdraw"> => {
  const { admission, counter, elected, fail, finish, line, waiting } = open
  const { timers } = admission

  /** What the row ends with that would go on otherwise. */
  const endOf = (job: J): Exit.Exit<never, PoolError.StopError | PoolError.RowCancelledError> | undefined =>
    job.cancelled === undefined ? open.stopped() : Exit.fail(job.cancelled)

  /** A row waits no more. Its lane may have waited since it came, or for when it was due. */
  const leave = (job: J): void => {
    waiting.remove(job)
    elected.remove(job)
    line.leaveIfIdle()
    line.moved()
  }

  /** A row was rejected: it ends, or waits for its next start. */
  const rejected = (job: J, exit: Exit.Exit<A, never>, isOwn: boolean): void => {
    // Who asked for one attempt has a capacity error among its errors, as E says.
    if (!job.isRetried) return finish(job, exit)
    const end = endOf(job)
    if (end !== undefined) return finish(job, end)
    const now = timers.now()
    const refusal = open.work.refusal?.(job, now)
    if (refusal !== undefined) return finish(job, Exit.fail(refusal))
    job.ownDelay = isOwn ? Ended.ownDelay(admission, job) : 0
    const heldUntil = isOwn ? now + Ended.ownHint(admission, job) : admission.hintUntil
    if (admission.silence.isDead || heldUntil > job.deadline + admission.pause.pausedFor(now)) fail(job)
    else waiting.park(job, isOwn ? Math.max(job.ownDelay, heldUntil - now) : admission.decision.delay, now)
  }

  return {
    settle: (job, exit, hints, late) => {
      const outcome = Outcome.of(exit)
      const { ticket } = job
      const now = timers.now()
      if (Exit.isSuccess(exit)) open.work.served?.(job, now)
      counter.ended()
      if (hints?.usage !== undefined) {
        const usage = admission.limiterOf(ticket)?.price(job.asked, hints.usage) ?? hints.usage
        job.usage = Usage.sum(job.usage ?? Usage.none, usage)
        counter.used(usage)
      }
      try {
        const isOwn = Ended.observe(
          admission,
          job,
          typeof outcome === "string" ? (late ?? outcome) : outcome,
          hints,
          now,
          finish
        )
        const end = endOf(job)
        if (Capacity.isCapacityError(outcome)) {
          counter.rejected(admission.decision.delay)
          rejected(job, exit as Exit.Exit<A, never>, isOwn)
        } else if (end !== undefined && Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) {
          finish(job, end)
        } else {
          finish(job, Outcome.withoutCapacityError(exit))
        }
      } finally {
        admission.release(ticket)
      }
    },
    wake: line.queueUp,
    finish: (job, exit) => {
      leave(job)
      finish(job, exit)
    },
    withdraw: (job) => {
      const { ticket } = job
      if (ticket === undefined) leave(job)
      else {
        Ended.withdraw(admission, job)
        counter.ended()
        admission.release(ticket)
      }
      counter.finished(false, job.throttleWait, admission.decision.delay)
      if (PoolStats.pending(admission.tally) === 0) admission.settled()
      if (job.span !== undefined) job.span.end(timers.nowNanos(), Exit.interrupt(FiberId.none))
    }
  }
}

/** How a row of a lane begins, and how it ends. */
const ends = <J extends Job, A, E>(admission: Admission, work: Work<J, A, E>, counter: PoolStats.Counter) => {
  const { timers } = admission

  const begin = (job: J, ticket: Ticket): void => {
    if (job.attempts === 0) {
      job.row = admission.nextRow()
      job.startedAt = timers.wallNow()
      const from = ticket.startedAt - admission.pause.pausedFor(ticket.startedAt)
      job.deadline = from + Duration.toMillis(admission.config.maxCapacityRetry)
    }
    job.attempts += 1
    job.ticket = ticket
    job.member = ticket.member
    if (job.asked.tokens > 0) admission.weighs(ticket.sequence, job.asked.tokens)
    counter.started(ticket.startedAt - job.waitingSince)
    work.start(job)
  }

  const end = (job: J, exit: Exit.Exit<A, PoolError.RowError<E>>): void => {
    const now = timers.wallNow()
    if (job.attempts === 0) job.startedAt = now
    if (job.span !== undefined) job.span.end(timers.nowNanos(), exit)
    counter.finished(Exit.isSuccess(exit), job.throttleWait, admission.decision.delay)
    work.finish(job, exit, now)
  }

  return {
    begin,
    finish: (job: J, exit: Exit.Exit<A, PoolError.RowError<E>>): void => {
      end(job, exit)
      if (PoolStats.pending(admission.tally) === 0) admission.settled()
    },
    /** The API has no capacity for the row. */
    fail: (job: J): void => {
      const { lastRejection } = admission.silence
      const rejection = job.lastError === undefined ? lastRejection : { error: job.lastError, at: job.waitingSince }
      // Only after a rejection is there anything to fail of.
      if (rejection === undefined) return
      end(job, Exit.fail(outOfTime(admission, job, rejection.error, rejection.at, timers.now())))
    }
  }
}

/** Whether the API is dead and asks for a silence that is longer than anybody waits. */
const isHopeless = (admission: Admission): boolean =>
  admission.silence.isDead &&
  admission.hintUntil > admission.timers.now() + Duration.toMillis(admission.config.maxCapacityRetry)
