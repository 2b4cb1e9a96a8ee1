/** Databases for tests: libSQL in a file always, PostgreSQL where it runs. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql"
import { LibsqlClient } from "@effect/sql-libsql"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"

/** Where PostgreSQL listens; CI starts one. */
const postgres = process.env["JOURNAL_POSTGRES"]

export interface Database {
  readonly name: string
  /** An empty database for one test. */
  readonly layer: Layer.Layer<SqlClient.SqlClient>
}

const libsql: Database = {
  name: "libSQL",
  layer: Layer.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-aimd-journal-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      ),
      (folder) => LibsqlClient.layer({ url: `file:${join(folder, "journal.db")}` })
    )
  )
}

const pg = (url: string): Database => ({
  name: "PostgreSQL",
  layer: Layer.tap(Layer.orDie(PgClient.layer({ url: Redacted.make(url) })), (context) =>
    Effect.orDie(
      Effect.provide(
        Effect.flatMap(
          SqlClient.SqlClient,
          (sql) => sql`drop table if exists effect_aimd_journal, effect_aimd_journal_rows, away`
        ),
        context
      )
    )
  )
})

if (postgres === undefined) console.warn("JOURNAL_POSTGRES names no database: the journal in PostgreSQL is left out")

export const databases: ReadonlyArray<Database> = postgres === undefined ? [libsql] : [libsql, pg(postgres)]
