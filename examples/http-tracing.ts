// What OpenTelemetry sees of pooled requests: a span each attempt, without keys, headers or bodies.
import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { NodeSdk } from "@effect/opentelemetry"
import { ConsoleSpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect, Layer } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"

/** A client that talks to nobody: the first request is too many. */
let requests = 0
const api = HttpClient.make((request) =>
  Effect.sync(() => {
    const status = (requests += 1) === 1 ? 429 : 200
    return HttpClientResponse.fromWeb(request, new Response("hello", { status, headers: { "retry-after-ms": "20" } }))
  })
)

const program = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  yield* HttpClientRequest.post("https://api.example/v1/complete?key=my-secret").pipe(
    HttpClientRequest.bearerToken("my-secret"),
    HttpClientRequest.bodyUnsafeJson({ prompt: "my-secret" }),
    client.execute,
    Effect.withSpan("program")
  )
})

// #region tracing
const Tracing = NodeSdk.layer(() => ({
  resource: { serviceName: "http-tracing" },
  spanProcessor: new SimpleSpanProcessor(new ConsoleSpanExporter())
}))

const Live = PooledHttpClient.layer(PooledExecutor.make({ poolSize: 8, name: "complete" })).pipe(
  Layer.provide(Layer.succeed(HttpClient.HttpClient, api)),
  Layer.provideMerge(Tracing)
)
// #endregion tracing

await Effect.runPromise(Effect.provide(program, Live))
