import { getEventListeners } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Scope, Exit } from "effect"
import { makeTracer } from "../support/observe.js"
import { type PoolConfig, PooledExecutor } from "effect-aimd"
import { PooledFetch, PoolMap, RequestKey } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { streamOf } from "./support.js"

const url = "http://api.test/v1/things"

interface Sent {
  readonly input: string
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: string
}

/** A `fetch` that gives its nth request, from 0, the nth answer, and an empty 200 to all that come later. */
const scripted = (...answers: ReadonlyArray<() => Response>) => {
  const sent: Array<Sent> = []
  const fetch: PooledFetch.Fetch = async (input, init) => {
    const answer = answers[sent.length] ?? (() => new Response())
    const request = new Request(input, init)
    const { headers, method } = request
    sent.push({ input: request.url, method, headers: Object.fromEntries(headers), body: await request.text() })
    return answer()
  }
  return { fetch, sent }
}

const busy =
  (headers: Record<string, string> = {}) =>
  () =>
    new Response("busy", { status: 429, headers })
const finite = (body: string) => () => new Response(body, { headers: { "content-length": String(body.length) } })

const options: PoolConfig.Options = { poolSize: 4, recoveryStep: "100 millis", control: "delay" }
const makeFetch = (api: { readonly fetch: PooledFetch.Fetch }, more: PoolConfig.Options = {}) =>
  Effect.flatMap(PooledExecutor.make({ ...options, ...more }), (pool) => PooledFetch.make(pool, { fetch: api.fetch }))

const attempt = (run: () => Promise<Response>) => Effect.mapError(Effect.tryPromise(run), ({ error }) => error)
const text = (response: Response) => Effect.promise(() => response.text())

