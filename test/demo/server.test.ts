import { HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Hashing from "../../examples/demo/hashing.js"
import * as Server from "../../examples/demo/server.js"

const post = (url: string, body: unknown) =>
  Effect.gen(function* () {
    const request = HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(`${url}/embeddings`), body)
    const response = yield* HttpClient.execute(request)
    return { status: response.status, headers: response.headers, body: yield* response.json }
  })

const withServer = <A, E>(
  limit: { burst: number; perSecond: number },
  use: (url: string) => Effect.Effect<A, E, HttpClient.HttpClient>
) => Effect.scoped(Effect.flatMap(Server.start(limit), use)).pipe(Effect.provide(NodeHttpClient.layerUndici))

const roomy = { burst: 100, perSecond: 100 }

describe("Server", () => {
  it.live("answers in OpenAI's shape, for one text or several", () =>
    withServer(roomy, (url) =>
      Effect.gen(function* () {
        const one = yield* post(url, { model: "m", input: "bounded queue", dimensions: 8 })
        assert.strictEqual(one.status, 200)
        assert.deepStrictEqual(one.body, {
          object: "list",
          data: [{ object: "embedding", index: 0, embedding: Hashing.embed("bounded queue", 8) }],
          model: "m",
          usage: { prompt_tokens: 2, total_tokens: 2 }
        })
        const two = yield* post(url, { model: "m", input: ["bounded queue", "fiber"], dimensions: 8 })
        assert.nestedPropertyVal(two.body, "data[1].index", 1)
        assert.nestedProperty(two.body, "data[1].embedding[7]")
      })
    )
  )

  it.live("gives vectors as base64 to who asks for it, as OpenAI's own client does", () =>
    withServer(roomy, (url) =>
      Effect.gen(function* () {
        const { body } = yield* post(url, { model: "m", input: "queue", dimensions: 1, encoding_format: "base64" })
        const expected = Buffer.from(Float32Array.from(Hashing.embed("queue", 1)).buffer).toString("base64")
        assert.nestedPropertyVal(body, "data[0].embedding", expected)
      })
    )
  )

  it.live("says with 400 what is wrong with a request, and 404 to another path", () =>
    withServer(roomy, (url) =>
      Effect.gen(function* () {
        for (const [body, path] of [
          [{ input: "x" }, "model"],
          [{ model: "m", input: "" }, "input"],
          [7, "body"]
        ] as const) {
          const answer = yield* post(url, body)
          assert.strictEqual(answer.status, 400)
          assert.nestedPropertyVal(answer.body, "error.type", "invalid_request_error")
          assert.include(JSON.stringify(answer.body), `"message":"${path}`)
        }
        const response = yield* HttpClient.get(`${url}/models`)
        assert.strictEqual(response.status, 404)
        assert.nestedProperty(yield* response.json, "error.message")
      })
    )
  )

  it.live("answers 429 behind its burst, with how long to stay away in seconds and milliseconds", () =>
    // So slow that the wait does not depend on how quick the test is.
    withServer({ burst: 2, perSecond: 1e-6 }, (url) =>
      Effect.gen(function* () {
        const request = { model: "m", input: "x" }
        const answers = [yield* post(url, request), yield* post(url, request), yield* post(url, request)]
        assert.deepStrictEqual(
          answers.map(({ status }) => status),
          [200, 200, 429]
        )
        const last = answers[2]
        const wait = Number(last?.headers["retry-after-ms"])
        assert.isAbove(wait, 0)
        assert.strictEqual(last?.headers["retry-after"], String(Math.ceil(wait / 1000)))
        assert.nestedPropertyVal(last?.body, "error.code", "rate_limit_exceeded")
      })
    )
  )
})
