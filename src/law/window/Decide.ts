/**
 * From what the window law knows to what the pool may do.
 *
 * @since 0.2.0
 */
import type { Decision, StartLimit } from "../ControlLaw.js"
import * as Ramp from "../Ramp.js"
import * as Pace from "./Pace.js"
import * as Period from "./Period.js"
import * as Permits from "./Permits.js"
import { blindly, type Draft } from "./State.js"
import { hair, several, spare, tenth } from "./Numbers.js"

/** Starts come at most so many times as fast as the window turns over. */
const smoothing = several
/** How much faster than its pace a pool goes that catches up on a hold. */
const catchUp = spare
/** A clock knows nothing shorter, in milliseconds; and what is too fast for it is counted in so many. */
const tick = 1
const ticks = tick / tenth
/** A change by less, as a share, is not felt. */
const felt = hair

/**
 * What follows from the state; the last decision itself, where nothing changes.
 *
 * @since 0.2.0
 * @category decisions
 */
export const decide = (draft: Draft): Decision => {
  const { block, decision: last, kind, latency, limits, noise, now, period, poolSize, rejectionLatency } = draft
  const { pace, slowStart, window } = block === undefined ? limits : block.before
  const permits = Math.max(1, Math.min(poolSize, Math.floor(window.level + 1e-9)))
  const isRamp = block === undefined && permits < poolSize
  // A permit that is due must not wait for the spacing.
  const turnover = Math.min(latency / (smoothing * permits), slowStart ? Infinity : window.every / 2)
  // What chance rejects has not come to the limit.
  const through = 1 - (kind?.others ?? 0)
  const paced = pace === undefined ? 0 : (1000 * through) / ((now < draft.catchUpUntil ? catchUp : 1) * Pace.rate(pace))
  const spacing = Ramp.exact(Math.max(paced, turnover))
  const next: Decision = {
    window: permits,
    ramp: !isRamp
      ? undefined
      : slowStart
        ? blindly(permits, now, rejectionLatency, poolSize)
        : rampOf(window, permits, last),
    // A change too small to be felt is none: a decision that stays costs the pool nothing.
    spacing: spacing < tick ? 0 : Math.abs(spacing - last.spacing) < last.spacing * felt ? last.spacing : spacing,
    spacedTokens: pace && draft.unit,
    holdUntil: last.holdUntil,
    delay: 0,
    starts: startsOf(period, paced, last.starts),
    alone: Math.ceil(2 * rejectionLatency) + ticks,
    chance: noise?.chance ?? (kind?.others || undefined),
    saturatedSince: block?.since,
    epoch: last.epoch,
    reason: last.reason
  }
  return isSame(next, last) ? last : next
}

const rampOf = (window: Permits.Permits, permits: number, last: Decision): Decision["ramp"] => {
  const ramp = Ramp.make(Permits.nextAt(window), window.every, Permits.mostOf(permits))
  const isLast = last.ramp?.from === ramp.from && last.ramp.every === ramp.every && last.ramp.most === ramp.most
  return isLast ? last.ramp : ramp
}

/** The limit of a period; where there is none, a pace that is too fast for a spacing, as so many in ten milliseconds. */
const startsOf = (
  period: Period.Period | undefined,
  paced: number,
  last: StartLimit | undefined
): StartLimit | undefined => {
  if (period === undefined && (paced === 0 || paced >= tick)) return undefined
  const next =
    period === undefined
      ? {
          limit: Math.max(1, Math.round(ticks / paced)),
          period: ticks,
          provenUntil: Infinity
        }
      : {
          limit: Period.bounded(period),
          period: Math.ceil(period.length),
          provenUntil: period.provenUntil,
          ...(period.start.most > 1 && { areTokens: true })
        }
  const isLast = last?.limit === next.limit && last.period === next.period && last.provenUntil === next.provenUntil
  return isLast ? last : next
}

const isSame = (a: Decision, b: Decision): boolean =>
  a.window === b.window &&
  a.ramp === b.ramp &&
  a.spacing === b.spacing &&
  a.spacedTokens === b.spacedTokens &&
  a.holdUntil === b.holdUntil &&
  a.starts === b.starts &&
  a.alone === b.alone &&
  a.chance === b.chance &&
  a.saturatedSince === b.saturatedSince &&
  a.epoch === b.epoch &&
  a.reason === b.reason
