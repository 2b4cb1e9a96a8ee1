/**
 * How a batch gets its fibers, and a scope of its own.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Attempt from "./Attempt.js"
import * as Insider from "./Insider.js"
import { OpenBatch } from "./OpenBatch.js"
import type { Plan } from "./Plan.js"

/**
 * Opens a batch, in a region that cannot be interrupted: close it. `restore` is the right to run of its attempts.
 *
 * @since 0.2.0
 * @category constructors
 */
export const open = <Row, A, E, R, F>(
  plan: Plan<Row, A, E, R, F>,
  restore: Attempt.Restore
): Effect.Effect<OpenBatch<Row, A, E, R, F>, never, R> =>
  // A scope of its own: attempts have the caller's.
  Effect.flatMap(Scope.make(), (scope) =>
    Effect.flatMap(Scope.extend(FiberSet.make<void, unknown>(), scope), (fibers) =>
      Effect.flatMap(FiberSet.runtime(fibers)<R>(), (fork) =>
        Effect.withFiberRuntime((opener) =>
          Effect.sync(
            () =>
              new OpenBatch(plan, {
                restore,
                scope,
                fork: <E1>(effect: Effect.Effect<void, E1, R>) => fork(effect, { immediate: false }),
                isTraced: Attempt.isTraced(opener),
                outer: Insider.occupantOf(opener.getFiberRef(Insider.current))
              })
          )
        )
      )
    )
  )
