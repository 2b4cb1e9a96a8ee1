/**
 * The two tables of journals: one has a line for each batch, the other one for each finished row.
 *
 * @since 0.2.0
 */
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"

/**
 * The name of the table of rows.
 *
 * @since 0.2.0
 * @category names
 */
export const rowsOf = (table: string): string => `${table}_rows`

/**
 * Makes the tables where they are not there.
 *
 * @since 0.2.0
 * @category statements
 */
export const create = (sql: SqlClient.SqlClient, table: string): Effect.Effect<unknown, SqlError> =>
  Effect.zipRight(
    sql`create table if not exists ${sql(table)} (
      batch text primary key, header text not null, owner text, beat bigint not null, learned text)`,
    sql`create table if not exists ${sql(rowsOf(table))} (
      batch text not null, state_id text not null, submit_index bigint not null, record text not null,
      primary key (batch, state_id))`
  )
