/** A keeper without a pool, and what a test says of errors. */
import { Duration, Effect, Exit, Schema } from "effect"
import type { ReorderBuffer } from "effect-aimd"
import { Journal, JournalError } from "effect-aimd/journal"

/** A row that ended, as a batch hands it over. */
export const entryOf = <A, E>(
  rowIndex: number,
  exit: Exit.Exit<A, E>,
  stateId = String(rowIndex)
): ReorderBuffer.BufferEntry<A, E> => ({
  submitIndex: rowIndex,
  completeIndex: rowIndex,
  stateId,
  exit,
  submittedAt: 1,
  startedAt: 2,
  completedAt: 3,
  bufferWait: Duration.zero,
  throttleWait: Duration.millis(4),
  attempts: 1
})

/** A pool that learns nothing. */
export const noMind = { law: "none", learned: () => undefined, learn: () => undefined }

export const letters = Journal.batch<string, string, string>({ id: "letters", success: Schema.String })

export const keptRows = (rows: ReadonlyArray<string>) =>
  rows.map((row, rowIndex) => ({ row, rowIndex, stateId: String(rowIndex) }))

/** Records the rows from an index on, each with itself as its result. */
export const record = (rows: ReadonlyArray<string>, from = 0) =>
  Effect.gen(function* () {
    const keeper = yield* letters(noMind)
    yield* keeper.recall(keptRows(rows))
    yield* keeper.commit(rows.map((row, i) => entryOf(i, Exit.succeed(row.toUpperCase()))).slice(from))
  }).pipe(Effect.scoped)

/** What a journal says of rows: their results, or undefined. */
export const recall = (rows: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const keeper = yield* letters(noMind)
    const outcomes = yield* keeper.recall(keptRows(rows))
    return outcomes.map((outcome) => outcome && Exit.getOrElse(outcome.exit, () => "failed"))
  }).pipe(Effect.scoped)

/** How a program fails with a journal: the reason and the message. */
export const trouble = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<string, string, R> =>
  Effect.flip(program).pipe(
    Effect.mapError(() => "it did not fail"),
    Effect.map((error) =>
      error instanceof JournalError.JournalError ? `${error.reason}: ${error.message}` : String(error)
    )
  )
