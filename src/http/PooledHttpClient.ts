/**
 * Sends the requests of any `HttpClient` through a pool: "not now" is retried under the pool's control law, and
 * everything else passes as it is.
 *
 * @since 0.2.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as RetryAfter from "../answer/RetryAfter.js"
import type { Cost } from "../limit/Cost.js"
import * as Insider from "../pool/Insider.js"
import type { PoolGroup } from "../PoolGroup.js"
import type * as PooledExecutor from "../PooledExecutor.js"
import * as Classifier from "./Classifier.js"
import * as Doubts from "./Doubts.js"
import * as Given from "./Given.js"
import type * as HttpAttempt from "./HttpAttempt.js"
import type * as HttpError from "./HttpError.js"
import type * as PoolMap from "./PoolMap.js"
import * as PooledRequest from "./PooledRequest.js"
import type { PooledError } from "./PooledRequest.js"
import * as SingleAttempts from "./SingleAttempts.js"

/**
 * How the answers of a client are read.
 *
 * @since 0.2.0
 * @category models
 */
export interface AttemptOptions {
  /** The statuses that mean "not now". Default 429, 503 and 529. */
  readonly statuses?: Iterable<number>
  /**
   * Is asked first what an answer means. If it returns `None`, `Classifier.known` is asked, which knows some providers
   * by their host, and then `Classifier.standard(statuses)`. Default none.
   */
  readonly classify?: Classifier.Classifier
  /** Names of the API's own headers, which replace those in `RetryAfter.headerNames`. Default none. */
  readonly headerNames?: Partial<RetryAfter.HeaderNames>
  /**
   * Whether the body is read into memory inside the attempt. Then the permit is kept until the body is complete, and a
   * body that breaks off counts as a lost answer. `"buffer"` does this for every body, `"stream"` for none. `"auto"`,
   * the default, does it for bodies with a `content-length` of up to a mebibyte, and for documents (JSON, XML, HTML) of
   * up to that length. Streams and downloads go to the caller as they come; a stream of events when its first event has
   * come.
   */
  readonly body?: "auto" | "buffer" | "stream"
  /**
   * How long the permit is kept if the body goes to the caller as it comes. Default `"body"`: until the body has ended
   * or was cancelled, its scope has closed, or nobody has read on for ten seconds. `"headers"`: until the headers have
   * come.
   */
  readonly permitUntil?: "body" | "headers"
  /** What happens after a lost answer; `false` for nothing. A rejected request is always safe to send again. */
  readonly resend?: Resend | false
  /** Runs, in its own fiber, when the quota is used up: `() => pool.shutdown` stops the batch. Default nothing. */
  readonly onQuotaExhausted?: (error: HttpError.QuotaExhaustedError) => Effect.Effect<unknown>
}

/**
 * What happens after a lost answer: the connection failed or broke off, a gateway or the API itself failed (408, 500,
 * 502, 504, 520 to 524), or it took longer than `attemptTimeout`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Resend {
  /** Whether the request may be sent twice. Default {@link isSafeToResend}. */
  readonly isSafe?: (request: HttpClientRequest.HttpClientRequest) => boolean
  /** How often, and after what delay. Default twice, after about 100 and 200 milliseconds. */
  readonly schedule?: Schedule.Schedule<unknown>
  /**
   * Gives each POST and PATCH an `Idempotency-Key` if it has none, the same each time it is sent. For APIs that support
   * it, such as Stripe's. Default false.
   */
  readonly idempotencyKeys?: boolean
}

/**
 * Options of a pooled client; making a client with a wrong option throws.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends AttemptOptions {
  /**
   * What happens to a request whose body is a stream. Default `"refuse"`: it fails with `StreamingBodyError`, and
   * nothing is sent. `"once"`: it is sent, and fails with that error if it is rejected. `"replay"`: it is sent again,
   * because the caller promises that each run of the stream gives the same bytes, as with a file.
   */
  readonly streamingBody?: "refuse" | "once" | "replay"
  /**
   * Which requests go first: the priority, the tenant and the deadline of each. Default: in the order in which they
   * came.
   */
  readonly turn?: ((request: HttpClientRequest.HttpClientRequest) => PooledExecutor.TurnOptions) | undefined
  /**
   * The most that a request takes of the limits that the pool was told. It is set aside at each start, and what the
   * answer does not report as used is given back. A request that is larger than a limit fails with `CallTooLargeError`.
   * Default one request.
   */
  readonly cost?: (request: HttpClientRequest.HttpClientRequest) => Cost
}

/**
 * Whether HTTP says that a request may be sent twice: GET, HEAD, OPTIONS, PUT and DELETE are idempotent (RFC 9110,
 * 9.2.2), and so is a request with an `Idempotency-Key`.
 *
 * @since 0.2.0
 * @category resending
 */
export const isSafeToResend = ({ headers, method }: HttpClientRequest.HttpClientRequest): boolean =>
  (method !== "POST" && method !== "PATCH") || headers["idempotency-key"] !== undefined

