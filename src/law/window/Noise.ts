/**
 * The law while chance rejects calls: averages over as many starts as chance demands take the place of exact measurement.
 *
 * @since 0.2.0
 */
import type { Sample, Starts } from "../ControlLaw.js"
import type { Rejection } from "./Blame.js"
import * as Cap from "./Cap.js"
import * as Chance from "./Chance.js"
import * as Fit from "./Fit.js"
import * as Level from "./Level.js"
import * as Log from "./Log.js"
import * as Pace from "./Pace.js"
import * as Permits from "./Permits.js"
import * as Round from "./Round.js"
import { calm, explain, growth, roundOf, type Calm, type Draft, type Noise, type Suspect } from "./State.js"
import {
  certain,
  dozen,
  few,
  hair,
  half,
  hundredth,
  lots,
  many,
  recent,
  settled,
  several,
  spare,
  step
} from "./Numbers.js"

/** Of so many starts so many were rejected: what is believed of an API that nothing is known of. */
const prior = recent / 2
const priorRejected = 1 / several
/** Evidence that tells: at first, of a fall, of a test. */
const thresholds = { first: certain / several, fall: certain / few, test: certain / lots }
/** Starts between two tests, first. */
const interval = { none: 2 * recent, cap: recent, bucket: recent }
/** What was found from few starts is tested after as many more. */
const hasty = Math.log2(many / recent)
/** So many starts let through are enough for a test of a cap, and of a pace. */
const enough = { cap: few, bucket: 2 * many }
/** Chance does not do what is as rare as this: a cap has fallen. */
const rare = hair / several
/** The share that a status may bring for a while that the limit does not have. */
const others = half

/** So many isolated rejections below what is tested, and as many of all calls, and averages begin. */
const isKnown = (calm: Calm): boolean => calm.rejected >= few && chanceOf(calm) > hundredth / 2

const chanceOf = ({ rejected, starts }: Calm): number => (rejected + priorRejected) / (starts + prior)

/** Whether the exact law, or another client, was testing a limit: there a rejection is no surprise. */
const isTestOfLaw = (draft: Draft, at: number, besides: number): boolean => {
  const { limits, poolSize, widest } = draft
  const { pace, slowStart, window } = limits
  if (draft.isShared && !slowStart && Round.isBusy(roundOf(draft), at)) return true
  if (slowStart) return besides >= Math.min(widest, poolSize - 1)
  if (besides >= Math.round(window.top) && window.top < poolSize) return true
  return pace !== undefined && (pace.shared ? at >= pace.from : pace.progress > 1)
}

const isTest = ({ limit, since, tested }: Noise, at: number, besides: number): boolean => {
  if (tested === undefined) return false
  return limit._tag === "cap" ? besides >= limit.cap : at >= since
}

/** Whether it may be a cap that has fallen: below the permits, of which nobody else has any. */
const isFall = ({ isShared, limits }: Draft, sample: Rejection): boolean => {
  const { pace, slowStart, window } = limits
  const besides = sample.startedWith - 1
  return !isShared && !slowStart && pace === undefined && besides >= 1 && besides < Math.round(window.top)
}

/** So many starts that came after a rejection, with as many in flight, and were let through: no limit has rejected it. */
const contradictions = few

/** Goes back to slow start where the starts after the rejection that ended it contradict it. */
const acquit = (draft: Draft, { before, besides, last, sequence }: Suspect, starts: Starts, known: number): void => {
  let through = 0
  for (let next = sequence + 1; next <= last; next++) {
    const fate = starts.fate(next)
    if (fate === "open" && starts.at(next) > known) return
    if (fate === "capacity") {
      draft.suspect = undefined
      return
    }
    if (starts.besides(next) >= besides) through += 1
  }
  draft.suspect = undefined
  if (through < contradictions) return
  draft.limits = before
  draft.calm = { ...draft.calm, rejected: draft.calm.rejected + 1 }
  explain(draft, "a rejection by chance: more in flight were let through", 0)
}

/**
 * Counts the starts whose fate is known by now, and tests a little more where it is time to.
 *
 * @since 0.2.0
 * @category learning
 */
