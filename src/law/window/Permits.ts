/**
 * How many attempts may be in flight, below a limit that others may share.
 *
 * At a rejection the limit is measured: it is what was in flight. There the level stays for the rest of the round. At the
 * next it lets a part of its places go, then takes back one after the other, as all clients do at the same time, until it is
 * rejected: who has more lets more go, and all take back alike, so that they become equal. Alone it always comes back to the
 * same number, and lets go ever less.
 *
 * @since 0.2.0
 */
import * as Round from "./Round.js"
import { few, half, lots, many, settled, several, step } from "./Numbers.js"

/**
 * A level in permits; instants in epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Permits {
  /** In flight at the last rejection. */
  readonly top: number
  /** Allowed at `since`, and until then; not rounded. */
  readonly level: number
  readonly since: number
  /** From then on the level grows. */
  readonly from: number
  /** One permit in so many milliseconds. */
  readonly every: number
  /** When the round ends. */
  readonly ends: number
  /** How often in a row the same limit was measured. */
  readonly patience: number
  /** Dips since others were met; -1 before. */
  readonly age: number
}

/** What is let go at the beginning of a round; while others have just been met; and how long that is. */
const share = 1 / few
const early = half
const young = few
/** Permits that are taken back in a unit, at most. */
const climb = 2 * many
/** A level that grows by so many permits beyond what it was goes on, and ever faster. */
const plenty = few
const hasteLevel = lots
/** Without a step a level grows by so much at most, in permits and as a share. */
const blind = few
const blindShare = 1 / several
/** What is let go may take so much of the unit to come back. */
const climbTime = 1 / lots

/**
 * A level that nothing is known about.
 *
 * @since 0.2.0
 * @category constructors
 */
export const initial = (level: number): Permits => ({
  top: level,
  level,
  since: Infinity,
  from: Infinity,
  every: Infinity,
  ends: 0,
  patience: 0,
  age: -1
})

/**
 * The instant of a step, in epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Instant {
  readonly now: number
  readonly round: Round.Round
  /** One permit in so many milliseconds; see {@link everyOf}. */
  readonly every: number
  /** By so many permits two measurements of the same limit differ: others may come and go. */
  readonly spread: number
}

/**
 * How long a permit takes at least: no sooner than a rejection of the last would be known.
 *
 * @since 0.2.0
 * @category values
 */
export const leastEvery = (rejectionLatency: number): number => settled * rejectionLatency

/** Permits that a client that is alone takes in the time of an answer, at most: what a bucket holds is soon used up. */
const climbAlone = many

/**
 * How long a permit takes for a client that is alone; `latency` is an answer's.
 *
 * @since 0.2.0
 * @category values
 */
export const everyAlone = (latency: number, rejectionLatency: number): number =>
  Math.max(latency / climbAlone, leastEvery(rejectionLatency))

/**
 * How long a permit takes where others share the limit.
 *
 * @since 0.2.0
 * @category values
 */
export const everyOf = ({ unit }: Round.Round, rejectionLatency: number): number =>
  Math.max(unit / climb, leastEvery(rejectionLatency))

/**
 * So many in flight were too many, just now. `soon` does not wait for the next round to test the level.
 *
 * @since 0.2.0
 * @category learning
 */
export const measured = (
  last: Permits,
  top: number,
  { every, now, round, spread }: Instant,
  soon: boolean
): Permits => {
  const ends = Round.endOf(round, now)
  const isSame = !soon && top >= last.top && top <= last.top * (1 + step) + spread
  const isSmaller = !soon && top < last.top
  return {
    ...kept(last, top, soon ? now + round.unit * climbTime : Round.climbsAt(round, ends)),
    top,
    every,
    ends,
    patience: isSame ? Math.min(last.patience + 1, Round.maxPatience) : 0,
    age: isSmaller && (last.patience > 1 || last.age < 0) ? 0 : last.age
  }
}

/**
 * So many in flight are too many by now, though they had not been: the limit may go on to fall. It is tested again after a
 * round trip, in milliseconds.
 *
 * @since 0.2.0
 * @category learning
 */
