/** A process of a cluster that does the rows it was told of, and says of each when it is done. */
import { RunnerAddress } from "@effect/cluster"
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Capacity, PooledExecutor } from "effect-aimd"
import { ClusterPool, SqlPoolMemory } from "effect-aimd/cluster"
import { Effect, Layer, Logger, LogLevel, Option, Redacted } from "effect"

export interface Orders {
  readonly database: string
  readonly api: string
  readonly port: number
  readonly rows: ReadonlyArray<number>
  readonly perSecond: number
}

const [, , orders = "{}"] = process.argv
// Whoever starts it writes it so.
const { api, database, perSecond, port, rows } = JSON.parse(orders) as Orders

const call = (row: number) =>
  Effect.tryPromise((signal) => fetch(`${api}/${row}`, { signal })).pipe(
    Effect.orDie,
    Effect.flatMap((response) =>
      response.ok ? Effect.void : Effect.fail(new Capacity.CapacityError({ status: response.status }))
    ),
    Effect.zipRight(Effect.sync(() => process.stdout.write(`${row}\n`)))
  )

const cluster = NodeClusterSocket.layer({
  storage: "sql",
  shardingConfig: {
    runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)),
    shardsPerGroup: 10,
    shardLockDisableAdvisory: true,
    shardLockExpiration: "3 seconds",
    shardLockRefreshInterval: "1 second",
    refreshAssignmentsInterval: "500 millis",
    runnerHealthCheckInterval: "1 second"
  }
}).pipe(Layer.provideMerge(PgClient.layer({ url: Redacted.make(database) })))

PooledExecutor.forEach(rows, call).pipe(
  Effect.provide(
    ClusterPool.layer("kills", { poolSize: 64, limits: [{ requests: perSecond, per: "1 second" }] }).pipe(
      Layer.provide(SqlPoolMemory.layer()),
      Layer.provide(cluster)
    )
  ),
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
