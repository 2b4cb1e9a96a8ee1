/**
 * The line of a pool: first come, first served, until somebody says whose turn it is; then by class, tenant and deadline.
 *
 * @since 0.2.0
 */
import * as LinkedQueue from "../structure/LinkedQueue.js"
import type { Line, Place } from "../structure/Semaphore.js"
import * as TurnQueue from "../turn/TurnQueue.js"

/**
 * Where somebody stands that joins the line.
 *
 * @since 0.2.0
 * @category models
 */
export interface Standing {
  readonly turn: TurnQueue.Turn
  /** Since when the first of those waits for whom it stands; undefined for since it joins. */
  readonly since: number | undefined
}

/**
 * The turn of somebody who says nothing of it.
 *
 * @since 0.2.0
 * @category values
 */
export const ordinary: TurnQueue.Turn = { priority: 0, tenant: "", weight: 1, deadline: Infinity }

/**
 * A line in which there are turns.
 *
 * @since 0.2.0
 * @category models
 */
export interface TurnLine extends Line {
  /** Whoever has this claim to a permit stands there whenever it joins. */
  readonly note: (claim: Place["value"], standing: () => Standing) => void
  /** The priority that goes first, and since when that waits; undefined where nobody has said anything of turns. */
  readonly head: TurnQueue.Head | undefined
  /** One in line stands elsewhere now, and has waited as long; does nothing for one that is not. */
  readonly changed: (place: Place) => void
}

/**
 * Makes a line in which nobody waits. `ageing` is that of `TurnQueue`; `now` in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (ageing: number, now: () => number): TurnLine => {
  /** All of them, in the order in which they joined. */
  const line = LinkedQueue.make<() => boolean>()
  const standings = new WeakMap<Place["value"], () => Standing>()
  let turns: TurnQueue.TurnQueue<Place> | undefined
  /** Of each that has ever waited, and that somebody still has: where it stands in the turns, or stood last. */
  const waiters = new WeakMap<Place, TurnQueue.Waiter<Place>>()

  const enter = (queue: TurnQueue.TurnQueue<Place>, place: Place, joinedAt: number, waitsSince = joinedAt): void => {
    const standing = standings.get(place.value)?.()
    waiters.set(place, queue.add(place, standing?.turn ?? ordinary, standing?.since ?? waitsSince, joinedAt))
  }

  /** Takes a place out of its turn, too, where there are any. */
  const leave = (place: Place, isServed: boolean): void => {
    line.remove(place)
    const waiter = turns && waiters.get(place)
    if (turns === undefined || waiter === undefined) return
    if (isServed) turns.serve(waiter)
    else turns.remove(waiter)
  }

  return {
    get size() {
      return line.size
    },
    get first() {
      return turns === undefined ? line.first : turns.first?.value
    },
    *nodes() {
      const first = turns?.first?.value
      if (first !== undefined) yield first
      for (const place of line.nodes()) if (place !== first) yield place
    },
    push: (place) => {
      line.push(place)
      if (turns !== undefined) enter(turns, place, now())
    },
    remove: (place) => leave(place, false),
    serve: (place) => leave(place, true),
    note: (claim, standing) => {
      standings.set(claim, standing)
      if (turns !== undefined) return
      turns = TurnQueue.make(ageing)
      for (const place of line.nodes()) enter(turns, place, now())
    },
    get head() {
      return turns?.head
    },
    changed: (place) => {
      if (!place.queued || turns === undefined) return
      const waiter = waiters.get(place)
      if (waiter === undefined) return
      turns.remove(waiter)
      enter(turns, place, waiter.joinedAt, waiter.since)
    }
  }
}