export const fallen = (last: Permits, inFlight: number, { every, now, round }: Instant, trip: number): Permits => {
  const top = Math.max(1, inFlight - 1)
  return { ...kept(last, top, now + trip), top, every, ends: Round.endOf(round, now + trip), patience: 0 }
}

/**
 * The level kept where it is until an instant.
 *
 * @since 0.2.0
 * @category combinators
 */
export const kept = (permits: Permits, level: number, from: number): Permits => ({
  ...permits,
  level,
  since: from,
  from
})

/**
 * The level at an instant, if nothing is rejected until then.
 *
 * @since 0.2.0
 * @category values
 */
export const at = ({ every, level, since }: Permits, now: number): number =>
  now <= since ? level : level + (now - since) / every

/**
 * How far a level may grow without a step: while nothing ends nothing is known of it.
 *
 * @since 0.2.0
 * @category values
 */
export const mostOf = (level: number): number => level + Math.max(blind, level * blindShare)

/**
 * Whether the level is being tested.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isTested = ({ from }: Permits, now: number): boolean => now >= from

/**
 * When the next whole permit is reached.
 *
 * @since 0.2.0
 * @category values
 */
export const nextAt = ({ every, level, since }: Permits): number =>
  since + (Math.floor(level + 1e-9) + 1 - level) * every

/**
 * What an attempt that was served does to the level.
 *
 * @since 0.2.0
 * @category models
 */
export interface Served extends Instant {
  /** The most that can be of use. */
  readonly most: number
  /** The attempt had to wait for a permit. */
  readonly isUsed: boolean
  /** Something else than permits holds the pool back, or nobody else wants any: nothing is to be let go. */
  readonly isPaced: boolean
  /** Most in flight at a start that was served. */
  readonly widest: number
  /** Between 0 and 1: so that clients with the same level do not ask at the same instant. */
  readonly dither: number
}

/**
 * Time goes by: a new round begins, or the level grows.
 *
 * @since 0.2.0
 * @category combinators
 */
export const advance = (permits: Permits, served: Served): Permits => {
  const { every, isUsed, most, now } = served
  const level = isUsed ? Math.min(most, mostOf(permits.level), at(permits, now)) : permits.level
  if (now >= permits.ends) return begin(permits, level, served)
  if (now < permits.from) return permits
  // There is more than there was: who has many permits may try several before the first can be rejected.
  const haste = level > permits.top + plenty ? Math.max(1, level / hasteLevel) : 1
  return { ...permits, level, since: now, every: every / haste }
}

const begin = (permits: Permits, level: number, { dither, every, isPaced, now, round, widest }: Served): Permits => {
  const { age, ends, patience } = permits
  const begun = Math.floor(now / round.length) * round.length
  const next = { ...permits, ends: begun + round.length, every }
  // Nothing was rejected, and there is much more than there was: the level goes on to grow.
  if (isTested(permits, now) && Math.min(permits.level, widest) > permits.top + plenty)
    return { ...next, top: Math.min(level, widest), level, since: now }
  // Rounds have become longer: this one began some time ago.
  if (begun < ends) return kept(next, level, Round.climbsAt(round, next.ends))
  const top = Math.min(level, permits.top)
  const isYoung = age >= 0 && age < young
  const depth = isYoung ? early * top : Math.min(share * top, (round.unit * climbTime) / every) / 2 ** patience
  // Less than a permit is let go more rarely.
  const rounds = patience === 0 ? 1 : 2 ** Math.max(0, Math.ceil(-Math.log2(depth)))
  const isDip = !isPaced && (begun / round.length) % rounds === 0
  const low = Math.max(1, isDip ? top - depth * rounds + dither - 0.5 : top + dither)
  const climbsAt = Round.climbsAt(round, begun)
  // Who was idle has missed the time.
  const from = begun > ends ? Math.max(now, climbsAt) : climbsAt
  return { ...kept(next, low, from), top, age: isDip && age >= 0 ? age + 1 : age }
}
