/**
 * The span of one HTTP request, by OpenTelemetry's semantic conventions for HTTP clients, with what the pool knows of it.
 * It holds no header, no body, and of the URL neither credentials nor the values of its query.
 *
 * @since 0.2.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"
import * as Attempt from "../pool/Attempt.js"

/**
 * What the pool knows of an attempt when it starts.
 *
 * @since 0.2.0
 * @category models
 */
export interface PoolAttributes {
  /** From 1; what a single attempt does not know of itself is left out. */
  readonly attempt?: number
  readonly pool?: string
  /** Milliseconds since the request was made, or since its last rejection. */
  readonly wait?: number
  readonly window?: number
  readonly reason?: string
}

const redacted = "REDACTED"

/**
 * A URL fit to be shown.
 *
 * @since 0.2.0
 * @category redaction
 */
export const redactUrl = (url: URL): string => {
  const shown = new URL(url)
  if (shown.username !== "") shown.username = redacted
  if (shown.password !== "") shown.password = redacted
  for (const name of new Set(shown.searchParams.keys())) shown.searchParams.set(name, redacted)
  shown.hash = ""
  return shown.toString()
}

const describeRequest = (span: Tracer.Span, request: HttpClientRequest.HttpClientRequest): void => {
  const made = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
  if (Either.isLeft(made)) return
  const url = made.right
  const scheme = url.protocol.slice(0, -1)
  span.attribute("url.full", redactUrl(url))
  span.attribute("url.scheme", scheme)
  span.attribute("server.address", url.hostname)
  span.attribute("server.port", url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port))
}

const describeResponse = (span: Tracer.Span, { request, status }: HttpClientResponse.HttpClientResponse): void => {
  describeRequest(span, request)
  span.attribute("http.response.status_code", status)
  if (status >= 400) span.attribute("error.type", String(status))
}

const describeError = (span: Tracer.Span, error: unknown): void => {
  if (HttpClientError.isHttpClientError(error)) {
    if (error._tag === "ResponseError") return describeResponse(span, error.response)
    describeRequest(span, error.request)
    span.attribute("error.type", error.reason)
  } else if (Predicate.hasProperty(error, "_tag")) {
    span.attribute("error.type", String(error._tag))
  }
}

/**
 * Sends a request in a span of its own, and with its trace context, where somebody traces; the client's own span, which
 * shows headers and the whole URL, is left out. `judge` turns what came back into the outcome of the attempt.
 *
 * @since 0.2.0
 * @category tracing
 */
export const send = <E, R, A, E2>(
  client: HttpClient.HttpClient.With<E, R>,
  request: HttpClientRequest.HttpClientRequest,
  about: Effect.Effect<PoolAttributes>,
  judge: (sent: Effect.Effect<HttpClientResponse.HttpClientResponse, E, R>) => Effect.Effect<A, E2, R>
): Effect.Effect<A, E2, R> =>
  Effect.withFiberRuntime((fiber) => {
    const isDisabled = fiber.getFiberRef(HttpClient.currentTracerDisabledWhen)
    if (!Attempt.isTraced(fiber) || isDisabled(request)) {
      const sent = client.execute(request)
      // Where nobody sees the span and no trace goes on in it, the client need not make one either.
      return judge(hasParent(fiber) ? sent : Effect.locally(sent, HttpClient.currentTracerDisabledWhen, always))
    }
    const propagated = fiber.getFiberRef(HttpClient.currentTracerPropagation)
    const open = Effect.flatMap(about, (known) =>
      Effect.makeSpan(request.method, {
        kind: "client",
        captureStackTrace: false,
        attributes: { "http.request.method": request.method, ...attributes(known) }
      })
    )
    const use = (span: Tracer.Span) => {
      const traced = propagated ? HttpClientRequest.setHeaders(request, HttpTraceContext.toHeaders(span)) : request
      const sent = client.execute(traced).pipe(
        Effect.locally(HttpClient.currentTracerDisabledWhen, always),
        Effect.tapBoth({
          onFailure: (error) => Effect.sync(() => describeError(span, error)),
          onSuccess: (response) => Effect.sync(() => describeResponse(span, response))
        })
      )
      return Effect.withParentSpan(judge(sent), span)
    }
    return Effect.acquireUseRelease(open, use, (span, exit) =>
      Effect.clockWith((clock) => Effect.sync(() => span.end(clock.unsafeCurrentTimeNanos(), shown(exit))))
    )
  })

const always = (): boolean => true

const hasParent = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  fiber.currentContext.unsafeMap.has(Tracer.ParentSpan.key)

/**
 * An error in a few words, without its URL.
 *
 * @since 0.2.0
 * @category redaction
 */
export const describe = (error: unknown): string =>
  !HttpClientError.isHttpClientError(error)
    ? "an error of the client's own"
    : error._tag === "ResponseError"
      ? `status ${error.response.status}, ${error.reason} error`
      : `${error.reason} error`

/** The errors of Effect's clients say their URL. */
const shown = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> =>
  Exit.mapError(exit, (error) => (HttpClientError.isHttpClientError(error) ? new Error(describe(error)) : error))

const attributes = ({ attempt, pool, reason, wait, window }: PoolAttributes): Record<string, unknown> => ({
  ...(attempt !== undefined && { "effect_aimd.attempt": attempt }),
  ...(attempt !== undefined && attempt > 1 && { "http.request.resend_count": attempt - 1 }),
  ...(pool !== undefined && { "effect_aimd.pool": pool }),
  ...(wait !== undefined && { "effect_aimd.wait_ms": wait }),
  ...(window !== undefined && { "effect_aimd.window": window }),
  ...(reason !== undefined && { "effect_aimd.reason": reason })
})
