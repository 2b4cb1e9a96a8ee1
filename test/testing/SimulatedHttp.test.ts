import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Capacity, PooledExecutor, RetryAfter } from "effect-aimd"
import { Fault, Latency, ServerModel, SimulatedApi, VirtualTime, type HintDialect } from "effect-aimd/testing"
import { SimulatedHttp } from "effect-aimd/testing/http"
import { Chunk, Clock, Duration, Effect, Exit, Option, Schema, Stream } from "effect"
import { range, valueOf } from "./support.js"

const url = "http://api.example/complete"
const bucket = ServerModel.tokenBucket({ rate: 1, burst: 1 })

/** The answer to the second request, which is one too many. */
const rejection = (hints: HintDialect.HintDialect) =>
  Effect.gen(function* () {
    const client = SimulatedHttp.client(yield* SimulatedApi.make({ model: bucket, hints }))
    yield* client.get(url)
    return yield* client.get(url)
  })

describe("SimulatedHttp", () => {
  const dialects: ReadonlyArray<readonly [HintDialect.HintDialect, headers: Record<string, string>, millis?: number]> =
    [
      ["none", {}],
      ["seconds", { "retry-after": "1" }, 1000],
      ["milliseconds", { "retry-after-ms": "900" }, 900],
      ["http-date", { "retry-after": "Thu, 01 Jan 1970 00:00:01 GMT" }, 850],
      [
        "reset-headers",
        {
          "x-ratelimit-limit-requests": "1",
          "x-ratelimit-remaining-requests": "0",
          "x-ratelimit-reset-requests": "900ms"
        }
      ]
    ]
  for (const [hints, headers, millis] of dialects) {
    it(`answers 429 with the headers of its dialect: ${hints}`, () => {
      const program = Effect.gen(function* () {
        const response = yield* rejection(hints)
        assert.strictEqual(response.status, 429)
        assert.deepStrictEqual({ ...response.headers }, { "content-type": "application/json", ...headers })
        const retryAfter = RetryAfter.fromHeaders(response.headers, yield* Clock.currentTimeMillis)
        assert.deepStrictEqual(Option.map(retryAfter, Duration.toMillis), Option.fromNullable(millis))
      })
      valueOf(program)
    })
  }

  it("answers 429 with a header that lies", () => {
    const lies = ["0", "-5", "14400", "Thu, 01 Jan 1970 00:00:00 GMT", "soon"]
    for (const seed of range(10)) {
      assert.include(lies, valueOf(rejection("lying"), { seed }).headers["retry-after"])
    }
  })

  it("rejects with a body in the shape of OpenAI's errors, and fails likewise", () => {
    assert.deepStrictEqual(valueOf(Effect.flatMap(rejection("none"), (response) => response.json)), {
      error: {
        message: "too many requests: come back later",
        type: "requests",
        param: null,
        code: "rate_limit_exceeded"
      }
    })
    const failed = Effect.gen(function* () {
      const response = yield* (yield* HttpClient.HttpClient).get(url)
      return [response.status, yield* response.json]
    }).pipe(Effect.provide(SimulatedHttp.layer({ model: Fault.failing({ rate: 1 })(bucket) })))
    assert.deepStrictEqual(valueOf(failed), [
      500,
      { error: { message: "the server answers with status 500", type: "server_error", param: null, code: null } }
    ])
  })

  it("lets a body be read in every way, without a promise", () => {
    const program = Effect.gen(function* () {
      const response = yield* HttpClient.get(url)
      const text = yield* response.text
      const bytes = yield* response.arrayBuffer
      const chunks = yield* Stream.runCollect(response.stream)
      const read = [bytes, ...Chunk.toReadonlyArray(chunks)].map((part) => new TextDecoder().decode(part))
      assert.deepStrictEqual([text, ...read], ['{"served":true}', '{"served":true}', '{"served":true}'])
      assert.deepStrictEqual(
        yield* HttpClientResponse.schemaBodyJson(Schema.Struct({ served: Schema.Boolean }))(response),
        {
          served: true
        }
      )
      for (const wrong of [response.formData, response.urlParamsBody]) {
        const error = yield* Effect.flip<unknown, unknown, never>(wrong)
        assert.match(String(error), /the body is JSON, not/)
      }
      assert.match(JSON.stringify(response), /"body":\{"served":true\}/)
      assert.isTrue(Option.isNone(response.remoteAddress))
    }).pipe(Effect.provide(SimulatedHttp.layer({ model: bucket })))
    valueOf(program)
  })

  it("asks what a request means: its row, its tokens, its sender, its answer", () => {
    const seen: Array<readonly [string, number, number]> = []
    const ear: ServerModel.ServerModel<null> = {
      name: "ear",
      initial: null,
      arrive: (state, { client, service, tokens }) => {
        seen.push([client, tokens, service])
        return [state, { _tag: "accepted" }]
      }
    }
    const options: SimulatedHttp.Options = {
      row: (request) => Number(new URL(request.url).pathname.slice(1)),
      tokens: (request) => Number(request.headers["tokens"]),
      client: (request) => request.headers["authorization"] ?? "",
      body: (request) => ({ asked: request.url })
    }
    const ask = (path: string, tokens: string) =>
      HttpClientRequest.get(`http://api.example/${path}`).pipe(
        HttpClientRequest.setHeaders({ tokens, authorization: "me" }),
        HttpClient.execute,
        Effect.flatMap((response) => response.json)
      )
    const program = Effect.gen(function* () {
      assert.deepStrictEqual(yield* ask("7", "40"), { asked: "http://api.example/7" })
      yield* ask("7", "40")
    }).pipe(Effect.provide(SimulatedHttp.layer({ model: ear, latency: Latency.uniform(0, 1000), seed: 1 }, options)))
    valueOf(program)
    const service = SimulatedApi.serviceTime(1, Latency.uniform(0, 1000), 7, 40)
    assert.deepStrictEqual(seen, [
      ["me", 40, service],
      ["me", 40, service]
    ])
  })

  it("serves a program that reads JSON through a pool, in virtual time", () => {
    const Answer = Schema.Struct({ text: Schema.String })
    const complete = (prompt: string) =>
      Effect.gen(function* () {
        const request = HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(url), { prompt })
        const response = yield* HttpClient.execute(request)
        if (Capacity.isCapacityStatus(response.status)) {
          const retryAfter = RetryAfter.fromHeaders(response.headers, yield* Clock.currentTimeMillis)
          return yield* new Capacity.CapacityError({
            status: response.status,
            ...(Option.isSome(retryAfter) && { retryAfter: retryAfter.value })
          })
        }
        return (yield* HttpClientResponse.schemaBodyJson(Answer)(response)).text
      })
    const program = Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 8 })
      return yield* pool.forEach(range(20), (row) => complete(`row ${row}`))
    }).pipe(
      Effect.provide(
        SimulatedHttp.layer(
          { model: ServerModel.tokenBucket({ rate: 5, burst: 5 }), hints: "milliseconds" },
          { body: () => ({ text: "hello" }) }
        )
      )
    )
    const { elapsed, exit } = VirtualTime.run(program)
    assert.deepStrictEqual(exit, Exit.succeed(range(20).map(() => "hello")))
    // Fifteen beyond the burst, at five a second.
    assert.isAtLeast(Duration.toMillis(elapsed), 3000)
  })

  it("is refused by virtual time where a body takes a promise, so that it is plain what does not work", () => {
    const web = HttpClient.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, new Response("{}"))))
    const { exit } = VirtualTime.run(Effect.flatMap(web.get(url), (response) => response.text))
    assert.match(String(exit), /a promise: real I\/O/)
  })
})
