/**
 * While nothing passes: when to look again, and what it means when something passes.
 *
 * @since 0.2.0
 */
import * as AimdDelay from "../AimdDelay.js"
import * as Level from "./Level.js"
import * as Pace from "./Pace.js"
import * as Period from "./Period.js"
import * as Permits from "./Permits.js"
import * as Round from "./Round.js"
import { explain, firstPermits, rateOf, roundOf, type Block, type Draft, type Limits } from "./State.js"
import { few, lots, minute, moment, settled, several, slack, spare, step, tenth } from "./Numbers.js"

/**
 * A hold of fewer requests' time is the API's ordinary pause; in one of more, a period has ended or an outage begun.
 *
 * @since 0.2.0
 * @category constants
 */
export const long = lots
/** A period is worth learning if the API is closed for this share of it. */
const closedShare = tenth
/** While nothing passes, a start goes alone after this time and a share of the time since; milliseconds. */
const probeBase = settled * moment
const probeShare = step
const probeShareMost = few * step
/** The first comes after the time of so many calls. */
const probeCount = several
/** Rejected probes per request served before. */
const probeBudget = slack

/**
 * What is known when the API closes.
 *
 * @since 0.2.0
 * @category models
 */
export interface Closing {
  readonly since: number
  readonly accepted: number
  readonly before: Limits
  readonly at: number
  readonly told?: boolean
  readonly suspect?: boolean
}

/**
 * Accepted a second since the API opened, or what the limits allow, whichever is less.
 *
 * @since 0.2.0
 * @category values
 */
export const acceptedRate = (draft: Draft, accepted: number, at: number): number => {
  const { limits, opened } = draft
  const measured = opened !== undefined && at > opened.at ? (1000 * (accepted - opened.accepted)) / (at - opened.at) : 0
  return Math.min(rateOf(draft, limits), measured)
}

/**
 * A block that begins.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (draft: Draft, { accepted, at, before, since, suspect = false, told = false }: Closing): Block => ({
  since,
  accepted,
  before,
  rate: acceptedRate(draft, accepted, at),
  // A probe in vain is paid for by what has gone through: who has much of it may look more often.
  share: Math.min(probeShareMost, Math.max(probeShare, 1 / (probeBudget * draft.successes))),
  told,
  suspect,
  lastProbe: at,
  delay: 0,
  probes: 0
})

/**
 * Holds the pool until the next probe: for as long as the AIMD delay law backs off, and a share of the time that
 * nothing has passed.
 *
 * @since 0.2.0
 * @category learning
 */
export const probeAgain = (draft: Draft, block: Block, now: number, retryAfter: number | undefined): void => {
  const { opened, period, rejectionLatency } = draft
  const { probes, rate, share, since, suspect } = block
  const recoveryStep = (1000 * probeCount) / Math.max(rate, 0.001)
  const delay = AimdDelay.backOff({ minDelay: 0, maxDelay: probeBase, multiplier: 2, recoveryStep }, block.delay)
  let next = now + Math.max(2 * rejectionLatency, delay + share * (now - since))
  // Who was hardly served has all reason to think that others are: when they let places go, some may be free.
  if (draft.successes < firstPermits) next = Round.roundest((now + next) / 2, now + spare * (next - now)) ?? next
  if (period !== undefined && opened !== undefined && suspect && probes >= 2) {
    // It is no short pause, so it is the period that was thought: it opens between these two.
    const soonest = opened.at + Math.sqrt(Math.max(period.short, period.safe / 2) * period.safe)
    const latest = opened.at + period.safe
    next = now < soonest ? soonest : now < latest ? latest : next
  }
  draft.block = { ...block, delay }
  explain(draft, "nothing passes", retryAfter === undefined ? next : Math.max(next, now + retryAfter))
}

/** Who was closed out for `long` times as long as little had been let through, two minutes at most, was punished. */
const isLockOut = ({ opened, period }: Draft, { accepted, since, told }: Block, closed: number): boolean => {
  // An API that has let others through after a short while has a period that is used up.
  if (told || period !== undefined || opened === undefined || closed > 2 * minute) return false
  const through = accepted - opened.accepted
  return through >= 2 && through < 2 * long && closed > long * Math.max(1000, since - opened.at)
}

/** A pace well below what was punished, and tests as rare as the punishment is long. */
const lockedOut = (draft: Draft, { accepted, before, since }: Block, closed: number): void => {
  const { at, accepted: first } = draft.opened ?? { at: since, accepted }
  const rate = (1000 * (accepted - first)) / Math.max(1000, since - at)
  draft.hint = closed
  draft.refills = false
  draft.limits = { ...before, pace: Level.known(rate / 2), slowStart: false }
  draft.marks = []
  draft.opened = { at: since + closed, accepted }
  explain(draft, "one too many closes the API for a while: well below what was too fast", 0)
}

/**
 * Something passes again.
 *
 * @since 0.2.0
 * @category learning
 */
export const reopen = (draft: Draft, block: Block, startedAt: number): void => {
  const { holdUntil } = draft.decision
  const closed = startedAt - block.since
  draft.block = undefined
  draft.before = undefined
  draft.held += Math.max(0, closed)
  if (isLockOut(draft, block, closed)) return lockedOut(draft, block, closed)
  if (block.told || (closed * block.rate) / 1000 >= long) {
    const { pace, slowStart, window } = block.before
    draft.clear = draft.lastRejected + 1
    // Tested no further than it had been proven, and not at once.
    const from = slowStart ? Infinity : startedAt + roundOf(draft).length
    draft.limits = {
      window: Permits.kept(window, Math.min(window.level, window.top), from),
      pace: pace && Pace.proven(pace),
      slowStart
    }
    draft.marks = []
    if (!block.told) {
      const openedAt = Math.max(block.since, Math.min(startedAt, holdUntil))
      learnPeriod(draft, block.accepted, block.since, block.lastProbe, openedAt)
    }
  }
  explain(draft, "the API lets requests through again", 0)
}

/**
 * The API closed, after so many requests, and was still closed at `lastClosed`, and open at `openedAt`.
 *
 * @since 0.2.0
 * @category learning
 */
export const learnPeriod = (
  draft: Draft,
  accepted: number,
  closedAt: number,
  lastClosed: number,
  openedAt: number
): void => {
  const { opened } = draft
  if (opened !== undefined) {
    const limit = accepted - opened.accepted
    const safe = openedAt - opened.at
    if (limit < 2 * long || openedAt - closedAt < closedShare * safe) return
    const seen = { limit, safe, short: Math.max(0, lastClosed - opened.at), openedAt }
    draft.period = Period.learn(draft.period, seen)
  }
  draft.opened = { at: openedAt, accepted }
}
