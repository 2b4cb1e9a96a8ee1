/**
 * Jobs that say whose turn it is: those of one priority and tenant are a lane of their own, so that lanes are all that takes
 * turns at a pool. Inside a lane what is due first goes first.
 *
 * @since 0.2.0
 */
import * as Exit from "effect/Exit"
import type { Weight } from "../limit/Cost.js"
import type * as PoolError from "../PoolError.js"
import * as LinkedQueue from "../structure/LinkedQueue.js"
import * as Sorted from "../structure/Sorted.js"
import { rankOf, type Turn } from "../turn/TurnQueue.js"
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
  /** So many come now that may be refused, and take so much each: told before they are added. */
  readonly expect: (count: number, askedOf: (index: number) => Weight, now: number) => void
  /** One comes that says whose turn it is; it may end at once. One that waited at the base was counted there. */
  readonly add: (place: Place<J>, turn: Told, cameAt: number, isCounted?: boolean) => void
  /** Those that wait for their first start, and were not elected. */
  readonly fresh: () => ReadonlyArray<Place<J>>
}

interface Flow<J extends Job, A, E> {
  readonly priority: number
  readonly tenant: string
  /** Those that wait for their first start, and were not elected. */
  readonly queue: Sorted.Sorted<Place<J>>
  /** The same in the order in which they came, where that counts. */
  readonly arrivals: LinkedQueue.LinkedQueue<Place<J>>
  readonly lane: Lane.Lane<J, A, E>
  weight: number
  /** Jobs without an outcome. */
  open: number
}

/**
 * The place of one that has a turn; until its first start it is all that there is of most. A class: one is made for each row.
 *
 * @since 0.2.0
 * @category models
 */
export abstract class Place<out J extends Job> implements Deadlines.Due<J> {
  /** Made where it was not asked for before; its turn is this place. */
  abstract readonly job: J
  abstract readonly asked: Weight
  /** The flow that it belongs to, until its outcome. */
  flow: object | undefined = undefined
  rank = 0
  sequence = 0
  /** Whether its rank is a deadline, and whether it is refused where it is late for that. */
  hasDeadline = false
  isRefused = false
  isQueued = false
  isWatched = false
  /** Its place among those arrivals. */
  arrival: LinkedQueue.Node<Place<J>> | undefined = undefined

  /** Its job has ended. What is old must not keep what is new: that would live as long as if it were old, too. */
  leave(): void {
    this.flow = undefined
  }

  get deadline(): number {
    return this.hasDeadline ? this.rank : Infinity
  }

