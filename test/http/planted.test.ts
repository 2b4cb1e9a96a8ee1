/** Faults that were planted by hand and that no test had found, each by its name. */
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse, Headers } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Stream, Tracer } from "effect"
import { PooledExecutor } from "effect-aimd"
import { Classifier, PooledHttpClient, PoolMap } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { broken, scripted, url } from "./support.js"

type Response = HttpClientResponse.HttpClientResponse
type Error = HttpClientError.HttpClientError

const pool = PooledExecutor.make({ poolSize: 2, recoveryStep: "100 millis", control: "delay" })

describe("a planted fault is found:", () => {
  it.effect("a consumed stream is sent again", () =>
    inVirtualTime(function* () {
      const made = yield* pool
      for (const answer of [{ lost: true }, { status: 502 }, { body: broken, headers: { "content-length": "9" } }]) {
        const api = scripted(answer)
        const stream = HttpClientRequest.put(url).pipe(HttpClientRequest.bodyStream(Stream.make(new Uint8Array([1]))))
        const client = PooledHttpClient.make(made, { streamingBody: "once" })(api.client)
        yield* Effect.either(client.execute(stream))
        assert.strictEqual(api.sent.length, 1)
        const again = scripted(answer)
        yield* Effect.either(PooledHttpClient.attempts()(again.client).execute(stream))
        assert.strictEqual(again.sent.length, 1)
      }
    })
  )

  it.effect("credentials in a URL, its query or its fragment stay in the error", () =>
    inVirtualTime(function* () {
      const made = yield* pool
      yield* made.shutdown
      const secret = "planted"
      const client = PooledHttpClient.toHttpClient(PooledHttpClient.make(made)(scripted().client))
      const urls = [
        `https://user:${secret}@api.test/v1`,
        `https://${secret}@api.test/v1`,
        `https://api.test/v1?key=${secret}`,
        `https://api.test/v1#${secret}`
      ]
      const errors = yield* Effect.forEach(urls, (url) => Effect.flip(client.get(url)))
      assert.deepStrictEqual(
        errors.map((error) => [
          error.request.url,
          JSON.stringify(error).includes(secret),
          error.message.includes(secret)
        ]),
        urls.map(() => ["https://api.test/v1", false, false])
      )
    })
  )

  it.effect("a fragment shows in spans", () =>
    inVirtualTime(function* () {
      const seen: Array<unknown> = []
      const tracer = Tracer.make({
        context: (f) => f(),
        span: (name, parent, context, links, startTime, kind) => ({
          _tag: "Span",
          ...{ name, parent, context, links, kind, spanId: name, traceId: "trace", sampled: true },
          attributes: new Map(),
          status: { _tag: "Started", startTime },
          attribute: (key, value) => void (key === "url.full" && seen.push(value)),
          addLinks: () => undefined,
          event: () => undefined,
          end: () => undefined
        })
      })
      const request = HttpClientRequest.setHash(HttpClientRequest.get("https://api.test/v1"), "planted")
      yield* Effect.withTracer(PooledHttpClient.make(yield* pool)(scripted().client).execute(request), tracer)
      assert.deepStrictEqual([...new Set(seen)], ["https://api.test/v1"])
    })
  )

  it.effect("a sentence hides the code behind it", () =>
    Effect.gen(function* () {
      const verdict = (body: object) =>
        Effect.map(
          Classifier.standard()({
            request: HttpClientRequest.get(url),
            status: 429,
            headers: Headers.fromInput({ "content-type": "application/json" }),
            body: Effect.succeed(JSON.stringify(body))
          }),
          Option.getOrUndefined
        )
      const quota = Classifier.quotaExhausted("insufficient_quota")
      assert.deepStrictEqual(
        [
          yield* verdict({ error: { code: "ask our sales team", type: "insufficient_quota" } }),
          yield* verdict({ error: "a sentence", code: "insufficient_quota" }),
          yield* verdict({ error: { code: "other_word", type: "another", status: "insufficient_quota" } })
        ],
        [quota, quota, quota]
      )
    })
  )

  it.effect("event streams with a charset are buffered", () =>
    inVirtualTime(function* () {
      const types = ["text/event-stream; charset=utf-8", "TEXT/EVENT-STREAM", "application/x-ndjson; charset=utf-8"]
      for (const type of types) {
        const body = () =>
          new ReadableStream<Uint8Array>({
            start: (controller) => controller.enqueue(new TextEncoder().encode('data: {"a":1}\n\n{"a":1}\n'))
          })
        const api = scripted({ body, headers: { "content-type": type, "content-length": "999" } })
        const response = yield* PooledHttpClient.make(yield* pool)(api.client).get(url)
        assert.isTrue(Option.isSome(yield* Stream.runHead(response.stream)))
      }
    })
  )

  it.effect("arrayBuffer hands out the shared buffer", () =>
    inVirtualTime(function* () {
      const api = scripted({ body: "hello", headers: { "content-length": "5" } })
      const response = yield* PooledHttpClient.make(yield* pool)(api.client).get(url)
      new Uint8Array(yield* response.arrayBuffer).fill(0)
      const [chunk] = yield* Stream.runCollect(response.stream)
      chunk?.fill(0)
      assert.deepStrictEqual(
        [yield* response.text, new TextDecoder().decode(yield* response.arrayBuffer)],
        ["hello", "hello"]
      )
    })
  )

  it.effect("an old watcher of PoolMap drops a key's new pool", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 1, idleTimeToLive: "10 seconds" })
      const use = (key: string) => pools.use(key, (pool) => pool.execute(Effect.succeed(key)))
      yield* use("a")
      yield* Effect.sleep("9 seconds")
      // Another key takes the place of the idle one, and gives it back to a pool that is new.
      yield* use("b")
      yield* use("a")
      yield* Effect.sleep("5 seconds")
      const [first] = (yield* pools.stats).values()
      assert.deepStrictEqual([[...(yield* pools.stats).keys()], first?.attempts], [["a"], 1])
      yield* Effect.sleep("6 seconds")
      assert.deepStrictEqual([...(yield* pools.stats).keys()], [])
    })
  )

  it.effect("a wake-up of PoolMap is lost when the woken is interrupted", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 1 })
      const end = yield* Deferred.make<void>()
      // Whoever gives the place back interrupts the woken in the very step that wakes it: it has the wake-up, and cannot use it.
      const interrupt = Effect.withFiberRuntime((fiber) => Effect.sync(() => woken.unsafeInterruptAsFork(fiber.id())))
      const holder = pools.use("a", () => Deferred.await(end))
      yield* Effect.fork(Effect.zipRight(holder, interrupt))
      yield* Effect.sleep(1)
      const use = (key: string) => Effect.fork(pools.use(key, () => Effect.succeed(key)))
      const woken = yield* use("b")
      const next = yield* use("c")
      yield* Effect.sleep(1)
      yield* Deferred.succeed(end, undefined)
      yield* Effect.sleep(1)
      const ends = [yield* Fiber.poll(woken), yield* Fiber.poll(next)]
      assert.deepStrictEqual(ends.map(Option.exists(Exit.isInterrupted)), [true, false])
      assert.isTrue(ends.every(Option.isSome))
    })
  )

  it.effect("a lost attempt is remembered for the next one", () =>
    inVirtualTime(function* () {
      const lost = scripted({ lost: true }, { status: 404 })
      let requests = 0
      const own = HttpClient.transformResponse(lost.client, (sent): Effect.Effect<Response, Error | "own"> =>
        (requests += 1) === 2 ? Effect.fail("own") : sent
      )
      const error = yield* Effect.flip(PooledHttpClient.make(yield* pool)(own).get(url))
      assert.deepStrictEqual([error, requests], ["own", 2])
    })
  )
})
