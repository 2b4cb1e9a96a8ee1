/**
 * Single calls on their way through a pool: the callers of `execute`, who wait in their own fibers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Admission } from "./Admission.js"
import * as Attempt from "./Attempt.js"
import * as CallTurn from "./CallTurn.js"
import * as Duration from "effect/Duration"
import type { TurnOptions } from "./CallTurn.js"
import * as Cost from "../limit/Cost.js"
import * as Flows from "./Flows.js"
import * as Insider from "./Insider.js"
import * as Lane from "./Lane.js"
import * as Limiter from "./Limiter.js"
import * as LinkedQueue from "../structure/LinkedQueue.js"
import * as PoolError from "../PoolError.js"
import * as Runner from "./Runner.js"

/**
 * What a caller says of a call.
 *
 * @since 0.2.0
 * @category models
 */
export interface CallOptions extends TurnOptions {
  /** What an attempt takes of the limits that the pool was told. */
  readonly cost?: Cost.Cost | undefined
}

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
    options?: CallOptions
  ) => Effect.Effect<A, PoolError.CallError<E>, R>
  /** Runs one attempt; a capacity error slows the pool down, and is the caller's to retry. */
  readonly attempt: <A, E, R>(
    call: Effect.Effect<A, E, R>,
    options?: CallOptions
  ) => Effect.Effect<A, PoolError.AttemptError<E>, R>
  /** The line leaves the pool. Nobody may wait in it any more. */
  readonly close: () => void
  /** How many callers wait for their first start. */
  readonly waiting: number
}

class CallJob extends Lane.Job {
  /** Wakes the caller that waits for a start or an outcome. */
  wake: (() => void) | undefined = undefined
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
  readonly submittedAt = this.waitingSince
  readonly place: LinkedQueue.Node<CallJob> = LinkedQueue.node(this)
}

/** The place of a call that has a turn: its job is there from the start. */
class CallPlace extends Flows.Place<CallJob> {
  readonly job: CallJob

  constructor(job: CallJob) {
    super()
    this.job = job
    job.turn = this
  }

  get asked(): Cost.Weight {
    return this.job.asked
  }
}

/** A call, and the region that it is in. */
interface Call<A, E, R> {
  readonly effect: Effect.Effect<A, E, R>
  readonly caller: Fiber.RuntimeFiber<unknown, unknown>
  readonly restore: Attempt.Restore
  readonly isTraced: boolean
}

