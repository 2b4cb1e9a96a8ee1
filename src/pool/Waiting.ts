/**
 * The rejected rows of a lane while they wait: backing off, then ready for their next start.
 *
 * @since 0.2.0
 */
import * as LinkedQueue from "../structure/LinkedQueue.js"
import type { TimerQueue } from "../structure/TimerQueue.js"
import type { Job } from "./Job.js"
import type { Pause } from "./Pause.js"

/**
 * Rejected rows that wait.
 *
 * @since 0.2.0
 * @category models
 */
export interface Waiting<J extends Job> {
  /** How many are ready. */
  readonly ready: number
  /** A rejected row waits so many milliseconds by itself, and then for its turn. */
  readonly park: (job: J, delay: number, now: number) => void
  /**
   * The row whose turn it is, or undefined where it is that of a fresh one; `last` is the row that started last. On the way
   * to it, those rows end whose budget is spent at this very instant.
   */
  readonly take: (last: number, hasFresh: boolean, now: number) => J | undefined
  /** The row that `take` would give now; stays where it is. Rows whose budget is spent end on the way to it. */
  readonly peek: (last: number, hasFresh: boolean, now: number) => J | undefined
  /** Takes a row out of wherever it waits. */
  readonly remove: (job: J) => void
  /** Ends the rows whose budget ends before this instant. */
  readonly endBefore: (until: number) => void
  readonly size: number
  /** All of them. */
  readonly jobs: () => ReadonlyArray<J>
  /** The pool goes on after a pause, in which no budget ran. */
  readonly resumed: () => void
  /** Takes out all of them, those first that wait longest. */
  readonly drain: () => ReadonlyArray<J>
}

/**
 * Makes an empty waiting room. `onReady` is told that a row is ready, `onSpent` that a row's budget is spent.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <J extends Job>(
  timers: TimerQueue,
  pause: Pause,
  onReady: () => void,
  onSpent: (job: J) => void
): Waiting<J> => {
  /** All of them, with their places in line once they are ready. */
  const places = new Map<J, LinkedQueue.Node<J> | undefined>()
  /** No row's budget ends before this. */
  let firstDeadline = Infinity

  const isSpent = (job: J, now: number): boolean => now - pause.pausedFor(now) >= job.deadline

  const remove = (job: J): void => {
    if (!places.has(job)) return
    job.throttleWait += timers.now() - job.waitingSince
    if (job.timer !== undefined) timers.remove(job.timer)
    job.timer = undefined
    const place = places.get(job)
    if (place !== undefined) turns.lineOf(job).remove(place)
    places.delete(job)
  }

  const end = (job: J): void => {
    // The end of one may have been the end of all.
    if (!places.has(job)) return
    remove(job)
    onSpent(job)
  }

  /** The first of a line whose budget is not spent; those before it end. */
  const shift = (line: LinkedQueue.LinkedQueue<J>, now: number): J | undefined => {
    for (let job = line.shift()?.value; job !== undefined; job = line.shift()?.value) {
      if (!isSpent(job, now)) {
        remove(job)
        return job
      }
      end(job)
    }
    return undefined
  }
  const turns = turnsOf(shift)

  /** Ends a row with its budget; while the pool is paused, that does not run. */
  const awaitEnd = (job: J): void => {
    job.timer = pause.isPaused
      ? undefined
      : timers.add(job.deadline + pause.pausedFor(timers.now()), () => {
          // A pause sets it anew at its end.
          if (!pause.isPaused) end(job)
        })
  }

  const getReady = (job: J): void => {
    if (isSpent(job, timers.now())) return end(job)
    awaitEnd(job)
    const place = LinkedQueue.node(job)
    places.set(job, place)
    turns.lineOf(job).push(place)
    onReady()
  }

  return {
    get ready() {
      return turns.size
    },
    park: (job, delay, now) => {
      places.set(job, undefined)
      firstDeadline = Math.min(firstDeadline, job.deadline)
      turns.rejected(job)
      // Without a delay of its own a row waits at the gate, like all others.
      if (delay === 0) getReady(job)
      else job.timer = timers.add(Math.min(now + delay, job.deadline + pause.pausedFor(now)), () => getReady(job))
    },
    take: turns.take,
    peek: (last, hasFresh, now) => {
      for (;;) {
        const job = turns.peek(last, hasFresh)
        if (job === undefined || !isSpent(job, now)) return job
        end(job)
      }
    },
    remove,
    endBefore: (at) => {
      const until = at - pause.pausedFor(timers.now())
      if (until <= firstDeadline) return
      for (const job of [...places.keys()]) if (job.deadline < until) end(job)
      firstDeadline = Infinity
      for (const job of places.keys()) firstDeadline = Math.min(firstDeadline, job.deadline)
    },
    get size() {
      return places.size
    },
    jobs: () => [...places.keys()],
    resumed: () => {
      for (const [job, place] of places) {
        if (place === undefined) continue
        if (job.timer !== undefined) timers.remove(job.timer)
        awaitEnd(job)
      }
    },
    drain: () => {
      const jobs = [...places.keys()]
      for (const job of jobs) remove(job)
      return jobs
    }
  }
}

/** While others wait, one start in so many may be that of a row with a trouble of its own. */
const ownTurn = 10

/** Whose turn it is of those that are ready. */
const turnsOf = <J extends Job>(shift: (line: LinkedQueue.LinkedQueue<J>, now: number) => J | undefined) => {
  const ready = LinkedQueue.make<J>()
  /** Ready too, but their trouble is their own: others go before them. */
  const apart = LinkedQueue.make<J>()
  let startsSinceApart = 0
  /** A retry was rejected: a fresh row goes before the next. */
  let isFreshTurn = false

  /** A retry that was just rejected is no second probe while there are others: it goes to the end of the line. */
  const turnFrom = (last: number): void => {
    const first = ready.first
    if (first === undefined || first.value.row !== last || first.value.attempts <= 1) return
    ready.remove(first)
    ready.push(first)
  }

  return {
    get size(): number {
      return ready.size + apart.size
    },
    lineOf: (job: J): LinkedQueue.LinkedQueue<J> => (job.ownDelay > 0 ? apart : ready),
    rejected: ({ attempts, ownDelay }: J): void => {
      if (ownDelay === 0 && attempts > 1) isFreshTurn = true
    },
    peek: (last: number, hasFresh: boolean): J | undefined => {
      const isAlone = ready.size === 0 && !hasFresh
      const isOwnTurn = startsSinceApart + 1 >= ownTurn && apart.first?.value.row !== last
      if ((isAlone || isOwnTurn) && apart.first !== undefined) return apart.first.value
      if (hasFresh && isFreshTurn) return undefined
      turnFrom(last)
      return ready.first?.value ?? (hasFresh ? undefined : apart.first?.value)
    },
    take: (last: number, hasFresh: boolean, now: number): J | undefined => {
      startsSinceApart += 1
      const isAlone = ready.size === 0 && !hasFresh
      const isOwnTurn = startsSinceApart >= ownTurn && apart.first?.value.row !== last
      const own = isAlone || isOwnTurn ? shift(apart, now) : undefined
      if (own !== undefined) {
        startsSinceApart = 0
        return own
      }
      if (hasFresh && isFreshTurn) {
        isFreshTurn = false
        return undefined
      }
      turnFrom(last)
      return shift(ready, now) ?? (hasFresh ? undefined : shift(apart, now))
    }
  }
}
