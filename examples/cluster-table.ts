// Rows out of a table, and a hand on the batch from anywhere.
import { SingleRunner } from "@effect/cluster"
import { SqlClient } from "@effect/sql"
import { LibsqlClient } from "@effect/sql-libsql"
import { PooledExecutor } from "effect-aimd"
import { ClusterBatch } from "effect-aimd/cluster"
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

// #region pages
const Page = Schema.Struct({ number: Schema.Number, text: Schema.String })
const Titles = ClusterBatch.make("titles", { row: Page, success: Schema.String })

// A page of rows after the last one that was read; an empty page ends them.
const pages = ClusterBatch.pages((_, after: typeof Page.Type | undefined) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    sql`select number, text from pages where number > ${after?.number ?? 0} order by number limit 500`.pipe(
      Effect.map((lines) => lines.map(({ number, text }) => ({ number: Number(number), text: String(text) })))
    )
  )
)
// #endregion pages

const file = join(mkdtempSync(join(tmpdir(), "cluster-")), "cluster.db")
const Cluster = SingleRunner.layer().pipe(
  Layer.provideMerge(LibsqlClient.layer({ url: `file:${file}`, intMode: "bigint" }))
)
const Runner = Titles.layer({ rows: pages, process: ({ text }) => Effect.sync(() => text.toUpperCase()) }).pipe(
  Layer.provide(PooledExecutor.layer({ poolSize: 8 })),
  Layer.provideMerge(Cluster)
)

const program = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create table pages (number integer primary key, text text not null)`
  yield* sql`insert into pages (number, text) values (1, 'first'), (2, 'second'), (3, 'third')`
  yield* Titles.start("november")

  // #region handle
  // Works in any process that reaches the database.
  const batch = yield* Titles.attach("november")
  if (yield* batch.pause) yield* Console.log("paused")
  if (yield* batch.resume) yield* Console.log("resumed")
  const { done, failed, state } = yield* batch.await
  yield* Console.log(`${state}: ${done} rows, ${failed} of them failed`)
  yield* batch.results({ from: 1 }).pipe(Stream.runForEach(({ exit, stateId }) => Console.log(stateId, exit._tag)))
  // #endregion handle
})

await Effect.runPromise(Effect.provide(program, Runner))
