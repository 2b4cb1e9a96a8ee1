/**
 * A limit of so many requests in a span of time, learned from when rejections begin and when they stop. Within the limit a
 * pool may go as fast as it likes, which is what makes a window of a minute worth learning: paced evenly, the last window
 * of a run would be spent to its end.
 *
 * @since 0.2.0
 */

import * as Level from "./Level.js"
import * as Log from "./Log.js"
import { few, hair, lots, several, slack, step } from "./Numbers.js"

/**
 * At most `limit` starts, or tokens, in any span of `length` milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Period {
  readonly limit: number
  /** The limit that is known to do: less than `limit` while more is tested. */
  readonly known: number
  readonly length: number
  /** A length that was too short. */
  readonly short: number
  /** A length that will do. */
  readonly safe: number
  /** Seen twice. Until then only the starts of the first period, up to `provenUntil`, bind. */
  readonly proven: boolean
  /** Epoch milliseconds. */
  readonly provenUntil: number
  /** Periods in a row without a rejection. */
  readonly quiet: number
  /** Rejections in a row without a quiet period. */
  readonly failures: number
  /** The limit is tested with more after 2 ** `patience` quiet periods. */
  readonly patience: number
  /** How often in a row more was allowed. */
  readonly raises: number
  /** Every start that is remembered fits it: it is not learned anew from when the API opens. */
  readonly isExact: boolean
  /** What a start takes of the limit. */
  readonly start: Log.Weight
  /** What it was before the first of these failures. */
  readonly stood?: Period | undefined
}

/**
 * Whether two counts may be of one limit.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isNear = (count: number, limit: number): boolean => Math.abs(count - limit) <= Math.max(1, limit / several)

/**
 * Learns from one closing and reopening of the API: `limit` requests were accepted, and it opened between `short` and
 * `safe` milliseconds after it had opened the last time.
 *
 * @since 0.2.0
 * @category learning
 */
export const learn = (
  known: Period | undefined,
  seen: { readonly limit: number; readonly short: number; readonly safe: number; readonly openedAt: number }
): Period => {
  if (known?.isExact === true) return known
  const proven = known !== undefined && isNear(seen.limit, known.limit)
  const period: Period = {
    limit: seen.limit,
    known: seen.limit,
    length: seen.safe,
    short: proven && known.short < seen.safe ? Math.max(seen.short, known.short) : seen.short,
    safe: seen.safe,
    proven,
    provenUntil: proven ? Infinity : seen.openedAt,
    quiet: 0,
    failures: 0,
    patience: proven ? known.patience : few,
    raises: 0,
    isExact: false,
    start: Log.alike
  }
  return proven ? test(period) : period
}

/**
 * A period whose limit and length contradict nothing that was seen.
 *
 * @since 0.2.0
 * @category constructors
 */
export const told = (limit: number, length: number, start = Log.alike): Period => ({
  limit,
  known: limit,
  length,
  short: length,
  safe: length,
  proven: true,
  provenUntil: Infinity,
  quiet: 0,
  failures: 0,
  patience: 2 * few,
  raises: 0,
  isExact: true,
  start
})

/**
 * How much of a period may be started before the next start has to wait: whoever it is may be the largest.
 *
 * @since 0.2.0
 * @category values
 */
export const bounded = ({ limit, start }: Period): number => Math.max(1, limit - start.most + 1)

/** What to try next: a length between the two known ones, or, once these are close and all was quiet, a higher limit. */
const test = (period: Period): Period => {
  const { limit, patience, quiet, raises, safe, short } = period
  const between = Math.sqrt(safe * Math.max(short, (2 / few) * safe))
  if (safe - short > slack * safe) return { ...period, length: between }
  if (quiet < 2 ** patience) return { ...period, length: safe }
  if (safe - short > hair * safe) return { ...period, length: between, quiet: 0 }
  const more = Math.max(1, Math.round(step * limit * 2 ** raises))
  return {
    ...period,
    length: safe,
    limit: limit + more,
    quiet: 0,
    raises: raises + 1,
    patience: Math.max(0, patience - 1)
  }
}

/**
 * A period went by without a rejection.
 *
 * @since 0.2.0
 * @category learning
 */
export const passed = (period: Period): Period =>
  test({
    ...period,
    known: period.limit,
    safe: Math.min(period.safe, period.length),
    quiet: period.quiet + 1,
    failures: 0
  })

/**
 * A rejection that is the period's fault; undefined where there is no such period any more. `opensIn` is what the API said,
 * `pause` how long the pool waits instead.
 *
 * @since 0.2.0
 * @category learning
 */
export const failed = (period: Period, opensIn: number | undefined, pause: number): Period | undefined => {
  if (period.failures >= lots) return undefined
  const { failures, known, length, limit, patience, safe } = period
  // A test of more has failed: that says nothing about the length.
  if (limit > known)
    return { ...period, limit: known, quiet: 0, raises: 0, patience: Math.min(Level.maxPatience, patience + 2) }
  const longer =
    opensIn !== undefined
      ? length + opensIn
      : length < safe * (1 - slack)
        ? Math.min(safe, Math.max(length + pause, Math.sqrt(length * safe)))
        : Math.min(length * (1 + slack), length + pause)
  return {
    ...period,
    stood: failures === 0 ? period : period.stood,
    limit: failures > 2 ? Math.max(1, Math.floor((1 - step) * limit)) : limit,
    known: failures > 2 ? Math.max(1, Math.floor((1 - step) * limit)) : limit,
    length: longer,
    short: length,
    safe: Math.max(safe, longer),
    quiet: 0,
    failures: failures + 1,
    patience: Math.min(Level.maxPatience, patience + 2),
    raises: 0
  }
}
