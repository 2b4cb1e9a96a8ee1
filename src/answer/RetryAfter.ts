/**
 * Reads what the headers of an answer say about waiting and about limits, in the forms that APIs use. Pure, and never
 * throws: a value that makes no sense (negative, unreadable, more than a year away) is ignored.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Hints, Quota } from "../law/ControlLaw.js"
import * as ErrorBody from "./ErrorBody.js"
import * as HeaderName from "./HeaderName.js"
import * as HeaderValue from "./HeaderValue.js"

/**
 * The headers of an answer: names in lower case, as in `@effect/platform`'s `Headers`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Headers {
  readonly [name: string]: string | undefined
}

/**
 * The headers that tell one quota: how many calls in its period, how many are left, and when it is full again.
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
 * Which headers are read, all in lower case. In each list the first header that can be read counts; all quotas count. A
 * list that you give replaces the names and the rule that are used otherwise.
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
 * The best known names that are read by default. The rule reads all of them, and the same names with a vendor before
 * them or a period after them, such as `x-ratelimit-remaining-tokens-minute`, `x-hubspot-ratelimit-daily-remaining` or
 * `x-ratelimit-reset-after`:
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
  return text === undefined ? undefined : parse(HeaderValue.once(text.trim()))
}

const quota = (limit: number | undefined, remaining: number | undefined, resetAfter: number | undefined): Quota => ({
  ...(limit !== undefined && { limit }),
  ...(remaining !== undefined && { remaining }),
  ...(resetAfter !== undefined && { resetAfter })
})

const named = (headers: Headers, now: number, names: ReadonlyArray<QuotaNames>): Array<Quota> => {
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

interface Found {
  readonly counts: HeaderName.Name["counts"]
  limit?: number | undefined
  remaining?: number | undefined
  used?: number | undefined
  resetAfter?: number | undefined
}

/** `32/40`: how many of how many are used. */
const usage = /^(\d+)\s*\/\s*(\d+)$/

/** The quotas of all headers whose names are of the family. */
const byRule = (headers: Headers, now: number, names: HeaderNames): Quotas => {
  const groups = new Map<string, Found>()
  for (const name in headers) {
    const rule = name === names.rateLimit.state ? undefined : HeaderName.parse(name)
    if (rule === undefined) continue
    const found = groups.get(rule.group) ?? { counts: rule.counts }
    groups.set(rule.group, found)
    if (rule.part === "reset" || rule.part === "resetAfter") {
      const millis = rule.unit === 1 ? read(headers, name, HeaderValue.millis) : undefined
      // A reset-after is a span, and no instant however long it is.
      const origin = rule.part === "reset" ? now : -Infinity
      found.resetAfter = millis ?? read(headers, name, (text) => HeaderValue.reset(text, origin)) ?? found.resetAfter
    } else {
      const [, used, limit] = usage.exec(headers[name] ?? "") ?? []
      if (used === undefined) found[rule.part] = read(headers, name, HeaderValue.count)
      else [found.used, found.limit] = [Number(used), Number(limit)]
    }
  }
  const quotas = { requests: new Array<Quota>(), tokens: new Array<Quota>(), other: new Array<Quota>() }
  for (const { counts, limit, remaining, resetAfter, used } of groups.values()) {
    const left = limit !== undefined && used !== undefined ? Math.max(0, limit - used) : undefined
    quotas[counts].push(quota(limit, remaining ?? left, resetAfter))
  }
  return quotas
}

interface Quotas {
  readonly requests: ReadonlyArray<Quota>
  readonly tokens: ReadonlyArray<Quota>
  /** What counts neither: complexity, bytes. */
  readonly other: ReadonlyArray<Quota>
}

