/**
 * What the rejections say about the API's rate: between two rejections the API let through all that it had, so what was
 * accepted between them, over the time between them, *is* its rate, to one request.
 *
 * @since 0.2.0
 */

/**
 * A rejection: when its attempt was started, in epoch milliseconds, and what had been accepted before it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Mark {
  readonly at: number
  readonly accepted: number
  /** Milliseconds that the pool was held until then, in all. */
  readonly held: number
}

/**
 * Where the rate lies, in requests a second.
 *
 * @since 0.2.0
 * @category models
 */
export interface Bounds {
  /** The holds count as time in which the API had nothing. */
  readonly low: number
  /** They do not: what the API had meanwhile was lost. `Infinity` where nothing is known. */
  readonly high: number
  /** How many accepted requests the measurement rests on. */
  readonly accepted: number
  readonly intervals: number
}

/** Rejections to remember. */
const most = 12

/** A measurement of so many requests is good to 2 %, and newer than one of more. */
const enough = 60

/**
 * Remembers a rejection.
 *
 * @since 0.2.0
 * @category combinators
 */
export const remember = (marks: ReadonlyArray<Mark>, mark: Mark): ReadonlyArray<Mark> => [
  ...marks.slice(1 - most),
  mark
]

/**
 * Measures from the earlier rejections to this one: from the latest on back, until the measurement rests on enough or
 * contradicts an earlier one, for then the rate has changed.
 *
 * @since 0.2.0
 * @category measuring
 */
export const measure = (marks: ReadonlyArray<Mark>, now: Mark): Bounds => {
  let bounds: Bounds = { low: 0, high: Infinity, accepted: 0, intervals: 0 }
  for (const mark of [...marks].reverse()) {
    const seconds = (now.at - mark.at) / 1000
    const held = (now.held - mark.held) / 1000
    const accepted = now.accepted - mark.accepted
    if (seconds <= 0) continue
    // Between two rejections lie between one less and one more than the rate gives.
    const high = (accepted + 0.5) / Math.max(seconds - held, 0.001)
    const low = (held > 0 ? accepted : accepted + 0.5) / seconds
    if (low > bounds.high || high < bounds.low) break
    bounds = {
      low: Math.max(low, bounds.low),
      high: Math.min(high, bounds.high),
      accepted: high < bounds.high ? accepted : bounds.accepted,
      intervals: bounds.intervals + 1
    }
    if (accepted >= enough) break
  }
  return bounds
}
