/**
 * The default law: it finds the API's limit, whatever its kind, and stays just below it. `docs/CONTROL-LAW.md` explains it.
 *
 * Three limits are learned at once, for a server has one of them or several: attempts in flight, starts a second, and
 * starts in a period. At a rejection the law asks which of them was being tested, measures that one, and goes back to what
 * it measured.
 *
 * @since 0.2.0
 */
import type { ControlLaw, Decision, Sample, StartLimit, Step } from "./ControlLaw.js"
import * as Level from "./window/Level.js"
import * as Period from "./window/Period.js"
import * as Rate from "./window/Rate.js"

/**
 * Options of the law; the default law has none of them set.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * How many times the least latency seen an answer may take before the window shrinks: for servers that queue before they
   * reject, and whose latency does not depend on the request. Default none: the latency of a language model follows the
   * length of its output, and says nothing about its load.
   */
  readonly latencyTolerance?: number
}

/** Permits to begin with, and what a success adds to them while nothing was rejected: the window grows fourfold a round. */
const firstPermits = 12
const growth = 3
/** The least progress of a level takes so many requests, and no less than a round trip. */
const leastCount = 4
/** The period of a level that is known well, in milliseconds, and in requests where these are rare. */
const paceTime = 4000
const paceCount = 8
const windowTime = 14_000
/** The period of a shared level, in milliseconds: the same for all clients, or they would not become equal. */
const sharedTime = 4000
/** What holds for `Retry-After` may cost, as a share of the time. */
const price = 0.04
/** A hold of fewer requests' time is the API's ordinary pause; in one of more, a period has ended or an outage begun. */
const long = 8
/** A period is worth learning if the API is closed for this share of it. */
const closedShare = 0.1
/** While nothing passes, a start goes alone after this time and a share of the time since; milliseconds. */
const probeBase = 700
const probeShare = 0.05
const probeShareMost = 0.25
/** Rejected probes per request served before. */
const probeBudget = 0.02
/** Starts come at most so many times as fast as the window turns over. */
const smoothing = 5
/** What a permit rests after a probe, as a share of the latency, so that others can have it. */
const rest = 0.03
/** For the share of rejected calls. */
const shareSmoothing = 0.1
/** A pace that was cut to this share in vain, the rejections being as frequent as before, is not what they depend on. */
const vainCut = 0.015
/** A clock knows nothing shorter, in milliseconds. */
const tick = 1
/** The state is forgotten after so long without a start, in milliseconds. */
const memory = 300_000
/** Rejections at the same number in flight that make it a cap. */
const constancy = 4

interface Limits {
  readonly window: Level.Level
  /** Undefined while nothing says that the rate is limited. */
  readonly pace: Level.Level | undefined
  readonly slowStart: boolean
}

/** Nothing passes. */
interface Block {
  readonly since: number
  readonly accepted: number
  /** What to go back to if the API was closed rather than too much used. */
  readonly before: Limits
  /** Accepted a second until then. */
  readonly rate: number
  readonly share: number
  /** The API said how long. */
  readonly told: boolean
  /** Whether this is the end of a period is to be found out. */
  readonly suspect: boolean
  readonly lastProbe: number
  readonly probes: number
}

/**
 * What the law knows.
 *
 * @since 0.2.0
 * @category models
 */
export interface State {
  readonly poolSize: number
  readonly limits: Limits
  readonly block: Block | undefined
  readonly period: Period.Period | undefined
  /** When the API opened last, and what had been accepted then. */
  readonly opened: { readonly at: number; readonly accepted: number } | undefined
  readonly marks: ReadonlyArray<Rate.Mark>
  /** In flight at the latest rejections. */
  readonly inFlight: ReadonlyArray<number>
  /** The limits at the last rejection, before it changed them. */
  readonly before: Limits | undefined
  /** Most in flight at a start that was accepted. */
  readonly widest: number
  readonly successes: number
  readonly rejections: number
  /** The latest start that was rejected. */
  readonly lastRejected: number
  /** Smoothed, in milliseconds; 0 before the first. */
  readonly latency: number
  readonly leastLatency: number
  readonly rejectionLatency: number
  /** Rejected calls among all, smoothed. */
  readonly rejectedShare: number
  /** The pace from which it was cut, and the share of rejected calls then. */
  readonly cutFrom: { readonly rate: number; readonly rejectedShare: number } | undefined
  /** What the API asks to wait, smoothed; long ones count as two seconds. */
  readonly hint: number
  /** Milliseconds that the pool was held for nothing, in all. */
  readonly held: number
  /** What the API has meanwhile can be had after a short hold, as far as is known: its bucket is deep enough. */
  readonly refills: boolean
  /** Until then the pool catches up on a hold, in epoch milliseconds. */
  readonly catchUpUntil: number
  readonly now: number
  readonly decision: Decision
}

