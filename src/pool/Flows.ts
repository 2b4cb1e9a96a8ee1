/**
 * Jobs that say whose turn it is: those of one priority and tenant are a lane of their own, so that lanes are all that takes
 * turns at a pool. Inside a lane what is due first goes first.
 *
 * @since 0.2.0
 */
import * as Exit from "effect/Exit"
import type * as PoolError from "../PoolError.js"
import * as Sorted from "../structure/Sorted.js"
import { rankOf, type Turn } from "../turn/TurnQueue.js"
import type { Admission } from "./Admission.js"
import * as Deadlines from "./Deadlines.js"
import type { Job } from "./Job.js"
import * as Lane from "./Lane.js"
import type { Standing } from "./TurnLine.js"

/**
 * What lanes of turns are made of. The `base` is the lane of those that say nothing.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options<J extends Job, A, E> extends Pick<
  Lane.Work<J, A, E>,
  "mayStart" | "start" | "finish" | "interrupt"
> {
  readonly admission: Admission
  readonly base: Lane.Lane<J, A, E>
  readonly ageing: number
  /** Since when a job waits, for its priority: undefined for since its lane has had a start. */
  readonly since: (job: J) => number | undefined
}

/**
 * Lanes by turn, beside the base; what is asked of a lane concerns all of them.
 *
 * @since 0.2.0
 * @category models
 */
export interface Flows<J extends Job, A, E> extends Omit<Lane.Lane<J, A, E>, "submitted" | "moved"> {
  /** How many wait for their first start, and were not elected. */
  readonly size: number
  /** A job comes that says whose turn it is; it may end at once. One that waited at the base was counted there. */
  readonly add: (job: J, turn: Turn, isCounted?: boolean) => void
  /** Those that wait for their first start, and were not elected. */
  readonly fresh: () => ReadonlyArray<J>
}

interface Flow<J extends Job, A, E> {
  readonly key: string
  readonly queue: Sorted.Sorted<Place<J, A, E>>
  readonly lane: Lane.Lane<J, A, E>
  turn: Turn
  /** Jobs without an outcome. */
  open: number
}

interface Place<J extends Job, A, E> extends Sorted.Element {
  readonly job: J
  readonly turn: Turn
  readonly flow: Flow<J, A, E>
}

