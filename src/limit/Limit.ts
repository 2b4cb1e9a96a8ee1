/**
 * A limit of an API, as the user tells it.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Format from "../structure/Format.js"
import { type Unit, units } from "./Cost.js"

/**
 * One limit, or several limits in the same span of time: `{ requests: 600, tokens: 90_000, per: "1 minute" }`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Limit {
  readonly requests?: number | undefined
  readonly tokens?: number | undefined
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  /** At most this many attempts at once; needs no `per`. */
  readonly concurrent?: number | undefined
  /** The span of time of the other limits. */
  readonly per?: Duration.DurationInput | undefined
  /**
   * How the API counts. With `"window"`, the default, no span has more than the limit: this is right for sliding
   * windows, fixed windows, and buckets that hold the whole limit. `"bucket"` is for a bucket that holds `burst` and
   * fills at the limit's rate.
   */
  readonly kind?: "window" | "bucket" | undefined
  /** How much a bucket holds. Default the limit itself. */
  readonly burst?: number | undefined
  /**
   * How much longer one call may take than another to reach the API, which counts it. Default a twentieth of `per` (for
   * a bucket, of the time in which it fills), at most a second; a second for `concurrent`. `Infinity`: the API may
   * count a call at any instant until its answer.
   */
  readonly transit?: Duration.DurationInput | undefined
  /** Whether the API counts what a call used, and gives back the rest of what it asked for. Default true. */
  readonly refunds?: boolean | undefined
  /**
   * Whether the pool tries if the API allows more. The limit becomes a twentieth larger after each `per` in which it
   * held calls back and none was rejected. After a rejection it is again what was told. Default false: the limit is
   * never exceeded.
   */
  readonly grows?: boolean | undefined
}

/**
 * One limit of one thing; times in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Told {
  readonly unit: Unit | "concurrent"
  /** Infinity where answers tell. */
  readonly most: number
  /** 0 for `concurrent`, and where answers tell. */
  readonly per: number
  /** Undefined for a window. */
  readonly burst: number | undefined
  readonly transit: number
  readonly refunds: boolean
  readonly grows: boolean
}

/**
 * A {@link Limit} whose durations were read.
 *
 * @since 0.2.0
 * @category models
 */
export type Read = Omit<Limit, "per" | "transit"> & {
  readonly per?: Duration.Duration | undefined
  readonly transit?: Duration.Duration | undefined
}

const longestTransit = 1000

const tellOne = (limit: Read, unit: Unit, amount: number): Told => {
  const span = limit.per === undefined ? 0 : Duration.toMillis(limit.per)
  // Half a request a second is one in two seconds: there is no half a request.
  const whole = unit === "requests" ? Math.max(1, amount) : amount
  const per = whole === amount ? span : (span / amount) * whole
  const burst = limit.kind === "bucket" ? (limit.burst ?? whole) : undefined
  const fills = burst === undefined ? per : (burst / whole) * per
  return {
    unit,
    most: whole,
    per,
    burst,
    transit: limit.transit === undefined ? Math.min(longestTransit, fills / 20) : Duration.toMillis(limit.transit),
    refunds: limit.refunds ?? true,
    grows: limit.grows ?? false
  }
}

const fromHeaders = (unit: Unit): Told => ({
  unit,
  most: Infinity,
  per: 0,
  burst: undefined,
  transit: longestTransit,
  refunds: true,
  grows: false
})

/**
 * The limits one by one.
 *
 * @since 0.2.0
 * @category decoding
 */
export const tell = (limits: ReadonlyArray<Read | "headers">): ReadonlyArray<Told> =>
  limits.flatMap((limit) => {
    if (limit === "headers") return [fromHeaders("requests"), fromHeaders("tokens")]
    const told = units.flatMap((unit) => {
      const most = limit[unit]
      return most === undefined ? [] : [tellOne(limit, unit, most)]
    })
    const { concurrent, transit } = limit
    if (concurrent === undefined) return told
    const lingers = transit === undefined ? longestTransit : Duration.toMillis(transit)
    // Nobody knows when the API hears of what was broken off: that cannot be waited for.
    const finite = lingers === Infinity ? longestTransit : lingers
    return [
      ...told,
      {
        unit: "concurrent" as const,
        most: concurrent,
        per: 0,
        burst: undefined,
        transit: finite,
        refunds: true,
        grows: limit.grows ?? false
      }
    ]
  })

/**
 * The most that one call may take of a limit.
 *
 * @since 0.2.0
 * @category values
 */
export const largest = ({ burst, most }: Told): number => burst ?? most

const nouns: Record<Unit, string> = {
  requests: "requests",
  tokens: "tokens",
  inputTokens: "input tokens",
  outputTokens: "output tokens"
}

/**
 * A limit as a person reads it.
 *
 * @since 0.2.0
 * @category formatting
 */
export const show = ({ burst, most, per, unit }: Told): string => {
  if (unit === "concurrent") return `${most} at once`
  if (most === Infinity) return `${nouns[unit]} as answers tell`
  const bucket = burst === undefined ? "" : `, ${burst} at once`
  return `${most} ${nouns[unit]} per ${Format.duration(Duration.millis(per))}${bucket}`
}
