/**
 * What a simulation amounts to: how long, how fast beside the ideal, what was rejected, who waited, how fair.
 *
 * Instants are epoch milliseconds of virtual time, spans milliseconds, rates a second.
 *
 * @since 0.2.0
 */
import type * as Recorder from "./Recorder.js"
import type * as Timeline from "./Timeline.js"
import type * as Trace from "./Trace.js"

/**
 * Quantiles of a wait over all rows, in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/**
 * How the pools came back after an instant at which there was capacity again.
 *
 * @since 0.2.0
 * @category models
 */
export interface Recovery {
  readonly at: number
  /** Until the next success. */
  readonly firstSuccess: number
  /** Until the first second with 90 % of the median rate of what follows; `Infinity` where none came. */
  readonly recovered: number
}

/**
 * One client's part.
 *
 * @since 0.2.0
 * @category models
 */
export interface ClientReport {
  readonly name: string
  readonly rows: number
  readonly successes: number
  /** Successes a second between its first submission and its last outcome. */
  readonly goodput: number
}

/**
 * A report. It is data: `JSON.stringify` writes it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Report {
  readonly server: string
  readonly seed: number
  readonly rows: number
  readonly successes: number
  readonly outcomes: { readonly [outcome in Trace.Outcome]?: number }
  readonly attempts: number
  readonly rejections: number
  readonly rejectedPerSuccess: number
  /** How many rows needed 0, 1, 2 … attempts. */
  readonly attemptsHistogram: ReadonlyArray<number>
  /** From the first submission to the last outcome. */
  readonly makespan: number
  /** The makespan of somebody who knows the server; see `Ideal`. */
  readonly idealMakespan: number
  /** `idealMakespan / makespan`: 1 is as fast as the server allows. */
  readonly shareOfIdeal: number
  /** Successes a second. */
  readonly goodput: number
  readonly idealGoodput: number
  readonly waits: { readonly queue: Quantiles; readonly hold: Quantiles; readonly backoff: Quantiles }
  readonly clients: ReadonlyArray<ClientReport>
  /**
   * Jain's index of the clients' goodput while all of them were there, 1 being fair: Jain, Chiu and Hawe, "A Quantitative
   * Measure of Fairness and Discrimination", 1984. Undefined for a single client, and where they were never there at once.
   */
  readonly fairness: number | undefined
  readonly recoveries: ReadonlyArray<Recovery>
  readonly timeline: Timeline.Timeline
}

/**
 * Jain's index of fairness: 1 where all are equal, 1/n where one has all.
 *
 * @example
 * ```ts
 * import { Report } from "effect-aimd/testing"
 *
 * assert.deepStrictEqual([[5, 5], [10, 0]].map(Report.jain), [1, 0.5])
 * ```
 *
 * @since 0.2.0
 * @category figures
 */
export const jain = (shares: ReadonlyArray<number>): number => {
  const sum = shares.reduce((total, share) => total + share, 0)
  const squares = shares.reduce((total, share) => total + share * share, 0)
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares)
}

/**
 * The value below which a share of the values lies, by the nearest rank; 0 of none. `sorted` must be ascending.
 *
 * @since 0.2.0
 * @category figures
 */
export const quantile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0

const quantiles = (values: Float64Array): Quantiles => {
  const sorted = values.slice().sort()
  const [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1].map((share) => quantile(sorted, share))
  return { p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0, max: max ?? 0 }
}

const within = (instants: ReadonlyArray<number>, from: number, until: number): number =>
  instants.reduce((count, at) => (at >= from && at < until ? count + 1 : count), 0)

const second = 1000

const recovery = (successes: ReadonlyArray<number>, at: number, until: number): Recovery => {
  const after = successes.filter((instant) => instant >= at && instant < until)
  const rates = new Array<number>(Math.max(0, Math.floor((Math.min(until, after.at(-1) ?? at) - at) / second))).fill(0)
  for (const instant of after) {
    const index = Math.floor((instant - at) / second)
    if (index < rates.length) rates[index] = (rates[index] ?? 0) + 1
  }
  const median = quantile(
    [...rates].sort((a, b) => a - b),
    0.5
  )
  const recovered = rates.findIndex((rate) => rate >= 0.9 * median)
  return {
    at,
    firstSuccess: (after[0] ?? Infinity) - at,
    recovered: recovered < 0 ? Infinity : recovered * second
  }
}

/**
 * Makes the report of what was recorded. `idealFinish` is when the last row could have been done at best, `recoveries` are the
 * instants at which capacity came back.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  record: Recorder.Record,
  about: {
    readonly server: string
    readonly seed: number
    readonly clients: ReadonlyArray<string>
    readonly idealFinish: number
    readonly recoveries: ReadonlyArray<number>
  }
): Report => {
  const { attempts, clientOf, finishedAt, firstSubmission, lastFinish, submittedAt, successes } = record
  const rows = attempts.length
  const all = successes.flat().sort((a, b) => a - b)
  const makespan = lastFinish - firstSubmission
  const idealMakespan = about.idealFinish - firstSubmission
  const histogram: Array<number> = []
  for (const count of attempts) {
    while (histogram.length <= count) histogram.push(0)
    histogram[count] = (histogram[count] ?? 0) + 1
  }

  const spans = about.clients.map(() => ({ rows: 0, from: Infinity, until: -Infinity }))
  clientOf.forEach((client, row) => {
    const span = spans[client]
    if (span === undefined) return
    span.rows += 1
    span.from = Math.min(span.from, submittedAt[row] ?? Infinity)
    span.until = Math.max(span.until, finishedAt[row] ?? -Infinity)
  })
  const clients = spans.map(({ from, rows, until }, client) => {
    const served = successes[client]?.length ?? 0
    return {
      name: about.clients[client] ?? String(client),
      rows,
      successes: served,
      goodput: (served / (until - from)) * second
    }
  })
  const [together, apart] = [Math.max(...spans.map(({ from }) => from)), Math.min(...spans.map(({ until }) => until))]
  const shared = successes.map((instants) => within(instants, together, apart))

  return {
    server: about.server,
    seed: about.seed,
    rows,
    successes: all.length,
    outcomes: Object.fromEntries(record.outcomes),
    attempts: record.starts,
    rejections: record.rejections,
    rejectedPerSuccess: record.rejections / all.length,
    attemptsHistogram: histogram,
    makespan,
    idealMakespan,
    shareOfIdeal: idealMakespan / makespan,
    goodput: (all.length / makespan) * second,
    idealGoodput: (rows / idealMakespan) * second,
    waits: {
      queue: quantiles(record.queueWait),
      hold: quantiles(record.holdWait),
      backoff: quantiles(record.backoffWait)
    },
    clients,
    fairness: clients.length > 1 && together < apart ? jain(shared) : undefined,
    recoveries: about.recoveries.map((at, index) => recovery(all, at, about.recoveries[index + 1] ?? Infinity)),
    timeline: record.timeline
  }
}
