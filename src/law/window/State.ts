/**
 * What the window law knows, and what follows from it at once.
 *
 * @since 0.2.0
 */
import type { Decision, Hints, Sample, Step } from "../ControlLaw.js"
import * as Ramp from "../Ramp.js"
import * as Pace from "./Pace.js"
import * as Chance from "./Chance.js"
import type * as Fit from "./Fit.js"
import type { Period } from "./Period.js"
import * as Permits from "./Permits.js"
import type { Mark } from "./Rate.js"
import * as Round from "./Round.js"
import { dozen, few, lots, many, moment, second, slack, tenth } from "./Numbers.js"

/**
 * Permits to begin with.
 *
 * @since 0.2.0
 * @category constants
 */
export const firstPermits = dozen
/**
 * What a success adds to the permits while nothing was rejected: the window grows fourfold a round trip.
 *
 * @since 0.2.0
 * @category constants
 */
export const growth = few
/**
 * How long a rejection takes, before one was seen, in milliseconds.
 *
 * @since 0.2.0
 * @category constants
 */
export const firstRejection = tenth * moment
/** Calls in a round; and of a cap that is shared. */
const roundCount = many / 2
const capCount = lots
/**
 * What a rejection may cost, as a share of the time.
 *
 * @since 0.2.0
 * @category constants
 */
export const price = slack
/** The golden ratio spreads what it is multiplied with most evenly. */
const golden = (Math.sqrt(5) - 1) / 2

/**
 * What the law holds the pool to.
 *
 * @since 0.2.0
 * @category models
 */
export interface Limits {
  readonly window: Permits.Permits
  /** Undefined while nothing says that the rate is limited. */
  readonly pace: Pace.Pace | undefined
  readonly slowStart: boolean
}

/**
 * Nothing passes.
 *
 * @since 0.2.0
 * @category models
 */
export interface Block {
  readonly since: number
  readonly accepted: number
  /** What to go back to if the API was closed rather than too much used. */
  readonly before: Limits
  /** Accepted a second until then. */
  readonly rate: number
  /** How much of the time since goes by between two probes, at most. */
  readonly share: number
  /** The API said how long. */
  readonly told: boolean
  /** Whether this is the end of a period is to be found out. */
  readonly suspect: boolean
  readonly lastProbe: number
  /** The AIMD delay between probes, in milliseconds. */
  readonly delay: number
  readonly probes: number
}

/**
 * What was seen below the limits of the exact law, while chance is not known to reject calls.
 *
 * @since 0.2.0
 * @category models
 */
export interface Calm {
  readonly starts: number
  readonly rejected: number
  /** The latest of these. */
  readonly last: number
  readonly fall: Chance.Alarms
}

/**
 * Nothing was seen yet.
 *
 * @since 0.2.0
 * @category constants
 */
export const calm: Calm = { starts: 0, rejected: 0, last: 0, fall: Chance.silent }

/**
 * What averages know, while chance is known to reject calls.
 *
 * @since 0.2.0
 * @category models
 */
export interface Noise {
  /** The share of calls that chance rejects. */
  readonly chance: number
  readonly limit: Fit.Explanation
  /** Evidence that the limit has fallen, and that what is tested is too much. */
  readonly fall: Chance.Alarms
  readonly test: Chance.Alarms
  /** What is tested, since when, and how many starts it has let through. */
  readonly tested: number | undefined
  readonly since: number
  readonly through: number
  /** Starts since the last test; the next comes after the more of them, the more tests in a row have failed. */
  readonly waited: number
  readonly patience: number
}

/**
 * The status of the limit, and the share of calls that is rejected with others.
 *
 * @since 0.2.0
 * @category models
 */
export interface Kind {
  readonly status: number
  readonly others: number
}

/**
 * A rejection in slow start that may have been chance, and what the limits had been.
 *
 * @since 0.2.0
 * @category models
 */
export interface Suspect {
  readonly sequence: number
  readonly besides: number
  /** The latest start that was under the old limits. */
  readonly last: number
  readonly before: Limits
}

