import { getEventListeners } from "node:events"
import { createServer } from "node:http"
import Anthropic from "@anthropic-ai/sdk"
import { assert, describe, it, vi } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Logger, Scope, TestClock } from "effect"
import OpenAI from "openai"
import { PooledExecutor } from "effect-aimd"
import { PooledFetch } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { listen } from "./servers.js"

const url = "http://api.test/v1/things"

/** Answers each request after a second, unless it is broken off before. */
const slowApi = (latency: number) => {
  const seen = { requests: 0, broken: 0 }
  const waiting: Array<() => void> = []
  const fetch: PooledFetch.Fetch = (_, init) =>
    new Promise((resolve, reject) => {
      seen.requests += 1
      waiting.push(() => resolve(new Response("served", { headers: { "content-length": "6" } })))
      init?.signal?.addEventListener("abort", () => {
        seen.broken += 1
        reject(new Error("broken off"))
      })
    })
  /** Lets pass what came in the last second. */
  const serve = Effect.forever(
    Effect.zipRight(
      Effect.sleep(latency),
      Effect.sync(() => waiting.splice(0).forEach((answer) => answer()))
    )
  )
  return { fetch, seen, serve }
}

/** A signal that aborts after so many seconds of virtual time, as an SDK's does: with no reason of its own. */
const abortAfter = (seconds: number, reason?: unknown) =>
  Effect.gen(function* () {
    const controller = new AbortController()
    yield* Effect.forkScoped(
      Effect.delay(
        Effect.sync(() => controller.abort(reason)),
        `${seconds} seconds`
      )
    )
    return controller.signal
  })

const attempt = (run: () => Promise<Response>) => Effect.mapError(Effect.tryPromise(run), ({ error }) => error)

const logged = () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
  return { lines, layer: Logger.replace(Logger.defaultLogger, logger) }
}

/** Ten calls at once of which one a second is served; returns how many were. */
const tenCalls = (init: Effect.Effect<RequestInit, never, Scope.Scope>) =>
  Effect.gen(function* () {
    const api = slowApi(1_000)
    const { layer, lines } = logged()
    const pool = yield* PooledExecutor.make({ poolSize: 1 })
    const fetch = yield* Effect.provide(PooledFetch.make(pool, { fetch: api.fetch }), layer)
    yield* Effect.forkScoped(api.serve)
    const calls = yield* Effect.forEach(Array.from({ length: 10 }), () =>
      Effect.flatMap(init, (init) => Effect.fork(attempt(() => fetch(url, init))))
    )
    const exits = yield* Effect.forEach(calls, Fiber.await)
    return { served: exits.filter(Exit.isSuccess).length, lines, pool, api }
  })

describe("the time limit of a caller", () => {
  it.effect("starts anew with the permit: AbortSignal.timeout", () =>
    inVirtualTime(function* () {
      const timeout = new DOMException("The operation was aborted due to timeout", "TimeoutError")
      const { lines, served } = yield* tenCalls(Effect.map(abortAfter(2, timeout), (signal) => ({ signal })))
      assert.deepStrictEqual([served, lines], [10, []])
    })
  )

  // An SDK rounds down to a second, and its timer began a moment before the call.
  it.effect.each([1.95, 2.5, 2.999])(
    "starts anew with the permit: an SDK's, which says in a header that it is two seconds, of %s",
    (seconds) =>
      inVirtualTime(function* () {
        const headers = { "x-stainless-timeout": "2" }
        const { lines, served } = yield* tenCalls(Effect.map(abortAfter(seconds), (signal) => ({ signal, headers })))
        assert.deepStrictEqual([served, lines], [10, []])
      })
  )

  it.effect("that nobody recognises ends the call in line, and the pool says once what to set", () =>
    inVirtualTime(function* () {
      const { lines, served } = yield* tenCalls(Effect.map(abortAfter(2.5), (signal) => ({ signal })))
      assert.deepStrictEqual([served, lines.length], [2, 1])
      for (const [seconds, whole] of [
        [1.949, 1],
        [3, 3]
      ] as const) {
        const headers = { "x-stainless-timeout": "2" }
        const told = yield* tenCalls(Effect.map(abortAfter(seconds), (signal) => ({ signal, headers })))
        assert.deepStrictEqual([told.served <= whole, told.lines.length], [true, 1])
      }
      assert.include(lines[0], "set the SDK's `timeout`")
    })
  )

  it.effect("ends an attempt that takes longer, counted from its permit, with the signal's reason", () =>
    inVirtualTime(function* () {
      const timeout = new DOMException("too long", "TimeoutError")
      const api = slowApi(60_000)
      const pool = yield* PooledExecutor.make({ poolSize: 1 })
      const fetch = yield* PooledFetch.make(pool, { fetch: api.fetch })
      const start = Effect.gen(function* () {
        const signal = yield* abortAfter(2, timeout)
        return yield* Effect.fork(Effect.flip(attempt(() => fetch(url, { signal }))))
      })
      const [first, second] = [yield* start, yield* start]
      yield* Effect.sleep("2100 millis")
      assert.deepStrictEqual([yield* Fiber.join(first), api.seen], [timeout, { requests: 2, broken: 1 }])
      // The second has had its permit for a tenth of a second, and its limit is two.
      yield* Effect.sleep("1800 millis")
      assert.strictEqual(api.seen.broken, 1)
      yield* Effect.sleep("200 millis")
      assert.deepStrictEqual([yield* Fiber.join(second), api.seen.broken], [timeout, 2])
      assert.strictEqual((yield* pool.stats).inFlight, 0)
    })
  )

  it("is told by the SDKs of OpenAI and Anthropic", async () => {
    const told: Array<string | null> = []
    const fetch: PooledFetch.Fetch = (_, init) => {
      told.push(new Headers(init?.headers).get("x-stainless-timeout"))
      return Promise.resolve(new Response("{}", { headers: { "content-type": "application/json" } }))
    }
    const messages = [{ role: "user", content: "hello" } as const]
    const options = { apiKey: "sk", fetch, timeout: 2_000, maxRetries: 0 }
    // OpenAI's tells only of a limit that is given with the call.
    await new OpenAI(options).chat.completions.create({ model: "m", messages })
    await new OpenAI(options).chat.completions.create({ model: "m", messages }, { timeout: 2_000 })
    await new Anthropic(options).messages.create({ model: "m", messages, max_tokens: 1 })
    assert.deepStrictEqual(told, [null, "2", "2"])
  })
})

