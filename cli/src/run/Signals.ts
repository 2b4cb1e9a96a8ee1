/** Ctrl-C once and twice. */
import { Effect, Queue, type Scope } from "effect"
import { codes } from "../ExitCode.js"
import * as Screen from "../output/Screen.js"

type Reason = "interrupted" | "terminated"

const reasons = { SIGINT: "interrupted", SIGTERM: "terminated" } as const

/** A terminal tells all of its processes, and npm tells its child once more: so soon it is the same Ctrl-C. */
const sameKey = "500 millis"

/**
 * From now until the scope closes, the first Ctrl-C runs `stop`, and the second ends the process at once. What is finished is
 * in the journal either way.
 */
export const watch = (
  screen: Screen.Screen,
  stop: (reason: Reason) => Effect.Effect<void>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const signals = yield* Queue.unbounded<Reason>()
    const listeners = Object.entries(reasons).map(([signal, reason]) => ({
      signal,
      listener: () => void signals.unsafeOffer(reason)
    }))
    yield* Effect.acquireRelease(
      Effect.sync(() => listeners.forEach(({ listener, signal }) => process.on(signal, listener))),
      () => Effect.sync(() => listeners.forEach(({ listener, signal }) => process.off(signal, listener)))
    )
    const watching = Effect.gen(function* () {
      yield* stop(yield* Queue.take(signals))
      yield* Effect.sleep(sameKey)
      yield* Queue.takeAll(signals)
      yield* Screen.print(screen, "Ctrl-C once more ends it at once")
      const second = yield* Queue.take(signals)
      yield* Screen.print(screen, "ended at once; what was finished is kept: to go on, run the same command again")
      // What never returns is taken for a promise by checkers: to them it returns nothing.
      yield* Effect.sync((): void => process.exit(codes[second]))
    })
    yield* Effect.forkScoped(Effect.interruptible(watching))
  })
