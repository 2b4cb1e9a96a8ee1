/**
 * Attempts whose arrival at the API is not certain yet.
 *
 * @since 0.2.0
 */
import { isDue } from "../structure/TimerQueue.js"
import { type End, Share } from "./Meter.js"

/**
 * Attempts on their way, in the order of their starts.
 *
 * @since 0.2.0
 * @category models
 */
export interface Transit {
  /** Their amounts together. */
  readonly amount: number
  /** Sends an attempt that takes so much; one that takes nothing need not be waited for. */
  readonly send: (amount: number, now: number) => Share
  /** It is sent only now. */
  readonly sendLater: (share: Share, now: number) => void
  /** Whether it is on its way. */
  readonly has: (share: Share) => boolean
  /** Takes it out: it was never sent, or has arrived. */
  readonly remove: (share: Share) => void
  /** Another amount is counted for it. */
  readonly change: (share: Share, amount: number) => void
  /** Lets those arrive that must have by now, in order. */
  readonly advance: (now: number) => void
  /** The attempt has ended: it arrives now, unless it may still be on its way. */
  readonly end: (share: Share, how: End, now: number) => void
  /** Each with the instant by which it has arrived; Infinity where only its end can tell. */
  readonly shares: () => Iterable<readonly [share: Share, arrivesBy: number]>
}

/**
 * Makes an empty way: an attempt takes at most `longest` milliseconds to arrive, and has arrived when it is answered.
 * `onArrival` is told of each, in the order of these instants.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (longest: number, onArrival: (share: Share, at: number) => void): Transit => {
  const shares = new Set<Share>()
  let amount = 0

  const add = (share: Share): void => {
    shares.add(share)
    amount += share.amount
  }

  const remove = (share: Share): void => {
    if (!shares.delete(share)) return
    // Sums of fractions drift; where nothing is left there is nothing to drift.
    amount = shares.size === 0 ? 0 : amount - share.amount
  }

  const arrive = (share: Share, at: number): void => {
    remove(share)
    onArrival(share, at)
  }

  const advance = (now: number): void => {
    for (const share of shares) {
      if (!isDue(share.startedAt + longest, now)) return
      arrive(share, share.startedAt + longest)
    }
  }

  return {
    get amount() {
      return amount
    },
    send: (taken, now) => {
      advance(now)
      const share = new Share(taken, now)
      if (taken > 0) add(share)
      return share
    },
    sendLater: (share, now) => {
      remove(share)
      share.startedAt = now
      if (share.amount > 0) add(share)
    },
    has: (share) => shares.has(share),
    remove,
    change: (share, next) => {
      amount += next - share.amount
      share.amount = next
    },
    advance,
    end: (share, how, now) => {
      advance(now)
      if (shares.has(share) && (how === "answered" || longest === Infinity)) arrive(share, now)
    },
    *shares() {
      for (const share of shares) yield [share, share.startedAt + longest]
    }
  }
}
