/** A limit that many processes share: what a start costs, and how often the store is asked for it. */
import { RateLimiter } from "@effect/experimental"
import * as Redis from "@effect/experimental/RateLimiter/Redis"
import { Effect, Layer, type Scope } from "effect"
import { PooledExecutor } from "effect-aimd"
import { SharedLimit } from "effect-aimd/shared"
import { spawn, spawnSync } from "node:child_process"
import { connect } from "node:net"
import { setTimeout as delay } from "node:timers/promises"
import { batch, concurrency, hop, type Run } from "./contenders.js"
import { median, named, race, ratio } from "./measure.js"
import type { Section } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

const port = 21_381

type Store = Layer.Layer<RateLimiter.RateLimiterStore>
type Pool = Effect.Effect<PooledExecutor.PooledExecutor, never, Scope.Scope>

/** What a store was asked. */
interface Count {
  commands: number
  /** Commands that were on their way together are one. */
  roundTrips: number
}

const counted = (store: Store, count: Count): Store =>
  Layer.effect(
    RateLimiter.RateLimiterStore,
    Effect.map(RateLimiter.RateLimiterStore, (inner) => {
      let open = 0
      return RateLimiter.RateLimiterStore.of({
        ...inner,
        fixedWindow: (request) =>
          Effect.suspend(() => {
            count.commands += 1
            if (open++ === 0) count.roundTrips += 1
            return Effect.ensuring(
              inner.fixedWindow(request),
              Effect.sync(() => (open -= 1))
            )
          })
      })
    })
  ).pipe(Layer.provide(store))

let made = 0

/** Each pool has a limit of its own, of which nothing is used. */
const poolOf =
  (requests: number, options?: Partial<SharedLimit.Options>) =>
  (store: Store): Pool =>
    Effect.flatMap(Layer.build(store), (context) =>
      SharedLimit.make(`bench ${process.pid} ${made++}`, {
        poolSize: concurrency,
        limits: [{ requests, per: "1 minute" }],
        forgets: false,
        ...options
      }).pipe(Effect.provide(context))
    )

const running =
  (pool: Pool): Run =>
  (rows) =>
    Effect.runPromise(Effect.scoped(Effect.flatMap(pool, (made) => batch(made, rows, hop.effect))))

/** How often a store is asked for so many starts, 100 of them a second, of a limit of 200 a second. */
const steady = async (name: string, store: Store, rows: number): Promise<ReadonlyArray<string>> => {
  const count: Count = { commands: 0, roundTrips: 0 }
  const pool = poolOf(12_000, { minDispatchDelay: "10 millis" })(counted(store, count))
  await running(pool)(Array.from({ length: rows }, (_, row) => row))
  return [name, number(count.roundTrips / rows), number(count.commands / rows)]
}

/** A Redis on loopback that keeps nothing; undefined where there is none. */
const startRedis = async () => {
  if (spawnSync("redis-server", ["--version"]).status !== 0) return undefined
  const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
  const server = spawn("redis-server", options, { stdio: "ignore" })
  const isThere = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy()
        resolve(true)
      }).once("error", () => resolve(false))
    })
  while (!(await isThere())) await delay(20)
  return server
}

export const shared = async (sizes: Sizes): Promise<Section> => {
  const server = await startRedis()
  const stores: ReadonlyArray<readonly [string, Store]> = [
    ["in memory", RateLimiter.layerStoreMemory],
    ...(server === undefined ? [] : [["Redis", Redis.layerStore({ host: "127.0.0.1", port })] as const])
  ]
  const many = 1_000_000_000
  const { rows } = sizes
  const timings = await race(
    [
      { name: "no limit", rows, run: running(PooledExecutor.make({ poolSize: concurrency })) },
      {
        name: "a limit of its own",
        rows,
        run: running(PooledExecutor.make({ poolSize: concurrency, limits: [{ requests: many, per: "1 minute" }] }))
      },
      ...stores.map(([name, store]) => ({ name: `a shared limit, ${name}`, rows, run: running(poolOf(many)(store)) }))
    ],
    sizes.short
  )
  const asked: Array<ReadonlyArray<string>> = []
  for (const [name, store] of stores) asked.push(await steady(name, store, Math.min(500, rows / 20)))
  server?.kill()
  return {
    title: "A limit for many processes",
    text: [
      "A row of one hop, 8 at a time, of a limit that is never met:",
      table(
        ["a pool with", "µs a row", "to none"],
        timings.map((timing) => [
          timing.name,
          number(median(timing.rounds)),
          times(ratio(timing, named(timings, "no limit")))
        ])
      ),
      "100 starts a second of a limit of 12,000 a minute. No start waits for these round trips:",
      table(["store", "round trips a start", "commands a start"], asked)
    ].join("\n\n"),
    targets: []
  }
}
