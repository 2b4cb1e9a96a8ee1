/**
 * One timer at most, which does the same each time.
 *
 * @since 0.2.0
 */
import type { Timer, TimerQueue } from "./TimerQueue.js"

/**
 * An alarm; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Alarm {
  /** When it rings; undefined while it is not set. */
  readonly at: number | undefined
  /** Sets it anew, unless it is set for that instant. */
  readonly set: (at: number | undefined) => void
  /** Lets it ring then, unless it rings before. */
  readonly ringBy: (at: number) => void
  readonly clear: () => void
}

/**
 * Makes an alarm that is not set. When it rings, it is not set any more.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (timers: TimerQueue, ring: () => void): Alarm => {
  let timer: Timer | undefined

  const clear = (): void => {
    if (timer !== undefined) timers.remove(timer)
    timer = undefined
  }

  const set = (at: number | undefined): void => {
    if (at === timer?.at) return
    clear()
    if (at === undefined) return
    timer = timers.add(at, () => {
      timer = undefined
      ring()
    })
  }

  return {
    get at() {
      return timer?.at
    },
    set,
    ringBy: (at) => {
      if (timer === undefined || at < timer.at) set(at)
    },
    clear
  }
}