const noOptions: CallOptions = {}

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
  const {
    close,
    end: settle,
    join,
    waiting,
    withdraw
  } = lineOf(admission, () => {
    runner.interrupt()
    for (const hold of held) hold.abandon()
  })
  const end = ender(admission, settle, held)

  const attempt = <A, E, R, F>(call: Call<A, E, R>, job: CallJob, next: () => Effect.Effect<A, F, R>) => {
    const { caller, effect, restore } = call
    const outer = Insider.occupantOf(caller.getFiberRef(Insider.current))
    const insider = Attempt.begin(admission, job, outer)
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
  const submit = <A, E, R, F>(effect: Effect.Effect<A, E, R>, isRetried: boolean, given?: CallOptions) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime<A, F | PoolError.PoolShutdownError | PoolError.CallTooLargeError, R>((caller) => {
        if (admission.isShutdown) return Effect.fail(new PoolError.PoolShutdownError({ pool: admission.config.name }))
        if (admission.isInside(caller)) return Attempt.insideOut(admission)
        const call: Call<A, E, R> = { effect, caller, restore, isTraced: Attempt.isTraced(caller) }
        const job = new CallJob(admission.timers.now(), isRetried)
        const wrong = given === undefined ? undefined : CallTurn.refusalOf(given)
        if (wrong !== undefined) return Effect.die(wrong)
        const options = given ?? noOptions
        const turn = CallTurn.turnOf(options, admission.timers)
        if (turn instanceof Error) return Effect.die(turn)
        const refusal = weigh(admission, job, options.cost)
        if (refusal !== undefined) return Effect.fail(refusal)
        join(job, turn)

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
    execute: <A, E, R>(call: Effect.Effect<A, E, R>, options?: CallOptions) =>
      submit<A, E, R, PoolError.CallError<E>>(call, true, options),
    attempt: <A, E, R>(call: Effect.Effect<A, E, R>, options?: CallOptions) =>
      submit<A, E, R, PoolError.AttemptError<E>>(call, false, options),
    close,
    get waiting() {
      return waiting()
    }
  }
}

/** Notes what a call takes; returns why it can never start, if that is so. Throws what is wrong with its cost. */
const weigh = (
  { limiters }: Admission,
  job: CallJob,
  cost: Cost.Cost | undefined
): PoolError.CallTooLargeError | undefined => {
  if (cost !== undefined) job.asked = Cost.weigh(cost)
  for (const limiter of limiters) limiter.checkPrice(job.asked, "cost")
  return Limiter.refusalOf(limiters, job.asked)
}

/** The callers who wait, and their lanes: those who say nothing of turns are in one. */
const lineOf = (admission: Admission, interrupt: () => void) => {
  const callers = LinkedQueue.make<CallJob>()
  const work = {
    start: (job: CallJob): void => job.wake?.(),
    finish: (job: CallJob, exit: Exit.Exit<unknown, unknown>): void => {
      job.exit = exit
      job.wake?.()
    },
    interrupt
  }
  const base = Lane.open<CallJob, unknown, unknown>(admission, {
    ...work,
    hasFresh: () => callers.size > 0,
    takeFresh: () => callers.shift()?.value
  })
  let flows: Flows.Flows<CallJob, unknown, unknown> | undefined
  const ageing = Duration.toMillis(admission.config.ageing)
  const add = (
    to: Flows.Flows<CallJob, unknown, unknown>,
    job: CallJob,
    turn: CallTurn.Told,
    isCounted = false
  ): void => {
    if (turn.dueAt < Infinity) to.expect(1, () => job.asked, job.waitingSince)
    to.add(new CallPlace(job), turn, job.waitingSince, isCounted)
  }
  /** From the first turn on that somebody says, all callers have one: those who say nothing that of everybody. */
  const openFlows = (): typeof flows & {} => {
    const opened = Flows.open({ ...work, admission, base, ageing, since: ({ submittedAt }) => submittedAt })
    flows = opened
    for (let first = callers.shift(); first !== undefined; first = callers.shift())
      add(opened, first.value, CallTurn.ordinary, true)
    return opened
  }
  const lane = (): Pick<typeof base, "settle" | "withdraw" | "elected" | "close"> => flows ?? base

  return {
    end: (...ended: Parameters<typeof base.settle>): void => lane().settle(...ended),
    join: (job: CallJob, turn: CallTurn.Told | undefined): void => {
      if (turn !== undefined || flows !== undefined) {
        return add(flows ?? openFlows(), job, turn ?? CallTurn.ordinary)
      }
      callers.push(job.place)
      base.submitted(1)
    },
    withdraw: (job: CallJob): void => {
      callers.remove(job.place)
      if (job.exit === undefined) lane().withdraw(job)
    },
    waiting: (): number => callers.size + (flows?.size ?? 0) + lane().elected().length,
    close: (): void => lane().close()
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

/** Settles the attempts of calls; returns what is to be done before their caller goes on, if there is anything. */
const ender = (
  admission: Admission,
  settle: Lane.Lane<CallJob, unknown, unknown>["settle"],
  held: Set<Insider.Hold>
) => {
  /** The caller gets its result, and the permit is kept until what was left open is over. */
  const holdOn = (
    job: CallJob,
    exit: Exit.Exit<unknown, unknown>,
    insider: Insider.Insider,
    open: ReadonlyArray<Insider.Hold>
  ): Effect.Effect<void> => {
    // Nobody is there to run the call again.
    job.isRetried = false
    job.exit = exit
    let left = open.length
    let worst: Exit.Exit<unknown, unknown> = exit
    for (const hold of open) {
      held.add(hold)
      hold.onEnd((ended) => {
        held.delete(hold)
        if (Exit.isFailure(ended)) worst = ended
        if ((left -= 1) === 0) settle(job, worst, insider.hints, Insider.lateRejection(insider)?.rejection)
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
    settle(job, exit, insider.hints, late?.rejection)
    const notice = Attempt.logNotice(admission)
    if (!isRetried) Insider.passOn(insider)
    return late === undefined ? notice : Effect.zipRight(Insider.keep(late), notice ?? Effect.void)
  }
}
