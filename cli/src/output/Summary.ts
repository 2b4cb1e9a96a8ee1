/** The summary of a run: what `--json` prints, and the same for people. */
import { Duration } from "effect"
import type { PoolStats } from "effect-aimd"
import { codes, type Status } from "../ExitCode.js"
import type { Ending, Entry, Fault } from "./OutputLine.js"
import { money, span } from "./ProgressLine.js"

/** What kind of failure, how many rows had it, and what the first of them said. */
export interface Failures {
  readonly code: string
  readonly rows: number
  readonly example: { readonly id: string; readonly message: string }
}

/** What the control law has found out. */
export interface Law {
  readonly window: number
  readonly spacingMillis: number
  /** At most so many starts in a period; null while no such limit is known. */
  readonly starts: { readonly limit: number; readonly periodMillis: number } | null
  readonly reason: string
}

export interface Tokens {
  readonly input: number
  readonly output: number
}

export interface Summary {
  readonly exitCode: number
  readonly status: Status
  /** Why it ended early, in words; null if it did not. */
  readonly stopped: string | null
  readonly input: string
  readonly out: string
  readonly journal: string
  /** Rows of the input, as far as they were counted or read. */
  readonly rows: number
  readonly succeeded: number
  readonly failed: number
  readonly unfinished: number
  /** Rows of these that an earlier run has done. */
  readonly recalled: number
  /** Lines in the results: the first rows. */
  readonly lines: number
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly attempts: number
  readonly rejected: number
  readonly resent: number
  readonly maxInFlight: number
  /** All that answers told of, also to earlier runs; null where none did. */
  readonly tokens: Tokens | null
  /** All that was paid, by earlier runs as well; null without prices. */
  readonly cost: number | null
  /** Answers that told no tokens, though there are prices. */
  readonly untold: number
  readonly law: Law
  readonly failures: ReadonlyArray<Failures>
}

/** Kinds of failures that are told one by one. */
const mostKinds = 20

const excerpt = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim()
  return line.length > 200 ? `${line.slice(0, 200)}...` : line
}

const faultOf = (ending: Ending): Fault | undefined => {
  if (ending._tag === "failed") return ending.fault
  if (ending._tag !== "refused") return undefined
  const { body, status } = ending.answer
  return { code: `status_${status}`, message: typeof body === "string" ? body : JSON.stringify(body) }
}

/** Counts rows as they end. */
export class Tally {
  succeeded = 0
  failed = 0
  unfinished = 0
  recalled = 0
  lines = 0
  /** Rows of this process that failed without an answer. */
  unanswered = 0
  /** Answers that this process has got. */
  answered = 0
  private readonly kinds = new Map<string, { rows: number; readonly example: Failures["example"] }>()

  /** Counts a row; `isOwn` if this process has done it. */
  add({ stateId }: Entry, ending: Ending, isOwn: boolean): void {
    if (ending._tag === "unfinished") {
      this.unfinished += 1
      return
    }
    if (!isOwn) this.recalled += 1
    else if (ending._tag === "failed") this.unanswered += 1
    else this.answered += 1
    if (ending._tag === "served") this.succeeded += 1
    else this.failed += 1
    const fault = faultOf(ending)
    if (fault === undefined) return
    const kind = this.kinds.get(fault.code)
    if (kind !== undefined) kind.rows += 1
    else if (this.kinds.size < mostKinds) {
      this.kinds.set(fault.code, { rows: 1, example: { id: stateId, message: excerpt(fault.message) } })
    }
  }

  get failures(): ReadonlyArray<Failures> {
    return [...this.kinds].map(([code, kind]) => ({ code, ...kind }))
  }
}

const round = (x: number): number => Math.round(x * 100) / 100

const lawOf = ({ reason, spacing, starts, window }: PoolStats.PoolStats): Law => ({
  window,
  spacingMillis: round(Duration.toMillis(spacing)),
  starts: starts === undefined ? null : { limit: starts.limit, periodMillis: round(Duration.toMillis(starts.period)) },
  reason
})

