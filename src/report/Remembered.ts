/**
 * What is worth showing of many rows and many decisions: the slowest, examples of what failed, each kind of reason once.
 * Bounded, however long a run is.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import type { BufferEntry } from "../order/ReorderBuffer.js"
import type * as PoolStats from "../PoolStats.js"

/**
 * A row that is shown by itself; times in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface SlowRow {
  readonly stateId: string
  /** When its first attempt started, in epoch milliseconds. */
  readonly startedAt: number
  /** From then until it ended. */
  readonly took: number
  /** How much of that it waited after rejections. */
  readonly waited: number
  readonly attempts: number
  /** The kind of its failure; undefined for a success. */
  readonly failure: string | undefined
}

/**
 * A kind of failure: the `_tag` or the name of the error.
 *
 * @since 0.2.0
 * @category models
 */
export interface Failure {
  readonly kind: string
  readonly rows: number
  /** The first rows that failed so, each with another message as far as there are any. */
  readonly examples: ReadonlyArray<{ readonly stateId: string; readonly message: string; readonly attempts: number }>
}

/**
 * Decisions of the law for the same reason, figures apart.
 *
 * @since 0.2.0
 * @category models
 */
export interface Finding {
  /** The reason of the first of them, and of the last. */
  readonly reasons: readonly [first: string, last: string]
  /** When they were made, in epoch milliseconds. */
  readonly first: number
  readonly last: number
  readonly times: number
  /** What the last of them decided. */
  readonly window: number
  /** Starts a second; undefined where nothing limits them. */
  readonly pace: number | undefined
}

const slowestKept = 20
const kindsKept = 30
const examplesKept = 3
const longest = { name: 120, message: 300 }

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`)

/**
 * What a row failed with, in words; undefined for a success.
 *
 * @since 0.2.0
 * @category formatting
 */
export const failureOf = (
  exit: Exit.Exit<unknown, unknown>
): { readonly kind: string; readonly message: string } | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  const kind = Predicate.hasProperty(error, "_tag")
    ? String(error._tag)
    : error instanceof Error
      ? error.name
      : Cause.isDie(exit.cause)
        ? "Defect"
        : "Error"
  const message = error instanceof Error ? error.message : Inspectable.toStringUnknown(error)
  return { kind: cut(kind, longest.name), message: cut(message, longest.message) }
}

/**
 * Makes a memory of the rows that took longest from their first start.
 *
 * @since 0.2.0
 * @category constructors
 */
export const slowest = () => {
  /** The slowest first. */
  const rows: Array<SlowRow> = []
  return {
    add: ({ attempts, completedAt, exit, startedAt, stateId, throttleWait }: BufferEntry<unknown, unknown>): void => {
      const took = completedAt - startedAt
      const least = rows.at(-1)
      if (rows.length === slowestKept && least !== undefined && took <= least.took) return
      if (rows.length === slowestKept) rows.pop()
      const place = rows.findIndex((row) => row.took < took)
      rows.splice(place < 0 ? rows.length : place, 0, {
        stateId: cut(stateId, longest.name),
        startedAt,
        took,
        waited: Duration.toMillis(throttleWait),
        attempts,
        failure: failureOf(exit)?.kind
      })
    },
    snapshot: (): ReadonlyArray<SlowRow> => [...rows]
  }
}

/** A map that puts what is too much under one name. */
const bounded = <A>(others: string) => {
  const kinds = new Map<string, A>()
  return {
    kinds,
    update: (kind: string, change: (last: A | undefined) => A): void => {
      const key = kinds.has(kind) || kinds.size < kindsKept ? kind : others
      kinds.set(key, change(kinds.get(key)))
    }
  }
}

/**
 * Makes a memory of the kinds of failure, the rarest under one name where there are many.
 *
 * @since 0.2.0
 * @category constructors
 */
export const failures = () => {
  const others = "other kinds"
  const { kinds, update } = bounded<Omit<Failure, "kind">>(others)
  return {
    add: ({ attempts, exit, stateId }: BufferEntry<unknown, unknown>): void => {
      const failure = failureOf(exit)
      if (failure === undefined) return
      const { kind, message } = failure
      update(kind, ({ examples, rows } = { rows: 0, examples: [] }) => ({
        rows: rows + 1,
        examples:
          examples.length < examplesKept && examples.every((example) => example.message !== message)
            ? [...examples, { stateId: cut(stateId, longest.name), message, attempts }]
            : examples
      }))
    },
    snapshot: (): ReadonlyArray<Failure> =>
      [...kinds].map(([kind, rest]) => ({ kind, ...rest })).sort((a, b) => b.rows - a.rows)
  }
}

/**
 * How many starts a second a law allows, by its spacing and by its limit of starts in a period; undefined where neither is.
 *
 * @since 0.2.0
 * @category formatting
 */
export const paceOf = (spacing: number, starts: PoolStats.Change["starts"]): number | undefined => {
  const pace = Math.min(
    spacing > 0 ? 1000 / spacing : Infinity,
    starts === undefined ? Infinity : (starts.limit / starts.period) * 1000
  )
  return pace === Infinity ? undefined : pace
}

/**
 * Makes a memory of the reasons of a law.
 *
 * @since 0.2.0
 * @category constructors
 */
export const findings = () => {
  const { kinds, update } = bounded<Finding>("other reasons")
  return {
    add: ({ at, reason, spacing, starts, window }: PoolStats.Change): void =>
      update(reason.replace(/\d+([.,]\d+)*/g, "0"), (before) => ({
        reasons: [before?.reasons[0] ?? reason, reason],
        first: before?.first ?? at,
        last: at,
        times: (before?.times ?? 0) + 1,
        window,
        pace: paceOf(spacing, starts)
      })),
    snapshot: (): ReadonlyArray<Finding> => [...kinds.values()]
  }
}
