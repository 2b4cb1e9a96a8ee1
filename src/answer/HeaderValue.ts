/**
 * Values of rate limit headers: counts, seconds, durations with units, instants. A value that makes no sense is
 * `undefined`; nothing here throws.
 *
 * @since 0.2.0
 */

/** No API means a wait of more than a year. */
const longest = 365 * 24 * 60 * 60 * 1000

/** From here on a number of seconds is an instant: it was 2001 then. The same in milliseconds, micro- and nanoseconds. */
const [firstEpochSecond, firstEpochMilli, firstEpochMicro, firstEpochNano] = [1e9, 1e12, 1e15, 1e18]

const decimal = /^\d+(\.\d+)?$/

const wait = (millis: number): number | undefined => (millis <= longest ? Math.max(0, millis) : undefined)

/**
 * A plain decimal number of milliseconds.
 *
 * @since 0.2.0
 * @category parsers
 */
export const millis = (text: string): number | undefined => (decimal.test(text) ? wait(Number(text)) : undefined)

/**
 * A value that was sent twice, such as `60, 60`, once: what stands before an API may add a header that is there.
 *
 * @since 0.2.0
 * @category parsers
 */
export const once = (text: string): string =>
  text.length > 200 || !text.includes(",") ? text : (/^(.+?)(?:\s*,\s*\1)+$/.exec(text)?.[1] ?? text)

/**
 * A plain decimal number: of seconds from now, or of seconds or smaller units since 1970. In milliseconds from now.
 *
 * @since 0.2.0
 * @category parsers
 */
export const seconds = (text: string, now: number): number | undefined => {
  if (!decimal.test(text)) return undefined
  const value = Number(text)
  if (value < firstEpochSecond) return wait(value * 1000)
  const instant =
    value < firstEpochMilli
      ? value * 1e3
      : value < firstEpochMicro
        ? value
        : value < firstEpochNano
          ? value / 1e3
          : value / 1e6
  return wait(instant - now)
}

// The three forms of an HTTP-date (RFC 9110, 5.6.7), that of RFC 3339 and what servers make of it, and that of JavaScript's
// own `Date`.
const imfFixdate = /^[a-z]{3}, \d\d [a-z]{3} \d{4} \d\d:\d\d:\d\d gmt$/i
const rfc850 = /^[a-z]{6,9}, \d\d-[a-z]{3}-\d\d \d\d:\d\d:\d\d gmt$/i
const asctime = /^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i
const zoned = "\\d{4}-\\d\\d-\\d\\d[t ]\\d\\d:\\d\\d(?::\\d\\d(?:\\.\\d+)?)?\\s?(?:z|utc|gmt|[+-]\\d\\d:?\\d\\d)"
const rfc3339 = new RegExp(`^${zoned}$`, "i")
const unzoned = /^\d{4}-\d\d-\d\d[t ]\d\d:\d\d(:\d\d(\.\d+)?)?$/i
const javaScript = /^[a-z]{3} [a-z]{3} \d\d \d{4} \d\d:\d\d:\d\d gmt[+-]\d{4}( \(.*\))?$/i
const dates = [imfFixdate, rfc850, asctime, rfc3339, unzoned, javaScript]

/** An instant that says its zone, or seconds or milliseconds since 1970, as the source of an expression. */
export const instant = `${zoned}|\\d{10}(?:\\d{3})?(?!\\d)`

/**
 * An instant, in milliseconds from now; 0 where it is past.
 *
 * @since 0.2.0
 * @category parsers
 */
export const date = (text: string, now: number): number | undefined => {
  if (!dates.some((form) => form.test(text))) return undefined
  // Those that name no zone mean GMT like the others.
  const instant = Date.parse(asctime.test(text) ? `${text} GMT` : unzoned.test(text) ? `${text}Z` : text)
  return Number.isNaN(instant) ? undefined : wait(instant - now)
}

const units: ReadonlyArray<readonly [form: string, millis: number]> = [
  ["ms|msecs?|millis|milliseconds?", 1],
  ["us|µs|microseconds?", 1e-3],
  ["ns|nanoseconds?", 1e-6],
  ["s|secs?|seconds?", 1000],
  ["m|mins?|minutes?", 60_000],
  ["h|hrs?|hours?", 3_600_000],
  ["d|days?", 86_400_000]
]

const unit = units.map(([form]) => form).join("|")