/**
 * Makes no lane yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const open = <J extends Job, A, E>(options: Options<J, A, E>): Flows<J, A, E> => {
  const { admission, ageing, base, finish, interrupt, mayStart, since, start } = options
  const { timers } = admission
  const flows = new Map<string, Flow<J, A, E>>()
  /** Those without an outcome. */
  const places = new Map<J, Place<J, A, E>>()
  let sequence = 0
  let size = 0
  let stopped: PoolError.StopError | undefined

  const laneOf = (job: J): Lane.Lane<J, A, E> => places.get(job)?.flow.lane ?? base
  const lanes = (): ReadonlyArray<Lane.Lane<J, A, E>> => [base, ...[...flows.values()].map(({ lane }) => lane)]

  const takeOut = (place: Place<J, A, E>): void => {
    const before = place.flow.queue.size
    place.flow.queue.remove(place)
    size -= before - place.flow.queue.size
  }

  /** A job has its outcome, or has gone away; its lane goes with the last. */
  const ended = (job: J): void => {
    const place = places.get(job)
    if (place === undefined) return
    const { flow } = place
    takeOut(place)
    places.delete(job)
    deadlines.forget(job)
    flow.open -= 1
    if (flow.open > 0) return
    flow.lane.close()
    flows.delete(flow.key)
  }

  const deadlines = Deadlines.make<J>(admission, (job, error) => laneOf(job).finish(job, Exit.fail(error)))

  const flowOf = (turn: Turn): Flow<J, A, E> => {
    const key = `${turn.priority} ${turn.tenant}`
    const known = flows.get(key)
    if (known !== undefined) return known
    const queue = Sorted.make<Place<J, A, E>>()
    const standing = (retry: J | undefined): Standing => {
      const { deadline, since: first } = earliest([queue.first?.job, retry], since)
      return { turn: { ...flow.turn, deadline }, since: first }
    }
    const lane = Lane.open<J, A, E>(
      admission,
      {
        mayStart,
        start,
        interrupt,
        hasFresh: () => queue.size > 0,
        takeFresh: () => {
          const { first } = queue
          if (first !== undefined) takeOut(first)
          return first?.job
        },
        standing,
        refusal: deadlines.refusal,
        finish: (job, exit, now) => {
          ended(job)
          finish(job, exit, now)
        }
      },
      base.counter
    )
    const flow: Flow<J, A, E> = { key, queue, lane, turn, open: 0 }
    flows.set(key, flow)
    if (stopped !== undefined) lane.stop(stopped, false)
    return flow
  }

  /** How many go before it, of those that are known here. */
  const ahead = ({ flow, turn: { priority, weight } }: Place<J, A, E>, own: number): number => {
    let sum = own
    for (const other of flows.values()) {
      if (other === flow || other.turn.priority < priority) continue
      const turns = other.turn.priority > priority ? Infinity : ((own + 1) * other.turn.weight) / weight
      sum += Math.min(other.queue.size, turns)
    }
    return sum
  }

  return {
    counter: base.counter,
    get size() {
      return size
    },
    fresh: () => [...flows.values()].flatMap(({ queue }) => queue.all().map(({ job }) => job)),
    add: (job, turn, isCounted = false) => {
      const flow = flowOf(turn)
      const { first } = flow.queue
      const place = { job, turn, flow, rank: rankOf(turn, job.waitingSince, ageing), sequence: sequence++ }
      job.turn = turn
      flow.turn = turn
      flow.open += 1
      places.set(job, place)
      const refusal = deadlines.admit(job, () => ahead(place, flow.queue.before(place)))
      if (refusal === undefined) {
        flow.queue.add(place)
        size += 1
      }
      if (isCounted) flow.lane.wake()
      else flow.lane.submitted(1)
      // The lane, or the pool, may have been stopped before, and then the job has ended.
      if (refusal !== undefined && places.has(job)) flow.lane.finish(job, Exit.fail(refusal))
      else if (first !== undefined && flow.queue.first === place) flow.lane.moved()
    },
    settle: (job, exit, hints, late) => {
      const { dueAt, ticket } = job
      if (dueAt < Infinity && ticket !== undefined && Exit.isSuccess(exit)) {
        deadlines.served(timers.now() - ticket.startedAt)
      }
      laneOf(job).settle(job, exit, hints, late)
    },
    wake: () => lanes().forEach((lane) => lane.wake()),
    finish: (job, exit) => {
      const place = places.get(job)
      if (place === undefined) return base.finish(job, exit)
      takeOut(place)
      place.flow.lane.finish(job, exit)
    },
    withdraw: (job) => {
      const place = places.get(job)
      if (place === undefined) return base.withdraw(job)
      takeOut(place)
      place.flow.lane.withdraw(job)
      ended(job)
    },
    stop: (error, interrupt) => {
      stopped ??= error
      lanes().forEach((lane) => lane.stop(error, interrupt))
    },
    parked: () => lanes().flatMap((lane) => lane.parked()),
    elected: () => lanes().flatMap((lane) => lane.elected()),
    close: () => lanes().forEach((lane) => lane.close())
  }
}

/** The earliest deadline of jobs, and since when the first of them waits. */
const earliest = <J extends Job>(
  jobs: ReadonlyArray<J | undefined>,
  since: (job: J) => number | undefined
): { readonly deadline: number; readonly since: number | undefined } => {
  let deadline = Infinity
  let first: number | undefined
  for (const job of jobs) {
    if (job === undefined) continue
    deadline = Math.min(deadline, job.turn?.deadline ?? Infinity)
    const at = since(job)
    if (at !== undefined) first = Math.min(first ?? Infinity, at)
  }
  return { deadline, since: first }
}
