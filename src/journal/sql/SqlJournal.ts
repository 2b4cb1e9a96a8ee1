/**
 * Journals in a database, through the `SqlClient` of `@effect/sql`: SQLite, libSQL or PostgreSQL.
 *
 * There are two tables, which are made if they do not exist. One has a line for each batch, with the process that works
 * on it. The other has a line for each finished row. A group of rows is written in one transaction, which also finds
 * out if another process has taken the batch over. In SQLite and libSQL it is one statement, which is a transaction by
 * itself.
 *
 * @since 0.2.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Header from "../Header.js"
import { JournalError } from "../JournalError.js"
import * as Lease from "../Lease.js"
import { Journal, type Header as BatchHeader, type Learned, type Opened, type Record } from "../Store.js"
import * as Tables from "./Tables.js"

/**
 * Options of the tables.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Lease.Options {
  /**
   * The name of the table of batches; the table of rows has the same name with `_rows` after it. Default
   * `"effect_aimd_journal"`.
   */
  readonly table?: string | undefined
}

/** Rows of one statement: a database takes so many values at once. */
const most = 500

/** Milliseconds between two groups. */
const breath = 1

/** A database may be busy for a moment, or lose a connection: a group is written again, which changes nothing. */
const again = Schedule.intersect(Schedule.exponential("50 millis"), Schedule.recurs(5))

/**
 * Keeps journals in the database of the context.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Journal, never, SqlClient.SqlClient> =>
  Layer.effect(
    Journal,
    Effect.map(SqlClient.SqlClient, (client): Journal => {
      const heartbeat = Lease.heartbeatOf(options)
      const tables = tablesOf(client.withoutTransforms(), options.table ?? "effect_aimd_journal")
      return { open: (header) => open(tables, header, heartbeat) }
    })
  )

interface Claim {
  readonly header: string
  readonly owner: string | null
  /** Some clients give whole numbers as text. */
  readonly beat: number | string
  readonly learned: string | null
}

/** The statements; each is safe to run twice. */
const tablesOf = (sql: SqlClient.SqlClient, table: string) => {
  const batches = sql(table)
  const rows = sql(Tables.rowsOf(table))
  const beat = (batch: string, owner: string) =>
    isOne(sql`update ${batches} set beat = beat + 1 where batch = ${batch} and owner = ${owner} returning batch`)
  return {
    create: Tables.create(sql, table),
    enter: (batch: string, header: string) =>
      sql`insert into ${batches} ${sql.insert({ batch, header, owner: null, beat: 0, learned: null })}
        on conflict (batch) do nothing`,
    claim: (batch: string) =>
      Effect.map(
        sql<Claim>`select header, owner, beat, learned from ${batches} where batch = ${batch}`,
        ([first]) => first
      ),
    take: (batch: string, owner: string, from: string | null) =>
      isOne(
        from === null
          ? sql`update ${batches} set owner = ${owner} where batch = ${batch} and owner is null returning batch`
          : sql`update ${batches} set owner = ${owner} where batch = ${batch} and owner = ${from} returning batch`
      ),
    beat,
    leave: (batch: string, owner: string) =>
      sql`update ${batches} set owner = null where batch = ${batch} and owner = ${owner}`,
    isEmpty: (batch: string) =>
      Effect.map(sql`select 1 as one from ${rows} where batch = ${batch} limit 1`, (found) => found.length === 0),
    find: (batch: string, stateIds: ReadonlyArray<string>) =>
      sql<{ state_id: string; record: string }>`select state_id, record from ${rows}
        where batch = ${batch} and ${sql.in("state_id", stateIds)}`,
    /** Writes a group where the batch is the owner's; tells whether it is. */
    append: appending(sql, table, beat)
  }
}

/** Of a batch whose owner is somebody else nothing is written. */
const appending = (
  sql: SqlClient.SqlClient,
  table: string,
  beat: (batch: string, owner: string) => Effect.Effect<boolean, SqlError>
) => {
  const batches = sql(table)
  const rows = sql(Tables.rowsOf(table))
  const values = (batch: string, records: ReadonlyArray<Record>) =>
    sql.csv(
      records.map((record) => sql`(${batch}, ${record.stateId}, ${record.submitIndex}, ${JSON.stringify(record)})`)
    )
  const replacing = sql.literal(
    "on conflict (batch, state_id) do update set submit_index = excluded.submit_index, record = excluded.record"
  )
  const learn = (batch: string, owner: string, learned: Learned | undefined) =>
    learned === undefined
      ? Effect.void
      : sql`update ${batches} set learned = ${JSON.stringify(learned)} where batch = ${batch} and owner = ${owner}`
  type Append = (
    batch: string,
    owner: string,
    records: ReadonlyArray<Record>,
    learned: Learned | undefined
  ) => Effect.Effect<boolean, SqlError>

  /** Each statement is a transaction by itself: that is faster, for a client of libSQL opens the file anew after one of many. */
  const bySingle: Append = (batch, owner, records, learned) =>
    Effect.gen(function* () {
      if (records.length === 0 && !(yield* beat(batch, owner))) return false
      for (const group of groupsOf(records)) {
        const written = yield* sql`insert into ${rows} (batch, state_id, submit_index, record)
          select * from (values ${values(batch, group)})
          where exists (select 1 from ${batches} where batch = ${batch} and owner = ${owner})
          ${replacing} returning 1 as one`
        if (written.length === 0) return false
      }
      yield* learn(batch, owner, learned)
      return true
    })

  const byTransaction: Append = (batch, owner, records, learned) =>
    sql.withTransaction(
      Effect.gen(function* () {
        if (!(yield* beat(batch, owner))) return false
        for (const group of groupsOf(records)) {
          yield* sql`insert into ${rows} (batch, state_id, submit_index, record)
            values ${values(batch, group)} ${replacing}`
        }
        yield* learn(batch, owner, learned)
        return true
      })
    )
  return sql.onDialectOrElse({ sqlite: () => bySingle, orElse: () => byTransaction })
}

