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
  /** One in line stands elsewhere now; does nothing for one that is not. */
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
  const waiters = new Map<Place, TurnQueue.Waiter<Place>>()

  const enter = (queue: TurnQueue.TurnQueue<Place>, place: Place): void => {
    const { since = now(), turn = ordinary } = standings.get(place.value)?.() ?? {}
    waiters.set(place, queue.add(place, turn, since, now()))
  }

  /** Takes a place out of its turn, too, where there are any. */
  const leave = (place: Place, how: "serve" | "remove"): void => {
    line.remove(place)
    if (turns === undefined) return
    const waiter = waiters.get(place)
    if (waiter === undefined) return
    waiters.delete(place)
    turns[how](waiter)
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
      if (turns !== undefined) enter(turns, place)
    },
    remove: (place) => leave(place, "remove"),
    serve: (place) => leave(place, "serve"),
    note: (claim, standing) => {
      standings.set(claim, standing)
      if (turns !== undefined) return
      turns = TurnQueue.make(ageing)
      for (const place of line.nodes()) enter(turns, place)
    },
    get head() {
      return turns?.head
    },
    changed: (place) => {
      const waiter = waiters.get(place)
      if (waiter === undefined || turns === undefined) return
      turns.remove(waiter)
      enter(turns, place)
    }
  }
}
