/**
 * How long an answer asks its client to wait: the header dialects of `Retry-After`, read into a `Duration`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/**
 * The part of an answer's headers that is read: names in lower case, as in `@effect/platform`'s `Headers`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Headers {
  readonly [name: string]: string | undefined
}

const number = /^\d+(\.\d+)?$/

const scaled = (text: string | undefined, millisPerUnit: number): Option.Option<Duration.Duration> =>
  text !== undefined && number.test(text.trim())
    ? Option.some(Duration.millis(Number(text) * millisPerUnit))
    : Option.none()

// The three forms of an HTTP-date (RFC 9110, 5.6.7), and that of RFC 3339, which some send instead.
const imfFixdate = /^[a-z]{3}, \d\d [a-z]{3} \d{4} \d\d:\d\d:\d\d gmt$/i
const rfc850 = /^[a-z]{6,9}, \d\d-[a-z]{3}-\d\d \d\d:\d\d:\d\d gmt$/i
const asctime = /^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i
const rfc3339 = /^\d{4}-\d\d-\d\dt.+(z|[+-]\d\d:\d\d)$/i

const date = (text: string | undefined, now: number): Option.Option<Duration.Duration> => {
  const trimmed = text?.trim() ?? ""
  // asctime names no zone, and means GMT like the others.
  const zoned = asctime.test(trimmed) ? `${trimmed} GMT` : trimmed
  const isDate = [imfFixdate, rfc850, asctime, rfc3339].some((form) => form.test(trimmed))
  const instant = isDate ? Date.parse(zoned) : NaN
  return Number.isNaN(instant) ? Option.none() : Option.some(Duration.millis(Math.max(0, instant - now)))
}

/**
 * Reads `retry-after-ms` (Azure OpenAI, OpenAI) or else `retry-after`, in seconds or as an HTTP-date (RFC 9110, 10.2.3).
 *
 * `now` is the instant of the answer in epoch milliseconds. A date in the past gives zero; a header that is missing,
 * negative or unreadable gives `None`.
 *
 * @example
 * ```ts
 * import { Duration, Option } from "effect"
 * import { RetryAfter } from "effect-aimd"
 *
 * const now = Date.parse("Fri, 01 Jan 2027 00:00:00 GMT")
 * assert.deepStrictEqual(RetryAfter.fromHeaders({ "retry-after": "2" }, now), Option.some(Duration.seconds(2)))
 * assert.deepStrictEqual(
 *   RetryAfter.fromHeaders({ "retry-after": "Fri, 01 Jan 2027 00:01:00 GMT" }, now),
 *   Option.some(Duration.minutes(1))
 * )
 * ```
 *
 * @since 0.1.0
 * @category parsers
 */
export const fromHeaders = (headers: Headers, now: number): Option.Option<Duration.Duration> =>
  scaled(headers["retry-after-ms"], 1).pipe(
    Option.orElse(() => scaled(headers["retry-after"], 1000)),
    Option.orElse(() => date(headers["retry-after"], now))
  )