type Statements = ReturnType<typeof tablesOf>

const isOne = <E>(changed: Effect.Effect<ReadonlyArray<unknown>, E>) =>
  Effect.map(changed, ({ length }) => length === 1)

/** The words of a driver stand below its error. */
const wordsOf = (error: unknown): string =>
  Predicate.hasProperty(error, "cause") && Predicate.isError(error.cause) ? error.cause.message : String(error)

const open = (
  tables: Statements,
  header: BatchHeader,
  heartbeat: Duration.Duration
): Effect.Effect<Opened, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    const { batch } = header
    const failure = (reason: "Read" | "Write", verb: string) => (cause: SqlError) =>
      new JournalError({ reason, journal: batch, detail: `it cannot be ${verb}: ${wordsOf(cause)}`, cause })
    const reading = Effect.mapError(failure("Read", "read"))
    const writing = Effect.mapError(failure("Write", "written"))

    // Two that make the same table at once: one of them fails, and finds it there the next time.
    yield* writing(Effect.retry(tables.create, again))
    yield* writing(Effect.retry(tables.enter(batch, Header.line(header)), again))
    const claim = yield* reading(tables.claim(batch))
    if (claim === undefined) return yield* Lease.inUse(batch, "another process has removed it")
    const wrong = Header.mismatch(claim.header, header, batch)
    if (wrong !== undefined) return yield* wrong
    const owner = yield* hold(tables, batch, heartbeat)
    const isEmpty = yield* reading(tables.isEmpty(batch))

    return {
      name: batch,
      isEmpty,
      learned: claim.learned === null ? undefined : learnedOf(claim.learned),
      find: (stateIds) =>
        Effect.gen(function* () {
          const records = new Map<string, unknown>()
          for (const group of groupsOf(stateIds)) {
            for (const found of yield* reading(tables.find(batch, group))) {
              records.set(found.state_id, parse(found.record))
            }
          }
          return stateIds.map((stateId) => records.get(stateId))
        }),
      append: (records, learned) =>
        tables.append(batch, owner, records, learned).pipe(
          Effect.retry(again),
          writing,
          Effect.filterOrElse(
            (isHeld) => isHeld,
            () => Lease.inUse(batch)
          ),
          Effect.asVoid,
          // A database in the process lets nothing else run while it writes: rows that are done meanwhile form a group now.
          Effect.zipLeft(Effect.sleep(breath))
        )
    }
  })

/** What is no JSON is no record, but something is there. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const learnedOf = (text: string): Learned | undefined => {
  const learned = parse(text)
  return Predicate.isRecord(learned) && Predicate.isString(learned.law)
    ? { law: learned.law, limits: learned.limits }
    : undefined
}

const groupsOf = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / most) }, (_, i) => items.slice(i * most, (i + 1) * most))

/** Takes hold of the batch; returns the name under which it is held. */
const hold = (
  tables: Statements,
  batch: string,
  heartbeat: Duration.Duration
): Effect.Effect<string, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    const owner = yield* Lease.token
    const claim = tables.claim(batch)
    const look = Effect.map(claim, (found) =>
      found === undefined || found.owner === null ? undefined : `${found.owner} ${found.beat}`
    )
    const take = (from: string | null) =>
      Effect.acquireRelease(tables.take(batch, owner, from), (taken) =>
        taken ? Effect.ignore(tables.leave(batch, owner)) : Effect.void
      )
    const held = (yield* claim)?.owner ?? null
    const taken = held === null || (yield* Lease.isAbandoned(look, heartbeat)) ? yield* take(held) : yield* take(null)
    if (!taken) return yield* Lease.inUse(batch)
    yield* Lease.beat(tables.beat(batch, owner), heartbeat)
    return owner
  }).pipe(
    Effect.catchTag(
      "SqlError",
      (cause) =>
        new JournalError({ reason: "Write", journal: batch, detail: `it cannot be written: ${wordsOf(cause)}`, cause })
    )
  )