/** A state to work on, known to nobody else yet. A class, because to spread so many fields costs more than the step. */
class Draft implements State {
  poolSize: State["poolSize"]
  limits: State["limits"]
  block: State["block"]
  period: State["period"]
  opened: State["opened"]
  marks: State["marks"]
  inFlight: State["inFlight"]
  before: State["before"]
  widest: State["widest"]
  successes: State["successes"]
  rejections: State["rejections"]
  lastRejected: State["lastRejected"]
  latency: State["latency"]
  leastLatency: State["leastLatency"]
  rejectionLatency: State["rejectionLatency"]
  rejectedShare: State["rejectedShare"]
  cutFrom: State["cutFrom"]
  hint: State["hint"]
  held: State["held"]
  refills: State["refills"]
  catchUpUntil: State["catchUpUntil"]
  now: State["now"]
  decision: State["decision"]
  constructor(from: State) {
    this.poolSize = from.poolSize
    this.limits = from.limits
    this.block = from.block
    this.period = from.period
    this.opened = from.opened
    this.marks = from.marks
    this.inFlight = from.inFlight
    this.before = from.before
    this.widest = from.widest
    this.successes = from.successes
    this.rejections = from.rejections
    this.lastRejected = from.lastRejected
    this.latency = from.latency
    this.leastLatency = from.leastLatency
    this.rejectionLatency = from.rejectionLatency
    this.rejectedShare = from.rejectedShare
    this.cutFrom = from.cutFrom
    this.hint = from.hint
    this.held = from.held
    this.refills = from.refills
    this.catchUpUntil = from.catchUpUntil
    this.now = from.now
    this.decision = from.decision
  }
}

/**
 * Makes the law.
 *
 * @example
 * ```ts
 * import { WindowLaw } from "effect-aimd"
 *
 * const law = WindowLaw.make()
 * const { decision, state } = law.initial(64, 0)
 * assert.strictEqual(decision.window, 12)
 * const fields = { epoch: 0, inFlight: 12, latency: 50, sequence: 12, startedWith: 12, bound: "window" } as const
 * const next = law.step(state, { _tag: "capacity", status: 429, retryAfter: undefined, ...fields }, 50)
 * assert.strictEqual(next.decision.window, 11)
 * assert.strictEqual(next.decision.reason, "11 in flight were too many (status 429)")
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options = {}): ControlLaw<State> => ({
  name: "window",
  remembers: 16_384,
  initial: (poolSize, now) => begin(poolSize, now, 0),
  step: (state, told, now) => {
    if (told._tag === "neutral") return { state, decision: state.decision }
    // A limit of starts without a period is a fast pace.
    const isPace = told.bound === "period" && state.period === undefined
    const sample: typeof told = isPace ? { ...told, bound: "spacing" } : told
    const startedAt = now - sample.latency
    const forgotten = state.block === undefined && state.opened !== undefined && startedAt - state.now > memory
    const draft = new Draft(forgotten ? reset(state, sample, now) : state)
    draft.opened ??= { at: startedAt, accepted: 0 }
    if (sample._tag === "success") succeed(draft, sample, startedAt, now, options)
    else reject(draft, sample, startedAt, now)
    draft.now = now
    draft.decision = decide(draft)
    return { state: draft, decision: draft.decision }
  }
})

const begin = (poolSize: number, now: number, epoch: number): Step<State> => {
  const window = { ...Level.measured(Math.min(firstPermits, poolSize)), progress: 1 }
  const decision: Decision = {
    window: window.top,
    spacing: 0,
    holdUntil: 0,
    delay: 0,
    epoch,
    reason: "looking for the limit: nothing was rejected yet"
  }
  const state: State = {
    poolSize,
    limits: { window, pace: undefined, slowStart: true },
    block: undefined,
    period: undefined,
    opened: undefined,
    marks: [],
    inFlight: [],
    before: undefined,
    widest: 0,
    successes: 0,
    rejections: 0,
    lastRejected: 0,
    latency: 0,
    leastLatency: Infinity,
    rejectionLatency: 50,
    rejectedShare: 0,
    cutFrom: undefined,
    hint: 0,
    held: 0,
    refills: true,
    catchUpUntil: 0,
    now,
    decision
  }
  return { state: new Draft(state), decision }
}

/** After a long silence all that was learned may be wrong; the counts go on. */
const reset = ({ decision, poolSize, rejections }: State, { latency, sequence }: Sample, now: number): State => ({
  ...begin(poolSize, now, decision.epoch).state,
  rejections,
  opened: { at: now - latency, accepted: sequence - 1 - rejections },
  lastRejected: sequence - 1
})

