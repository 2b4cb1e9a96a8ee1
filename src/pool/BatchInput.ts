/**
 * What a caller hands in with a batch, checked and read before anything runs, so that no paid answer is lost by it.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Argument from "../structure/Argument.js"

/**
 * Options of one batch.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchOptions<in Row> {
  /** Names a row in the audit trail; default its index. An empty name dies before anything runs; equal names are allowed. */
  readonly stateId?: ((row: Row, rowIndex: number) => string) | undefined
  /** What is unfinished after this time is interrupted and fails with `BatchTimeoutError`; default none. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * A batch whose rows are all there and have their names.
 *
 * @since 0.2.0
 * @category models
 */
export interface BatchInput<out Row> {
  readonly rows: ReadonlyArray<Row>
  /** The name of each row, at the same index. */
  readonly stateIds: ReadonlyArray<string>
}

const names: ReadonlyArray<string> = ["stateId", "timeout"]

/** What is wrong with the arguments themselves: callers without types may hand in anything. */
const wrongArgument = (rows: unknown, process: unknown, options: unknown): Error | undefined => {
  // The letters of a string are hardly ever meant, and an Effect is iterable for `yield*` alone.
  if (Predicate.isString(rows) || !Predicate.isIterable(rows) || Effect.isEffect(rows)) {
    return Argument.refusal("argument rows", "an iterable of rows, such as an array", rows)
  }
  if (!Predicate.isFunction(process)) {
    return Argument.refusal("argument process", "a function that returns an Effect", process)
  }
  if (options === undefined) return undefined
  if (!Predicate.isRecord(options)) return Argument.refusal("argument options", "an object", options)
  const unknown = Object.keys(options).find((key) => !names.includes(key))
  if (unknown !== undefined) {
    return Argument.refusal(`option ${unknown}`, `only the options ${names.join(" and ")}`, options[unknown])
  }
  const { stateId } = options
  return stateId === undefined || Predicate.isFunction(stateId)
    ? undefined
    : Argument.refusal("option stateId", "a function from a row to its name", stateId)
}

/**
 * Reads the rows and their names. Throws what is wrong, and lets through what the caller's own iterator or `stateId`
 * throws: inside an Effect both are defects.
 *
 * @since 0.2.0
 * @category constructors
 */
export const read = <Row>(
  rows: Iterable<Row>,
  process: unknown,
  options: BatchOptions<Row> | undefined
): BatchInput<Row> => {
  const wrong = wrongArgument(rows, process, options)
  if (wrong !== undefined) throw wrong
  const list = Array.from(rows)
  const stateIds = list.map(options?.stateId ?? ((_, rowIndex) => String(rowIndex)))
  const nameless = stateIds.findIndex((stateId: unknown) => !Predicate.isString(stateId) || stateId === "")
  if (nameless >= 0) throw Argument.refusal(`stateId of row ${nameless}`, "a non-empty string", stateIds[nameless])
  return { rows: list, stateIds }
}