/** The SDKs' timers of so many milliseconds, which go off when the test says so; all others are as ever. */
const heldTimers = (millis: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const { setTimeout } = globalThis
        const held: Array<() => void> = []
        vi.spyOn(globalThis, "setTimeout").mockImplementation((...given: Parameters<typeof setTimeout>) => {
          const [callback, delay] = given
          // What else is given goes to the callback.
          if (delay !== millis) return setTimeout(...given)
          held.push(callback)
          return setTimeout(() => undefined)
        })
        return held
      }),
      () => Effect.sync(() => vi.mocked(globalThis.setTimeout).mockRestore())
    ),
    (held) => ({ goOff: Effect.sync(() => held.splice(0).map((callback) => callback()).length) })
  )

const count = 60
const limit = 2_300
const prompts = Array.from({ length: count }, (_, i) => `prompt ${i}`)
const messagesOf = (content: string) => [{ role: "user", content }] as const

/** What a server says that both SDKs understand. */
const completion = { type: "message", role: "assistant", choices: [], content: [{ type: "text", text: "served" }] }

const nextTurn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Sixty calls of an SDK that wait in line while its time limit goes by; what became of them, and what the server saw. */
const sixtyCalls = (
  options: PooledFetch.Options,
  ask: (url: string, fetch: PooledFetch.Fetch) => (prompt: string) => PromiseLike<unknown>
) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const server = yield* listen(
      createServer((request, response) => {
        request.setEncoding("utf8").on("data", (body: string) => void asked.push(...(/prompt \d+/.exec(body) ?? [])))
        request.on(
          "end",
          () => void response.setHeader("content-type", "application/json").end(JSON.stringify(completion))
        )
      })
    )
    const { layer, lines } = logged()
    const timers = yield* heldTimers(limit)
    // The delay law spaces nothing out, so that nothing waits for a clock that stands still.
    const pool = yield* PooledExecutor.make({ poolSize: 2, control: "delay" })
    const fetch = yield* Effect.provide(PooledFetch.make(pool, options), layer)
    const permits = yield* Deferred.make<void>()
    const holders = yield* Effect.forEach([1, 2], () => Effect.fork(pool.execute(Deferred.await(permits))))
    yield* TestClock.adjust(0)

    const calls = prompts.map((prompt) => Promise.resolve(ask(server.url, fetch)(prompt)).then(() => "served", String))
    yield* Effect.yieldNow()
    while ((yield* pool.pendingCount) < count + 2) yield* nextTurn
    // The limit is over for all of them, and none has a permit.
    yield* TestClock.adjust(limit)
    const over = yield* timers.goOff
    yield* Deferred.succeed(permits, undefined)
    yield* Effect.forEach(holders, Fiber.join)
    const ends = yield* Effect.promise(() => Promise.all(calls))
    return { over, ends, asked: asked.sort(), lines }
  })

const clientOptions = (baseURL: string, fetch: PooledFetch.Fetch) => ({ apiKey: "sk", baseURL, fetch, maxRetries: 0 })

