/**
 * What a batch of a cluster is, in a database: a line for it, a line for each chunk, and the journals of the chunks.
 *
 * All that decides anything is one statement: a chunk is cut by whoever is first to write its line, and done once its journal
 * has all of its rows.
 *
 * @since 0.2.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as JournalTables from "../../journal/sql/Tables.js"

/**
 * What a batch does: `cancelling` until the last of its rows that were in flight has ended.
 *
 * @since 0.2.0
 * @category models
 */
export type State = "running" | "paused" | "cancelling" | "cancelled" | "failed" | "done"

/**
 * A chunk as it is cut. The one after the last has no rows.
 *
 * @since 0.2.0
 * @category models
 */
export interface Cut {
  readonly chunk: number
  /** The index of its first row. */
  readonly first: number
  readonly size: number
  /** Stands for all rows up to its last one. */
  readonly digest: string
  /** Its last row, as JSON. */
  readonly last: string | null
  /** Its rows, as a JSON array. */
  readonly content: string | null
}

/**
 * A chunk as it is found; its content is gone when it is done.
 *
 * @since 0.2.0
 * @category models
 */
export interface Found extends Cut {
  readonly isDone: boolean
}

/**
 * What there is of a batch, in numbers. `done` and `failed` are rows.
 *
 * @since 0.2.0
 * @category models
 */
export interface Counts {
  readonly rows: number
  /** Whether these are all. */
  readonly isRead: boolean
  readonly done: number
  readonly failed: number
  readonly chunks: number
  readonly chunksDone: number
}

interface ChunkLine {
  readonly chunk: number | string
  readonly first_row: number | string
  readonly size: number | string
  readonly digest: string
  readonly last_row: string | null
  readonly content: string | null
  readonly done: number | string
}

/** Some clients give whole numbers as text. */
const foundOf = (line: ChunkLine): Found => ({
  chunk: Number(line.chunk),
  first: Number(line.first_row),
  size: Number(line.size),
  digest: line.digest,
  last: line.last_row,
  content: line.content,
  isDone: Number(line.done) === 1
})

/** Two that make the same table at once: one of them fails, and finds it there the next time. */
const again = Schedule.intersect(Schedule.exponential("50 millis"), Schedule.recurs(5))

/**
 * The name of the table of journals.
 *
 * @since 0.2.0
 * @category names
 */
export const journalTable = (table: string): string => `${table}_journal`

/**
 * The name of the journal of a chunk.
 *
 * @since 0.2.0
 * @category names
 */
export const journalOf = (batch: string, chunk: number): string => `${batch}/${chunk}`

const isOne = <E>(changed: Effect.Effect<ReadonlyArray<unknown>, E>) =>
  Effect.map(changed, ({ length }) => length === 1)

/**
 * The statements. Each may be run twice.
 *
 * @since 0.2.0
 * @category models
 */
export type BatchTables = ReturnType<typeof statementsOf>

/**
 * The tables of this name in the database of the context; they are made where they are not there.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (table: string): Effect.Effect<BatchTables, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    yield* Effect.retry(create(sql, table), again)
    return statementsOf(sql, table)
  })

const create = (sql: SqlClient.SqlClient, table: string) =>
  Effect.gen(function* () {
    yield* sql`create table if not exists ${sql(table)} (batch text primary key, state text not null, failure text)`
    yield* sql`create table if not exists ${sql(`${table}_chunks`)} (
      batch text not null, chunk bigint not null, first_row bigint not null, size bigint not null,
      digest text not null, last_row text, content text, done smallint not null, failures bigint not null,
      primary key (batch, chunk))`
    yield* JournalTables.create(sql, journalTable(table))
  })

const statementsOf = (sql: SqlClient.SqlClient, table: string) => {
  const batches = sql(table)
  return {
    enter: (batch: string): Effect.Effect<unknown, SqlError> =>
      sql`insert into ${batches} (batch, state) values (${batch}, 'running') on conflict (batch) do nothing`,
    state: (batch: string): Effect.Effect<{ state: State; failure: string | null } | undefined, SqlError> =>
      Effect.map(
        sql<{ state: State; failure: string | null }>`select state, failure from ${batches} where batch = ${batch}`,
        ([first]) => first
      ),
    /** Says whether the batch was in one of these states. */
    move: (
      batch: string,
      from: ReadonlyArray<State>,
      to: State,
      failure: string | null = null
    ): Effect.Effect<boolean, SqlError> =>
      isOne(
        sql`update ${batches} set state = ${to}, failure = ${failure}
          where batch = ${batch} and ${sql.in("state", from)} returning batch`
      ),
    ...chunkStatements(sql, table)
  }
}