export const watch = (draft: Draft, starts: Starts, sample: Sample, now: number): void => {
  const known = now - settled * draft.rejectionLatency
  if (draft.suspect !== undefined && draft.block === undefined) {
    acquit(draft, draft.suspect, starts, known)
  }
  const { noise } = draft
  const counts = { fall: 0, test: 0 }
  let isChance = false
  let sequence = Math.max(draft.judged + 1, starts.first)
  const until = sample._tag === "capacity" ? sample.sequence - 1 : starts.last
  for (; sequence <= until; sequence++) {
    const fate = starts.fate(sequence)
    const at = starts.at(sequence)
    if (fate === "open" && at > known) break
    if (fate === "capacity") continue
    const besides = Cap.servedBesides(starts, sequence, now - known, draft.lastRejected)
    const isTested = noise === undefined ? isTestOfLaw(draft, at, besides) : isTest(noise, at, besides)
    counts[isTested ? "test" : "fall"] += 1
    if (draft.asked !== undefined && sequence > draft.asked.sequence && besides >= draft.asked.besides) {
      draft.asked = undefined
      draft.calm = { ...draft.calm, rejected: draft.calm.rejected + 1 }
      isChance = true
    }
  }
  draft.judged = Math.max(draft.judged, sequence - 1)
  if (noise === undefined) {
    const { calm } = draft
    const fall = Chance.passed(calm.fall, chanceOf(calm), counts.fall)
    const { last, rejected } = calm
    // Each row's: a copy by spread would cost as much as the rest of it.
    draft.calm = { starts: calm.starts + counts.fall, rejected, last, fall }
    if (isChance && isKnown(draft.calm)) consider(draft, starts, now)
    return
  }
  draft.noise = {
    ...noise,
    fall: Chance.passed(noise.fall, noise.chance, counts.fall),
    test: Chance.passed(noise.test, noise.chance, counts.test),
    through: noise.through + counts.test,
    waited: noise.waited + counts.fall + counts.test
  }
  advance(draft, draft.noise, starts, now)
}

/** Tests a little more from time to time. */
const advance = (draft: Draft, noise: Noise, starts: Starts, now: number): void => {
  const { limit, patience, tested, through, waited } = noise
  if (tested === undefined) {
    if (waited < interval[limit._tag] * 2 ** patience) return
    // Below a limit little is seen of it: what was found stays until a test or a fall says otherwise.
    const seen = limit._tag === "none" ? 0 : Log.rejectedOf(starts, interval[limit._tag])
    if (limit._tag === "none" || seen < noise.chance / few) return consider(draft, starts, now)
    const again = limit._tag === "bucket" ? Fit.explainAll(historyOf(draft, starts, now), limit.rate) : limit
    const found = again._tag === limit._tag ? again : limit
    const more =
      found._tag === "bucket" ? 1000 * found.rate * (1 + step) : limit._tag === "cap" ? limit.cap + 1 : Infinity
    draft.noise = { ...noise, limit: found, chance: Math.max(hair, seen), tested: more, since: now }
  } else if (limit._tag !== "none" && through >= enough[limit._tag]) {
    const [found, more]: readonly [Fit.Explanation, number] =
      limit._tag === "cap"
        ? [{ ...limit, cap: tested }, tested + Math.max(1, Math.round(tested / lots))]
        : [{ ...limit, rate: tested / 1000 }, tested * (tested / (1000 * limit.rate)) ** spare]
    draft.noise = { ...fresh(found, noise.chance, Math.min(0, noise.patience)), tested: more, since: now }
  } else return
  hold(draft)
}

const fresh = (limit: Fit.Explanation, chance: number, patience: number): Noise => ({
  chance: Math.max(hair, chance),
  limit,
  fall: Chance.silent,
  test: Chance.silent,
  tested: undefined,
  since: Infinity,
  through: 0,
  waited: 0,
  patience: Math.min(patience, several)
})

const historyOf = ({ clear, rejectionLatency }: Draft, starts: Starts, now: number): Fit.History =>
  Fit.historyOf(starts, clear, now, settled * rejectionLatency)

/** Begins, goes on with or ends averages, by what explains the latest starts best. */
const consider = (draft: Draft, starts: Starts, now: number): void => {
  const history = historyOf(draft, starts, now)
  const { limits, noise } = draft
  const limit = Fit.explainAll(history, limits.pace && Pace.rate(limits.pace) / 1000)
  const unexplained = limit.chance * (history.at.length + 2)
  const least = noise === undefined && limit._tag !== "none" ? few : 1
  if (unexplained < least || limit.chance > Chance.most || (noise === undefined && history.at.length < many)) {
    draft.noise = undefined
    draft.calm = calm
    return
  }
  const isSame = noise !== undefined && Fit.isSame(noise.limit, limit)
  draft.noise = fresh(limit, limit.chance, isSame ? noise.patience : noise === undefined ? hasty : 0)
  hold(draft)
}

