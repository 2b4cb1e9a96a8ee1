/**
 * Waiting until nothing of a pool is in flight.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import type { Tally } from "../PoolStats.js"
import * as Insider from "./Insider.js"

/**
 * Who waits for a pool to be idle.
 *
 * @since 0.2.0
 * @category models
 */
export interface Idle {
  /** Waits until nothing is in flight; for an attempt that waits here itself, nothing besides such attempts. */
  readonly wait: Effect.Effect<void>
  /** An attempt has ended. */
  readonly wake: () => void
}

/**
 * Makes it for a pool, which its tally names, with so many attempts in flight.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (pool: Tally, inFlight: () => number): Idle => {
  const waiting = new Map<() => void, Insider.Insider | undefined>()

  const isIdle = (insider: Insider.Insider | undefined): boolean => {
    if (insider?.inFlight !== true) return inFlight() === 0
    const insiders = new Set([insider, ...waiting.values()].filter((i) => i?.inFlight === true))
    return inFlight() <= insiders.size
  }

  return {
    wait: Effect.flatMap(FiberRef.get(Insider.current), (current) =>
      Effect.async<void>((resume) => {
        const self = Insider.find(current, pool)
        if (isIdle(self)) return resume(Effect.void)
        const wake = (): void => resume(Effect.void)
        waiting.set(wake, self)
        return Effect.sync(() => void waiting.delete(wake))
      })
    ),
    wake: () => {
      for (const [resume, insider] of waiting) {
        if (isIdle(insider)) {
          waiting.delete(resume)
          resume()
        }
      }
    }
  }
}
