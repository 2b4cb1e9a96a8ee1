import { HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import * as Body from "../../src/http/Body.js"
import { inVirtualTime } from "../support/time.js"
import { scripted, url } from "./support.js"

const response = (status: number, body: string | null) =>
  HttpClientResponse.fromWeb(HttpClientRequest.get(url), new Response(body, { status }))

describe("A response", () => {
  it("has no body to read for one reason alone: HEAD, its status, a length of 0, or that there is none", () => {
    const full = response(200, "x")
    assert.deepStrictEqual(
      [
        Body.isEmpty("GET", full, {}),
        Body.isEmpty("GET", full, { "content-length": "1" }),
        Body.isEmpty("HEAD", full, { "content-length": "1" }),
        Body.isEmpty("GET", full, { "content-length": "0" }),
        Body.isEmpty("GET", response(204, null), {}),
        Body.isEmpty("GET", response(200, null), {})
      ],
      [false, false, true, true, true, true]
    )
  })

  it("is known to end where it says a length of at most a mebibyte, is no answer to HEAD and no stream of events", () => {
    const most = 1024 * 1024
    const ends = (method: string, length?: number, type = "text/plain") =>
      Body.isFinite(method, {
        "content-type": type,
        ...(length === undefined ? {} : { "content-length": String(length) })
      })
    assert.deepStrictEqual(
      [ends("GET", 0), ends("GET", most), ends("GET", most + 1), ends("GET"), ends("HEAD", 1)],
      [true, true, false, false, false]
    )
    assert.isFalse(ends("GET", 1, "text/event-stream"))
  })

  it.effect("to HEAD is judged by its status, whatever length it says", () =>
    inVirtualTime(function* () {
      const long = { "content-length": "100000" }
      const api = scripted({ status: 429, headers: long }, { status: 404, headers: long })
      const client = PooledHttpClient.make(yield* PooledExecutor.make())(api.client)
      assert.deepStrictEqual([(yield* client.head(url)).status, api.sent.length], [404, 2])
    })
  )

  it.effect("that is an error is judged by its words, though it says that it is a stream of events", () =>
    inVirtualTime(function* () {
      const headers = { "content-type": "text/event-stream" }
      const api = scripted({ status: 429, headers, body: '{"error":{"code":"insufficient_quota"}}' })
      const client = PooledHttpClient.make(yield* PooledExecutor.make())(api.client)
      const error = yield* Effect.flip(client.get(url))
      assert.deepInclude(error, { _tag: "QuotaExhaustedError", code: "insufficient_quota" })
      assert.strictEqual(api.sent.length, 1)
    })
  )
})
