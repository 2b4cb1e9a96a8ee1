/** A process of a cluster that does the rows it was told of: it says of each when it is done, and when it gets the entity. */
import { RunnerAddress } from "@effect/cluster"
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Capacity, PooledExecutor } from "effect-aimd"
import { ClusterPool, PoolMemory, SqlPoolMemory } from "effect-aimd/cluster"
import { Effect, Layer, Logger, LogLevel, Option, Redacted, Stream } from "effect"

export interface Orders {
  readonly database: string
  readonly api: string
  /** Where it listens, and where others find it; 0 for one that is no part of a cluster. */
  readonly port: number
  readonly foundAt: number
  readonly rows: ReadonlyArray<number>
  readonly perSecond: number
}

// Whoever starts it writes it so.
const { api, database, foundAt, perSecond, port, rows } = JSON.parse(process.env["ORDERS"] ?? "{}") as Orders

const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

const call = (row: number) =>
  Effect.tryPromise((signal) => fetch(`${api}/${row}`, { signal })).pipe(
    Effect.orDie,
    Effect.flatMap((response) =>
      response.ok ? Effect.succeed(row) : Effect.fail(new Capacity.CapacityError({ status: response.status }))
    )
  )

const cluster = NodeClusterSocket.layer({
  storage: "sql",
  shardingConfig: {
    runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", foundAt)),
    runnerListenAddress: Option.some(RunnerAddress.make("127.0.0.1", port)),
    shardsPerGroup: 10,
    shardLockDisableAdvisory: true,
    shardLockExpiration: "3 seconds",
    shardLockRefreshInterval: "1 second",
    refreshAssignmentsInterval: "500 millis",
    runnerHealthCheckInterval: "1 second"
  }
})

const memory = Layer.effect(
  PoolMemory.PoolMemory,
  Effect.map(PoolMemory.PoolMemory, (inner) => {
    const saying = (step: Effect.Effect<boolean, PoolMemory.PoolMemoryError>) =>
      Effect.tap(step, (isDone) => (isDone ? say("home") : Effect.void))
    return {
      ...inner,
      create: (key: string, first: PoolMemory.Kept) => saying(inner.create(key, first)),
      take: (key: string, from: PoolMemory.Kept, next: PoolMemory.Kept) => saying(inner.take(key, from, next))
    }
  })
).pipe(Layer.provide(SqlPoolMemory.layer()))

const options = { poolSize: 256, limits: [{ requests: perSecond, per: "1 second", transit: "500 millis" }] } as const
const pool =
  port === 0
    ? PooledExecutor.layer(options)
    : ClusterPool.layer("kills", options).pipe(
        Layer.provide(memory),
        Layer.provide(cluster),
        Layer.provide(PgClient.layer({ url: Redacted.make(database) }))
      )

PooledExecutor.PooledExecutor.pipe(
  Effect.flatMap((made) =>
    Stream.runForEach(made.stream(rows, call), ({ exit }) =>
      exit._tag === "Success" ? say(String(exit.value)) : Effect.void
    )
  ),
  Effect.provide(pool),
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