const chunkStatements = (sql: SqlClient.SqlClient, table: string) => {
  const chunks = sql(`${table}_chunks`)
  const rows = sql(JournalTables.rowsOf(journalTable(table)))
  const selected = sql.literal("select chunk, first_row, size, digest, last_row, content, done from")
  return {
    /** Writes the line of a chunk; says whether there was none. */
    cut: (batch: string, { chunk, content, digest, first, last, size }: Cut): Effect.Effect<boolean, SqlError> =>
      isOne(
        sql`insert into ${chunks} (batch, chunk, first_row, size, digest, last_row, content, done, failures)
          values (${batch}, ${chunk}, ${first}, ${size}, ${digest}, ${last}, ${content}, ${size === 0 ? 1 : 0}, 0)
          on conflict (batch, chunk) do nothing returning chunk`
      ),
    chunk: (batch: string, chunk: number): Effect.Effect<Found | undefined, SqlError> =>
      Effect.map(
        sql<ChunkLine>`${selected} ${chunks} where batch = ${batch} and chunk = ${chunk}`,
        ([first]) => first && foundOf(first)
      ),
    /** The chunk that was cut last. */
    last: (batch: string): Effect.Effect<Found | undefined, SqlError> =>
      Effect.map(
        sql<ChunkLine>`${selected} ${chunks} where batch = ${batch} order by chunk desc limit 1`,
        ([first]) => first && foundOf(first)
      ),
    /** The chunk that has this row, or the last one before it. */
    at: (batch: string, row: number): Effect.Effect<number, SqlError> =>
      Effect.map(
        sql<{ chunk: number | string | null }>`select max(chunk) as chunk from ${chunks}
          where batch = ${batch} and first_row <= ${row} and size > 0`,
        ([first]) => Number(first?.chunk ?? 0)
      ),
    undone: (batch: string): Effect.Effect<ReadonlyArray<{ chunk: number; size: number }>, SqlError> =>
      Effect.map(
        sql<{ chunk: number | string; size: number | string }>`select chunk, size from ${chunks}
          where batch = ${batch} and done = 0 order by chunk`,
        (lines) => lines.map(({ chunk, size }) => ({ chunk: Number(chunk), size: Number(size) }))
      ),
    /** A chunk is done where its journal has all of its rows; says whether that is so now. */
    finish: (batch: string, chunk: number, failures: number): Effect.Effect<boolean, SqlError> =>
      isOne(
        sql`update ${chunks} set done = 1, failures = ${failures}, content = null
          where batch = ${batch} and chunk = ${chunk}
          and size = (select count(*) from ${rows} where batch = ${journalOf(batch, chunk)}) returning chunk`
      ),
    /** The records of a chunk, in the order of its rows. */
    records: (batch: string, chunk: number): Effect.Effect<ReadonlyArray<string>, SqlError> =>
      Effect.map(
        sql<{ record: string }>`select record from ${rows}
          where batch = ${journalOf(batch, chunk)} order by submit_index`,
        (lines) => lines.map(({ record }) => record)
      ),
    counts: (batch: string): Effect.Effect<Counts, SqlError> => counts(sql, table, batch)
  }
}

/** Rows of chunks that are not done yet are counted one by one: there are few. */
const counts = (sql: SqlClient.SqlClient, table: string, batch: string): Effect.Effect<Counts, SqlError> =>
  Effect.gen(function* () {
    const chunks = sql(`${table}_chunks`)
    const rows = sql(JournalTables.rowsOf(journalTable(table)))
    const [all] = yield* sql<{ [name: string]: number | string | null }>`select
      sum(size) as rows_read, sum(done * size) as rows_done, sum(failures) as failures,
      sum(case when size = 0 then 1 else 0 end) as ends, count(*) as chunks, sum(done) as chunks_done
      from ${chunks} where batch = ${batch}`
    const undone = (yield* sql<{ chunk: number | string }>`select chunk from ${chunks}
      where batch = ${batch} and done = 0`).map(({ chunk }) => journalOf(batch, Number(chunk)))
    const [some] =
      undone.length === 0
        ? []
        : yield* sql<{ some: number | string }>`select count(*) as some from ${rows} where ${sql.in("batch", undone)}`
    const number = (name: string) => Number(all?.[name] ?? 0)
    const ends = number("ends")
    return {
      rows: number("rows_read"),
      isRead: ends > 0,
      done: number("rows_done") + Number(some?.some ?? 0),
      failed: number("failures"),
      chunks: number("chunks") - ends,
      chunksDone: number("chunks_done") - ends
    }
  })
