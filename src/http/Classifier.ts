/**
 * What an answer means to the pool: served, no capacity now, none ever, or none of the pool's business.
 *
 * @since 0.2.0
 */
import type * as Headers from "@effect/platform/Headers"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Capacity from "../Capacity.js"

/**
 * What an answer means.
 *
 * - `Served`: the API did its work; the control law takes it as a success
 * - `Capacity`: "not now"; the request is sent again when the law allows, not before `retryAfter`
 * - `QuotaExhausted`: "not any more"; the request fails with `QuotaExhaustedError`
 * - `Neutral`: says nothing about capacity; passes, and the law does not hear of it
 *
 * @since 0.2.0
 * @category models
 */
export type Verdict =
  | { readonly _tag: "Served" }
  | { readonly _tag: "Capacity"; readonly retryAfter: Option.Option<Duration.Duration> }
  | { readonly _tag: "QuotaExhausted"; readonly code: string }
  | { readonly _tag: "Neutral" }

/**
 * The API did its work.
 *
 * @since 0.2.0
 * @category verdicts
 */
export const served: Verdict = { _tag: "Served" }

/**
 * The answer says nothing about capacity.
 *
 * @since 0.2.0
 * @category verdicts
 */
export const neutral: Verdict = { _tag: "Neutral" }

/**
 * The API has no capacity now. Without a `retryAfter` of its own, the wait is read from the headers.
 *
 * @since 0.2.0
 * @category verdicts
 */
export const capacity = (retryAfter?: Duration.Duration): Verdict => ({
  _tag: "Capacity",
  retryAfter: Option.fromNullable(retryAfter)
})

/**
 * The quota or the credit is used up; `code` says by what one knows, and shows in the error.
 *
 * @since 0.2.0
 * @category verdicts
 */
export const quotaExhausted = (code: string): Verdict => ({ _tag: "QuotaExhausted", code })

/**
 * An answer as a classifier sees it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Answer {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly status: number
  readonly headers: Headers.Headers
  /**
   * The body as text, empty where it could not be read. It is read when this is first run, once for all, and stays
   * readable for whoever gets the response.
   */
  readonly body: Effect.Effect<string>
}

/**
 * Says what an answer means, or `None` to leave that to the next.
 *
 * @since 0.2.0
 * @category models
 */
export interface Classifier {
  (answer: Answer): Effect.Effect<Option.Option<Verdict>>
}

/**
 * Asks one classifier after the other until one has a verdict.
 *
 * @example
 * ```ts
 * import { HttpClientRequest, Headers } from "@effect/platform"
 * import { Effect, Option } from "effect"
 * import { Classifier } from "effect-aimd/http"
 *
 * // An API that says "not now" with a 200.
 * const busy: Classifier.Classifier = ({ body, status }) =>
 *   status === 200
 *     ? Effect.map(body, (text) => (text.includes('"busy":true') ? Option.some(Classifier.capacity()) : Option.none()))
 *     : Effect.succeedNone
 *
 * const classify = Classifier.firstOf(busy, Classifier.standard())
 * const answer = (status: number, body: string) => ({
 *   request: HttpClientRequest.get("http://api.example"),
 *   status,
 *   headers: Headers.empty,
 *   body: Effect.succeed(body)
 * })
 * assert.deepStrictEqual(Effect.runSync(classify(answer(200, '{"busy":true}'))), Option.some(Classifier.capacity()))
 * assert.deepStrictEqual(Effect.runSync(classify(answer(200, "{}"))), Option.some(Classifier.served))
 * assert.deepStrictEqual(Effect.runSync(classify(answer(503, ""))), Option.some(Classifier.capacity()))
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const firstOf =
  (...classifiers: ReadonlyArray<Classifier>): Classifier =>
  (answer) =>
    classifiers.reduceRight<Effect.Effect<Option.Option<Verdict>>>(
      (others, classify) =>
        Effect.flatMap(classify(answer), (verdict) => (Option.isSome(verdict) ? Effect.succeed(verdict) : others)),
      Effect.succeedNone
    )

/**
 * Goes by the status alone: the given ones, 429, 503 and 529 unless told otherwise, mean no capacity; under 400 is served;
 * the rest is neutral.
 *
 * @since 0.2.0
 * @category classifiers
 */
export const byStatus =
  (statuses: ReadonlySet<number> = Capacity.capacityStatuses): Classifier =>
  ({ status }) =>
    Effect.succeedSome(statuses.has(status) ? capacity() : status < 400 ? served : neutral)

/** The words by which APIs say that it is not about the rate: OpenAI, Azure, Anthropic, DeepSeek, OpenRouter and others. */
const spent = /insufficient_(quota|credits?|balance|funds)|credit_balance|billing|spend(ing)?_limit|payment_required/i

const refusals: ReadonlyArray<string> = ["x-should-retry", "stripe-should-retry"]

/** The places of a JSON error where APIs put a code. */
const codes = (body: unknown): ReadonlyArray<unknown> => {
  if (!Predicate.isRecord(body)) return []
  const error = body["error"]
  const inner = Predicate.isRecord(error) ? [error["code"], error["type"], error["status"]] : [error]
  return [...inner, body["code"], body["type"]]
}

/** What may be shown of a code: one that is a word, and not a sentence that might hold anything. */
const isWord = (u: unknown): u is string => Predicate.isString(u) && /^[\w.-]{1,64}$/.test(u)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Finds the answers of the given statuses that no wait will change: of those under 500, the ones with `x-should-retry` or
 * `stripe-should-retry: false`, or with a JSON error whose code or type says that the quota, the credit or the billing is
 * at its end, such as OpenAI's `insufficient_quota`. From 500 on it is not about a quota: one that forbids to retry is
 * neutral. Reads the body only where it is JSON.
 *
 * @since 0.2.0
 * @category classifiers
 */
export const byQuota =
  (statuses: ReadonlySet<number> = Capacity.capacityStatuses): Classifier =>
  ({ body, headers, status }) => {
    if (!statuses.has(status)) return Effect.succeedNone
    const refusal = refusals.find((name) => headers[name]?.trim().toLowerCase() === "false")
    if (status >= 500) return Effect.succeed(refusal === undefined ? Option.none() : Option.some(neutral))
    const byHeader = refusal === undefined ? Option.none() : Option.some(quotaExhausted(`${refusal}: false`))
    if (!/\bjson\b/i.test(headers["content-type"] ?? "")) return Effect.succeed(byHeader)
    return Effect.map(body, (text) => {
      const code = codes(parse(text)).find((code) => isWord(code) && spent.test(code))
      return isWord(code) ? Option.some(quotaExhausted(code)) : byHeader
    })
  }

/**
 * {@link byQuota}, then {@link byStatus}: what a pooled client goes by unless told otherwise.
 *
 * @since 0.2.0
 * @category classifiers
 */
export const standard = (statuses: ReadonlySet<number> = Capacity.capacityStatuses): Classifier => {
  const [quota, status] = [byQuota(statuses), byStatus(statuses)]
  // The common answer first: it costs no more than a look at its status.
  return (answer) => (statuses.has(answer.status) ? firstOf(quota, status)(answer) : status(answer))
}
