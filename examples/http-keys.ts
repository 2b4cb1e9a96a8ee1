// One pool a model, and an account's limit that all models share: a slow model holds up no other, and none starves.
import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Clock, Console, Effect, Layer } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient, PoolMap, RequestKey } from "effect-aimd/http"

/** A client that talks to nobody: the large model is busy for 100 ms, the small one never. */
let busyUntil: number | undefined
const api = HttpClient.make((request) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    busyUntil ??= now + 100
    const isBusy = RequestKey.model(request) === "large" && now < busyUntil
    yield* Effect.sleep("2 millis")
    const headers = { "retry-after-ms": String(busyUntil - now) }
    return HttpClientResponse.fromWeb(request, isBusy ? new Response("", { status: 529, headers }) : new Response("ok"))
  })
)

// #region keys
const program = Effect.gen(function* () {
  // The account's limit, which all keys share. If there is none, leave the parent out.
  const parent = yield* PooledExecutor.make({ poolSize: 16, name: "account" })
  const pools = yield* PoolMap.make({
    parent,
    pool: (model) => ({ poolSize: model === "large" ? 4 : 8, name: `model-${model}` }),
    capacity: 50,
    idleTimeToLive: "10 minutes"
  })
  const client = PooledHttpClient.makeKeyed(pools, RequestKey.model)(yield* HttpClient.HttpClient)

  const ask = (model: string) =>
    HttpClientRequest.post("http://api.example/v1/complete").pipe(
      HttpClientRequest.bodyUnsafeJson({ model, prompt: "hello" }),
      client.execute,
      Effect.flatMap(({ text }) => text)
    )
  const models = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "large" : "small"))
  yield* Effect.forEach(models, ask, { concurrency: "unbounded", discard: true })

  for (const [model, { capacityRetries, successes }] of yield* pools.stats) {
    yield* Console.log(`${model}: ${successes} served, ${capacityRetries} rejected on the way`)
  }
}).pipe(Effect.scoped)
// #endregion keys

await Effect.runPromise(Effect.provide(program, Layer.succeed(HttpClient.HttpClient, api)))
