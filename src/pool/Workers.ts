/**
 * The fibers that run the admitted rows of a batch.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import type * as Capacity from "../Capacity.js"
import type { Admission } from "./Admission.js"
import * as Attempt from "./Attempt.js"
import type { Hints } from "../law/ControlLaw.js"
import * as Insider from "./Insider.js"

/**
 * What the workers of a batch do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<J, A, E, R> {
  readonly admission: Admission
  readonly restore: Attempt.Restore
  readonly attempt: (job: J) => Effect.Effect<A, E, R>
  readonly settle: (
    job: J,
    exit: Exit.Exit<A, E>,
    hints: Hints | undefined,
    late: Capacity.CapacityError | undefined
  ) => void
  /** A worker died of a defect that is not the row's; these admitted jobs found no worker. */
  readonly onCrash: (left: ReadonlyArray<J>) => void
}

/**
 * The workers of a batch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Workers<J, R> {
  /** Forks one more worker, as a child of the fiber that runs this. */
  readonly hire: Effect.Effect<void, never, R>
  /** Hands an admitted job to an idle worker. */
  readonly give: (job: J) => void
  readonly interrupt: () => void
  /** Lets every worker end once it has nothing to do. */
  readonly dismiss: () => void
  /** Waits until every worker has ended; dies with the defect of one that crashed. */
  readonly allGone: Effect.Effect<void>
}

/**
 * Makes workers; none is hired yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <J, A, E, R>(options: Options<J, A, E, R>): Workers<J, R> => {
  const { admission, attempt, onCrash, restore, settle } = options
  const fibers = new Set<Fiber.RuntimeFiber<void>>()
  const idle: Array<(job: J | undefined) => void> = []
  /** Admitted jobs that no worker has taken yet. */
  const admitted: Array<J> = []
  /** While a worker settles a job it is about to be free: it takes the next job itself, and no other is woken for it. */
  let settling = false
  let dismissed = false
  /** Nothing starts any more. */
  let stopping = false
  let crash: Cause.Cause<never> | undefined
  let onAllGone: (() => void) | undefined

  const dismiss = (): void => {
    dismissed = true
    for (const wake of idle.splice(0)) wake(undefined)
  }

  const work = (seat: Insider.Seat, outer: Insider.Insider | undefined): Effect.Effect<void, never, R> => {
    const next: Effect.Effect<void, never, R> = Effect.suspend(() => {
      const job = admitted.shift()
      return job === undefined
        ? Effect.flatMap(wait, (given) => (given === undefined ? Effect.void : run(given)))
        : run(job)
    })

    const wait = Effect.async<J | undefined>((resume) => {
      const job = admitted.shift()
      if (job !== undefined || dismissed) resume(Effect.succeed(job))
      else idle.push((given) => resume(Effect.succeed(given)))
    })

    const run = (job: J): Effect.Effect<void, never, R> => {
      const insider: Insider.Insider = { inFlight: true, tally: admission.tally, outer }
      seat.occupant = insider
      return Effect.matchCauseEffect(restore(attempt(job)), {
        onFailure: (cause) => ended(job, insider, Exit.failCause(cause)),
        onSuccess: (value) => ended(job, insider, Exit.succeed(value))
      })
    }

    const ended = (job: J, insider: Insider.Insider, exit: Exit.Exit<A, E>): Effect.Effect<void, never, R> => {
      insider.inFlight = false
      settling = true
      settle(job, exit, insider.hints, Insider.lateRejection(insider)?.rejection)
      settling = false
      // A fiber that was interrupted stays so: another takes over, or the next row would be interrupted too.
      const rest = Exit.isFailure(exit) && Cause.isInterrupted(exit.cause) && !stopping ? hire(Effect.forkDaemon) : next
      const notice = Attempt.logNotice(admission)
      return notice === undefined ? rest : Effect.zipRight(notice, rest)
    }

    return next
  }

  const worker = Effect.flatMap(FiberRef.get(Insider.current), (current) => {
    const seat = new Insider.Seat()
    return Effect.zipRight(FiberRef.set(Insider.current, seat), work(seat, Insider.occupantOf(current)))
  })

  const hire = (fork: typeof Effect.fork): Effect.Effect<void, never, R> =>
    Effect.map(fork(worker), (fiber) => {
      fibers.add(fiber)
      fiber.addObserver((exit) => {
        fibers.delete(fiber)
        if (Exit.isFailure(exit) && crash === undefined) {
          crash = exit.cause
          settling = false
          onCrash(admitted.splice(0))
          dismiss()
        }
        if (fibers.size === 0) onAllGone?.()
      })
    })

  return {
    hire: hire(Effect.fork),
    give: (job) => {
      const wake = settling && admitted.length === 0 ? undefined : idle.pop()
      if (wake === undefined) admitted.push(job)
      else wake(job)
    },
    interrupt: () => {
      stopping = true
      for (const fiber of fibers) fiber.unsafeInterruptAsFork(FiberId.none)
    },
    dismiss,
    allGone: Effect.async<void>((resume) => {
      const gone = (): void => resume(crash === undefined ? Effect.void : Effect.failCause(crash))
      if (fibers.size === 0) gone()
      else onAllGone = gone
    })
  }
}
