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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ErrorBody from "../answer/ErrorBody.js"
import * as RetryAfter from "../answer/RetryAfter.js"
import * as Capacity from "../Capacity.js"
import * as Hints from "../Hints.js"
import type * as Doubts from "./Doubts.js"
import * as EventStream from "./EventStream.js"
import * as HttpError from "./HttpError.js"
import * as HttpSpan from "./HttpSpan.js"
import * as OpenBody from "./OpenBody.js"
import { Received, type Settings as BodySettings } from "./Received.js"
import type { Answer, Classifier, Verdict } from "./Verdict.js"

/**
 * How answers are read.
 *
 * @since 0.2.0
 * @category models
 */
export interface Settings extends BodySettings {
  readonly classify: Classifier
  readonly doubts: Doubts.Doubts
  readonly headerNames: Partial<RetryAfter.HeaderNames> | undefined
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
export type Rejection =
  Capacity.CapacityError | HttpError.QuotaExhaustedError | HttpError.RequestRefusedError | HttpClientError.ResponseError

/**
 * Runs an attempt. A client of the user's own may have turned the status into an error already: that is an answer all the
 * same. `resent` runs before a request that is sent because the answer of another was lost.
 *
 * @since 0.2.0
 * @category constructors
 */
export const run = <E, R>(
  client: HttpClient.HttpClient.With<E, R>,
  request: HttpClientRequest.HttpClientRequest,
  settings: Settings,
  progress: Progress,
  about: Effect.Effect<HttpSpan.PoolAttributes>,
  resent: Effect.Effect<void>
): Effect.Effect<Outcome, E | Rejection, R> =>
  Effect.clockWith((clock) => {
    const startedAt = clock.unsafeCurrentTimeMillis()
    progress.attempts += 1
    const isResent = progress.isLost
    progress.isLost = false
    const judged = (response: HttpClientResponse.HttpClientResponse, error: Option.Option<E>) =>
      judge<E>(
        new Received(request.method, response),
        settings,
        progress,
        error,
        startedAt,
        clock.unsafeCurrentTimeMillis()
      )
    const sent = HttpSpan.send(client, request, about, (sent) =>
      Effect.matchEffect(sent, {
        onSuccess: (response) => judged(response, Option.none()),
        onFailure: (error): Effect.Effect<Outcome, E | Rejection> => {
          if (HttpClientError.isHttpClientError(error)) {
            if (error._tag === "RequestError") progress.isLost = error.reason === "Transport"
            else if (error.reason === "StatusCode") {
              return judged(error.response, Option.some(error))
            }
          }
          return Effect.fail(error)
        }
      })
    )
    return isResent ? Effect.zipRight(resent, sent) : sent
  })

/** The client's error for an answer whose body was read meanwhile. */
const again = <E>(error: E, response: HttpClientResponse.HttpClientResponse) =>
  error instanceof HttpClientError.ResponseError ? new HttpClientError.ResponseError({ ...error, response }) : error

interface Judged {
  readonly received: Received
  readonly settings: Settings
  readonly progress: Progress
  readonly startedAt: number
  readonly now: number
}

const judge = <E>(
  received: Received,
  settings: Settings,
  progress: Progress,
  /** The client's own error for this answer. */
  error: Option.Option<E>,
  startedAt: number,
  now: number
): Effect.Effect<Outcome, E | Rejection> => {
  const judged = { received, settings, progress, startedAt, now }
  const { headers, original } = received
  const answer: Answer = { request: original.request, status: original.status, headers, body: received.body }
  const classify =
    received.form === undefined
      ? settings.classify(answer)
      : Effect.flatMap(received.event, (event) =>
          settings.classify({ ...answer, status: (event && EventStream.statusOf(event)) ?? answer.status })
        )
  const conclude = (isNeutral: boolean): Effect.Effect<Outcome, E | Rejection> => {
    if (Option.isSome(error)) {
      return Effect.suspend(() => Effect.fail(received.isRead ? again(error.value, received.now) : error.value))
    }
    return Effect.matchEffect(received.handOut(settings, warnOfUnread), {
      onFailure: (error) => {
        progress.isLost = true
        return Effect.fail(error)
      },
      onSuccess: (response) =>
        Effect.flatMap(received.usage, (usage) => {
          const outcome = Effect.succeed({ response, isNeutral })
          return usage === undefined ? outcome : Effect.zipRight(Hints.report({ usage }), outcome)
        })
    })
  }
  const decided = Effect.matchEffect(classify, {
    // The stream broke off before its first event.
    onFailure: () => conclude(false),
    onSuccess: (verdict) => decide(judged, Option.getOrElse(verdict, neutral), conclude)
  })
  const hints = RetryAfter.hints(headers, now, settings.headerNames)
  return hints.requests === undefined && hints.tokens === undefined
    ? decided
    : Effect.zipRight(Hints.report(hints), decided)
}

/** For a classifier without an opinion. Those that a pool is made with always have one. */
const neutral = (): Verdict => ({ _tag: "Neutral" })

const decide = <E>(
  judged: Judged,
  verdict: Verdict,
  conclude: (isNeutral: boolean) => Effect.Effect<Outcome, E | Rejection>
): Effect.Effect<Outcome, E | Rejection> => {
  const { progress, received, settings, startedAt } = judged
  switch (verdict._tag) {
    case "Served":
      settings.doubts.served(startedAt)
      return conclude(false)
    case "Neutral":
      return conclude(true)
    case "Lost":
      return Effect.tap(conclude(true), () => void (progress.isLost = true))
    case "Refused":
      return reject(judged, (status) => new HttpError.RequestRefusedError({ status, code: verdict.code }))
    case "Capacity":
      return Effect.flatMap(waitFor(judged, verdict.retryAfter), (wait) => reject(judged, busy(wait)))
    case "QuotaExhausted":
      return Effect.flatMap(waitFor(judged, Option.none()), (wait) => {
        const word = `${/^\w+:\/\/[^/?#]*/.exec(received.original.request.url)?.[0]} ${verdict.code}`
        const millis = Option.getOrUndefined(Option.map(wait, Duration.toMillis))
        return verdict.isSure || settings.doubts.isBelieved(word, startedAt, judged.now, millis)
          ? exhausted(judged, verdict.code)
          : reject(judged, busy(wait))
      })
  }
}

const busy = (wait: Option.Option<Duration.Duration>) => (status: number) =>
  new Capacity.CapacityError({ status, ...(Option.isSome(wait) && { retryAfter: wait.value }) })

/** How long a rejection asks to wait: what the verdict says, else the headers, else the body. */
const waitFor = (
  { now, received, settings }: Judged,
  given: Option.Option<Duration.Duration>
): Effect.Effect<Option.Option<Duration.Duration>> =>
  Option.isSome(given)
    ? Effect.succeed(given)
    : Effect.map(received.body, (text) =>
        RetryAfter.fromAnswer(received.headers, ErrorBody.parse(text), now, settings.headerNames)
      )

/** An event that is an error has a status of its own. */
const statusOf = ({ event, original }: Received): Effect.Effect<number> =>
  Effect.match(event, {
    onFailure: () => original.status,
    onSuccess: (event) => (event && EventStream.statusOf(event)) ?? original.status
  })

const reject = (
  { now, progress, received }: Judged,
  error: (status: number) => Rejection
): Effect.Effect<never, Rejection> =>
  Effect.flatMap(Effect.zip(received.leave, statusOf(received)), ([response, status]) => {
    progress.rejected = response
    progress.waitingSince = now
    return Effect.fail(error(status))
  })

/** Announced before the attempt ends, as the next row starts with that: what is to be done may be to stop the rest. */
const exhausted = (judged: Judged, code: string): Effect.Effect<never, Rejection> =>
  Effect.flatMap(statusOf(judged.received), (status) => {
    const error = new HttpError.QuotaExhaustedError({ status, code })
    return Effect.forkDaemon(judged.settings.onQuotaExhausted(error)).pipe(
      Effect.zipRight(Effect.yieldNow()),
      Effect.zipRight(reject(judged, () => error))
    )
  })

const warnOfUnread = Effect.logWarning(
  `effect-aimd: nobody has read on in the body of an answer for ${Duration.format(OpenBody.patience)}: its permit goes ` +
    `back to the pool. Read each body, or cancel it, where its request is made; permitUntil: "headers" gives the permit back ` +
    `with the headers, body: "buffer" reads every body inside the attempt`
)
