/**
 * What the window law learns from a rejection: whether it is old news, the end of a period, or the beginning of a silence;
 * whatever else it is, {@link blame} finds out.
 *
 * @since 0.2.0
 */
import { blame, type Rejection } from "./Blame.js"
import { acceptedRate, learnPeriod, long, make, probeAgain, reopen } from "./Closing.js"
import type { Starts } from "../ControlLaw.js"
import * as Cap from "./Cap.js"
import * as Fitted from "./Fitted.js"
import * as Kind from "./Kind.js"
import * as Log from "./Log.js"
import * as Noise from "./Noise.js"
import * as Period from "./Period.js"
import * as Permits from "./Permits.js"
import * as Rate from "./Rate.js"
import * as Span from "./Span.js"
import * as Round from "./Round.js"
import { calm, firstRejection, explain, roundOf, smooth, type Draft } from "./State.js"
import { few, remembered, second, several, step, tenth } from "./Numbers.js"

/** No API has a shorter period, in milliseconds: it is a bucket's pause. */
const leastPeriod = second
/** While clients test what is free, so many rejections with nothing accepted between them are no silence yet. */
const patience = few

/**
 * Learns from a rejection.
 *
 * @since 0.2.0
 * @category learning
 */
export const reject = (
  draft: Draft,
  sample: Rejection,
  startedAt: number,
  now: number,
  starts: Starts | undefined
): void => {
  const { epoch, latency, retryAfter, sequence, startedWith } = sample
  // All that were started before this one and have not been rejected were accepted: a rejection is the quicker answer.
  const accepted = sequence - 1 - draft.rejections
  draft.rejections += 1
  draft.rejectionLatency = Math.max(tenth * firstRejection, draft.rejectionLatency * (1 - tenth), latency)
  draft.lastRejected = Math.max(draft.lastRejected, sequence)
  if (retryAfter !== undefined) {
    // A longer one is no price of a test: it is the end of a period.
    draft.hint = smooth(draft.hint, Math.min(retryAfter, 2 * leastPeriod))
  }
  if (epoch < draft.decision.epoch) return
  const learned = starts === undefined ? { fitted: undefined } : sift(draft, sample, accepted, startedAt, now, starts)
  if (learned === undefined) return
  draft.decision = { ...draft.decision, epoch: draft.decision.epoch + 1 }
  const isReopened = draft.block !== undefined
  if (draft.block !== undefined) {
    if (accepted <= draft.block.accepted) {
      probeAgain(draft, { ...draft.block, lastProbe: startedAt, probes: draft.block.probes + 1 }, now, retryAfter)
      return
    }
    reopen(draft, draft.block, startedAt)
  }
  if (isPeriods(draft, sample, accepted, startedAt, now, starts)) return

  const last = draft.marks[draft.marks.length - 1]
  const mark = { at: startedAt, accepted, held: draft.held }
  draft.blocked = last !== undefined && accepted <= last.accepted && startedAt > last.at ? draft.blocked + 1 : 0
  // On a cap the place that has just come free may be somebody else's by now.
  const isTaken = draft.limits.pace === undefined && startedWith > 1 && Round.isBusy(roundOf(draft), startedAt)
  if (last !== undefined && draft.blocked >= (isTaken ? patience : 1)) {
    const before = draft.before ?? draft.limits
    probeAgain(draft, make(draft, { since: last.at, accepted, before, at: startedAt }), now, retryAfter)
  } else {
    draft.before = draft.limits
  }
  blame(draft, sample, mark, now, isReopened ? Fitted.at(draft, sample, starts) : learned.fitted, starts)
  draft.marks = Rate.remember(draft.marks, mark)
  if (draft.block !== undefined) return
  // Without a pace nothing else keeps the rejected row from being sent again at once.
  if (draft.limits.pace === undefined) explain(draft, draft.decision.reason, now + draft.rejectionLatency)
  if (retryAfter === undefined) return
  if (startedAt < draft.catchUpUntil) draft.refills = false
  if (draft.refills) draft.catchUpUntil = now + few * retryAfter
  else draft.held += retryAfter
}

/**
 * Finds chance, other statuses than the limit's, and spans. What is left for the law to learn from comes back, with what fits
 * it; else nothing, and the rejection has been dealt with.
 */
const sift = (
  draft: Draft,
  sample: Rejection,
  accepted: number,
  startedAt: number,
  now: number,
  starts: Starts
): { readonly fitted: Fitted.Fitted | undefined } | undefined => {
  const { retryAfter, sequence, status } = sample
  const isOpen = draft.block === undefined
  const other = isOpen ? Kind.ofOthers(draft, sample, starts, now) : undefined
  // One in a row says nothing new; for two it is worth to look whether theirs is the status of the limit.
  if (other === "chance" && Log.rowOf(starts, sequence) === 1) return undefined
  const fitted = Fitted.at(draft, sample, starts)
  const isCertain = isOpen && fitted !== undefined && Fitted.isCertain(fitted, draft.noise?.chance)
  if (other === "chance") {
    if (!isCertain || isStillKind(draft, sample, starts)) return undefined
    draft.kind = { status, others: 0 }
  }
  if (other !== "closed" && isSpan(draft, sample, starts, fitted, accepted, now)) return undefined
  if (other !== "closed" && isCertain) {
    draft.kind ??= { status, others: 0 }
    draft.noise = undefined
    draft.calm = calm
    return { fitted }
  }
  const verdict = other ?? (isOpen ? Noise.rejected(draft, sample, startedAt, starts, now) : "limit")
  if (verdict === "closed") {
    draft.decision = { ...draft.decision, epoch: draft.decision.epoch + 1 }
    probeAgain(draft, make(draft, { since: startedAt, accepted, before: draft.limits, at: startedAt }), now, retryAfter)
  }
  return verdict === "closed" || verdict === "chance" ? undefined : { fitted }
}