/** `"default";r=50;t=30` beside `"default";q=100;w=60`; up to draft 07, `limit=100, remaining=50, reset=30`. */
const structured = (headers: Headers, now: number, names: HeaderNames["rateLimit"]): Omit<Quotas, "other"> => {
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

/** When an answer was given, by its own clock: that of its reader may be another. */
const instantOf = (headers: Headers, now: number): number => {
  const text = headers["date"]
  const instant = text === undefined ? NaN : Date.parse(text)
  return Number.isNaN(instant) ? now : instant
}

const quotas = (headers: Headers, now: number, given: Partial<HeaderNames> | undefined): Quotas => {
  const names = withDefaults(given)
  const state = structured(headers, now, names.rateLimit)
  const rule = byRule(headers, now, names)
  const requests = given?.requests === undefined ? rule.requests : named(headers, now, given.requests)
  const tokens = given?.tokens === undefined ? rule.tokens : named(headers, now, given.tokens)
  return {
    requests: [...requests, ...state.requests],
    tokens: [...tokens, ...state.tokens],
    other: rule.other
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
 * Reads what an answer says about its limits, for requests and for tokens. If it tells several limits of one kind, the
 * limit with the least left counts. `now` is the instant of the answer in epoch milliseconds. It is used if the answer
 * has no `date`.
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
  // Most answers tell nothing, and none costs less than that.
  if (names === undefined && !Object.keys(headers).some(HeaderName.mayTell)) return nothing
  const all = quotas(headers, instantOf(headers, now), names)
  const [requests, tokens] = [tightest(all.requests), tightest(all.tokens)]
  return { ...(requests && { requests }), ...(tokens && { tokens }) }
}

const nothing: Hints = {}

/**
 * Reads how long an answer asks its client to wait. The first of these counts: `retry-after-ms`; `retry-after`, in
 * seconds, with units or as a date; the longest reset of a spent quota. A quota is spent if the headers say that 0
 * remain, or do not say how many.
 *
 * `now` is the instant of the answer in epoch milliseconds; if the answer has a `date`, that is used instead. An
 * instant in the past gives zero. A header that is missing, negative, unreadable, or asks for more than a year is
 * skipped; if none is left, the result is `None`.
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
  const at = instantOf(headers, now)
  return toOption(asked(headers, at, names) ?? longestReset(quotas(headers, at, names)))
}

/**
 * Reads how long the body of an error asks its client to wait: Google's `RetryInfo`, fields such as `retry_after` (in
 * seconds) and `retryAfterMs`, headers that were put into the body, or a sentence such as "try again in 1m5.289s". If
 * there are several, the longest counts. `now` is the instant of the answer in epoch milliseconds.
 *
 * @example
 * ```ts
 * import { Duration, Option } from "effect"
 * import { RetryAfter } from "effect-aimd"
 *
 * const body = '{"error":{"message":"Rate limit reached. Please try again in 1m5.5s."}}'
 * assert.deepStrictEqual(RetryAfter.fromBody(body, 0), Option.some(Duration.millis(65_500)))
 * ```
 *
 * @since 0.2.0
 * @category parsers
 */
export const fromBody = (body: string, now: number): Option.Option<Duration.Duration> =>
  waitOf(ErrorBody.parse(body), now)

/**
 * The same of a body that was parsed already.
 *
 * @internal
 */
export const waitOf = (body: ErrorBody.ErrorBody, now: number): Option.Option<Duration.Duration> => {
  const waits = [
    ...body.waits,
    ...body.headers.flatMap((headers) => Option.toArray(fromHeaders(headers, now)).map(Duration.toMillis))
  ]
  return waits.length === 0 ? Option.none() : Option.some(Duration.millis(Math.max(...waits)))
}

/**
 * How long an answer asks its client to stay away, by its headers and its body: what it asks for in so many words goes
 * before the reset of a spent quota.
 *
 * @internal
 */
export const fromAnswer = (
  headers: Headers,
  body: ErrorBody.ErrorBody,
  now: number,
  names?: Partial<HeaderNames>
): Option.Option<Duration.Duration> => {
  const at = instantOf(headers, now)
  return toOption(asked(headers, at, names)).pipe(
    Option.orElse(() => waitOf(body, at)),
    Option.orElse(() => toOption(longestReset(quotas(headers, at, names))))
  )
}

/**
 * How long the headers ask to wait in so many words: `retry-after` and its kin.
 *
 * @internal
 */
export const explicit = (headers: Headers, now: number): Option.Option<Duration.Duration> =>
  toOption(asked(headers, instantOf(headers, now), undefined))

/**
 * When a quota comes back of which the headers say that nothing remains.
 *
 * @internal
 */
export const spentReset = (headers: Headers, now: number): Option.Option<Duration.Duration> => {
  const { requests, tokens } = quotas(headers, instantOf(headers, now), undefined)
  return toOption(longestReset({ requests: requests.filter(isTold), tokens: tokens.filter(isTold), other: [] }))
}

const isTold = ({ remaining }: Quota): boolean => remaining !== undefined

const toOption = (millis: number | undefined): Option.Option<Duration.Duration> =>
  millis === undefined ? Option.none() : Option.some(Duration.millis(millis))

/** What the headers ask for in so many words. */
const asked = (headers: Headers, now: number, given: Partial<HeaderNames> | undefined): number | undefined => {
  const names = withDefaults(given)
  const span = (text: string) =>
    HeaderValue.seconds(text, now) ?? HeaderValue.duration(text) ?? HeaderValue.date(text, now)
  const exact = first(headers, names.retryAfterMillis, HeaderValue.millis) ?? first(headers, names.retryAfter, span)
  if (exact !== undefined || given?.retryAfter !== undefined) return exact
  const kin = Object.keys(headers).map((name) => {
    const unit = HeaderName.waitUnit(name)
    return unit === undefined ? undefined : read(headers, name, unit === 1 ? HeaderValue.millis : span)
  })
  return kin.find((wait) => wait !== undefined)
}

const first = <A>(headers: Headers, names: ReadonlyArray<string>, parse: (text: string) => A | undefined) => {
  for (const name of names) {
    const value = read(headers, name, parse)
    if (value !== undefined) return value
  }
  return undefined
}

const longestReset = ({ other, requests, tokens }: Quotas): number | undefined => {
  // What counts something unknown counts only where it says that it is spent.
  const spent = [...requests, ...tokens, ...other.filter(isTold)].flatMap(({ remaining = 0, resetAfter }) =>
    remaining < 1 && resetAfter !== undefined ? [resetAfter] : []
  )
  return spent.length === 0 ? undefined : Math.max(...spent)
}
