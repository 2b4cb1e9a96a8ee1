/**
 * The contract of a meter: it keeps one limit, against an API that counts a call at any instant of its way there.
 *
 * @since 0.2.0
 */

/**
 * What one attempt takes of one limit.
 *
 * @since 0.2.0
 * @category models
 */
export class Share {
  /** What is counted for it; what it took in the end, once that is known. */
  amount: number
  /** When it was sent, in milliseconds of the monotonic clock: not before its start. */
  startedAt: number
  /** Where the meter counts it once it is certain that the API has. */
  place: Place | undefined = undefined
  constructor(amount: number, startedAt: number) {
    this.amount = amount
    this.startedAt = startedAt
  }
}

/**
 * Where amounts are counted whose arrival is certain.
 *
 * @since 0.2.0
 * @category models
 */
export interface Place {
  /** The latest instant at which they may have arrived. */
  at: number
  amount: number
  /** A bucket's level then, and what had been given back to it before. */
  readonly level: number
  readonly refunded: number
}

/**
 * How an attempt ended: with an answer, by which the API has counted it; failed, so that it may still be on its way; or broken
 * off by the caller, so that the API may also still be at work on it.
 *
 * @since 0.2.0
 * @category models
 */
export type End = "answered" | "failed" | "broken"

/**
 * A meter; instants in milliseconds of the monotonic clock, none before an earlier one.
 *
 * @since 0.2.0
 * @category models
 */
export interface Meter {
  /** What is counted now. */
  readonly used: (now: number) => number
  /**
   * The earliest instant at which so much more breaks no limit, if no attempt ends before; not in the future if now.
   * Infinity where only the end of an attempt can tell.
   */
  readonly opensAt: (amount: number, now: number) => number
  readonly take: (amount: number, now: number) => Share
  /**
   * The attempt begins only now: a busy process lets it wait after its start. At Infinity: at an instant that is told later,
   * before its end.
   */
  readonly begin: (share: Share, now: number) => void
  /** The attempt was never sent. */
  readonly undo: (share: Share, now: number) => void
  /** The attempt has ended. */
  readonly end: (share: Share, how: End, now: number) => void
  /** The attempt took `actual`; comes after its end. Gives back what it did not take, or counts the rest. */
  readonly settle: (share: Share, actual: number, now: number) => void
  /** The limit is so many times what was told, from now on. */
  readonly scale: (factor: number) => void
}

/**
 * A timer may fire a little early, by less than a nanosecond, and instants since the epoch are known to a quarter of a
 * microsecond. This is added to what must not be too short, in milliseconds.
 *
 * @since 0.2.0
 * @category constants
 */
export const guard = 0.001
