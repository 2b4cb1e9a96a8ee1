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
}

/**
 * The starts from one to another that was rejected. Those that were rejected with another status are left out: they say
 * nothing of the limit that this one has met, and have not counted there.
 *
 * @since 0.2.0
 * @category constructors
 */
export const of = (starts: Starts, first: number, until: number): Log => {
  const at: Array<number> = []
  const rejected: Array<number> = []
  for (let sequence = Math.max(starts.first, first); sequence <= until; sequence++) {
    const isHit = starts.fate(sequence) === "capacity"
    if (isHit && starts.status(sequence) !== starts.status(until)) continue
    at.push(starts.at(sequence))
    rejected.push(isHit ? 1 : 0)
  }
  return { at: Float64Array.from(at), rejected: Uint8Array.from(rejected) }
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
