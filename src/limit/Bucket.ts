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

/** What is missing in a bucket of what has arrived, as it is filled again. */
const levelOf = (rate: number) => {
  let missing = 0
  let at = -Infinity
  let refunded = 0

  const fill = (now: number): void => {
    if (now <= at) return
    missing = Math.max(0, missing - rate * (now - at))
    at = now
  }

  return {
    get missing(): number {
      return missing
    },
    get rate(): number {
      return rate
    },
    refill: (next: number): void => {
      rate = next
    },
    fill,
    arrive: (share: Share, arrivedAt: number): void => {
      fill(arrivedAt)
      missing += share.amount
      share.place = { at: arrivedAt, amount: share.amount, level: missing, refunded }
    },
    takeMore: (amount: number): void => {
      missing += amount
    },
    /** What has been filled up again since the arrival was full without it as well. */
    giveBack: ({ place }: Share, amount: number, now: number): void => {
      if (place === undefined) return
      const left = place.level - rate * (now - place.at) - (refunded - place.refunded)
      const back = Math.min(amount, Math.max(0, left), missing)
      missing -= back
      refunded += back
    }
  }
}

/**
 * Makes a full bucket. It counts what is missing: the worst that can be is that each attempt arrives as late as it can, and
 * those on their way all at once.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ burst, rate: told, transit }: Options): Meter => {
  const level = levelOf(told)
  const onWay = Transit.make(transit, level.arrive)

  const advance = (now: number): void => {
    onWay.advance(now)
    level.fill(now)
  }

  return {
    used: (now) => {
      advance(now)
      return level.missing + onWay.amount
    },
    opensAt: (amount, now) => {
      advance(now)
      const { missing, rate } = level
      if (amount > burst) return Infinity
      if (amount === 0 || missing + onWay.amount + amount <= burst) return now
      let lacks = missing
      let open = onWay.amount
      let time = now
      // It fills only by what has arrived: where that is not enough, the next arrival has to be waited for.
      for (const [share, arrivesBy] of onWay.shares()) {
        if (open + amount <= burst) break
        if (arrivesBy === Infinity) return Infinity
        lacks = Math.max(0, lacks - rate * (arrivesBy - time)) + share.amount
        open -= share.amount
        time = arrivesBy
      }
      return time + Math.max(0, lacks + open + amount - burst) / rate + guard
    },
    take: onWay.send,
    begin: (share, now) => {
      if (share.place !== undefined) level.giveBack(share, share.amount, now)
      share.place = undefined
      onWay.sendLater(share, now)
    },
    undo: onWay.remove,
    // What it holds at once stays as it is.
    scale: (factor) => level.refill(told * factor),
    end: onWay.end,
    settle: (share, actual, now) => {
      advance(now)
      if (onWay.has(share)) return onWay.change(share, actual)
      const more = actual - share.amount
      if (more > 0) level.takeMore(more)
      else level.giveBack(share, -more, now)
    }
  }
}
