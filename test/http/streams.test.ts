import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Option, Scope, Stream } from "effect"
import { type ControlLaw, type PoolConfig, PooledExecutor } from "effect-aimd"
import { Classifier, PooledFetch, PooledHttpClient, PoolMap, RequestKey } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { scripted, url } from "./support.js"

const options: PoolConfig.Options = { poolSize: 2, recoveryStep: "100 millis", control: "delay" }
const makePool = (more: PoolConfig.Options = {}) => PooledExecutor.make({ ...options, ...more })
const events = { "content-type": "text/event-stream; charset=utf-8" }
const encoder = new TextEncoder()

/** A body of these chunks, pulled one at a time. */
const chunks = (...texts: ReadonlyArray<string>) => {
  const left = [...texts]
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const next = left.shift()
        if (next === undefined) controller.close()
        else controller.enqueue(encoder.encode(next))
      }
    },
    { highWaterMark: 0 }
  )
}

/** An API of streams that stay open until they are let go; counts those that are. */
const openStreams = () => {
  const seen = { open: 0, most: 0, cancelled: 0 }
  const ends: Array<() => void> = []
  const body = () => {
    seen.open += 1
    seen.most = Math.max(seen.most, seen.open)
    let isOpen = true
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(encoder.encode("data: 1\n\n"))
        ends.push(() => {
          if (!isOpen) return
          seen.open -= 1
          controller.close()
        })
      },
      cancel: () => {
        isOpen = false
        seen.open -= 1
        seen.cancelled += 1
      }
    })
  }
  const client = HttpClient.make((request) =>
    Effect.sync(() => HttpClientResponse.fromWeb(request, new Response(body(), { headers: events })))
  )
  const fetch: PooledFetch.Fetch = () => Promise.resolve(new Response(body(), { headers: events }))
  return { client, fetch, seen, endAll: Effect.sync(() => ends.splice(0).forEach((end) => end())) }
}

const inFlight = (pool: PooledExecutor.PooledExecutor) => Effect.map(pool.stats, ({ inFlight }) => inFlight)

