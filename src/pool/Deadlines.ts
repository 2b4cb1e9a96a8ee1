/**
 * Jobs that are refused where they would be late: when they come, while they wait, and when they would start.
 *
 * @since 0.2.0
 */
import { type Unit, units, type Weight } from "../limit/Cost.js"
import * as Limit from "../limit/Limit.js"
import * as Ramp from "../law/Ramp.js"
import { TooLateError } from "../PoolError.js"
import * as Route from "../route/Route.js"
import * as Alarm from "../structure/Alarm.js"
import * as Sorted from "../structure/Sorted.js"
import { isDue } from "../structure/TimerQueue.js"
import type { Admission } from "./Admission.js"
import type { Job } from "./Job.js"
import * as Outlook from "./Outlook.js"

/**
 * A job that is refused where it would be done after `dueAt`, which is its rank.
 *
 * @since 0.2.0
 * @category models
 */
export interface Due<out J extends Job> extends Sorted.Element {
  readonly job: J
  /** What an attempt of it takes. */
  readonly asked: Weight
  readonly dueAt: number
  /** Whether it waits for its first start, and was not elected. */
  readonly isQueued: boolean
  /** Whether its deadline is looked after. */
  isWatched: boolean
}

/**
 * The deadlines of jobs; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Deadlines<J extends Job, in D extends Due<J>> {
  /** So many come now, behind at most so many others: told before they are admitted. They take so much each. */
  readonly expect: (count: number, askedOf: (index: number) => Weight, now: number, most: number) => void
  /** One of them, behind at most so many others; says why it is refused at once. */
  readonly admit: (due: D, now: number, most: number) => TooLateError | undefined
  /** Why a job is refused that would start now. */
  readonly refusal: (job: J, now: number) => TooLateError | undefined
  /** An attempt was served, after so many milliseconds. */
  readonly served: (latency: number) => void
  /** A job has ended. */
  readonly forget: (due: D) => void
}

/** Of what rows take, so many of the latest count. */
const remembered = 300

/** Who starts at the last instant is in time: what waits is looked at so many milliseconds later. */
const grace = 1

/**
 * Nothing is known of any job. `ahead` says how many wait before one that comes. `refuse` ends one that waits; it is told of
 * none that is in flight.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <J extends Job, D extends Due<J>>(
  admission: Admission,
  ahead: (due: D) => number,
  refuse: (job: J, error: TooLateError) => void
): Deadlines<J, D> => {
  const { timers } = admission
  const dues = watched<D>()
  const forecast = forecastOf(admission)
  const alarm = Alarm.make(timers, () => look())
  /** No deadline that the timer is set for is before this. */
  let firstDueAt = Infinity
  /** When the last of those would be done that were expected. */
  let lastDoneAt = Infinity

  const errorOf = (attempts: number, dueAt: number, at: number): TooLateError =>
    new TooLateError({
      pool: admission.config.name,
      deadline: timers.toWall(dueAt),
      possibleAt: timers.toWall(at),
      attempts
    })

  const forget = (due: D): void => {
    dues.remove(due)
    if (dues.size > 0) return
    alarm.clear()
    firstDueAt = Infinity
  }

  const look = (): void => {
    firstDueAt = Infinity
    const now = timers.now()
    for (
      let due = dues.first;
      due !== undefined && isDue(due.dueAt - forecast.worksFor + grace, now);
      due = dues.first
    ) {
      forget(due)
      // A job is made of one that waits only now.
      if (!due.isQueued && due.job.ticket !== undefined) continue
      refuse(due.job, errorOf(due.job.attempts, due.dueAt, forecast.doneAt(0, now)))
    }
    if (dues.first !== undefined) wakeFor(dues.first)
  }

  const wakeFor = ({ dueAt }: Due<J>): void => {
    firstDueAt = Math.min(firstDueAt, dueAt)
    setTimer()
  }

  const setTimer = (): void => {
    alarm.ringBy(firstDueAt - forecast.worksFor + grace)
  }

  return {
    expect: (count, askedOf, now, most) => {
      for (let i = Math.max(0, count - remembered); i < count; i++) forecast.asked(askedOf(i))
      lastDoneAt = forecast.doneAt(most + count - 1, now)
    },
    admit: (due, now, most) => {
      const { dueAt } = due
      // How many go before it exactly is asked only where that makes a difference.
      if (lastDoneAt > dueAt && forecast.doneAt(most, now) > dueAt) {
        const at = forecast.doneAt(ahead(due), now)
        if (at > dueAt) return errorOf(0, dueAt, at)
      }
      dues.add(due)
      wakeFor(due)
      return undefined
    },
    refusal: (job, now) => {
      const dueAt = job.turn?.dueAt ?? Infinity
      return now + forecast.worksFor > dueAt
        ? errorOf(job.attempts, dueAt, Math.max(forecast.doneAt(0, now), dueAt))
        : undefined
    },
    served: (latency) => {
      forecast.served(latency)
      // Answers take longer than was known: what waits is too late earlier.
      if (alarm.at !== undefined) setTimer()
    },
    forget
  }
}

