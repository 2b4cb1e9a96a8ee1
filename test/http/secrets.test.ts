import { inspect } from "node:util"
import { type HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Logger, LogLevel, Metric, Stream, Tracer } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledFetch, PooledHttpClient, PoolMap, RequestKey } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { type Answer, broken, scripted } from "./support.js"

const secret = "planted-sk-4711"

const request = HttpClientRequest.post("https://api.test/v1/things").pipe(
  HttpClientRequest.setUrlParam("api_key", secret),
  HttpClientRequest.setHeaders({
    authorization: `Bearer ${secret}`,
    "x-api-key": secret,
    "api-key": secret,
    "x-goog-api-key": secret,
    cookie: `session=${secret}`,
    "idempotency-key": "1",
    "x-stainless-retry-count": "1"
  }),
  HttpClientRequest.bodyUnsafeJson({ model: "m", prompt: secret })
)

const headers = { "set-cookie": `session=${secret}`, "x-request-owner": secret, "content-type": "application/json" }
const body = { error: { message: `the key ${secret} is over its limit`, code: "rate_limit_exceeded" } }
const busy: Answer = { status: 429, headers: { ...headers, "retry-after": "600" }, body }
const spent: Answer = {
  status: 429,
  headers,
  body: { error: { ...body.error, type: "insufficient_quota", code: secret } }
}
const always = Array.from({ length: 50 }, () => busy)

/** All that a request can come to, each by a script of its own. */
const scripts: ReadonlyArray<ReadonlyArray<Answer>> = [
  [{ headers, body }],
  [busy, { headers, body }],
  always,
  [spent],
  [{ status: 429, headers: { ...headers, "x-should-retry": "false" }, body }],
  [{ status: 404, headers, body }],
  [{ status: 500, headers, body: `<h1>${secret}</h1>` }],
  [{ lost: true }, { lost: true }, { lost: true }],
  [{ body: broken, headers: { ...headers, "content-length": "99" } }]
]

/** All that can be seen of a thing. */
const show = (u: unknown): string => {
  const parts = [
    String(u),
    inspect(u, { depth: 12, showHidden: true }),
    JSON.stringify(u, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))
  ]
  if (u instanceof Error) parts.push(u.message, u.stack ?? "", show(u.cause))
  return parts.join("\n")
}

const observe = Effect.sync(() => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>((options) => {
    lines.push(Logger.jsonLogger.log(options), Logger.stringLogger.log(options), show(options.message))
  })
  const tracer = Tracer.make({
    context: (f) => f(),
    span: (name, parent, context, links, startTime, kind) => ({
      _tag: "Span",
      name,
      parent,
      context,
      links,
      kind,
      attributes: new Map(),
      spanId: name,
      traceId: "trace",
      sampled: true,
      status: { _tag: "Started", startTime },
      attribute: (key, value) => void lines.push(`${name} ${key} ${show(value)}`),
      addLinks: () => undefined,
      event: (event, _, attributes) => void lines.push(event, show(attributes)),
      end: (_, exit) => {
        if (Exit.isSuccess(exit)) return
        lines.push(Cause.pretty(exit.cause, { renderErrorCause: true }))
        for (const { message, stack } of Cause.prettyErrors(exit.cause)) lines.push(message, stack ?? "")
      }
    })
  })
  const watched = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.withTracer(tracer),
      Effect.withSpan("program"),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(LogLevel.All)
    )
  return { lines, watched }
})

const pool = { poolSize: 2, maxCapacityRetry: "3 seconds", maxRetryAfter: "1 second", name: "api" } as const

describe("a key in a header, in the URL or in a body", () => {
  it.effect("shows in no log, span, metric, statistic, key, or error of ours", () =>
    inVirtualTime(function* () {
      const { lines, watched } = yield* observe
      const own: Array<unknown> = []
      const keep = (exit: Exit.Exit<unknown, unknown>) => {
        if (Exit.isSuccess(exit)) return
        const error = Cause.squash(exit.cause)
        const ours = error as { readonly _tag?: string; readonly cause?: { readonly _tag?: string } }
        // What the client itself fails with stays what it is, and Effect's errors show their URL.
        const isOurs = !["RequestError", "ResponseError"].includes(ours._tag ?? "") || ours.cause?._tag !== undefined
        if (isOurs) own.push(error)
      }
      for (const script of scripts) {
        const made = yield* PooledExecutor.make(pool)
        const pools = yield* PoolMap.make({ pool })
        const key = RequestKey.all(RequestKey.host, RequestKey.model, RequestKey.account)
        const clients: ReadonlyArray<HttpClient.HttpClient.With<unknown>> = [
          PooledHttpClient.make(made)(scripted(...script).client),
          PooledHttpClient.makeKeyed(pools, key)(scripted(...script).client),
          PooledHttpClient.toHttpClient(PooledHttpClient.make(made)(scripted(...script).client)),
          PooledHttpClient.attempts()(scripted(...script).client)
        ]
        for (const client of clients) keep(yield* Effect.exit(watched(client.execute(request))))
        keep(
          yield* Effect.exit(
            watched(made.execute(PooledHttpClient.attempts()(scripted(...script).client).execute(request)))
          )
        )
        lines.push(show(yield* made.stats), show([...(yield* pools.stats)]))
      }

      const made = yield* PooledExecutor.make(pool)
      const client = PooledHttpClient.toHttpClient(PooledHttpClient.make(made)(scripted().client))
      const stream = HttpClientRequest.bodyStream(request, Stream.make(new TextEncoder().encode(secret)))
      keep(yield* Effect.exit(watched(client.execute(stream))))
      yield* made.shutdown
      keep(yield* Effect.exit(watched(client.execute(request))))
      const fetch = yield* watched(PooledFetch.make(made, { fetch: () => Promise.reject(new Error("down")) }))
      keep(
        yield* Effect.exit(
          Effect.mapError(
            Effect.tryPromise(() => fetch(request.url, { headers })),
            ({ error }) => error
          )
        )
      )

      lines.push(show(yield* Metric.snapshot), ...own.map(show))
      assert.deepStrictEqual(
        lines.filter((line) => line.includes(secret)),
        []
      )
      // It looked at something: at spans, at logs, and at each of our errors.
      assert.deepStrictEqual([...new Set(own.map((error) => (error as { readonly _tag: string })._tag))].sort(), [
        "CapacityError",
        "PoolShutdownError",
        "QuotaExhaustedError",
        "RequestError",
        "RequestRefusedError",
        "ResponseError",
        "RetryTimeoutError"
      ])
      assert.isTrue(lines.some((line) => line.includes("http.response.status_code")))
      assert.isTrue(lines.some((line) => line.includes("maxRetryAfter")))
      assert.isTrue(lines.some((line) => line.includes("x-stainless-retry-count")))
    })
  )
})