describe("sixty calls through a pool of two, whose SDK has a time limit that is over before they have a permit", () => {
  const served = { over: count, ends: prompts.map(() => "served"), asked: [...prompts].sort(), lines: [] }

  it.scoped("are served once each: OpenAI's, the limit given with the call", () =>
    Effect.map(
      sixtyCalls({}, (url, fetch) => {
        const { chat } = new OpenAI(clientOptions(url, fetch))
        return (prompt) =>
          chat.completions.create({ model: "m", messages: [...messagesOf(prompt)] }, { timeout: limit })
      }),
      (seen) => assert.deepStrictEqual(seen, served)
    )
  )

  it.scoped("are served once each: OpenAI's, the limit of the whole client, of which the pool was told", () =>
    Effect.map(
      sixtyCalls({ timeLimit: limit }, (url, fetch) => {
        const { chat } = new OpenAI({ ...clientOptions(url, fetch), timeout: limit })
        return (prompt) => chat.completions.create({ model: "m", messages: [...messagesOf(prompt)] })
      }),
      (seen) => assert.deepStrictEqual(seen, served)
    )
  )

  it.scoped("are served once each: Anthropic's", () =>
    Effect.map(
      sixtyCalls({}, (url, fetch) => {
        const { messages } = new Anthropic({ ...clientOptions(url, fetch), timeout: limit })
        return (prompt) => messages.create({ model: "m", max_tokens: 1, messages: [...messagesOf(prompt)] })
      }),
      (seen) => assert.deepStrictEqual(seen, served)
    )
  )

  it.scoped("end in line, none of them sent, where nobody told of the limit, and the pool says once what to set", () =>
    Effect.gen(function* () {
      const { asked, ends, lines, over } = yield* sixtyCalls({}, (url, fetch) => {
        const { chat } = new OpenAI({ ...clientOptions(url, fetch), timeout: limit })
        return (prompt) => chat.completions.create({ model: "m", messages: [...messagesOf(prompt)] })
      })
      assert.deepStrictEqual([over, asked, new Set(ends)], [count, [], new Set(["Error: Request timed out."])])
      assert.deepStrictEqual([lines.length, lines[0]?.includes("`timeLimit`")], [1, true])
    })
  )
})

describe("one AbortSignal for many calls", () => {
  it.effect("has one listener while they run, none afterwards, and ends them all", () =>
    inVirtualTime(function* () {
      const api = slowApi(1_000)
      const pool = yield* PooledExecutor.make({ poolSize: 100 })
      const fetch = yield* PooledFetch.make(pool, { fetch: api.fetch })
      const server = yield* Effect.forkScoped(api.serve)
      const { signal, abort } = (() => {
        const controller = new AbortController()
        return { signal: controller.signal, abort: Effect.sync(() => controller.abort("enough")) }
      })()
      const listeners = Effect.sync(() => getEventListeners(signal, "abort").length)
      const all = Effect.forEach(Array.from({ length: 200 }), () => Effect.fork(attempt(() => fetch(url, { signal }))))
      const calls = yield* all
      yield* Effect.sleep("500 millis")
      const during = yield* listeners
      yield* Effect.forEach(calls, Fiber.join)
      assert.deepStrictEqual([during, yield* listeners], [1, 0])

      yield* Fiber.interrupt(server)
      const more = yield* all
      yield* Effect.sleep("500 millis")
      yield* abort
      const reasons = yield* Effect.forEach(more, (call) => Effect.flip(Fiber.join(call)))
      assert.deepStrictEqual([new Set(reasons), yield* listeners], [new Set(["enough"]), 0])
      // Returns when every permit is back.
      yield* pool.shutdown
    })
  )

  it.effect("is listened to until the body has ended, and breaks it off", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2 })
      const controllers = [new AbortController(), new AbortController()] as const
      const api: PooledFetch.Fetch = (_, init) => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            controller.enqueue(new TextEncoder().encode("data: 1\n\n"))
            init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason))
            if (init?.method === "POST") controller.close()
          }
        })
        return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }))
      }
      const fetch = yield* PooledFetch.make(pool, { fetch: api })
      const listeners = () => controllers.map(({ signal }) => getEventListeners(signal, "abort").length)
      const responses = yield* Effect.promise(() =>
        Promise.all(controllers.map(({ signal }, i) => fetch(url, { signal, method: i === 0 ? "GET" : "POST" })))
      )
      const before = listeners()
      const ends = yield* Effect.forEach(responses, (response) =>
        Effect.fork(Effect.either(Effect.tryPromise({ try: () => response.text(), catch: () => "broken off" })))
      )
      yield* Effect.sleep("1 second")
      controllers[0].abort("enough")
      const [first, second] = yield* Effect.forEach(ends, Fiber.join)
      assert.deepStrictEqual([first?._tag, second?._tag], ["Left", "Right"])
      assert.deepStrictEqual([before, listeners(), (yield* pool.stats).inFlight], [[1, 1], [0, 0], 0])
    })
  )
})

describe("a pooled fetch whose scope has closed", () => {
  it.effect("rejects with PoolShutdownError, what is under way and what comes later", () =>
    inVirtualTime(function* () {
      const scope = yield* Scope.make()
      const pool = yield* PooledExecutor.make({ name: "api" })
      const fetch = yield* Scope.extend(PooledFetch.make(pool, { fetch: () => new Promise(() => undefined) }), scope)
      const call = Effect.flip(attempt(() => fetch(url)))
      const underWay = yield* Effect.fork(call)
      yield* Effect.sleep("1 second")
      yield* Scope.close(scope, Exit.void)
      for (const error of [yield* Fiber.join(underWay), yield* call]) {
        assert.strictEqual(String(error), 'PoolShutdownError: the pool "api" is shut down: nothing starts any more')
      }
    })
  )
})