describe("the permit of a stream", () => {
  it.effect("is kept until the body has ended: of 60 streams through a pool of 2 no more than 2 are open", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = openStreams()
      const client = PooledHttpClient.make(pool)(api.client)
      const read = Effect.flatMap(client.get(url), ({ text }) => text)
      const fiber = yield* Effect.fork(Effect.forEach(Array.from({ length: 60 }), () => read, { concurrency: 60 }))
      const during: Array<number> = []
      for (let round = 0; round < 30; round++) {
        yield* Effect.sleep("1 second")
        during.push(api.seen.open, yield* inFlight(pool))
        yield* api.endAll
      }
      assert.deepStrictEqual(new Set(during), new Set([2]))
      assert.strictEqual((yield* Fiber.join(fiber)).length, 60)
      assert.deepStrictEqual([api.seen.most, yield* inFlight(pool), yield* pool.pendingCount], [2, 0, 0])
    })
  )

  it.effect("is kept by a fetch, and given back when its reader cancels", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = openStreams()
      const fetch = yield* PooledFetch.make(pool, { fetch: api.fetch })
      const [first, second] = [yield* Effect.promise(() => fetch(url)), yield* Effect.promise(() => fetch(url))]
      const third = yield* Effect.fork(Effect.promise(() => fetch(url)))
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual([api.seen.open, yield* inFlight(pool)], [2, 2])
      yield* Effect.promise(() => first.body?.cancel() ?? Promise.resolve())
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual([api.seen.cancelled, api.seen.most, yield* inFlight(pool)], [1, 2, 2])
      yield* api.endAll
      yield* Effect.promise(() =>
        Promise.all([second.text(), Effect.runPromise(Fiber.join(third)).then((r) => r.text())])
      )
      assert.strictEqual(yield* inFlight(pool), 0)
    })
  )

  it.effect("comes back when the reader has enough, when its scope closes, and when the reader is interrupted", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const client = PooledHttpClient.make(pool)(openStreams().client)
      const head = yield* Effect.flatMap(client.get(url), ({ stream }) => Stream.runHead(Stream.decodeText(stream)))
      assert.deepStrictEqual([Option.getOrUndefined(head), yield* inFlight(pool)], ["data: 1\n\n", 0])

      const scope = yield* Scope.make()
      yield* Scope.extend(client.get(url), scope)
      assert.strictEqual(yield* inFlight(pool), 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* inFlight(pool), 0)

      const reader = yield* Effect.fork(Effect.flatMap(client.get(url), ({ text }) => text))
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* inFlight(pool), 1)
      yield* Fiber.interrupt(reader)
      assert.strictEqual(yield* inFlight(pool), 0)
    })
  )

  it.effect("comes back ten seconds after the reader has asked for more the last time", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const client = PooledHttpClient.make(pool)(openStreams().client)
      yield* client.get(url)
      yield* Effect.sleep(Duration.millis(9_999))
      assert.strictEqual(yield* inFlight(pool), 1)
      yield* Effect.sleep(Duration.millis(2))
      assert.strictEqual(yield* inFlight(pool), 0)

      // Whoever waits for more has not left.
      const reader = yield* Effect.fork(Effect.flatMap(client.get(url), ({ text }) => text))
      yield* Effect.sleep("1 minute")
      assert.strictEqual(yield* inFlight(pool), 1)
      yield* Fiber.interrupt(reader)
    })
  )

  it.effect("comes back with the headers where that is asked for", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const client = PooledHttpClient.make(pool, { permitUntil: "headers" })(openStreams().client)
      const response = yield* client.get(url)
      assert.strictEqual(yield* inFlight(pool), 0)
      const head = yield* Stream.runHead(Stream.decodeText(response.stream))
      assert.strictEqual(Option.getOrUndefined(head), "data: 1\n\n")
    })
  )

  it.effect("is one of each pool that the request went through: the key's and its parent's", () =>
    inVirtualTime(function* () {
      const parent = yield* makePool()
      const pools = yield* PoolMap.make({ parent, pool: options })
      const api = openStreams()
      const client = PooledHttpClient.makeKeyed(pools, RequestKey.host)(api.client)
      const reader = yield* Effect.fork(Effect.flatMap(client.get(url), ({ text }) => text))
      yield* Effect.sleep("1 second")
      const both = Effect.gen(function* () {
        return [yield* inFlight(parent), (yield* pools.stats).get("api.test")?.inFlight]
      })
      assert.deepStrictEqual(yield* both, [1, 1])
      yield* api.endAll
      yield* Fiber.join(reader)
      assert.deepStrictEqual(yield* both, [0, 0])
    })
  )

  it.effect("comes back when the pool closes, which breaks the body off", () =>
    inVirtualTime(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.extend(makePool(), scope)
      const client = PooledHttpClient.make(pool)(openStreams().client)
      const reader = yield* Effect.fork(Effect.flatMap(client.get(url), ({ text }) => text))
      yield* Effect.sleep("1 second")
      yield* Scope.close(scope, Exit.void)
      const error = yield* Effect.flip(Fiber.join(reader))
      assert.deepStrictEqual([error._tag, yield* inFlight(pool)], ["ResponseError", 0])
      assert.include(error.message, "the pool was closed")
    })
  )

  it.effect("counts for the law until the end: the latency is that of the permit", () =>
    inVirtualTime(function* () {
      const heard: Array<readonly [string, number]> = []
      const pool = yield* makePool({ control: listener(heard) })
      const api = openStreams()
      const client = PooledHttpClient.make(pool)(api.client)
      const reader = yield* Effect.fork(Effect.flatMap(client.get(url), ({ text }) => text))
      yield* Effect.sleep("7 seconds")
      yield* api.endAll
      yield* Fiber.join(reader)
      assert.deepStrictEqual(heard, [["success", 7_000]])
    })
  )
})

