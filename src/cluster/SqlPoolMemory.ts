/**
 * Keeps what pools know for later processes in a database, through the `SqlClient` of `@effect/sql`: SQLite, libSQL or
 * PostgreSQL. There is one table, which is made if it does not exist, with a line for each pool.
 *
 * @since 0.2.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { PoolMemory, PoolMemoryError, type Kept } from "./PoolMemory.js"

/**
 * Options of the table.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** Its name. Default `"effect_aimd_pool"`. */
  readonly table?: string | undefined
}

/** Two that make the same table at once: one of them fails, and finds it there the next time. */
const again = Schedule.intersect(Schedule.exponential("50 millis"), Schedule.recurs(5))

/** Some clients give whole numbers as text. */
interface Row {
  readonly epoch: number | string
  readonly beat: number | string
  readonly content: string
}

const keptOf = ({ beat, content, epoch }: Row): Kept => ({ epoch: Number(epoch), beat: Number(beat), content })

const memoryOf = (sql: SqlClient.SqlClient, name: string): PoolMemory => {
  const table = sql(name)
  const failing = (key: string) => Effect.mapError((cause: SqlError) => new PoolMemoryError({ key, cause }))
  const isOne = (key: string, changed: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
    failing(key)(Effect.map(changed, ({ length }) => length === 1))

  return {
    read: (key) =>
      failing(key)(
        Effect.map(
          sql<Row>`select epoch, beat, content from ${table} where pool = ${key}`,
          ([row]) => row && keptOf(row)
        )
      ),
    create: (key, { beat, content, epoch }) =>
      isOne(
        key,
        sql`insert into ${table} (pool, epoch, beat, content) values (${key}, ${epoch}, ${beat}, ${content})
          on conflict (pool) do nothing returning pool`
      ),
    take: (key, from, { beat, content, epoch }) =>
      isOne(
        key,
        sql`update ${table} set epoch = ${epoch}, beat = ${beat}, content = ${content}
          where pool = ${key} and epoch = ${from.epoch} and beat = ${from.beat} returning pool`
      ),
    write: (key, { beat, content, epoch }) =>
      isOne(
        key,
        sql`update ${table} set beat = ${beat}, content = ${content}
          where pool = ${key} and epoch = ${epoch} and beat < ${beat} returning pool`
      )
  }
}

/**
 * Keeps the memory of pools in the database of the context.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<PoolMemory, SqlError, SqlClient.SqlClient> =>
  Layer.effect(
    PoolMemory,
    Effect.gen(function* () {
      const sql = (yield* SqlClient.SqlClient).withoutTransforms()
      const name = options.table ?? "effect_aimd_pool"
      yield* sql`create table if not exists ${sql(name)} (
        pool text primary key, epoch bigint not null, beat bigint not null, content text not null)`.pipe(
        Effect.retry(again)
      )
      return memoryOf(sql, name)
    })
  )
