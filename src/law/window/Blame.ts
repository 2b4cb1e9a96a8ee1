/**
 * Which limit a rejection has hit: attempts in flight, or starts a second. It is measured, and the pool goes back to it.
 *
 * @since 0.2.0
 */
import type { Sample, Starts } from "../ControlLaw.js"
import type * as Bucket from "./Bucket.js"
import * as Cap from "./Cap.js"
import * as Fitted from "./Fitted.js"
import * as Level from "./Level.js"
import type * as Pace from "./Pace.js"
import * as Permits from "./Permits.js"
import * as Rate from "./Rate.js"
import * as Round from "./Round.js"
import * as Share from "./Share.js"
import { explain, instantOf, rateOf, roundOf, type Draft } from "./State.js"
import { cut, few, lots, settled, several, spare, step } from "./Numbers.js"

/**
 * Evidence against a cap that is shared: each rejection below it at a time when nobody tests. A test that is rejected, as it
 * should, takes some away; with so much there is none.
 */
const usual = 1 / several
const enough = lots * usual

/** Before this progress of a level its last rejection is still felt. */
const felt = 1 - cut
/** A pace that falls in small steps to such a part, or with others to such, does so in vain. */
const fallen = 1 / few
const fallenTogether = fallen / 2

/**
 * A rejected attempt, as the law is told of it.
 *
 * @since 0.2.0
 * @category models
 */
export type Rejection = Sample & { readonly _tag: "capacity" }

/**
 * Finds out which limit a rejection has hit, and sets it to what was measured.
 *
 * @since 0.2.0
 * @category learning
 */
export const blame = (
  draft: Draft,
  sample: Rejection,
  mark: Rate.Mark,
  now: number,
  fitted: Fitted.Fitted | undefined,
  starts: Starts | undefined
): void => {
  const { bound, startedWith, status } = sample
  const { limits, widest } = draft
  const { pace, slowStart, window } = limits
  const inFlight = startedWith - 1
  draft.inFlight = [...draft.inFlight, inFlight].slice(-several)
  const isConstant = draft.inFlight.length === several && draft.inFlight.every((count) => count === inFlight)
  const isWidest = (pace === undefined || bound === "window") && inFlight >= widest

  const setWindow = (top: number, reason: string, nextPace = pace): void => {
    const next = Permits.measured(window, top, instantOf(draft, now), slowStart)
    draft.limits = { window: next, pace: nextPace, slowStart: false }
    draft.widest = top
    if (draft.block === undefined) explain(draft, `${reason} (status ${status})`)
  }
  draft.status = status
  if (starts !== undefined && isOwnCap(draft, sample, starts, fitted?.bucket)) {
    if (inFlight >= Math.round(window.top)) return setWindow(inFlight, `${inFlight} in flight were too many`)
    const next = Permits.fallen(window, inFlight, instantOf(draft, now), draft.latency)
    draft.limits = { ...limits, window: next }
    draft.widest = next.top
    if (draft.block === undefined) explain(draft, `${inFlight} in flight are too many by now (status ${status})`)
  } else if (fitted?.isLikelier === true) setPace(draft, inFlight, mark, now, status, fitted.bucket)
  else if (inFlight >= 1 && (isConstant || isWidest)) {
    // A cap shows in what is constant at rejections: the number in flight.
    const looser = isConstant && pace !== undefined ? looserThan(pace, inFlight, draft.latency) : pace
    draft.doubt = Math.max(0, draft.doubt - usual)
    setWindow(inFlight, `${inFlight} in flight were too many`, looser)
  } else if (
    (draft.isShared || starts === undefined) &&
    pace === undefined &&
    !slowStart &&
    inFlight >= 1 &&
    isStillCap(draft, sample, mark)
  ) {
    setWindow(inFlight, `${inFlight} in flight were too many: others share the API`)
  } else if (pace === undefined && draft.successes === 0) {
    setWindow(Math.max(1, inFlight), `${inFlight} in flight were too many`)
    draft.widest = 0
  } else {
    setPace(draft, inFlight, mark, now, status, fitted?.bucket)
  }
}

/** A pace gives way to a cap, until it allows over twice as much as that does. */
const looserThan = (pace: Pace.Pace, permits: number, latency: number): Pace.Pace => {
  const top = spare * pace.top
  return top * latency > 2 * 1000 * permits ? pace : Level.known(top)
}

/** Whether it is a cap, which may wander, and nobody else has any of its places: a bucket that fits explains less. */
const isOwnCap = (
  { isShared, limits, rejectionLatency }: Draft,
  { retryAfter, sequence, startedWith }: Rejection,
  starts: Starts,
  bucket: Bucket.Bucket | undefined
): boolean => {
  if (isShared || limits.pace !== undefined || limits.slowStart || startedWith === 1) return false
  if (bucket !== undefined && (retryAfter !== undefined || bucket.unit !== undefined)) return false
  // A hint speaks for a bucket.
  const row = retryAfter === undefined ? (bucket?.closings ?? 0) : several
  return Cap.wandering(starts, sequence, rejectionLatency) >= row
}

