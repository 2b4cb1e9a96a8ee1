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

/** What is known of somebody who has a claim to a permit, and so one place. */
interface Known {
  standing: (() => Standing) | undefined
  /** Where it stands in the turns, or stood last; undefined while it has never waited. */
  waiter: TurnQueue.Waiter<Place> | undefined
}

/**
 * Makes a line in which nobody waits. `ageing` is that of `TurnQueue`; `now` in milliseconds of the monotonic clock, and
 * `servedAt` is when the latest in line was served.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (ageing: number, now: () => number, servedAt = now): TurnLine => {
  /** All of them, in the order in which they joined. */
  const line = LinkedQueue.make<() => boolean>()
  const knowns = new WeakMap<Place["value"], Known>()
  let turns: TurnQueue.TurnQueue<Place> | undefined
  /** Who was just served, and most of the time comes back: it leaves its turn as soon as anything else happens. */
  let served: Known | undefined

  const settle = (): void => {
    const waiter = served?.waiter
    served = undefined
    if (waiter !== undefined) turns?.serve(waiter)
  }

  const knownOf = ({ value }: Pick<Place, "value">): Known => {
    const found = knowns.get(value)
    if (found !== undefined) return found
    const known = { standing: undefined, waiter: undefined }
    knowns.set(value, known)
    return known
  }

  const enter = (
    queue: TurnQueue.TurnQueue<Place>,
    place: Place,
    known: Known,
    joinedAt: number,
    waitsSince = joinedAt
  ): void => {
    const standing = known.standing?.()
    const turn = standing?.turn ?? ordinary
    const since = standing?.since ?? waitsSince
    if (known.waiter === undefined) known.waiter = queue.add(place, turn, since, joinedAt)
    else if (known === served) queue.serveAgain(known.waiter, turn, since, joinedAt)
    else queue.addAgain(known.waiter, turn, since, joinedAt)
    served = undefined
  }

  return {
    get size() {
      settle()
      return line.size
    },
    get first() {
      if (turns === undefined) return line.first
      settle()
      return turns.first?.value
    },
    *nodes() {
      settle()
      const first = turns?.first?.value
      if (first !== undefined) yield first
      for (const place of line.nodes()) if (place !== first) yield place
    },
    push: (place) => {
      line.push(place)
      if (turns === undefined) return
      const known = served?.waiter?.value === place ? served : knownOf(place)
      if (known !== served) settle()
      // Who was in line before comes back as soon as it is served.
      enter(turns, place, known, known.waiter === undefined ? now() : servedAt())
    },
    remove: (place) => {
      settle()
      line.remove(place)
      const waiter = turns && knowns.get(place.value)?.waiter
      if (waiter !== undefined) turns?.remove(waiter)
    },
    serve: (place) => {
      settle()
      line.remove(place)
      served = turns && knowns.get(place.value)
    },
    note: (claim, standing) => {
      settle()
      knownOf({ value: claim }).standing = standing
      if (turns !== undefined) return
      turns = TurnQueue.make(ageing)
      for (const place of line.nodes()) enter(turns, place, knownOf(place), now())
    },
    get head() {
      settle()
      return turns?.head
    },
    changed: (place) => {
      settle()
      if (!place.queued || turns === undefined) return
      const known = knownOf(place)
      if (known.waiter === undefined) return
      const { joinedAt, since } = known.waiter
      turns.remove(known.waiter)
      enter(turns, place, known, joinedAt, since)
    }
  }
}