export {
  /**
   * The part of a pool that a pooled client uses.
   *
   * @since 0.2.0
   * @category models
   */
  type Pool,
  /**
   * The errors of a pooled client: the client's own errors, a body that broke off, and the pool's errors.
   *
   * @since 0.2.0
   * @category errors
   */
  type PooledError,
  /**
   * The answer behind a failure, with its body: for a `RetryTimeoutError` the last rejection, for a
   * `QuotaExhaustedError` the answer that said it. `undefined` if there was no answer.
   *
   * @since 0.2.0
   * @category errors
   */
  lastResponse
} from "./PooledRequest.js"

/** Twice, after about 100 and 200 milliseconds. */
const twice = Schedule.exponential("100 millis").pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(2)))

const attemptSettings = (options: AttemptOptions): HttpAttempt.Settings => {
  Given.check(options)
  const { body = "auto", classify, headerNames, onQuotaExhausted = () => Effect.void, permitUntil = "body" } = options
  const standard = Classifier.standard(Given.statusesOf(options.statuses))
  return {
    classify: Classifier.firstOf(...(classify === undefined ? [] : [classify]), Classifier.known, standard),
    doubts: Doubts.make(),
    headerNames,
    body,
    permitUntil,
    onQuotaExhausted
  }
}

/**
 * The options as a request goes by them.
 *
 * @internal
 */
export const settingsOf = (options: Options): PooledRequest.Settings => ({
  ...attemptSettings(options),
  streamingBody: options.streamingBody ?? "refuse",
  turn: options.turn,
  cost: options.cost,
  resend: resendOf(options)
})

const resendOf = ({ resend = {} }: AttemptOptions): PooledRequest.Resend => {
  if (resend === false) return { isSafe: () => false, schedule: Schedule.stop, makesKeys: false }
  const { idempotencyKeys = false, isSafe = isSafeToResend, schedule = twice } = resend
  return { isSafe, schedule, makesKeys: idempotencyKeys }
}

/**
 * The errors of a client whose requests are single attempts.
 *
 * @since 0.2.0
 * @category errors
 */
export type AttemptError<E> = E | HttpAttempt.Rejection

/**
 * Makes each request of a client one attempt. "Not now" is a `CapacityError`, a spent quota is a `QuotaExhaustedError`,
 * and what the headers say about limits is reported to the pool. After a lost answer the request is sent again inside
 * the attempt, if that is safe. If the pool's `attemptTimeout` has passed, the attempt is run again instead. Use it
 * inside `executeBatch`, `forEach` and `execute`, where the pool itself retries the row.
 *
 * @example
 * ```ts
 * import { HttpClient, HttpClientResponse } from "@effect/platform"
 * import { Effect } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 * import { PooledHttpClient } from "effect-aimd/http"
 *
 * let requests = 0
 * const api = HttpClient.make((request) => {
 *   const busy = (requests += 1) === 2
 *   return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("hello", { status: busy ? 429 : 200 })))
 * })
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 2, recoveryStep: "1 millis" })
 *   const client = PooledHttpClient.attempts()(api)
 *   const answers = yield* pool.forEach(["a", "b", "c"], (row) =>
 *     Effect.flatMap(client.get(`http://api.example/${row}`), (response) => response.text)
 *   )
 *   return { answers, requests }
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), { answers: ["hello", "hello", "hello"], requests: 4 })
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const attempts =
  (options: AttemptOptions = {}) =>
  <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<AttemptError<E>, R> =>
    SingleAttempts.make(client, attemptSettings(options), resendOf(options))

const pooled = (find: PooledRequest.Find, options: Options) => {
  const settings = settingsOf(options)
  return <E, R>(client: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<PooledError<E>, R> => {
    const run = PooledRequest.make(find, settings)
    return PooledRequest.clientOf((request) => run(client, request))
  }
}

/**
 * Sends every request of a client through a pool. Requests that are rejected with "not now" are retried under the
 * pool's control law; all other answers are returned as they are, errors too. Requests wait for permits, so fork as
 * many as you like.
 *
 * Do not use it inside an attempt of the same pool: use {@link attempts} there.
 *
 * @example
 * ```ts
 * import { HttpClient, HttpClientResponse } from "@effect/platform"
 * import { Effect } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 * import { PooledHttpClient } from "effect-aimd/http"
 *
 * let requests = 0
 * const api = HttpClient.make((request) => {
 *   const busy = (requests += 1) === 1
 *   return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("hello", { status: busy ? 503 : 200 })))
 * })
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 16, recoveryStep: "1 millis" })
 *   const client = PooledHttpClient.make(pool)(api)
 *   const response = yield* client.get("http://api.example")
 *   return yield* response.text
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual(await Effect.runPromise(program), "hello")
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (pool: PooledRequest.Pool, options: Options = {}) => pooled((_, use) => use(pool), options)

/**
 * Sends every request of a client through the pool of its key; see `PoolMap` and `RequestKey`.
 *
 * The key is taken from the request as the pooled client gets it. What the client below adds later, such as a base URL,
 * is not there yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeKeyed = (
  pools: PoolMap.PoolMap,
  key: (request: HttpClientRequest.HttpClientRequest) => string,
  options: Options = {}
) => pooled((request, use) => pools.use(key(request), use), options)

/**
 * Options of a client whose requests go through a group of pools.
 *
 * @since 0.2.0
 * @category models
 */
