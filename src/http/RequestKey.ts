/**
 * Keys of requests, for pools by key. A key shows in metrics, spans and logs, so no key here holds a secret.
 *
 * @since 0.2.0
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"
import * as Hash from "effect/Hash"
import * as Predicate from "effect/Predicate"

/**
 * A function from a request to the key of its pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface RequestKey {
  (request: HttpClientRequest.HttpClientRequest): string
}

const unknown = "unknown"

/**
 * The host and port of the URL.
 *
 * @since 0.2.0
 * @category keys
 */
export const host: RequestKey = ({ hash, url, urlParams }) =>
  Either.match(UrlParams.makeUrl(url, urlParams, hash), { onLeft: () => unknown, onRight: ({ host }) => host })

/**
 * The `model` of a JSON body that is in memory; `"unknown"` where there is none.
 *
 * @since 0.2.0
 * @category keys
 */
export const model: RequestKey = ({ body }) => {
  if (body._tag !== "Uint8Array") return unknown
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(body.body))
    return Predicate.hasProperty(parsed, "model") && Predicate.isString(parsed.model) ? parsed.model : unknown
  } catch {
    return unknown
  }
}

/**
 * A header's value. The header must be no secret, such as `openai-organization`.
 *
 * @since 0.2.0
 * @category keys
 */
export const header =
  (name: string): RequestKey =>
  ({ headers }) =>
    headers[name.toLowerCase()] ?? unknown

const credentials = ["authorization", "x-api-key", "api-key", "x-goog-api-key"]

/**
 * The account, by its credentials. The key holds only a hash of 64 bits.
 *
 * @since 0.2.0
 * @category keys
 */
export const account: RequestKey = ({ headers }) => {
  const secret = credentials.flatMap((name) => headers[name] ?? []).join("\n")
  if (secret === "") return "anonymous"
  const halves = [Hash.string(secret), Hash.string(`${[...secret].reverse().join("")}\n`)]
  return `account-${halves.map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("")}`
}

/**
 * Several keys as one.
 *
 * @example
 * ```ts
 * import { HttpClientRequest } from "@effect/platform"
 * import { RequestKey } from "effect-aimd/http"
 *
 * const key = RequestKey.all(RequestKey.host, RequestKey.header("openai-organization"))
 * const request = HttpClientRequest.get("http://api.example/v1", { headers: { "openai-organization": "acme" } })
 * assert.strictEqual(key(request), "api.example acme")
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const all =
  (...keys: ReadonlyArray<RequestKey>): RequestKey =>
  (request) =>
    keys.map((key) => key(request)).join(" ")