/** A law that writes down what it hears, and lets all go on as ever. */
const listener = (heard: Array<readonly [string, number]>): ControlLaw.ControlLaw => {
  const decision = { window: 2, spacing: 0, holdUntil: 0, delay: 10, epoch: 0, reason: "as ever" }
  return {
    name: "listener",
    initial: () => ({ state: undefined, decision }),
    step: (state, { _tag, latency }) => {
      heard.push([_tag, latency])
      return { state, decision }
    }
  }
}

/** How streams begin that are no streams, and by what they are judged. */
const errors: ReadonlyArray<readonly [name: string, type: string, first: string]> = [
  [
    "Anthropic",
    "text/event-stream",
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
  ],
  [
    "OpenAI",
    "text/event-stream; charset=utf-8",
    'data: {"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}\n\n'
  ],
  [
    "Google",
    "text/event-stream",
    'data: {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}\r\n\r\n'
  ],
  [
    "OpenRouter, after a comment",
    "text/event-stream",
    ': OPENROUTER PROCESSING\n\ndata: {"error":{"code":429,"message":"Provider returned error"}}\n\n'
  ],
  ["newline-delimited JSON", "application/x-ndjson", '{"error":{"type":"overloaded_error"}}\n']
]

describe("a stream whose first event is an error", () => {
  for (const [name, type, first] of errors) {
    it.effect(`is sent again, and nobody hears of it: ${name}`, () =>
      inVirtualTime(function* () {
        const pool = yield* makePool()
        const headers = { "content-type": type }
        const whole = 'data: {"text":"hello"}\n\n'
        const api = scripted(
          // In two pieces, the second of which never ends.
          { headers, body: () => chunks(first.slice(0, 9), first.slice(9)) },
          { headers, body: () => chunks(whole) }
        )
        const response = yield* PooledHttpClient.make(pool)(api.client).execute(HttpClientRequest.post(url))
        assert.deepStrictEqual([yield* response.text, api.instants()], [whole, [0, 100]])
        assert.strictEqual((yield* pool.stats).capacityRetries, 1)
      })
    )
  }

  it.effect("fails with the last one when the budget is spent", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ maxCapacityRetry: "500 millis" })
      const [, , first] = errors[0] ?? ["", "", ""]
      const api = scripted(...Array.from({ length: 9 }, () => ({ headers: events, body: () => chunks(first, first) })))
      const error = yield* Effect.flip(PooledHttpClient.make(pool)(api.client).get(url))
      assert.strictEqual(error._tag === "RetryTimeoutError" && error.lastError.status, 529)
      const last = PooledHttpClient.lastResponse(error as never)
      assert.strictEqual(last === undefined ? "none" : yield* last.text, first)
    })
  )

  it.effect("is lost where it says that the API failed", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted(
        {
          headers: events,
          body: () => chunks('event: error\ndata: {"type":"error","error":{"type":"api_error"}}\n\n')
        },
        { headers: events, body: () => chunks("data: served\n\n") }
      )
      assert.strictEqual(
        yield* Effect.flatMap(PooledHttpClient.make(pool)(api.client).get(url), ({ text }) => text),
        "data: served\n\n"
      )
    })
  )

  it.effect("reaches the reader where it is about something else", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const first = 'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error"}}\n\n'
      const api = scripted({ headers: events, body: () => chunks(first, "data: more\n\n") })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual([yield* response.text, api.sent.length], [`${first}data: more\n\n`, 1])
    })
  )
})

