/**
 * An API that lets nothing through: since when, and when the pool gives up on whatever waits for it.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { CapacityError } from "../Capacity.js"
import type { PoolConfig } from "../PoolConfig.js"
import * as PoolStats from "../PoolStats.js"
import * as Format from "../structure/Format.js"
import type { Pause } from "./Pause.js"
import type * as TimerQueue from "../structure/TimerQueue.js"

/**
 * A rejection and when it came, in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Rejection {
  readonly error: CapacityError
  readonly at: number
}

/**
 * How long an API has let nothing through.
 *
 * @since 0.2.0
 * @category models
 */
export interface Silence {
  /** The first rejection since something was let through, without the pauses before it; undefined where there was none. */
  readonly since: number | undefined
  /** The latest rejection of the pool. */
  readonly lastRejection: Rejection | undefined
  /** The API has let nothing through for a whole budget: nobody waits for it any more, and who comes is a probe. */
  readonly isDead: boolean
  readonly rejected: (error: CapacityError, now: number) => void
  readonly letThrough: (now: number) => void
  /** An attempt has ended, and nobody knows what the API thought of it. */
  readonly ended: (now: number) => void
  /** Nobody waits any more: who comes later starts anew, unless the API is dead. */
  readonly forget: () => void
  /** Nothing is in flight any more, and nothing starts before the hold is over: the end may be here, or certain. */
  readonly idle: (holdUntil: number, now: number) => void
  /** The pool goes on after a pause. */
  readonly resumed: (now: number) => void
}

/**
 * What a silence reports to.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly name: string
  /** The pool's `maxCapacityRetry`, in milliseconds. */
  readonly budget: number
  readonly timers: TimerQueue.TimerQueue
  /** While the pool is paused, nobody knows whether the API would let something through. */
  readonly pause: Pause
  /** How many rows and calls have no outcome. */
  readonly pending: () => number
  /** Attempts in flight: the API may yet let them through. */
  readonly inFlight: () => number
  /** The API is dead, or was and a probe was rejected. */
  readonly onDead: () => void
  readonly log: (line: Effect.Effect<void>) => void
}

/**
 * Starts to watch an API.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Silence => {
  const { budget, inFlight, onDead, pause, timers } = options
  let since: number | undefined
  let lastRejection: Rejection | undefined
  let isDead = false
  const running = timersOf(options)
  const news = newsOf(options)

  const die = (): void => {
    running.stop()
    isDead = true
    onDead()
  }

  /** What was in flight when the budget ended was not let through either. */
  const endedAt = (now: number): void => {
    if (!isDead && since !== undefined && now - pause.pausedFor(timers.now()) > since + budget) die()
  }

  const dieIfIdle = (): void => {
    if (inFlight() === 0) die()
  }

  const startTimers = (from: number, now: number): void => {
    const at = from + pause.pausedFor(now)
    if (!news.isTold) running.add(at + remarkable, () => news.lasts(lastRejection))
    // Whoever waits for that very instant goes before.
    const end = at + budget
    running.add(end, () => running.add(end, dieIfIdle))
  }

  return {
    get since() {
      return since
    },
    get lastRejection() {
      return lastRejection
    },
    get isDead() {
      return isDead
    },
    rejected: (error, now) => {
      lastRejection = { error, at: now }
      if (isDead) return onDead()
      if (since !== undefined) return endedAt(now)
      since = now - pause.pausedFor(now)
      if (!pause.isPaused) startTimers(since, now)
    },
    letThrough: (now) => {
      if (since === undefined) return
      news.over(now - pause.pausedFor(now) - since)
      running.stop()
      since = undefined
      isDead = false
    },
    forget: () => {
      if (isDead) return
      running.stop()
      since = undefined
      news.forget()
    },
    ended: endedAt,
    idle: (holdUntil, now) => endedAt(Math.max(holdUntil, now)),
    resumed: (now) => {
      running.stop()
      if (since !== undefined && !isDead) startTimers(since, now)
    }
  }
}

/** Timers that are stopped together, and do nothing while the pool is paused. */
const timersOf = ({ pause, timers }: Options) => {
  const running = new Set<TimerQueue.Timer>()
  return {
    add: (at: number, act: () => void): void => {
      running.add(timers.add(at, () => void (pause.isPaused || act())))
    },
    stop: (): void => {
      // To clear an empty set costs a table, and most pools come here after each call.
      if (running.size === 0) return
      for (const timer of running) timers.remove(timer)
      running.clear()
    }
  }
}

/** A user should hear of a silence that lasts so long, in milliseconds. */
const remarkable = 30_000

/** What a user hears in the log of a silence, and then of its end. */
const newsOf = ({ log, name, pending }: Options) => {
  let isTold = false
  return {
    get isTold(): boolean {
      return isTold
    },
    lasts: (lastRejection: Rejection | undefined): void => {
      if (pending() === 0) return
      isTold = true
      const status = lastRejection === undefined ? "" : ` (last status ${lastRejection.error.status})`
      const lasts = Format.duration(Duration.millis(remarkable))
      log(Effect.logWarning(`pool "${name}": the API has let nothing through for ${lasts}${status}; ${pending()} wait`))
    },
    over: (lasted: number): void => {
      if (!isTold) return
      isTold = false
      const what = Format.duration(Duration.millis(Math.round(lasted)))
      log(Effect.logInfo(`pool "${name}": the API lets calls through again, after ${what}`))
    },
    forget: (): void => {
      isTold = false
    }
  }
}

/**
 * Watches the API of a pool.
 *
 * @since 0.2.0
 * @category constructors
 */
export const ofPool = (
  { maxCapacityRetry, name }: PoolConfig,
  tally: PoolStats.Tally,
  others: Omit<Options, "name" | "budget" | "pending">
): Silence =>
  make({ ...others, name, budget: Duration.toMillis(maxCapacityRetry), pending: () => PoolStats.pending(tally) })
