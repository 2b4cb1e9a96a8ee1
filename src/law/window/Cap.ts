/**
 * What the latest starts say of a cap on attempts in flight, be it one that stays or one that wanders.
 *
 * @since 0.2.0
 */
import type { Starts } from "../ControlLaw.js"

/**
 * How many the API itself had in flight besides a start: those that it was about to reject are none; a rejection takes so
 * long.
 *
 * @since 0.2.0
 * @category values
 */
export const servedBesides = (
  starts: Starts,
  sequence: number,
  rejection: number,
  /** The last start that was rejected, where it is known: none after it needs a look. */
  lastRejected = Infinity
): number => {
  let pending = 0
  const since = starts.at(sequence) - rejection
  for (let other = Math.min(sequence - 1, lastRejected); other >= starts.first && starts.at(other) > since; other--) {
    if (starts.fate(other) === "capacity") pending += 1
  }
  return Math.max(0, starts.besides(sequence) - pending)
}

/**
 * How many of the latest starts a cap fits, back to one that contradicts it: let through with as many in flight as another was
 * rejected with; and how often it has rejected one of these after one that it had let through.
 *
 * @since 0.2.0
 * @category measuring
 */
export const fitting = (
  starts: Starts,
  from: number,
  until: number,
  rejection: number
): { readonly closings: number; readonly starts: number } => {
  let [most, least, closings, wasHit] = [-1, Infinity, 0, false]
  let sequence = until
  for (; sequence >= Math.max(starts.first, from); sequence--) {
    const besides = servedBesides(starts, sequence, rejection)
    const isHit = starts.fate(sequence) === "capacity"
    if (isHit && starts.status(sequence) !== starts.status(until)) continue
    if (isHit) least = Math.min(least, besides)
    else most = Math.max(most, besides)
    if (most >= least) break
    if (wasHit && !isHit) closings += 1
    wasHit = isHit
  }
  return { closings: closings + (wasHit ? 1 : 0), starts: until - sequence }
}

/** Whether it may yet be rejected: started so shortly before another one. */
const isUnknown = (starts: Starts, sequence: number, until: number, rejection: number): boolean =>
  starts.fate(sequence) === "open" && starts.at(sequence) > starts.at(until) - rejection

/**
 * How many rejections in a row a cap explains that has fallen, up to one that was rejected: none of the starts between them
 * was let through with as many in flight as one of them was rejected with.
 *
 * @since 0.2.0
 * @category measuring
 */
export const fallen = (starts: Starts, until: number, rejection: number): number => {
  let [row, most, least] = [0, -1, Infinity]
  for (let sequence = until; sequence >= starts.first; sequence--) {
    if (isUnknown(starts, sequence, until, rejection)) continue
    const besides = servedBesides(starts, sequence, rejection)
    const isHit = starts.fate(sequence) === "capacity"
    if (isHit) least = Math.min(least, besides)
    else most = Math.max(most, besides)
    if (most >= least) break
    if (isHit) row += 1
  }
  return row
}

/**
 * How many of the latest rejections a cap explains that wanders: each came with more in flight than anything let through
 * since the one before it, or nothing was let through with as many until the one after it. A limit of starts does not care.
 *
 * @since 0.2.0
 * @category measuring
 */
export const wandering = (starts: Starts, until: number, rejection: number): number => {
  let [row, most] = [0, -1]
  let hit: { readonly besides: number; readonly after: number } | undefined
  const isCap = (before: number): boolean => hit === undefined || hit.besides > Math.min(hit.after, before)
  for (let sequence = until; sequence >= starts.first; sequence--) {
    if (isUnknown(starts, sequence, until, rejection)) continue
    const besides = servedBesides(starts, sequence, rejection)
    if (starts.fate(sequence) !== "capacity") {
      most = Math.max(most, besides)
      continue
    }
    if (!isCap(most)) return row
    if (hit !== undefined) row += 1
    hit = { besides, after: most }
    most = -1
  }
  return hit !== undefined && isCap(most) ? row + 1 : row
}
