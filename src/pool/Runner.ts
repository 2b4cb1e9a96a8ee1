/**
 * Runs the attempts of single calls: in the caller's own fiber where that is possible, and so that a closing pool can
 * interrupt them and leave their callers alone.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import type { Restore } from "./Attempt.js"
import * as Insider from "./Insider.js"

/**
 * Runs attempts.
 *
 * @since 0.2.0
 * @category models
 */
export interface Runner {
  /** Runs one that the caller's fiber has in hand, and goes on with what `after` makes of its end. */
  readonly run: <A, E, R, B, E2, R2>(attempt: Run<A, E, R, B, E2, R2>) => Effect.Effect<B, E2, R | R2>
  /** Interrupts all of them. */
  readonly interrupt: () => void
}

/**
 * An attempt, inside a region that is uninterruptible.
 *
 * @since 0.2.0
 * @category models
 */
export interface Run<A, E, R, B, E2, R2> {
  readonly caller: Fiber.RuntimeFiber<unknown, unknown>
  /** What is run; it may be interrupted. */
  readonly effect: Effect.Effect<A, E, R>
  readonly insider: Insider.Insider
  readonly restore: Restore
  readonly after: (exit: Exit.Exit<A, E>) => Effect.Effect<B, E2, R2>
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

/**
 * Makes it for a pool.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): Runner => {
  const running = new Set<Running>()

  const inFiber = <A, E, R, B, E2, R2>({ after, effect, insider, restore }: Run<A, E, R, B, E2, R2>) =>
    // As an exit, because Effect logs each fiber that fails.
    Effect.flatMap(Effect.fork(Effect.exit(Effect.locally(effect, Insider.current, insider))), (fiber) => {
      const place: Running = { fiber, isInterrupted: false }
      running.add(place)
      return Effect.flatMap(Effect.exit(restore(Fiber.await(fiber))), (awaited) =>
        Effect.flatMap(Exit.isSuccess(awaited) ? awaited : Fiber.interrupt(fiber), (exit) => {
          running.delete(place)
          return Effect.zipRight(fiber.inheritAll, after(Exit.flatten(exit)))
        })
      )
    })

  const inPlace = <A, E, R, B, E2, R2>({ after, caller, effect, insider }: Run<A, E, R, B, E2, R2>) => {
    const current = caller.getFiberRef(Insider.current)
    const seat = current instanceof Insider.Seat ? current : new Insider.Seat()
    const place: Running = { fiber: caller, isInterrupted: false }
    const ended = (exit: Exit.Exit<A, E>): Effect.Effect<B, E2, R2> => {
      running.delete(place)
      seat.occupant = insider.outer
      const next = after(exit)
      return place.isInterrupted ? Effect.zipRight(forgetInterruption, next) : next
    }
    const whole = Effect.matchCauseEffect(effect, {
      onFailure: (cause) => ended(Exit.failCause(cause)),
      onSuccess: (value) => ended(Exit.succeed(value))
    })
    running.add(place)
    seat.occupant = insider
    return seat === current ? whole : Effect.zipRight(FiberRef.set(Insider.current, seat), whole)
  }

  return {
    // What the caller has forked before must not be interrupted together with the attempt.
    run: (attempt) => (hasChildren(attempt.caller) ? inFiber(attempt) : inPlace(attempt)),
    interrupt: () => {
      for (const place of running) {
        place.isInterrupted = true
        place.fiber.unsafeInterruptAsFork(closing)
      }
    }
  }
}
