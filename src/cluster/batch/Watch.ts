/**
 * What a runner knows of the states of the batches it works for: one look at each, now and then.
 *
 * @since 0.2.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { BatchTables, State } from "./BatchTables.js"

/**
 * The state of one batch, some time ago.
 *
 * @since 0.2.0
 * @category models
 */
export interface Watched {
  readonly state: Effect.Effect<State>
  /** Each chunk of the batch that this process does takes one. */
  readonly permits: Effect.Semaphore
  /** Returns the state once it is not `paused`. */
  readonly unpaused: Effect.Effect<State>
}

/**
 * The batches that a runner works for.
 *
 * @since 0.2.0
 * @category models
 */
export type Watch = (batch: string) => Effect.Effect<Watched, SqlError, Scope.Scope>

/**
 * Makes a watch that looks so often, for a process that does so many chunks of a batch at once. A batch is watched as long as somebody works for it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  tables: BatchTables,
  interval: Duration.Duration,
  perProcess: number
): Effect.Effect<Watch, never, Scope.Scope> =>
  Effect.map(
    RcMap.make({
      lookup: (batch: string) =>
        Effect.gen(function* () {
          // A batch that is gone is nobody's any more.
          const look = Effect.map(tables.state(batch), (found): State => found?.state ?? "cancelled")
          const ref = yield* SubscriptionRef.make(yield* look)
          yield* look.pipe(
            Effect.flatMap((state) => SubscriptionRef.set(ref, state)),
            Effect.ignore,
            Effect.delay(interval),
            Effect.forever,
            Effect.forkScoped
          )
          const watched: Watched = {
            permits: yield* Effect.makeSemaphore(perProcess),
            state: SubscriptionRef.get(ref),
            unpaused: Stream.runHead(Stream.filter(ref.changes, (state) => state !== "paused")).pipe(
              // The states of a batch never end.
              Effect.flatMap(Effect.orElse(() => Effect.never))
            )
          }
          return watched
        })
    }),
    (map) => (batch) => RcMap.get(map, batch)
  )
