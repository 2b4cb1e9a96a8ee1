import { HttpBody, HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Either, Fiber, Option, Schedule, Stream } from "effect"
import { Capacity, type ControlLaw, type PoolConfig, PoolError, PooledExecutor } from "effect-aimd"
import { Classifier, HttpError, PooledHttpClient } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { broken, scripted, streamOf, url } from "./support.js"

// The delay law, so that the instants of the attempts are known: 100 ms after a first rejection, then 200 ...
const options: PoolConfig.Options = { poolSize: 4, recoveryStep: "100 millis", control: "delay" }
const makePool = (more: PoolConfig.Options = {}) => PooledExecutor.make({ ...options, ...more })

const text = (response: HttpClientResponse.HttpClientResponse) => response.text
const bodyOf = (body: string) => HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText(body))
const webStream = () => Stream.fromReadableStream<Uint8Array, string>(() => streamOf("streamed"), String)

describe("a pooled client", () => {
  it.effect("retries 429, 503 and 529 under the law, and nothing else", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 429 }, { status: 503 }, { status: 529 }, { status: 501, body: "oops" })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual([response.status, yield* response.text, api.instants()], [501, "oops", [0, 100, 300, 700]])
    })
  )

  it.effect("waits as long as the answer asks", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted(
        { status: 429, headers: { "retry-after": "2" } },
        { status: 503, headers: { "x-ratelimit-reset-requests": "6s", "x-ratelimit-remaining-requests": "0" } }
      )
      yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual(api.instants(), [0, 2_000, 8_000])
    })
  )

  it.effect("passes every other answer as it is, once, and the law hears nothing of it", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const statuses = [200, 201, 204, 304, 400, 401, 404, 405, 501]
      const seen = yield* Effect.forEach(statuses, (status) => {
        const api = scripted({
          status,
          headers: { "x-own": "yes" },
          ...(status !== 204 && status !== 304 && { body: "hello" })
        })
        return PooledHttpClient.make(pool)(api.client)
          .get(url)
          .pipe(
            // What is read to its end gives its permit back.
            Effect.tap(({ text }) => text),
            Effect.map((response) => [response.status, response.headers["x-own"], api.sent.length])
          )
      })
      assert.deepStrictEqual(
        seen,
        statuses.map((status) => [status, "yes", 1])
      )
      const { failures, reason, successes } = yield* pool.stats
      assert.deepStrictEqual([successes, failures, reason], [4, 5, "no capacity error yet"])
    })
  )

  it.effect("has at most poolSize requests under way", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ poolSize: 3 })
      const api = scripted()
      const slow = HttpClient.transformResponse(api.client, Effect.delay("1 second"))
      const client = PooledHttpClient.make(pool)(slow)
      yield* Effect.forEach(Array.from({ length: 7 }), () => client.get(url), { concurrency: "unbounded" })
      assert.deepStrictEqual((yield* pool.stats).maxConcurrentReached, 3)
    })
  )

  it.effect("reads capacity statuses and headers of the user's own", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 420, headers: { "x-wait": "3" } }, { status: 429 })
      const client = PooledHttpClient.make(pool, { statuses: [420], headerNames: { retryAfter: ["x-wait"] } })(
        api.client
      )
      assert.strictEqual((yield* client.get(url)).status, 429)
      assert.deepStrictEqual(api.instants(), [0, 3_000])
    })
  )

  it.effect("asks the user's classifier first, and goes by the statuses where it has no opinion", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ body: "BUSY" }, { status: 429 }, { status: 404, body: "BUSY" }, { body: "served" })
      const busy: Classifier.Classifier = ({ body }) =>
        Effect.map(body, (text) =>
          text === "BUSY" ? Option.some(Classifier.capacity(Duration.seconds(1))) : Option.none()
        )
      const response = yield* PooledHttpClient.make(pool, { classify: busy })(api.client).get(url)
      assert.deepStrictEqual([response.status, yield* response.text], [200, "served"])
      assert.deepStrictEqual(api.instants(), [0, 1_000, 1_200, 2_200])
    })
  )

  it.effect("passes a client's own error about a body as it is, whatever the status of the answer", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 429 }, {})
      const odd = HttpClient.transformResponse(
        api.client,
        Effect.flatMap((response) =>
          Effect.fail(new HttpClientError.ResponseError({ request: response.request, response, reason: "Decode" }))
        )
      )
      const error = yield* Effect.flip(PooledHttpClient.make(pool)(odd).get(url))
      assert.deepStrictEqual([error._tag === "ResponseError" && error.reason, api.sent.length], ["Decode", 1])
    })
  )

  it.effect("sees through a filterStatus underneath", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 429 }, { status: 404, body: "not here" })
      const client = PooledHttpClient.make(pool)(HttpClient.filterStatusOk(api.client))
      const error = yield* Effect.flip(client.get(url))
      assert.isTrue(error instanceof HttpClientError.ResponseError)
      if (error instanceof HttpClientError.ResponseError) {
        assert.deepStrictEqual([error.response.status, yield* error.response.text], [404, "not here"])
      }
      assert.deepStrictEqual(api.instants(), [0, 100])
    })
  )

  it.effect("keeps an error's answer readable where a classifier has read it", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const reads: Classifier.Classifier = ({ body }) => Effect.as(body, Option.none())
      const filtered = HttpClient.filterStatusOk(scripted({ status: 404, body: "not here" }).client)
      const error = yield* Effect.flip(PooledHttpClient.make(pool, { classify: reads })(filtered).get(url))
      assert.strictEqual(error._tag === "ResponseError" && (yield* error.response.text), "not here")
    })
  )

  it.effect("tells the law what the headers say, of served and of rejected answers", () =>
    inVirtualTime(function* () {
      const heard: Array<readonly [string, ControlLaw.Hints | undefined]> = []
      const decision = { window: 4, spacing: 0, holdUntil: 0, delay: 10, epoch: 0, reason: "as ever" }
      const control: ControlLaw.ControlLaw = {
        name: "listener",
        initial: () => ({ state: undefined, decision }),
        step: (state, sample) => {
          heard.push([sample._tag, sample.hints])
          return { state, decision }
        }
      }
      const pool = yield* makePool({ control })
      const headers = { "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-tokens": "7", "retry-after-ms": "5" }
      const api = scripted({ status: 429, headers }, { headers }, {})
      const client = PooledHttpClient.make(pool)(api.client)
      yield* client.get(url)
      yield* client.get(url)
      const hints = { requests: { limit: 60 }, tokens: { remaining: 7 } }
      assert.deepStrictEqual(heard, [
        ["capacity", hints],
        ["success", hints],
        ["success", undefined]
      ])
    })
  )

  it.effect("takes up what is added to it afterwards, and runs what is underneath for each attempt", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 429 })
      let tokens = 0
      const authorized = HttpClient.mapRequestEffect(api.client, (request) =>
        Effect.sync(() => HttpClientRequest.bearerToken(request, `token-${(tokens += 1)}`))
      )
      const client = PooledHttpClient.make(pool)(authorized).pipe(
        HttpClient.mapRequest(HttpClientRequest.prependUrl("http://api.test"))
      )
      yield* client.get("/v2")
      assert.deepStrictEqual(
        api.sent.map(({ request }) => [request.url, request.headers["authorization"]]),
        [
          ["http://api.test/v2", "Bearer token-1"],
          ["http://api.test/v2", "Bearer token-2"]
        ]
      )
    })
  )
})

