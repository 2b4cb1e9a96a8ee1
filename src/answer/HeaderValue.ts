/**
 * Values of rate limit headers: counts, seconds, durations with units, instants. A value that makes no sense is
 * `undefined`; nothing here throws.
 *
 * @since 0.2.0
 */

/** No API means a wait of more than a year. */
const longest = 365 * 24 * 60 * 60 * 1000

/** A number of seconds as large as this is an instant (in 2001 or later), not a span. The same in milliseconds. */
const [firstEpochSecond, firstEpochMilli] = [1e9, 1e12]

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
 * A plain decimal number, of seconds from now, or of seconds or milliseconds since 1970; as milliseconds from now.
 *
 * @since 0.2.0
 * @category parsers
 */
export const seconds = (text: string, now: number): number | undefined => {
  if (!decimal.test(text)) return undefined
  const value = Number(text)
  if (value < firstEpochSecond) return wait(value * 1000)
  return wait((value < firstEpochMilli ? value * 1000 : value) - now)
}

// The three forms of an HTTP-date (RFC 9110, 5.6.7), that of RFC 3339, and that of JavaScript's own `Date`.
const imfFixdate = /^[a-z]{3}, \d\d [a-z]{3} \d{4} \d\d:\d\d:\d\d gmt$/i
const rfc850 = /^[a-z]{6,9}, \d\d-[a-z]{3}-\d\d \d\d:\d\d:\d\d gmt$/i
const asctime = /^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i
const rfc3339 = /^\d{4}-\d\d-\d\dt.+(z|[+-]\d\d:\d\d)$/i
const javaScript = /^[a-z]{3} [a-z]{3} \d\d \d{4} \d\d:\d\d:\d\d gmt[+-]\d{4}( \(.*\))?$/i
const dates = [imfFixdate, rfc850, asctime, rfc3339, javaScript]

/**
 * An instant, in milliseconds from now; 0 where it is past.
 *
 * @since 0.2.0
 * @category parsers
 */
export const date = (text: string, now: number): number | undefined => {
  if (!dates.some((form) => form.test(text))) return undefined
  // asctime names no zone, and means GMT like the others.
  const instant = Date.parse(asctime.test(text) ? `${text} GMT` : text)
  return Number.isNaN(instant) ? undefined : wait(instant - now)
}

const units: { readonly [unit: string]: number } = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6
}

const withUnits = /^(\d+(\.\d+)?(d|h|ms|m|us|µs|ns|s))+$/

/**
 * A duration with units, such as `6m0s`, `1h2m3.5s` or `120ms`, in milliseconds.
 *
 * @since 0.2.0
 * @category parsers
 */
export const duration = (text: string): number | undefined => {
  if (!withUnits.test(text)) return undefined
  const parts = text.matchAll(/([\d.]+)([a-zµ]+)/g)
  return wait([...parts].reduce((sum, [, value, unit = ""]) => sum + Number(value) * (units[unit] ?? 0), 0))
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
