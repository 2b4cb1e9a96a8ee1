// A batch that outlives its processes: kill them, begin them anew, add some; what changes from one to many is a layer.
// #region program
import { RunnerAddress, SingleRunner } from "@effect/cluster"
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { LibsqlClient } from "@effect/sql-libsql"
import { PgClient } from "@effect/sql-pg"
import { Config, Console, Effect, Exit, Layer, Option, Redacted, Schedule, Schema, Stream } from "effect"
import { ClusterBatch, ClusterPool, SqlPoolMemory } from "effect-aimd/cluster"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const Text = Schema.Struct({ id: Schema.String, text: Schema.String })

// All processes share this description of the batches.
const Lengths = ClusterBatch.make("lengths", { row: Text, success: Schema.Number })

// Stands for rows of a file. To read a table, use `ClusterBatch.pages`.
const textsOf = (batch: string) => Stream.map(Stream.range(1, 100), (n) => ({ id: `text-${n}`, text: `${batch} ${n}` }))

// Stands for a call of an API, which gets the row's name as idempotency key.
const embed = (text: string, _key: string) => Effect.delay(Effect.succeed(text.length), "20 millis")

const Runner = Lengths.layer({
  rows: textsOf,
  stateId: ({ id }) => id,
  process: ({ text }, { stateId }) => embed(text, stateId)
}).pipe(
  // The account's limit, for any number of processes.
  Layer.provide(ClusterPool.layer("embeddings", { poolSize: 64, limits: [{ requests: 50, per: "1 second" }] })),
  Layer.provide(SqlPoolMemory.layer())
)

const program = Effect.gen(function* () {
  // The first process starts the batch. Later processes, also after a crash, find it there.
  const batch = yield* Lengths.start("november")
  yield* Stream.runForEach(batch.results(), ({ exit, stateId }) =>
    Console.log(`${stateId}: ${Exit.getOrElse(exit, () => "failed")}`)
  )
  const { done, failed } = yield* batch.await
  yield* Console.log(`${done} rows are done, ${failed} have failed`)
})

// One process, nothing to install. The cluster numbers its messages with large whole numbers, so it needs `bigint`.
const singleIn = (file: string) =>
  SingleRunner.layer({ shardingConfig: { entityTerminationTimeout: "2 seconds" } }).pipe(
    Layer.provideMerge(LibsqlClient.layer({ url: `file:${file}`, intMode: "bigint" }))
  )

// Several processes, each with its own port, and one database.
const teamOf = (url: string, port: number) =>
  NodeClusterSocket.layer({
    storage: "sql",
    shardingConfig: {
      runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)),
      shardLockDisableAdvisory: true,
      shardLockExpiration: "10 seconds",
      shardLockRefreshInterval: "2 seconds",
      runnerHealthCheckInterval: "2 seconds",
      // A process that ends in order hands over its chunks after this time.
      entityTerminationTimeout: "2 seconds"
    }
  }).pipe(
    // If several processes begin at once, one makes the cluster's tables, and the others may fail and try again.
    Layer.retry(Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(3))),
    Layer.provideMerge(PgClient.layer({ url: Redacted.make(url) }))
  )

const Cluster = Layer.unwrapEffect(
  Effect.gen(function* () {
    const url = yield* Config.withDefault(Config.string("DATABASE_URL"), "")
    if (url !== "") return teamOf(url, yield* Config.integer("RUNNER_PORT"))
    const folder = mkdtempSync(join(tmpdir(), "cluster-"))
    return singleIn(yield* Config.withDefault(Config.string("CLUSTER_FILE"), join(folder, "cluster.db")))
  })
)

program.pipe(Effect.provide(Runner.pipe(Layer.provideMerge(Cluster))), NodeRuntime.runMain)
// #endregion program
