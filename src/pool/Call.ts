/**
 * Single calls on their way through a pool: the callers of `execute`, who wait in their own fibers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Admission } from "./Admission.js"
import * as Again from "./Again.js"
import * as Attempt from "./Attempt.js"
import * as Cost from "../limit/Cost.js"
import * as Insider from "./Insider.js"
import * as Lane from "./Lane.js"
import * as LinkedQueue from "../structure/LinkedQueue.js"
import * as PoolError from "../PoolError.js"
import * as Runner from "./Runner.js"

/**
 * A line of callers at a pool.
 *
 * @since 0.1.0
 * @category models
 */
export interface Calls {
  /** Runs one call; its capacity errors are retried. */
  readonly execute: <A, E, R>(
    call: Effect.Effect<A, E, R>,
    cost?: Cost.Cost
  ) => Effect.Effect<A, PoolError.CallError<E>, R>
  /** Runs one attempt; a capacity error slows the pool down, and is the caller's to retry. */
  readonly attempt: <A, E, R>(
    call: Effect.Effect<A, E, R>,
    cost?: Cost.Cost
  ) => Effect.Effect<A, PoolError.AttemptError<E>, R>
  /** The line leaves the pool. Nobody may wait in it any more. */
  readonly close: () => void
}

class CallJob extends Lane.Job {
  /** Wakes the caller that waits for a start or an outcome. */
  wake: (() => void) | undefined = undefined
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
  readonly place: LinkedQueue.Node<CallJob> = LinkedQueue.node(this)
}

/** A call, and the region that it is in. */
interface Call<A, E, R> {
  readonly effect: Effect.Effect<A, E, R>
  readonly caller: Fiber.RuntimeFiber<unknown, unknown>
  readonly restore: Attempt.Restore
  readonly isTraced: boolean
}

/**
 * Opens the one lane of a pool's single calls.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (admission: Admission): Calls => {
  const runner = Runner.make()
  /** What calls that ended have left open. */
  const held = new Set<Insider.Hold>()
  const { join, lane, withdraw } = lineOf(admission, () => {
    runner.interrupt()
    for (const hold of held) hold.abandon()
  })
  const end = ender(admission, lane, held)

  const attempt = <A, E, R, F>(call: Call<A, E, R>, job: CallJob, next: () => Effect.Effect<A, F, R>) => {
    const { caller, effect, restore } = call
    const outer = Insider.occupantOf(caller.getFiberRef(Insider.current))
    const insider: Insider.Insider = {
      inFlight: true,
      tally: admission.tally,
      outer,
      again: Again.make(admission, job)
    }
    admission.began(job.ticket)
    return runner.run({
      caller,
      effect: restore(Attempt.make(admission, effect, job.attempts, job.span)),
      insider,
      restore,
      after: (exit) => {
        const last = end(job, insider, exit)
        return last === undefined ? next() : Effect.flatMap(last, next)
      }
    })
  }

  /** Runs a call that, once it went through this lane, fails with F. */
  const submit = <A, E, R, F>(effect: Effect.Effect<A, E, R>, isRetried: boolean, cost: Cost.Cost | undefined) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime<A, F | PoolError.PoolShutdownError | PoolError.CallTooLargeError, R>((caller) => {
        if (admission.isShutdown) return Effect.fail(new PoolError.PoolShutdownError({ pool: admission.config.name }))
        if (admission.isInside(caller)) return Attempt.insideOut(admission)
        const call: Call<A, E, R> = { effect, caller, restore, isTraced: Attempt.isTraced(caller) }
        const job = new CallJob(admission.timers.now(), isRetried)
        const refusal = weigh(admission, job, cost)
        if (refusal !== undefined) return Effect.fail(refusal)
        join(job)

        const next = (): Effect.Effect<A, F, R> => {
          // The lane carries calls of all types; what this job ends with came from this call.
          if (job.exit !== undefined) return job.exit as Exit.Exit<A, F>
          if (job.ticket === undefined) return Effect.flatMap(waitFor(job, restore, withdraw), next)
          return call.isTraced && job.span === undefined
            ? Effect.flatMap(openSpan(admission, job), next)
            : attempt(call, job, next)
        }
        return next()
      })
    )

  return {
    execute: <A, E, R>(call: Effect.Effect<A, E, R>, cost?: Cost.Cost) =>
      submit<A, E, R, PoolError.CallError<E>>(call, true, cost),
    attempt: <A, E, R>(call: Effect.Effect<A, E, R>, cost?: Cost.Cost) =>
      submit<A, E, R, PoolError.AttemptError<E>>(call, false, cost),
    close: lane.close
  }
}

