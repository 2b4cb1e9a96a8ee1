import { HttpClient, HttpClientError, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, Redacted } from "effect"
import { Capacity } from "effect-aimd"
import { HttpError } from "effect-aimd/http"
import * as Client from "../../examples/demo/client.js"

const endpoint = "http://api.test/v1/embeddings"

/** Asks a server that gives this answer to everything, and returns what came of it and what it was asked. */
const ask = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const requests: Array<{
      readonly url: string
      readonly authorization: string | undefined
      readonly body: unknown
    }> = []
    const http = HttpClient.make((request) => {
      const sent = request.body.toJSON()
      requests.push({ url: request.url, authorization: request.headers["authorization"], body: sent })
      const text = typeof body === "string" ? body : JSON.stringify(body)
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(text, { status, headers })))
    })
    const client = yield* Effect.provideService(
      Client.make({ url: "http://api.test/v1/", key: Option.some(Redacted.make("secret")), model: "m" }),
      HttpClient.HttpClient,
      http
    )
    return { requests, answer: yield* Effect.either(client.embed("hello")) }
  })

/** What a capacity error says; undefined for any other error. */
const capacity = (error: Client.ClientError | Capacity.CapacityError) =>
  Capacity.isCapacityError(error) ? [error.status, error.retryAfter] : undefined

const failure = (status: number, body: unknown, headers?: Record<string, string>) =>
  Effect.flatMap(ask(status, body, headers), ({ answer }) => Effect.flip(answer))

describe("Client", () => {
  it.effect("asks once, with the key, and returns the vector", () =>
    Effect.gen(function* () {
      const { answer, requests } = yield* ask(200, { data: [{ embedding: [1, 0.5] }] })
      assert.deepStrictEqual(yield* answer, [1, 0.5])
      assert.deepStrictEqual(
        requests.map(({ authorization, url }) => [url, authorization]),
        [[endpoint, "Bearer secret"]]
      )
    })
  )

  it.effect("says 429, 503 and 529 as a capacity error with the wait that is asked for", () =>
    Effect.gen(function* () {
      for (const status of [429, 503, 529]) {
        const error = yield* failure(status, { error: { message: "slow down" } }, { "retry-after-ms": "250" })
        assert.deepStrictEqual(capacity(error), [status, Duration.millis(250)])
      }
    })
  )

  it.effect("needs neither a hint nor a body for a capacity error", () =>
    Effect.gen(function* () {
      const error = yield* failure(503, "")
      assert.deepStrictEqual(capacity(error), [503, undefined])
    })
  )

  it.effect("takes a 429 for an unpaid bill as final", () =>
    Effect.gen(function* () {
      const json = { "content-type": "application/json" }
      const body = { error: { message: "You exceeded your quota", code: "insufficient_quota" } }
      const error = yield* failure(429, body, json)
      assert.isTrue(error instanceof HttpError.QuotaExhaustedError)
      assert.strictEqual(error.message, "the quota is used up: status 429, insufficient_quota; no wait will help")
    })
  )

  it.effect("says other statuses with the server's message and what to do", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* failure(401, { error: { message: "Incorrect API key", code: null } })).message,
        `${endpoint} answered 401: Incorrect API key (give the right key with --key or OPENAI_API_KEY)`
      )
      assert.strictEqual((yield* failure(500, "<h1>Oops</h1>\n")).message, `${endpoint} answered 500: <h1>Oops</h1>`)
      assert.strictEqual((yield* failure(302, "")).message, `${endpoint} answered 302: nothing`)
    })
  )

  it.effect("says a success without a vector as malformed, with its beginning", () =>
    Effect.gen(function* () {
      for (const body of [
        "<html>",
        "",
        "{}",
        { data: [] },
        { data: [{ embedding: [] }] },
        { data: [{ embedding: ["x"] }] }
      ]) {
        const error = yield* failure(200, body)
        assert.strictEqual(error._tag, "MalformedAnswerError")
      }
      assert.strictEqual(
        (yield* failure(200, "x".repeat(1000))).message,
        `${endpoint} answered without an embedding; is it OpenAI-compatible? It said: ${"x".repeat(200)}...`
      )
    })
  )

  it.effect("says why there was no answer, out of the depths of the cause", () =>
    Effect.gen(function* () {
      const cause = new AggregateError([new Error("connect ECONNREFUSED 127.0.0.1:1")])
      const http = HttpClient.make((request) =>
        Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
      )
      const options = { url: "http://api.test/v1", key: Option.none(), model: "m" }
      const client = yield* Effect.provideService(Client.make(options), HttpClient.HttpClient, http)
      assert.strictEqual(
        (yield* Effect.flip(client.embed("hello"))).message,
        `cannot reach ${endpoint}: connect ECONNREFUSED 127.0.0.1:1`
      )
    })
  )
})
