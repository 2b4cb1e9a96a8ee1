/**
 * The progress of a batch or of a whole pool: what is done, what waits and why, how fast it goes, and how long it will
 * take.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Admission } from "./Admission.js"
import type { Usage } from "../answer/Usage.js"
import * as PoolStats from "../PoolStats.js"

/**
 * How long the rest takes at the recent rate, with bounds that are right in 19 of 20 cases; `Duration.infinity` if
 * nobody can say. It counts the rows that were read: before the end of the source, nobody knows how many are left.
 *
 * @since 0.2.0
 * @category models
 */
export interface Eta {
  readonly expected: Duration.Duration
  readonly low: Duration.Duration
  readonly high: Duration.Duration
}

/**
 * Why rows wait. `"pause"`: the pool is paused. `"hold"`: nothing may start before an instant. `"window"`: as many
 * attempts are in flight as are allowed. `"pace"`: starts are spaced. `"limit"`: a limit that the pool was told, or its
 * budget, has no room. `"reader"`: the reader has not taken the entries that are ready. `"rows"`: no row waits, because
 * all are in flight or the source has not given more.
 *
 * @since 0.2.0
 * @category models
 */
export type WaitsFor = "pause" | "hold" | "window" | "pace" | "limit" | "reader" | "rows"

/**
 * The state of a batch or a pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface Progress {
  /** Epoch milliseconds of the wall clock. */
  readonly at: number
  /** Rows that were read so far; of a pool, all rows and calls. */
  readonly rows: number
  /** Whether there may be more of them. */
  readonly mayGrow: boolean
  readonly done: number
  readonly failed: number
  readonly inFlight: number
  /** Rows that wait for their first start. */
  readonly fresh: number
  /** Rows that were rejected, and wait for their next start. */
  readonly retrying: number
  /** Rows that have their outcome, but nobody has taken their entry yet. */
  readonly finished: number
  readonly waitsFor: WaitsFor
  /** What the attempts of this run have used so far, as far as they reported it. */
  readonly usage: Usage
  /** What the rows from a journal used in earlier runs. */
  readonly recalledUsage: Usage
  /** What all rows will cost, if the others cost as much as the finished ones; absent if their cost is not known. */
  readonly projectedMoney?: number
  /** The recent rate in rows a second; undefined until it is known. */
  readonly rate: number | undefined
  /** Undefined until it is known. */
  readonly eta: Eta | undefined
}

/**
 * A progress without `rate` and `eta`, which need several snapshots.
 *
 * @since 0.2.0
 * @category models
 */
export type Snapshot = Omit<Progress, "rate" | "eta">

/**
 * What the rows of a tally will have cost, at what those cost that are done.
 *
 * @since 0.2.0
 * @category values
 */
export const projected = (tally: PoolStats.Tally): Pick<Progress, "projectedMoney"> => {
  const { money } = tally.usage
  const ended = PoolStats.ended(tally)
  return money === undefined || ended === 0 ? {} : { projectedMoney: (money / ended) * tally.rows }
}

/** So many of the latest samples count. */
const remembered = 31

/** Two standard errors to each side are 19 of 20 cases. */
const errors = 2

/**
 * The rate of outcomes between the first and the last of some snapshots, and how long the rest takes at that rate. The rate
 * may be wrong by two of its standard errors, which come from how unequal the steps between the snapshots were, and at least
 * from chance alone.
 *
 * @since 0.2.0
 * @category values
 */
export const estimate = (snapshots: ReadonlyArray<Snapshot>): Pick<Progress, "rate" | "eta"> => {
  const [first, last] = [snapshots[0], snapshots.at(-1)]
  if (first === undefined || last === undefined || last.at <= first.at) return { rate: undefined, eta: undefined }
  const ended = ({ done, failed }: Snapshot): number => done + failed
  const total = ended(last) - ended(first)
  const seconds = (last.at - first.at) / 1000
  const rate = total / seconds
  const left = last.rows - ended(last)
  if (left === 0) return { rate, eta: { expected: Duration.zero, low: Duration.zero, high: Duration.zero } }
  const steps = snapshots.slice(1).map((next, i) => {
    const before = snapshots[i] ?? first
    return ended(next) - ended(before) - (rate * (next.at - before.at)) / 1000
  })
  const squares = steps.reduce((sum, off) => sum + off * off, 0)
  const error = Math.sqrt(Math.max(squares, total)) / seconds
  const at = (perSecond: number): Duration.Duration =>
    perSecond > 0 ? Duration.millis((left / perSecond) * 1000) : Duration.infinity
  return { rate, eta: { expected: at(rate), low: at(rate + errors * error), high: at(rate - errors * error) } }
}

/**
 * A progress a second, the first at once and the last after the end; undefined snapshots are left out.
 *
 * @since 0.2.0
 * @category constructors
 */
export const stream = (take: () => Snapshot | undefined, isOver: () => boolean): Stream.Stream<Progress> =>
  Stream.suspend(() => {
    let history: ReadonlyArray<Snapshot> = []
    let isLast = false
    const next = Effect.sync((): Option.Option<Progress> => {
      // Asked before the snapshot: what ends between the two is in it.
      isLast = isOver()
      const snapshot = take()
      if (snapshot === undefined) return Option.none()
      history = [...history, snapshot].slice(-remembered)
      return Option.some({ ...snapshot, ...estimate(history) })
    })
    const later: Stream.Stream<Progress> = Stream.suspend(() =>
      isLast ? Stream.empty : Stream.concat(Stream.fromEffect(Effect.delay(next, "1 second")).pipe(some), later)
    )
    return Stream.concat(Stream.fromEffect(next).pipe(some), later)
  })

const some = Stream.filterMap((progress: Option.Option<Progress>) => progress)

/**
 * Where all of a pool stands.
 *
 * @since 0.2.0
 * @category values
 */
export const ofPool = (admission: Admission): Snapshot => {
  const { heldBackBy, inFlight, isShutdown, parked, tally, timers } = admission
  return {
    at: timers.wallNow(),
    rows: tally.rows,
    mayGrow: !isShutdown,
    done: tally.successes,
    failed: tally.failures,
    inFlight,
    fresh: PoolStats.pending(tally) - tally.inFlight - parked,
    retrying: parked,
    finished: 0,
    waitsFor: heldBackBy ?? "rows",
    ...projected(tally),
    usage: tally.usage,
    recalledUsage: tally.recalledUsage
  }
}

/**
 * Where a batch stands that has counted so much, and knows besides of its rows: those that wait, fresh or rejected, those
 * whose entries were read, whether there is room for no more, and whether others may come.
 *
 * @since 0.2.0
 * @category values
 */
export const ofBatch = (
  { heldBackBy, timers }: Admission,
  tally: PoolStats.Tally,
  known: Pick<Snapshot, "fresh" | "retrying" | "mayGrow"> & { readonly read: number; readonly isFull: boolean }
): Snapshot => {
  const { fresh, isFull, mayGrow, read, retrying } = known
  return {
    at: timers.wallNow(),
    rows: tally.rows,
    mayGrow,
    done: tally.successes,
    failed: tally.failures,
    inFlight: tally.inFlight,
    fresh,
    retrying,
    finished: PoolStats.ended(tally) - read,
    waitsFor: fresh + retrying > 0 && heldBackBy !== undefined ? heldBackBy : isFull ? "reader" : "rows",
    ...projected(tally),
    usage: tally.usage,
    recalledUsage: tally.recalledUsage
  }
}
