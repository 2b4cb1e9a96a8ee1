// The same program for one process and for many: what changes is a layer.
// #region program
import { RunnerAddress, SingleRunner } from "@effect/cluster"
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { LibsqlClient } from "@effect/sql-libsql"
import { PgClient } from "@effect/sql-pg"
import { Config, Console, Effect, Layer, Option, Redacted, Schedule } from "effect"
import { PooledExecutor } from "effect-aimd"
import { ClusterPool, SqlPoolMemory } from "effect-aimd/cluster"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

// Stands for a call of an API.
const embed = (text: string) => Effect.delay(Effect.succeed(text.length), "20 millis")

const program = Effect.gen(function* () {
  const texts = Array.from({ length: 100 }, (_, i) => `text ${i}`)
  const lengths = yield* PooledExecutor.forEach(texts, embed)
  yield* Console.log(`${lengths.length} texts are done`)
})

// The account's limit, for any number of processes.
const Pool = ClusterPool.layer("embeddings", {
  poolSize: 64,
  limits: [{ requests: 50, per: "1 second" }]
}).pipe(Layer.provide(SqlPoolMemory.layer()))

// One process, nothing to install: a file keeps what must outlive it.
const file = join(mkdtempSync(join(tmpdir(), "cluster-")), "cluster.db")
const Single = SingleRunner.layer().pipe(Layer.provideMerge(LibsqlClient.layer({ url: `file:${file}` })))

// Several processes, each with its own port, and one database.
const teamOf = (url: string, port: number) =>
  NodeClusterSocket.layer({
    storage: "sql",
    shardingConfig: {
      runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)),
      // A process that is stopped, but not dead, keeps its connection. So its locks must end by time.
      shardLockDisableAdvisory: true,
      shardLockExpiration: "10 seconds",
      shardLockRefreshInterval: "2 seconds",
      runnerHealthCheckInterval: "2 seconds"
    }
  }).pipe(
    // If several processes begin at once, one makes the cluster's tables, and the others may fail and try again.
    Layer.retry(Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(3))),
    Layer.provideMerge(PgClient.layer({ url: Redacted.make(url) }))
  )

const Cluster = Layer.unwrapEffect(
  Effect.gen(function* () {
    const url = yield* Config.withDefault(Config.string("DATABASE_URL"), "")
    return url === "" ? Single : teamOf(url, yield* Config.integer("RUNNER_PORT"))
  })
)

program.pipe(Effect.provide(Pool.pipe(Layer.provide(Cluster))), NodeRuntime.runMain)
// #endregion program
