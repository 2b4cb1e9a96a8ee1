// A plain HttpClient, and the same through a pool: one line more.
import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Console, Effect, Layer, Schema } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"

// #region plain
const Completion = Schema.Struct({ text: Schema.String })

const complete = (prompt: string) =>
  HttpClientRequest.post("http://api.example/complete").pipe(
    HttpClientRequest.bodyUnsafeJson({ prompt }),
    HttpClient.execute,
    Effect.flatMap(HttpClientResponse.filterStatusOk),
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Completion))
  )

const program = Effect.gen(function* () {
  const answers = yield* Effect.forEach(["a", "b", "c", "d"], complete, { concurrency: "unbounded" })
  yield* Console.log(answers.map((answer) => answer.text).join(", "))
})
// #endregion plain

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
const HttpLive = Layer.succeed(HttpClient.HttpClient, client)

// #region pooled
const Pooled = PooledHttpClient.layer(PooledExecutor.make({ poolSize: 16 })).pipe(Layer.provide(HttpLive))

await Effect.runPromise(Effect.provide(program, Pooled))
// #endregion pooled
