// Turns an HTTP answer into what a pool understands: "not now" becomes a CapacityError, all else stays what it is.
import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Capacity, PooledExecutor, RetryAfter } from "effect-aimd"

// #region call
class Refused extends Schema.TaggedError<Refused>()("Refused", { status: Schema.Number }) {}

const orCapacityError = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.gen(function* () {
    if (Capacity.isCapacityStatus(response.status)) {
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const retryAfter = RetryAfter.fromHeaders(response.headers, now)
      return yield* new Capacity.CapacityError({
        status: response.status,
        ...(Option.isSome(retryAfter) && { retryAfter: retryAfter.value })
      })
    }
    return response.status < 400 ? response : yield* new Refused({ status: response.status })
  })

const Completion = Schema.Struct({ text: Schema.String })

const complete = (prompt: string) =>
  HttpClientRequest.post("http://api.example/complete").pipe(
    HttpClientRequest.bodyUnsafeJson({ prompt }),
    HttpClient.execute,
    Effect.flatMap(orCapacityError),
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Completion))
  )
// #endregion call

/** A client that talks to nobody: every third request is too many. */
let requests = 0
const client = HttpClient.make((request) =>
  Effect.sync(() => {
    requests += 1
    return HttpClientResponse.fromWeb(
      request,
      requests % 3 === 0
        ? new Response("slow down", { status: 429, headers: { "retry-after-ms": "5" } })
        : new Response(JSON.stringify({ text: `answer ${requests}` }))
    )
  })
)

const program = Effect.gen(function* () {
  const answers = yield* PooledExecutor.forEach(["a", "b", "c", "d"], (prompt) => complete(prompt))
  yield* Console.log(answers.map((answer) => answer.text).join(", "))
})

const Live = Layer.merge(PooledExecutor.layer({ poolSize: 2 }), Layer.succeed(HttpClient.HttpClient, client))

await Effect.runPromise(Effect.provide(program, Live))