describe("a stream that is served", () => {
  it.effect("is handed out once its first event came, and no more than that was read", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      let pulls = 0
      const body = () =>
        new ReadableStream<Uint8Array>(
          {
            pull: (controller) => {
              pulls += 1
              controller.enqueue(encoder.encode(`data: ${pulls}\n\n`))
              if (pulls === 5) controller.close()
            }
          },
          { highWaterMark: 0 }
        )
      const response = yield* PooledHttpClient.make(pool)(scripted({ headers: events, body }).client).get(url)
      const before = pulls
      const lines = (yield* response.text).split("\n\n")
      assert.deepStrictEqual([before, lines], [1, ["data: 1", "data: 2", "data: 3", "data: 4", "data: 5", ""]])
    })
  )

  it.effect("is not taken for an error because the text of a model speaks of one", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const first =
        'data: {"choices":[{"delta":{"content":"rate_limit_exceeded error","error":{"code":429}}}],"error":null}\n\n'
      const api = scripted({ headers: events, body: () => chunks(first) })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual([yield* response.text, api.sent.length], [first, 1])
    })
  )

  it.effect("tells the law of an error later on, and the reader gets it as it came", () =>
    inVirtualTime(function* () {
      const heard: Array<readonly [string, number]> = []
      const pool = yield* makePool({ control: listener(heard) })
      const late = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'
      const api = scripted({ headers: events, body: () => chunks("data: 1\n\n", late) })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.strictEqual(yield* response.text, `data: 1\n\n${late}`)
      assert.deepStrictEqual([heard, api.sent.length, yield* inFlight(pool)], [[["capacity", 0]], 1, 0])
    })
  )

  it.effect("tells the law of an error later on where the row of a batch, or a call, reads the body itself", () =>
    inVirtualTime(function* () {
      const late = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'
      const answer = { headers: events, body: () => chunks("data: 1\n\n", late) }
      const heard: Array<readonly [string, number]> = []
      const pool = yield* makePool({ control: listener(heard) })
      const api = scripted(answer, {}, answer, answer)
      const client = PooledHttpClient.attempts()(api.client)
      const read = Effect.flatMap(client.get(url), ({ text }) => text)
      const whole = `data: 1\n\n${late}`
      assert.deepStrictEqual(yield* pool.forEach([1, 2], () => read), [whole, ""])
      // The row without a stream has ended first.
      assert.deepStrictEqual(heard, [
        ["success", 0],
        ["capacity", 0]
      ])
      assert.strictEqual(yield* pool.execute(read), whole)
      // Whatever the row itself makes of it.
      const own = Effect.flatMap(read, () => Effect.fail("it broke off"))
      assert.strictEqual(yield* Effect.flip(pool.execute(own)), "it broke off")
      assert.deepStrictEqual(heard.slice(2), [
        ["capacity", 0],
        ["capacity", 0]
      ])
      const { capacityRetries, failures, successes } = yield* pool.stats
      assert.deepStrictEqual([capacityRetries, failures, successes, api.sent.length], [0, 1, 3, 4])
    })
  )

  it.effect("tells the law of each pool that it went through", () =>
    inVirtualTime(function* () {
      const late = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'
      const heard: Array<readonly [string, number]> = []
      const [inner, outer] = [
        yield* makePool({ control: listener(heard) }),
        yield* makePool({ control: listener(heard), name: "outer" })
      ]
      const client = PooledHttpClient.attempts()(
        scripted({ headers: events, body: () => chunks("data: 1\n\n", late) }).client
      )
      const read = Effect.flatMap(client.get(url), ({ text }) => text)
      yield* outer.execute(inner.execute(read))
      assert.deepStrictEqual(heard, [
        ["capacity", 0],
        ["capacity", 0]
      ])
    })
  )

  it.effect("is lost where it breaks off before its first event", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const broken = () =>
        new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("broke off")) })
      const api = scripted({ headers: events, body: broken }, { headers: events, body: () => chunks("data: 1\n\n") })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual([yield* response.text, api.sent.length], ["data: 1\n\n", 2])
    })
  )
})

describe("a document whose length is not known", () => {
  it.effect("is read inside the attempt, and lost where it breaks off", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const headers = { "content-type": "application/json" }
      const half = () => {
        const left = ['{"a":']
        return new ReadableStream<Uint8Array>({
          pull: (controller) => {
            const next = left.shift()
            if (next === undefined) controller.error(new Error("broke off"))
            else controller.enqueue(encoder.encode(next))
          }
        })
      }
      const api = scripted({ headers, body: half }, { headers, body: () => chunks('{"a":', "1}") })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual(
        [yield* response.json, yield* response.json, yield* inFlight(pool)],
        [{ a: 1 }, { a: 1 }, 0]
      )
    })
  )

  it.effect("goes on as a stream where it is longer than a mebibyte", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const piece = "x".repeat(512 * 1024)
      const api = scripted({ headers: { "content-type": "application/json" }, body: () => chunks(piece, piece, piece) })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.strictEqual(yield* inFlight(pool), 1)
      assert.strictEqual((yield* response.text).length, 3 * piece.length)
      assert.strictEqual(yield* inFlight(pool), 0)
    })
  )
})