/** Below a cap a rejection says that somebody else has taken a place, or that there is no cap: weighs the evidence. */
const isStillCap = (draft: Draft, { retryAfter }: Rejection, mark: Rate.Mark): boolean => {
  const { window } = draft.limits
  // A hint speaks for a bucket.
  if (draft.doubt >= enough || retryAfter !== undefined) return false
  if (draft.doubt === 0) draft.undoubted = window.top
  const weight = Permits.isTested(window, mark.at) ? -usual : Round.isBusy(roundOf(draft), mark.at) ? 0 : 1
  draft.doubt = Math.max(0, draft.doubt + weight)
  return true
}

const setPace = (
  draft: Draft,
  inFlight: number,
  mark: Rate.Mark,
  now: number,
  status: number,
  bucket: Bucket.Bucket | undefined
): void => {
  const { doubt, limits } = draft
  const { pace, slowStart, window } = limits
  const vain = Rate.fellFrom(draft.marks, mark, pace?.shared === true ? fallenTogether : fallen)
  const next = vain === undefined ? slower(draft, mark, now, bucket) : Level.known(vain)
  // From there it is measured anew.
  if (vain !== undefined) draft.marks = []
  const isDoubted = pace === undefined && doubt > 0
  draft.doubt = 0
  const needed = bucket === undefined ? 0 : Fitted.permitsFor(draft, bucket.high)
  draft.limits = {
    pace: next,
    slowStart: false,
    window:
      needed > window.level
        ? Permits.initial(needed)
        : slowStart
          ? Permits.measured(window, Math.max(1, inFlight), instantOf(draft, now), true)
          : isDoubted
            ? { ...window, top: draft.undoubted, level: draft.undoubted }
            : window
  }
  if (draft.block === undefined) {
    const sharing = next.shared ? ": others share the API" : ""
    explain(draft, `${show(next.top)} starts a second were too many (status ${status})${sharing}`)
  }
}

const isClose = (a: number, b: number, accepted: number): boolean => Math.abs(a / b - 1) <= step + 1 / accepted

/** The pace after a rejection: shared with others who have shown, or as it was measured. */
const slower = (draft: Draft, mark: Rate.Mark, now: number, bucket: Bucket.Bucket | undefined): Pace.Pace => {
  const { limits, marks } = draft
  if (limits.pace?.shared !== true) {
    const exact = Fitted.paceOf(limits.pace, bucket, draft.hint > 0)
    if (bucket !== undefined) draft.unit = bucket.unit
    if (bucket !== undefined) draft.refills = bucket.depth >= (bucket.high * draft.hint) / 1000
    if (exact !== undefined) return exact
  }
  const measured = Rate.measure(marks, mark)
  const share = draft.isShared ? shared(draft, measured, now) : undefined
  if (share !== undefined) return share
  const current = rateOf(draft, limits)
  const pace = limits.pace?.shared === true ? Level.measured(limits.pace.top) : limits.pace
  const deep = pace !== undefined && (pace.doubt === undefined ? pace.deep : measured.high <= (1 + step) * pace.doubt)
  const from = pace === undefined ? 0 : pace.top * (1 - pace.dip)
  // Far over the measured rate without a rejection: either a deep bucket, or tokens were lost while the pace was low.
  const isDoubtful = current > settled * measured.high && (!deep || from < cut * measured.high)
  const high = isDoubtful ? current : Math.min(current, measured.high)
  const low = Math.min(high, Math.max(measured.low, current / few))
  const top = marks.length === 0 ? cut * current : low ** usual * high ** (1 - usual)
  const isSame = pace !== undefined && isClose(top, pace.top, measured.accepted + 1)
  const patience = pace === undefined ? 0 : isSame ? pace.patience + 1 : Math.max(0, pace.patience - 2)
  return {
    ...Level.measured(top, patience, Math.min(0.5, Math.max(step, 1 - low / top))),
    deep,
    doubt: isDoubtful && measured.high < Infinity ? measured.high : undefined
  }
}

const shared = (draft: Draft, { high }: Rate.Bounds, now: number): Share.Share | undefined => {
  const { pace } = draft.limits
  if (pace === undefined) return undefined
  const round = roundOf(draft)
  if (pace.shared) return Share.rejected(pace, now, round)
  const current = Level.rate(pace)
  // Below a level that had been fine a rejection is somebody else's, once the last one is no longer felt.
  return pace.doubt === undefined && pace.progress < 1 && pace.progress > felt && pace.patience > 0
    ? Share.make(Math.min(current, Math.max(high, current / 2)), now, round)
    : undefined
}

const show = (rate: number): string =>
  rate >= 100 ? rate.toFixed(0) : rate >= 1 ? rate.toFixed(1) : rate.toPrecision(2)
