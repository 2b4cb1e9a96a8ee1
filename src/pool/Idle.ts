/**
 * Waiting until nothing of a pool is in flight.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Insider from "./Insider.js"

/**
 * Who waits for a pool to be idle, and who runs in it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Idle {
  /** Tells a fiber, whose only task the effect is, that it runs attempts of this pool. */
  readonly inside: <A, E, R>(effect: Effect.Effect<A, E, R>, insider: Insider.Insider) => Effect.Effect<A, E, R>
  /** Waits until nothing is in flight; for an attempt that waits here itself, nothing besides such attempts. */
  readonly wait: Effect.Effect<void>
  /** An attempt has ended. */
  readonly wake: () => void
}

/**
 * Makes it for a pool with so many attempts in flight.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (inFlight: () => number): Idle => {
  const ref = Insider.makeRef()
  const waiting = new Map<() => void, Insider.Insider | undefined>()

  const isIdle = (insider: Insider.Insider | undefined): boolean => {
    if (insider?.inFlight !== true) return inFlight() === 0
    const insiders = new Set([insider, ...waiting.values()].filter((i) => i?.inFlight === true))
    return inFlight() <= insiders.size
  }

  return {
    inside: (effect, self) =>
      Effect.zipRight(FiberRef.set(ref, self), Effect.zipRight(FiberRef.set(Insider.current, self), effect)),
    wait: Effect.flatMap(FiberRef.get(ref), (worker) =>
      Effect.async<void>((resume) => {
        const self = worker?.current ?? worker
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
