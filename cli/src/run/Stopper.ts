/** What ends a run before its rows have ended: nothing starts any more, and what is in flight gets some time. */
import { Deferred, Duration, Effect, ExecutionStrategy, Exit, Scope } from "effect"
import { PooledExecutor } from "effect-aimd"
import type { Stop } from "../ExitCode.js"
import * as Screen from "../output/Screen.js"

export interface Stopped {
  readonly reason: Stop
  /** In words. */
  readonly why: string
}

export interface Stopper {
  /** Stops the run; the first reason counts. */
  readonly stop: (stopped: Stopped) => Effect.Effect<void>
  /** Why it stops; undefined as long as it does not. */
  readonly stopped: () => Stopped | undefined
}

export interface Options {
  readonly poolSize: number
  readonly requestTimeout: Duration.Duration
  readonly maxRetry: Duration.Duration
  /** How long what is in flight gets once the run is stopped. */
  readonly grace: Duration.Duration
}

/** Makes the pool of a run, and what stops it; `onStop` runs first. */
export const make = (options: Options, screen: Screen.Screen, onStop: () => void) =>
  Effect.gen(function* () {
    const { grace, maxRetry, poolSize, requestTimeout } = options
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const limits = { poolSize, attemptTimeout: requestTimeout, maxCapacityRetry: maxRetry, name: "run" }
    const pool = yield* Scope.extend(PooledExecutor.make(limits), scope)
    const given = yield* Deferred.make<Stopped>()
    let stopped: Stopped | undefined
    const stopping = Effect.gen(function* () {
      const { why } = yield* Deferred.await(given)
      onStop()
      const { inFlight } = yield* pool.stats
      const wait = inFlight === 0 ? "" : `; what is in flight (${inFlight}) gets ${Duration.format(grace)} to end`
      yield* Screen.print(screen, `stopping: ${why}${wait}`)
      yield* Effect.timeoutOption(pool.shutdown, grace)
      yield* Scope.close(scope, Exit.void)
    })
    yield* Effect.forkScoped(Effect.interruptible(stopping))
    const stopper: Stopper = {
      // Paused at once: what is done next takes a moment.
      stop: (reason) =>
        Effect.suspend(() => Effect.zipRight(pool.pause, Deferred.succeed(given, (stopped ??= reason)))),
      stopped: () => stopped
    }
    return { pool, stopper }
  })
