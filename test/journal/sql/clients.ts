/** Databases for tests: libSQL in a file always, PostgreSQL where it runs. */
import { randomUUID } from "node:crypto"
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

/** Files of tests run beside each other in one database: each test has a schema of its own. */
const pg = (url: string): Database => ({
  name: "PostgreSQL",
  layer: Layer.unwrapScoped(
    Effect.gen(function* () {
      const schema = `test_${randomUUID().replaceAll("-", "")}`
      const client = (address: string) => Layer.orDie(PgClient.layer({ url: Redacted.make(address) }))
      const statement = (text: string) =>
        Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(text)).pipe(Effect.provide(client(url)), Effect.orDie)
      yield* Effect.acquireRelease(statement(`create schema ${schema}`), () =>
        statement(`drop schema ${schema} cascade`)
      )
      return client(`${url}?options=-csearch_path%3D${schema}`)
    })
  )
})

if (postgres === undefined) console.warn("JOURNAL_POSTGRES names no database: the journal in PostgreSQL is left out")

export const databases: ReadonlyArray<Database> = postgres === undefined ? [libsql] : [libsql, pg(postgres)]
