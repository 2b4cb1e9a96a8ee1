/**
 * A limit of so many attempts at once.
 *
 * @since 0.2.0
 */
import { isDue } from "../structure/TimerQueue.js"
import { guard, type Meter, Share } from "./Meter.js"

class Seat extends Share {
  isTaken = true
}

/**
 * Makes free places. An attempt that was broken off keeps its place for `transit` milliseconds: the API may not know yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (told: number, transit: number): Meter => {
  let most = told
  let running = 0
  /** When the places of those that were broken off are free, in order. */
  const lingering: Array<number> = []

  const advance = (now: number): void => {
    for (let end = lingering[0]; end !== undefined && isDue(end, now); end = lingering[0]) lingering.shift()
  }

  /** Returns whether it had its place. */
  const leave = (share: Share): boolean => {
    if (!(share instanceof Seat && share.isTaken)) return false
    share.isTaken = false
    running -= 1
    return true
  }

  return {
    used: (now) => {
      advance(now)
      return running + lingering.length
    },
    opensAt: (amount, now) => {
      advance(now)
      const over = running + lingering.length + amount - most
      if (over <= 0) return now
      return lingering[over - 1] ?? Infinity
    },
    take: (_, now) => {
      running += 1
      return new Seat(1, now)
    },
    begin: () => undefined,
    undo: (share) => void leave(share),
    scale: (factor) => {
      most = Math.floor(told * factor)
    },
    end: (share, how, now) => {
      advance(now)
      if (leave(share) && how === "broken" && transit > 0) lingering.push(now + transit + guard)
    },
    // It takes a place, whatever it weighs.
    settle: () => undefined
  }
}
