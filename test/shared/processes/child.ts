/** A process that shares a limit by way of Redis: it does the rows that it was told of, and says of each when it is done. */
import * as Redis from "@effect/experimental/RateLimiter/Redis"
import { NodeRuntime } from "@effect/platform-node"
import { PooledExecutor } from "effect-aimd"
import { SharedLimit } from "effect-aimd/shared"
import { Effect, Layer, Stream } from "effect"

export interface Orders {
  readonly redis: number
  readonly api: string
  readonly rows: ReadonlyArray<number>
  readonly options: SharedLimit.Options
}

// Whoever starts it writes it so.
const { api, options, redis, rows } = JSON.parse(process.env["ORDERS"] ?? "{}") as Orders

const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

const call = (row: number) =>
  Effect.as(Effect.orDie(Effect.tryPromise((signal) => fetch(`${api}/${row}`, { signal }))), row)

PooledExecutor.PooledExecutor.pipe(
  Effect.flatMap((pool) =>
    Stream.runForEach(pool.stream(rows, call), ({ exit }) =>
      exit._tag === "Success" ? say(String(exit.value)) : Effect.void
    )
  ),
  Effect.provide(
    SharedLimit.layer("kills", options).pipe(
      Layer.provide(Redis.layerStore({ host: "127.0.0.1", port: redis, maxRetriesPerRequest: 1 }))
    )
  ),
  NodeRuntime.runMain
)
