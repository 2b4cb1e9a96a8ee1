/**
 * How the fibers of an attempt know that they run in it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import type { Hints } from "../law/ControlLaw.js"

/**
 * An attempt of a pool, as the fibers know it that run in it. A worker knows the one it runs now; what it forks keeps the
 * one it was forked in.
 *
 * @since 0.2.0
 * @category models
 */
export interface Insider {
  inFlight: boolean
  current?: Insider
  /** What the attempt reported of its answer. */
  hints?: Hints
}

/**
 * Makes a reference to the attempt that a fiber runs in.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeRef = (): FiberRef.FiberRef<Insider | undefined> =>
  FiberRef.unsafeMake<Insider | undefined>(undefined, {
    fork: (self) => self?.current ?? self,
    // A worker stays itself when it joins a fiber of an attempt that is over, a timed one for instance.
    join: (self) => self
  })

/**
 * The attempt that a fiber runs in, of whatever pool; of nested pools the innermost.
 *
 * @since 0.2.0
 * @category references
 */
export const current: FiberRef.FiberRef<Insider | undefined> = makeRef()

/**
 * Adds to what the innermost attempt that runs this reports of its answer; does nothing outside an attempt.
 *
 * @since 0.2.0
 * @category reporting
 */
export const report = (hints: Hints): Effect.Effect<void> =>
  Effect.map(FiberRef.get(current), (insider) => {
    const attempt = insider?.current ?? insider
    if (attempt !== undefined) attempt.hints = { ...attempt.hints, ...hints }
  })
