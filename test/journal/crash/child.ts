/** A process that does a batch against a loopback server, with a journal, and is killed somewhere in the middle. */
import { appendFileSync } from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { LibsqlClient } from "@effect/sql-libsql"
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, Layer, Redacted, Schema } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"
import { FileJournal, Journal } from "effect-aimd/journal"
import { SqlJournal } from "effect-aimd/journal/sql"

/** What the parent says: in the environment, as JSON. */
export interface Orders {
  readonly store: "file" | "libsql" | "pg"
  /** The file, or the URL of the database. */
  readonly at: string
  readonly batch: string
  readonly url: string
  readonly run: number
  readonly rows: number
  readonly poolSize: number
  /** Where the results go when all is done. */
  readonly results: string
}

const orders = JSON.parse(process.env["ORDERS"] ?? "{}") as Orders

const journal = (): Layer.Layer<Journal.Journal> => {
  switch (orders.store) {
    case "file":
      return FileJournal.layer(orders.at).pipe(Layer.provide(NodeFileSystem.layer))
    case "libsql":
      return SqlJournal.layer({ heartbeat: "20 millis" }).pipe(
        Layer.provide(LibsqlClient.layer({ url: `file:${orders.at}` }))
      )
    case "pg":
      return SqlJournal.layer({ heartbeat: "20 millis" }).pipe(
        Layer.provide(Layer.orDie(PgClient.layer({ url: Redacted.make(orders.at) })))
      )
  }
}

const ask = (row: number, key: string) =>
  Effect.gen(function* () {
    const headers = { "idempotency-key": key, run: String(orders.run) }
    const response = yield* Effect.promise((signal) => fetch(`${orders.url}/${row}`, { headers, signal }))
    const text = yield* Effect.promise(() => response.text())
    if (response.status === 200) return Number(text)
    if (response.status !== 400) return yield* new Capacity.CapacityError({ status: response.status })
    return yield* Effect.fail(text)
  })

const program = Effect.gen(function* () {
  // The server says "not now" for no reason: a law that looks for one would only slow the killing down.
  const pool = yield* PooledExecutor.make({
    poolSize: orders.poolSize,
    control: "delay",
    maxDispatchDelay: "2 millis"
  })
  const rows = Array.from({ length: orders.rows }, (_, i) => i)
  const { entries } = yield* pool.executeBatch(rows, (row, { stateId }) => ask(row, stateId), {
    stateId: (row) => `row-${row}`,
    journal: Journal.batch({ id: orders.batch, success: Schema.Number, failure: Schema.String })
  })
  return entries.map(({ exit, stateId, submitIndex }) => [
    submitIndex,
    stateId,
    Exit.match(exit, { onSuccess: (value): unknown => value, onFailure: () => "failed" })
  ])
}).pipe(Effect.scoped, Effect.provide(journal()))

const exit = await Effect.runPromiseExit(program)
if (Exit.isFailure(exit)) {
  console.error(String(exit.cause))
  process.exit(1)
}
appendFileSync(orders.results, JSON.stringify(exit.value))
process.exit(0)
