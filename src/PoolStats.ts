/**
 * What is counted: for a batch, for the life of a pool, and as Effect metrics.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import type * as MetricLabel from "effect/MetricLabel"
import * as Usage from "./answer/Usage.js"
import type { Money } from "./limit/Purse.js"
import type { PoolConfig } from "./PoolConfig.js"

export {
  /**
   * What a pool has spent.
   *
   * @since 0.2.0
   * @category models
   */
  type Money
} from "./limit/Purse.js"

/**
 * The figures of one batch.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchStats {
  readonly rows: number
  readonly successes: number
  /** Rows that ended, but not with a success. */
  readonly failures: number
  readonly attempts: number
  /** Attempts that the API rejected with a capacity error. */
  readonly capacityRetries: number
  /** The most attempts of this batch that were in flight at once. */
  readonly maxConcurrentReached: number
  /** The longest delay that the law gave to a rejected row of this batch. */
  readonly peakDelay: Duration.Duration
  /** The law's delay when the last outcome came. */
  readonly dispatchDelayAtCompletion: Duration.Duration
  /** The time between a rejection and the next start, or the outcome, added up over all rows. */
  readonly totalThrottleTime: Duration.Duration
  /** What the attempts have used, as far as they reported it: see `Hints.report`. */
  readonly usage: Usage.Usage
}

/**
 * A decision of the control law that changed the window, the hold, the limit of a period or the reason; instants in epoch
 * milliseconds of the wall clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Change {
  readonly at: number
  /** Attempts that may be in flight. */
  readonly window: number
  /** Least time between two starts, in milliseconds. */
  readonly spacing: number
  /** How long a row waits if it is rejected now, in milliseconds. */
  readonly delay: number
  /** No start before this instant. */
  readonly holdUntil: number
  /** At most `limit` starts in any `period`, in milliseconds; undefined while the law knows no such limit. */
  readonly starts: { readonly limit: number; readonly period: number } | undefined
  /** The share of all calls that the API rejects by chance at any load, as the law believes: 0 to 1. */
  readonly chance: number
  /** Since when the API has let nothing through; undefined while it does. */
  readonly saturatedSince: number | undefined
  readonly reason: string
}

/**
 * How many changes a snapshot holds.
 *
 * @since 0.2.0
 * @category constants
 */
export const changesKept = 32

/**
 * A limit that a pool was told, and how much of it is used. `reserved` is the sum of `settled` (what attempts took),
 * `refunded` (what they gave back) and `open` (what attempts in flight may take).
 *
 * @since 0.2.0
 * @category models
 */
export interface LimitStats {
  /** As in `600 requests per 1m`. */
  readonly limit: string
  /** How much counts as used now. */
  readonly used: number
  readonly reserved: number
  readonly settled: number
  readonly refunded: number
  readonly open: number
}

/**
 * What a pool did since it was made, and its state now.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolStats extends BatchStats {
  readonly config: PoolConfig
  /** Rows and calls that were taken on and have no outcome yet: they wait, back off, or are in flight. */
  readonly pending: number
  readonly inFlight: number
  readonly currentDelay: Duration.Duration
  /** Requests that were sent again because their answer was lost; see `effect-aimd/http`. */
  readonly resends: number
  /** Attempts that the law allows in flight now. */
  readonly window: number
  /** No start before this instant, in epoch milliseconds; 0 when the pool was never held. */
  readonly holdUntil: number
  /** The longest `Retry-After` that the API asked for, before `maxRetryAfter` cut it. */
  readonly longestRetryAfter: Duration.Duration
  /** The least time between two starts now. */
  readonly spacing: Duration.Duration
  /** At most `limit` starts in any `period`; undefined while the law knows no such limit. */
  readonly starts: { readonly limit: number; readonly period: Duration.Duration } | undefined
  /** The share of all calls that the API rejects by chance at any load, as the law believes: 0 to 1. */
  readonly chance: number
  /** Since when the API has let nothing through, in epoch milliseconds; undefined while it does. */
  readonly saturatedSince: number | undefined
  /** The reason for the law's last decision. */
  readonly reason: string
  /** The limits that the pool was told; absent if it was told none. */
  readonly limits?: ReadonlyArray<LimitStats>
  /** What was spent; absent if the pool knows no prices. */
  readonly money?: Money
  /** The latest decisions that changed something, oldest first, at most 32. `pool.changes` gives them as they come. */
  readonly changes: ReadonlyArray<Change>
}

/**
 * The running counts behind the statistics; times in milliseconds.
 *
 * @since 0.1.0
 * @category counting
 */
export interface Tally {
  rows: number
  successes: number
  failures: number
  attempts: number
  capacityRetries: number
  inFlight: number
  maxConcurrentReached: number
  peakDelay: number
  dispatchDelayAtCompletion: number
  totalThrottleTime: number
  resends: number
  usage: Usage.Usage
  /** What rows that came out of a journal had used before. */
  recalledUsage: Usage.Usage
}

/**
 * Makes a tally with every count at 0.
 *
 * @since 0.1.0
 * @category counting
 */
