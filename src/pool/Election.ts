/**
 * Whose start it is, in a pool that was told limits: the first in line, and whoever does not delay it.
 *
 * @since 0.2.0
 */
import type { Weight } from "../limit/Cost.js"
import type * as Semaphore from "../structure/Semaphore.js"
import { isDue } from "../structure/TimerQueue.js"
import type { Bid, Limiter } from "./Limiter.js"

/**
 * An election of one that starts now.
 *
 * @since 0.2.0
 * @category models
 */
export interface Election {
  /** Milliseconds of the monotonic clock. */
  readonly now: number
  /** Shows it the next that wants to start; says whether it does. The first that was shown is passed only by those that fit. */
  accepts(asked: Weight): boolean
  readonly elected: Bid | undefined
  /** Whether anything was shown to it. */
  readonly isAsked: boolean
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
export type Elect = (election: Election) => boolean

/**
 * Where and when an election is held.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly limiter: Limiter
  /** Milliseconds of the monotonic clock. */
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
export const hold = (options: Options): Election => new Vote(options)

// A class: one is held for each start.
class Vote implements Election {
  elected: Bid | undefined = undefined
  opensAt = Infinity
  isBroke = false
  readonly now: number
  private first: Bid | undefined = undefined
  private left = lookahead
  private readonly limiter: Limiter
  private readonly free: number
  private readonly spacing: number

  constructor({ free, limiter, now, spacing }: Options) {
    this.now = now
    this.limiter = limiter
    this.free = free
    this.spacing = spacing
  }

  accepts(asked: Weight): boolean {
    const { limiter, now } = this
    const next = limiter.bid(asked)
    const affords = limiter.purse === undefined ? "now" : limiter.purse.affords(next.money)
    if (this.first === undefined) {
      this.first = next
      this.isBroke = affords === "never"
      if (affords === "now") this.opensAt = limiter.ledger.opensAt(next.amounts, now)
      if (!isDue(this.opensAt, now)) return false
    } else {
      this.left -= 1
      if (affords !== "now" || !this.fitsBeside(next, this.first)) return false
    }
    this.elected = next
    return true
  }

  get isAsked(): boolean {
    return this.first !== undefined
  }

  get isOver(): boolean {
    const nobodyPasses = this.first !== undefined && (this.free < 2 || this.opensAt === Infinity)
    return this.elected !== undefined || this.left <= 0 || this.isBroke || nobodyPasses
  }

  /** One permit is kept for the first, and the time that the law wants between the two. */
  private fitsBeside(next: Bid, first: Bid): boolean {
    const { free, limiter, now, spacing } = this
    if (free < 2 || now + spacing > this.opensAt) return false
    return limiter.ledger.fitsBeside(next.amounts, first.amounts, this.opensAt, now)
  }
}

/** So often others are served before the first in line, at most. */
const mostPasses = 64

/**
 * A line, as an election goes through it.
 *
 * @since 0.2.0
 * @category models
 */
export type Standing = Pick<Semaphore.Line, "first" | "nodes">

/**
 * Those who elect.
 *
 * @since 0.2.0
 * @category models
 */
export interface Line {
  /** Somebody with this claim to a permit elects so. */
  readonly note: (claim: Semaphore.Place["value"], elect: Elect) => void
  /** Who is served next: the first in line that has something to do for which there is room. */
  readonly winner: (line: Standing, election: Election) => Semaphore.Place | undefined
}

/**
 * Begins with nobody.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeLine = (): Line => {
  const votes = new WeakMap<Semaphore.Place["value"], Elect>()
  /** The first in line, and how often others were served before it. */
  let first: Semaphore.Place | undefined
  let passes = 0

  const wins = (place: Semaphore.Place, election: Election): boolean => {
    // Nobody before it has anything to start.
    const isFirst = !election.isAsked
    const isWinner = votes.get(place.value)?.(election) === true
    // Whoever has nothing to start is passed by nobody.
    if (!isWinner && !election.isAsked) return false
    if (isFirst && place !== first) {
      first = place
      passes = 0
    }
    if (isWinner) passes = isFirst ? 0 : passes + 1
    return isWinner
  }

  return {
    note: (claim, elect) => void votes.set(claim, elect),
    winner: (line, election) => {
      // Most of the time it is the first in line. One that has nothing to start leaves, and another has become the first.
      let leader: Semaphore.Place | undefined
      for (let { first } = line; first !== leader && !election.isAsked; { first } = line) {
        if (first === undefined || wins(first, election)) return first
        leader = first
      }
      for (const place of line.nodes()) {
        if (election.isAsked && (election.isOver || passes >= mostPasses)) return undefined
        if (place !== leader && wins(place, election)) return place
      }
      return undefined
    }
  }
}