  get dueAt(): number {
    return this.isRefused ? this.rank : Infinity
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
  /** By priority, and then by tenant. */
  const classes = new Map<number, Map<string, Flow<J, A, E>>>()
  let sequence = 0
  let size = 0
  let stopped: PoolError.StopError | undefined

  // Only `add` gives a place its flow, and a job whose turn is a place comes by it.
  const placeOf = ({ turn }: J): Place<J> | undefined => turn as Place<J> | undefined
  const flowAt = (place: Place<J> | undefined): Flow<J, A, E> | undefined => place?.flow as Flow<J, A, E> | undefined
  const laneOf = (job: J): Lane.Lane<J, A, E> => flowAt(placeOf(job))?.lane ?? base
  const flows = (): ReadonlyArray<Flow<J, A, E>> => [...classes.values()].flatMap((tenants) => [...tenants.values()])
  const lanes = (): ReadonlyArray<Lane.Lane<J, A, E>> => [base, ...flows().map(({ lane }) => lane)]

  const putIn = (place: Place<J>, flow: Flow<J, A, E>): void => {
    place.isQueued = true
    flow.queue.add(place)
    size += 1
    if (since === undefined) return
    place.arrival = LinkedQueue.node(place)
    flow.arrivals.push(place.arrival)
  }

  const takeOut = (place: Place<J>): void => {
    const flow = flowAt(place)
    if (!place.isQueued || flow === undefined) return
    place.isQueued = false
    flow.queue.remove(place)
    if (place.arrival !== undefined) flow.arrivals.remove(place.arrival)
    size -= 1
  }

  /** A job has its outcome, or has gone away; its lane goes with the last. */
  const ended = (job: J): void => {
    const place = placeOf(job)
    const flow = flowAt(place)
    if (place === undefined || flow === undefined) return
    takeOut(place)
    job.turn = undefined
    place.leave()
    if (place.isRefused) deadlines.forget(place)
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

  const flowOf = ({ priority, tenant, weight }: Told): Flow<J, A, E> => {
    const tenants = classes.get(priority) ?? new Map<string, Flow<J, A, E>>()
    const known = tenants.get(tenant)
    if (known !== undefined) return known
    const queue = Sorted.make<Place<J>>()
    const arrivals = LinkedQueue.make<Place<J>>()
    const sinceOf = (job: J | undefined): number | undefined => job && since?.(job)
    // One for each time would be garbage of each start.
    const told = { priority, tenant, weight, deadline: Infinity }
    const stands: { turn: Turn; since: number | undefined } = { turn: told, since: undefined }
    const standing = (retry: J | undefined, elected: J | undefined): Standing => {
      told.weight = flow.weight
      told.deadline = Math.min(queue.first?.deadline ?? Infinity, deadlineOf(retry), deadlineOf(elected))
      if (since === undefined) return stands
      stands.since = earlier(earlier(sinceOf(arrivals.first?.value.job), sinceOf(retry)), sinceOf(elected))
      return stands
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
        served: ({ ticket, turn }, now) => {
          if (turn !== undefined && turn.dueAt < Infinity && ticket !== undefined) {
            deadlines.served(now - ticket.startedAt)
          }
        },
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
  const ahead = (place: Place<J>): number => {
    const flow = flowAt(place)
    if (flow === undefined) return 0
    const own = flow.queue.before(place)
    let sum = own
    for (const other of flows()) {
      if (other === flow || other.priority < flow.priority) continue
      const turns = other.priority > flow.priority ? Infinity : ((own + 1) * other.weight) / flow.weight
      sum += Math.min(other.queue.size, turns)
    }
    return sum
  }

  const deadlines = Deadlines.make<J, Place<J>>(admission, ahead, (job, error) => end(job, Exit.fail(error)))

  return {
    counter: base.counter,
    get size() {
      return size
    },
    expect: (count, askedOf, now) => deadlines.expect(count, askedOf, now, size),
    fresh: () => flows().flatMap(({ queue }) => queue.all()),
    add: (place, turn, cameAt, isCounted = false) => {
      const flow = flowOf(turn)
      const { first } = flow.queue
      place.flow = flow
      place.rank = rankOf(turn, cameAt, ageing)
      place.sequence = sequence++
      place.hasDeadline = turn.deadline < Infinity
      place.isRefused = turn.dueAt < Infinity
      flow.weight = turn.weight
      flow.open += 1
      const refusal = place.isRefused ? deadlines.admit(place, cameAt, size) : undefined
      if (refusal === undefined) putIn(place, flow)
      if (isCounted) flow.lane.wake()
      else flow.lane.submitted(1)
      if (refusal !== undefined) flow.lane.finish(place.job, Exit.fail(refusal))
      else if (first !== undefined && flow.queue.first === place) flow.lane.moved()
    },
    settle: (job, exit, hints, late) => laneOf(job).settle(job, exit, hints, late),
    wake: () => admission.together(() => lanes().forEach((lane) => lane.wake())),
    finish: end,
    withdraw: (job) => {
      const place = placeOf(job)
      if (place === undefined) return base.withdraw(job)
      takeOut(place)
      laneOf(job).withdraw(job)
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

const deadlineOf = (job: Job | undefined): number => job?.turn?.deadline ?? Infinity

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)