/** Writes down what the next decision will say; {@link decide} adds the numbers. */
const explain = (draft: Draft, reason: string, holdUntil = draft.decision.holdUntil): void => {
  draft.decision = { ...draft.decision, reason, holdUntil: Math.ceil(holdUntil) }
}

/** Milliseconds in 64ths: whole nanoseconds, and sums of powers of two, so that sums of them are exact. */
const exact = (millis: number): number => Math.round(millis * 64) / 64

const decide = (draft: Draft): Decision => {
  const { block, latency, limits, period, poolSize, rejectionLatency } = draft
  const last = draft.decision
  const { pace, slowStart, window } = block === undefined ? limits : block.before
  const allowed = Math.floor(slowStart ? window.top : Level.permits(window) + 0.5)
  const permits = Math.max(1, Math.min(poolSize, allowed))
  const turnover = latency / (smoothing * permits)
  const catchUp = draft.now < draft.catchUpUntil ? 2 : 1
  const paced = pace === undefined ? 0 : 1000 / (catchUp * Level.rate(pace))
  const spacing = exact(Math.max(paced, turnover))
  const yields = !slowStart && pace === undefined && window.progress < 0.25
  const next: Decision = {
    window: permits,
    // A change too small to be felt is none: a decision that stays costs the pool nothing.
    spacing: spacing < tick ? 0 : Math.abs(spacing - last.spacing) < last.spacing * 0.01 ? last.spacing : spacing,
    holdUntil: last.holdUntil,
    delay: 0,
    starts: startsOf(period, paced, last.starts),
    alone: Math.ceil(2 * rejectionLatency) + 10,
    rest: yields ? exact(Math.min(rest * latency, (0.3 * latency) / permits)) : 0,
    saturatedSince: block?.since,
    epoch: last.epoch,
    reason: last.reason
  }
  return isSame(next, last) ? last : next
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
      ? { limit: Math.max(1, Math.round((10 * tick) / paced)), period: 10 * tick, provenUntil: Infinity }
      : { limit: period.limit, period: Math.ceil(period.length), provenUntil: period.provenUntil }
  const isLast = last?.limit === next.limit && last.period === next.period && last.provenUntil === next.provenUntil
  return isLast ? last : next
}

const isSame = (a: Decision, b: Decision): boolean =>
  a.window === b.window &&
  a.spacing === b.spacing &&
  a.holdUntil === b.holdUntil &&
  a.starts === b.starts &&
  a.alone === b.alone &&
  (a.rest === b.rest || (a.rest !== 0 && b.rest !== 0)) &&
  a.saturatedSince === b.saturatedSince &&
  a.epoch === b.epoch &&
  a.reason === b.reason

/** Starts a second under the limits. */
const rateOf = ({ latency }: Draft, { pace, slowStart, window }: Limits): number =>
  pace !== undefined
    ? Level.rate(pace)
    : latency > 0
      ? (1000 * (slowStart ? window.top : Level.permits(window))) / latency
      : 1

/** Milliseconds that a level takes from the dip to its top, and as long again to the test. */
const periodOf = (draft: Draft, level: Level.Level, time: number): number => {
  if (level.shared) return sharedTime
  const rate = rateOf(draft, draft.limits)
  // What a hold costs, where the API does not make it good.
  const hint = draft.refills ? 0 : draft.hint
  const least = Math.max(draft.latency, (1000 * leastCount) / rate, 4 * hint)
  const most = Math.max(time, (1000 * paceCount) / rate, hint / price)
  // Beyond the test nothing that was measured holds any more.
  return level.progress > 2 ? least : Math.min(most, least * 2 ** level.patience)
}

