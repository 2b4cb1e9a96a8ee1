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
