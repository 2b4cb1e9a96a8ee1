/** Batches on the real @effect/cluster, over a database in a file. */
import { SingleRunner } from "@effect/cluster"
import { LibsqlClient } from "@effect/sql-libsql"
import { assert, describe, it } from "@effect/vitest"
import { Capacity, PooledExecutor } from "effect-aimd"
import { ClusterBatch } from "effect-aimd/cluster"
import { Chunk, Effect, Exit, Layer, Schema, Stream } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-aimd-batch-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** A cluster of one process; all that outlives it is in the file. */
const clusterIn = (file: string) =>
  SingleRunner.layer({ shardingConfig: { entityTerminationTimeout: 0 } }).pipe(
    Layer.provideMerge(LibsqlClient.layer({ url: `file:${file}`, intMode: "bigint" }))
  )

class Odd extends Schema.TaggedError<Odd>()("Odd", { row: Schema.Number }) {}

const Doubles = ClusterBatch.make("doubles", {
  row: Schema.Number,
  success: Schema.Number,
  failure: Odd,
  interval: "20 millis"
})

const numbers = (count: number) => () => Stream.range(0, count - 1)
const chunks = { atLeast: 7, atMost: 7, atOnce: 3 }

describe("ClusterBatch", () => {
  it.live("gives a result for each row, in the order of the rows, with its audit record", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "cluster.db")
      let rejected = false
      const runner = Doubles.layer({
        rows: numbers(40),
        chunks,
        process: (row, { attempt, rowIndex, stateId }) =>
          Effect.gen(function* () {
            assert.strictEqual(rowIndex, row)
            assert.strictEqual(stateId, String(row))
            if (row === 5 && attempt === 1) {
              rejected = true
              return yield* new Capacity.CapacityError({ status: 429 })
            }
            if (row === 9) return yield* new Odd({ row })
            return row * 2
          })
      }).pipe(Layer.provide(PooledExecutor.layer({ poolSize: 8 })), Layer.provideMerge(clusterIn(file)))

      yield* Effect.gen(function* () {
        const batch = yield* Doubles.start("first")
        const results = Chunk.toReadonlyArray(yield* Stream.runCollect(batch.results()))
        assert.deepStrictEqual(
          results.map(({ submitIndex }) => submitIndex),
          Array.from({ length: 40 }, (_, i) => i)
        )
        assert.deepStrictEqual(
          results.map(({ exit, submitIndex }) => Exit.getOrElse(exit, () => -submitIndex)),
          Array.from({ length: 40 }, (_, i) => (i === 9 ? -9 : i * 2))
        )
        assert.isTrue(rejected)
        assert.strictEqual(results[5]?.attempts, 2)
        const progress = yield* batch.await
        assert.deepStrictEqual(progress, {
          state: "done",
          failure: undefined,
          rows: 40,
          isRead: true,
          done: 40,
          failed: 1,
          chunks: 6,
          chunksDone: 6
        })
      }).pipe(Effect.provide(runner))
    }).pipe(Effect.scoped)
  )
})
