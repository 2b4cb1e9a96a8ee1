// Installed, compiled and run by `npm run package` in a project that holds @effect/experimental besides, and no cluster.
import * as RateLimiter from "@effect/experimental/RateLimiter"
import { PooledExecutor } from "effect-aimd"
import { SharedLimit } from "effect-aimd/shared"
import { Effect, Layer } from "effect"

const Pool = SharedLimit.layer("tripled", {
  poolSize: 2,
  limits: [{ requests: 10, per: "1 second" }],
  forgets: false
}).pipe(Layer.provide(RateLimiter.layerStoreMemory))

const tripled = await PooledExecutor.forEach([1, 2, 3], (row) => Effect.succeed(3 * row)).pipe(
  Effect.provide(Pool),
  Effect.runPromise
)
console.log(`tripled ${tripled.join(" ")}`)