export const makeTally = (): Tally => ({
  rows: 0,
  successes: 0,
  failures: 0,
  attempts: 0,
  capacityRetries: 0,
  inFlight: 0,
  maxConcurrentReached: 0,
  peakDelay: 0,
  dispatchDelayAtCompletion: 0,
  totalThrottleTime: 0,
  resends: 0,
  usage: Usage.none,
  recalledUsage: Usage.none
})

/**
 * A snapshot of a tally.
 *
 * @since 0.1.0
 * @category counting
 */
export const fromTally = (tally: Tally): BatchStats => ({
  rows: tally.rows,
  successes: tally.successes,
  failures: tally.failures,
  attempts: tally.attempts,
  capacityRetries: tally.capacityRetries,
  maxConcurrentReached: tally.maxConcurrentReached,
  peakDelay: Duration.millis(tally.peakDelay),
  dispatchDelayAtCompletion: Duration.millis(tally.dispatchDelayAtCompletion),
  totalThrottleTime: Duration.millis(tally.totalThrottleTime),
  usage: tally.usage
})

/**
 * How many rows of a tally have no outcome yet.
 *
 * @since 0.1.0
 * @category counting
 */
export const pending = (tally: Tally): number => tally.rows - ended(tally)

/**
 * How many rows of a tally have their outcome.
 *
 * @since 0.2.0
 * @category counting
 */
export const ended = (tally: Tally): number => tally.successes + tally.failures

const milliseconds = MetricBoundaries.exponential({ start: 1, factor: 2, count: 20 })

const attempts = Metric.counter("effect_aimd_attempts", { description: "Attempts started", incremental: true })
const capacityRetries = Metric.counter("effect_aimd_capacity_retries", {
  description: "Attempts that the API rejected with a capacity error",
  incremental: true
})
const successes = Metric.counter("effect_aimd_successes", { description: "Rows that succeeded", incremental: true })
const failures = Metric.counter("effect_aimd_failures", { description: "Rows that failed", incremental: true })
const inFlight = Metric.gauge("effect_aimd_in_flight", { description: "Attempts in flight" })
const currentDelay = Metric.gauge("effect_aimd_current_delay_millis", {
  description: "What a row rejected now waits, in milliseconds"
})
const wait = Metric.histogram(
  "effect_aimd_wait_millis",
  milliseconds,
  "What a row waited before an attempt, in milliseconds: for its turn, or after a rejection"
)

/**
 * The metrics of every pool, to read with `Metric.value` or to export; tagged with `pool`, the pool's name.
 *
 * @since 0.1.0
 * @category metrics
 */
export const metrics = { attempts, successes, failures, capacityRetries, inFlight, currentDelay, wait }

/**
 * Counts for a pool as a whole and for one of its parties, and updates the metrics.
 *
 * @since 0.1.0
 * @category counting
 */
export interface Counter {
  readonly tally: Tally
  readonly submitted: (rows: number) => void
  readonly started: (waited: number) => void
  readonly rejected: (delay: number) => void
  /** An attempt ended, in whatever way. */
  readonly ended: () => void
  readonly used: (usage: Usage.Usage) => void
  /** A row came out of a journal. */
  readonly recalled: (usage: Usage.Usage) => void
  readonly finished: (success: boolean, throttleWait: number, delay: number) => void
}

/**
 * Makes the counter of a party that shares the pool's tally.
 *
 * @since 0.1.0
 * @category counting
 */
export const makeCounter = (pool: Tally, labels: ReadonlyArray<MetricLabel.MetricLabel>): Counter => {
  const tally = makeTally()
  const both = (count: (tally: Tally) => void): void => {
    count(tally)
    count(pool)
  }
  return {
    tally,
    submitted: (rows) => both((t) => (t.rows += rows)),
    started: (waited) => {
      both(start)
      attempts.unsafeUpdate(1, labels)
      inFlight.unsafeUpdate(pool.inFlight, labels)
      wait.unsafeUpdate(waited, labels)
    },
    rejected: (delay) => {
      both((t) => {
        t.capacityRetries += 1
        if (delay > t.peakDelay) t.peakDelay = delay
      })
      capacityRetries.unsafeUpdate(1, labels)
    },
    ended: () => {
      tally.inFlight -= 1
      pool.inFlight -= 1
      inFlight.unsafeUpdate(pool.inFlight, labels)
    },
    used: (usage) => both((t) => (t.usage = Usage.sum(t.usage, usage))),
    recalled: (usage) => both((t) => (t.recalledUsage = Usage.sum(t.recalledUsage, usage))),
    finished: (success, throttleWait, delay) => {
      both((t) => {
        if (success) t.successes += 1
        else t.failures += 1
        t.totalThrottleTime += throttleWait
        t.dispatchDelayAtCompletion = delay
      })
      if (success) successes.unsafeUpdate(1, labels)
      else failures.unsafeUpdate(1, labels)
    }
  }
}

const start = (tally: Tally): void => {
  tally.attempts += 1
  tally.inFlight += 1
  if (tally.inFlight > tally.maxConcurrentReached) tally.maxConcurrentReached = tally.inFlight
}

/**
 * Updates the metric of the law's delay, in milliseconds.
 *
 * @since 0.1.0
 * @category counting
 */
export const recordDelay = (delay: number, labels: ReadonlyArray<MetricLabel.MetricLabel>): void =>
  currentDelay.unsafeUpdate(delay, labels)