const succeed = (
  draft: Draft,
  { bound, epoch, hints, latency, sequence, startedWith }: Sample,
  startedAt: number,
  now: number,
  { latencyTolerance = Infinity }: Options
): void => {
  draft.successes += 1
  draft.rejectedShare *= 1 - shareSmoothing
  draft.widest = Math.max(draft.widest, startedWith)
  draft.latency = draft.latency === 0 ? latency : draft.latency + (latency - draft.latency) * 0.1
  draft.leastLatency = Math.min(draft.leastLatency, latency)
  if (draft.block !== undefined) {
    if (sequence > draft.lastRejected) reopen(draft, draft.block, startedAt)
    return
  }
  countPeriod(draft, sequence, startedAt)

  const { pace, slowStart, window } = draft.limits
  // Time in which nothing was to be done is no time in which the level was tested.
  const elapsed = Math.min(now - draft.now, latency + draft.decision.spacing)
  const isQueueing = draft.latency > latencyTolerance * draft.leastLatency
  if (bound === "window" && isQueueing) {
    const top = Math.max(1, (slowStart ? window.top : Level.permits(window)) * 0.995)
    draft.limits = { pace, slowStart: false, window: { ...window, top, progress: Math.min(1, window.progress) } }
    explain(draft, "answers take longer: the API queues")
  } else if (slowStart) {
    if (bound === "window" && epoch === draft.decision.epoch && window.top < draft.poolSize) {
      draft.limits = { pace, slowStart, window: { ...window, top: Math.min(draft.poolSize, window.top + growth) } }
    }
  } else if (bound === "window" && Level.permits(window) < draft.poolSize) {
    draft.limits = {
      pace,
      slowStart,
      window: Level.advance(window, elapsed / periodOf(draft, window, windowTime))
    }
  }
  if (pace !== undefined && bound === "spacing") {
    draft.limits = { ...draft.limits, pace: Level.advance(pace, elapsed / periodOf(draft, pace, paceTime)) }
  }
  if (hints !== undefined) heed(draft, hints, now)
}

/** Advice before anything was rejected: a quota that is nearly used up is an end to slow start, not yet a limit. */
const heed = (draft: Draft, { requests }: NonNullable<Sample["hints"]>, now: number): void => {
  const { limits, period } = draft
  if (!limits.slowStart || period !== undefined || requests === undefined) return
  const { limit = 0, remaining = Infinity, resetAfter = 0 } = requests
  if (!(resetAfter > 0 && remaining <= limit / 10 && limit > remaining)) return
  const rate = (1000 * (limit - remaining)) / resetAfter
  draft.limits = { window: limits.window, slowStart: false, pace: { ...Level.measured(rate), progress: 1 } }
  draft.now = now
  explain(draft, `the API says that ${remaining} of ${limit} requests are left`)
}

const countPeriod = (draft: Draft, sequence: number, startedAt: number): void => {
  const { opened, period } = draft
  if (period === undefined || opened === undefined) return
  const accepted = sequence - 1 - draft.rejections
  if (!period.proven) {
    if (accepted + 1 > opened.accepted + period.limit + Math.max(2, period.limit / 50)) draft.period = undefined
  } else if (startedAt >= opened.at + period.length) {
    draft.opened = { at: opened.at + period.length, accepted }
    draft.period = Period.passed(period)
  }
}

/** Something passes again. */
const reopen = (draft: Draft, block: Block, startedAt: number): void => {
  const { holdUntil } = draft.decision
  const closed = startedAt - block.since
  draft.block = undefined
  draft.before = undefined
  draft.held += Math.max(0, closed)
  if (block.told || (closed * block.rate) / 1000 >= long) {
    const { pace, slowStart, window } = block.before
    draft.limits = { window: Level.proven(window), pace: pace && Level.proven(pace), slowStart }
    draft.marks = []
    if (!block.told) {
      const openedAt = Math.max(block.since, Math.min(startedAt, holdUntil))
      learnPeriod(draft, block.accepted, block.since, block.lastProbe, openedAt)
    }
  }
  explain(draft, "the API lets requests through again", 0)
}

