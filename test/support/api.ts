/** An API whose answers a test writes down, and short words for what became of its callers. */
import { Capacity, type PooledExecutor, type ReorderBuffer } from "effect-aimd"
import { Cause, Clock, Data, Duration, Effect, Exit, Option } from "effect"

/** The caller's own error: the pool must leave it alone. */
export class Refused extends Data.TaggedError("Refused")<{ readonly code: number }> {}

/** Succeeds with the value after so many milliseconds. */
export const ok = (millis = 0, value = "ok"): Effect.Effect<string> => Effect.delay(Effect.succeed(value), millis)

/** Is rejected after so many milliseconds. */
export const busy = (
  millis = 0,
  { retryAfter, status = 429 }: { readonly retryAfter?: Duration.DurationInput; readonly status?: number } = {}
): Effect.Effect<never, Capacity.CapacityError> =>
  Effect.delay(
    Effect.suspend(() =>
      Effect.fail(
        new Capacity.CapacityError(
          retryAfter === undefined ? { status } : { status, retryAfter: Duration.decode(retryAfter) }
        )
      )
    ),
    millis
  )

/** Fails with the caller's own error after so many milliseconds. */
export const refused = (millis = 0, code = 400): Effect.Effect<never, Refused> =>
  Effect.delay(
    Effect.suspend(() => Effect.fail(new Refused({ code }))),
    millis
  )

/** Dies after so many milliseconds. */
export const broken = (millis = 0, message = "kaboom"): Effect.Effect<never> =>
  Effect.delay(
    Effect.suspend(() => Effect.die(new Error(message))),
    millis
  )

/** What an API has seen: instants in milliseconds of virtual time. */
export interface Seen {
  readonly starts: Array<readonly [at: number, row: number]>
  readonly ends: Array<readonly [at: number, row: number, outcome: string]>
  running: number
  mostRunning: number
}

/**
 * Answers each call of a row with what `answers` says for it; `call` is a `process` for `executeBatch`, and runs a single
 * call for `execute`.
 */
export const makeApi = <A, E, R>(answers: (row: number, attempt: number) => Effect.Effect<A, E, R>) => {
  const attempts = new Map<number, number>()
  const seen: Seen = { starts: [], ends: [], running: 0, mostRunning: 0 }
  const call = (row: number): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      seen.starts.push([yield* Clock.currentTimeMillis, row])
      seen.running += 1
      seen.mostRunning = Math.max(seen.mostRunning, seen.running)
      const attempt = (attempts.get(row) ?? 0) + 1
      attempts.set(row, attempt)
      return yield* answers(row, attempt)
    }).pipe(
      Effect.onExit((exit) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          seen.running -= 1
          seen.ends.push([now, row, outcome(exit)])
        })
      )
    )
  return { ...seen, seen, call }
}

export type Answer = Effect.Effect<unknown, Capacity.CapacityError | Refused>

/** The answers of each row in turn; the last one stays. */
export const script =
  (rows: ReadonlyArray<ReadonlyArray<Answer>>) =>
  (row: number, attempt: number): Answer =>
    rows[row]?.[Math.min(attempt, rows[row].length) - 1] ?? Effect.dieMessage(`no answer for row ${row}`)

export const range = (length: number): Array<number> => Array.from({ length }, (_, i) => i)

/** One word for an outcome: the value, the error's tag, or what went wrong. */
export const outcome = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return String(exit.value)
  const error = Cause.failureOption(exit.cause)
  if (Option.isSome(error)) return tagOf(error.value)
  const defect = Cause.dieOption(exit.cause)
  return Option.isSome(defect) ? `died: ${messageOf(defect.value)}` : "interrupted"
}

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : String(error)

const messageOf = (defect: unknown): string => (defect instanceof Error ? defect.message : String(defect))

type Entry = ReorderBuffer.BufferEntry<unknown, unknown>

export const outcomes = ({ entries }: { readonly entries: ReadonlyArray<Entry> }): Array<string> =>
  entries.map((entry) => outcome(entry.exit))

/** The errors of the rows that failed. */
export const failures = <E>({ entries }: { readonly entries: ReadonlyArray<ReorderBuffer.BufferEntry<unknown, E>> }) =>
  entries.flatMap(({ exit }) => (Exit.isFailure(exit) ? Option.toArray(Cause.failureOption(exit.cause)) : []))

/** One field of each entry, durations as milliseconds. */
export const field = (
  { entries }: { readonly entries: ReadonlyArray<Entry> },
  name: Exclude<keyof Entry, "exit" | "usage">
): Array<number | string | undefined> =>
  entries.map((entry) => {
    const value = entry[name]
    return Duration.isDuration(value) ? Duration.toMillis(value) : value
  })

/** A duration record as milliseconds, so that whole records compare. */
export const millis = (duration: Duration.Duration): number => Duration.toMillis(duration)

/** Nothing runs, nothing waits: all permits are back. */
export const isQuiet = (pool: PooledExecutor.PooledExecutor): Effect.Effect<boolean> =>
  Effect.map(Effect.all([pool.stats, pool.pendingCount]), ([stats, pending]) => stats.inFlight === 0 && pending === 0)
