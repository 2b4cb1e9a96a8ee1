/** The batch, and the three ways it ends: all rows done, Ctrl-C, or an API that will not serve the rest either. */
import { Deferred, Effect, ExecutionStrategy, Exit, Fiber, Scope } from "effect"
import { type Capacity, type PoolConfig, PooledExecutor } from "effect-aimd"
import type * as Client from "./client.js"
import * as Corpus from "./corpus.js"

/** With so many failures in a row and no success between, the rest is not tried. */
const maxFailuresInARow = 20

/** How long answers that are on their way get once the run is stopped. */
const grace = "500 millis"

/** A pool that can be given up before its scope closes. */
export interface Pool extends PooledExecutor.PooledExecutor {
  /** Shuts the pool down; after half a second, what is still in flight is interrupted. */
  readonly giveUp: Effect.Effect<void>
}

/** Makes a pool. */
export const makePool = (options: PoolConfig.Options): Effect.Effect<Pool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const pool = yield* Scope.extend(PooledExecutor.make(options), scope)
    const giveUp = pool.shutdown.pipe(Effect.timeoutOption(grace), Effect.zipRight(Scope.close(scope, Exit.void)))
    return { ...pool, giveUp }
  })

/** Whether the next row would meet the same error. */
const isFatal = (error: Client.ClientError): boolean =>
  error._tag === "QuotaExhaustedError" || (error._tag === "ApiError" && [401, 403, 404].includes(error.status))

const watch = (client: Client.Client, stop: (reason: string) => Effect.Effect<void>) => {
  let failuresInARow = 0
  const onFailure = (error: Client.ClientError | Capacity.CapacityError): Effect.Effect<void> => {
    if (error._tag === "CapacityError") return Effect.void
    failuresInARow += 1
    if (isFatal(error)) return stop(error.message)
    if (failuresInARow < maxFailuresInARow) return Effect.void
    return stop(`${failuresInARow} failures in a row; the last: ${error.message}`)
  }
  const onSuccess = () => Effect.sync(() => void (failuresInARow = 0))
  return (row: Corpus.Row) => Effect.tapBoth(client.embed(Corpus.input(row)), { onFailure, onSuccess })
}

/**
 * Embeds all rows and returns an entry for each, even where the run is interrupted: `stopped` says why it ended early, and
 * the rows that were not finished failed with `PoolShutdownError`. `onStop` runs before the pool is given up.
 *
 * Run it in an uninterruptible region, with that region's `restore`.
 */
export const run = (
  pool: Pool,
  client: Client.Client,
  rows: ReadonlyArray<Corpus.Row>,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>,
  onStop: (reason: string) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const stop = yield* Deferred.make<string>()
    const embed = watch(client, (reason) => Effect.asVoid(Deferred.succeed(stop, reason)))
    // A daemon, as an interruption is passed on to children at once: this one is ended by the shutdown, which keeps its rows.
    const batch = yield* Effect.forkDaemon(
      Effect.interruptible(pool.executeBatch(rows, embed, { stateId: Corpus.stateId }))
    )
    const ended = yield* Effect.exit(
      restore(Effect.raceFirst(Effect.as(Fiber.await(batch), undefined), Deferred.await(stop)))
    )
    const stopped = Exit.isSuccess(ended) ? ended.value : "interrupted"
    if (stopped !== undefined) {
      yield* onStop(stopped)
      yield* Effect.forkDaemon(Effect.interruptible(pool.giveUp))
    }
    const { entries, stats } = yield* Fiber.join(batch)
    return { entries, stats, stopped }
  })