describe("the body of an answer", () => {
  it.effect("is passed on where the client underneath has read it already", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const headers = { "content-length": "5" }
      const api = scripted({ status: 429, body: "later" }, { body: "hello", headers })
      const logged: Array<string> = []
      const logging = HttpClient.tap(api.client, (response) => Effect.map(response.text, (text) => logged.push(text)))
      const response = yield* PooledHttpClient.make(pool)(logging).get(url)
      assert.deepStrictEqual([logged, yield* response.text], [["later", "hello"], "hello"])
    })
  )

  it.effect("is readable by the caller, in every way and more than once, after a classifier has read it", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 418, body: { a: 1 } })
      const reads: Classifier.Classifier = ({ body }) => Effect.as(body, Option.none())
      const response = yield* PooledHttpClient.make(pool, { classify: reads })(api.client).get(url)
      const streamed = yield* Stream.mkString(Stream.decodeText(response.stream))
      const buffer = new TextDecoder().decode(yield* response.arrayBuffer)
      assert.deepStrictEqual(
        [yield* response.json, yield* response.text, streamed, buffer],
        [{ a: 1 }, '{"a":1}', '{"a":1}', '{"a":1}']
      )
    })
  )

  it.effect("is bytes where it is no text", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const bytes = Uint8Array.of(0xff, 0, 0x80, 0xfe)
      const body = () => streamOf(bytes)
      const api = scripted({ body, headers: { "content-length": "4", "content-type": "image/png" } })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual(new Uint8Array(yield* response.arrayBuffer), bytes)
    })
  )

  it.effect("is a form, or parameters, from memory as well", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const headers = { "content-type": "application/x-www-form-urlencoded" }
      const api = scripted({ body: "a=1&b=2", headers }, { body: "{", headers })
      const client = PooledHttpClient.make(pool, { body: "buffer" })(api.client)
      const response = yield* client.get(url)
      assert.deepStrictEqual(yield* response.urlParamsBody, [
        ["a", "1"],
        ["b", "2"]
      ])
      assert.strictEqual((yield* response.formData).get("b"), "2")
      assert.deepStrictEqual(response.cookies.toJSON(), scriptedCookies)
      assert.isTrue(Option.isNone(response.remoteAddress))
      const error = yield* Effect.flip((yield* client.get(url)).json)
      assert.deepStrictEqual([error.reason, error.response.status], ["Decode", 200])
    })
  )

  it.effect("comes as a stream where its length is not known", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const never = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array([104, 105]))
      })
      const api = scripted({ body: never })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      const first = yield* Stream.runHead(Stream.decodeText(response.stream))
      assert.strictEqual(Option.getOrUndefined(first), "hi")
    })
  )

  it.effect("comes as a stream where it is one of events, whatever length it claims", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const never = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array([104])) })
      const api = scripted({ body: never, headers: { "content-length": "9", "content-type": "text/event-stream" } })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      const first = yield* Stream.runHead(Stream.decodeText(response.stream))
      assert.strictEqual(Option.getOrUndefined(first), "h")
    })
  )

  it.effect("that never ends does not keep a rejected request from being sent again", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const headers = { "content-type": "application/json" }
      const api = scripted({ status: 429, body: new ReadableStream(), headers }, { body: "served" })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual([yield* response.text, api.instants()], ["served", [0, 5_100]])
    })
  )

  it.effect("of a rejection is not read without end: over 64 KiB it is given up", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      let chunks = 0
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          chunks += 1
          controller.enqueue(new Uint8Array(16 * 1024))
        }
      })
      const api = scripted({ status: 429, body: endless }, { body: "served" })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.strictEqual(yield* response.text, "served")
      assert.isBelow(chunks, 8)
    })
  )
})

