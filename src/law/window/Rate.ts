/**
 * What the rejections say about the API's rate: between two rejections the API let through all that it had, so what was
 * accepted between them, over the time between them, *is* its rate, to one request.
 *
 * @since 0.2.0
 */
import { cut, dozen, few, many, slack } from "./Numbers.js"

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
}

/** Rejections to remember. */
const most = dozen

/** A measurement of so many requests is good to 2 %, and newer than one of more. */
const enough = 2 * many

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
  let bounds: Bounds = { low: 0, high: Infinity, accepted: 0 }
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
      accepted: high < bounds.high ? accepted : bounds.accepted
    }
    if (accepted >= enough) break
  }
  return bounds
}

/** A step down of less is none; with so many of the steps down the pace may fall for nothing. */
const stepDown = 1 - slack
const stepsDown = 2 / few
/** A rate that has been found does not fall so far in the second half. */
const stillFalling = cut

/**
 * The rate from which it has fallen from rejection to rejection, in small steps, to such a part at most; undefined where it has
 * not. A limit is found in a few steps, and then the rate stays: rejections that follow the pace down do not depend on it.
 *
 * @since 0.2.0
 * @category measuring
 */
export const fellFrom = (marks: ReadonlyArray<Mark>, now: Mark, part: number): number | undefined => {
  if (marks.length < most - 1) return undefined
  const rates = [...marks.slice(1), now].map((mark, i) => {
    const { accepted = 0, at = 0, held = 0 } = marks[i] ?? {}
    return (1000 * (mark.accepted - accepted + 0.5)) / Math.max(1, mark.at - at - (mark.held - held))
  })
  const [first = 0, middle = 0, last = 0] = [rates[0], rates[rates.length >> 1], rates[rates.length - 1]]
  const steps = rates.slice(1).filter((rate, i) => rate < stepDown * (rates[i] ?? 0)).length
  return last <= part * first && last <= stillFalling * middle && steps >= stepsDown * (rates.length - 1)
    ? first
    : undefined
}
