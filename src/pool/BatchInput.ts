/**
 * What a caller hands in with a batch, checked before anything runs, so that no paid answer is lost by it.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { CapacityError } from "../Capacity.js"
import * as Cost from "../limit/Cost.js"
import { Handle, type BatchHandle } from "./Handle.js"
import type { BufferEntry } from "../order/ReorderBuffer.js"
import * as PoolConfig from "../PoolConfig.js"
import type * as PoolError from "../PoolError.js"
import * as Argument from "../structure/Argument.js"
import type { KeeperOpener } from "./KeeperOpener.js"
import * as CallTurn from "./CallTurn.js"
import * as Source from "./Source.js"
import type { TimerQueue } from "../structure/TimerQueue.js"

/**
 * What an attempt is told about its row.
 *
 * @since 0.1.0
 * @category models
 */
export interface RowContext {
  /** Names the row in an audit trail; never empty. */
  readonly stateId: string
  /** The row's place in the batch, from 0. */
  readonly rowIndex: number
  /** Which attempt this is, from 1. */
  readonly attempt: number
}

/**
 * A row that was read and has no outcome of its own, because the batch ended first.
 *
 * @since 0.2.0
 * @category models
 */
export interface UnfinishedRow<out Row> {
  readonly row: Row
  readonly rowIndex: number
  readonly stateId: string
  /** Attempts that were started. */
  readonly attempts: number
  /** The last rejection; undefined if there was none. */
  readonly lastError: CapacityError | undefined
}

/**
 * Options of one batch.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchOptions<in Row, in A = unknown, in E = unknown, out R = never> {
  /**
   * Names a row in the audit trail; default its index. A name that is empty or no string dies; equal names are allowed.
   */
  readonly stateId?: ((row: Row, rowIndex: number) => string) | undefined
  /** After this time, unfinished rows are interrupted and fail with `BatchTimeoutError`; default none. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * Runs for each entry before it comes out, one after the other; default none. When the batch is interrupted, it also
   * runs for finished rows, which otherwise nobody would get.
   */
  readonly onEntry?: ((entry: BufferEntry<A, PoolError.RowError<E>>) => Effect.Effect<void, never, R>) | undefined
  /**
   * Runs once, at the end of a batch that leaves rows unfinished: because it was interrupted, ran out of time, failed
   * as a whole, or its pool was shut down. It gets the unfinished rows that were read; default none.
   */
  readonly onUnfinished?: ((rows: ReadonlyArray<UnfinishedRow<Row>>) => Effect.Effect<void, never, R>) | undefined
  /**
   * The most that a row takes of the limits that the pool was told. It is set aside at each start, and what was not
   * used is given back. A row that is larger than a limit fails with `CallTooLargeError`. Default one request.
   */
  readonly cost?: ((row: Row, rowIndex: number) => Cost.Cost) | undefined
  /**
   * Priority, tenant and deadline: of all rows, with a deadline counted from when the batch begins; or a function that
   * gives them for each row, with a deadline counted from when the row is read. Rows take turns with those of all other
   * batches, streams and calls of the pool. Entries still come in the order of the rows. Default: the turn of all that
   * say nothing.
   */
  readonly turn?: CallTurn.TurnOptions | ((row: Row, rowIndex: number) => CallTurn.TurnOptions | undefined) | undefined
  /**
   * Shows the progress of the batch, and cancels its rows; made by `PooledExecutor.handle`, one for each batch. Default
   * none.
   */
  readonly handle?: BatchHandle | undefined
}

/**
 * The option of a batch that goes on after a crash. Its journal fails with `KE` and needs `KR`.
 *
 * @since 0.2.0
 * @category models
 */
export interface JournalOption<in Row, in out A, in out E, out KE = never, out KR = never> {
  /**
   * Keeps finished rows when the process ends, and gives them back when the same call is made again: `Journal.batch` of
   * `effect-aimd/journal` makes one. Default none. Its errors end the batch.
   */
  readonly journal?: KeeperOpener<Row, A, PoolError.RowError<E>, KE, KR> | undefined
}

/**
 * Options of a stream: rows are read, and entries are taken, one by one.
 *
 * @since 0.2.0
 * @category models
 */
export interface StreamOptions<in Row, in A = unknown, in E = unknown, out R = never> extends BatchOptions<
  Row,
  A,
  E,
  R
> {
  /** Whether entries come in the order of the rows. If false, each comes as soon as it is ready. Default true. */
  readonly ordered?: boolean | undefined
  /**
   * At most this many rows are read and not yet taken as entries. Default 1,000, or four times `poolSize` if that is
   * more.
   */
  readonly maxPending?: number | undefined
}

/**
 * The default of `maxPending`.
 *
 * @since 0.2.0
 * @category values
 */
export const defaultMaxPending = (poolSize: number): number => Math.max(1000, 4 * poolSize)

const batchNames: ReadonlyArray<string> = [
  "stateId",
  "timeout",
  "onEntry",
  "onUnfinished",
  "cost",
  "turn",
  "handle",
  "journal"
]
const streamNames: ReadonlyArray<string> = [...batchNames, "ordered", "maxPending"]

const functions = {
  stateId: "a function from a row to its name",
  onEntry: "a function from an entry to an Effect",
  onUnfinished: "a function from unfinished rows to an Effect",
  cost: "a function from a row to what it takes",
  journal: "what Journal.batch of effect-aimd/journal returns"
}

/** For what is only checked. */
const anyTime = { now: () => 0, wallNow: () => 0 }

const isMaxPending = (u: unknown): boolean => u === Infinity || (Number.isInteger(u) && Number(u) >= 1)