const scriptedCookies = HttpClientResponse.fromWeb(HttpClientRequest.get(url), new Response()).cookies.toJSON()

describe("a quota that is used up", () => {
  const openai = {
    error: { message: "You exceeded your current quota", type: "insufficient_quota", code: "insufficient_quota" }
  }

  it.effect("fails the request with QuotaExhaustedError, and it is not sent again", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 429, body: openai })
      const error = yield* Effect.flip(PooledHttpClient.make(pool)(api.client).get(url))
      assert.deepStrictEqual(error, new HttpError.QuotaExhaustedError({ status: 429, code: "insufficient_quota" }))
      assert.strictEqual(error.message, "the quota is used up: status 429, insufficient_quota; no wait will help")
      const { capacityRetries, reason } = yield* pool.stats
      assert.deepStrictEqual([api.sent.length, capacityRetries, reason], [1, 0, "no capacity error yet"])
      const answer = yield* Effect.fromNullable(PooledHttpClient.lastResponse(error as HttpError.Failure))
      assert.deepStrictEqual([answer.status, yield* answer.json], [429, openai])
    })
  )

  it.effect("stops the batch where that is asked for", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ poolSize: 1 })
      const api = scripted({}, { status: 429, body: openai })
      const client = PooledHttpClient.attempts({ onQuotaExhausted: () => pool.shutdown })(api.client)
      const { entries } = yield* pool.executeBatch(["a", "b", "c", "d"], (row) => client.get(`${url}/${row}`))
      assert.deepStrictEqual(
        entries.map(({ exit }) =>
          exit._tag === "Success" ? "served" : exit.cause._tag === "Fail" ? exit.cause.error._tag : "?"
        ),
        ["served", "QuotaExhaustedError", "PoolShutdownError", "PoolShutdownError"]
      )
      assert.strictEqual(api.sent.length, 2)
    })
  )

  it.effect("fails only its own row otherwise", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ poolSize: 1 })
      const api = scripted({}, { status: 429, body: openai })
      const client = PooledHttpClient.attempts()(api.client)
      const { stats } = yield* pool.executeBatch(["a", "b", "c", "d"], () => client.get(url))
      assert.deepStrictEqual([stats.successes, stats.failures], [3, 1])
    })
  )
})