/** The API closed, after so many requests, and was still closed at `lastClosed`, and open at `openedAt`. */
const learnPeriod = (draft: Draft, accepted: number, closedAt: number, lastClosed: number, openedAt: number): void => {
  const { opened } = draft
  if (opened !== undefined) {
    const limit = accepted - opened.accepted
    const safe = openedAt - opened.at
    if (limit >= 2 * long && openedAt - closedAt >= closedShare * safe) {
      const seen = { limit, safe, short: Math.max(0, lastClosed - opened.at), openedAt }
      draft.period = Period.learn(draft.period, seen)
    }
  }
  draft.opened = { at: openedAt, accepted }
}

type Rejection = Sample & { readonly _tag: "capacity" }

const reject = (draft: Draft, sample: Rejection, startedAt: number, now: number): void => {
  const { epoch, latency, retryAfter, sequence, startedWith } = sample
  // All that were started before this one and have not been rejected were accepted: a rejection is the quicker answer.
  const accepted = sequence - 1 - draft.rejections
  draft.rejections += 1
  draft.rejectedShare += (1 - draft.rejectedShare) * shareSmoothing
  draft.rejectionLatency = Math.max(5, draft.rejectionLatency * 0.9, latency)
  draft.lastRejected = Math.max(draft.lastRejected, sequence)
  if (retryAfter !== undefined) {
    const hint = Math.min(retryAfter, 2000)
    draft.hint = draft.hint === 0 ? hint : draft.hint + (hint - draft.hint) * 0.2
  }
  if (epoch < draft.decision.epoch) return
  draft.decision = { ...draft.decision, epoch: draft.decision.epoch + 1 }

  if (draft.block !== undefined) {
    if (accepted <= draft.block.accepted) {
      probeAgain(draft, { ...draft.block, lastProbe: startedAt, probes: draft.block.probes + 1 }, now, retryAfter)
      return
    }
    reopen(draft, draft.block, startedAt)
  }
  if (isPeriods(draft, sample, accepted, startedAt, now)) return

  const last = draft.marks[draft.marks.length - 1]
  const nothingPassed = last !== undefined && accepted <= last.accepted && startedAt > last.at
  if (nothingPassed) {
    close(draft, { since: last.at, accepted, before: draft.before ?? draft.limits, at: startedAt }, now, retryAfter)
  } else {
    draft.before = draft.limits
  }
  blame(draft, sample, startedWith - 1, { at: startedAt, accepted, held: draft.held })
  draft.marks = Rate.remember(draft.marks, { at: startedAt, accepted, held: draft.held })
  if (draft.block !== undefined) return
  // Without a pace nothing else keeps the rejected row from being sent again at once.
  if (draft.limits.pace === undefined) explain(draft, draft.decision.reason, now + draft.rejectionLatency)
  if (retryAfter === undefined) return
  if (startedAt < draft.catchUpUntil) draft.refills = false
  if (draft.refills) draft.catchUpUntil = now + 2 * retryAfter
  else draft.held += retryAfter
}