/** Many rejections at once, and no limit explains them: as fast as calls are let through, and from there on faster again. */
const slowDown = (draft: Draft, starts: Starts): void => {
  if (draft.noise?.limit._tag !== "none") return
  const from = Math.max(starts.first, draft.clear, starts.last - many)
  const seconds = (starts.at(starts.last) - starts.at(from)) / 1000
  let through = 0
  for (let sequence = from; sequence < starts.last; sequence++) if (starts.fate(sequence) !== "capacity") through += 1
  if (seconds > 0 && through > 0) draft.limits = { ...draft.limits, pace: Level.known(through / seconds) }
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

/**
 * Grows where nothing but chance rejects.
 *
 * @since 0.2.0
 * @category learning
 */
export const served = (draft: Draft, { bound }: Sample): void => {
  const { latency, limits, noise, poolSize } = draft
  if (noise?.limit._tag !== "none") return
  const { pace, window } = limits
  if (bound === "window") {
    draft.limits = { ...limits, window: Permits.initial(Math.min(poolSize, window.level + growth)) }
  } else if (bound === "spacing" && pace !== undefined) {
    const rate = Pace.rate(pace) * (1 + 1 / Math.max(dozen, (spare * Pace.rate(pace) * latency) / 1000))
    draft.limits = { ...limits, pace: (rate * latency) / 1000 > spare * poolSize ? undefined : Level.known(rate) }
  }
}

/** What exact measuring makes of a rejection, before averages have begun; nothing, where they begin with it. */
const exactly = (
  draft: Draft,
  sample: Rejection,
  startedAt: number,
  starts: Starts,
  now: number
): "chance" | "limit" | undefined => {
  const { calm, isShared, limits, period } = draft
  const besides = sample.startedWith - 1
  if (period !== undefined && (sample.bound === "period" || period.limit > period.known)) return "limit"
  // 429 speaks of the caller's limit, which others may share: the exact law knows how to. 503 and 529 speak of the server.
  if (isShared && !limits.slowStart && sample.status === 429) return "limit"
  if (limits.slowStart) draft.suspect = { sequence: sample.sequence, besides, last: starts.last, before: limits }
  if (sample.retryAfter !== undefined || isTestOfLaw(draft, startedAt, besides)) return "limit"
  const asChance = (): "chance" => {
    explain(draft, `a rejection by chance, it seems (status ${sample.status})`)
    return "chance"
  }
  if (isFall(draft, sample)) {
    const row = Cap.fallen(starts, sample.sequence, draft.rejectionLatency)
    const chance = sample.status === draft.status ? chanceOf(calm) : others
    const hasFallen = chance ** row < rare
    draft.asked = hasFallen ? undefined : { sequence: sample.sequence, besides }
    return hasFallen ? "limit" : asChance()
  }
  if (starts.fate(sample.sequence - 1) === "capacity") {
    // Two in a row are no chance, and so the first was none.
    if (calm.last === sample.sequence - 1) draft.calm = { ...calm, rejected: calm.rejected - 1, last: 0 }
    return "limit"
  }
  const fall = Chance.hit(calm.fall, chanceOf(calm))
  draft.calm = { ...calm, rejected: calm.rejected + 1, last: sample.sequence, fall }
  const isSure = isKnown(draft.calm)
  if (isSure) consider(draft, starts, now)
  if (draft.noise === undefined && Chance.evidence(fall) <= thresholds.first) return asChance()
  if (!isSure) {
    consider(draft, starts, now)
    slowDown(draft, starts)
  }
  return undefined
}

/** What averages make of a rejection while they last: too many in a row are a closed API. */
const onAverage = (
  draft: Draft,
  noise: Noise,
  sample: Rejection,
  startedAt: number,
  starts: Starts,
  now: number
): "closed" | undefined => {
  const { limit } = noise
  const besides = sample.startedWith - 1
  if (Chance.isClosed(noise.chance, Log.rowOf(starts, sample.sequence))) return "closed"
  const isCap = limit._tag === "cap" && besides < limit.cap && sample.status === draft.status
  if (isCap && noise.chance ** Cap.fallen(starts, sample.sequence, draft.rejectionLatency) < rare) {
    draft.noise = fresh({ ...limit, cap: Math.max(1, besides) }, noise.chance, hasty)
    hold(draft)
  } else if (isTest(noise, startedAt, besides)) {
    const test = Chance.hit(noise.test, noise.chance)
    const isFailed = Chance.evidence(test) > thresholds.test
    draft.noise = isFailed ? fresh(limit, noise.chance, noise.patience + 1) : { ...noise, test }
    if (isFailed) hold(draft)
  } else {
    const fall = Chance.hit(noise.fall, noise.chance)
    draft.noise = { ...noise, fall }
    if (Chance.evidence(fall) > thresholds.fall) {
      consider(draft, starts, now)
      slowDown(draft, starts)
    }
  }
  return undefined
}

/**
 * What averages make of a rejection: `chance`, which is dealt with; `closed`, where there were too many in a row; or
 * `limit`, for the exact law.
 *
 * @since 0.2.0
 * @category learning
 */
export const rejected = (
  draft: Draft,
  sample: Rejection,
  startedAt: number,
  starts: Starts,
  now: number
): "chance" | "closed" | "limit" => {
  const verdict =
    draft.noise === undefined
      ? exactly(draft, sample, startedAt, starts, now)
      : onAverage(draft, draft.noise, sample, startedAt, starts, now)
  if (verdict !== undefined) return verdict
  if (draft.noise === undefined) return "limit"
  const { chance, limit } = draft.noise
  explain(
    draft,
    `chance rejects ${(100 * chance).toPrecision(2)} % of all calls${Fit.show(limit)} (status ${sample.status})`
  )
  return "chance"
}
