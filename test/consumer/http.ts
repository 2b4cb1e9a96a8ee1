// Installed, compiled and run by `npm run package` in a project that holds @effect/platform besides the packed package.
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { Effect, Layer } from "effect"

let requests = 0
const api = HttpClient.make((request) =>
  Effect.sync(() => {
    requests += 1
    const response = requests === 2 ? new Response("", { status: 503 }) : new Response(request.url.slice(-1))
    return HttpClientResponse.fromWeb(request, response)
  })
)

const program = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  const answers = yield* Effect.forEach(["a", "b", "c"], (row) =>
    Effect.flatMap(client.get(`http://api.example/${row}`), (response) => response.text)
  )
  console.log(`answers ${answers.join(" ")}`)
  console.log(`retries ${requests - answers.length}`)
})

const pool = PooledExecutor.make({ recoveryStep: "1 millis" })
const Live = Layer.provide(PooledHttpClient.layer(pool), Layer.succeed(HttpClient.HttpClient, api))

await Effect.runPromise(Effect.provide(program, Live))
