/**
 * Single calls on their way through a pool: the callers of `execute`, who wait in their own fibers.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
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

/** An attempt in flight, as a closing pool sees it. */
interface Running {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  isInterrupted: boolean
}

/** Who interrupts the attempts of a pool that closes. */
const closing = FiberId.make(-1, 0)

/** What Effect's fibers have for Effect's own use: it is not in their type. */
interface WithChildren {
  readonly getChildren?: () => ReadonlySet<unknown>
}

/** Whether a fiber has forked others that still run; where it does not say, it may have. */
const hasChildren = (fiber: Fiber.RuntimeFiber<unknown, unknown> & WithChildren): boolean =>
  fiber.getChildren === undefined || fiber.getChildren().size > 0

/**
 * A closing pool interrupts the attempt, and the caller that it runs in goes on: to it that was a failure. An interruption
 * by anybody else stays.
 */
const forgetInterruption: Effect.Effect<void> = FiberRef.update(FiberRef.interruptedCause, (cause) =>
  [...Cause.interruptors(cause)]
    .filter((by) => !Equal.equals(by, closing))
    .reduce<Cause.Cause<never>>((others, by) => Cause.sequential(others, Cause.interrupt(by)), Cause.empty)
)

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
  const running = new Set<Running>()
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
      for (const place of running) {
        place.isInterrupted = true
        place.fiber.unsafeInterruptAsFork(closing)
      }
      for (const hold of held) hold.abandon()
    }
  })

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

  /** Runs an attempt in a fiber of its own, which a closing pool can interrupt and leave its caller alone. */
  const inFiber = <A, E, R>(
    run: Effect.Effect<A, E, R>,
    insider: Insider.Insider,
    restore: Attempt.Restore
  ): Effect.Effect<Exit.Exit<A, E>, never, R> =>
    // As an exit, because Effect logs each fiber that fails.
    Effect.flatMap(Effect.fork(Effect.exit(Effect.locally(run, Insider.current, insider))), (fiber) => {
      const place: Running = { fiber, isInterrupted: false }
      running.add(place)
      return Effect.flatMap(Effect.exit(restore(Fiber.await(fiber))), (awaited) =>
        Effect.flatMap(Exit.isSuccess(awaited) ? awaited : Fiber.interrupt(fiber), (exit) => {
          running.delete(place)
          return Effect.as(fiber.inheritAll, Exit.flatten(exit))
        })
      )
    })

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
          return job.ticket === undefined ? Effect.zipRight(wait, next) : attempt
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

        const ended = (
          insider: Insider.Insider,
          exit: Exit.Exit<A, E | PoolError.AttemptTimeoutError>
        ): Effect.Effect<void> | undefined => {
          insider.inFlight = false
          const open = insider.holds?.filter((hold) => !hold.isOver)
          if (open !== undefined && open.length > 0) {
            if (Exit.isSuccess(exit)) return holdOn(job, exit, insider, open)
            for (const hold of open) hold.abandon()
          }
          const late = Insider.lateRejection(insider)
          lane.settle(job, exit, insider.hints, late?.rejection)
          const notice = Attempt.logNotice(admission)
          const told = late === undefined ? notice : Effect.zipRight(Insider.keep(late), notice ?? Effect.void)
          // A pool that this one stands before learns from the same answer.
          return isRetried || insider.hints === undefined
            ? told
            : Effect.zipRight(Insider.report(insider.hints), told ?? Effect.void)
        }

        const goOn = (last: Effect.Effect<void> | undefined): Effect.Effect<A, F, R> =>
          last === undefined ? next : Effect.zipRight(last, next)

        const attempt: Effect.Effect<A, F, R> = Effect.suspend(() => {
          if (openSpan !== false && job.span === undefined) return Effect.zipRight(openSpan, attempt)
          const current = caller.getFiberRef(Insider.current)
          const outer = Insider.occupantOf(current)
          const insider: Insider.Insider = { inFlight: true, tally: admission.tally, outer }
          const run = restore(Attempt.make(admission, call, job.attempts, job.span))
          // What the caller has forked before must not be interrupted together with the attempt.
          if (hasChildren(caller))
            return Effect.flatMap(inFiber(run, insider, restore), (exit) => goOn(ended(insider, exit)))
          const seat = current instanceof Insider.Seat ? current : new Insider.Seat()
          const place: Running = { fiber: caller, isInterrupted: false }
          const after = (exit: Exit.Exit<A, E | PoolError.AttemptTimeoutError>): Effect.Effect<A, F, R> => {
            running.delete(place)
            seat.occupant = outer
            const last = goOn(ended(insider, exit))
            return place.isInterrupted ? Effect.zipRight(forgetInterruption, last) : last
          }
          // It begins a step later, as in a fiber of its own: whoever is there already goes first.
          const whole = Effect.matchCauseEffect(Effect.zipRight(Effect.yieldNow(), run), {
            onFailure: (cause) => after(Exit.failCause(cause)),
            onSuccess: (value) => after(Exit.succeed(value))
          })
          running.add(place)
          seat.occupant = insider
          return seat === current ? whole : Effect.zipRight(FiberRef.set(Insider.current, seat), whole)
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
