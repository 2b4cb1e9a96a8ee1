/**
 * What one kind of rejection says of the latest starts.
 *
 * @since 0.2.0
 */
import type { Starts } from "../ControlLaw.js"

/**
 * Starts, oldest first: when each was, in milliseconds, and 1 where it was rejected.
 *
 * @since 0.2.0
 * @category models
 */
export interface Log {
  readonly at: Float64Array
  readonly rejected: Uint8Array
  /** What each of them weighs. */
  readonly weight: Float64Array
}

/**
 * The starts from one to another that was rejected. Those that were rejected with another status are left out: they say
 * nothing of the limit that this one has met, and have not counted there.
 *
 * @since 0.2.0
 * @category constructors
 */
export const of = (starts: Starts, first: number, until: number, unit?: number): Log => {
  const at: Array<number> = []
  const rejected: Array<number> = []
  const weight: Array<number> = []
  for (let sequence = Math.max(starts.first, first); sequence <= until; sequence++) {
    const isHit = starts.fate(sequence) === "capacity"
    if (isHit && starts.status(sequence) !== starts.status(until)) continue
    at.push(starts.at(sequence))
    rejected.push(isHit ? 1 : 0)
    weight.push(unit === undefined ? 1 : starts.tokens(sequence) / unit)
  }
  return { at: Float64Array.from(at), rejected: Uint8Array.from(rejected), weight: Float64Array.from(weight) }
}

/**
 * What starts weigh: in tokens, or 1 where every start counts alike.
 *
 * @since 0.2.0
 * @category models
 */
export interface Weight {
  readonly mean: number
  readonly most: number
}

/**
 * Every start counts alike.
 *
 * @since 0.2.0
 * @category constants
 */
export const alike: Weight = { mean: 1, most: 1 }

/**
 * What the latest starts weigh in tokens; undefined where they all weigh the same, or nobody knows.
 *
 * @since 0.2.0
 * @category values
 */
export const tokensOf = (starts: Starts, count: number): Weight | undefined => {
  let [sum, least, most] = [0, Infinity, 0]
  const from = Math.max(starts.first, starts.last - count + 1)
  for (let sequence = from; sequence <= starts.last; sequence++) {
    const tokens = starts.tokens(sequence)
    sum += tokens
    least = Math.min(least, tokens)
    most = Math.max(most, tokens)
  }
  return least === 0 || least === most ? undefined : { mean: sum / (starts.last - from + 1), most }
}

/**
 * The share of the latest `count` starts that was rejected, with another status than one, where it is given.
 *
 * @since 0.2.0
 * @category values
 */
export const rejectedOf = (starts: Starts, count: number, except?: number): number => {
  const from = Math.max(starts.first, starts.last - count + 1)
  let rejected = 0
  for (let sequence = from; sequence <= starts.last; sequence++) {
    if (starts.fate(sequence) === "capacity" && starts.status(sequence) !== except) rejected += 1
  }
  return rejected / (starts.last - from + 1)
}

/**
 * How many were rejected in a row, up to one that was.
 *
 * @since 0.2.0
 * @category values
 */
export const rowOf = (starts: Starts, until: number): number => {
  let row = 1
  while (until - row >= starts.first && starts.fate(until - row) === "capacity") row += 1
  return row
}

/**
 * When the latest start before one that was rejected was let through; -Infinity where none is remembered.
 *
 * @since 0.2.0
 * @category values
 */
export const servedAt = (starts: Starts, until: number): number => {
  const served = until - rowOf(starts, until)
  return served < starts.first ? -Infinity : starts.at(served)
}

/**
 * The latest start that was rejected with a status.
 *
 * @since 0.2.0
 * @category values
 */
export const lastWith = (starts: Starts, status: number): number | undefined => {
  for (let sequence = starts.last; sequence >= starts.first; sequence--) {
    if (starts.status(sequence) === status) return sequence
  }
  return undefined
}
