/** A runner: it starts the batch or finds it there, and works on it until it is ended. */
import { RunnerAddress } from "@effect/cluster"
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Capacity } from "effect-aimd"
import { ClusterPool, SqlPoolMemory } from "effect-aimd/cluster"
import { Effect, Layer, Logger, LogLevel, Option, Redacted, Stream } from "effect"
import { type Orders, Squares } from "./squares.js"

const [, , orders = "{}"] = process.argv
// Whoever starts it writes it so.
const { api, database, perSecond, port, rows } = JSON.parse(orders) as Orders

const call = (row: number) =>
  Effect.tryPromise((signal) => fetch(`${api}/${row}`, { signal })).pipe(
    Effect.orDie,
    Effect.flatMap((response) =>
      response.ok ? Effect.succeed(row * row) : Effect.fail(new Capacity.CapacityError({ status: response.status }))
    )
  )

const cluster = NodeClusterSocket.layer({
  storage: "sql",
  shardingConfig: {
    runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)),
    shardsPerGroup: 20,
    shardLockDisableAdvisory: true,
    shardLockExpiration: "3 seconds",
    shardLockRefreshInterval: "1 second",
    refreshAssignmentsInterval: "500 millis",
    runnerHealthCheckInterval: "1 second",
    entityTerminationTimeout: "1 second"
  }
}).pipe(Layer.provideMerge(PgClient.layer({ url: Redacted.make(database) })))

const runner = Squares.layer({
  rows: () => Stream.range(0, rows - 1),
  chunks: { lasts: "1 second", atMost: 20, atOnce: 8 },
  process: call
}).pipe(
  Layer.provide(
    ClusterPool.layer("squares", { poolSize: 32, limits: [{ requests: perSecond, per: "1 second" }] }).pipe(
      Layer.provide(SqlPoolMemory.layer())
    )
  ),
  Layer.provideMerge(cluster)
)

Squares.start("all").pipe(
  Effect.zipRight(Effect.never),
  Effect.provide(runner),
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