describe("single attempts", () => {
  it.effect("fail with CapacityError inside a batch, which retries the row and keeps the order", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({}, { status: 429, headers: { "retry-after": "1" } }, { status: 503 })
      const client = PooledHttpClient.attempts()(api.client)
      const rows = ["a", "b", "c", "d", "e"]
      const { entries, stats } = yield* pool.executeBatch(rows, (row) => Effect.as(client.get(`${url}/${row}`), row))
      assert.deepStrictEqual(
        entries.map(({ exit, attempts }) => [exit._tag === "Success" && exit.value, attempts]),
        [
          ["a", 1],
          ["b", 2],
          ["c", 2],
          ["d", 1],
          ["e", 1]
        ]
      )
      assert.strictEqual(stats.capacityRetries, 2)
    })
  )

  it.effect("leave every other answer to the caller", () =>
    Effect.gen(function* () {
      const api = scripted({ status: 404 })
      assert.strictEqual((yield* PooledHttpClient.attempts()(api.client).get(url)).status, 404)
    })
  )
})

describe("an answer that got lost", () => {
  it.effect("is asked for again where the request may be sent twice, and the failure stays what it is", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const schedule = Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2))
      const methods = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"] as const
      const seen = yield* Effect.forEach(methods, (method) => {
        const api = scripted({ lost: true }, { lost: true }, { lost: true })
        const client = PooledHttpClient.make(pool, { resend: { schedule } })(api.client)
        return Effect.map(Effect.flip(client.execute(HttpClientRequest.make(method)(url))), (error) => [
          method,
          api.sent.length,
          (error as HttpClientError.RequestError).reason
        ])
      })
      assert.deepStrictEqual<unknown>(
        seen,
        methods.map((method) => [method, ["POST", "PATCH"].includes(method) ? 1 : 3, "Transport"])
      )
    })
  )

  it.effect("is asked for again twice unless told otherwise, through the pool each time", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ lost: true }, { status: 429 }, { lost: true }, { body: "at last" })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.strictEqual(yield* response.text, "at last")
      const { attempts, capacityRetries } = yield* pool.stats
      assert.deepStrictEqual([attempts, capacityRetries, api.sent.length], [4, 1, 4])
    })
  )

  it.effect("is asked for again at the caller's word, or at that of an idempotency key", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const [worded, keyed, forbidden] = [scripted({ lost: true }), scripted({ lost: true }), scripted({ lost: true })]
      const post = bodyOf("pay")
      yield* PooledHttpClient.make(pool, { resend: { isSafe: () => true } })(worded.client).execute(post)
      yield* PooledHttpClient.make(pool)(keyed.client).execute(
        HttpClientRequest.setHeader(post, "Idempotency-Key", "1")
      )
      yield* Effect.flip(PooledHttpClient.make(pool, { resend: false })(forbidden.client).get(url))
      assert.deepStrictEqual([worded.sent.length, keyed.sent.length, forbidden.sent.length], [2, 2, 1])
    })
  )

  it.effect("counts as lost where its body breaks off while the attempt reads it", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const finite = { "content-length": "20" }
      const [auto, buffered, streamed] = [
        scripted({ body: broken(), headers: finite }, { body: "whole", headers: finite }),
        scripted({ body: broken() }, { body: "whole" }),
        scripted({ body: broken(), headers: finite })
      ]
      assert.strictEqual(yield* Effect.flatMap(PooledHttpClient.make(pool)(auto.client).get(url), text), "whole")
      const all = PooledHttpClient.make(pool, { body: "buffer" })(buffered.client)
      assert.strictEqual(yield* Effect.flatMap(all.get(url), text), "whole")
      const none = PooledHttpClient.make(pool, { body: "stream" })(streamed.client)
      assert.strictEqual((yield* Effect.flip(Effect.flatMap(none.get(url), text)))._tag, "ResponseError")
      assert.deepStrictEqual([auto.sent.length, buffered.sent.length, streamed.sent.length], [2, 2, 1])
    })
  )

  it.effect("of a POST whose body breaks off fails as it is", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ body: broken(), headers: { "content-length": "20" } })
      const error = yield* Effect.flip(PooledHttpClient.make(pool)(api.client).execute(bodyOf("x")))
      assert.deepStrictEqual([error._tag, api.sent.length], ["ResponseError", 1])
    })
  )
})

