/**
 * A window that grows by the clock: a law is asked only when an attempt ends, and what it wants to try may be due before.
 *
 * @since 0.2.0
 */
import type { Decision, Ramp } from "./ControlLaw.js"
import { isDue } from "../structure/TimerQueue.js"

/**
 * Milliseconds in 64ths: whole nanoseconds, and sums of powers of two, so that sums of them are exact.
 *
 * @since 0.2.0
 * @category values
 */
export const exact = (millis: number): number => Math.round(millis * 64) / 64

/**
 * Makes a ramp whose instants can be added up without an error: the window has grown when its timer fires.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (from: number, every: number, most: number): Ramp => ({
  from: exact(from),
  every: Math.max(1, exact(every)),
  most: Math.floor(most)
})

/**
 * How many attempts a decision allows in flight at an instant, in epoch milliseconds.
 *
 * @since 0.2.0
 * @category values
 */
export const windowAt = ({ ramp, window }: Decision, now: number): number => {
  if (ramp === undefined || !isDue(ramp.from, now)) return window
  const steps = 1 + Math.floor((now - ramp.from + 1e-6) / ramp.every)
  return Math.max(window, Math.min(ramp.most, window + steps))
}

/**
 * When the window grows next, in epoch milliseconds; undefined where it does not.
 *
 * @since 0.2.0
 * @category values
 */
export const nextAt = (decision: Decision, now: number): number | undefined => {
  const { ramp, window } = decision
  if (ramp === undefined || ramp.from === Infinity || ramp.every === Infinity) return undefined
  const current = windowAt(decision, now)
  return current >= Math.max(window, ramp.most) ? undefined : ramp.from + (current - window) * ramp.every
}
