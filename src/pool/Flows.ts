/**
 * Jobs that say whose turn it is: those of one priority and tenant are a lane of their own, so that lanes are all that takes
 * turns at a pool. Inside a lane what is due first goes first.
 *
 * @since 0.2.0
 */
import * as Exit from "effect/Exit"
import type * as PoolError from "../PoolError.js"
import * as LinkedQueue from "../structure/LinkedQueue.js"
import * as Sorted from "../structure/Sorted.js"
import { rankOf } from "../turn/TurnQueue.js"
import type { Admission } from "./Admission.js"
import type { Told } from "./CallTurn.js"
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
  /** Since when a job waits, for its priority. Default since its lane has had a start. */
  readonly since?: ((job: J) => number) | undefined
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
  readonly add: (job: J, turn: Told, isCounted?: boolean) => void
  /** Those that wait for their first start, and were not elected. */
  readonly fresh: () => ReadonlyArray<J>
}

interface Flow<J extends Job, A, E> {
  readonly priority: number
  readonly tenant: string
  readonly queue: Sorted.Sorted<Place<J, A, E>>
  /** The same in the order in which they came, where that counts. */
  readonly arrivals: LinkedQueue.LinkedQueue<J>
  readonly lane: Lane.Lane<J, A, E>
  weight: number
  /** Jobs without an outcome. */
  open: number
}

// A class: one is made for each row, and all that wait are kept.
class Place<J extends Job, A, E> implements Told, Deadlines.Due<J> {
  readonly job: J
  readonly flow: Flow<J, A, E>
  readonly weight: number
  readonly deadline: number
  readonly dueAt: number
  readonly rank: number
  readonly sequence: number
  /** Whether it waits for its first start, and was not elected. */
  isQueued = false
  /** Its place among those arrivals. */
  arrival: LinkedQueue.Node<J> | undefined = undefined

  constructor(job: J, flow: Flow<J, A, E>, { deadline, dueAt, weight }: Told, ageing: number, sequence: number) {
    this.job = job
    this.flow = flow
    this.weight = weight
    this.deadline = deadline
    this.dueAt = dueAt
    this.rank = rankOf(this, job.waitingSince, ageing)
    this.sequence = sequence
  }

  get priority(): number {
    return this.flow.priority
  }

  get tenant(): string {
    return this.flow.tenant
  }
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
  /** By priority, and then by tenant. */
  const classes = new Map<number, Map<string, Flow<J, A, E>>>()
  let sequence = 0
  let size = 0
  let stopped: PoolError.StopError | undefined

  // Only `add` gives a job its turn, and that is a place here.
  const placeOf = ({ turn }: J): Place<J, A, E> | undefined => turn as Place<J, A, E> | undefined
  const laneOf = (job: J): Lane.Lane<J, A, E> => placeOf(job)?.flow.lane ?? base
  const flows = (): ReadonlyArray<Flow<J, A, E>> => [...classes.values()].flatMap((tenants) => [...tenants.values()])
  const lanes = (): ReadonlyArray<Lane.Lane<J, A, E>> => [base, ...flows().map(({ lane }) => lane)]

  const putIn = (place: Place<J, A, E>): void => {
    place.isQueued = true
    place.flow.queue.add(place)
    size += 1
    if (since === undefined) return
    place.arrival = LinkedQueue.node(place.job)
    place.flow.arrivals.push(place.arrival)
  }

  const takeOut = (place: Place<J, A, E>): void => {
    if (!place.isQueued) return
    place.isQueued = false
    place.flow.queue.remove(place)
    if (place.arrival !== undefined) place.flow.arrivals.remove(place.arrival)
    size -= 1
  }

  /** A job has its outcome, or has gone away; its lane goes with the last. */
  const ended = (job: J): void => {
    const place = placeOf(job)
    if (place === undefined) return
    const { flow } = place
    takeOut(place)
    job.turn = undefined
    if (place.dueAt < Infinity) deadlines.forget(place)
    flow.open -= 1
    if (flow.open > 0) return
    flow.lane.close()
    const tenants = classes.get(flow.priority)
    tenants?.delete(flow.tenant)
    if (tenants?.size === 0) classes.delete(flow.priority)
  }

  /** Out of the queue first: its lane leaves the line with the last. */
  const end = (job: J, exit: Exit.Exit<A, PoolError.RowError<E>>): void => {
    const place = placeOf(job)
    if (place !== undefined) takeOut(place)
    laneOf(job).finish(job, exit)
  }

  const deadlines = Deadlines.make<J>(admission, (job, error) => end(job, Exit.fail(error)))

  const flowOf = ({ priority, tenant, weight }: Told): Flow<J, A, E> => {
    const tenants = classes.get(priority) ?? new Map<string, Flow<J, A, E>>()
    const known = tenants.get(tenant)
    if (known !== undefined) return known
    const queue = Sorted.make<Place<J, A, E>>()
    const arrivals = LinkedQueue.make<J>()
    const standing = (...others: ReadonlyArray<J | undefined>): Standing => {
      let deadline = queue.first?.deadline ?? Infinity
      let first = arrivals.first && since?.(arrivals.first.value)
      for (const other of others) {
        if (other === undefined) continue
        deadline = Math.min(deadline, other.turn?.deadline ?? Infinity)
        first = earlier(first, since?.(other))
      }
      return { turn: { priority, tenant, weight: flow.weight, deadline }, since: first }
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
    const flow: Flow<J, A, E> = { priority, tenant, queue, arrivals, lane, weight, open: 0 }
    tenants.set(tenant, flow)
    classes.set(priority, tenants)
    if (stopped !== undefined) lane.stop(stopped, false)
    return flow
  }

  /** How many go before it, of those that are known here. */
  const ahead = (place: Place<J, A, E>): number => {
    const { flow, priority, weight } = place
    const own = flow.queue.before(place)
    let sum = own
    for (const other of flows()) {
      if (other === flow || other.priority < priority) continue
      const turns = other.priority > priority ? Infinity : ((own + 1) * other.weight) / weight
      sum += Math.min(other.queue.size, turns)
    }
    return sum
  }

  return {
    counter: base.counter,
    get size() {
      return size
    },
    fresh: () => flows().flatMap(({ queue }) => queue.all().map(({ job }) => job)),
    add: (job, turn, isCounted = false) => {
      const flow = flowOf(turn)
      const { first } = flow.queue
      const place = new Place(job, flow, turn, ageing, sequence++)
      job.turn = place
      flow.weight = turn.weight
      flow.open += 1
      const refusal = turn.dueAt < Infinity ? deadlines.admit(place, size, () => ahead(place)) : undefined
      if (refusal === undefined) {
        putIn(place)
      }
      if (isCounted) flow.lane.wake()
      else flow.lane.submitted(1)
      // The lane, or the pool, may have been stopped before, and then the job has ended.
      if (refusal !== undefined && placeOf(job) !== undefined) flow.lane.finish(job, Exit.fail(refusal))
      else if (first !== undefined && flow.queue.first === place) flow.lane.moved()
    },
    settle: (job, exit, hints, late) => {
      const { ticket, turn } = job
      if (turn !== undefined && turn.dueAt < Infinity && ticket !== undefined && Exit.isSuccess(exit)) {
        deadlines.served(timers.now() - ticket.startedAt)
      }
      laneOf(job).settle(job, exit, hints, late)
    },
    wake: () => admission.together(() => lanes().forEach((lane) => lane.wake())),
    finish: end,
    withdraw: (job) => {
      const place = placeOf(job)
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

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)