/** Notes what a call takes; returns why it can never start, if that is so. Throws what is wrong with its cost. */
const weigh = (
  { limiter }: Admission,
  job: CallJob,
  cost: Cost.Cost | undefined
): PoolError.CallTooLargeError | undefined => {
  if (cost !== undefined) job.asked = Cost.weigh(cost)
  limiter?.checkPrice(job.asked, "cost")
  return limiter?.refusal(job.asked)
}

/** The callers who wait, and their lane. */
const lineOf = (admission: Admission, interrupt: () => void) => {
  const callers = LinkedQueue.make<CallJob>()
  const lane = Lane.open<CallJob, unknown, unknown>(admission, {
    hasFresh: () => callers.size > 0,
    takeFresh: () => callers.shift()?.value,
    start: (job) => job.wake?.(),
    finish: (job, exit) => {
      job.exit = exit
      job.wake?.()
    },
    interrupt
  })
  return {
    lane,
    join: (job: CallJob): void => {
      callers.push(job.place)
      lane.submitted(1)
    },
    withdraw: (job: CallJob): void => {
      callers.remove(job.place)
      if (job.exit === undefined) lane.withdraw(job)
    }
  }
}

/** Waits until a job may start, or has its outcome. */
const waitFor = (job: CallJob, restore: Attempt.Restore, withdraw: (job: CallJob) => void): Effect.Effect<void> =>
  Effect.onInterrupt(
    restore(
      Effect.async<void>((resume) => {
        job.wake = () => resume(Effect.void)
        if (job.ticket !== undefined || job.exit !== undefined) job.wake()
      })
    ),
    () => Effect.sync(() => withdraw(job))
  )

const openSpan = (admission: Admission, job: CallJob): Effect.Effect<void> =>
  Effect.map(Attempt.openRowSpan(admission, {}), (span) => {
    job.span = span
  })

/** Settles the attempts of a lane; returns what is to be done before their caller goes on, if there is anything. */
const ender = (admission: Admission, lane: Lane.Lane<CallJob, unknown, unknown>, held: Set<Insider.Hold>) => {
  /** The caller gets its result, and the permit is kept until what was left open is over. */
  const holdOn = (
    job: CallJob,
    exit: Exit.Exit<unknown, unknown>,
    insider: Insider.Insider,
    open: ReadonlyArray<Insider.Hold>
  ): Effect.Effect<void> => {
    // Nobody is there to run the call again, nor to be woken.
    job.isRetried = false
    job.wake = undefined
    job.exit = exit
    let left = open.length
    let worst: Exit.Exit<unknown, unknown> = exit
    for (const hold of open) {
      held.add(hold)
      hold.onEnd((ended) => {
        held.delete(hold)
        if (Exit.isFailure(ended)) worst = ended
        if ((left -= 1) === 0) lane.settle(job, worst, insider.hints, Insider.lateRejection(insider)?.rejection)
      })
    }
    // A pool around this attempt keeps its permit as long.
    return Effect.forEach(open, Insider.keep, { discard: true })
  }

  return (
    job: CallJob,
    insider: Insider.Insider,
    exit: Exit.Exit<unknown, unknown>
  ): Effect.Effect<void> | undefined => {
    insider.inFlight = false
    const open = insider.holds?.filter((hold) => !hold.isOver)
    if (open !== undefined && open.length > 0) {
      if (Exit.isSuccess(exit)) return holdOn(job, exit, insider, open)
      for (const hold of open) hold.abandon()
    }
    const { isRetried } = job
    const late = Insider.lateRejection(insider)
    lane.settle(job, exit, insider.hints, late?.rejection)
    const notice = Attempt.logNotice(admission)
    if (!isRetried) Insider.passOn(insider)
    return late === undefined ? notice : Effect.zipRight(Insider.keep(late), notice ?? Effect.void)
  }
}
