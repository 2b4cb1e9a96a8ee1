// A runner that works a batch of so many rows to its end, and says what that took.
import { RunnerAddress } from "@effect/cluster"
import { NodeClusterSocket } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Logger, LogLevel, Option, Redacted, Schema, Stream } from "effect"
import { PooledExecutor } from "effect-aimd"
import { ClusterBatch } from "effect-aimd/cluster"

const { chunk, database, port, rows } = JSON.parse(process.argv[2])

const team = NodeClusterSocket.layer({
  storage: "sql",
  shardingConfig: { runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)), shardsPerGroup: 10 }
}).pipe(Layer.provideMerge(PgClient.layer({ url: Redacted.make(database) })))

const Doubles = ClusterBatch.make("doubles", { row: Schema.Number, success: Schema.Number })
const runner = Doubles.layer({
  rows: () => Stream.range(1, rows),
  chunks: { atLeast: chunk, atMost: chunk },
  process: (row) => Effect.delay(Effect.succeed(2 * row), "5 millis")
}).pipe(Layer.provide(PooledExecutor.layer({ poolSize: 64 })), Layer.provideMerge(team))

Effect.gen(function* () {
  const [cpu, start] = [process.cpuUsage(), performance.now()]
  const { done } = yield* Effect.flatMap(Doubles.start("all"), (batch) => batch.await)
  const { system, user } = process.cpuUsage(cpu)
  console.log(JSON.stringify({ done, millis: performance.now() - start, busy: (system + user) / 1000 }))
})
  .pipe(Effect.provide(runner), Logger.withMinimumLogLevel(LogLevel.None), Effect.runPromise)
  .then(() => process.exit(0))
