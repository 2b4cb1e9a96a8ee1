/** One chunk, while its batch is paused, cancelled, or in other hands. */
import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Journal } from "effect-aimd/journal"
import { SqlJournal } from "effect-aimd/journal/sql"
import { Duration, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import * as BatchTables from "../../../src/cluster/batch/BatchTables.js"
import type { Watched } from "../../../src/cluster/batch/Watch.js"
import * as Worker from "../../../src/cluster/batch/Worker.js"
import { databases } from "../../journal/sql/clients.js"

const interval = Duration.millis(20)
const rows = [100, 101, 102, 103, 104]

const emptied = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    ["batch", "batch_chunks", "batch_journal", "batch_journal_rows"],
    (table) => sql`drop table if exists ${sql(table)}`
  )
)

/** A chunk of five rows, whose batch is what the test says. */
const world = Effect.gen(function* () {
  yield* emptied
  const tables = yield* BatchTables.make("batch")
  yield* tables.enter("b")
  yield* tables.cut("b", {
    chunk: 0,
    first: 100,
    size: rows.length,
    digest: "",
    last: "104",
    content: JSON.stringify(rows)
  })
  const pool = yield* PooledExecutor.make({ poolSize: 1 })
  const started: Array<number> = []
  /** What was started when the chunk waited for the end of a pause. */
  const atRest: Array<ReadonlyArray<number>> = []
  let state: BatchTables.State = "running"
  const watched: Watched = {
    permits: yield* Effect.makeSemaphore(1),
    state: Effect.sync(() => state),
    unpaused: Effect.sync(() => {
      if (state === "paused") {
        atRest.push([...started])
        state = "running"
      }
      return state
    })
  }
  const run = (process: (row: number) => Effect.Effect<number>, options: Worker.RowOptions<number, never> = {}) =>
    Worker.run(
      {
        pool,
        tables,
        watch: () => Effect.succeed(watched),
        interval,
        row: Schema.Number,
        success: Schema.Number,
        failure: undefined,
        process: (row) =>
          Effect.zipRight(
            Effect.sync(() => started.push(row)),
            process(row)
          ),
        options
      },
      "b",
      0
    )
  return {
    tables,
    run,
    started,
    atRest,
    become: (next: BatchTables.State) =>
      Effect.sync(() => {
        state = next
      })
  }
})

const journals = SqlJournal.layer({ table: "batch_journal", heartbeat: interval })

for (const { layer, name } of databases) {
  describe(`A chunk in ${name}`, () => {
    const live = (
      title: string,
      test: Effect.Effect<void, unknown, Journal.Journal | Scope.Scope | SqlClient.SqlClient>
    ) => it.live(title, () => test.pipe(Effect.scoped, Effect.provide(Layer.provideMerge(journals, layer))))

    live(
      "starts no row while its batch is paused, and no row twice",
      Effect.gen(function* () {
        const { atRest, become, run, started, tables } = yield* world
        const end = yield* run((row) => Effect.as(row === 102 ? become("paused") : Effect.void, row))
        assert.strictEqual(end._tag, "Done")
        assert.deepStrictEqual(atRest, [[100, 101, 102]])
        assert.deepStrictEqual(started, rows)
        const found = yield* tables.chunk("b", 0)
        assert.isTrue(found?.isDone)
        assert.isNull(found.content)
      })
    )

    live(
      "stops once its batch is cancelled, and keeps what was done",
      Effect.gen(function* () {
        const { become, run, started, tables } = yield* world
        const end = yield* run((row) => Effect.as(row === 102 ? become("cancelling") : Effect.void, row))
        assert.deepStrictEqual(end, { _tag: "Stopped" })
        assert.deepStrictEqual(started, [100, 101, 102])
        assert.strictEqual((yield* tables.records("b", 0)).length, 3)
        const { chunksDone, done } = yield* tables.counts("b")
        assert.deepStrictEqual([done, chunksDone], [3, 0])
      })
    )

    live(
      "is done where a row interrupts itself: that one has failed",
      Effect.gen(function* () {
        const { run, tables } = yield* world
        const end = yield* run((row) => (row === 101 ? Effect.interrupt : Effect.succeed(row)))
        assert.strictEqual(end._tag, "Done")
        const { done, failed } = yield* tables.counts("b")
        assert.deepStrictEqual([done, failed], [5, 1])
        assert.include((yield* tables.records("b", 0))[1], "the row interrupted itself")
      })
    )

    live(
      "waits while another runner works with its journal",
      Effect.gen(function* () {
        const { run, started } = yield* world
        const holder = yield* Scope.make()
        const journal = yield* Journal.Journal
        yield* Scope.extend(journal.open({ batch: BatchTables.journalOf("b", 0), fingerprint: "" }), holder)
        const running = yield* Effect.fork(run(Effect.succeed))
        yield* Effect.yieldNow()
        assert.deepStrictEqual(started, [])
        yield* Scope.close(holder, Exit.void)
        assert.strictEqual((yield* Fiber.join(running))._tag, "Done")
        assert.deepStrictEqual(started, rows)
      })
    )

    live(
      "fails where its results are of another fingerprint",
      Effect.gen(function* () {
        const { become, run } = yield* world
        yield* run((row) => Effect.as(row === 102 ? become("cancelling") : Effect.void, row), { fingerprint: "old" })
        yield* become("running")
        const end = yield* run(Effect.succeed, { fingerprint: "new" })
        assert.strictEqual(end._tag, "Failed")
        assert.include(JSON.stringify(end), "fingerprint")
      })
    )

    live(
      "fails where a row has no name",
      Effect.gen(function* () {
        const { run, started } = yield* world
        const end = yield* run(Effect.succeed, { stateId: () => "" })
        assert.include(JSON.stringify(end), "stateId of row 0: expected a non-empty string")
        assert.deepStrictEqual(started, [])
      })
    )
  })
}
