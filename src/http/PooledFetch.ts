/**
 * `fetch` through a pool, for SDKs that let you give them a `fetch`.
 *
 * @since 0.2.0
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import * as Predicate from "effect/Predicate"
import type * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Insider from "../pool/Insider.js"
import * as PoolError from "../PoolError.js"
import type { PoolGroup } from "../PoolGroup.js"
import * as Body from "./Body.js"
import * as FetchCall from "./FetchCall.js"
import * as OpenBody from "./OpenBody.js"
import type * as PoolMap from "./PoolMap.js"
import * as PooledHttpClient from "./PooledHttpClient.js"
import * as PooledRequest from "./PooledRequest.js"

/**
 * The part of `fetch` that SDKs use.
 *
 * @since 0.2.0
 * @category models
 */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/**
 * Options of a pooled `fetch`, in addition to those of a pooled client.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends PooledHttpClient.Options {
  /** The `fetch` that sends the requests. Default the global one. */
  readonly fetch?: Fetch
  /**
   * The time limit of the SDK, if its calls do not tell it, as with OpenAI's `new OpenAI({ timeout })`. An abort after
   * that time counts as this limit, and the limit counts for an attempt, from when it gets its permit. Default none.
   */
  readonly timeLimit?: Duration.DurationInput
}

const nullBodyStatuses: ReadonlySet<number> = new Set([101, 204, 205, 304])

/** The owner of the retries is the pool: SDKs of OpenAI and Anthropic heed this. */
const doNotRetry = ["x-should-retry", "false"] as const

/** The answer as it came, but with its body as far as the pool has read it, and watches over the rest. */
const toWeb = (
  response: HttpClientResponse.HttpClientResponse,
  web: Response,
  isLast: boolean,
  runtime: Runtime.Runtime<never>,
  call: FetchCall.FetchCall | undefined
): Effect.Effect<Response> => {
  const { redirected, status, statusText, url } = web
  const make = (body: ReadableStream<Uint8Array> | ArrayBuffer | null): Response => {
    const headers = new Headers(web.headers)
    if (isLast) headers.set(...doNotRetry)
    return Object.defineProperties(new Response(body, { status, statusText, headers }), {
      url: { value: url },
      redirected: { value: redirected }
    })
  }
  const open = ({ stream }: HttpClientResponse.HttpClientResponse): Response => {
    if (call !== undefined) call.isOpen = true
    const watched = Stream.ensuring(
      stream,
      Effect.sync(() => call?.end())
    )
    return make(Stream.toReadableStreamRuntime(watched, runtime))
  }
  if (response instanceof OpenBody.OpenResponse) return Effect.sync(() => open(response))
  if (response instanceof Body.BufferedResponse) {
    if (nullBodyStatuses.has(status)) return Effect.succeed(make(null))
    return Effect.match(response.arrayBuffer, { onFailure: () => web, onSuccess: make })
  }
  // The web's own body does not say when it has ended, and so how long to listen to the caller's signal.
  return web.body === null || call === undefined
    ? Effect.succeed(web)
    : Effect.map(OpenBody.begin(response), (reading) => open(OpenBody.resume(response, response.headers, reading)))
}

/** The request as the pool, keys and spans see it; it is sent as it was given. */
const describe = (input: string | URL | Request, init: RequestInit): HttpClientRequest.HttpClientRequest => {
  const request = input instanceof Request ? input : undefined
  const method = (init.method ?? request?.method ?? "GET").toUpperCase()
  const url = Predicate.isString(input) ? input : input instanceof URL ? input.href : input.url
  // A method of the caller's own is as good as any.
  const made = HttpClientRequest.make(method as "GET")(url)
  const headers = new Headers(init.headers ?? request?.headers)
  const { body } = init
  return HttpClientRequest.setBody(
    HttpClientRequest.setHeaders(made, headers),
    body === null || body === undefined
      ? HttpBody.empty
      : Predicate.isString(body)
        ? HttpBody.text(body, headers.get("content-type") ?? undefined)
        : HttpBody.raw(body)
  )
}

/** The headers as they were given, with the trace context of the attempt. */
const withTrace = (given: RequestInit["headers"], { headers: sent }: HttpClientRequest.HttpClientRequest): Headers => {
  const headers = new Headers(given)
  for (const name of ["traceparent", "b3"]) if (sent[name] !== undefined) headers.set(name, sent[name])
  return headers
}

const warnOfAbort = Effect.logWarning(
  "effect-aimd: a request was aborted while it waited for a permit. If that was a time limit of an SDK or of your own, it " +
    "ran while the request waited in line: tell the pooled fetch of it (`timeLimit`), and it counts from the permit on; or set " +
    "the SDK's `timeout` to more than the longest wait (`maxCapacityRetry`), and the pool's `attemptTimeout` to limit each " +
    "attempt"
)

/** Which `fetch` makes an attempt: where the pool is a group, that of the member that runs it. */
type FetchOf = (member: string | undefined) => Fetch

/** Sends a request as it was given. */
const client = (
  fetchOf: FetchOf,
  input: string | URL | Request,
  init: RequestInit,
  call: FetchCall.FetchCall | undefined,
  onAnswer: (web: Response) => void
) =>
  PooledRequest.clientOf((request) =>
    Effect.map(
      Effect.flatMap(Insider.currentMember, (member) =>
        Effect.tryPromise({
          try: (interrupted) =>
            // A request's body can be read once: each attempt sends a copy.
            fetchOf(member)(input instanceof Request ? input.clone() : input, {
              ...init,
              headers: withTrace(init.headers ?? (input instanceof Request ? input.headers : undefined), request),
              // Not the caller's signal: its time limit may be over when the request has hardly begun.
              signal: call === undefined ? interrupted : AbortSignal.any([interrupted, call.controller.signal])
            }),
          catch: (cause) => new HttpClientError.RequestError({ request, reason: "Transport", cause })
        })
      ),
      (web) => {
        onAnswer(web)
        return HttpClientResponse.fromWeb(request, web)
      }
    )
  )

