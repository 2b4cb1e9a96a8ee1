/**
 * Which token buckets fit what happened: for each depth the least and the greatest rate that contradict no start.
 *
 * @since 0.2.0
 */
import type { Starts } from "../ControlLaw.js"
import * as Log from "./Log.js"
import { hair, lots, many, remembered, settled, tenth } from "./Numbers.js"

/**
 * A bucket of `depth` tokens that fits, with the rates between which it does, in tokens a second.
 *
 * @since 0.2.0
 * @category models
 */
export interface Bucket {
  readonly depth: number
  readonly low: number
  readonly high: number
  /** How often it rejected a start after one that it had let through. */
  readonly closings: number
  readonly starts: number
  /** What one of its tokens stands for, in those of the starts; undefined where every start takes one. */
  readonly unit: number | undefined
}

const depths: ReadonlyArray<number> = (() => {
  const found = [1]
  for (let depth = 2; depth < remembered; depth = Math.max(depth + 1, Math.round(depth * settled))) found.push(depth)
  return found
})()
/** Clocks agree to so much of a token. */
const near = tenth
/** Rates that are looked for, in tokens a second. */
const fastest = 1e5
const slowest = 1 / fastest
/**
 * The most starts that are looked at.
 *
 * @since 0.2.0
 * @category constants
 */
export const most = lots * remembered

interface Part extends Log.Log {
  readonly from: number
  readonly unit: number | undefined
}

const get = (list: ArrayLike<number>, place: number): number => list[place] ?? 0

/** Whether at such a rate a start was rejected although the bucket held at least one token. */
const isTooFast = ({ at, from, rejected, weight }: Part, depth: number, rate: number): boolean => {
  let least = 0
  for (let i = from; i < at.length; i++) {
    if (i > from) least = Math.min(depth, least + rate * (get(at, i) - get(at, i - 1)))
    if (get(rejected, i) === 0) least = Math.max(0, least - get(weight, i))
    else if (least >= Math.min(depth, get(weight, i) + near)) return true
  }
  return false
}

/** Whether at such a rate a start was let through although the bucket held at most less than one. */
const isTooSlow = ({ at, from, rejected, weight }: Part, depth: number, rate: number): boolean => {
  let greatest = depth
  for (let i = from; i < at.length; i++) {
    if (i > from) greatest = Math.min(depth, greatest + rate * (get(at, i) - get(at, i - 1)))
    const one = get(weight, i)
    if (get(rejected, i) === 1) greatest = Math.min(one, greatest)
    else if (greatest < one - near) return true
    else greatest = Math.max(0, greatest - one)
  }
  return false
}

/** The rate, in tokens a second, from which on something holds. */
const from = (holds: (perMilli: number) => boolean): number => {
  let [low, high] = [slowest, fastest]
  while (high > low * (1 + hair)) {
    const middle = Math.sqrt(low * high)
    if (holds(middle / 1000)) high = middle
    else low = middle
  }
  return Math.sqrt(low * high)
}

/** How often a start was rejected after one that was let through. */
const closingsOf = ({ at, from, rejected }: Part): number => {
  let count = 0
  for (let i = from; i < at.length; i++)
    if (get(rejected, i) === 1 && (i === from || get(rejected, i - 1) === 0)) count++
  return count
}

type Bounds = Pick<Bucket, "depth" | "low" | "high">

/** The rates between which a bucket of such a depth contradicts nothing: `low <= high`, where it fits. */
const boundsOf = (log: Part, depth: number): Bounds => ({
  depth,
  low: from((rate) => !isTooSlow(log, depth, rate)),
  high: from((rate) => isTooFast(log, depth, rate))
})

/** The shallowest that fits of those deeper than one, up to another: both bounds fall with the depth. */
const shallowest = (log: Part, above: Bounds, to: Bounds): Bounds | undefined => {
  if (to.low > above.high) return undefined
  if (to.depth - above.depth <= (log.unit === undefined ? 1 : near)) return to.low <= to.high ? to : undefined
  const middle = (above.depth + to.depth) / 2
  const between = boundsOf(log, log.unit === undefined ? Math.floor(middle) : middle)
  return shallowest(log, above, between) ?? shallowest(log, between, to)
}

/** The shallowest bucket that fits, and so the fastest: what a full bucket loses makes others seem slow, never fast. */
const fastestOf = (log: Part): Bucket | undefined => {
  const more = { closings: closingsOf(log), starts: log.at.length - log.from, unit: log.unit }
  let last: Bounds = { depth: 0, low: Infinity, high: Infinity }
  for (const depth of depths) {
    const next = boundsOf(log, depth)
    const found = shallowest(log, last, next)
    if (found !== undefined) return { ...found, ...more }
    last = next
  }
  return undefined
}

/**
 * The bucket that fits as many of the latest starts as any does, from `clear` to `until`, which was rejected; undefined where
 * these do not bound its rate.
 *
 * @since 0.2.0
 * @category measuring
 */
export const fitting = (
  starts: Starts,
  clear: number,
  until: number,
  more: number,
  unit?: number
): Bucket | undefined => {
  const log = { ...Log.of(starts, Math.max(clear, until - most + 1), until, unit), unit }
  const count = log.at.length
  let found: Bucket | undefined
  for (let length = many; ; length *= 2) {
    const next = fastestOf({ ...log, from: Math.max(0, count - length) })
    if (next === undefined) break
    found = next
    if (length >= count) break
  }
  return found !== undefined && found.closings > more && found.low > 2 * slowest && found.high < fastest / 2
    ? found
    : undefined
}
