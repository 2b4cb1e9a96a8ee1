/** Batches on the real @effect/cluster, over a database in a file. */
import { SingleRunner } from "@effect/cluster"
import { SqlClient } from "@effect/sql"
import { LibsqlClient } from "@effect/sql-libsql"
import { assert, describe, it } from "@effect/vitest"
import { Capacity, PooledExecutor } from "effect-aimd"
import { ClusterBatch } from "effect-aimd/cluster"
import { Cause, Chunk, Effect, Exit, Layer, Schema, Stream } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as BatchTables from "../../../src/cluster/batch/BatchTables.js"

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
const Pool = PooledExecutor.layer({ poolSize: 8 })

type Value = readonly [row: number, value: unknown]

/** Rows whose exits are no successes are shown as they are. */
const valuesOf = (results: Chunk.Chunk<ClusterBatch.Result<number, Odd>>): ReadonlyArray<Value> =>
  Array.from(results, ({ exit, submitIndex }) => [submitIndex, Exit.getOrElse(exit, () => exit)] as const)

const doubles = (count: number): ReadonlyArray<Value> => Array.from({ length: count }, (_, i) => [i, i * 2] as const)

const counter = () => {
  const times = new Map<number, number>()
  return { times, count: (row: number) => times.set(row, (times.get(row) ?? 0) + 1) }
}

/** Looks at a batch until it is as wanted. */
const until = (batch: ClusterBatch.Handle<number, Odd>, isRight: (progress: ClusterBatch.Progress) => boolean) =>
  Stream.runHead(Stream.filter(batch.progress, isRight))