/** Whether a rejection is the work of a period, known or newly learned; sees to it, if so. */
const isPeriods = (draft: Draft, sample: Rejection, accepted: number, startedAt: number, now: number): boolean => {
  const { bound, retryAfter, startedWith } = sample
  const { limits, opened, period, widest } = draft
  const { pace, window } = limits
  const inFlight = startedWith - 1
  const isTest =
    (bound === "window" && inFlight >= Math.round(window.top) && window.progress > 1) ||
    (bound === "spacing" && pace !== undefined && pace.progress > 1)

  if (period?.proven === true && !isTest && (retryAfter === undefined || retryAfter < period.length / 2)) {
    const pause = Math.max(4 * draft.rejectionLatency, 0.02 * period.length * 2 ** period.failures)
    draft.period = Period.failed(period, retryAfter, pause)
    draft.marks = []
    if (draft.period !== undefined) {
      explain(draft, "the period is longer than thought", retryAfter === undefined ? now + pause : undefined)
      return true
    }
  }
  const last = draft.marks[draft.marks.length - 1]
  const nothingPassed = last !== undefined && accepted <= last.accepted
  const before = (nothingPassed ? draft.before : undefined) ?? limits
  const rate = acceptedRate(draft, accepted, startedAt)
  // A hint in whole seconds may be a second too long.
  const rounding = retryAfter !== undefined && retryAfter % 1000 === 0 ? 1000 : 0
  if (retryAfter !== undefined && ((retryAfter - rounding) * rate) / 1000 >= long) {
    const openedAt = now + retryAfter
    learnPeriod(draft, accepted, startedAt, openedAt - rounding, openedAt)
    draft.block = makeBlock(draft, { since: startedAt, accepted, before, at: startedAt }, rate, { told: true })
    explain(draft, "the API's period is used up", openedAt)
    return true
  }
  if (period === undefined || period.proven || isTest || opened === undefined) return false
  const count = accepted - opened.accepted
  const isWithin = pace === undefined && inFlight < widest
  if (retryAfter !== undefined) {
    // The API has said when to come back, and the period is still being learned.
    if (isWithin) draft.marks = []
    return isWithin
  }
  const isExhausted = bound === "period" && Period.isNear(count, period.limit)
  if (!isExhausted && !(isWithin && count >= period.limit / 2)) return false
  const block = makeBlock(draft, { since: startedAt, accepted, before: limits, at: startedAt }, rate, { suspect: true })
  probeAgain(draft, block, now, undefined)
  return true
}

interface Closing {
  readonly since: number
  readonly accepted: number
  readonly before: Limits
  readonly at: number
}

/** Accepted a second since the API opened, or what the limits allow, whichever is less. */
const acceptedRate = (draft: Draft, accepted: number, at: number): number => {
  const { limits, opened } = draft
  const measured = opened !== undefined && at > opened.at ? (1000 * (accepted - opened.accepted)) / (at - opened.at) : 0
  return Math.min(rateOf(draft, limits), measured)
}

const makeBlock = (
  { successes }: Draft,
  { accepted, at, before, since }: Closing,
  rate: number,
  kind: { readonly told?: boolean; readonly suspect?: boolean } = {}
): Block => ({
  since,
  accepted,
  before,
  rate,
  // A probe in vain is paid for by what has gone through: who has much of it may look more often.
  share: Math.min(probeShareMost, Math.max(probeShare, 1 / (probeBudget * successes))),
  told: kind.told ?? false,
  suspect: kind.suspect ?? false,
  lastProbe: at,
  probes: 0
})

const close = (draft: Draft, closing: Closing, now: number, retryAfter: number | undefined): void =>
  probeAgain(draft, makeBlock(draft, closing, acceptedRate(draft, closing.accepted, closing.at)), now, retryAfter)

/** Holds the pool until the next probe. */
const probeAgain = (draft: Draft, block: Block, now: number, retryAfter: number | undefined): void => {
  const { opened, period, rejectionLatency } = draft
  const { probes, rate, share, since, suspect } = block
  const first = Math.min(probeBase, (2 ** probes * 4000) / Math.max(rate, 0.001))
  let next = now + Math.max(2 * rejectionLatency, first + share * (now - since))
  if (period !== undefined && opened !== undefined && suspect && probes >= 2) {
    // It is no short pause, so it is the period that was thought: it opens between these two.
    const soonest = opened.at + Math.sqrt(Math.max(period.short, period.safe / 2) * period.safe)
    const latest = opened.at + period.safe
    next = now < soonest ? soonest : now < latest ? latest : next
  }
  draft.block = block
  explain(draft, "nothing passes", retryAfter === undefined ? next : Math.max(next, now + retryAfter))
}