describe("a request whose body is a stream", () => {
  const requests = () => [
    HttpClientRequest.post(url).pipe(HttpClientRequest.bodyStream(webStream())),
    HttpClientRequest.setBody(HttpClientRequest.post(url), HttpBody.raw(streamOf("x")))
  ]

  it.effect("is refused, and nothing is sent", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      for (const request of requests()) {
        const api = scripted()
        const error = yield* Effect.flip(PooledHttpClient.make(pool)(api.client).execute(request))
        assert.deepStrictEqual(
          [error, api.sent.length],
          [new HttpError.StreamingBodyError({ method: "POST", sent: false }), 0]
        )
      }
    })
  )

  it.effect("is sent once where that is allowed, and a rejection of it fails at once", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const [served, rejected] = [scripted(), scripted({ status: 429, headers: { "retry-after": "60" } })]
      const [request] = requests()
      if (request === undefined) return
      const once = { streamingBody: "once" } as const
      assert.strictEqual((yield* PooledHttpClient.make(pool, once)(served.client).execute(request)).status, 200)
      const error = yield* Effect.flip(PooledHttpClient.make(pool, once)(rejected.client).execute(request))
      assert.deepStrictEqual(error, new HttpError.StreamingBodyError({ method: "POST", sent: true }))
      const { capacityRetries, holdUntil } = yield* pool.stats
      assert.deepStrictEqual([capacityRetries, holdUntil, rejected.sent.length], [1, 60_000, 1])
    })
  )

  it.effect("is no matter of other words, nor is when a body is read, or a permit given back", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const make = (options: string) => () => void PooledHttpClient.make(pool, JSON.parse(options) as object)
      assert.throws(
        make('{ "streamingBody": "maybe" }'),
        'effect-aimd: option streamingBody: expected "refuse" or "once" or "replay", got "maybe"'
      )
      assert.throws(make('{ "body": true }'), 'option body: expected "auto" or "buffer" or "stream", got true')
      assert.throws(make('{ "permitUntil": "end" }'), 'option permitUntil: expected "body" or "headers", got "end"')
      const attempts = PooledHttpClient.attempts(JSON.parse('{ "body": 1 }') as object)
      assert.throws(() => void attempts(scripted().client), "option body: expected")
    })
  )

  it.effect("is sent again where the caller says that it can be", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 429 })
      const request = HttpClientRequest.post(url).pipe(HttpClientRequest.bodyStream(Stream.make(new Uint8Array([1]))))
      yield* PooledHttpClient.make(pool, { streamingBody: "replay" })(api.client).execute(request)
      assert.strictEqual(api.sent.length, 2)
    })
  )

  it.effect("is one in memory too: bytes, text, JSON and forms are sent again as they are", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const post = HttpClientRequest.post(url)
      const bodies = [
        HttpBody.empty,
        HttpBody.text("x"),
        HttpBody.unsafeJson({ a: 1 }),
        HttpBody.uint8Array(new Uint8Array([1])),
        HttpBody.formData(new FormData()),
        HttpBody.raw("x"),
        HttpBody.raw(new Blob(["x"]))
      ]
      for (const body of bodies) {
        const api = scripted({ status: 429 })
        yield* PooledHttpClient.make(pool)(api.client).execute(HttpClientRequest.setBody(post, body))
        assert.deepStrictEqual(
          api.sent.map(({ request }) => request.body),
          [body, body]
        )
      }
    })
  )
})

