/**
 * The law while chance rejects calls: averages over as many starts as chance demands take the place of exact measurement.
 *
 * @since 0.2.0
 */
import type { Sample, Starts } from "../ControlLaw.js"
import type { Rejection } from "./Blame.js"
import * as Chance from "./Chance.js"
import * as Fit from "./Fit.js"
import * as Level from "./Level.js"
import * as Pace from "./Pace.js"
import * as Permits from "./Permits.js"
import { explain, type Draft } from "./State.js"

export interface Noise {
  /** The share of calls that chance rejects. */
  readonly chance: number
  readonly limit: Fit.Explanation
  /** Evidence that the limit has fallen, and that what is tested is too much. */
  readonly fall: Chance.Alarms
  readonly test: Chance.Alarms
  /** What is tested, how many starts it has let through, and since when. */
  readonly tested: number | undefined
  readonly through: number
  readonly since: number
  /** Starts until the next test. */
  readonly wait: number
  readonly waited: number
  /** How often in a row the same limit was found. */
  readonly same: number
}

const thresholds = { fall: 6, test: 4 }
const leastChance = 0.002
/** More is no chance: something is wrong. */
const mostChance = 0.2
/** A row of rejections that chance brings less often than this is none. */
const doubt = 0.003
const firstWait = 60
const mostWait = 1000
const throughCap = 3
const gain = 1.1
const throughPace = 60

const isTest = ({ limit, since, tested }: Noise, at: number, besides: number): boolean => {
  if (tested === undefined) return false
  return limit._tag === "cap" ? besides >= limit.cap : at >= since
}

/** Counts the starts whose fate is known by now. */
export const watch = (draft: Draft, starts: Starts, sample: Sample, now: number): void => {
  const { noise } = draft
  const known = now - 1.2 * draft.rejectionLatency
  const counts = { fall: 0, test: 0 }
  let sequence = Math.max(draft.judged + 1, starts.first)
  const until = sample._tag === "capacity" ? sample.sequence - 1 : starts.last
  for (; sequence <= until; sequence++) {
    const fate = starts.fate(sequence)
    if (fate === "open" && starts.at(sequence) > known) break
    if (fate === "capacity" || noise === undefined) continue
    counts[isTest(noise, starts.at(sequence), starts.besides(sequence)) ? "test" : "fall"] += 1
  }
  draft.judged = Math.max(draft.judged, sequence - 1)
  if (noise === undefined) return
  draft.noise = {
    ...noise,
    fall: Chance.passed(noise.fall, noise.chance, counts.fall),
    test: Chance.passed(noise.test, noise.chance, counts.test),
    through: noise.through + counts.test,
    waited: noise.waited + counts.fall + counts.test
  }
}

/** Begins, goes on with or ends averages, by what explains the latest starts best. */
const consider = (draft: Draft, starts: Starts, now: number): void => {
  const history = Fit.historyOf(starts, now, 1.2 * draft.rejectionLatency)
  const limit = Fit.explainAll(history)
  const last = draft.noise
  const unexplained = limit.chance * (history.at.length + 2)
  const least = last === undefined && limit._tag !== "none" ? 3 : 1
  if (unexplained < least || limit.chance > mostChance || (last === undefined && history.at.length < 30)) {
    draft.noise = undefined
    return
  }
  const before = last?.limit
  const isSame =
    before !== undefined &&
    ((before._tag === "cap" && limit._tag === "cap" && before.cap === limit.cap) ||
      (before._tag === "bucket" && limit._tag === "bucket" && Math.abs(limit.rate / before.rate - 1) < 0.05))
  begin(draft, limit, limit.chance, isSame ? (last?.same ?? 0) + 1 : 0)
}

const begin = (draft: Draft, limit: Fit.Explanation, chance: number, same: number): void => {
  draft.noise = {
    chance: Math.max(leastChance, chance),
    limit,
    fall: Chance.silent,
    test: Chance.silent,
    tested: undefined,
    through: 0,
    since: Infinity,
    wait: Math.min(mostWait, firstWait * 2 ** same),
    waited: 0,
    same
  }
  hold(draft)
}