/** Sums a run up; it took `millis`. */
export const make = (run: {
  readonly status: Status
  readonly stopped: string | undefined
  readonly input: string
  readonly out: string
  readonly journal: string
  readonly unfinished: number
  readonly tally: Tally
  readonly stats: PoolStats.PoolStats
  readonly millis: number
  readonly tokens: Tokens | undefined
  readonly money: { readonly cost: number; readonly untold: number } | undefined
}): Summary => {
  const { input, journal, millis, money, out, stats, status, stopped, tally, tokens, unfinished } = run
  const own = tally.succeeded + tally.failed - tally.recalled
  return {
    exitCode: codes[status],
    status,
    stopped: stopped ?? null,
    input,
    out,
    journal,
    rows: tally.succeeded + tally.failed + unfinished,
    succeeded: tally.succeeded,
    failed: tally.failed,
    unfinished,
    recalled: tally.recalled,
    lines: tally.lines,
    seconds: round(millis / 1000),
    rowsPerSecond: millis > 0 ? round((own * 1000) / millis) : 0,
    attempts: stats.attempts,
    rejected: stats.capacityRetries,
    resent: stats.resends,
    maxInFlight: stats.maxConcurrentReached,
    tokens: tokens ?? null,
    cost: money?.cost ?? null,
    untold: money?.untold ?? 0,
    law: lawOf(stats),
    failures: tally.failures
  }
}

const count = (n: number): string => n.toLocaleString("en-US")

/** What the law has found, in words. */
export const describeLaw = ({ reason, spacingMillis, starts, window }: Law): string => {
  const limits = [
    ...(starts === null ? [] : [`${count(starts.limit)} starts in ${span(starts.periodMillis)}`]),
    ...(spacingMillis > 0 ? [`a start each ${spacingMillis} ms`] : []),
    `${count(window)} in flight`
  ]
  return `the law allows ${limits.join(", ")} (${reason})`
}

/** Tokens for people. */
export const formatTokens = ({ input, output }: Tokens): string =>
  `${count(input)} tokens in, ${count(output)} tokens out`

const advice: { readonly [status in Status]?: string } = {
  budget: "To go on, run the same command again with a larger --max-cost.",
  dead: "To go on, run the same command again: rows without an answer are asked once more.",
  failedRows: "To do the failed rows again, run the same command with --retry failed."
}

/** The summary for people. */
export const format = (summary: Summary): string => {
  const { cost, failed, recalled, rows, status, stopped, succeeded, tokens, unfinished, untold } = summary
  const again = unfinished > 0 ? "To go on, run the same command again." : undefined
  const last = advice[status] ?? again
  return [
    ...(stopped === null ? [] : [`Stopped: ${stopped}.`]),
    `${count(succeeded)} of ${count(rows)} rows served, ${count(failed)} failed, ${count(unfinished)} unfinished` +
      (recalled > 0 ? `; ${count(recalled)} of them were done before` : ""),
    `${summary.seconds} s, ${summary.rowsPerSecond} rows/s, ${count(summary.attempts)} attempts, ` +
      `${count(summary.rejected)} rejected, ${count(summary.resent)} sent again, at most ${summary.maxInFlight} in flight`,
    ...(summary.attempts === 0 ? [] : [describeLaw(summary.law)]),
    ...(tokens === null
      ? []
      : [
          `${cost === null ? "" : `${money(cost)} spent: `}${formatTokens(tokens)}` +
            (untold > 0 ? `; ${count(untold)} answers told no tokens: the most that they may cost is counted` : "")
        ]),
    ...summary.failures.map(
      ({ code, example, rows }) => `${count(rows)} × ${code}, such as ${example.id}: ${example.message}`
    ),
    `${count(summary.lines)} lines in ${summary.out}, journal in ${summary.journal}`,
    ...(last === undefined ? [] : [last])
  ].join("\n")
}
