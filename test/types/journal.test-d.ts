import { expectTypeOf, test } from "@effect/vitest"
import { Schema, Stream, type Effect } from "effect"
import { type Capacity, type PoolError, PooledExecutor, type ReorderBuffer } from "effect-aimd"
import { Journal, type JournalError } from "effect-aimd/journal"

class Refused extends Schema.TaggedError<Refused>()("Refused", { status: Schema.Number }) {}

declare const pool: PooledExecutor.PooledExecutor
declare const call: Effect.Effect<string, Refused>
declare const busy: Effect.Effect<string, Capacity.CapacityError>

test("journal: its errors and its store join those of the batch", () => {
  const journal = Journal.batch<number, string, string, Refused, typeof Refused.Encoded>({
    id: "x",
    success: Schema.String,
    failure: Refused
  })
  expectTypeOf(pool.executeBatch([1], () => call, { journal })).toEqualTypeOf<
    Effect.Effect<
      PooledExecutor.BatchResult<string, PoolError.RowError<Refused>>,
      PoolError.PoolShutdownError | JournalError.JournalError,
      Journal.Journal
    >
  >()
  expectTypeOf(pool.stream([1], () => call, { journal })).toEqualTypeOf<
    Stream.Stream<
      ReorderBuffer.BufferEntry<string, PoolError.RowError<Refused>>,
      PoolError.StopError | JournalError.JournalError,
      Journal.Journal
    >
  >()
})

test("journal: what rows are and end with is inferred", () => {
  const inferred = pool.executeBatch([1], () => call, {
    journal: Journal.batch({
      id: "x",
      success: Schema.String,
      failure: Refused,
      rowFingerprint: (row) => row.toFixed(),
      retry: (cause) => cause._tag === "Die"
    })
  })
  expectTypeOf(inferred).toEqualTypeOf<
    Effect.Effect<
      PooledExecutor.BatchResult<string, PoolError.RowError<Refused>>,
      PoolError.PoolShutdownError | JournalError.JournalError,
      Journal.Journal
    >
  >()
  // @ts-expect-error rows fail with Refused, and nothing says how that is written
  pool.executeBatch([1], () => call, { journal: Journal.batch({ id: "x", success: Schema.String }) })
  // @ts-expect-error rows succeed with a string
  pool.executeBatch([1], () => call, { journal: Journal.batch({ id: "x", success: Schema.Number, failure: Refused }) })
})

test("journal: a want of capacity is the pool's, and needs no schema", () => {
  void pool.executeBatch([1], () => busy, { journal: Journal.batch({ id: "x", success: Schema.String }) })
  const mapped = PooledExecutor.mapRows(pool, () => busy, {
    journal: Journal.batch({ id: "x", success: Schema.String })
  })
  void Stream.runDrain(mapped(Stream.make(1)))
})
