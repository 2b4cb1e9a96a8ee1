// A batch of HTTP calls: results in order, an audit record each, and what is done about errors that are not the pool's.
import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Console, Effect, Exit, Layer } from "effect"
import { PooledExecutor } from "effect-aimd"
import { HttpError, PooledHttpClient } from "effect-aimd/http"

/** A client that talks to nobody: it is busy at times, does not know "c", and its quota ends with the seventh request. */
let requests = 0
const answer = (path: string): Response => {
  requests += 1
  if (requests === 2) return new Response("busy", { status: 503, headers: { "retry-after-ms": "5" } })
  if (requests >= 7) {
    const body = JSON.stringify({ error: { code: "insufficient_quota", message: "You exceeded your current quota" } })
    return new Response(body, { status: 429, headers: { "content-type": "application/json" } })
  }
  return path === "c" ? new Response("no such thing", { status: 404 }) : new Response(path.toUpperCase())
}
const api = HttpClient.make((request) =>
  Effect.sync(() => HttpClientResponse.fromWeb(request, answer(request.url.slice(-1))))
)

// #region batch
const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 2 })
  const client = (yield* HttpClient.HttpClient).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl("http://api.example/things")),
    // Inside a batch a request is one attempt: the batch retries the row.
    PooledHttpClient.attempts({ onQuotaExhausted: () => pool.shutdown }),
    HttpClient.filterStatusOk
  )
  const { entries } = yield* pool.executeBatch(["a", "b", "c", "d", "e", "f", "g"], (row) =>
    Effect.flatMap(client.get(`/${row}`), (response) => response.text)
  )
  for (const { attempts, exit, stateId } of entries) {
    yield* Console.log(
      stateId,
      attempts,
      Exit.match(exit, { onSuccess: (text) => text, onFailure: (cause) => why(cause) })
    )
  }
}).pipe(Effect.scoped)
// #endregion batch

const why = (cause: { readonly _tag: string; readonly error?: { readonly _tag: string } }) =>
  cause.error instanceof HttpError.QuotaExhaustedError ? cause.error.message : (cause.error?._tag ?? cause._tag)

await Effect.runPromise(Effect.provide(program, Layer.succeed(HttpClient.HttpClient, api)))