/** So many that have left may stand among those whose deadlines are looked after. */
const mostLeft = 64

/** Deadlines that are looked after, the earliest first. One that leaves is only marked: to find its place costs more. */
const watched = <D extends Due<Job>>() => {
  const sorted = Sorted.make<D>()
  let size = 0

  return {
    get size(): number {
      return size
    },
    get first(): D | undefined {
      for (let { first } = sorted; first !== undefined && !first.isWatched; { first } = sorted) sorted.remove(first)
      return sorted.first
    },
    add: (due: D): void => {
      due.isWatched = true
      size += 1
      sorted.add(due)
    },
    remove: (due: D): void => {
      if (!due.isWatched) return
      due.isWatched = false
      size -= 1
      if (sorted.size > 2 * size + mostLeft) sorted.keep(({ isWatched }) => isWatched)
    }
  }
}

/** When jobs would be done, as far as anybody knows. */
const forecastOf = (admission: Admission) => {
  let latency: number | undefined
  /** What a job takes of each limit, of late. */
  let mean: Record<Unit, number> | undefined
  const takes = ({ unit }: Limit.Told): number => (unit === "concurrent" ? 0 : (mean?.[unit] ?? 0))
  const tolds = new Map<Admission, ReadonlyArray<Limit.Told>>()

  const toldOf = (pool: Admission): ReadonlyArray<Limit.Told> => {
    const known = tolds.get(pool)
    if (known !== undefined) return known
    const told = Limit.tell(pool.config.limits ?? [])
    tolds.set(pool, told)
    return told
  }

  const viewOf = (pool: Admission, now: number): ReturnType<typeof Outlook.of> => {
    const { config, decision } = pool
    // A law that has never had to slow down has found no limit: nobody knows that the pool could not do all at once.
    const window = decision.epoch === 0 ? config.poolSize : Ramp.windowAt(decision, now)
    return Outlook.of(pool, { window, latency: latency ?? 0, told: toldOf(pool), takes }, now)
  }

  return {
    /** How long an answer takes. */
    get worksFor(): number {
      return latency ?? 0
    },
    served: (took: number): void => {
      latency = Route.follow(latency, took)
    },
    asked: (asked: Readonly<Record<Unit, number>>): void => {
      mean ??= { ...asked }
      for (const unit of units) if (mean[unit] !== asked[unit]) mean[unit] = Route.follow(mean[unit], asked[unit])
    },
    /** When a job would be done that comes behind so many. */
    doneAt: (ahead: number, now: number): number => {
      let [opensAt, free, rate] = [Infinity, 0, 0]
      for (const pool of admission.pools) {
        const view = viewOf(pool, now)
        opensAt = Math.min(opensAt, view.opensAt)
        free += view.free
        rate += 1 / view.every
      }
      // A pool that is paused may go on at any instant.
      return (opensAt < Infinity ? opensAt : now) + Math.max(0, ahead + 1 - free) / rate + (latency ?? 0)
    }
  }
}