const always = ({ fetch: send = fetch }: Options): FetchOf => {
  return () => send
}

const pooled = (
  find: PooledRequest.Find,
  options: Omit<Options, "fetch">,
  fetchOf: FetchOf,
  poolName: Effect.Effect<string>
): Effect.Effect<Fetch, never, Scope.Scope> =>
  Effect.gen(function* () {
    const settings = PooledHttpClient.settingsOf(options)
    const { timeLimit } = options
    const limit = timeLimit === undefined ? undefined : Duration.toMillis(timeLimit)
    const runFork = yield* FiberSet.makeRuntime<never, unknown, unknown>()
    const runtime = yield* Effect.runtime()
    const clock = yield* Effect.clock
    const scope = yield* Effect.scope
    const run = PooledRequest.make(find, settings)
    const closed = new PoolError.PoolShutdownError({ pool: yield* poolName })
    let isClosed = false
    let isWarned = false
    yield* Effect.addFinalizer(() => Effect.sync(() => void (isClosed = true)))

    const onAbortInLine = (): void => {
      if (!isWarned) runFork(warnOfAbort)
      isWarned = true
    }

    const answer = (input: string | URL | Request, init: RequestInit, call: FetchCall.FetchCall | undefined) => {
      let last: Response | undefined
      const answered = (response: HttpClientResponse.HttpClientResponse, isLast: boolean) =>
        // An answer is never without the Response that it came with.
        last === undefined ? Effect.dieMessage("an answer from nowhere") : toWeb(response, last, isLast, runtime, call)
      const api = client(fetchOf, input, init, call, (web) => void (last = web))
      return Effect.matchEffect(run(api, describe(input, init), call && ((attempt) => call.attempt(attempt))), {
        onSuccess: (response) => answered(response, false),
        onFailure: (error): Effect.Effect<Response, unknown> => {
          if (HttpClientError.isHttpClientError(error)) return Effect.fail(error.cause)
          const response = PooledHttpClient.lastResponse(error)
          return response === undefined ? Effect.fail(error) : answered(response, true)
        }
      }).pipe(Effect.provideService(Scope.Scope, scope))
    }

    return (input, init = {}) =>
      new Promise((resolve, reject) => {
        const signal = init.signal ?? (input instanceof Request ? input.signal : undefined)
        // What a signal gives as its reason need be no error.
        const aborted = (): void => reject(signal?.reason as Error)
        if (isClosed) return reject(closed)
        if (signal?.aborted === true) return aborted()
        const cancel = (): void => {
          aborted()
          fiber.unsafeInterruptAsFork(FiberId.none)
        }
        const call =
          signal &&
          new FetchCall.FetchCall(
            signal,
            describe(input, init).headers,
            { clock, fork: runFork, onAbortInLine, cancel },
            limit
          )
        const fiber = runFork(answer(input, init, call))
        fiber.addObserver((exit) => {
          if (call?.isOpen !== true) call?.end()
          if (Exit.isSuccess(exit)) return resolve(exit.value)
          reject(isClosed && Cause.isInterruptedOnly(exit.cause) ? closed : (Cause.squash(exit.cause) as Error))
        })
      })
  })

/**
 * Makes a `fetch` whose requests go through a pool. Give it to an SDK with the SDK's own retries switched off; the pool
 * warns when it sees that they are on.
 *
 * If the pool gives up, the promise has the API's last answer, as it would without a pool, marked `x-should-retry:
 * false`. If there was no answer, the promise is rejected with the pool's error. Requests end with the scope.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 * import { PooledFetch } from "effect-aimd/http"
 *
 * let requests = 0
 * const api = () => Promise.resolve(new Response("hello", { status: (requests += 1) === 1 ? 429 : 200 }))
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 16, recoveryStep: "1 millis" })
 *   const fetch = yield* PooledFetch.make(pool, { fetch: api })
 *   const response = yield* Effect.promise(() => fetch("http://api.example"))
 *   return yield* Effect.promise(() => response.text())
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual(await Effect.runPromise(program), "hello")
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (pool: PooledHttpClient.Pool, options: Options = {}): Effect.Effect<Fetch, never, Scope.Scope> =>
  pooled(
    (_, use) => use(pool),
    options,
    always(options),
    Effect.map(pool.stats, ({ config }) => config.name)
  )

/**
 * The same with a pool for each key; see `PoolMap` and `RequestKey`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeKeyed = (
  pools: PoolMap.PoolMap,
  key: (request: HttpClientRequest.HttpClientRequest) => string,
  options: Options = {}
): Effect.Effect<Fetch, never, Scope.Scope> =>
  pooled((request, use) => pools.use(key(request), use), options, always(options), Effect.succeed("PooledFetch"))

/**
 * The same with a group of pools. Each member has its own `fetch`, which makes the member's attempts and gives them its
 * host, key or model. See `PooledHttpClient.makeGroup`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeGroup = <Name extends string>(
  group: PoolGroup<Name>,
  fetches: Readonly<Record<Name, Fetch>>,
  options: Omit<Options, "fetch"> & PooledHttpClient.GroupOptions = {}
): Effect.Effect<Fetch, never, Scope.Scope> =>
  pooled(
    PooledRequest.findGroup(group, options.groupKey),
    options,
    // An attempt of a group has a member, and the member is one of its names.
    (member) => fetches[member as Name],
    Effect.map(group.stats, ({ config }) => config.name)
  )
