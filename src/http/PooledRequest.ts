/**
 * The way of one request through a pool: attempts, a second sending where the answer got lost, and what is left when the
 * pool has given up.
 *
 * @since 0.2.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Capacity from "../Capacity.js"
import type { Cost } from "../limit/Cost.js"
import type * as PooledExecutor from "../PooledExecutor.js"
import type { PoolGroup } from "../PoolGroup.js"
import * as Body from "./Body.js"
import * as HttpAttempt from "./HttpAttempt.js"
import * as HttpError from "./HttpError.js"
import * as HttpSpan from "./HttpSpan.js"
import * as Insider from "../pool/Insider.js"

/**
 * What a pooled client needs of a pool.
 *
 * @since 0.2.0
 * @category models
 */
export type Pool = Pick<PooledExecutor.PooledExecutor, "attempt" | "execute" | "stats">

/**
 * Finds the pool of a request, and keeps it as long as it is used.
 *
 * @since 0.2.0
 * @category models
 */
export type Find = <A, E, R>(
  request: HttpClientRequest.HttpClientRequest,
  use: (pool: Pool) => Effect.Effect<A, E, R>
) => Effect.Effect<A, E, R>

/**
 * Finds a group for each request, as if it were a pool.
 *
 * @since 0.2.0
 * @category constructors
 */
export const findGroup =
  <Name extends string>(
    group: PoolGroup<Name>,
    groupKey: ((request: HttpClientRequest.HttpClientRequest) => string | undefined) | undefined
  ): Find =>
  (request, use) => {
    const key = groupKey?.(request)
    return use({
      execute: (call, options) => group.execute(() => call, { ...options, key }),
      attempt: (call, options) => group.attempt(() => call, { ...options, key }),
      stats: group.stats
    })
  }

/**
 * How requests are made.
 *
 * @since 0.2.0
 * @category models
 */
export interface Settings extends HttpAttempt.Settings {
  readonly streamingBody: "refuse" | "once" | "replay"
  readonly turn: ((request: HttpClientRequest.HttpClientRequest) => PooledExecutor.TurnOptions) | undefined
  readonly cost: ((request: HttpClientRequest.HttpClientRequest) => Cost) | undefined
  readonly resend: Resend
}

/**
 * What is done about lost answers.
 *
 * @since 0.2.0
 * @category models
 */
export interface Resend {
  readonly isSafe: (request: HttpClientRequest.HttpClientRequest) => boolean
  readonly schedule: Schedule.Schedule<unknown>
  /** Whether a POST or PATCH without an `Idempotency-Key` gets one. */
  readonly makesKeys: boolean
}

/**
 * The errors of a request: the client's own errors, a body that broke off, and the pool's errors.
 *
 * @since 0.2.0
 * @category errors
 */
export type PooledError<E> = Exclude<E, Capacity.CapacityError> | HttpClientError.ResponseError | HttpError.Failure

/**
 * A client that is a function.
 *
 * @since 0.2.0
 * @category constructors
 */
export const clientOf = <E, R>(
  execute: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpClientResponse.HttpClientResponse, E, R>
): HttpClient.HttpClient.With<E, R> =>
  HttpClient.makeWith<never, never, E, R>((request) => Effect.flatMap(request, execute), Effect.succeed)

/**
 * Begins with a request, which gets a key if it is to have one, and of which nothing was sent yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const begin = <A, E, R>(
  given: HttpClientRequest.HttpClientRequest,
  { makesKeys }: Resend,
  use: (request: HttpClientRequest.HttpClientRequest, progress: HttpAttempt.Progress) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => {
    const waitingSince = clock.unsafeCurrentTimeMillis()
    const progress: HttpAttempt.Progress = { attempts: 0, waitingSince, rejected: undefined, isLost: false }
    return makesKeys ? Effect.flatMap(withKey(given), (request) => use(request, progress)) : use(given, progress)
  })

/** What is none of the pool's business, on its way out; `message` is all of it that a span or a log sees. */
class Passed<A, E> extends Data.TaggedError("HttpFailure")<{
  readonly message: string
  // A function, which no log looks into.
  readonly open: () => Effect.Effect<A, E>
}> {}

