/**
 * Jobs that are refused where they would be late: when they come, while they wait, and when they would start.
 *
 * @since 0.2.0
 */
import type { Weight } from "../limit/Cost.js"
import * as Limit from "../limit/Limit.js"
import * as Ramp from "../law/Ramp.js"
import { TooLateError } from "../PoolError.js"
import * as Route from "../route/Route.js"
import * as Heap from "../structure/Heap.js"
import { isDue, type Timer } from "../structure/TimerQueue.js"
import type { Admission } from "./Admission.js"
import type { Job } from "./Job.js"
import * as Outlook from "./Outlook.js"

/**
 * The deadlines of jobs; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Deadlines<J extends Job> {
  /** A job comes, behind so many others; says why it is refused at once. */
  readonly admit: (job: J, ahead: () => number) => TooLateError | undefined
  /** Why a job is refused that would start now. */
  readonly refusal: (job: J, now: number) => TooLateError | undefined
  /** An attempt was served, after so many milliseconds. */
  readonly served: (latency: number) => void
  /** A job has ended. */
  readonly forget: (job: J) => void
}

interface Due<out J> extends Heap.Element {
  readonly job: J
  readonly at: number
  readonly sequence: number
}

/** Who starts at the last instant is in time: what waits is looked at so many milliseconds later. */
const grace = 1

const isBefore = <J>(a: Due<J>, b: Due<J>): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

/** Follows what a row takes of limits. */
const meanOf = (mean: Weight | undefined, asked: Weight): Weight => ({
  ...asked,
  requests: Route.follow(mean?.requests, asked.requests),
  tokens: Route.follow(mean?.tokens, asked.tokens),
  inputTokens: Route.follow(mean?.inputTokens, asked.inputTokens),
  outputTokens: Route.follow(mean?.outputTokens, asked.outputTokens)
})

/**
 * Jobs with a `dueAt`. `refuse` ends one that waits; it is told of none that is in flight.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <J extends Job>(
  admission: Admission,
  refuse: (job: J, error: TooLateError) => void
): Deadlines<J> => {
  const { timers } = admission
  const heap = Heap.make<Due<J>>(isBefore)
  const dues = new Map<J, Due<J>>()
  let sequence = 0
  let latency: number | undefined
  let mean: Weight | undefined
  let timer: Timer | undefined

  const worksFor = (): number => latency ?? 0
  const tolds = new Map<Admission, ReadonlyArray<Limit.Told>>()
  const toldOf = (pool: Admission): ReadonlyArray<Limit.Told> => {
    const told = tolds.get(pool) ?? Limit.tell(pool.config.limits ?? [])
    tolds.set(pool, told)
    return told
  }

  /** When a job would be done that comes behind so many, as far as anybody knows. */
  const doneAt = (ahead: number, now: number): number => {
    const views = admission.pools.map((pool) => viewOf(pool, toldOf(pool), worksFor(), mean, now))
    const opensAt = views.reduce((first, view) => Math.min(first, view.opensAt), Infinity)
    const free = views.reduce((sum, view) => sum + view.free, 0)
    const rate = views.reduce((sum, view) => sum + 1 / view.every, 0)
    // A pool that is paused may go on at any instant.
    return (opensAt < Infinity ? opensAt : now) + Math.max(0, ahead + 1 - free) / rate + worksFor()
  }

  const errorOf = ({ attempts, dueAt }: J, at: number): TooLateError =>
    new TooLateError({
      pool: admission.config.name,
      deadline: timers.toWall(dueAt),
      possibleAt: timers.toWall(at),
      attempts
    })

  const forget = (job: J): void => {
    const due = dues.get(job)
    if (due === undefined) return
    dues.delete(job)
    heap.remove(due)
    if (heap.size === 0 && timer !== undefined) {
      timers.remove(timer)
      timer = undefined
    }
  }

  const look = (): void => {
    timer = undefined
    const now = timers.now()
    for (let due = heap.first(); due !== undefined && isDue(due.at - worksFor() + grace, now); due = heap.first()) {
      const { job } = due
      forget(job)
      if (job.ticket === undefined) refuse(job, errorOf(job, doneAt(0, now)))
    }
    wakeFor(heap.first())
  }

  const wakeFor = (due: Due<J> | undefined): void => {
    if (due === undefined) return
    const at = due.at - worksFor() + grace
    if (timer !== undefined && timer.at <= at) return
    if (timer !== undefined) timers.remove(timer)
    timer = timers.add(at, look)
  }

  return {
    admit: (job, ahead) => {
      if (job.dueAt === Infinity) return undefined
      const now = timers.now()
      mean = meanOf(mean, job.asked)
      const at = doneAt(ahead(), now)
      if (at > job.dueAt) return errorOf(job, at)
      const due: Due<J> = { job, at: job.dueAt, sequence: sequence++, index: -1 }
      dues.set(job, due)
      heap.add(due)
      wakeFor(due)
      return undefined
    },
    refusal: (job, now) =>
      now + worksFor() > job.dueAt ? errorOf(job, Math.max(doneAt(0, now), job.dueAt)) : undefined,
    served: (took) => {
      latency = Route.follow(latency, took)
    },
    forget
  }
}

/** A law that has never had to slow down has found no limit: nobody knows that the pool could not do all at once. */
const viewOf = (
  pool: Admission,
  told: ReadonlyArray<Limit.Told>,
  latency: number,
  mean: Weight | undefined,
  now: number
): ReturnType<typeof Outlook.of> => {
  const { config, decision } = pool
  return Outlook.of(
    pool,
    {
      window: decision.epoch === 0 ? config.poolSize : Ramp.windowAt(decision, now),
      latency,
      told,
      takes: ({ unit }) => (unit === "concurrent" ? 0 : (mean?.[unit] ?? 0))
    },
    now
  )
}