/** Finds out which limit the rejection has hit, and sets it to what was measured. */
const blame = (draft: Draft, { bound, status }: Rejection, inFlight: number, mark: Rate.Mark): void => {
  const { limits, widest } = draft
  const { pace, slowStart, window } = limits
  draft.inFlight = [...draft.inFlight.slice(-constancy), inFlight]
  const isConstant =
    draft.inFlight.length >= constancy && draft.inFlight.slice(-constancy).every((count) => count === inFlight)
  const setWindow = (level: Level.Level, reason: string, nextPace = pace): void => {
    draft.limits = { window: level, pace: nextPace, slowStart: false }
    draft.widest = level.top
    if (draft.block === undefined) explain(draft, `${reason} (status ${status})`)
  }
  if (inFlight >= 1 && (isConstant || ((pace === undefined || bound === "window") && inFlight >= widest))) {
    // A cap shows in what is constant at rejections: the number in flight.
    const patience = slowStart || !isClose(inFlight, window.top, 20) ? 0 : window.patience + 1
    const looser = isConstant && pace !== undefined ? { ...pace, top: pace.top * 1.5, progress: 1 } : pace
    setWindow(Level.measured(inFlight, patience), `${inFlight} in flight were too many`, looser)
    return
  }
  const last = draft.marks[draft.marks.length - 1]
  const passed = last === undefined ? 0 : mark.accepted - last.accepted
  if (
    pace === undefined &&
    !slowStart &&
    bound === "window" &&
    inFlight >= Math.max(1, window.top / 2) &&
    passed >= 12
  ) {
    // Rarely rejected below the cap: somebody else has taken a place.
    setWindow(Level.measured(inFlight), `${inFlight} in flight were too many: others share the API`)
    return
  }
  if (pace === undefined && draft.successes === 0) {
    setWindow(Level.measured(Math.max(1, inFlight)), `${inFlight} in flight were too many`)
    draft.widest = 0
    return
  }
  const next = notInVain(draft, slower(draft, mark, limits))
  draft.limits = {
    pace: next,
    slowStart: false,
    window: slowStart ? { ...window, top: Math.max(1, inFlight), progress: 0 } : window
  }
  if (draft.block === undefined) {
    const sharing = next.shared ? ": others share the API" : ""
    explain(draft, `${show(next.top)} starts a second were too many (status ${status})${sharing}`)
  }
}

/** Rejections that are as frequent at a small part of the pace do not depend on it: back to where it was. */
const notInVain = (draft: Draft, next: Level.Level): Level.Level => {
  const { cutFrom, limits, rejectedShare } = draft
  const current = rateOf(draft, limits)
  if (cutFrom === undefined || current > cutFrom.rate) {
    draft.cutFrom = { rate: current, rejectedShare }
    return next
  }
  if (Level.rate(next) > vainCut * cutFrom.rate) return next
  const isVain = rejectedShare > 0.1 && rejectedShare > 0.7 * cutFrom.rejectedShare
  draft.cutFrom = { rate: isVain ? cutFrom.rate : current, rejectedShare }
  return isVain ? { ...Level.measured(cutFrom.rate), progress: 1 } : next
}

const isClose = (a: number, b: number, accepted: number): boolean => Math.abs(a / b - 1) <= 0.05 + 1 / accepted

const slower = (draft: Draft, mark: Rate.Mark, limits: Limits): Level.Level => {
  const { pace } = limits
  const current = rateOf(draft, limits)
  const measured = Rate.measure(draft.marks, mark)
  if (pace !== undefined && pace.doubt === undefined) {
    // Rejected at a pace that had been fine.
    const isShared = pace.shared ? current < 0.97 * pace.top || current > 1.2 * pace.top : pace.progress < 0.9
    if (isShared) return Level.shared(Math.min(current, Math.max(measured.high, current / 2)))
  }
  const deep = pace !== undefined && (pace.doubt === undefined ? pace.deep : measured.high <= 1.05 * pace.doubt)
  const from = pace === undefined ? 0 : pace.top * (1 - pace.dip)
  // Far over the measured rate without a rejection: either a deep bucket, or tokens were lost while the pace was low.
  const isDoubtful = current > 1.2 * measured.high && (!deep || from < 0.8 * measured.high)
  const high = isDoubtful ? current : Math.min(current, measured.high)
  const low = Math.min(high, Math.max(measured.low, 0.3 * current))
  const top = draft.marks.length === 0 ? 0.8 * current : Math.sqrt(low * high)
  const patience =
    pace === undefined
      ? 0
      : isClose(top, pace.top, measured.accepted + 1)
        ? pace.patience + 1
        : Math.max(0, pace.patience - 2)
  return {
    ...Level.measured(top, patience, Math.min(0.5, 1 - low / top)),
    deep,
    doubt: isDoubtful && measured.high < Infinity ? measured.high : undefined
  }
}

const show = (rate: number): string =>
  rate >= 100 ? rate.toFixed(0) : rate >= 1 ? rate.toFixed(1) : rate.toPrecision(2)
