/**
 * `fetch` through a pool, for SDKs that take a `fetch` of one's own.
 *
 * @since 0.2.0
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberSet from "effect/FiberSet"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Body from "./Body.js"
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
 * Options of a pooled `fetch`: those of a pooled client, and the `fetch` underneath, the global one unless given.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends PooledHttpClient.Options {
  readonly fetch?: Fetch
}

const nullBodyStatuses: ReadonlySet<number> = new Set([101, 204, 205, 304])

/** The owner of the retries is the pool: SDKs of OpenAI and Anthropic heed this. */
const doNotRetry = ["x-should-retry", "false"] as const

const toWeb = (response: HttpClientResponse.HttpClientResponse, web: Response, isLast: boolean): Response => {
  if (!(response instanceof Body.BufferedResponse) || Either.isLeft(response.content)) return web
  const headers = new Headers(web.headers)
  if (isLast) headers.set(...doNotRetry)
  const { status, statusText, url } = web
  const body = nullBodyStatuses.has(status) ? null : new Uint8Array(response.content.right)
  return Object.defineProperty(new Response(body, { status, statusText, headers }), "url", { value: url })
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

const aborted = (signal: AbortSignal): Effect.Effect<never, unknown> =>
  Effect.async((resume) => {
    const abort = (): void => resume(Effect.fail(signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener("abort", abort)
    return Effect.sync(() => signal.removeEventListener("abort", abort))
  })

const pooled = (find: PooledRequest.Find, options: Options): Effect.Effect<Fetch, never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntimePromise<never, Response, unknown>(), (runPromise): Fetch => {
    const { fetch: send = fetch } = options
    const run = PooledRequest.make(find, PooledHttpClient.settingsOf(options))
    return (input, init = {}) => {
      const signal = init.signal ?? (input instanceof Request ? input.signal : undefined)
      let last: Response | undefined
      const client = PooledRequest.clientOf((request) =>
        Effect.map(
          Effect.tryPromise({
            try: (interrupted) =>
              // A request's body can be read once: each attempt sends a copy.
              send(input instanceof Request ? input.clone() : input, {
                ...init,
                headers: withTrace(init.headers ?? (input instanceof Request ? input.headers : undefined), request),
                signal: signal ? AbortSignal.any([signal, interrupted]) : interrupted
              }),
            catch: (cause) => new HttpClientError.RequestError({ request, reason: "Transport", cause })
          }),
          (web) => {
            last = web
            return HttpClientResponse.fromWeb(request, web)
          }
        )
      )
      const answered = (response: HttpClientResponse.HttpClientResponse, isLast: boolean) =>
        // An answer is never without the Response that it came with.
        last === undefined ? Effect.dieMessage("an answer from nowhere") : Effect.succeed(toWeb(response, last, isLast))
      const way = Effect.matchEffect(run(client, describe(input, init)), {
        onSuccess: (response) => answered(response, false),
        onFailure: (error): Effect.Effect<Response, unknown> => {
          if (HttpClientError.isHttpClientError(error)) return Effect.fail(error.cause)
          const response = PooledHttpClient.lastResponse(error)
          return response === undefined ? Effect.fail(error) : answered(response, true)
        }
      })
      return runPromise(signal ? Effect.raceFirst(way, aborted(signal)) : way)
    }
  })

/**
 * Makes a `fetch` whose requests go through a pool. Give it to an SDK with the SDK's own retries switched off; the pool
 * warns when it sees that they are on.
 *
 * Where the pool gives up, the promise has the API's last answer, as it would without a pool, marked `x-should-retry:
 * false`; where there was no answer, it is rejected with the pool's error. Requests end with the scope.
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
  pooled((_, use) => use(pool), options)

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
): Effect.Effect<Fetch, never, Scope.Scope> => pooled((request, use) => pools.use(key(request), use), options)