/** What is wrong with the options: callers without types may hand in anything. */
const wrongOption = (options: unknown, names: ReadonlyArray<string>): Error | undefined => {
  if (options === undefined) return undefined
  if (!Predicate.isRecord(options)) return Argument.refusal("argument options", "an object", options)
  const unknown = Object.keys(options).find((key) => !names.includes(key))
  if (unknown !== undefined) {
    const known = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
    return Argument.refusal(`option ${unknown}`, `only the options ${known}`, options[unknown])
  }
  for (const [name, expected] of Object.entries(functions)) {
    const value = options[name]
    if (value !== undefined && !Predicate.isFunction(value)) return Argument.refusal(`option ${name}`, expected, value)
  }
  const { handle, maxPending, ordered, turn } = options
  const wrongTurn = Predicate.isFunction(turn) ? undefined : CallTurn.read(turn, anyTime, "option turn")
  if (wrongTurn instanceof Error) return wrongTurn
  if (handle !== undefined && !(handle instanceof Handle && !handle.isTaken)) {
    return Argument.refusal("option handle", "a handle that no batch has had, from PooledExecutor.handle", handle)
  }
  if (ordered !== undefined && !Predicate.isBoolean(ordered)) {
    return Argument.refusal("option ordered", "true or false", ordered)
  }
  return maxPending === undefined || isMaxPending(maxPending)
    ? undefined
    : Argument.refusal("option maxPending", "an integer of at least 1", maxPending)
}

// The letters of a string are hardly ever meant, and an Effect is iterable for `yield*` alone.
const isNoRows = (rows: unknown): boolean => Predicate.isString(rows) || Effect.isEffect(rows)

const wrongProcess = (process: unknown): Error | undefined =>
  Predicate.isFunction(process)
    ? undefined
    : Argument.refusal("argument process", "a function that returns an Effect", process)

/**
 * Checks the arguments of a batch: what is wrong with them, or undefined.
 *
 * @since 0.2.0
 * @category checks
 */
export const wrongBatch = (rows: unknown, process: unknown, options: unknown): Error | undefined =>
  isNoRows(rows) || !Predicate.isIterable(rows)
    ? Argument.refusal("argument rows", "an iterable of rows, such as an array", rows)
    : (wrongProcess(process) ?? wrongOption(options, batchNames))

/**
 * Checks the arguments of a stream: what is wrong with them, or undefined.
 *
 * @since 0.2.0
 * @category checks
 */
export const wrongStream = (rows: unknown, process: unknown, options: unknown): Error | undefined =>
  isNoRows(rows) || !Source.isRows(rows)
    ? Argument.refusal("argument rows", "rows: a Stream, an iterable or an async iterable", rows)
    : (wrongProcess(process) ?? wrongOption(options, streamNames))

/**
 * The time limit of a batch, checked: dies if it is no duration.
 *
 * @since 0.2.0
 * @category checks
 */
export const timeoutOf = ({ timeout }: Pick<BatchOptions<never>, "timeout"> = {}): Effect.Effect<
  Duration.Duration | undefined
> => (timeout === undefined ? Effect.succeed(undefined) : PoolConfig.makeDuration("timeout", timeout))

/**
 * The names of rows, the first of which has this index; undefined where each is its row's index. Throws what is wrong, and
 * lets through what `stateId` throws: inside an Effect both are defects.
 *
 * @since 0.2.0
 * @category reading
 */
export const stateIdsOf = <Row>(
  rows: ReadonlyArray<Row>,
  stateId: BatchOptions<Row>["stateId"],
  first: number
): ReadonlyArray<string> | undefined => {
  if (stateId === undefined) return undefined
  const stateIds = rows.map((row, i) => stateId(row, first + i))
  const nameless = stateIds.findIndex((name: unknown) => !Predicate.isString(name) || name === "")
  if (nameless >= 0) {
    throw Argument.refusal(`stateId of row ${first + nameless}`, "a non-empty string", stateIds[nameless])
  }
  return stateIds
}

/**
 * What rows take, the first of which has this index; undefined where nobody says. Throws what is wrong, and lets through what
 * `cost` throws: inside an Effect both are defects.
 *
 * @since 0.2.0
 * @category reading
 */
export const weightsOf = <Row>(
  rows: ReadonlyArray<Row>,
  cost: BatchOptions<Row>["cost"],
  first: number
): Cost.Weights | undefined => {
  if (cost === undefined) return undefined
  const weights = new Cost.Weights(rows.length)
  rows.forEach((row, i) => weights.set(i, Cost.weigh(cost(row, first + i), "cost", first + i)))
  return weights
}

/**
 * The turns of rows, the first of which has this index; undefined where all have the same. Throws what is wrong, and lets
 * through what `turn` throws: inside an Effect both are defects.
 *
 * @since 0.2.0
 * @category reading
 */
export const turnsOf = <Row>(
  rows: ReadonlyArray<Row>,
  turn: BatchOptions<Row>["turn"],
  first: number,
  timers: TimerQueue
): CallTurn.Tolds | undefined => {
  if (!Predicate.isFunction(turn)) return undefined
  // They are read at one instant.
  const [now, wallNow] = [timers.now(), timers.wallNow()]
  const clocks = { now: () => now, wallNow: () => wallNow }
  const tolds = new CallTurn.Tolds(rows.length)
  rows.forEach((row, i) => {
    const told = CallTurn.read(turn(row, first + i), clocks, "turn", first + i)
    if (told instanceof Error) throw told
    if (told !== undefined) tolds.set(i, told)
  })
  return tolds
}
