/**
 * Which members of a group should serve whom, by what each of them knows.
 *
 * @since 0.2.0
 */
import * as Route from "../route/Route.js"
import * as Alarm from "../structure/Alarm.js"
import * as TimerQueue from "../structure/TimerQueue.js"
import type { GroupMember } from "./GroupMember.js"

/**
 * Rows that wait together.
 *
 * @since 0.2.0
 * @category models
 */
export interface Rows {
  /** Where they go, unless that takes too long; undefined for anywhere. */
  readonly home: GroupMember | undefined
  /** How many wait, at least. */
  readonly rows: () => number
}

/**
 * What is chosen by.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly members: ReadonlyArray<GroupMember>
  readonly timers: TimerQueue.TimerQueue
  /** How much longer a row would rather wait for its home, in milliseconds. */
  readonly stickiness: number
  /** Rows that have come so far. */
  readonly submitted: () => number
  /** Another member may serve rows now, for they have waited long enough for a better one. */
  readonly onLate: () => void
}

/**
 * How members are chosen.
 *
 * @since 0.2.0
 * @category models
 */
export interface GroupChoice {
  /** A row has started, or nobody waits: nobody has waited for a better member yet. */
  readonly settled: () => void
  /** Whether it cannot start anybody right now. */
  readonly isBusy: (member: GroupMember) => boolean
  /** Whether it should start one of those rows now; calls `onLate` when it should later. */
  readonly mayServe: (member: GroupMember, rows: Rows, now: number) => boolean
  /** Those first that serve a row soonest. */
  readonly order: (some: ReadonlyArray<GroupMember>) => ReadonlyArray<GroupMember>
}

/**
 * Makes what chooses among members.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ members, onLate, stickiness, submitted, timers }: Options): GroupChoice => {
  let rate: Route.Rate = { at: 0, value: 0 }
  let seen = 0
  /** Nobody waits longer than this for a better member: what was expected did not come. */
  let patientUntil: number | undefined
  const alarm = Alarm.make(timers, onLate)

  const guess = (): number => {
    const known = members.flatMap(({ worksFor }) => (worksFor === undefined ? [] : [worksFor]))
    return known.length === 0 ? 0 : Math.min(...known)
  }

  const arrivals = (now: number): number => {
    rate = Route.arrived(rate, submitted() > seen, now)
    seen = submitted()
    return rate.value
  }

  const settled = (): void => {
    patientUntil = undefined
    alarm.clear()
  }

  /** Whether rows are better off with it, which may start one now, than waiting for another. */
  const isWorth = (member: GroupMember, rows: number, now: number): boolean => {
    if (member.isSilent || (patientUntil !== undefined && TimerQueue.isDue(patientUntil, now))) return true
    const often = guess()
    // The permit that it has in hand counts as taken.
    const here = { ...member.view(now, often), opensAt: now }
    const others = members
      .filter((other) => other !== member && !other.isGone && !other.isSilent)
      .map((other) => other.view(now, often))
    if (Route.isWorth(here, others, rows, arrivals(now))) return true
    patientUntil ??= now + Route.gain(here, others)
    alarm.ringBy(patientUntil)
    return false
  }

  /** Whether the rows of a line would wait too long for their home. */
  const isLate = ({ home, rows }: Rows, now: number): boolean => {
    if (home === undefined || home.isGone || home.isSilent) return true
    const { every, opensAt } = home.view(now, guess())
    return opensAt + every * rows() - now > stickiness
  }

  return {
    settled,
    isBusy: (member) => {
      const now = timers.now()
      return TimerQueue.isDue(member.restsUntil, now) && member.view(now, 0).opensAt > now
    },
    mayServe: (member, line, now) => {
      if (!TimerQueue.isDue(member.restsUntil, now)) {
        alarm.ringBy(member.restsUntil)
        return false
      }
      if (line.home === member) return true
      if (!isLate(line, now)) {
        // Their home may be late by then, though nothing happens till then.
        if (stickiness < Infinity) alarm.ringBy(now + stickiness + 1)
        return false
      }
      return isWorth(member, line.rows(), now)
    },
    order: (some) => {
      const now = timers.now()
      const often = guess()
      return some
        .map((member) => ({ member, score: Route.score(member.view(now, often)) }))
        .sort((a, b) => a.score - b.score)
        .map(({ member }) => member)
    }
  }
}
