/** One attempt of a row over HTTP: what is sent, and what its answer means. */
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "@effect/platform"
import { Effect, Option, Redacted } from "effect"
import type { Capacity } from "effect-aimd"
import { type HttpError, PooledHttpClient } from "effect-aimd/http"
import { type Answer, Refused, type RowFailure, Unanswered } from "../output/Outcome.js"
import * as RawJson from "../input/RawJson.js"
import * as Row from "../input/Row.js"
import { version } from "../Version.js"

/** A header of the user's own; without a value, it is left out of the request. */
export interface Header {
  readonly name: string
  readonly value: string
}

export interface Options {
  readonly key: Option.Option<Redacted.Redacted>
  readonly headers: ReadonlyArray<Header>
}

/** The headers of a row's request. The user's come last. */
export const headersOf = (row: Row.Row, { headers, key }: Options): Record<string, string> => {
  const all: Record<string, string> = { accept: "application/json", "user-agent": `effect-aimd-cli/${version}` }
  if (row.method !== "GET" && row.method !== "HEAD") all["idempotency-key"] = Row.idempotencyKey(row)
  if (Option.isSome(key)) all["authorization"] = `Bearer ${Redacted.value(key.value)}`
  if (row.body !== undefined) all["content-type"] = "application/json"
  for (const { name, value } of headers) {
    if (value === "") delete all[name]
    else all[name] = value
  }
  return all
}

const requestOf = (row: Row.Row, options: Options): HttpClientRequest.HttpClientRequest => {
  const headers = headersOf(row, options)
  const request = HttpClientRequest.make(row.method)(row.target.url)
  const filled =
    row.body === undefined ? request : HttpClientRequest.bodyText(request, row.body, headers["content-type"])
  return HttpClientRequest.setHeaders(filled, headers)
}

/** Node hides why a connection failed one or two causes deep, and in an AggregateError where a name has several addresses. */
const rootOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause.cause
  return inner instanceof Error ? rootOf(inner) : cause.message
}

const unanswered = (error: HttpClientError.HttpClientError): Unanswered =>
  error._tag === "RequestError" && error.reason !== "Transport"
    ? new Unanswered({ code: "invalid_request", message: rootOf(error.cause ?? error.message) })
    : new Unanswered({ code: "connection_error", message: rootOf(error.cause ?? error.message) })

/** Where an API names its answer. */
const requestIds = ["x-request-id", "request-id", "apim-request-id", "cf-ray"]

/** JSON, or the text as it is. */
const bodyOf = (text: string): Pick<Answer, "body" | "text"> => {
  try {
    const body: unknown = JSON.parse(text)
    return RawJson.hasLargeInteger(text) ? { body, text: RawJson.oneLine(text) } : { body }
  } catch {
    return { body: text }
  }
}

const answerOf = (response: HttpClientResponse.HttpClientResponse, text: string): Answer => {
  const named = requestIds.find((name) => response.headers[name] !== undefined)
  return {
    status: response.status,
    requestId: named === undefined ? null : (response.headers[named] ?? null),
    ...bodyOf(text)
  }
}

/** A failure for good, with what the API said. */
const final = (code: "quota_exhausted" | "request_refused") => (error: HttpError.Failure) => {
  const response = PooledHttpClient.lastResponse(error)
  const answer =
    response === undefined
      ? Effect.succeed({})
      : response.text.pipe(
          Effect.map((text) => ({ answer: answerOf(response, text) })),
          Effect.orElseSucceed(() => ({}))
        )
  return Effect.flatMap(answer, (told) => new Unanswered({ code, message: error.message, ...told }))
}

/** Sends a row. The pool sees a lack of capacity, and retries it; the other failures are the row's own. */
export type Send = (row: Row.Row) => Effect.Effect<Answer, RowFailure | Capacity.CapacityError>

/** Makes what sends rows through the `HttpClient` in the context. `onQuotaExhausted` ends the run. */
export const make = (
  options: Options,
  onQuotaExhausted: (error: HttpError.QuotaExhaustedError) => Effect.Effect<unknown>
): Effect.Effect<Send, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (platform) => {
    const attempts = PooledHttpClient.attempts({ body: "buffer", onQuotaExhausted })
    const http = HttpClient.withTracerPropagation(attempts(platform), false)
    return (row) =>
      http.execute(requestOf(row, options)).pipe(
        Effect.flatMap((response) => Effect.map(response.text, (text) => answerOf(response, text))),
        Effect.catchTags({
          RequestError: unanswered,
          ResponseError: unanswered,
          QuotaExhaustedError: final("quota_exhausted"),
          RequestRefusedError: final("request_refused")
        }),
        Effect.flatMap((answer) =>
          answer.status >= 200 && answer.status < 300 ? Effect.succeed(answer) : Effect.fail(new Refused(answer))
        )
      )
  })
