/**
 * What the headers of an answer say about waiting and about limits, in the dialects that APIs speak. Pure, and never
 * throws: a value that makes no sense (negative, unreadable, more than a year away) is left out.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Hints, Quota } from "../law/ControlLaw.js"
import * as HeaderValue from "./HeaderValue.js"

/**
 * The part of an answer's headers that is read: names in lower case, as in `@effect/platform`'s `Headers`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Headers {
  readonly [name: string]: string | undefined
}

/**
 * The headers that tell one quota: how many in its period, how many left, and when it is full again.
 *
 * @since 0.2.0
 * @category models
 */
export interface QuotaNames {
  readonly limit: string
  readonly remaining: string
  readonly reset: string
}

/**
 * Which headers are read, all in lower case. Of a list the first that can be read counts; quotas count all.
 *
 * @since 0.2.0
 * @category models
 */
export interface HeaderNames {
  /** A wait in milliseconds. */
  readonly retryAfterMillis: ReadonlyArray<string>
  /** A wait in seconds, or the instant of its end. */
  readonly retryAfter: ReadonlyArray<string>
  readonly requests: ReadonlyArray<QuotaNames>
  readonly tokens: ReadonlyArray<QuotaNames>
  /** The structured field of the IETF draft, and the one that describes its policies. */
  readonly rateLimit: { readonly state: string; readonly policy: string }
}

const quotaNames = (name: (part: string) => string): QuotaNames => ({
  limit: name("limit"),
  remaining: name("remaining"),
  reset: name("reset")
})

/**
 * The names that are read unless others are given:
 *
 * - `retry-after-ms`, `x-ms-retry-after-ms` (OpenAI, Azure) and `retry-after` (RFC 9110, 10.2.3)
 * - `x-ratelimit-*-requests`, `x-ratelimit-*-tokens` (OpenAI, Azure OpenAI, Groq)
 * - `anthropic-ratelimit-requests-*`, `-tokens-*`, `-input-tokens-*`, `-output-tokens-*` (Anthropic)
 * - `x-ratelimit-*` (GitHub, and most others), `x-rate-limit-*`, `ratelimit-*` (IETF drafts up to 06)
 * - `ratelimit` and `ratelimit-policy` (IETF draft-ietf-httpapi-ratelimit-headers, 07 and later; Cloudflare)
 *
 * @since 0.2.0
 * @category constants
 */
export const headerNames: HeaderNames = {
  retryAfterMillis: ["retry-after-ms", "x-ms-retry-after-ms"],
  retryAfter: ["retry-after"],
  requests: [
    quotaNames((part) => `x-ratelimit-${part}-requests`),
    quotaNames((part) => `anthropic-ratelimit-requests-${part}`),
    quotaNames((part) => `x-ratelimit-${part}`),
    quotaNames((part) => `x-rate-limit-${part}`),
    quotaNames((part) => `ratelimit-${part}`)
  ],
  tokens: [
    quotaNames((part) => `x-ratelimit-${part}-tokens`),
    quotaNames((part) => `anthropic-ratelimit-tokens-${part}`),
    quotaNames((part) => `anthropic-ratelimit-input-tokens-${part}`),
    quotaNames((part) => `anthropic-ratelimit-output-tokens-${part}`)
  ],
  rateLimit: { state: "ratelimit", policy: "ratelimit-policy" }
}

/** Reads a header with a parser; `undefined` where it is missing or cannot be read. */
const read = <A>(headers: Headers, name: string, parse: (text: string) => A | undefined): A | undefined => {
  const text = headers[name]
  return text === undefined ? undefined : parse(text.trim())
}

const quota = (limit: number | undefined, remaining: number | undefined, resetAfter: number | undefined): Quota => ({
  ...(limit !== undefined && { limit }),
  ...(remaining !== undefined && { remaining }),
  ...(resetAfter !== undefined && { resetAfter })
})

const named = (headers: Headers, now: number, names: ReadonlyArray<QuotaNames>): ReadonlyArray<Quota> => {
  const found: Array<Quota> = []
  for (const { limit, remaining, reset } of names) {
    if (headers[limit] === undefined && headers[remaining] === undefined && headers[reset] === undefined) continue
    found.push(
      quota(
        read(headers, limit, HeaderValue.count),
        read(headers, remaining, HeaderValue.count),
        read(headers, reset, (text) => HeaderValue.reset(text, now))
      )
    )
  }
  return found
}

interface Quotas {
  readonly requests: ReadonlyArray<Quota>
  readonly tokens: ReadonlyArray<Quota>
}