describe("a pool that gives up", () => {
  const always = Array.from({ length: 100 }, () => ({ status: 429, body: "still busy" }))

  it.effect("fails with RetryTimeoutError, and the last answer is at hand", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ maxCapacityRetry: "500 millis" })
      const error = yield* Effect.flip(PooledHttpClient.make(pool)(scripted(...always).client).get(url))
      assert.isTrue(error instanceof PoolError.RetryTimeoutError)
      if (!(error instanceof PoolError.RetryTimeoutError)) return
      assert.deepStrictEqual([error.attempts, error.lastError.status], [3, 429])
      assert.strictEqual(
        yield* Effect.flatMap(Effect.fromNullable(PooledHttpClient.lastResponse(error)), text),
        "still busy"
      )
    })
  )

  it.effect("has the last answer whole up to 64 KiB, and not beyond", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ maxCapacityRetry: "50 millis" })
      const lengths: Array<number | string> = []
      for (const length of [65_536, 65_537]) {
        const api = scripted({ status: 429, body: () => streamOf("y".repeat(length)) })
        const error = yield* Effect.flip(PooledHttpClient.make(pool)(api.client).get(url))
        if (!(error instanceof PoolError.RetryTimeoutError)) return assert.fail(String(error))
        const last = yield* Effect.fromNullable(PooledHttpClient.lastResponse(error))
        lengths.push(
          Either.match(yield* Effect.either(text(last)), { onLeft: String, onRight: ({ length }) => length })
        )
      }
      assert.strictEqual(lengths[0], 65_536)
      assert.match(String(lengths[1]), /longer than 65536 bytes/)
    })
  )

  it.effect("fails with PoolShutdownError once it is shut down, and sends nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      yield* pool.shutdown
      const api = scripted()
      const error = yield* Effect.flip(PooledHttpClient.make(pool)(api.client).get(url))
      assert.deepStrictEqual([error._tag, api.sent.length], ["PoolShutdownError", 0])
      assert.isUndefined(PooledHttpClient.lastResponse(error as HttpError.Failure))
    })
  )

  it.effect("interrupts an attempt over its time limit", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ attemptTimeout: "1 second" })
      const hanging = HttpClient.transformResponse(scripted().client, () => Effect.never)
      const error = yield* Effect.flip(PooledHttpClient.make(pool)(hanging).get(url))
      assert.strictEqual(error._tag, "AttemptTimeoutError")
    })
  )

  it.effect("gives the permit back when the caller is interrupted", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ poolSize: 1 })
      const started = yield* Deferred.make<void>()
      const hanging = HttpClient.transformResponse(scripted().client, () =>
        Effect.zipRight(Deferred.succeed(started, undefined), Effect.never)
      )
      const fiber = yield* Effect.fork(PooledHttpClient.make(pool)(hanging).get(url))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([(yield* pool.stats).inFlight, yield* pool.pendingCount], [0, 0])
    })
  )
})

