/**
 * Time that others rely on: two clocks of one process, and how far clocks of different processes go apart.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as Monotonic from "./Monotonic.js"

/**
 * An instant on both clocks of a process, in milliseconds. The one that nobody sets stands still while a machine sleeps, and
 * the other one does not.
 *
 * @since 0.2.0
 * @category models
 */
export interface Instant {
  readonly now: number
  readonly wall: number
}

/**
 * What the clocks of a process show now.
 *
 * @since 0.2.0
 * @category constructors
 */
export const instantOf = (clock: Clock.Clock): Instant => ({
  now: Monotonic.now(clock),
  wall: clock.unsafeCurrentTimeMillis()
})

/**
 * How long ago an instant was, by the clock that says more.
 *
 * @since 0.2.0
 * @category reading
 */
export const since = (then: Instant, { now, wall }: Instant): number => Math.max(now - then.now, wall - then.wall)

/**
 * Clocks of two processes may run so much apart: what one of them lends ends so much earlier for whoever has it.
 *
 * @since 0.2.0
 * @category constants
 */
export const drift = 0.01
