/**
 * Classifiers for providers whose answers mean something else than their status says.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as ErrorBody from "../answer/ErrorBody.js"
import * as RetryAfter from "../answer/RetryAfter.js"
import { type Facts, type Provider, providers } from "./Provider.js"
import * as Standard from "./Standard.js"
import {
  type Answer,
  capacity,
  type Classifier,
  firstOf,
  forHost,
  lost,
  quotaExhausted,
  refused,
  type Verdict
} from "./Verdict.js"

/** Slack says `ok: false`; a list of errors beside data is one as well. */
const isError = (text: string, body: ErrorBody.ErrorBody): boolean =>
  body.isError || /^\s*\{\s*"ok"\s*:\s*false\b/.test(text)

/** Shopify's bucket: it fills by so many points a second, and the query asked for more than there were. */
const untilRestored = (text: string): Duration.Duration | undefined => {
  const number = (name: string) => Number(new RegExp(`"${name}"\\s*:\\s*([\\d.]+)`).exec(text)?.[1] ?? NaN)
  const seconds = (number("requestedQueryCost") - number("currentlyAvailable")) / number("restoreRate")
  return Number.isFinite(seconds) && seconds >= 0 ? Duration.millis(Math.ceil(seconds * 1000)) : undefined
}

const makeSet = (codes: ReadonlyArray<string> = []): ReadonlySet<string> =>
  new Set(codes.map((code) => code.toLowerCase()))

/**
 * Makes a classifier of what a provider documents. No opinion where its words say nothing that the standard one does not
 * know.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (provider: Facts): Classifier => {
  const [notNow, never, refusals, losses] = [provider.notNow, provider.never, provider.refused, provider.lost].map(
    makeSet
  )
  const pause = provider.pause === undefined ? undefined : Duration.decode(provider.pause)

  const isAmong = (words: ReadonlySet<string> | undefined) => (code: string) => words?.has(code.toLowerCase()) === true

  const judge = (read: Standard.Read, text: string): Verdict | undefined => {
    const { body, headers, now, status } = read
    if (status < 400 && !isError(text, body)) return undefined
    const said = (words: ReadonlySet<string> | undefined) => body.codes.find(isAmong(words))
    const request = said(refusals)
    if (request !== undefined) return refused(request)
    const account =
      said(never) ?? (body.messages.some((message) => provider.saysNever?.test(message)) ? "by its message" : undefined)
    if (account !== undefined) return quotaExhausted(account, !Standard.isSoonOver(read))
    const isSpent =
      provider.spentStatuses?.includes(status) === true && Option.isSome(RetryAfter.spentReset(headers, now))
    const isSaid = body.messages.some((message) => provider.says?.test(message))
    if (said(notNow) !== undefined || isSpent || isSaid) {
      // What no wait changes, by words that are not the provider's own for "not now".
      const others = body.codes.filter((code) => !isAmong(notNow)(code))
      const final = Standard.judgeCapacity({ ...read, body: { ...body, codes: others } })
      if (final !== undefined) return final
      const told = RetryAfter.fromAnswer(headers, body, now)
      return capacity(
        Option.getOrUndefined(Option.orElse(told, () => Option.fromNullable(untilRestored(text) ?? pause)))
      )
    }
    if (said(losses) !== undefined) return lost
    if (status === 429 && pause !== undefined && Option.isNone(RetryAfter.fromAnswer(headers, body, now))) {
      return capacity(pause)
    }
    // An error inside a 200 is judged as the status that it stands for.
    const meant = status < 400 ? Standard.statusOf(body) : undefined
    if (meant === undefined) return undefined
    const as = { ...read, status: meant }
    return Standard.judge(as, standing) ?? (standing.has(meant) ? capacity() : meant >= 500 ? lost : undefined)
  }

  const isInside = ({ headers, request, status }: Answer): boolean =>
    status >= 400 ||
    (provider.inside200 !== undefined &&
      provider.inside200 !== false &&
      /\bjson\b/i.test(headers["content-type"] ?? "") &&
      (provider.inside200 === true || provider.inside200.test(request.url)))

  return (answer) =>
    isInside(answer)
      ? Effect.zipWith(answer.body, Standard.read(answer), (text, read) => Option.fromNullable(judge(read, text)))
      : Effect.succeedNone
}

const standing: ReadonlySet<number> = new Set([429, 503, 529])

/**
 * Chooses the provider by the host of the request. Returns `None` for hosts that are not known.
 *
 * @since 0.2.0
 * @category classifiers
 */
export const known: Classifier = forHost(
  Object.fromEntries(
    Object.values(providers).flatMap((provider) => {
      const classify = make(provider)
      return provider.hosts.map((host) => [host, classify] as const)
    })
  )
)

/**
 * Combines profiles and your own classifiers: each is asked in turn, and `Classifier.standard()` decides what none of
 * them knows.
 *
 * @since 0.2.0
 * @category combinators
 */
export const all = (...classifiers: ReadonlyArray<Classifier>): Classifier =>
  firstOf(...classifiers, Standard.standard())

const profile = (provider: Provider): Classifier => make(providers[provider])

/**
 * Airtable: 429, then a wait of thirty seconds, which no header tells.
 *
 * @since 0.2.0
 * @category profiles
 */
export const airtable: Classifier = profile("airtable")

/**
 * Anthropic: `rate_limit_error` (429), `overloaded_error` (529), in streams too.
 *
 * @since 0.2.0
 * @category profiles
 */
export const anthropic: Classifier = profile("anthropic")

/**
 * Amazon Web Services: throttling with 400, 403 or 503, by the code in the body or in `x-amzn-errortype`.
 *
 * @since 0.2.0
 * @category profiles
 */
export const aws: Classifier = profile("aws")

/**
 * Azure, also Azure OpenAI: 429 and 503 with `retry-after-ms` or `x-ms-retry-after-ms`.
 *
 * @since 0.2.0
 * @category profiles
 */
export const azure: Classifier = profile("azure")

/**
 * Alibaba's DashScope (Model Studio), which says `insufficient_quota` for a limit of a minute.
 *
 * @since 0.2.0
 * @category profiles
 */
export const dashScope: Classifier = profile("dashScope")

/**
 * Discord: 429 with `retry_after` in seconds.
 *
 * @since 0.2.0
 * @category profiles
 */
export const discord: Classifier = profile("discord")

/**
 * GitHub: 403 or 429 for its primary and secondary limits, and GraphQL errors in a 200. A 403 about rights is no limit.
 *
 * @since 0.2.0
 * @category profiles
 */
export const github: Classifier = profile("github")

/**
 * Google, also Gemini: 429 with `RetryInfo` in the body, 403 with `rateLimitExceeded`, a day's quota by `quotaId`.
 *
 * @since 0.2.0
 * @category profiles
 */
export const google: Classifier = profile("google")

/**
 * HubSpot: 429 whose `policyName` says which limit it is.
 *
 * @since 0.2.0
 * @category profiles
 */
export const hubspot: Classifier = profile("hubspot")

/**
 * Linear: 400 with the code `RATELIMITED`.
 *
 * @since 0.2.0
 * @category profiles
 */
export const linear: Classifier = profile("linear")

/**
 * monday.com: an error inside a 200 that says in how many seconds the complexity budget is full again.
 *
 * @since 0.2.0
 * @category profiles
 */
export const monday: Classifier = profile("monday")

/**
 * Notion: 429 `rate_limited` with `retry-after`.
 *
 * @since 0.2.0
 * @category profiles
 */
export const notion: Classifier = profile("notion")

/**
 * OpenAI: 429 for requests, tokens and a spent quota.
 *
 * @since 0.2.0
 * @category profiles
 */
export const openAi: Classifier = profile("openAi")

/**
 * OpenRouter: 429 with the headers in the body, 402 for the credit and for requests in flight, and errors inside a 200.
 *
 * @since 0.2.0
 * @category profiles
 */
export const openRouter: Classifier = profile("openRouter")

/**
 * Salesforce: 403 with `REQUEST_LIMIT_EXCEEDED`, for the calls of a day (which ends the batch) and for calls at once.
 *
 * @since 0.2.0
 * @category profiles
 */
export const salesforce: Classifier = profile("salesforce")

/**
 * Shopify: 429 for REST; GraphQL says `THROTTLED` in a 200, with what the bucket holds.
 *
 * @since 0.2.0
 * @category profiles
 */
export const shopify: Classifier = profile("shopify")

/**
 * Slack: 429 with `retry-after`, or a 200 with `ok: false` and `ratelimited`.
 *
 * @since 0.2.0
 * @category profiles
 */
export const slack: Classifier = profile("slack")

/**
 * Stripe: 429 for its rate and for objects that are locked.
 *
 * @since 0.2.0
 * @category profiles
 */
export const stripe: Classifier = profile("stripe")
