/**
 * Whose start it is, in a pool that was told limits: the first in line, and whoever does not delay it.
 *
 * @since 0.2.0
 */
import type { Weight } from "../limit/Cost.js"
import type { Place } from "../structure/Semaphore.js"
import { isDue } from "../structure/TimerQueue.js"
import type { Bid, Limiter } from "./Limiter.js"

/**
 * An election of one that starts now.
 *
 * @since 0.2.0
 * @category models
 */
export interface Election {
  /** Shows it the next that wants to start; says whether it does. The first that was shown is passed only by those that fit. */
  readonly accepts: (asked: Weight) => boolean
  readonly elected: Bid | undefined
  /** When the first may start; Infinity where only the end of an attempt can tell, or nobody was shown. */
  readonly opensAt: number
  /** Nobody else can be accepted. */
  readonly isOver: boolean
  /** There is no money for the first, and no call in flight that could give some back. */
  readonly isBroke: boolean
}

/**
 * Goes through what would start next, first come, first served, until one is accepted, which is then started. Returns
 * whether one was.
 *
 * @since 0.2.0
 * @category models
 */
export type Elect = (election: Pick<Election, "accepts" | "isOver">) => boolean

/**
 * Where and when an election is held.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly limiter: Limiter
  readonly now: number
  /** Permits that nobody has. */
  readonly free: number
  /** What the law lets pass between two starts, in milliseconds. */
  readonly spacing: number
}

/** So many are looked at behind one that waits: a start must not cost as much as there are rows. */
const lookahead = 16

/**
 * Holds an election.
 *
 * @since 0.2.0
 * @category constructors
 */
export const hold = ({ free, limiter, now, spacing }: Options): Election => {
  const { ledger, purse } = limiter
  let first: Bid | undefined
  let elected: Bid | undefined
  let opensAt = Infinity
  let left = lookahead
  let isBroke = false

  /** One permit is kept for the first, and the time that the law wants between the two. */
  const fitsBeside = (next: Bid, other: Bid): boolean =>
    free > 1 && now + spacing <= opensAt && ledger.fitsBeside(next.amounts, other.amounts, opensAt, now)

  return {
    accepts: (asked) => {
      const next = limiter.bid(asked)
      const affords = purse === undefined ? "now" : purse.affords(next.money)
      if (first === undefined) {
        first = next
        isBroke = affords === "never"
        if (affords === "now") opensAt = ledger.opensAt(next.amounts, now)
        if (!isDue(opensAt, now)) return false
      } else {
        left -= 1
        if (affords !== "now" || !fitsBeside(next, first)) return false
      }
      elected = next
      return true
    },
    get elected() {
      return elected
    },
    get opensAt() {
      return opensAt
    },
    get isOver() {
      const nobodyPasses = first !== undefined && (free < 2 || opensAt === Infinity)
      return elected !== undefined || left <= 0 || isBroke || nobodyPasses
    },
    get isBroke() {
      return isBroke
    }
  }
}

/** So often others are served before the first in line, at most. */
const mostPasses = 64

/**
 * Those who elect.
 *
 * @since 0.2.0
 * @category models
 */
export interface Line {
  /** Somebody with this claim to a permit elects so. */
  readonly note: (claim: Place["value"], elect: Elect) => void
  /** Who is served next: the first in line that has something to do for which there is room. */
  readonly winner: (places: Iterable<Place>, election: Election) => Place | undefined
}

/**
 * Begins with nobody.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeLine = (): Line => {
  const elects = new WeakMap<Place["value"], Elect>()
  /** The first in line, and how often others were served before it. */
  let first: Place | undefined
  let passes = 0

  return {
    note: (claim, elect) => void elects.set(claim, elect),
    winner: (places, election) => {
      let isFirst = true
      for (const place of places) {
        if (isFirst && place !== first) {
          first = place
          passes = 0
        }
        if (elects.get(place.value)?.(election) === true) {
          passes = isFirst ? 0 : passes + 1
          return place
        }
        isFirst = false
        if (election.isOver || passes >= mostPasses) return undefined
      }
      return undefined
    }
  }
}
