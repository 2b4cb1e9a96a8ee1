/**
 * Single calls on their way through a pool: the callers of `execute`, who wait in their own fibers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Admission } from "./Admission.js"
import * as Attempt from "./Attempt.js"
import * as Insider from "./Insider.js"
import * as Lane from "./Lane.js"
import * as LinkedQueue from "../structure/LinkedQueue.js"
import * as PoolError from "../PoolError.js"

/**
 * A line of callers at a pool.
 *
 * @since 0.1.0
 * @category models
 */
export interface Calls {
  /** Runs one call; its capacity errors are retried. */
  readonly execute: <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.Effect<A, PoolError.CallError<E>, R>
  /** Runs one attempt; a capacity error slows the pool down, and is the caller's to retry. */
  readonly attempt: <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.Effect<A, PoolError.AttemptError<E>, R>
  /** The line leaves the pool. Nobody may wait in it any more. */
  readonly close: () => void
}

class CallJob extends Lane.Job {
  /** Wakes the caller that waits for a start or an outcome. */
  wake: (() => void) | undefined = undefined
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
}

/**
 * Opens the one lane of a pool's single calls.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (admission: Admission): Calls => {
  const callers = LinkedQueue.make<CallJob>()
  const running = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  /** What calls that ended have left open. */
  const held = new Set<Insider.Hold>()

  const lane = Lane.open<CallJob, unknown, unknown>(admission, {
    hasFresh: () => callers.size > 0,
    takeFresh: () => callers.shift()?.value,
    start: (job) => job.wake?.(),
    finish: (job, exit) => {
      job.exit = exit
      job.wake?.()
    },
    interrupt: () => {
      for (const fiber of running) fiber.unsafeInterruptAsFork(FiberId.none)
      for (const hold of held) hold.abandon()
    }
  })

  /** The caller gets its result, and the permit is kept until what was left open is over. */
  const holdOn = (
    job: CallJob,
    exit: Exit.Exit<unknown, unknown>,
    { hints }: Insider.Insider,
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
        if ((left -= 1) === 0) lane.settle(job, worst, hints)
      })
    }
    // A pool around this attempt keeps its permit as long.
    return Effect.forEach(open, Insider.keep, { discard: true })
  }

  /** Runs a call that, once it went through this lane, fails with F. */
  const submit = <A, E, R, F>(call: Effect.Effect<A, E, R>, isRetried: boolean) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime<A, F | PoolError.PoolShutdownError, R>((caller) => {
        if (admission.isShutdown) return Effect.fail(new PoolError.PoolShutdownError({ pool: admission.config.name }))
        if (admission.isInside(caller)) return Attempt.insideOut(admission)
        const traced = Attempt.isTraced(caller)
        const job = new CallJob(admission.timers.now(), isRetried)
        const place = LinkedQueue.node(job)
        callers.push(place)
        lane.submitted(1)

        const next: Effect.Effect<A, F, R> = Effect.suspend(() => {
          // The lane carries calls of all types; what this job ends with came from this call.
          if (job.exit !== undefined) return job.exit as Exit.Exit<A, F>
          return Effect.zipRight(job.ticket === undefined ? wait : attempt, next)
        })

        const wait = Effect.onInterrupt(
          restore(
            Effect.async<void>((resume) => {
              job.wake = () => resume(Effect.void)
              if (job.ticket !== undefined || job.exit !== undefined) job.wake()
            })
          ),
          () =>
            Effect.sync(() => {
              callers.remove(place)
              if (job.exit === undefined) lane.withdraw(job)
            })
        )

        const openSpan =
          traced &&
          Effect.map(Attempt.openRowSpan(admission, {}), (span) => {
            job.span = span
          })

        const attempt: Effect.Effect<void, never, R> = Effect.suspend(() => {
          if (openSpan !== false && job.span === undefined) return Effect.zipRight(openSpan, attempt)
          const insider: Insider.Insider = { inFlight: true }
          const run = admission.inside(Attempt.make(admission, call, job.attempts, job.span), insider)
          // In a fiber of its own, so that a closing pool can interrupt the attempt and leave its caller alone; as an
          // exit, because Effect logs each fiber that fails.
          return Effect.flatMap(Effect.fork(Effect.exit(restore(run))), (fiber) => {
            running.add(fiber)
            return Effect.flatMap(Effect.exit(restore(Fiber.await(fiber))), (awaited) =>
              Effect.flatMap(Exit.isSuccess(awaited) ? awaited : Fiber.interrupt(fiber), (exit) => {
                running.delete(fiber)
                insider.inFlight = false
                const ended = Exit.flatten(exit)
                const open = insider.holds?.filter((hold) => !hold.isOver) ?? []
                if (open.length === 0) lane.settle(job, ended, insider.hints)
                else if (Exit.isSuccess(ended))
                  return Effect.zipRight(fiber.inheritAll, holdOn(job, ended, insider, open))
                else {
                  for (const hold of open) hold.abandon()
                  lane.settle(job, ended, insider.hints)
                }
                const end = Effect.zipRight(fiber.inheritAll, Attempt.logNotice(admission) ?? Effect.void)
                // A pool that this one stands before learns from the same answer.
                return isRetried || insider.hints === undefined
                  ? end
                  : Effect.zipRight(Insider.report(insider.hints), end)
              })
            )
          })
        })

        return next
      })
    )

  return {
    execute: <A, E, R>(call: Effect.Effect<A, E, R>) => submit<A, E, R, PoolError.CallError<E>>(call, true),
    attempt: <A, E, R>(call: Effect.Effect<A, E, R>) => submit<A, E, R, PoolError.AttemptError<E>>(call, false),
    close: lane.close
  }
}