/**
 * What the law knows; instants in epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface State {
  readonly poolSize: number
  /** Other clients use the same limit, as the law was told. */
  readonly isShared: boolean
  readonly limits: Limits
  readonly block: Block | undefined
  readonly period: Period | undefined
  /** When the API opened last, and what had been accepted then. */
  readonly opened: { readonly at: number; readonly accepted: number } | undefined
  readonly marks: ReadonlyArray<Mark>
  /** In flight at the latest rejections. */
  readonly inFlight: ReadonlyArray<number>
  /** The limits at the last rejection, before it changed them. */
  readonly before: Limits | undefined
  /** Most in flight at a start that was accepted. */
  readonly widest: number
  /** Evidence that what was taken for a cap is none, and the permits before there was any. */
  readonly doubt: number
  readonly undoubted: number
  /** Rejections in a row between which nothing was accepted. */
  readonly blocked: number
  readonly successes: number
  readonly rejections: number
  /** The latest start that was rejected. */
  readonly lastRejected: number
  /** Smoothed, in milliseconds; 0 before the first. */
  readonly latency: number
  /** The same over many more answers, so that all clients of an API agree on it. */
  readonly meanLatency: number
  readonly leastLatency: number
  readonly rejectionLatency: number
  /** What the API asks to wait, smoothed; long ones count as two seconds. */
  readonly hint: number
  /** Milliseconds that the pool was held for nothing, in all. */
  readonly held: number
  /** What the API has meanwhile can be had after a short hold, as far as is known: its bucket is deep enough. */
  readonly refills: boolean
  /** What the API said of its quotas first. */
  readonly told: Hints | undefined
  /** What one start of a pace or a period stands for, in tokens; undefined while every start counts alike. */
  readonly unit: number | undefined
  /** Until then the pool catches up on a hold. */
  readonly catchUpUntil: number
  /** While chance rejects calls. */
  readonly noise: Noise | undefined
  /** Once the limit is known exactly. */
  readonly kind: Kind | undefined
  /** Below what is tested, while chance is not known to reject calls. */
  readonly calm: Calm
  /** The first start after the API was closed last. */
  readonly clear: number
  /** The rejection that ended slow start, while it may turn out to have been chance. */
  readonly suspect: Suspect | undefined
  /** The latest rejection below the permits that may be chance: it is, once as many in flight are let through. */
  readonly asked: { readonly sequence: number; readonly besides: number } | undefined
  /** The status of the latest rejection that was blamed on a limit. */
  readonly status: number
  /** The latest start that was counted for chance. */
  readonly judged: number
  readonly now: number
  readonly decision: Decision
}

/**
 * A state to work on, known to nobody else yet.
 *
 * @since 0.2.0
 * @category models
 */
export type Draft = { -readonly [Field in keyof State]: State[Field] }

/** A class, because to spread so many fields costs more than the step. */
class Copy implements State {
  poolSize: State["poolSize"]
  isShared: State["isShared"]
  limits: State["limits"]
  block: State["block"]
  period: State["period"]
  opened: State["opened"]
  marks: State["marks"]
  inFlight: State["inFlight"]
  before: State["before"]
  widest: State["widest"]
  doubt: State["doubt"]
  undoubted: State["undoubted"]
  blocked: State["blocked"]
  successes: State["successes"]
  rejections: State["rejections"]
  lastRejected: State["lastRejected"]
  latency: State["latency"]
  meanLatency: State["meanLatency"]
  leastLatency: State["leastLatency"]
  rejectionLatency: State["rejectionLatency"]
  hint: State["hint"]
  held: State["held"]
  refills: State["refills"]
  told: State["told"]
  unit: State["unit"]
  catchUpUntil: State["catchUpUntil"]
  noise: State["noise"]
  kind: State["kind"]
  calm: State["calm"]
  clear: State["clear"]
  suspect: State["suspect"]
  asked: State["asked"]
  status: State["status"]
  judged: State["judged"]
  now: State["now"]
  decision: State["decision"]
  constructor(from: State) {
    this.poolSize = from.poolSize
    this.isShared = from.isShared
    this.limits = from.limits
    this.block = from.block
    this.period = from.period
    this.opened = from.opened
    this.marks = from.marks
    this.inFlight = from.inFlight
    this.before = from.before
    this.widest = from.widest
    this.doubt = from.doubt
    this.undoubted = from.undoubted
    this.blocked = from.blocked
    this.successes = from.successes
    this.rejections = from.rejections
    this.lastRejected = from.lastRejected
    this.latency = from.latency
    this.meanLatency = from.meanLatency
    this.leastLatency = from.leastLatency
    this.rejectionLatency = from.rejectionLatency
    this.hint = from.hint
    this.held = from.held
    this.refills = from.refills
    this.told = from.told
    this.unit = from.unit
    this.catchUpUntil = from.catchUpUntil
    this.noise = from.noise
    this.kind = from.kind
    this.calm = from.calm
    this.clear = from.clear
    this.suspect = from.suspect
    this.asked = from.asked
    this.status = from.status
    this.judged = from.judged
    this.now = from.now
    this.decision = from.decision
  }
}

/**
 * Begins to work on a state; the state itself stays as it is.
 *
 * @since 0.2.0
 * @category constructors
 */
export const draft = (from: State): Draft => new Copy(from)

