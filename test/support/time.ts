/** Runs test programs in virtual time. */
import { Cause, Effect, Option, TestClock, type Scope } from "effect"
import type { YieldWrap } from "effect/Utils"

/**
 * Runs a program, in a scope of its own, and moves the `TestClock` until it is done; the program itself says with
 * `Effect.sleep` and `Effect.delay` when things happen. It runs in a daemon, so that a deadlock fails the test and cannot
 * hang it.
 */
export const inVirtualTime = <R = never>(
  program: () => Generator<YieldWrap<Effect.Effect<unknown, unknown, R>>, void, never>
): Effect.Effect<void, unknown, Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDaemon(Effect.scoped(Effect.gen(program)))
    for (const span of ["1 minute", "10 minutes", "2 hours"] as const) {
      if (Option.isNone(yield* fiber.poll)) yield* TestClock.adjust(span)
    }
    const exit = yield* fiber.poll
    if (Option.isSome(exit)) return yield* exit.value
    return yield* Effect.die(new Cause.RuntimeException("deadlock: unfinished when virtual time ran dry"))
  })