describe("a pooled fetch", () => {
  it.effect("retries what has no capacity, and sends the same each time", () =>
    inVirtualTime(function* () {
      const api = scripted(busy({ "retry-after": "1" }), finite("served"))
      const fetch = yield* makeFetch(api)
      const init = { method: "post", body: '{"a":1}', headers: { "content-type": "application/json", "x-own": "1" } }
      const response = yield* attempt(() => fetch(url, init))
      assert.deepStrictEqual([response.status, yield* text(response)], [200, "served"])
      const same = { input: url, method: "POST", headers: init.headers, body: init.body }
      assert.deepStrictEqual(api.sent, [same, same])
    })
  )

  it.effect("says nothing of a retry in an answer that is none of the last", () =>
    inVirtualTime(function* () {
      const fetch = yield* makeFetch(scripted(finite("served"), () => new Response("not here", { status: 404 })))
      for (const status of [200, 404]) {
        const response = yield* attempt(() => fetch(url))
        assert.deepStrictEqual([response.status, response.headers.get("x-should-retry")], [status, null])
      }
    })
  )

  it.effect("sends the trace context of each attempt, beside the headers that were given", () =>
    inVirtualTime(function* () {
      const api = scripted()
      const { tracer } = makeTracer()
      const fetch = yield* Effect.withTracer(makeFetch(api), tracer)
      yield* attempt(() => fetch(url, { headers: { "x-own": "1" } }))
      const [sent] = api.sent
      assert.strictEqual(sent?.headers["x-own"], "1")
      assert.match(sent?.headers["traceparent"] ?? "none", /^00-trace-span-\d+-01$/)
    })
  )

  it.effect("takes a URL, and a Request whose body it sends again", () =>
    inVirtualTime(function* () {
      const api = scripted(
        busy(),
        () => new Response("a"),
        busy(),
        () => new Response("b")
      )
      const fetch = yield* makeFetch(api)
      yield* attempt(() => fetch(new URL(url)))
      yield* attempt(() => fetch(new Request(url, { method: "PUT", body: "again" })))
      assert.deepStrictEqual(
        api.sent.map(({ body, method }) => [method, body]),
        [
          ["GET", ""],
          ["GET", ""],
          ["PUT", "again"],
          ["PUT", "again"]
        ]
      )
    })
  )

  it.effect("hands over a stream as it comes, with what belongs to it", () =>
    inVirtualTime(function* () {
      const headers = { "content-type": "text/event-stream", "x-own": "1" }
      const fetch = yield* makeFetch(scripted(() => new Response(streamOf("data: 1\n\n"), { headers })))
      const response = yield* attempt(() => fetch(url))
      assert.deepStrictEqual(
        [response.status, response.headers.get("x-own"), yield* text(response)],
        [200, "1", "data: 1\n\n"]
      )
    })
  )

  it.effect("hands over every other status, with what belongs to it", () =>
    inVirtualTime(function* () {
      const missing = () =>
        new Response("no", { status: 404, statusText: "Not Here", headers: { "content-length": "2" } })
      const empty = () => new Response(null, { status: 204, headers: { "content-length": "0" } })
      const fetch = yield* makeFetch(scripted(missing, empty))
      const [first, second] = [yield* attempt(() => fetch(url)), yield* attempt(() => fetch(url))]
      assert.deepStrictEqual(
        [first.status, first.statusText, first.headers.get("content-length"), yield* text(first), second.status],
        [404, "Not Here", "2", "no", 204]
      )
    })
  )

  it.effect("hands over an answer without a body as it came, though its caller may abort", () =>
    inVirtualTime(function* () {
      const fetch = yield* makeFetch(scripted(() => new Response(null, { status: 404 })))
      const { signal } = new AbortController()
      const response = yield* attempt(() => fetch(url, { signal }))
      assert.deepStrictEqual([response.status, response.body, getEventListeners(signal, "abort")], [404, null, []])
    })
  )

  it.effect("hands over the last answer when the budget is spent, and says that there is no point in a retry", () =>
    inVirtualTime(function* () {
      const api = scripted(...Array.from({ length: 20 }, () => busy()))
      const fetch = yield* makeFetch(api, { maxCapacityRetry: "500 millis" })
      const response = yield* attempt(() => fetch(url))
      assert.deepStrictEqual(
        [response.status, response.headers.get("x-should-retry"), yield* text(response), api.sent.length],
        [429, "false", "busy", 3]
      )
    })
  )

  it.effect("hands over the answer that says that the quota is used up", () =>
    inVirtualTime(function* () {
      const body = '{"error":{"code":"insufficient_quota"}}'
      const api = scripted(() => new Response(body, { status: 429, headers: { "content-type": "application/json" } }))
      const fetch = yield* makeFetch(api)
      const response = yield* attempt(() => fetch(url))
      assert.deepStrictEqual([response.status, yield* text(response), api.sent.length], [429, body, 1])
    })
  )

  it.effect("is rejected as fetch itself was, or with the pool's error", () =>
    inVirtualTime(function* () {
      const failure = new TypeError("fetch failed")
      const broken = yield* makeFetch({ fetch: () => Promise.reject(failure) })
      assert.strictEqual(yield* Effect.flip(attempt(() => broken(url, { method: "POST" }))), failure)

      const streaming = yield* makeFetch(scripted())
      const body = streamOf("x")
      const refused = yield* Effect.flip(attempt(() => streaming(url, { method: "POST", body, duplex: "half" })))
      assert.propertyVal(refused, "_tag", "StreamingBodyError")

      const pool = yield* PooledExecutor.make()
      const shut = yield* PooledFetch.make(pool, { fetch: scripted().fetch })
      yield* pool.shutdown
      assert.propertyVal(yield* Effect.flip(attempt(() => shut(url))), "_tag", "PoolShutdownError")
    })
  )

  it.effect("ends when it is aborted: while it waits, while it runs, or before", () =>
    inVirtualTime(function* () {
      const aborted: Array<unknown> = []
      const hanging: PooledFetch.Fetch = (_, init) =>
        new Promise((_, reject) => {
          init?.signal?.addEventListener("abort", () => {
            aborted.push("sent")
            reject(new Error("aborted"))
          })
        })
      const pool = yield* PooledExecutor.make({ poolSize: 1 })
      const fetch = yield* PooledFetch.make(pool, { fetch: hanging })
      const controllers = [new AbortController(), new AbortController()] as const
      const fibers = yield* Effect.forEach(controllers, ({ signal }) =>
        Effect.fork(Effect.flip(attempt(() => fetch(url, { signal }))))
      )
      yield* Effect.sleep("1 second")
      controllers[1].abort("no longer wanted")
      yield* Effect.sleep("1 second")
      controllers[0].abort("not this either")
      const reasons = yield* Effect.forEach(fibers, Fiber.join)
      const before = yield* Effect.flip(attempt(() => fetch(url, { signal: AbortSignal.abort("never") })))
      assert.deepStrictEqual([...reasons, before], ["not this either", "no longer wanted", "never"])
      assert.deepStrictEqual([aborted, (yield* pool.stats).inFlight], [["sent"], 0])
    })
  )

  it.effect("ends with its scope", () =>
    inVirtualTime(function* () {
      const scope = yield* Scope.make()
      const pool = yield* PooledExecutor.make()
      const hanging = () => new Promise<Response>(() => undefined)
      const fetch = yield* Scope.extend(PooledFetch.make(pool, { fetch: hanging }), scope)
      const fiber = yield* Effect.fork(Effect.exit(attempt(() => fetch(url))))
      yield* Effect.sleep("1 second")
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
    })
  )

  it.effect("sends nothing once its scope is closed", () =>
    inVirtualTime(function* () {
      const scope = yield* Scope.make()
      const api = scripted()
      const fetch = yield* Scope.extend(makeFetch(api), scope)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.flip(attempt(() => fetch(url)))
      assert.deepStrictEqual(api.sent, [])
    })
  )

  it.effect("warns once of an SDK that retries too", () =>
    inVirtualTime(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
      const fetch = yield* makeFetch(scripted()).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      for (const count of ["0", "1", "2"]) {
        yield* attempt(() => fetch(url, { headers: { "X-Stainless-Retry-Count": count } }))
      }
      assert.deepStrictEqual(lines, [
        "the SDK behind these requests retries too (x-stainless-retry-count: 1): set its maxRetries to 0, " +
          "or a request is made as often as both of them allow"
      ])
    })
  )

  it.effect("has a pool for each key where it is keyed, by a model in its JSON for one", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make()
      const fetch = yield* PooledFetch.makeKeyed(pools, RequestKey.model, { fetch: scripted().fetch })
      for (const model of ["gpt", "claude"]) {
        yield* attempt(() => fetch(url, { method: "POST", body: JSON.stringify({ model }) }))
      }
      assert.deepStrictEqual([...(yield* pools.stats).keys()], ["gpt", "claude"])
    })
  )

  it.effect("is keyed by where a request goes, in whatever form that is given", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make()
      const fetch = yield* PooledFetch.makeKeyed(pools, (request) => request.url, { fetch: scripted().fetch })
      const inputs = [`${url}/a`, new URL(`${url}/b`), new Request(`${url}/c`)]
      for (const input of inputs) yield* attempt(() => fetch(input))
      assert.deepStrictEqual([...(yield* pools.stats).keys()], [`${url}/a`, `${url}/b`, `${url}/c`])
    })
  )

  it.effect("ends when the signal of its Request is aborted", () =>
    inVirtualTime(function* () {
      const fetch = yield* makeFetch({ fetch: () => new Promise<Response>(() => undefined) })
      const controller = new AbortController()
      const request = new Request(url, { signal: controller.signal })
      const fiber = yield* Effect.fork(Effect.flip(attempt(() => fetch(request))))
      yield* Effect.sleep("1 second")
      controller.abort("no longer wanted")
      assert.strictEqual(yield* Fiber.join(fiber), "no longer wanted")
    })
  )
})