/**
 * In slow start the window grows without answers: a rejection would have come sooner.
 *
 * @since 0.2.0
 * @category decisions
 */
export const blindly = (permits: number, now: number, rejectionLatency: number, poolSize: number): Decision["ramp"] =>
  permits < poolSize ? Ramp.make(now + 2 * rejectionLatency, moment / permits, poolSize) : undefined

/**
 * The law before it has heard of anything.
 *
 * @since 0.2.0
 * @category constructors
 */
export const begin = (poolSize: number, now: number, epoch: number, isShared = false): Step<State> => {
  const window = Permits.initial(Math.min(firstPermits, poolSize))
  const decision: Decision = {
    window: window.top,
    spacing: 0,
    holdUntil: 0,
    delay: 0,
    ramp: blindly(window.top, now, firstRejection, poolSize),
    epoch,
    reason: "looking for the limit: nothing was rejected yet"
  }
  const state: State = {
    poolSize,
    isShared,
    limits: { window, pace: undefined, slowStart: true },
    block: undefined,
    period: undefined,
    opened: undefined,
    marks: [],
    inFlight: [],
    before: undefined,
    widest: 0,
    doubt: 0,
    undoubted: 0,
    blocked: 0,
    successes: 0,
    rejections: 0,
    lastRejected: 0,
    latency: 0,
    meanLatency: 0,
    leastLatency: Infinity,
    rejectionLatency: firstRejection,
    hint: 0,
    held: 0,
    refills: true,
    told: undefined,
    unit: undefined,
    catchUpUntil: 0,
    noise: undefined,
    kind: undefined,
    calm,
    clear: 1,
    suspect: undefined,
    asked: undefined,
    status: 0,
    judged: 0,
    now,
    decision
  }
  return { state: draft(state), decision }
}

/**
 * After a long silence all that was learned may be wrong; the counts go on.
 *
 * @since 0.2.0
 * @category constructors
 */
export const reset = (
  { decision, isShared, poolSize, rejections }: State,
  { latency, sequence }: Sample,
  now: number
): State => ({
  ...begin(poolSize, now, decision.epoch, isShared).state,
  rejections,
  opened: { at: now - latency, accepted: sequence - 1 - rejections },
  lastRejected: sequence - 1
})

/**
 * Writes down what the next decision will say and hold; the numbers follow from the state.
 *
 * @since 0.2.0
 * @category learning
 */
export const explain = (draft: Draft, reason: string, holdUntil = draft.decision.holdUntil): void => {
  draft.decision = { ...draft.decision, reason, holdUntil: Math.ceil(holdUntil) }
}

/**
 * Starts a second under the limits.
 *
 * @since 0.2.0
 * @category values
 */
export const rateOf = ({ latency }: State, { pace, window }: Limits): number =>
  pace !== undefined ? Pace.rate(pace) : latency > 0 ? (1000 * window.level) / latency : 1

/**
 * The round in which the limits are tested; see `Round`.
 *
 * @since 0.2.0
 * @category values
 */
export const roundOf = (state: State): Round.Round => {
  const { hint, isShared, limits, meanLatency, refills, rejectionLatency } = state
  const { pace, window } = limits
  // A cap holds the pool until its rejection is known; a bucket may make a hold good.
  const cost = pace === undefined ? Math.max(hint, rejectionLatency) : refills ? 0 : hint
  if (!isShared) return Round.alone(rateOf(state, limits), roundCount * 2 ** window.patience, cost / price)
  // Who is alone at a limit that stays where it is need not test it often.
  const count = (pace === undefined ? capCount : roundCount) * (window.patience < 2 ? 1 : 2 ** window.patience)
  return Round.make(meanLatency || second, rateOf(state, limits), count, cost / price)
}

/**
 * The instant of a step on the permits.
 *
 * @since 0.2.0
 * @category values
 */
export const instantOf = (state: State, now: number): Permits.Instant => {
  const round = roundOf(state)
  const { isShared, rejectionLatency } = state
  return isShared
    ? { now, round, every: Permits.everyOf(round, rejectionLatency), spread: 1 }
    : { now, round, every: Permits.everyAlone(state.latency, rejectionLatency), spread: 0 }
}

/**
 * A number between 0 and 1 that is another for each client.
 *
 * @since 0.2.0
 * @category values
 */
export const ditherOf = ({ successes }: State): number => (successes * golden) % 1

/**
 * A mean in which the latest value counts a tenth, or another weight; 0 before the first.
 *
 * @since 0.2.0
 * @category values
 */
export const smooth = (last: number, value: number, weight = tenth): number =>
  last === 0 ? value : last + (value - last) * weight