const withUnits = `(?:\\d+(?:\\.\\d+)?\\s*|(?:an?|one)\\s+)(?:${unit})(?![a-zµ])(?:(?:\\s*,|\\s+and)?\\s*\\d+(?:\\.\\d+)?\\s*(?:${unit})(?![a-zµ]))*`
const clock = "(?:\\d+\\.)?\\d{1,3}:\\d\\d:\\d\\d(?:\\.\\d+)?"

/** A duration with units or as a clock shows it, as the source of an expression: for a sentence that holds one. */
export const span = `${clock}|${withUnits}`

const isWithUnits = new RegExp(`^(?:${withUnits})$`)
const isUnit = units.map(([form, millis]) => [new RegExp(`^(?:${form})$`), millis] as const)

/** Of ISO 8601, without years and months, which are of no fixed length. */
const iso8601 = /^p(?=[\dt])(?:(\d+)w)?(?:(\d+)d)?(?:t(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:[.,]\d+)?)s)?)?$/

/** `02:12:20`, with days before a dot: `22.14:18:12`. Its first group stands where the weeks do. */
const clockParts = /^()(?:(\d+)\.)?(\d{1,3}):(\d\d):(\d\d(?:\.\d+)?)$/

const byUnit = (parts: RegExpExecArray): number | undefined => {
  // A group that is not there is no text, whatever its type says.
  const groups: ReadonlyArray<string | undefined> = parts
  const [, weeks, days, hours, minutes, seconds] = groups.map((part) => Number(part?.replace(",", ".") ?? 0))
  return wait(
    ((((weeks ?? 0) * 7 + (days ?? 0)) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60_000 + (seconds ?? 0) * 1000
  )
}

/**
 * A duration with units, such as `6m0s`, `1h2m3.5s`, `120ms` or `2 minutes`, of ISO 8601 such as `PT1M30S`, or as a clock
 * shows it, such as `02:12:20`, in milliseconds.
 *
 * @since 0.2.0
 * @category parsers
 */
export const duration = (given: string): number | undefined => {
  const text = given.toLowerCase().replace(/^(?:an?|one)\s+/, "1 ")
  const parts = iso8601.exec(text) ?? clockParts.exec(text)
  if (parts !== null) return byUnit(parts)
  return isWithUnits.test(text) ? byUnits(text) : undefined
}

const byUnits = (text: string): number | undefined => {
  const parts = text.matchAll(/([\d.]+)\s*([a-zµ]+)/g)
  const millisOf = (unit: string) => isUnit.find(([form]) => form.test(unit))?.[1] ?? 0
  return wait([...parts].reduce((sum, [, value, unit = ""]) => sum + Number(value) * millisOf(unit), 0))
}

/**
 * When a quota is full again, in any of the forms above, in milliseconds from now.
 *
 * @since 0.2.0
 * @category parsers
 */
export const reset = (text: string, now: number): number | undefined =>
  seconds(text, now) ?? duration(text) ?? date(text, now)

/**
 * A count. Of a list such as `100, 100;w=60` it is the first.
 *
 * @since 0.2.0
 * @category parsers
 */
export const count = (text: string): number | undefined => {
  const [, digits] = /^(\d+(?:\.\d+)?)\s*(?:[,;]|$)/.exec(text) ?? []
  const value = Number(digits ?? NaN)
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined
}

/**
 * One member of a structured field (RFC 9651), as far as rate limits use them: a name and its parameters.
 *
 * @since 0.2.0
 * @category models
 */
export interface Member {
  readonly name: string
  readonly parameters: { readonly [key: string]: string | undefined }
}

const bare = (text: string): string => text.trim().replace(/^"(.*)"$/, "$1")

const split = (text: string, separator: "," | ";"): ReadonlyArray<string> =>
  text.match(separator === "," ? /(?:"[^"]*"|[^",])+/g : /(?:"[^"]*"|[^";])+/g) ?? []

/**
 * The members of a list such as `"burst";r=5;t=1, "daily";r=900;t=4000`.
 *
 * @since 0.2.0
 * @category parsers
 */
export const members = (text: string): ReadonlyArray<Member> =>
  split(text, ",").map((item) => {
    const [name = "", ...parameters] = split(item, ";")
    return {
      name: bare(name),
      parameters: Object.fromEntries(
        parameters.map((parameter) => {
          const [key = "", ...value] = parameter.split("=")
          return [key.trim().toLowerCase(), bare(value.join("="))]
        })
      )
    }
  })
