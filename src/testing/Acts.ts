/**
 * What is done to the pool and the rows of a simulated client meanwhile.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { Outlet } from "./Members.js"
import type * as Trace from "./Trace.js"
import type * as Workload from "./Workload.js"

/**
 * What acts are done to.
 *
 * @since 0.2.0
 * @category models
 */
export interface Target {
  readonly pool: Pick<Outlet, "clients" | "pause" | "resize" | "resume">
  /** Now, and the client. */
  readonly at: () => { readonly at: number; readonly client: number }
  readonly emit: Trace.Observer
  /** Takes back a row, by its number among the client's. */
  readonly withdraw: (row: number, how: "cancel" | "evict") => Effect.Effect<void>
}

/**
 * Does it, at once.
 *
 * @since 0.2.0
 * @category running
 */
export const run = ({ at, emit, pool, withdraw }: Target, act: Workload.Act): Effect.Effect<void> => {
  const tell = (_tag: "paused" | "resumed"): void => pool.clients.forEach((client) => emit({ ...at(), _tag, client }))
  switch (act.kind) {
    case "pause": {
      const resume = Effect.suspend(() => {
        tell("resumed")
        return pool.resume
      })
      const paused = Effect.sync(() => tell("paused"))
      return Effect.zipRight(Effect.zipRight(pool.pause, paused), Effect.delay(resume, act.lasts))
    }
    case "resize":
      return Effect.suspend(() => {
        emit({ _tag: "resized", ...at(), poolSize: act.poolSize })
        return pool.resize(act.poolSize)
      })
    case "cancel":
    case "evict":
      return withdraw(act.row, act.kind)
  }
}