/** Whether the latest starts fit a span as providers make them, and no period is known yet: then it is. */
const isSpan = (
  draft: Draft,
  sample: Rejection,
  starts: Starts,
  fitted: Fitted.Fitted | undefined,
  accepted: number,
  now: number
): boolean => {
  const { isShared, limits, period, rejectionLatency } = draft
  if (isShared || period?.proven === true) return false
  const span = Span.fitting(starts, sample.sequence)
  if (span === undefined) return false
  // A cap on calls that all take as long as a span looks like one, and so does a bucket that is used evenly.
  if (Cap.fitting(starts, starts.first, sample.sequence, rejectionLatency).closings > 1) return false
  const bucket = fitted?.bucket
  const rate = (1000 * span.limit) / span.start.mean / span.period
  if (bucket !== undefined && (bucket.starts > remembered || rate < (1 + 2 * step) * bucket.high)) return false
  const needed = Fitted.permitsFor(draft, rate)
  const level = Math.max(needed, limits.window.level)
  draft.limits = { window: Permits.initial(level), pace: undefined, slowStart: false }
  draft.period = Period.told(span.limit, span.period + tenth * draft.rejectionLatency, span.start)
  draft.opened = { at: now, accepted }
  draft.marks = []
  draft.noise = undefined
  draft.kind = { status: sample.status, others: 0 }
  draft.block = undefined
  draft.calm = calm
  draft.decision = { ...draft.decision, epoch: draft.decision.epoch + 1 }
  explain(
    draft,
    `${span.limit} ${span.start === Log.alike ? "starts" : "tokens"} in ${span.period / 1000} s are the limit`,
    span.areRejectedCounted ? now + span.period : 0
  )
  return true
}

/** Whether what was taken for the status of the limit still is. */
const isStillKind = (draft: Draft, sample: Rejection, starts: Starts): boolean => {
  const last = draft.kind && Log.lastWith(starts, draft.kind.status)
  const fitted = last === undefined ? undefined : Fitted.at(draft, { ...sample, sequence: last }, starts)
  return fitted !== undefined && Fitted.isCertain(fitted, undefined)
}

/** Whether a rejection is the work of a period, known or newly learned; sees to it, if so. */
const isPeriods = (
  draft: Draft,
  sample: Rejection,
  accepted: number,
  startedAt: number,
  now: number,
  starts: Starts | undefined
): boolean => {
  const { bound, retryAfter, sequence, startedWith } = sample
  const { limits, opened, period, widest } = draft
  const { pace, window } = limits
  const inFlight = startedWith - 1
  const isPaceTested = pace !== undefined && (pace.shared ? startedAt >= pace.from : pace.progress > 1)
  const isTest =
    (inFlight >= Math.round(window.top) && Permits.isTested(window, startedAt)) || (bound === "spacing" && isPaceTested)

  const isRaised = period?.isExact === true && period.limit > period.known
  const isBrief = retryAfter === undefined || (period !== undefined && retryAfter < period.length / 2)
  if (period?.proven === true && (isRaised || (!isTest && isBrief))) {
    const pause = Math.max(several * draft.rejectionLatency, period.length * step)
    draft.period = Period.failed(period, retryAfter, pause)
    draft.marks = []
    if (
      draft.period?.isExact === true &&
      starts !== undefined &&
      startedAt - Log.servedAt(starts, sequence) > period.length
    ) {
      // Whatever has closed the API, it is not this period, which was over before.
      draft.period = draft.period.stood ?? draft.period
      probeAgain(draft, make(draft, { since: startedAt, accepted, before: limits, at: startedAt }), now, retryAfter)
      return true
    }
    if (draft.period !== undefined) {
      explain(draft, "the period is longer than thought", retryAfter === undefined ? now + pause : undefined)
      return true
    }
  }
  const last = draft.marks[draft.marks.length - 1]
  const nothingPassed = last !== undefined && accepted <= last.accepted
  const before = (nothingPassed ? draft.before : undefined) ?? limits
  // A hint in whole seconds may be a second too long.
  const rounding = retryAfter !== undefined && retryAfter % 1000 === 0 ? 1000 : 0
  const closing = { since: startedAt, accepted, at: startedAt }
  const told = (retryAfter ?? 0) - rounding
  if (
    retryAfter !== undefined &&
    told >= leastPeriod &&
    (told * acceptedRate(draft, accepted, startedAt)) / 1000 >= long
  ) {
    const openedAt = now + retryAfter
    const block = make(draft, { ...closing, before, told: true })
    learnPeriod(draft, accepted, startedAt, openedAt - rounding, openedAt)
    draft.opened = { at: openedAt, accepted }
    draft.block = block
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
  probeAgain(draft, make(draft, { ...closing, before: limits, suspect: true }), now, undefined)
  return true
}
