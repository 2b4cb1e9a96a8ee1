// One limit for many processes that share a Redis, and nothing else.
// #region program
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as Redis from "@effect/experimental/RateLimiter/Redis"
import { Config, Console, Effect, Layer } from "effect"
import { PooledExecutor } from "effect-aimd"
import { SharedLimit } from "effect-aimd/shared"

// Stands for a call of an API.
const embed = (text: string) => Effect.delay(Effect.succeed(text.length), "20 millis")

const program = Effect.gen(function* () {
  const texts = Array.from({ length: 100 }, (_, i) => `text ${i}`)
  const lengths = yield* PooledExecutor.forEach(texts, embed)
  yield* Console.log(`${lengths.length} texts are done`)
})

// The account's limit, for any number of processes.
const Pool = SharedLimit.layer("embeddings", {
  poolSize: 64,
  limits: [{ requests: 50, per: "1 second" }],
  processes: 3
})

// Without a Redis the limit is for this process only.
const Store = Layer.unwrapEffect(
  Effect.map(Config.withDefault(Config.integer("REDIS_PORT"), 0), (port) =>
    port === 0 ? RateLimiter.layerStoreMemory : Redis.layerStore({ host: "127.0.0.1", port, maxRetriesPerRequest: 1 })
  )
)

await program.pipe(Effect.provide(Pool.pipe(Layer.provide(Store))), Effect.runPromise)
// #endregion program
