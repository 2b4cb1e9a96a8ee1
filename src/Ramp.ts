/**
 * A window that grows by the clock: a law is asked only when an attempt ends, and what it wants to try may be due before.
 *
 * @since 0.2.0
 */
import type { Decision } from "./ControlLaw.js"
import { isDue } from "./TimerQueue.js"

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
  if (ramp === undefined || ramp.from === Infinity) return undefined
  const current = windowAt(decision, now)
  return current >= Math.max(window, ramp.most) ? undefined : ramp.from + (current - window) * ramp.every
}