export interface GroupOptions extends Options {
  /**
   * The key of a request: requests with the same key go to the same member; see `PoolGroup.CallOptions`. Default none.
   */
  readonly groupKey?: ((request: HttpClientRequest.HttpClientRequest) => string | undefined) | undefined
}

/**
 * Sends every request through a group of pools, each with the client of its member: that client gives the request the
 * member's host, key or model. If a member rejects a request with "not now", it goes to the other members at once.
 *
 * @example
 * ```ts
 * import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
 * import { Effect } from "effect"
 * import { PoolGroup, PooledExecutor } from "effect-aimd"
 * import { PooledHttpClient } from "effect-aimd/http"
 *
 * const api = HttpClient.make((request) => {
 *   const isFull = request.headers["authorization"] === "Bearer first"
 *   return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("hello", { status: isFull ? 429 : 200 })))
 * })
 * const withKey = (key: string) => HttpClient.mapRequest(api, HttpClientRequest.bearerToken(key))
 *
 * const program = Effect.gen(function* () {
 *   const first = yield* PooledExecutor.make({ name: "first key" })
 *   const second = yield* PooledExecutor.make({ name: "second key" })
 *   const group = yield* PoolGroup.make({ members: { first, second } })
 *   const client = PooledHttpClient.makeGroup(group, { first: withKey("first"), second: withKey("second") })
 *   return (yield* client.get("http://api.example")).status
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual(await Effect.runPromise(program), 200)
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeGroup = <Name extends string, E, R>(
  group: PoolGroup<Name>,
  clients: Readonly<Record<Name, HttpClient.HttpClient.With<E, R>>>,
  options: GroupOptions = {}
): HttpClient.HttpClient.With<PooledError<E>, R> =>
  pooled(
    PooledRequest.findGroup(group, options.groupKey),
    options
  )(
    PooledRequest.clientOf((request) =>
      // An attempt of a group has a member, and the member is one of its names.
      Effect.flatMap(Insider.currentMember, (member) => clients[member as Name].execute(request))
    )
  )

/**
 * Turns the pool's failures into `HttpClientError`s, for code that takes an `HttpClient.HttpClient`. The failure is the
 * error's `cause`. If there was an answer, the error is a `ResponseError` of reason `StatusCode` with the last answer,
 * as from `filterStatusOk`; else it is a `RequestError`.
 *
 * @since 0.2.0
 * @category errors
 */
export const toHttpClient = <R>(
  client: HttpClient.HttpClient.With<PooledError<HttpClientError.HttpClientError>, R>
): HttpClient.HttpClient.With<HttpClientError.HttpClientError, R> =>
  PooledRequest.clientOf((request) =>
    Effect.mapError(client.execute(request), (error) =>
      HttpClientError.isHttpClientError(error) ? error : PooledRequest.toHttpClientError(error, request)
    )
  )

/**
 * Replaces the `HttpClient` by one that sends every request through the pool, and turns the pool's failures into
 * `HttpClientError`s as {@link toHttpClient} does. Use it for programs that know nothing of pools.
 *
 * The pool is a tag, such as `PooledExecutor.PooledExecutor`, or an effect that makes one, such as
 * `PooledExecutor.make()`.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 * import { PooledHttpClient } from "effect-aimd/http"
 *
 * export const HttpLive = PooledHttpClient.layer(PooledExecutor.make({ poolSize: 16 })).pipe(
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = <E, R>(
  pool: Effect.Effect<PooledRequest.Pool, E, R>,
  options: Options = {}
): Layer.Layer<HttpClient.HttpClient, E, HttpClient.HttpClient | Exclude<R, Scope.Scope>> =>
  replace(Effect.map(pool, (pool) => make(pool, options)))

/**
 * The same with a pool for each key; see {@link makeKeyed}.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerKeyed = <E, R>(
  pools: Effect.Effect<PoolMap.PoolMap, E, R>,
  key: (request: HttpClientRequest.HttpClientRequest) => string,
  options: Options = {}
): Layer.Layer<HttpClient.HttpClient, E, HttpClient.HttpClient | Exclude<R, Scope.Scope>> =>
  replace(Effect.map(pools, (pools) => makeKeyed(pools, key, options)))

const replace = <E, R>(make: Effect.Effect<ReturnType<typeof pooled>, E, R>) =>
  Layer.scoped(
    HttpClient.HttpClient,
    Effect.zipWith(make, HttpClient.HttpClient, (make, client) => toHttpClient(make(client)))
  )