describe("ClusterBatch", () => {
  it.live("gives a result for each row, in the order of the rows, with its audit record", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "cluster.db")
      const runner = Doubles.layer({
        rows: numbers(40),
        chunks,
        process: (row, { attempt, rowIndex, stateId }) =>
          Effect.gen(function* () {
            assert.strictEqual(rowIndex, row)
            assert.strictEqual(stateId, String(row))
            if (row === 5 && attempt === 1) return yield* new Capacity.CapacityError({ status: 429 })
            if (row === 9) return yield* new Odd({ row })
            return row * 2
          })
      })
      yield* Effect.gen(function* () {
        const batch = yield* Doubles.start("first")
        const results = yield* Stream.runCollect(batch.results())
        const expected = doubles(40).map(([i, value]): Value => [i, i === 9 ? Exit.fail(new Odd({ row: 9 })) : value])
        assert.deepStrictEqual(valuesOf(results), expected)
        assert.strictEqual(Chunk.unsafeGet(results, 5).attempts, 2)
        assert.deepStrictEqual(valuesOf(yield* Stream.runCollect(batch.results({ from: 16 }))), expected.slice(16))
        assert.deepStrictEqual(yield* batch.await, {
          state: "done",
          failure: undefined,
          rows: 40,
          isRead: true,
          done: 40,
          failed: 1,
          chunks: 6,
          chunksDone: 6
        })
        assert.isFalse(yield* batch.cancel)
        const same = yield* Doubles.attach("first")
        assert.strictEqual((yield* same.status).state, "done")
        const other = yield* Effect.flip(Doubles.attach("second"))
        assert.strictEqual(other._tag === "ClusterBatchError" && other.reason, "Unknown")
      }).pipe(Effect.provide(runner.pipe(Layer.provide(Pool), Layer.provideMerge(clusterIn(file)))))
    }).pipe(Effect.scoped)
  )

  it.live("goes on by itself where the last process was, and does no row again that was done", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "cluster.db")
      const { count, times } = counter()
      const runner = (last: number) =>
        Doubles.layer({
          rows: numbers(40),
          chunks,
          process: (row) =>
            row < last ? Effect.sync(() => (count(row), row * 2)) : Effect.zipRight(Effect.yieldNow(), Effect.never)
        }).pipe(Layer.provide(Pool), Layer.provideMerge(clusterIn(file)))

      yield* Effect.gen(function* () {
        const batch = yield* Doubles.start("long")
        yield* until(batch, ({ done }) => done === 15)
      }).pipe(Effect.provide(runner(15)))
      assert.strictEqual(times.size, 15)

      yield* Effect.gen(function* () {
        const batch = yield* Doubles.attach("long")
        assert.deepStrictEqual(valuesOf(yield* Stream.runCollect(batch.results())), doubles(40))
      }).pipe(Effect.provide(runner(40)))
      assert.deepStrictEqual(
        [...times].sort(([a], [b]) => a - b),
        doubles(40).map(([row]) => [row, 1])
      )
    }).pipe(Effect.scoped)
  )

  it.live("does nothing while it is paused, and all once it is resumed", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "cluster.db")
      let [isResumed, early] = [false, 0]
      const runner = Doubles.layer({
        rows: numbers(20),
        chunks,
        process: (row) =>
          Effect.sync(() => {
            if (!isResumed) early += 1
            return row * 2
          })
      })
      yield* Effect.gen(function* () {
        const tables = yield* BatchTables.make("effect_aimd_batch")
        yield* tables.enter("doubles/slow")
        const before = yield* Doubles.attach("slow")
        assert.isTrue(yield* before.pause)
        assert.isFalse(yield* before.pause)
        const batch = yield* Doubles.start("slow")
        yield* Stream.runDrain(Stream.take(batch.progress, 10))
        assert.strictEqual((yield* batch.status).state, "paused")
        isResumed = true
        assert.isTrue(yield* batch.resume)
        assert.deepStrictEqual(valuesOf(yield* Stream.runCollect(batch.results())), doubles(20))
        assert.strictEqual(early, 0)
      }).pipe(Effect.provide(runner.pipe(Layer.provide(Pool), Layer.provideMerge(clusterIn(file)))))
    }).pipe(Effect.scoped)
  )

  it.live("ends when it is cancelled, however many rows there are, and keeps what was done", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "cluster.db")
      const runner = Doubles.layer({
        rows: () => Stream.iterate(0, (row) => row + 1),
        chunks,
        process: (row) => Effect.succeed(row * 2)
      })
      yield* Effect.gen(function* () {
        const batch = yield* Doubles.start("endless")
        yield* until(batch, ({ chunksDone }) => chunksDone >= 3)
        assert.isTrue(yield* batch.cancel)
        const { done, state } = yield* batch.await
        assert.strictEqual(state, "cancelled")
        const results = yield* Stream.runCollect(batch.results())
        assert.strictEqual(results.length, done)
        const rows = Array.from(results, ({ submitIndex }) => submitIndex)
        assert.deepStrictEqual(
          rows,
          [...new Set(rows)].sort((a, b) => a - b)
        )
      }).pipe(Effect.provide(runner.pipe(Layer.provide(Pool), Layer.provideMerge(clusterIn(file)))))
    }).pipe(Effect.scoped)
  )

  it.live("fails with its source, and goes on when it is started again", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "cluster.db")
      const { count, times } = counter()
      let isBroken = true
      const runner = Doubles.layer({
        rows: () =>
          Stream.concat(
            numbers(10)(),
            Stream.suspend(() => (isBroken ? Stream.fail("torn") : Stream.range(10, 19)))
          ),
        chunks,
        process: (row) => Effect.sync(() => (count(row), row * 2))
      })
      yield* Effect.gen(function* () {
        const batch = yield* Doubles.start("torn")
        const error = yield* Effect.flip(batch.await)
        assert.include(error.message, "batch doubles/torn: its rows cannot be read: Error: torn")
        const some = yield* Stream.runCollect(Stream.either(batch.results()))
        assert.strictEqual(some.length, 11)
        isBroken = false
        const again = yield* Doubles.start("torn")
        assert.deepStrictEqual(valuesOf(yield* Stream.runCollect(again.results())), doubles(20))
        assert.deepStrictEqual(
          [...times.values()],
          doubles(20).map(() => 1)
        )
      }).pipe(Effect.provide(runner.pipe(Layer.provide(Pool), Layer.provideMerge(clusterIn(file)))))
    }).pipe(Effect.scoped)
  )

  it.live("reads a table by pages, and in a later process from the row after the last one", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "cluster.db")
      const asked: Array<number | undefined> = []
      const runner = (last: number) =>
        Doubles.layer({
          rows: ClusterBatch.pages((_, after: number | undefined) =>
            Effect.gen(function* () {
              asked.push(after)
              const sql = yield* SqlClient.SqlClient
              const lines = yield* sql<{ number: bigint }>`select number from numbers
                where number > ${after ?? -1} order by number limit 5`
              return lines.map(({ number }) => Number(number))
            })
          ),
          chunks,
          process: (row) => (row < last ? Effect.succeed(row * 2) : Effect.never)
        }).pipe(Layer.provide(Pool), Layer.provideMerge(clusterIn(file)))

      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table numbers (number integer primary key)`
        yield* Effect.forEach(doubles(40), ([row]) => sql`insert into numbers (number) values (${row})`)
        const batch = yield* Doubles.start("table")
        yield* until(batch, ({ done }) => done === 3)
      }).pipe(Effect.provide(runner(3)))
      assert.deepStrictEqual(asked.slice(0, 2), [undefined, 4])
      asked.length = 0

      yield* Effect.gen(function* () {
        const batch = yield* Doubles.attach("table")
        assert.deepStrictEqual(valuesOf(yield* Stream.runCollect(batch.results())), doubles(40))
      }).pipe(Effect.provide(runner(40)))
      assert.notInclude(asked, undefined)
    }).pipe(Effect.scoped)
  )

  it.live("refuses wrong names, ids and chunks, and says what is right", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "cluster.db")
      const shape = { row: Schema.Number, success: Schema.Number }
      assert.throws(() => ClusterBatch.make("", shape), "name of a ClusterBatch: expected a non-empty string")
      const tooLong = Doubles.start("x".repeat(201))
      const noChunks = Layer.launch(
        Doubles.layer({ rows: numbers(1), process: Effect.succeed, chunks: { atOnce: 0 } }).pipe(Layer.provide(Pool))
      )
      const said = (wrong: Effect.Effect<unknown, unknown, Effect.Effect.Context<typeof tooLong>>) =>
        Effect.map(Effect.flip(Effect.sandbox(Effect.provide(wrong, clusterIn(file)))), Cause.pretty)
      const id = "id of a ClusterBatch: expected a non-empty string of at most 200 characters"
      assert.include(yield* said(tooLong), id)
      assert.include(yield* said(noChunks), "option chunks.atOnce: expected an integer of at least 1, got 0")
    }).pipe(Effect.scoped)
  )
})
