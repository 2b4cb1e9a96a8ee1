/**
 * The figures of a simulation: how long it took, how fast it was compared with the ideal, what was rejected, how long
 * rows waited, and how fair it was.
 *
 * Instants are epoch milliseconds of virtual time, spans milliseconds, rates a second.
 *
 * @since 0.2.0
 */
import * as Figures from "../../report/Figures.js"
import type * as Recorder from "./Recorder.js"
import { coarser, type Bin, type Timeline } from "./Timeline.js"
import type * as Trace from "../Trace.js"

export {
  /**
   * A bin of a timeline.
   *
   * @since 0.2.0
   * @category models
   */
  type Bin,
  /**
   * A simulation over time.
   *
   * @since 0.2.0
   * @category models
   */
  type Timeline
} from "./Timeline.js"

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
 * How fast the pools came back after an instant at which there was capacity again.
 *
 * @since 0.2.0
 * @category models
 */
export interface Recovery {
  readonly at: number
  /** The time until the next success. */
  readonly firstSuccess: number
  /**
   * The time until the first second, counted from `at`, with 90 % of the median rate of all seconds after the first
   * success; `Infinity` if there was none.
   */
  readonly recovered: number
}

/**
 * The figures of one client.
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
 * A report. It is plain data: `JSON.stringify` writes it, with infinite values as `null`.
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
  /** The makespan of a caller that knows the server; see `Ideal`. */
  readonly idealMakespan: number
  /** `idealMakespan / makespan`: 1 is as fast as the server allows. */
  readonly shareOfIdeal: number
  /** Successes a second. */
  readonly goodput: number
  readonly idealGoodput: number
  readonly waits: { readonly queue: Quantiles; readonly hold: Quantiles; readonly backoff: Quantiles }
  readonly clients: ReadonlyArray<ClientReport>
  /**
   * Jain's index of the clients' goodput while all of them were there; 1 is fair. See Jain, Chiu and Hawe, "A
   * Quantitative Measure of Fairness and Discrimination", 1984. Undefined for a single client, and if the clients were
   * never there at once.
   */
  readonly fairness: number | undefined
  readonly recoveries: ReadonlyArray<Recovery>
  readonly timeline: Timeline
}

/**
 * Jain's index of fairness: 1 if all are equal, 1/n if one has everything.
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
 * The value below which a share of the values lies, by the nearest rank; 0 for no values. `sorted` must be ascending.
 *
 * @since 0.2.0
 * @category figures
 */
export const quantile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0

