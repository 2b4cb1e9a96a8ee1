// The README's pooled HttpClient: sixty requests at once to an API that takes twenty a second.
// #region program
import { HttpClient } from "@effect/platform"
import { Console, Effect, Layer } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { ServerModel } from "effect-aimd/testing"
import { SimulatedHttp } from "effect-aimd/testing/http"

const program = Effect.gen(function* () {
  const get = (page: number) => HttpClient.get(`http://api.example/pages/${page}`)
  const pages = Array.from({ length: 60 }, (_, page) => page)
  const responses = yield* Effect.forEach(pages, get, { concurrency: "unbounded" })
  yield* Console.log(`${responses.filter(({ status }) => status === 200).length} pages`)
})

// Stands for your client, such as FetchHttpClient.layer or NodeHttpClient.layerUndici.
const Client = SimulatedHttp.layer({ model: ServerModel.tokenBucket({ rate: 20, burst: 10 }), hints: "milliseconds" })
const Pooled = PooledHttpClient.layer(PooledExecutor.make({ poolSize: 16 })).pipe(Layer.provide(Client))

await Effect.runPromise(Effect.provide(program, Pooled))
// #endregion program
