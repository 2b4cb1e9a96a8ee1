/**
 * The rejected rows of a lane while they wait: backing off, then ready for their next start.
 *
 * @since 0.2.0
 */
import * as LinkedQueue from "../structure/LinkedQueue.js"
import type { TimerQueue } from "../structure/TimerQueue.js"
import type { Job } from "./Job.js"
import type { Pause } from "./Pause.js"
import { Turns } from "./Turns.js"

/**
 * Rejected rows that wait.
 *
 * @since 0.2.0
 * @category models
 */
export class Waiting<J extends Job> {
  private readonly timers: TimerQueue
  private readonly pause: Pause
  private readonly onReady: () => void
  private readonly onSpent: (job: J) => void
  /** All of them, with their places in line once they are ready. */
  private readonly places = new Map<J, LinkedQueue.Node<J> | undefined>()
  private readonly turns = new Turns<J>((line, now) => this.shift(line, now))
  /** No row's budget ends before this. */
  private firstDeadline = Infinity

  /** `onReady` is told that a row is ready, `onSpent` that a row's budget is spent. */
  constructor(timers: TimerQueue, pause: Pause, onReady: () => void, onSpent: (job: J) => void) {
    this.timers = timers
    this.pause = pause
    this.onReady = onReady
    this.onSpent = onSpent
  }

  get size(): number {
    return this.places.size
  }

  /** How many are ready. */
  get ready(): number {
    return this.turns.size
  }

  /** The first of those that are ready, apart from those with a trouble of their own. */
  get first(): J | undefined {
    return this.turns.first
  }

  /** All of them. */
  get jobs(): ReadonlyArray<J> {
    return [...this.places.keys()]
  }

  /** A rejected row waits so many milliseconds by itself, and then for its turn. */
  park(job: J, delay: number, now: number): void {
    this.places.set(job, undefined)
    this.firstDeadline = Math.min(this.firstDeadline, job.deadline)
    this.turns.rejected(job)
    // Without a delay of its own a row waits at the gate, like all others.
    if (delay === 0) return this.getReady(job)
    const until = Math.min(now + delay, job.deadline + this.pause.pausedFor(now))
    job.timer = this.timers.add(until, () => this.getReady(job))
  }

  /**
   * The row whose turn it is, or undefined where it is that of a fresh one; `last` is the row that started last. On the way
   * to it, those rows end whose budget is spent at this very instant.
   */
  take(last: number, hasFresh: boolean, now: number): J | undefined {
    return this.turns.take(last, hasFresh, now)
  }

  /** The row that `take` would give now; it stays where it is. */
  peek(last: number, hasFresh: boolean, now: number): J | undefined {
    for (;;) {
      const job = this.turns.peek(last, hasFresh)
      if (job === undefined || !this.isSpent(job, now)) return job
      this.end(job)
    }
  }

  /** Takes a row out of wherever it waits. */
  remove(job: J): void {
    if (!this.places.has(job)) return
    job.throttleWait += this.timers.now() - job.waitingSince
    if (job.timer !== undefined) this.timers.remove(job.timer)
    job.timer = undefined
    const place = this.places.get(job)
    if (place !== undefined) this.turns.lineOf(job).remove(place)
    this.places.delete(job)
  }

  /** Takes out all of them, those first that wait longest. */
  drain(): ReadonlyArray<J> {
    const { jobs } = this
    for (const job of jobs) this.remove(job)
    return jobs
  }

  /** Ends the rows whose budget ends before this instant. */
  endBefore(at: number): void {
    const until = at - this.pause.pausedFor(this.timers.now())
    if (until <= this.firstDeadline) return
    for (const job of this.jobs) if (job.deadline < until) this.end(job)
    this.firstDeadline = Infinity
    for (const job of this.places.keys()) this.firstDeadline = Math.min(this.firstDeadline, job.deadline)
  }

  /** The pool goes on after a pause, in which no budget ran. */
  resumed(): void {
    for (const [job, place] of this.places) {
      if (place === undefined) continue
      if (job.timer !== undefined) this.timers.remove(job.timer)
      this.awaitEnd(job)
    }
  }

  private getReady(job: J): void {
    if (this.isSpent(job, this.timers.now())) return this.end(job)
    this.awaitEnd(job)
    const place = LinkedQueue.node(job)
    this.places.set(job, place)
    this.turns.lineOf(job).push(place)
    this.onReady()
  }

  /** Ends a row with its budget; while the pool is paused, that does not run. */
  private awaitEnd(job: J): void {
    const { pause, timers } = this
    job.timer = pause.isPaused
      ? undefined
      : timers.add(job.deadline + pause.pausedFor(timers.now()), () => {
          // A pause sets it anew at its end.
          if (!pause.isPaused) this.end(job)
        })
  }

  private isSpent(job: J, now: number): boolean {
    return now - this.pause.pausedFor(now) >= job.deadline
  }

  private end(job: J): void {
    // The end of one may have been the end of all.
    if (!this.places.has(job)) return
    this.remove(job)
    this.onSpent(job)
  }

  /** The first of a line whose budget is not spent; those before it end. */
  private shift(line: LinkedQueue.LinkedQueue<J>, now: number): J | undefined {
    for (let job = line.shift()?.value; job !== undefined; job = line.shift()?.value) {
      if (!this.isSpent(job, now)) {
        this.remove(job)
        return job
      }
      this.end(job)
    }
    return undefined
  }
}
