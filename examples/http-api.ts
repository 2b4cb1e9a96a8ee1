// A client generated from an HttpApi, unchanged, through a pool; the server is of the same HttpApi, with a limit.
import {
  HttpApi,
  HttpApiBuilder,
  HttpApiClient,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpMiddleware,
  HttpServer,
  HttpServerResponse
} from "@effect/platform"
import { NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { Clock, Console, Effect, Layer, Schema } from "effect"
import { createServer } from "node:http"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"

class Numbers extends HttpApiGroup.make("numbers").add(
  HttpApiEndpoint.get("double", "/double/:n")
    .setPath(Schema.Struct({ n: Schema.NumberFromString }))
    .addSuccess(Schema.Number)
) {}
class Api extends HttpApi.make("api").add(Numbers) {}

const NumbersLive = HttpApiBuilder.group(Api, "numbers", (handlers) =>
  handlers.handle("double", ({ path }) => Effect.succeed(path.n * 2))
)

/** Ten requests each 250 ms; the rest is turned away with the IETF draft's headers. */
let window = { endsAt: 0, requests: 0 }
const limit = HttpMiddleware.make((app) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    if (now >= window.endsAt) window = { endsAt: now + 250, requests: 0 }
    if ((window.requests += 1) <= 10) return app
    const headers = { ratelimit: `"burst";r=0;t=${(window.endsAt - now) / 1000}`, "ratelimit-policy": '"burst";q=10' }
    return Effect.succeed(HttpServerResponse.empty({ status: 429, headers }))
  })
)

const Server = HttpApiBuilder.serve(limit).pipe(
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(NumbersLive),
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 }))
)

// #region program
const program = Effect.gen(function* () {
  const baseUrl = yield* HttpServer.addressFormattedWith(Effect.succeed)
  const api = yield* HttpApiClient.make(Api, { baseUrl })
  const numbers = Array.from({ length: 40 }, (_, n) => n)
  const doubled = yield* Effect.forEach(numbers, (n) => api.numbers.double({ path: { n } }), {
    concurrency: "unbounded"
  })
  yield* Console.log(doubled.join(" "))
})

const HttpLive = PooledHttpClient.layer(PooledExecutor.make({ poolSize: 8, name: "numbers" })).pipe(
  Layer.provide(NodeHttpClient.layerUndici)
)
// #endregion program

await Effect.runPromise(Effect.provide(program, Layer.merge(Server, HttpLive)))
