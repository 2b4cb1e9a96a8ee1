// Installed, compiled and run by `npm run package` in a project that holds @effect/cluster and its peers besides.
import { TestRunner } from "@effect/cluster"
import { PooledExecutor } from "effect-aimd"
import { ClusterPool, PoolMemory } from "effect-aimd/cluster"
import { Effect, Layer, Logger, LogLevel } from "effect"

const Pool = ClusterPool.layer("doubled", { poolSize: 2, limits: [{ requests: 10, per: "1 second" }] }).pipe(
  Layer.provide(PoolMemory.layerMemory),
  Layer.provide(TestRunner.layer)
)

const doubled = await PooledExecutor.forEach([1, 2, 3], (row) => Effect.succeed(2 * row)).pipe(
  Effect.provide(Pool),
  Logger.withMinimumLogLevel(LogLevel.None),
  Effect.runPromise
)
console.log(`doubled ${doubled.join(" ")}`)