const isOwn = <E>(error: E): error is Exclude<E, Capacity.CapacityError> => !Capacity.isCapacityError(error)

/** The answers that failures are about: not in the errors themselves, as those get logged. */
const answers = new WeakMap<object, HttpClientResponse.HttpClientResponse>()

/**
 * The answer that a failure is about, with its body; `undefined` where there was none.
 *
 * @since 0.2.0
 * @category errors
 */
export const lastResponse = (error: HttpError.Failure): HttpClientResponse.HttpClientResponse | undefined =>
  answers.get(error)

/**
 * Remembers the answer that a failure is about, if there was one.
 *
 * @since 0.2.0
 * @category errors
 */
export const noteAnswer = (failure: unknown, { rejected }: HttpAttempt.Progress): void => {
  if (rejected !== undefined && Predicate.isObject(failure)) answers.set(failure, rejected)
}

/**
 * Something that is to happen around each attempt of a request.
 *
 * @since 0.2.0
 * @category models
 */
export type Around = <A, E, R>(attempt: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Makes requests, each through its pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface Run {
  <E, R>(
    client: HttpClient.HttpClient.With<E, R>,
    request: HttpClientRequest.HttpClientRequest,
    around?: Around
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, PooledError<E>, R>
}

/**
 * Prepares to make requests. The first that an SDK has made before is warned of.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (find: Find, settings: Settings): Run => {
  let isWarned = false
  return (client, request, around) => {
    const way = run(find, client, request, settings, around)
    const retries = Number(request.headers["x-stainless-retry-count"] ?? 0)
    if (isWarned || !(retries > 0)) return way
    isWarned = true
    return Effect.zipRight(
      Effect.logWarning(
        `the SDK behind these requests retries too (x-stainless-retry-count: ${retries}): set its maxRetries to 0, ` +
          `or a request is made as often as both of them allow`
      ),
      way
    )
  }
}

const hex = Effect.map(Random.nextIntBetween(0, 2 ** 32), (n) => n.toString(16).padStart(8, "0"))

/** A request with a key by which the API knows it again when it is sent twice. */
const withKey = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<HttpClientRequest.HttpClientRequest> =>
  !["POST", "PATCH"].includes(request.method) || request.headers["idempotency-key"] !== undefined
    ? Effect.succeed(request)
    : Effect.map(Effect.all([hex, hex, hex, hex]), (parts) =>
        HttpClientRequest.setHeader(request, "idempotency-key", parts.join(""))
      )

/**
 * Runs a request again where its answer got lost and that is safe, as long as the schedule goes on.
 *
 * @since 0.2.0
 * @category resending
 */
export const resending = <A, E, R>(
  way: Effect.Effect<A, E, R>,
  isLost: (end: Either.Either<A, E>) => boolean,
  schedule: Schedule.Schedule<unknown>
): Effect.Effect<A, E, R> => {
  const next = (driver: Schedule.ScheduleDriver<unknown> | undefined): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.either(way), (end): Effect.Effect<A, E, R> => {
      if (!isLost(end)) return end
      // Most requests are never lost: a driver is made for the first time that one is.
      const made = driver === undefined ? Schedule.driver(schedule) : Effect.succeed(driver)
      return Effect.flatMap(made, (driver) =>
        Effect.matchEffect(driver.next(undefined), {
          onFailure: () => end,
          onSuccess: () => next(driver)
        })
      )
    })
  return next(undefined)
}

const run = <E, R>(
  find: Find,
  client: HttpClient.HttpClient.With<E, R>,
  given: HttpClientRequest.HttpClientRequest,
  settings: Settings,
  around: Around | undefined
): Effect.Effect<HttpClientResponse.HttpClientResponse, PooledError<E>, R> => {
  const isStreaming = settings.streamingBody !== "replay" && Body.isStreaming(given)
  if (isStreaming && settings.streamingBody === "refuse") {
    return Effect.fail(new HttpError.StreamingBodyError({ method: given.method, sent: false }))
  }
  return begin(given, settings.resend, (request, progress) => {
    const mayBeSentAgain = !isStreaming && settings.resend.isSafe(request)
    const way = find(request, (pool): Effect.Effect<HttpClientResponse.HttpClientResponse, WayError<E>, R> => {
      const once = attempt(client, request, settings, progress, pool)
      const call = around === undefined ? once : around(once)
      const { cost, turn } = settings
      const options = (cost ?? turn) && { ...turn?.(request), ...(cost && { cost: cost(request) }) }
      if (!isStreaming) return pool.execute(call, options)
      return Effect.mapError(pool.attempt(call, options), (error) =>
        isOwn(error) ? error : new HttpError.StreamingBodyError({ method: request.method, sent: true })
      )
    })
    const isLost = (end: Either.Either<unknown, WayError<E>>): boolean => {
      if (Either.isLeft(end) && end.left._tag === "AttemptTimeoutError") progress.isLost = true
      else if (Either.isRight(end) || end.left._tag !== "HttpFailure") return false
      return progress.isLost
    }
    const whole = mayBeSentAgain ? resending(way, isLost, settings.resend.schedule) : way
    return Effect.catchAll(whole, (error): Effect.Effect<HttpClientResponse.HttpClientResponse, PooledError<E>> => {
      if (error._tag === "HttpFailure") return error.open()
      noteAnswer(error, progress)
      return Effect.fail(error)
    })
  })
}

type Carried<E> = Passed<HttpClientResponse.HttpClientResponse, Exclude<E, Capacity.CapacityError> | Own>

/** How an attempt fails by itself. */
type Own = Exclude<HttpAttempt.Rejection, Capacity.CapacityError | Final>

/** What no further sending changes. */
type Final = HttpError.QuotaExhaustedError | HttpError.RequestRefusedError

type WayError<E> = Carried<E> | HttpError.Failure

const attempt = <E, R>(
  client: HttpClient.HttpClient.With<E, R>,
  request: HttpClientRequest.HttpClientRequest,
  settings: Settings,
  progress: HttpAttempt.Progress,
  pool: Pool
): Effect.Effect<HttpClientResponse.HttpClientResponse, Carried<E> | Capacity.CapacityError | Final, R> => {
  const about = Effect.zipWith(pool.stats, Clock.currentTimeMillis, ({ config, reason, window }, now) => ({
    attempt: progress.attempts,
    pool: config.name,
    wait: now - progress.waitingSince,
    window,
    reason
  }))
  return Effect.matchEffect(HttpAttempt.run(client, request, settings, progress, about, Insider.counted), {
    onSuccess: ({ isNeutral, response }) =>
      isNeutral
        ? Effect.fail(new Passed({ message: `status ${response.status}`, open: () => Effect.succeed(response) }))
        : Effect.succeed(response),
    onFailure: (error): Effect.Effect<never, Carried<E> | Capacity.CapacityError | Final> => {
      if (Capacity.isCapacityError(error) || isFinal(error)) return Effect.fail(error)
      // A type parameter is not narrowed by what an error is not.
      const own = error as Exclude<E, Capacity.CapacityError> | Own
      return Effect.fail(new Passed({ message: HttpSpan.describe(own), open: () => Effect.fail(own) }))
    }
  })
}

const isFinal = (error: unknown): error is Final =>
  error instanceof HttpError.QuotaExhaustedError || error instanceof HttpError.RequestRefusedError

/** A request as an error may show it: where it went to, and nothing of what it carried. */
const shown = ({ method, url }: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.make(method)(url.replace(/[?#].*$/, "").replace(/\/\/[^/]*@/, "//"))

/**
 * A failure of the pool as an `HttpClientError`, the failure being its cause: a `ResponseError` with the answer it is about,
 * or a `RequestError` where there was none.
 *
 * @since 0.2.0
 * @category errors
 */
export const toHttpClientError = (
  failure: HttpError.Failure,
  request: HttpClientRequest.HttpClientRequest
): HttpClientError.HttpClientError => {
  const response = lastResponse(failure)
  const fields = { request: shown(request), cause: failure, description: failure.message }
  return response === undefined
    ? new HttpClientError.RequestError({
        ...fields,
        reason: failure._tag === "StreamingBodyError" ? "Encode" : "Transport"
      })
    : new HttpClientError.ResponseError({ ...fields, reason: "StatusCode", response })
}
