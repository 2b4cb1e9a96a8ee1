/**
 * A limit of so much in any span of time. It holds against an API that counts by a sliding window, by a fixed one of whatever
 * phase, or by a bucket that holds as much and fills as fast.
 *
 * @since 0.2.0
 */
import { isDue } from "../structure/TimerQueue.js"
import { guard, type Meter, type Place, Share } from "./Meter.js"
import * as Transit from "./Transit.js"

/**
 * A window; times in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly most: number
  readonly per: number
  /** How long an attempt may take to where it is counted; Infinity: until its end. */
  readonly transit: number
}

/** With more places than this, arrivals that are close together share one: the memory of a window has a bound. */
const manyPlaces = 2048

/** What has arrived within the span, oldest first. */
const arrivalsOf = (per: number, span: number) => {
  /** From `first` on. */
  let places: Array<Place> = []
  let first = 0
  let amount = 0

  const isGone = (place: Place, now: number): boolean => isDue(place.at + span, now)

  return {
    /** All of it together. */
    get amount(): number {
      return amount
    },
    add: (share: Share, at: number): void => {
      const last = places.at(-1)
      const near = places.length - first > manyPlaces ? per / manyPlaces : 0
      amount += share.amount
      if (last !== undefined && at - last.at <= near) {
        last.at = at
        last.amount += share.amount
        share.place = last
      } else {
        share.place = { at, amount: share.amount, level: 0, refunded: 0 }
        places.push(share.place)
      }
    },
    isCounted: (place: Place, now: number): boolean => !isGone(place, now),
    change: (place: Place, more: number): void => {
      place.amount += more
      amount += more
    },
    advance: (now: number): void => {
      for (let place = places[first]; place !== undefined && isGone(place, now); place = places[first]) {
        amount -= place.amount
        first += 1
      }
      if (first === places.length) amount = 0
      if (first > manyPlaces) {
        places = places.slice(first)
        first = 0
      }
    },
    /** When so much of it is gone; undefined where it is less. */
    goneAt: (enough: number): number | undefined => {
      let left = enough
      for (let i = first; i < places.length; i++) {
        const place = places[i]
        left -= place?.amount ?? 0
        if (place !== undefined && left <= 0) return place.at + span
      }
      return undefined
    }
  }
}

/**
 * Makes an empty window.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ most: told, per, transit }: Options): Meter => {
  let most = told
  const span = per + guard
  const arrived = arrivalsOf(per, span)
  const onWay = Transit.make(transit, arrived.add)

  const advance = (now: number): void => {
    onWay.advance(now)
    arrived.advance(now)
  }

  return {
    used: (now) => {
      advance(now)
      return arrived.amount + onWay.amount
    },
    opensAt: (amount, now) => {
      advance(now)
      if (amount > most) return Infinity
      const over = arrived.amount + onWay.amount + amount - most
      if (amount === 0 || over <= 0) return now
      const goneAt = arrived.goneAt(over)
      if (goneAt !== undefined) return goneAt
      let left = over - arrived.amount
      for (const [share, arrivesBy] of onWay.shares()) {
        left -= share.amount
        if (left <= 0) return arrivesBy + span
      }
      return Infinity
    },
    take: onWay.send,
    begin: (share, now) => {
      const { place } = share
      if (place !== undefined && arrived.isCounted(place, now)) {
        arrived.change(place, -share.amount)
        share.place = undefined
      } else if (!onWay.has(share)) return
      onWay.sendLater(share, now)
    },
    undo: onWay.remove,
    scale: (factor) => {
      most = told * factor
    },
    end: onWay.end,
    settle: (share, actual, now) => {
      if (onWay.has(share)) return onWay.change(share, actual)
      const { place } = share
      if (place === undefined) {
        // Nothing was counted for it.
        if (actual > 0) arrived.add(new Share(actual, now), now)
      } else if (arrived.isCounted(place, now)) arrived.change(place, actual - share.amount)
    }
  }
}