const quantiles = (values: Float64Array): Quantiles => {
  // To whole nanoseconds: sums of fractions leave a dust that is no wait.
  const sorted = values.map((value) => Math.round(value * 1e6) / 1e6).sort()
  const at = (share: number): number => quantile(sorted, share)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

const within = (instants: ReadonlyArray<number>, from: number, until: number): number =>
  instants.reduce((count, at) => (at >= from && at < until ? count + 1 : count), 0)

const second = 1000

/** None of nothing is none. */
const ratio = (part: number, whole: number): number => (part === 0 ? 0 : part / whole)

const recovery = (successes: ReadonlyArray<number>, at: number, until: number): Recovery => {
  const after = successes.filter((instant) => instant >= at && instant < until)
  const [next, last] = [after[0], after.at(-1)]
  if (next === undefined || last === undefined) return { at, firstSuccess: Infinity, recovered: Infinity }
  const secondOf = (instant: number): number => Math.floor((instant - at) / second)
  const first = secondOf(next)
  const rates = new Array<number>(secondOf(last) + 1).fill(0)
  for (const instant of after) rates[secondOf(instant)] = (rates[secondOf(instant)] ?? 0) + 1
  const median = quantile(
    rates.slice(first).sort((a, b) => a - b),
    0.5
  )
  const recovered = rates.findIndex((rate, index) => index >= first && rate >= 0.9 * median)
  return { at, firstSuccess: next - at, recovered: Math.max(recovered * second, next - at) }
}

/**
 * Makes the report of what was recorded. `idealFinish` is the earliest instant at which the last row could have been
 * done. `recoveries` are the instants at which capacity came back.
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
  const makespan = rows === 0 ? 0 : lastFinish - firstSubmission
  const idealMakespan = rows === 0 ? 0 : about.idealFinish - firstSubmission
  const histogram: Array<number> = []
  for (const count of attempts) {
    while (histogram.length <= count) histogram.push(0)
    histogram[count] = (histogram[count] ?? 0) + 1
  }

  const spans = successes.map(() => ({ rows: 0, from: Infinity, until: -Infinity }))
  clientOf.forEach((client, row) => {
    const span = spans[client]
    if (span === undefined) return
    span.rows += 1
    // A row that was never handed in has no times.
    if (Number.isNaN(finishedAt[row])) return
    span.from = Math.min(span.from, submittedAt[row] ?? Infinity)
    span.until = Math.max(span.until, finishedAt[row] ?? -Infinity)
  })
  const clients = spans.map(({ from, rows, until }, client) => {
    const served = successes[client]?.length ?? 0
    return {
      name: about.clients[client] ?? String(client),
      rows,
      successes: served,
      goodput: ratio(served, until - from) * second
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
    rejectedPerSuccess: ratio(record.rejections, all.length),
    attemptsHistogram: histogram,
    makespan,
    idealMakespan,
    shareOfIdeal: makespan === 0 ? 1 : idealMakespan / makespan,
    goodput: ratio(all.length, makespan) * second,
    idealGoodput: ratio(rows, idealMakespan) * second,
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

const width = 60
/** So many entries of the histogram of attempts are told one by one. */
const mostCounts = 6

/** Columns of text, each as wide as its widest cell; the first is flush left, the others right. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows.reduce<Array<number>>((most, row) => {
    row.forEach((cell, column) => (most[column] = Math.max(most[column] ?? 0, cell.length)))
    return most
  }, [])
  return rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(15) : cell.padStart(widths[column] ?? 0))).join("  ")
  )
}

const fact = (name: string, ...values: ReadonlyArray<string>): string => `${name.padEnd(15)}  ${values.join(", ")}`

/** A line of blocks with the largest of its values; none where all are zero. */
const drawn = (
  name: string,
  bins: ReadonlyArray<Bin>,
  valueOf: (bin: Bin) => number,
  format: (value: number) => string
): ReadonlyArray<string> => {
  const values = bins.map(valueOf)
  const max = Math.max(0, ...values)
  return max === 0 ? [] : [`${name.padEnd(15)}  ${Figures.sparkline(values).padEnd(width)}  up to ${format(max)}`]
}

/**
 * A report as a table for a terminal.
 *
 * @example
 * ```ts
 * import { Report, ServerModel, Simulation, Workload } from "effect-aimd/testing"
 *
 * const report = Simulation.report({
 *   api: { model: ServerModel.tokenBucket({ rate: 20, burst: 10 }), hints: "milliseconds" },
 *   clients: [{ pool: { poolSize: 8 }, workload: Workload.atOnce(100) }]
 * })
 * assert.match(Report.text(report), /^bucket 20\/s burst 10: 100 rows, seed 0\n/)
 * ```
 *
 * @since 0.2.0
 * @category formatting
 */
export const text = (report: Report): string => {
  const { clients, fairness, timeline, waits } = report
  const { number, percent, span } = Figures
  const perSecond = (rate: number): string => `${number(rate)}/s`
  const counts = report.attemptsHistogram.flatMap((rows, count) => (rows === 0 ? [] : [{ rows, count }]))
  const more = counts.slice(mostCounts).reduce((sum, { rows }) => sum + rows, 0)
  const attempts = [
    ...counts.slice(0, mostCounts).map(({ count, rows }) => `${number(rows)} with ${count}`),
    ...(more === 0 ? [] : [`${number(more)} with up to ${counts.at(-1)?.count}`])
  ]
  const { bins, from, until, width: binWidth } = coarser(timeline, width)
  const rate = (count: number): number => (count / binWidth) * second

  const clientTable = table([
    ["clients", "rows", "successes", "goodput"],
    ...clients.map(({ goodput, name, rows, successes }) => [
      `  ${name}`,
      number(rows),
      number(successes),
      perSecond(goodput)
    ])
  ])
  const lines = [
    `${report.server}: ${number(report.rows)} rows, seed ${report.seed}`,
    "",
    fact("makespan", span(report.makespan), `ideal ${span(report.idealMakespan)}`, percent(report.shareOfIdeal)),
    fact("goodput", perSecond(report.goodput), `ideal ${perSecond(report.idealGoodput)}`),
    fact("rejected", number(report.rejections), `${number(report.rejectedPerSuccess)} per success`),
    fact("outcomes", ...Object.entries(report.outcomes).map(([outcome, count]) => `${number(count)} ${outcome}`)),
    fact("attempts", number(report.attempts), `rows ${attempts.join(", ")}`),
    "",
    ...table([
      ["waits", "p50", "p95", "p99", "max"],
      ...(["queue", "hold", "backoff"] as const).map((kind) => {
        const { max, p50, p95, p99 } = waits[kind]
        return [`  ${kind}`, ...[p50, p95, p99, max].map(span)]
      })
    ]),
    ...(clients.length > 1 ? ["", ...clientTable] : []),
    ...(fairness === undefined ? [] : [fact("fairness", `${number(fairness)} by Jain's index`)]),
    ...report.recoveries.map(({ at, firstSuccess, recovered }) =>
      fact(
        `after ${span(at - from)}`,
        `first success ${firstSuccess === Infinity ? "never" : `in ${span(firstSuccess)}`}`,
        `full rate ${recovered === Infinity ? "never" : `in ${span(recovered)}`}`
      )
    ),
    "",
    fact(`over ${span(until - from)}`),
    ...drawn("goodput", bins, ({ successes }) => rate(successes), perSecond),
    ...drawn("rejections", bins, ({ rejections }) => rate(rejections), perSecond),
    ...drawn("window", bins, ({ window }) => window, number),
    ...drawn("in flight", bins, ({ inFlight }) => inFlight, number),
    ...drawn("delay", bins, ({ delay }) => delay, span),
    ...drawn("spacing", bins, ({ spacing }) => spacing, span)
  ]
  return lines.map((line) => line.trimEnd()).join("\n")
}
