/**
 * A limit as answers tell it: how much is left, and until when.
 *
 * @since 0.2.0
 */
import { isDue } from "../structure/TimerQueue.js"
import { guard, type Meter, Share } from "./Meter.js"

/**
 * What an answer tells; times in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Told {
  readonly limit?: number
  readonly remaining?: number
  readonly resetAfter?: number
}

/**
 * A meter that listens to answers.
 *
 * @since 0.2.0
 * @category models
 */
export interface Quota extends Meter {
  /** The answer of an attempt has told what is left. */
  readonly tell: (share: Share, told: Told, now: number) => void
}

/** Answers that tell nothing must not let the memory grow. */
const remembered = 65_536

/** What may have arrived after the start of the attempt whose answer is believed, with the latest instant of that. */
const laterOf = () => {
  const later = new Map<Share, number>()
  let sum = 0

  const drop = (share: Share): void => {
    if (later.delete(share)) sum = later.size === 0 ? 0 : sum - share.amount
  }

  return {
    drop,
    add: (share: Share, arrivesBy: number): void => {
      later.set(share, arrivesBy)
      sum += share.amount
      const [oldest] = later.keys()
      if (later.size > remembered && oldest !== undefined) drop(oldest)
    },
    /** It is sent only now, after all others. */
    postpone: (share: Share, arrivesBy: number): void => {
      if (later.delete(share)) later.set(share, arrivesBy)
    },
    arrived: (share: Share, now: number): void => {
      const arrivesBy = later.get(share)
      if (arrivesBy !== undefined) later.set(share, Math.min(arrivesBy, now))
    },
    change: (share: Share, actual: number): void => {
      if (later.has(share)) sum += actual - share.amount
      share.amount = actual
    },
    forget: (since: number): void => {
      for (const [share, arrivesBy] of later) if (arrivesBy <= since) drop(share)
    },
    /** All of it besides the one that told: that one has counted itself. */
    amountBeside: (teller: Share | undefined): number =>
      teller !== undefined && later.has(teller) ? sum - teller.amount : sum
  }
}

/**
 * Makes a quota of which nothing is known: one attempt goes alone until an answer has come. An attempt takes at most
 * `transit` milliseconds to where it is counted.
 *
 * What an answer says is left is counted from the instant in which its attempt started: all that may have arrived since then
 * is taken from it. So it makes no difference in which order answers come.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (transit: number): Quota => {
  const later = laterOf()
  const open = new Set<Share>()
  let isAnswered = false
  let teller: Share | undefined
  /** What was left, since when, and until when that holds; Infinity where nobody says. */
  let left = Infinity
  let since = -Infinity
  let until = Infinity
  let limit = Infinity

  const spent = (): number => later.amountBeside(teller)

  const advance = (now: number): void => {
    if (until === Infinity || !isDue(until + guard, now)) return
    const before = spent()
    since = until
    until = Infinity
    teller = undefined
    later.forget(since)
    // A bucket is not full then where others came after the one that told so; what is on its way may count as of now.
    left = limit - (before - spent())
  }

  return {
    used: (now) => {
      advance(now)
      return spent()
    },
    opensAt: (amount, now) => {
      advance(now)
      if (amount === 0 || (open.size === 0 && until === Infinity)) return now
      if (!isAnswered) return Infinity
      if (spent() + amount <= left) return now
      return until + guard
    },
    take: (amount, now) => {
      advance(now)
      const share = new Share(amount, now)
      open.add(share)
      later.add(share, now + transit)
      return share
    },
    begin: (share, now) => {
      share.startedAt = now
      later.postpone(share, now + transit)
    },
    // Answers say how much it is.
    scale: () => undefined,
    undo: (share) => {
      open.delete(share)
      later.drop(share)
    },
    end: (share, how, now) => {
      advance(now)
      open.delete(share)
      if (how !== "answered") return
      isAnswered = true
      later.arrived(share, now)
    },
    settle: later.change,
    tell: (share, told, now) => {
      advance(now)
      if (told.limit !== undefined) limit = told.limit
      if (told.remaining === undefined || share.startedAt < since) return
      left = Math.max(0, told.remaining)
      since = share.startedAt
      until = told.resetAfter === undefined ? Infinity : now + told.resetAfter
      teller = share
      later.forget(since)
    }
  }
}
