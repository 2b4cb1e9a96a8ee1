/**
 * One attempt of an HTTP request: sends it, reports what its headers say of limits, and turns the answer into the outcome
 * that a pool understands.
 *
 * @since 0.2.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Capacity from "../Capacity.js"
import * as Hints from "../Hints.js"
import * as RetryAfter from "../answer/RetryAfter.js"
import * as Body from "./Body.js"
import type * as Classifier from "./Classifier.js"
import * as HttpError from "./HttpError.js"
import * as HttpSpan from "./HttpSpan.js"

/**
 * How answers are read.
 *
 * @since 0.2.0
 * @category models
 */
export interface Settings {
  readonly classify: Classifier.Classifier
  readonly headerNames: Partial<RetryAfter.HeaderNames> | undefined
  readonly body: "auto" | "buffer" | "stream"
  readonly onQuotaExhausted: (error: HttpError.QuotaExhaustedError) => Effect.Effect<unknown>
}

/**
 * What became of a request so far.
 *
 * @since 0.2.0
 * @category models
 */
export interface Progress {
  attempts: number
  /** Since when the request waits: since it was made, then since its last rejection. In epoch milliseconds. */
  waitingSince: number
  /** The last answer that said "not now", or never. */
  rejected: HttpClientResponse.HttpClientResponse | undefined
  /** The answer got lost on its way, whole or in part. */
  isLost: boolean
}

/**
 * The answer of an attempt, and whether it tells of the API's capacity.
 *
 * @since 0.2.0
 * @category models
 */
export interface Outcome {
  readonly response: HttpClientResponse.HttpClientResponse
  readonly isNeutral: boolean
}

/**
 * How an attempt fails besides by its client's own errors; `ResponseError` where the body broke off while it was read.
 *
 * @since 0.2.0
 * @category errors
 */
export type Rejection = Capacity.CapacityError | HttpError.QuotaExhaustedError | HttpClientError.ResponseError

/**
 * Runs an attempt. A client of the user's own may have turned the status into an error already: that is an answer all the
 * same.
 *
 * @since 0.2.0
 * @category constructors
 */
export const run = <E, R>(
  client: HttpClient.HttpClient.With<E, R>,
  request: HttpClientRequest.HttpClientRequest,
  settings: Settings,
  progress: Progress,
  about: Effect.Effect<HttpSpan.PoolAttributes>
): Effect.Effect<Outcome, E | Rejection, R> =>
  Effect.suspend(() => {
    progress.attempts += 1
    progress.isLost = false
    return HttpSpan.send(client, request, about, (sent) =>
      Effect.matchEffect(sent, {
        onSuccess: (response) => judge<E>(request, response, settings, progress, Option.none()),
        onFailure: (error): Effect.Effect<Outcome, E | Rejection> => {
          if (HttpClientError.isHttpClientError(error)) {
            if (error._tag === "RequestError") progress.isLost = error.reason === "Transport"
            else if (error.reason === "StatusCode") {
              return judge<E>(request, error.response, settings, progress, Option.some(error))
            }
          }
          return Effect.fail(error)
        }
      })
    )
  })

/** The client's error for an answer whose body was read meanwhile. */
const again = <E>(error: E, response: HttpClientResponse.HttpClientResponse) =>
  error instanceof HttpClientError.ResponseError ? new HttpClientError.ResponseError({ ...error, response }) : error

const judge = <E>(
  request: HttpClientRequest.HttpClientRequest,
  original: HttpClientResponse.HttpClientResponse,
  settings: Settings,
  progress: Progress,
  /** The client's own error for this answer. */
  error: Option.Option<E>
): Effect.Effect<Outcome, E | Rejection> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const { status } = original
    const headers = original.headers
    let response = original
    let failure: HttpClientError.ResponseError | undefined

    // What was read once is not read again, and a body that broke off is broken off for everybody.
    const buffer = Effect.suspend(() =>
      failure === undefined ? Body.read(response, headers) : Effect.fail(failure)
    ).pipe(
      Effect.tapBoth({
        onFailure: (error) => Effect.sync(() => void (failure = error)),
        onSuccess: (buffered) => Effect.sync(() => void (response = buffered))
      })
    )
    // Only the work that was asked for may take its time.
    const inTime =
      status < 400
        ? buffer
        : Effect.timeoutFail(buffer, {
            duration: Body.patience,
            onTimeout: () =>
              (failure = Body.failed(original, { description: `no end of the body in ${Body.patience}` }))
          })
    const body = Effect.orElseSucceed(
      Effect.flatMap(inTime, ({ text }) => text),
      () => ""
    )

    const conclude = (isNeutral: boolean): Effect.Effect<Outcome, E | Rejection> =>
      Effect.suspend((): Effect.Effect<Outcome, E | Rejection> => {
        if (Option.isSome(error)) return Effect.fail(response === original ? error.value : again(error.value, response))
        const isBuffered =
          settings.body === "buffer" || (settings.body === "auto" && Body.isFinite(request.method, headers))
        if (failure === undefined && !isBuffered) return Effect.succeed({ response, isNeutral })
        return Effect.map(
          Effect.tapError(buffer, () => Effect.sync(() => void (progress.isLost = true))),
          (response) => ({ response, isNeutral })
        )
      })

    const rejected = (error: Rejection) =>
      // Read to its end, so that the connection is free for the next attempt.
      Effect.flatMap(body, () => {
        progress.rejected =
          failure === undefined ? response : new Body.BufferedResponse(original, headers, Either.left(failure))
        progress.waitingSince = now
        return Effect.fail(error)
      })

    // Before the attempt ends, as the next row starts with that: what is to be done may be to stop the rest.
    const announced = (error: HttpError.QuotaExhaustedError) =>
      Effect.forkDaemon(settings.onQuotaExhausted(error)).pipe(
        Effect.zipRight(Effect.yieldNow()),
        Effect.zipRight(rejected(error))
      )

    const decide = Effect.flatMap(
      settings.classify({ request, status, headers, body }),
      (verdict): Effect.Effect<Outcome, E | Rejection> => {
        if (Option.isNone(verdict)) return conclude(status >= 400)
        switch (verdict.value._tag) {
          case "Served":
            return conclude(false)
          case "Neutral":
            return conclude(true)
          case "QuotaExhausted":
            return announced(new HttpError.QuotaExhaustedError({ status, code: verdict.value.code }))
          case "Capacity": {
            const retryAfter = Option.getOrUndefined(
              Option.orElse(verdict.value.retryAfter, () => RetryAfter.fromHeaders(headers, now, settings.headerNames))
            )
            return rejected(new Capacity.CapacityError({ status, ...(retryAfter !== undefined && { retryAfter }) }))
          }
        }
      }
    )

    const hints = RetryAfter.hints(headers, now, settings.headerNames)
    return hints.requests === undefined && hints.tokens === undefined
      ? decide
      : Effect.zipRight(Hints.report(hints), decide)
  })
