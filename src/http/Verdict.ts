/**
 * The verdicts on an answer, and the classifiers that give them.
 *
 * @since 0.2.0
 */
import type * as Headers from "@effect/platform/Headers"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Memo from "../structure/Memo.js"

/**
 * What an answer means.
 *
 * - `Served`: the API did its work; the control law counts a success
 * - `Capacity`: "not now"; the request is sent again when the law allows, not before `retryAfter`
 * - `QuotaExhausted`: "never for this account"; the request fails with `QuotaExhaustedError`. This may be unsure,
 *   because the answer names a short wait, or a word that other APIs use for a limit of a minute. Then it counts as
 *   `Capacity` until that wait is over, or for a minute. It is believed if it is said again after that, and nothing was
 *   served meanwhile
 * - `Refused`: "never for this request"; it fails with `RequestRefusedError`, and other requests go on
 * - `Lost`: a gateway or the API itself failed, and nobody knows what was done; the request is sent again if that is
 *   safe, and the law does not hear of it
 * - `Neutral`: says nothing about capacity; it is returned as it is, and the law does not hear of it
 *
 * @since 0.2.0
 * @category models
 */
export type Verdict =
  | { readonly _tag: "Served" }
  | { readonly _tag: "Capacity"; readonly retryAfter: Option.Option<Duration.Duration> }
  | { readonly _tag: "QuotaExhausted"; readonly code: string; readonly isSure: boolean }
  | { readonly _tag: "Refused"; readonly code: string }
  | { readonly _tag: "Lost" }
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
 * Nobody knows whether the work was done.
 *
 * @since 0.2.0
 * @category verdicts
 */
export const lost: Verdict = { _tag: "Lost" }

/**
 * The API has no capacity now. Without a `retryAfter` of its own, the wait is read from the headers and the body.
 *
 * @since 0.2.0
 * @category verdicts
 */
export const capacity = (retryAfter?: Duration.Duration): Verdict => ({
  _tag: "Capacity",
  retryAfter: Option.fromNullable(retryAfter)
})

/**
 * The quota or the credit is used up. `code` is the word in the answer that says so, and shows in the error. If
 * `isSure` is false, it is believed only when it is said again later. Default true.
 *
 * @since 0.2.0
 * @category verdicts
 */
export const quotaExhausted = (code: string, isSure = true): Verdict => ({ _tag: "QuotaExhausted", code, isSure })

/**
 * This request will never be served, however long you wait. `code` is the word in the answer that says so, and shows in
 * the error.
 *
 * @since 0.2.0
 * @category verdicts
 */
export const refused = (code: string): Verdict => ({ _tag: "Refused", code })

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
   * The body as text, empty if it could not be read: for an error at most 64 KiB, for a stream of events the data of
   * the first event. It is read once, when this is first run, and the caller can still read the response.
   */
  readonly body: Effect.Effect<string>
}

/**
 * Says what an answer means, or returns `None` to leave that to the next classifier.
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
    classifiers.reduceRight<Effect.Effect<Option.Option<Verdict>>>((others, classify) => {
      const asked = classify(answer)
      // Most have no opinion on most answers, and say so without being run.
      if (asked === Effect.succeedNone) return others
      return others === Effect.succeedNone
        ? asked
        : Effect.flatMap(asked, (verdict) => (Option.isSome(verdict) ? Effect.succeed(verdict) : others))
    }, Effect.succeedNone)

const hostOf = ({ url }: HttpClientRequest.HttpClientRequest): string =>
  /^[a-z]+:\/\/(?:[^/?#@]*@)?([^/?#:]+)/i.exec(url)?.[1]?.toLowerCase() ?? ""

/**
 * Chooses a classifier by the host of the request: an exact name, or the end of a name, which begins with a dot, such
 * as `.openai.azure.com`. If several ends fit, the longest counts. Returns `None` for other hosts.
 *
 * @example
 * ```ts
 * import { Classifier } from "effect-aimd/http"
 *
 * const classify = Classifier.forHost({
 *   "git.example.com": Classifier.github,
 *   ".cloud.example.com": Classifier.aws
 * })
 * assert.strictEqual(typeof classify, "function")
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const forHost = (classifiers: { readonly [host: string]: Classifier }): Classifier => {
  const exact = new Map(Object.entries(classifiers))
  const ends = [...exact].filter(([host]) => host.startsWith(".")).sort(([a], [b]) => b.length - a.length)
  const find = Memo.make((host) => exact.get(host) ?? ends.find(([end]) => host.endsWith(end))?.[1])
  return (answer) => {
    const found = find(hostOf(answer.request))
    return found === undefined ? Effect.succeedNone : found(answer)
  }
}
