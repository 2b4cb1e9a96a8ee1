/**
 * What the window law learns from an attempt that was served.
 *
 * @since 0.2.0
 */
import type { Hints, Quota, Sample } from "../ControlLaw.js"
import { reopen } from "./Closing.js"
import * as Level from "./Level.js"
import * as Noise from "./Noise.js"
import * as Period from "./Period.js"
import * as Permits from "./Permits.js"
import * as Round from "./Round.js"
import * as Share from "./Share.js"
import { ditherOf, explain, growth, instantOf, price, rateOf, roundOf, smooth, type Draft } from "./State.js"
import { hair, hundredth, many, several, slack, step, tenth } from "./Numbers.js"

/** The least progress of a pace takes so many requests, and no less than a round trip. */
const leastCount = several
/** The period of a pace that is known well, in requests where these are rare. */
const paceCount = many
/** What an answer counts in the latency that all clients should agree on. */
const meanWeight = slack
/** What an answer that had to queue leaves of the window. */
const queueCut = 1 - hair

/**
 * Learns from a success; `latencyTolerance` as in the law's options.
 *
 * @since 0.2.0
 * @category learning
 */
export const succeed = (
  draft: Draft,
  sample: Sample,
  startedAt: number,
  now: number,
  latencyTolerance: number
): void => {
  const { bound, epoch, hints, latency, sequence, startedWith } = sample
  draft.successes += 1
  draft.widest = Math.max(draft.widest, startedWith)
  draft.latency = smooth(draft.latency, latency)
  draft.meanLatency = smooth(draft.meanLatency, latency, Math.max(meanWeight, 1 / draft.successes))
  draft.leastLatency = Math.min(draft.leastLatency, latency)
  if (draft.block !== undefined) {
    if (sequence > draft.lastRejected) reopen(draft, draft.block, startedAt)
    return
  }
  countPeriod(draft, sequence, startedAt)

  if (draft.noise !== undefined) return Noise.served(draft, sample)
  const { pace, slowStart, window } = draft.limits
  const isFull = bound === "window"
  if (isFull && draft.latency > latencyTolerance * draft.leastLatency) {
    const level = Math.max(1, window.level * queueCut)
    const from = Round.endOf(roundOf(draft), now)
    draft.limits = { pace, slowStart: false, window: { ...Permits.kept(window, level, from), top: level } }
    explain(draft, "answers take longer: the API queues")
  } else if (slowStart) {
    if (isFull && epoch === draft.decision.epoch && window.level < draft.poolSize) {
      const level = Math.min(draft.poolSize, window.level + growth)
      draft.limits = { pace, slowStart, window: { ...window, top: level, level } }
    }
  } else if (isFull || pace === undefined) {
    const served = {
      ...instantOf(draft, now),
      most: draft.poolSize,
      isUsed: isFull && window.level < draft.poolSize,
      isPaced: pace !== undefined || !draft.isShared,
      widest: draft.isShared ? Infinity : draft.widest,
      dither: ditherOf(draft)
    }
    draft.limits = { pace, slowStart, window: Permits.advance(window, served) }
  }
  if (pace !== undefined) advancePace(draft, bound === "spacing", latency, now)
  if (hints !== undefined) heed(draft, hints, now)
}

const advancePace = (draft: Draft, isUsed: boolean, latency: number, now: number): void => {
  const { limits } = draft
  const { pace } = limits
  if (pace?.shared === true) {
    const next = Share.advance(pace, now, now - draft.now, isUsed, roundOf(draft))
    draft.limits = { ...limits, pace: Share.isPlenty(next) ? Level.known(next.rate) : next }
  } else if (pace !== undefined && isUsed) {
    // Time in which nothing was to be done is no time in which the level was tested.
    const elapsed = Math.min(now - draft.now, latency + draft.decision.spacing)
    const next = Level.advance(pace, elapsed / periodOf(draft, pace))
    // While a period is found out nothing else is tested.
    draft.limits = { ...limits, pace: draft.period?.proven === false ? Level.proven(next) : next }
  }
}

/** Milliseconds that a pace takes from the dip to its top, and as long again to the test. */
const periodOf = (draft: Draft, level: Level.Level): number => {
  const rate = rateOf(draft, draft.limits)
  // A hold that the API makes good costs nothing.
  const hint = draft.refills ? 0 : draft.hint
  const least = Math.max(draft.latency, (1000 * leastCount) / rate, several * hint)
  const most = Math.max(Round.least, (1000 * paceCount) / rate, hint / price)
  // Beyond the test nothing that was measured holds any more.
  return level.progress > 2 ? least : Math.min(most, least * 2 ** level.patience)
}

/** Used up to a tenth, a quota says how fast it comes back. */
const isNearlyUsed = ({ limit = 0, remaining = Infinity, resetAfter = 0 }: Quota): boolean =>
  resetAfter > 0 && remaining <= tenth * limit && limit > remaining

/** How many of a quota come back a second. */
const refillOf = ({ limit = 0, remaining = 0, resetAfter = 1 }: Quota): number =>
  (1000 * (limit - remaining)) / resetAfter

const usedOf = ({ limit = 0, remaining = 0 }: Quota): number => limit - remaining

/** Far more of it is used than when it was told first, and it comes back no later: all at once, and so at no pace. */
const isWindow = (quota: Quota, first: Quota | undefined): boolean =>
  first !== undefined &&
  usedOf(quota) >= 2 * usedOf(first) &&
  (quota.resetAfter ?? 0) <= (1 + step) * (first.resetAfter ?? 0)

/** Advice before anything was rejected: a quota that is nearly used up is an end to slow start, not yet a limit. */
const heed = (draft: Draft, { requests, tokens }: Hints, now: number): void => {
  const { limits, opened, period, successes, told } = draft
  draft.told ??= { ...(requests && { requests }), ...(tokens && { tokens }) }
  if (!limits.slowStart || period !== undefined || opened === undefined) return
  const paces: Array<readonly [rate: number, quota: Quota, unit: string]> = []
  if (requests !== undefined && isNearlyUsed(requests) && !isWindow(requests, told?.requests))
    paces.push([refillOf(requests), requests, "requests"])
  if (tokens !== undefined && isNearlyUsed(tokens) && !isWindow(tokens, told?.tokens)) {
    const { limit = 0, remaining = 0 } = tokens
    const refill = refillOf(tokens)
    const used = limit - remaining + (refill * (now - opened.at)) / 1000
    // A request takes as many tokens as those before it did.
    paces.push([(refill * successes) / used, tokens, "tokens"])
  }
  const slowest = paces.sort(([a], [b]) => a - b)[0]
  if (slowest === undefined) return
  const [rate, { limit = 0, remaining = 0 }, unit] = slowest
  draft.limits = { window: limits.window, slowStart: false, pace: Level.known(rate) }
  explain(draft, `the API says that ${remaining} of ${limit} ${unit} are left`)
}

const countPeriod = (draft: Draft, sequence: number, startedAt: number): void => {
  const { opened, period } = draft
  if (period === undefined || opened === undefined) return
  const accepted = sequence - 1 - draft.rejections
  if (!period.proven) {
    if (accepted + 1 > opened.accepted + period.limit + Math.max(2, hundredth * period.limit)) draft.period = undefined
  } else if (startedAt >= opened.at + period.length) {
    draft.opened = { at: opened.at + period.length, accepted }
    // One that was not used up proves nothing.
    if ((accepted - opened.accepted) * period.start.mean >= Period.bounded(period)) draft.period = Period.passed(period)
  }
}
