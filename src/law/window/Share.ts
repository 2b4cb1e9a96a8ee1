/**
 * A pace that others share: starts a second, cut at a rejection and raised again from the beginning of the next round on, by
 * the same amount for all clients, as in Chiu and Jain's additive increase and multiplicative decrease.
 *
 * @since 0.2.0
 */
import * as Round from "./Round.js"
import { cut, many, several } from "./Numbers.js"

/**
 * A shared pace; instants in epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Share {
  readonly shared: true
  /** Starts a second after the last rejection. */
  readonly top: number
  /** Starts a second now. */
  readonly rate: number
  /** From then on the rate grows, until a rejection; Infinity after one. */
  readonly from: number
  /** When the round ends. */
  readonly ends: number
  /** Rounds without a rejection. */
  readonly quiet: number
  /** Rounds in a row with one rejection only. */
  readonly streak: number
}

/** Starts a second that are added in a unit, times the unit in seconds: a start in flight more in some sixteenth of it. */
const climb = many
/** No rate grows faster than by so many times itself in a round; and at so many times that of the last rejection there is enough. */
const plenty = several
/** So many rounds with one rejection only, and there is nobody else. */
const lone = several

/**
 * A pace at which others were met.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (rate: number, now: number, round: Round.Round, streak = 0): Share => ({
  shared: true,
  top: rate,
  rate,
  from: Infinity,
  ends: Round.endOf(round, now),
  quiet: 0,
  streak
})

/**
 * A rejection; undefined where it seems that nobody shares the pace any more.
 *
 * @since 0.2.0
 * @category learning
 */
export const rejected = ({ from, rate, streak }: Share, now: number, round: Round.Round): Share | undefined => {
  const next = from === Infinity ? 0 : streak + 1
  return next < lone ? make(cut * rate, now, round, next) : undefined
}

/**
 * Time goes by; `elapsed` milliseconds since the last time, in which the pace was what held starts back if `isUsed`.
 *
 * @since 0.2.0
 * @category combinators
 */
export const advance = (share: Share, now: number, elapsed: number, isUsed: boolean, round: Round.Round): Share => {
  const { ends, from, quiet, rate } = share
  if (now >= ends) {
    const begun = Math.floor(now / round.length) * round.length
    const next = { ...share, ends: begun + round.length }
    return from < Infinity ? { ...next, quiet: quiet + 1 } : { ...next, from: Round.climbsAt(round, begun) }
  }
  if (now < from || !isUsed) return share
  const [unit, length] = [round.unit / 1000, round.length / 1000]
  const growth = 2 ** quiet * Math.min(climb / unit ** 2, (plenty * rate) / length)
  return { ...share, rate: rate + (growth * Math.min(elapsed, now - from)) / 1000 }
}

/**
 * Whether there is enough for all.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isPlenty = ({ rate, top }: Share): boolean => rate > plenty * top
