/**
 * The fibers that run the admitted rows of a batch: as many as rows are in flight at once, each for one row after the other.
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
import type { Job } from "./Job.js"

/**
 * What the workers of a batch do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<J extends Job, A, E, R> {
  readonly admission: Admission
  readonly restore: Attempt.Restore
  /** The attempt, of another pool, that the batch runs in. */
  readonly outer: Insider.Insider | undefined
  /** Starts a fiber that nobody interrupts unless he is asked to here; it begins a step later. */
  readonly fork: (worker: Effect.Effect<void, never, R>) => Fiber.RuntimeFiber<void>
  readonly attempt: (job: J) => Effect.Effect<A, E, R>
  readonly settle: (
    job: J,
    exit: Exit.Exit<A, E>,
    hints: Hints | undefined,
    late: Capacity.CapacityError | undefined
  ) => void
  /** A worker died of a defect that is not the row's; these admitted jobs found no worker. */
  readonly onCrash: (crash: Cause.Cause<never>, left: ReadonlyArray<J>) => void
}

/**
 * The workers of a batch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Workers<J> {
  /** Hands an admitted job to an idle worker, or to a new one. */
  readonly give: (job: J) => void
  /** Admitted jobs whose attempt has not ended. */
  readonly jobs: () => ReadonlyArray<J>
  /** Interrupts the attempt of each job that is meant, if it runs. */
  readonly interruptJobs: (isMeant: (job: J) => boolean) => void
  readonly interrupt: () => void
  /** Lets every worker end once it has nothing to do. */
  readonly dismiss: () => void
  /** Waits until every worker has ended. */
  readonly allGone: Effect.Effect<void>
}

/** A worker, with the job whose attempt it runs. */
class Worker<J> {
  readonly seat = new Insider.Seat()
  fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  job: J | undefined = undefined
  /** Its fiber was interrupted, and stays so: another takes over when the attempt has ended. */
  isSpent = false
}

/** Where admitted jobs and idle workers meet. */
interface Hall<J> {
  readonly idle: Array<(job: J | undefined) => void>
  /** Admitted jobs that no worker has taken yet. */
  readonly admitted: Array<J>
  /** Workers that have just begun, or are about to be free: each takes an admitted job itself, and nobody is woken for it. */
  coming: number
  isDismissed: boolean
  /** Nothing starts any more. */
  isStopping: boolean
}

/**
 * Makes workers; none is hired yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <J extends Job, A, E, R>(options: Options<J, A, E, R>): Workers<J> => {
  const { fork, onCrash } = options
  const workers = new Set<Worker<J>>()
  const hall: Hall<J> = { idle: [], admitted: [], coming: 0, isDismissed: false, isStopping: false }
  const { admitted, idle } = hall
  const work = worker(options, hall)
  let onAllGone: (() => void) | undefined

  const dismiss = (): void => {
    hall.isDismissed = true
    for (const wake of idle.splice(0)) wake(undefined)
  }

  const hire = (): void => {
    const self = new Worker<J>()
    hall.coming += 1
    const begun = Effect.suspend(() => {
      hall.coming -= 1
      return Effect.zipRight(FiberRef.set(Insider.current, self.seat), work(self))
    })
    workers.add(self)
    self.fiber = fork(begun)
    self.fiber.addObserver((exit) => {
      workers.delete(self)
      if (Exit.isFailure(exit)) {
        hall.coming = 0
        onCrash(exit.cause, admitted.splice(0))
        dismiss()
      }
      if (workers.size === 0) onAllGone?.()
    })
  }

  return {
    give: (job) => {
      const wake = admitted.length < hall.coming ? undefined : idle.pop()
      if (wake !== undefined) return wake(job)
      admitted.push(job)
      if (admitted.length > hall.coming) hire()
    },
    jobs: () => [...admitted, ...[...workers].flatMap(({ job }) => (job === undefined ? [] : [job]))],
    interruptJobs: (isMeant) => {
      for (const worker of workers) {
        if (worker.job === undefined || !isMeant(worker.job)) continue
        worker.isSpent = true
        worker.fiber?.unsafeInterruptAsFork(FiberId.none)
      }
    },
    interrupt: () => {
      hall.isStopping = true
      for (const { fiber } of workers) fiber?.unsafeInterruptAsFork(FiberId.none)
    },
    dismiss,
    allGone: Effect.async<void>((resume) => {
      if (workers.size === 0) resume(Effect.void)
      else onAllGone = () => resume(Effect.void)
    })
  }
}

/** What a worker does: one job after the other, until it is dismissed or its fiber is spent. */
const worker = <J extends Job, A, E, R>(
  { admission, attempt, outer, restore, settle }: Options<J, A, E, R>,
  hall: Hall<J>
): ((self: Worker<J>) => Effect.Effect<void, never, R>) => {
  const wait = Effect.async<J | undefined>((resume) => {
    const job = hall.admitted.shift()
    if (job !== undefined || hall.isDismissed) resume(Effect.succeed(job))
    else hall.idle.push((given) => resume(Effect.succeed(given)))
  })

  return (self) => {
    const next: Effect.Effect<void, never, R> = Effect.suspend(() => {
      const job = hall.admitted.shift()
      return job === undefined
        ? Effect.flatMap(wait, (given) => (given === undefined ? Effect.void : run(given)))
        : run(job)
    })

    const run = (job: J): Effect.Effect<void, never, R> => {
      const insider = Attempt.begin(admission, job, outer)
      self.seat.occupant = insider
      self.job = job
      return Effect.matchCauseEffect(restore(attempt(job)), {
        onFailure: (cause) => ended(job, insider, Exit.failCause(cause)),
        onSuccess: (value) => ended(job, insider, Exit.succeed(value))
      })
    }

    const ended = (job: J, insider: Insider.Insider, exit: Exit.Exit<A, E>): Effect.Effect<void, never, R> => {
      insider.inFlight = false
      self.job = undefined
      // A fiber that was interrupted stays so: another takes over, or the next row would be interrupted too.
      if (Exit.isFailure(exit) && Cause.isInterrupted(exit.cause)) self.isSpent = true
      const goesOn = !self.isSpent || hall.isStopping
      if (goesOn) hall.coming += 1
      settle(job, exit, insider.hints, Insider.lateRejection(insider)?.rejection)
      if (goesOn) hall.coming -= 1
      const notice = Attempt.logNotice(admission)
      if (!goesOn) return notice ?? Effect.void
      return notice === undefined ? next : Effect.zipRight(notice, next)
    }

    return next
  }
}
