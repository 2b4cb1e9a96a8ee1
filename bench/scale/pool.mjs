// One process of a cluster, or one without: works rows when it is told to, and says what that took. JavaScript, so that no loader
// is in the figures.
import { RunnerAddress } from "@effect/cluster"
import { NodeClusterSocket } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Logger, LogLevel, Option, Redacted } from "effect"
import { PooledExecutor } from "effect-aimd"
import { ClusterPool, SqlPoolMemory } from "effect-aimd/cluster"
import { createInterface } from "node:readline"

const { database, perSecond, port, role, rows } = JSON.parse(process.argv[2])

const team = NodeClusterSocket.layer({
  storage: "sql",
  clientOnly: role === "guest",
  shardingConfig: {
    runnerAddress: role === "guest" ? Option.none() : Option.some(RunnerAddress.make("127.0.0.1", port)),
    shardsPerGroup: 10
  }
}).pipe(Layer.provideMerge(PgClient.layer({ url: Redacted.make(database) })))

const options = { poolSize: 256, ...(perSecond > 0 && { limits: [{ requests: perSecond, per: "1 second" }] }) }
const layer =
  role === "alone"
    ? PooledExecutor.layer(options)
    : ClusterPool.layer("scale", options).pipe(Layer.provide(SqlPoolMemory.layer()), Layer.provide(team))

const say = (what) => Effect.sync(() => console.log(JSON.stringify(what)))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const told = Effect.promise(() => lines.next())

// Stands for a call of an API.
const call = () => Effect.sleep("5 millis")

Effect.gen(function* () {
  const pool = yield* PooledExecutor.PooledExecutor
  yield* pool.execute(call())
  yield* say("ready")
  yield* told
  const [cpu, start] = [process.cpuUsage(), performance.now()]
  yield* pool.executeBatch(Array.from({ length: rows }), call)
  const millis = performance.now() - start
  if (rows === 0) yield* told
  const { system, user } = process.cpuUsage(cpu)
  yield* say({ millis, busy: (system + user) / 1000, lasted: performance.now() - start })
  yield* told
})
  .pipe(Effect.provide(layer), Logger.withMinimumLogLevel(LogLevel.None), Effect.runPromise)
  .then(() => process.exit(0))