/** Sets the limits to what is known or tested. */
const hold = (draft: Draft): void => {
  const { limits, noise, poolSize } = draft
  if (noise === undefined) return
  const { limit, tested } = noise
  switch (limit._tag) {
    case "none":
      draft.limits = {
        window: Permits.initial(Math.max(1, limits.window.level)),
        pace: limits.pace && Level.known(Pace.rate(limits.pace)),
        slowStart: true
      }
      return
    case "cap":
      draft.limits = { window: Permits.initial(tested ?? limit.cap), pace: undefined, slowStart: false }
      return
    case "bucket":
      draft.limits = {
        window: Permits.initial(poolSize),
        pace: Level.known(tested ?? 1000 * limit.rate),
        slowStart: false
      }
  }
}

/** Tests a little more from time to time. */
export const served = (draft: Draft, { bound }: Sample): void => {
  const { latency, limits, noise, now, poolSize } = draft
  if (noise === undefined) return
  if (noise.limit._tag === "none") {
    const { pace, window } = limits
    if (bound === "window") {
      const level = Math.min(poolSize, window.level + 3)
      draft.limits = { ...limits, window: Permits.initial(level) }
    } else if (bound === "spacing" && pace !== undefined) {
      const rate = Pace.rate(pace) * (1 + 1 / Math.max(12, (1.4 * Pace.rate(pace) * latency) / 1000))
      draft.limits = { ...limits, pace: (rate * latency) / 1000 > 1.5 * poolSize ? undefined : Level.known(rate) }
    }
    return
  }
  const { limit, tested, through, wait, waited } = noise
  if (tested === undefined) {
    if (waited < wait) return
    const next = limit._tag === "cap" ? limit.cap + 1 : 1000 * limit.rate * gain
    draft.noise = { ...noise, tested: next, through: 0, since: now, test: Chance.silent }
  } else if (through >= (limit._tag === "cap" ? throughCap : throughPace)) {
    const found: Fit.Explanation =
      limit._tag === "cap" ? { ...limit, cap: tested } : { ...limit, rate: tested / 1000 }
    const next = limit._tag === "cap" ? tested + Math.max(1, Math.round(tested / 8)) : tested * gain
    draft.noise = { ...noise, limit: found, tested: next, through: 0, since: now, same: 0, test: Chance.silent }
  } else return
  hold(draft)
}

/** Whether the exact law was testing a limit: there a rejection is no surprise. */
const isTestOfLaw = ({ limits, poolSize, widest }: Draft, at: number, besides: number): boolean => {
  const { pace, slowStart, window } = limits
  if (slowStart) return besides >= Math.min(widest, poolSize - 1)
  if (besides >= Math.round(window.top) && window.top < poolSize) return true
  return pace !== undefined && (pace.shared ? at >= pace.from : pace.progress > 1)
}

/** Whether averages take care of a rejection. */
export const rejected = (draft: Draft, sample: Rejection, startedAt: number, starts: Starts, now: number): boolean => {
  const { noise } = draft
  let row = 1
  while (starts.fate(sample.sequence - row) === "capacity") row += 1
  if (sample.retryAfter !== undefined || (noise?.chance ?? 0.05) ** row < doubt) {
    draft.noise = undefined
    return false
  }
  const besides = sample.startedWith - 1
  if (noise === undefined) {
    if (isTestOfLaw(draft, startedAt, besides)) return false
    consider(draft, starts, now)
  } else if (isTest(noise, startedAt, besides)) {
    const test = Chance.hit(noise.test, noise.chance)
    if (Chance.evidence(test) > thresholds.test) begin(draft, noise.limit, noise.chance, noise.same + 1)
    else draft.noise = { ...noise, test }
  } else {
    const fall = Chance.hit(noise.fall, noise.chance)
    draft.noise = { ...noise, fall }
    if (Chance.evidence(fall) > thresholds.fall) consider(draft, starts, now)
  }
  if (draft.noise === undefined) return false
  const { limit, chance } = draft.noise
  const beside =
    limit._tag === "none" ? "" : limit._tag === "cap" ? `, beside a cap of ${limit.cap}` : `, beside ${(1000 * limit.rate).toPrecision(3)} starts a second`
  explain(draft, `chance rejects ${(100 * chance).toPrecision(2)} % of all calls${beside} (status ${sample.status})`)
  return true
}
