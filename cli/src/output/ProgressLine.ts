/** The progress line: how far, how fast, how long still, and why it waits. */
import { Duration } from "effect"
import type { PooledExecutor, PoolStats } from "effect-aimd"

/** What is known of a run at an instant; times in epoch milliseconds. */
export interface Standing {
  readonly at: number
  /** All rows of the input; undefined where nobody has counted them. */
  readonly total: number | undefined
  readonly snapshot: PooledExecutor.Snapshot
  readonly stats: PoolStats.PoolStats
  /** Rows that this process has done itself. */
  readonly own: number
  readonly cost: { readonly spent: number; readonly max: number } | undefined
}

/** How many rows this process had done at an instant. */
export interface Sample {
  readonly at: number
  readonly own: number
}

const window = 30_000

/** Adds a sample and forgets those that the rate does not need: it is taken over the last half minute. */
export const sample = (samples: ReadonlyArray<Sample>, next: Sample): ReadonlyArray<Sample> => [
  ...samples.filter((_, i) => next.at - (samples[i + 1]?.at ?? next.at) < window),
  next
]

/** Rows a second over the samples; 0 as long as there is no time between them. */
export const rate = (samples: ReadonlyArray<Sample>): number => {
  const [first, last] = [samples[0], samples.at(-1)]
  return first === undefined || last === undefined || last.at <= first.at
    ? 0
    : ((last.own - first.own) * 1000) / (last.at - first.at)
}

const count = (n: number): string => n.toLocaleString("en-US")

/** A span as a person reads it. */
export const span = (millis: number): string => {
  if (millis < 1000) return `${Math.ceil(millis)}ms`
  return millis < 10_000
    ? `${Math.round(millis / 100) / 10}s`
    : Duration.format(Duration.seconds(Math.ceil(millis / 1000)))
}

/** Money, to as many digits as tell something. */
export const money = (amount: number): string => amount.toFixed(amount !== 0 && amount < 0.1 ? 4 : 2)

/** Why rows wait; undefined where none does. */
const waits = ({ at, snapshot, stats }: Standing): string | undefined => {
  switch (snapshot.waitsFor) {
    case "hold":
      return `waits ${span(Math.max(0, stats.holdUntil - at))} as the API asked`
    case "window":
      return `waits for one of ${stats.window} places`
    case "pace":
      return stats.starts === undefined
        ? `waits for the pace, a start each ${span(Duration.toMillis(stats.spacing))}`
        : `waits for the pace, ${count(stats.starts.limit)} starts in ${span(Duration.toMillis(stats.starts.period))}`
    case "limit":
      return "waits for a limit that the pool was told"
    case "pause":
      return "paused"
    case "reader":
      return "waits for the first rows to end"
    case "rows":
      return undefined
  }
}

/** The line, with `perSecond` rows a second; what matters least comes last, where a narrow terminal cuts it off. */
export const line = (standing: Standing, perSecond: number): string => {
  const { cost, snapshot, stats, total } = standing
  const ended = snapshot.done + snapshot.failed
  const left = total === undefined ? undefined : total - ended
  const parts = [
    total === undefined ? `${count(ended)} rows` : `${count(ended)}/${count(total)}`,
    `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`
  ]
  if (left !== undefined && left > 0) {
    parts.push(`about ${perSecond > 0 ? span((left * 1000) / perSecond) : "?"} left`)
  }
  if (snapshot.failed > 0) parts.push(`${count(snapshot.failed)} failed`)
  parts.push(`${snapshot.inFlight} in flight`)
  const why = waits(standing)
  if (why !== undefined) parts.push(why)
  if (stats.capacityRetries > 0) parts.push(`${count(stats.capacityRetries)} rejected`)
  if (cost !== undefined) {
    parts.push(`${money(cost.spent)}${cost.max === Infinity ? "" : ` of ${money(cost.max)}`} spent`)
  }
  const tokens = (snapshot.usage.tokens ?? 0) + (snapshot.recalledUsage.tokens ?? 0)
  if (tokens > 0) parts.push(`${count(tokens)} tokens`)
  return parts.join(" · ")
}
