/** The summary of a run: what `--json` prints, and the same for people. */
import { Duration, Exit } from "effect"
import type { PoolStats } from "effect-aimd"
import type { Embedded } from "./neighbours.js"
import { type Entry, failureOf, type Files, type Result } from "./report.js"

export interface Answer {
  readonly question: string
  readonly nearest: ReadonlyArray<{ readonly stateId: string; readonly similarity: number; readonly text: string }>
}

export interface Summary {
  readonly url: string
  readonly model: string
  readonly poolSize: number
  readonly rows: number
  readonly succeeded: number
  readonly failed: number
  /** Rows that the end of the run came before. */
  readonly unfinished: number
  /** Why the run ended early; null if it did not. */
  readonly stopped: string | null
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly attempts: number
  readonly capacityRetries: number
  readonly maxConcurrentReached: number
  readonly peakDelayMillis: number
  readonly totalThrottleSeconds: number
  /** Each kind of failure: how many rows, and what the first of them said. */
  readonly errors: ReadonlyArray<{ readonly error: string; readonly rows: number; readonly message: string }>
  readonly files: Files
  readonly answers: ReadonlyArray<Answer>
}

const countErrors = (entries: ReadonlyArray<Entry>): Summary["errors"] => {
  const kinds = new Map<string, { error: string; rows: number; message: string }>()
  for (const entry of entries) {
    const failure = failureOf(entry)
    if (failure === undefined) continue
    const kind = kinds.get(failure.error)
    if (kind === undefined) kinds.set(failure.error, { ...failure, rows: 1 })
    else kind.rows += 1
  }
  return [...kinds.values()]
}

const round = (x: number): number => Math.round(x * 100) / 100

/** Sums a run up; it took `millis`. */
export const make = (run: {
  readonly url: string
  readonly model: string
  readonly poolSize: number
  readonly entries: ReadonlyArray<Entry>
  readonly stats: PoolStats.BatchStats
  readonly stopped: string | undefined
  readonly millis: number
  readonly files: Files
  readonly answers: ReadonlyArray<Answer>
}): Summary => {
  const { answers, entries, files, millis, model, poolSize, stats, url } = run
  const errors = countErrors(entries)
  const unfinished = errors.find(({ error }) => error === "PoolShutdownError")?.rows ?? 0
  const succeeded = entries.filter(({ exit }) => Exit.isSuccess(exit)).length
  return {
    url,
    model,
    poolSize,
    rows: entries.length,
    succeeded,
    failed: entries.length - succeeded - unfinished,
    unfinished,
    stopped: run.stopped ?? null,
    seconds: round(millis / 1000),
    rowsPerSecond: millis > 0 ? round((succeeded * 1000) / millis) : 0,
    attempts: stats.attempts,
    capacityRetries: stats.capacityRetries,
    maxConcurrentReached: stats.maxConcurrentReached,
    peakDelayMillis: Duration.toMillis(stats.peakDelay),
    totalThrottleSeconds: round(Duration.toSeconds(stats.totalThrottleTime)),
    errors: errors.filter(({ error }) => error !== "PoolShutdownError"),
    files,
    answers
  }
}

/** An answer out of the nearest results. */
export const answer = (
  question: string,
  nearest: ReadonlyArray<{ readonly candidate: Result & Embedded; readonly similarity: number }>
): Answer => ({
  question,
  nearest: nearest.map(({ candidate, similarity }) => ({
    stateId: candidate.stateId,
    similarity: round(similarity),
    text: candidate.text.split("\n\n", 1).join("").replace(/\s+/g, " ")
  }))
})

const short = (text: string): string => (text.length <= 76 ? text : `${text.slice(0, 75)}…`)

/** The summary for people. */
export const format = (summary: Summary): string => {
  const { files } = summary
  const lines = [
    "",
    ...(summary.stopped === null ? [] : [`Stopped early: ${summary.stopped}.`]),
    `${summary.succeeded} of ${summary.rows} rows done in ${summary.seconds} s (${summary.rowsPerSecond}/s), ` +
      `${summary.failed} failed, ${summary.unfinished} unfinished`,
    `${summary.attempts} attempts, ${summary.capacityRetries} capacity retries, ` +
      `at most ${summary.maxConcurrentReached} in flight, peak delay ${summary.peakDelayMillis} ms`,
    `model ${summary.model} at ${summary.url}`,
    ...summary.errors.map(({ error, message, rows }) => `${rows} × ${error}: ${message}`),
    `results in ${files.results}, audit trail in ${files.audit}`
  ]
  for (const { nearest, question } of summary.answers) {
    lines.push("", `"${question}"`)
    for (const { similarity, stateId, text } of nearest) {
      lines.push(`  ${similarity.toFixed(2)}  ${stateId}`, `        ${short(text)}`)
    }
  }
  return lines.join("\n")
}