describe("the body of an error", () => {
  it.effect("is read to 64 KiB for the verdict, and whole for the caller", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const piece = "y".repeat(48 * 1024)
      for (const status of [400, 403]) {
        const pulled = { pieces: 0 }
        const body = () =>
          new ReadableStream<Uint8Array>(
            {
              pull: (controller) => {
                if (pulled.pieces === 3) return controller.close()
                pulled.pieces += 1
                controller.enqueue(encoder.encode(piece))
              }
            },
            { highWaterMark: 0 }
          )
        const api = scripted({ status, headers: { "content-type": "text/plain" }, body })
        const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
        assert.deepStrictEqual([response.status, pulled.pieces], [status, 2])
        assert.strictEqual((yield* response.text).length, 3 * piece.length)
      }
    })
  )

  it.effect("that is no error is whole for a classifier that asks for it, however long it is", () =>
    inVirtualTime(function* () {
      const body = { text: "x".repeat(100_000), busy: true }
      const api = scripted({ body }, { body: "served" })
      const classify: Classifier.Classifier = (answer) =>
        Effect.map(answer.body, (text) =>
          text.endsWith('"busy":true}') ? Option.some(Classifier.capacity()) : Option.none()
        )
      const made = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      const response = yield* PooledHttpClient.make(made, { classify })(api.client).get(url)
      assert.deepStrictEqual([yield* response.text, api.sent.length], ["served", 2])
    })
  )

  it.effect("that is empty JSON is null", () =>
    inVirtualTime(function* () {
      const headers = { "content-type": "application/json", "content-length": "0" }
      const made = yield* PooledExecutor.make({ poolSize: 1 })
      const response = yield* PooledHttpClient.make(made)(scripted({ body: "", headers }).client).get(url)
      assert.strictEqual(yield* response.json, null)
    })
  )

  it.effect("can be read as a stream once, or whole as often as one likes, and says so", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ headers: events, body: () => chunks("data: 1\n\n") })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      yield* Stream.runDrain(response.stream)
      const exit = yield* Effect.exit(response.text)
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "read as a stream already")
    })
  )
})

describe("the body of a stream", () => {
  it.effect("that was read whole can be read again, in any way", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ headers: events, body: () => chunks("data: 1\n\n", "data: 2\n\n") })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      const all = "data: 1\n\ndata: 2\n\n"
      const asText = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
      assert.deepStrictEqual(
        [
          yield* response.text,
          asText(new Uint8Array(yield* response.arrayBuffer)),
          yield* Stream.mkString(Stream.decodeText(response.stream)),
          yield* response.text
        ],
        [all, all, all, all]
      )
    })
  )

  it.effect("is whole where it is to be read before it is handed out", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ headers: events, body: () => chunks("data: 1\n\n", "data: 2\n\n") })
      const response = yield* PooledHttpClient.make(pool, { body: "buffer" })(api.client).get(url)
      assert.strictEqual(yield* inFlight(pool), 0)
      assert.strictEqual(yield* response.text, "data: 1\n\ndata: 2\n\n")
    })
  )
})

describe("a request that is interrupted", () => {
  it.effect("while its first event is awaited gives its permit back, and gives the body up", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const cancelled = yield* Deferred.make<void>()
      const body = () =>
        new ReadableStream<Uint8Array>({
          cancel: () => Effect.runSync(Effect.asVoid(Deferred.succeed(cancelled, undefined)))
        })
      const api = scripted({ headers: events, body })
      const fiber = yield* Effect.fork(PooledHttpClient.make(pool)(api.client).get(url))
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* inFlight(pool), 1)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(cancelled)
      assert.strictEqual(yield* inFlight(pool), 0)
    })
  )
})
