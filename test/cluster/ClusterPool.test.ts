/** Pools of a cluster on the real @effect/cluster, each of one process. */
import { LibsqlClient } from "@effect/sql-libsql"
import { SingleRunner, TestRunner } from "@effect/cluster"
import { assert, describe, it } from "@effect/vitest"
import { Capacity, PooledExecutor } from "effect-aimd"
import { ClusterPool, PoolMemory, SqlPoolMemory } from "effect-aimd/cluster"
import { Deferred, Effect, Exit, Layer, Schedule } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const memory = Layer.merge(TestRunner.layer, PoolMemory.layerMemory)

describe("ClusterPool", () => {
  it.live("runs rows through the entity: results in order, rejections tried again, at most poolSize at once", () =>
    Effect.gen(function* () {
      let [atOnce, most, rejected] = [0, 0, 0]
      const rows = Array.from({ length: 40 }, (_, i) => i)
      const results = yield* PooledExecutor.forEach(rows, (row, { attempt }) =>
        Effect.gen(function* () {
          atOnce += 1
          most = Math.max(most, atOnce)
          yield* Effect.yieldNow()
          atOnce -= 1
          if (row === 7 && attempt === 1) {
            rejected += 1
            return yield* new Capacity.CapacityError({ status: 429 })
          }
          return row * 2
        })
      )
      assert.deepStrictEqual(
        results,
        rows.map((row) => row * 2)
      )
      assert.strictEqual(rejected, 1)
      assert.isAtMost(most, 4)
    }).pipe(Effect.provide(ClusterPool.layer("rows", { poolSize: 4 }).pipe(Layer.provide(memory))))
  )

  it.live("keeps a told limit of calls at once", () =>
    Effect.gen(function* () {
      let [atOnce, most] = [0, 0]
      const isFull = yield* Deferred.make<void>()
      yield* PooledExecutor.forEach(Array.from({ length: 12 }), () =>
        Effect.gen(function* () {
          atOnce += 1
          most = Math.max(most, atOnce)
          if (atOnce === 3) yield* Deferred.succeed(isFull, undefined)
          yield* Deferred.await(isFull)
          atOnce -= 1
        })
      )
      assert.strictEqual(most, 3)
    }).pipe(
      Effect.provide(
        ClusterPool.layer("places", { poolSize: 64, limits: [{ concurrent: 3 }] }).pipe(Layer.provide(memory))
      )
    )
  )

  it.live("refuses a call that is larger than a limit, and wrong options", () =>
    Effect.gen(function* () {
      const pool = yield* ClusterPool.make("tokens", { limits: [{ tokens: 100, per: "1 second" }] })
      const error = yield* Effect.flip(pool.execute(Effect.void, { cost: { tokens: 101 } }))
      assert.strictEqual(error._tag, "CallTooLargeError")
      const exit = yield* Effect.exit(ClusterPool.make("impatient", { patience: "10 millis" }))
      assert.isTrue(Exit.isFailure(exit) && String(exit.cause).includes("option patience"))
    }).pipe(Effect.scoped, Effect.provide(memory))
  )

  it.live("counts on where an earlier process ended: a file is all that outlives it", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "cluster-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const options: ClusterPool.Options = {
        poolSize: 64,
        limits: [{ requests: 10, per: "1 day" }],
        patience: "1 second"
      }
      let calls = 0
      const run = (rows: number) =>
        PooledExecutor.forEach(Array.from({ length: rows }), () => Effect.sync(() => void (calls += 1)))
      const inProcess = <A, E>(effect: Effect.Effect<A, E, PooledExecutor.PooledExecutor | PoolMemory.PoolMemory>) =>
        effect.pipe(
          Effect.provide(
            ClusterPool.layer("file", options).pipe(
              Layer.provideMerge(SqlPoolMemory.layer()),
              Layer.provide(SingleRunner.layer()),
              Layer.provide(LibsqlClient.layer({ url: `file:${folder}/cluster.db` }))
            )
          )
        )
      /** The entity has been in power for a while: it has written for the third time. */
      const ruled: Effect.Effect<void, PoolMemory.PoolMemoryError, PoolMemory.PoolMemory> = Effect.gen(function* () {
        const from = yield* (yield* PoolMemory.PoolMemory).read("file")
        yield* Effect.gen(function* () {
          const kept = yield* (yield* PoolMemory.PoolMemory).read("file")
          return kept?.epoch === 3 && kept.beat >= (from?.beat ?? 0) + 3
        }).pipe(Effect.repeat({ until: (is) => is, schedule: Schedule.spaced("50 millis") }))
      })

      yield* inProcess(run(6))
      assert.strictEqual(calls, 6)
      yield* inProcess(run(4))
      assert.strictEqual(calls, 10)
      // The day's limit is used up: this one waits till tomorrow.
      yield* inProcess(Effect.raceFirst(run(1), ruled))
      assert.strictEqual(calls, 10)
    }).pipe(Effect.scoped)
  )
})
