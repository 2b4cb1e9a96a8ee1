/**
 * The pace of a bucket that every start fits: where one does, nothing has to be averaged.
 *
 * @since 0.2.0
 */
import type { Sample, Starts } from "../ControlLaw.js"
import * as Bucket from "./Bucket.js"
import * as Cap from "./Cap.js"
import * as Level from "./Level.js"
import * as Log from "./Log.js"
import type { Draft } from "./State.js"
import { certain, few, hundredth, lots, remembered, spare, step } from "./Numbers.js"

/**
 * What fits: a bucket, if there is one, the latest starts that a cap fits, and which of the two explains more.
 *
 * @since 0.2.0
 * @category models
 */
export interface Fitted {
  readonly bucket: Bucket.Bucket | undefined
  readonly cap: { readonly closings: number; readonly starts: number }
  readonly isLikelier: boolean
}

/** A bucket must have rejected more often than this; with a hint, which counts starts far more often than places, twice will do. */
const closings = { hinted: 1, silent: few }
/**
 * A limit must explain when chance would have rejected as many, and what chance would have rejected besides. Starts that weigh
 * differently fit nothing by accident.
 */
const enough = { fit: certain, weighed: certain / 2, chance: certain / few }
/** A rate is known well where its bounds are closer than this, as a share. */
const exactly = 1 - 1 / lots

/**
 * What fits the starts up to a rejection. Where others use the API too, nothing can.
 *
 * @since 0.2.0
 * @category measuring
 */
export const at = (
  { clear, isShared, rejectionLatency }: Draft,
  { retryAfter, sequence }: Sample & { readonly _tag: "capacity" },
  starts: Starts | undefined
): Fitted | undefined => {
  if (starts === undefined || isShared) return undefined
  const more = retryAfter === undefined ? closings.silent : closings.hinted
  const alike = Bucket.fitting(starts, clear, sequence, more)
  const tokens = Log.tokensOf(starts, remembered)
  const weighed = tokens && Bucket.fitting(starts, clear, sequence, closings.hinted, tokens.mean)
  const cap = Cap.fitting(starts, clear, sequence, rejectionLatency)
  if (weighed !== undefined && weighed.starts > Math.max(cap.starts, alike?.starts ?? 0)) {
    return { bucket: weighed, cap, isLikelier: true }
  }
  return { bucket: alike, cap, isLikelier: alike !== undefined && alike.closings > cap.closings }
}

/**
 * Whether what fits best cannot be chance: it would have rejected as many of the same starts at any other time, and some more
 * of them where it is known to reject such a share of all calls.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isCertain = ({ bucket, cap, isLikelier }: Fitted, chance: number | undefined): boolean => {
  const { closings, starts } = isLikelier && bucket !== undefined ? bucket : cap
  const least = isLikelier && bucket?.unit !== undefined ? enough.weighed : enough.fit
  const isTight = !isLikelier || bucket === undefined || bucket.low > exactly * bucket.high
  return isTight && entropy(closings, starts) > least && (chance === undefined || starts * chance > enough.chance)
}

/** How unlikely it is that chance takes these of so many, in nats. */
const entropy = (taken: number, all: number): number =>
  taken === 0 || taken >= all ? 0 : taken * Math.log(all / taken) + (all - taken) * Math.log(all / (all - taken))

/**
 * The pace of the bucket that fits. Where the latest starts fit none, a pace that had been exact stays: its test has failed.
 *
 * @since 0.2.0
 * @category measuring
 */
export const paceOf = (
  pace: Level.Level | undefined,
  bucket: Bucket.Bucket | undefined,
  isHinted: boolean
): Level.Level | undefined => {
  // A rejection that holds the pool is dear: the pace stays so far below the rate, a dip is as small, and tests as rare as they get.
  const [below, least] = isHinted ? [hundredth, Level.maxPatience] : [0, 0]
  const dip = isHinted ? below : step
  if (bucket === undefined) {
    if (pace?.exact !== true || pace.progress <= 1 || !isHinted) return undefined
    const rate = Level.rate(pace)
    // Far above it nothing was rejected: it was not the limit.
    return rate > (1 + step) * pace.top
      ? Level.measured((1 - below) * rate)
      : { ...Level.measured(pace.top, pace.patience + 1, dip), exact: true }
  }
  const { high, low } = bucket
  const top = (1 - below) * high
  const exact = low > exactly * high
  const isSame = pace !== undefined && Math.abs(top / pace.top - 1) <= step
  const patience = Math.max(exact ? least : 0, pace === undefined ? 0 : pace.patience + (isSame ? 1 : -2))
  return { ...Level.measured(top, patience, exact ? dip : Math.min(0.5, 1 - low / top)), exact }
}

/**
 * As many permits as a rate needs; 0 where no rate is known.
 *
 * @since 0.2.0
 * @category values
 */
export const permitsFor = ({ latency, poolSize }: Draft, perSecond: number): number =>
  Math.min(poolSize, Math.ceil((spare * perSecond * latency) / 1000))
