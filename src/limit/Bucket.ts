/**
 * A limit as a token bucket keeps it: so much at once, and it fills at a steady rate.
 *
 * @since 0.2.0
 */
import { guard, type Meter, type Share } from "./Meter.js"
import * as Transit from "./Transit.js"

/**
 * A bucket; times in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly burst: number
  /** A millisecond. */
  readonly rate: number
  /** How long an attempt may take to where it is counted; Infinity: until its end. */
  readonly transit: number
}

/**
 * Makes a full bucket. It counts what is missing: the worst that can be is that each attempt arrives as late as it can, and
 * those on their way all at once.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ burst, rate: told, transit }: Options): Meter => {
  let rate = told
  /** What is missing of what has arrived, at `at`. */
  let missing = 0
  let at = -Infinity
  let refunded = 0

  const fill = (now: number): void => {
    if (now <= at) return
    missing = Math.max(0, missing - rate * (now - at))
    at = now
  }

  const onWay = Transit.make(transit, (share, arrivedAt) => {
    fill(arrivedAt)
    missing += share.amount
    share.place = { at: arrivedAt, amount: share.amount, level: missing, refunded }
  })

  const advance = (now: number): void => {
    onWay.advance(now)
    fill(now)
  }

  /** What has been filled up again since the arrival was full without it as well. */
  const giveBack = ({ place }: Share, amount: number, now: number): void => {
    if (place === undefined) return
    const left = place.level - rate * (now - place.at) - (refunded - place.refunded)
    const back = Math.min(amount, Math.max(0, left), missing)
    missing -= back
    refunded += back
  }

  return {
    used: (now) => {
      advance(now)
      return missing + onWay.amount
    },
    opensAt: (amount, now) => {
      advance(now)
      if (amount > burst) return Infinity
      if (amount === 0 || missing + onWay.amount + amount <= burst) return now
      let level = missing
      let open = onWay.amount
      let time = now
      // It fills only by what has arrived: where that is not enough, the next arrival has to be waited for.
      for (const [share, arrivesBy] of onWay.shares()) {
        if (open + amount <= burst) break
        if (arrivesBy === Infinity) return Infinity
        level = Math.max(0, level - rate * (arrivesBy - time)) + share.amount
        open -= share.amount
        time = arrivesBy
      }
      return time + Math.max(0, level + open + amount - burst) / rate + guard
    },
    take: onWay.send,
    begin: (share, now) => {
      giveBack(share, share.amount, now)
      share.place = undefined
      onWay.sendLater(share, now)
    },
    undo: onWay.remove,
    // What it holds at once stays as it is.
    scale: (factor) => {
      rate = told * factor
    },
    end: onWay.end,
    settle: (share, actual, now) => {
      advance(now)
      if (onWay.has(share)) return onWay.change(share, actual)
      const more = actual - share.amount
      if (more > 0) missing += more
      else giveBack(share, -more, now)
    }
  }
}
