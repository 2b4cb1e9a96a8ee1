/**
 * Which limits of starts in a span of time fit what happened: spans as servers count them, and as long as providers make them.
 *
 * @since 0.2.0
 */
import type { Starts } from "../ControlLaw.js"
import * as Log from "./Log.js"
import { many, remembered } from "./Numbers.js"

/**
 * At most `limit` starts, or tokens, in `period` milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Span {
  readonly limit: number
  readonly period: number
  /** The API counts starts that it has rejected, too. */
  readonly areRejectedCounted: boolean
  /** What a start takes of the limit. */
  readonly start: Log.Weight
}

/** In milliseconds; of those that fit, the longest allows the least. */
const periods = [60_000, 30_000, 20_000, 10_000, 5000, 2000, 1000]
/** So many starts must have been let through in spans that were used up, and more than one span: fewer fit by accident. */
const enough = many

/** A span begins with the clock's grid, with the first start after the last one, or reaches back from each start. */
const rules = ["grid", "first", "back"] as const

/** The limit of such spans that contradicts nothing, if there is one. */
const limitOf = (
  log: Log.Log,
  period: number,
  rule: (typeof rules)[number],
  areRejectedCounted: boolean,
  mean: number
): number | undefined => {
  let [most, least, closed, begin, used, oldest] = [0, Infinity, 0, -Infinity, 0, 0]
  const counted: Array<number> = []
  let through = 0
  for (const [place, at] of log.at.entries()) {
    const isRejected = log.rejected[place] === 1
    if (rule === "back") {
      for (; oldest < counted.length; oldest += 1) {
        const was = counted[oldest] ?? 0
        if ((log.at[was] ?? 0) > at - period) break
        used -= log.weight[was] ?? 0
      }
    } else if (at >= begin + period) {
      begin = rule === "grid" ? Math.floor(at / period) * period : at
      used = 0
    }
    const weight = log.weight[place] ?? 1
    if (!isRejected) {
      most = Math.max(most, used + weight)
      through += weight
    } else {
      least = Math.min(least, used + weight)
      if (2 * through >= most) {
        closed += 1
        through = 0
      }
    }
    if (most >= least) return undefined
    if (!isRejected || areRejectedCounted) {
      used += weight
      counted.push(place)
    }
  }
  return closed > 1 && (closed * most) / mean >= enough ? most : undefined
}

/**
 * The limit that fits the latest starts up to one that was rejected; undefined where none does.
 *
 * @since 0.2.0
 * @category measuring
 */
export const fitting = (starts: Starts, until: number): Span | undefined => {
  const tokens = Log.tokensOf(starts, remembered)
  return (
    fittingOf(Log.of(starts, until - remembered + 1, until), Log.alike) ??
    (tokens && fittingOf(Log.of(starts, until - remembered + 1, until, 1), tokens))
  )
}

const fittingOf = (log: Log.Log, start: Log.Weight): Span | undefined => {
  for (const period of periods) {
    for (const rule of rules) {
      for (const areRejectedCounted of [false, true]) {
        const limit = limitOf(log, period, rule, areRejectedCounted, start.mean)
        if (limit !== undefined) return { limit, period, areRejectedCounted, start }
      }
    }
  }
  return undefined
}
