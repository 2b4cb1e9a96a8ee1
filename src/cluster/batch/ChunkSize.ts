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
  /** Chunks of a batch that are handed out at once. */
  readonly atOnce: number
  /** Those of them that one process does at once. */
  readonly perProcess: number
}

/**
 * What a chunk has come to: so many rows in so many milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Pace {
  readonly rows: number
  readonly millis: number
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
  readonly ended: (pace: Pace) => void
  readonly next: (allowed: number | undefined) => number
}

/**
 * Makes the size of chunks. What the latest chunks have shown counts; before that, what the pool allows, shared by the chunks of
 * one process; before that, `atLeast`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ atLeast, atMost, atOnce, lasts, perProcess }: Options): ChunkSize => {
  const recent: Array<Pace> = []

  const shown = (): number | undefined => {
    const rows = recent.reduce((sum, pace) => sum + pace.rows, 0)
    const millis = recent.reduce((sum, pace) => sum + pace.millis, 0)
    return millis > 0 ? rows / millis : undefined
  }

  return {
    ended: (pace) => {
      recent.push(pace)
      if (recent.length > atOnce) recent.shift()
    },
    next: (allowed) => {
      const rate = shown() ?? (allowed === undefined ? 0 : allowed / perProcess)
      return Math.min(Math.max(Math.round(rate * lasts), atLeast), atMost)
    }
  }
}
