import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Tracer } from "effect"
import { type PoolConfig, PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import * as HttpSpan from "../../src/http/HttpSpan.js"
import { inVirtualTime } from "../support/time.js"
import { scripted } from "./support.js"

interface Seen {
  readonly name: string
  readonly kind: string
  readonly parent: string
  readonly attributes: Record<string, unknown>
}

/** A tracer that keeps what ended, in that order. */
const collector = () => {
  const spans: Array<Seen> = []
  const tracer = Tracer.make({
    context: (f) => f(),
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      const span: Tracer.Span = {
        _tag: "Span",
        name,
        parent,
        context,
        links,
        kind,
        attributes,
        spanId: `span-${name}`,
        traceId: "trace",
        sampled: true,
        status: { _tag: "Started", startTime },
        attribute: (key, value) => void attributes.set(key, value),
        addLinks: () => undefined,
        event: () => undefined,
        end: () => {
          const above = Option.match(parent, { onNone: () => "none", onSome: (span) => span.spanId })
          spans.push({ name, kind, parent: above, attributes: Object.fromEntries(attributes) })
        }
      }
      return span
    }
  })
  return { spans, tracer }
}

const options: PoolConfig.Options = { poolSize: 4, recoveryStep: "100 millis", control: "delay", name: "api" }

describe("an error in a few words", () => {
  it("has its kind and its status, and nothing of its URL", () => {
    const request = HttpClientRequest.get("http://api.test?key=secret")
    const response = HttpClientResponse.fromWeb(request, new Response(null, { status: 500 }))
    assert.deepStrictEqual(
      [
        new Error("secret"),
        new HttpClientError.RequestError({ request, reason: "Transport" }),
        new HttpClientError.ResponseError({ request, response, reason: "StatusCode" })
      ].map(HttpSpan.describe),
      ["an error of the client's own", "Transport error", "status 500, StatusCode error"]
    )
  })
})

describe("the span of an HTTP attempt", () => {
  it.effect("has the attributes of the semantic conventions, and what the pool knows", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = collector()
      const pool = yield* PooledExecutor.make(options)
      const api = scripted({ status: 429 })
      yield* PooledHttpClient.make(pool)(api.client)
        .get("https://user:password@api.test/v1/things?key=secret&page=2")
        .pipe(Effect.withTracer(tracer))
      const common = {
        "http.request.method": "GET",
        "url.full": "https://REDACTED:REDACTED@api.test/v1/things?key=REDACTED&page=REDACTED",
        "url.scheme": "https",
        "server.address": "api.test",
        "server.port": 443,
        "effect_aimd.pool": "api",
        "effect_aimd.window": 4
      }
      assert.deepStrictEqual(
        spans.filter(({ kind }) => kind === "client"),
        [
          {
            name: "GET",
            kind: "client",
            parent: "span-effect-aimd.attempt",
            attributes: {
              ...common,
              "http.response.status_code": 429,
              "error.type": "429",
              "effect_aimd.attempt": 1,
              "effect_aimd.wait_ms": 0,
              "effect_aimd.reason": "no capacity error yet"
            }
          },
          {
            name: "GET",
            kind: "client",
            parent: "span-effect-aimd.attempt",
            attributes: {
              ...common,
              "http.response.status_code": 200,
              "http.request.resend_count": 1,
              "effect_aimd.attempt": 2,
              "effect_aimd.wait_ms": 100,
              "effect_aimd.reason": "backed off on status 429"
            }
          }
        ]
      )
    })
  )

  it.effect("names the error where there was no answer, or an error of the client's own", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = collector()
      const pool = yield* PooledExecutor.make(options)
      const own = HttpClient.transformResponse(scripted().client, () => Effect.fail({ _tag: "Own" }))
      const strange = HttpClient.transformResponse(scripted().client, () => Effect.fail("strange"))
      const filtered = HttpClient.filterStatusOk(scripted({ status: 500 }).client)
      const clients: ReadonlyArray<HttpClient.HttpClient.With<unknown>> = [
        scripted({ lost: true }).client,
        own,
        strange,
        filtered
      ]
      for (const client of clients) {
        const pooled = PooledHttpClient.make(pool, { resend: false })(client)
        yield* Effect.withTracer(Effect.exit(pooled.get("http://api.test:8080/")), tracer)
      }
      assert.deepStrictEqual(
        spans
          .filter(({ kind }) => kind === "client")
          .map(({ attributes }) => [attributes["error.type"], attributes["server.port"]]),
        [
          ["Transport", 8080],
          ["Own", undefined],
          [undefined, undefined],
          ["500", 8080]
        ]
      )
    })
  )

  it.effect("is one of an error from status 400 on", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = collector()
      const pool = yield* PooledExecutor.make(options)
      const client = PooledHttpClient.make(pool)(scripted({ status: 399 }, { status: 400 }).client)
      for (const _ of [1, 2]) yield* Effect.withTracer(client.get("http://api.test"), tracer)
      const types = spans.filter(({ kind }) => kind === "client").map(({ attributes }) => attributes["error.type"])
      assert.deepStrictEqual(types, [undefined, "400"])
    })
  )

  it.effect("goes to the API as trace context, of each attempt its own, unless that is switched off", () =>
    inVirtualTime(function* () {
      const { tracer } = collector()
      const pool = yield* PooledExecutor.make(options)
      const api = scripted()
      const client = PooledHttpClient.make(pool)(api.client)
      yield* Effect.withTracer(client.get("http://api.test"), tracer)
      yield* Effect.withTracer(HttpClient.withTracerPropagation(client, false).get("http://api.test"), tracer)
      assert.deepStrictEqual(
        api.sent.map(({ request }) => request.headers["traceparent"]),
        ["00-trace-span-GET-01", undefined]
      )
    })
  )

  it.effect("need not be seen by anybody for a trace to go on", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make(options)
      const api = scripted()
      const client = PooledHttpClient.make(pool)(api.client)
      const parent = Tracer.externalSpan({ spanId: "above", traceId: "trace" })
      yield* Effect.withParentSpan(client.get("http://api.test"), parent)
      yield* client.get("http://api.test")
      const [within, without] = api.sent.map(({ request }) => request.headers["traceparent"])
      assert.match(within ?? "none", /^00-trace-/)
      assert.isUndefined(without)
    })
  )

  it.effect("is left out where tracing is disabled for the request", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = collector()
      const pool = yield* PooledExecutor.make(options)
      const client = HttpClient.withTracerDisabledWhen(PooledHttpClient.make(pool)(scripted().client), () => true)
      yield* Effect.withTracer(client.get("http://api.test"), tracer)
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["effect-aimd.attempt", "effect-aimd.row"]
      )
    })
  )

  it.effect("is there for single attempts as well, and for a URL that is none", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = collector()
      const odd = HttpClient.makeWith<never, never, never, never>(
        Effect.map((request) => HttpClientResponse.fromWeb(request, new Response())),
        Effect.succeed
      )
      yield* Effect.withTracer(PooledHttpClient.attempts()(odd).get("http://"), tracer)
      assert.deepStrictEqual(spans, [
        {
          name: "GET",
          kind: "client",
          parent: "none",
          attributes: { "http.request.method": "GET", "http.response.status_code": 200 }
        }
      ])
    })
  )
})