describe("the layer", () => {
  const get = Effect.flatMap(HttpClient.HttpClient, (client) => client.get(`${url}?key=secret`))
  const live = (client: HttpClient.HttpClient, more?: PoolConfig.Options) =>
    Effect.either(get).pipe(
      Effect.provide(PooledHttpClient.layer(makePool(more))),
      Effect.provideService(HttpClient.HttpClient, client)
    )

  it.effect("pools a program that knows nothing of it", () =>
    inVirtualTime(function* () {
      const api = scripted({ status: 429 }, { body: "hello" })
      const answer = yield* live(api.client)
      assert.deepStrictEqual([Either.isRight(answer), api.instants()], [true, [0, 100]])
    })
  )

  it.effect("takes the pool of a tag", () =>
    inVirtualTime(function* () {
      const api = scripted({ status: 429 })
      const pool = yield* makePool()
      yield* get.pipe(
        Effect.provide(PooledHttpClient.layer(PooledExecutor.PooledExecutor)),
        Effect.provideService(PooledExecutor.PooledExecutor, pool),
        Effect.provideService(HttpClient.HttpClient, api.client)
      )
      assert.strictEqual((yield* pool.stats).capacityRetries, 1)
    })
  )

  it.effect(
    "says a spent budget as the ResponseError of the last answer, with its body and the pool's error as cause",
    () =>
      inVirtualTime(function* () {
        const always = Array.from({ length: 100 }, () => ({ status: 529, body: { busy: true } }))
        const answer = yield* live(scripted(...always).client, { maxCapacityRetry: "500 millis" })
        const error = Either.getOrThrow(Either.flip(answer))
        assert.isTrue(error instanceof HttpClientError.ResponseError)
        if (!(error instanceof HttpClientError.ResponseError)) return
        assert.deepStrictEqual(
          [error.reason, error.response.status, yield* error.response.json, error.request.url],
          ["StatusCode", 529, { busy: true }, url]
        )
        assert.isTrue(error.cause instanceof PoolError.RetryTimeoutError)
        assert.include(error.message, "no capacity for 500ms")
      })
  )

  it.effect("says a spent quota, and a request that is refused, as the ResponseError of that answer", () =>
    inVirtualTime(function* () {
      const spent = scripted({ status: 429, body: { error: { code: "insufficient_quota" } } })
      const refused = scripted({ status: 429, headers: { "x-should-retry": "false" }, body: "no" })
      const errors = [
        Either.getOrThrow(Either.flip(yield* live(spent.client))),
        Either.getOrThrow(Either.flip(yield* live(refused.client)))
      ]
      assert.deepStrictEqual(
        errors.map(({ _tag, cause }) => [_tag, cause]),
        [
          ["ResponseError", new HttpError.QuotaExhaustedError({ status: 429, code: "insufficient_quota" })],
          ["ResponseError", new HttpError.RequestRefusedError({ status: 429, code: "x-should-retry: false" })]
        ]
      )
    })
  )

  it.effect("says the others as a RequestError", () =>
    inVirtualTime(function* () {
      const hanging = HttpClient.transformResponse(scripted().client, () => Effect.never)
      const timeout = Either.getOrThrow(Either.flip(yield* live(hanging, { attemptTimeout: "1 second" })))
      const pool = yield* makePool()
      yield* pool.shutdown
      const stream = HttpClientRequest.post(url).pipe(HttpClientRequest.bodyStream(webStream()))
      const toFlip = PooledHttpClient.toHttpClient(PooledHttpClient.make(pool)(scripted().client))
      const [shutdown, streaming] = [yield* Effect.flip(toFlip.get(url)), yield* Effect.flip(toFlip.execute(stream))]
      assert.deepStrictEqual(
        [timeout, shutdown, streaming].map((error) => [
          error._tag,
          error.reason,
          (error.cause as HttpError.Failure)._tag
        ]),
        [
          ["RequestError", "Transport", "AttemptTimeoutError"],
          ["RequestError", "Transport", "PoolShutdownError"],
          ["RequestError", "Encode", "StreamingBodyError"]
        ]
      )
    })
  )
})

describe("a capacity error of the client's own", () => {
  it.effect("is retried like one of ours", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      let requests = 0
      const own = HttpClient.transformResponse(scripted().client, (sent) =>
        Effect.flatMap(sent, (response) =>
          (requests += 1) === 1 ? Effect.fail(new Capacity.CapacityError({ status: 503 })) : Effect.succeed(response)
        )
      )
      assert.strictEqual((yield* PooledHttpClient.make(pool)(own).get(url)).status, 200)
      assert.strictEqual(requests, 2)
    })
  )
})
