/**
 * How many rows a chunk has, so that it is some seconds of work. Pure.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Limit from "../../limit/Limit.js"
import type * as PoolStats from "../../PoolStats.js"

/**
 * What is known of the size of chunks; times in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly lasts: number
  readonly atLeast: number
  readonly atMost: number
  /** Chunks that run at once, over the whole cluster: each has its share of the rate. */
  readonly atOnce: number
}

/** A number of rows, and when they were done. */
interface Ended {
  readonly at: number
  readonly rows: number
}

/**
 * Rows a millisecond that told limits and the law of a pool allow; undefined where neither says.
 *
 * @since 0.2.0
 * @category rates
 */
export const allowed = ({ config, starts }: Pick<PoolStats.PoolStats, "config" | "starts">): number | undefined => {
  const told = Limit.tell(config.limits ?? []).filter(({ most, unit }) => unit === "requests" && most < Infinity)
  const rates = told.map(({ most, per }) => most / per)
  if (starts !== undefined) rates.push(starts.limit / Duration.toMillis(starts.period))
  return rates.length === 0 ? undefined : Math.min(...rates)
}

/**
 * The size of the next chunks of one batch.
 *
 * @since 0.2.0
 * @category models
 */
export interface ChunkSize {
  /** A chunk of so many rows has ended. */
  readonly ended: (at: number, rows: number) => void
  readonly next: (allowed: number | undefined) => number
}

/**
 * Makes the size of chunks. What chunks have shown counts; before that, what the pool allows; before that, `atLeast`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ atLeast, atMost, atOnce, lasts }: Options, now: number): ChunkSize => {
  /** The first one is where the time begins in which the others were done. */
  const recent: Array<Ended> = [{ at: now, rows: 0 }]

  const shown = (): number | undefined => {
    const [first] = recent
    const last = recent.at(-1)
    if (first === undefined || last === undefined || last.at <= first.at) return undefined
    return recent.reduce((sum, { rows }) => sum + rows, -first.rows) / (last.at - first.at)
  }

  return {
    ended: (at, rows) => {
      recent.push({ at, rows })
      if (recent.length > 2 * atOnce + 1) recent.shift()
    },
    next: (allowed) => {
      const rate = shown() ?? allowed
      const size = rate === undefined ? atLeast : Math.round((rate * lasts) / atOnce)
      return Math.min(Math.max(size, atLeast), atMost)
    }
  }
}