/** `"default";r=50;t=30` beside `"default";q=100;w=60`; up to draft 07, `limit=100, remaining=50, reset=30`. */
const structured = (headers: Headers, now: number, names: HeaderNames["rateLimit"]): Quotas => {
  const states = read(headers, names.state, HeaderValue.members) ?? []
  const policies = read(headers, names.policy, HeaderValue.members) ?? []
  const requests: Array<Quota> = []
  const tokens: Array<Quota> = []
  const number = (text: string | undefined) => (text === undefined ? undefined : HeaderValue.count(text))
  const instant = (text: string | undefined) => (text === undefined ? undefined : HeaderValue.seconds(text, now))
  for (const { name, parameters } of states) {
    if (parameters["r"] === undefined) continue
    const policy = policies.find((policy) => policy.name === name) ?? (policies.length === 1 ? policies[0] : undefined)
    const unit = policy?.parameters["qu"] ?? "requests"
    const list = unit === "requests" ? requests : unit.includes("token") ? tokens : undefined
    list?.push(quota(number(policy?.parameters["q"]), number(parameters["r"]), instant(parameters["t"])))
  }
  const pairs = new Map(
    states.map(({ name }) => {
      const [key = "", value = ""] = name.split("=", 2)
      return [key, value] as const
    })
  )
  if (pairs.has("remaining")) {
    requests.push(quota(number(pairs.get("limit")), number(pairs.get("remaining")), instant(pairs.get("reset"))))
  }
  return { requests, tokens }
}

const quotas = (headers: Headers, now: number, names: HeaderNames): Quotas => {
  const { requests, tokens } = structured(headers, now, names.rateLimit)
  return {
    requests: [...named(headers, now, names.requests), ...requests],
    tokens: [...named(headers, now, names.tokens), ...tokens]
  }
}

const withDefaults = (names: Partial<HeaderNames> | undefined): HeaderNames =>
  names === undefined ? headerNames : { ...headerNames, ...names }

/** The quota with the least left; of equals, the one that takes longest to be full again. */
const tightest = (all: ReadonlyArray<Quota>): Quota | undefined => {
  const [first, ...others] = all.filter((quota) => Object.keys(quota).length > 0)
  if (first === undefined) return undefined
  return others.reduce((least, quota) => {
    const [left, leastLeft] = [quota.remaining ?? Infinity, least.remaining ?? Infinity]
    const isTighter = left < leastLeft || (left === leastLeft && (quota.resetAfter ?? 0) > (least.resetAfter ?? 0))
    return isTighter ? quota : least
  }, first)
}

/**
 * Reads what an answer says about its limits, requests and tokens apart. Where there are several limits of a kind, the
 * one with the least left counts. `now` is the instant of the answer in epoch milliseconds.
 *
 * @example
 * ```ts
 * import { RetryAfter } from "effect-aimd"
 *
 * const headers = {
 *   "x-ratelimit-limit-requests": "60",
 *   "x-ratelimit-remaining-requests": "59",
 *   "x-ratelimit-reset-requests": "1s",
 *   "x-ratelimit-limit-tokens": "150000",
 *   "x-ratelimit-remaining-tokens": "149984",
 *   "x-ratelimit-reset-tokens": "6m0s"
 * }
 * assert.deepStrictEqual(RetryAfter.hints(headers, 0), {
 *   requests: { limit: 60, remaining: 59, resetAfter: 1_000 },
 *   tokens: { limit: 150_000, remaining: 149_984, resetAfter: 360_000 }
 * })
 * ```
 *
 * @since 0.2.0
 * @category parsers
 */
export const hints = (headers: Headers, now: number, names?: Partial<HeaderNames>): Hints => {
  const all = quotas(headers, now, withDefaults(names))
  const [requests, tokens] = [tightest(all.requests), tightest(all.tokens)]
  return { ...(requests && { requests }), ...(tokens && { tokens }) }
}

/**
 * Reads how long an answer asks its client to stay away: `retry-after-ms`, or else `retry-after`, in seconds or as a date,
 * or else the longest reset of a spent quota. A quota counts as spent where the headers say that 0 remain, and where they
 * do not say how many.
 *
 * `now` is the instant of the answer in epoch milliseconds. An instant in the past gives zero; a header that is missing,
 * negative, unreadable, or asks for more than a year gives way to the next, and at last to `None`.
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
 * assert.deepStrictEqual(
 *   RetryAfter.fromHeaders({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1798761660" }, now),
 *   Option.some(Duration.minutes(1))
 * )
 * ```
 *
 * @since 0.1.0
 * @category parsers
 */
export const fromHeaders = (
  headers: Headers,
  now: number,
  names?: Partial<HeaderNames>
): Option.Option<Duration.Duration> => {
  const all = withDefaults(names)
  const millis =
    first(headers, all.retryAfterMillis, HeaderValue.millis) ??
    first(headers, all.retryAfter, (text) => HeaderValue.seconds(text, now) ?? HeaderValue.date(text, now)) ??
    longestReset(quotas(headers, now, all))
  return millis === undefined ? Option.none() : Option.some(Duration.millis(millis))
}

const first = <A>(headers: Headers, names: ReadonlyArray<string>, parse: (text: string) => A | undefined) => {
  for (const name of names) {
    const value = read(headers, name, parse)
    if (value !== undefined) return value
  }
  return undefined
}

const longestReset = ({ requests, tokens }: Quotas): number | undefined => {
  const resets = [...requests, ...tokens].flatMap(({ remaining = 0, resetAfter }) =>
    remaining < 1 && resetAfter !== undefined ? [resetAfter] : []
  )
  return resets.length === 0 ? undefined : Math.max(...resets)
}
