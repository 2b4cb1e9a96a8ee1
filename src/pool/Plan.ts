/**
 * What a batch is to do, and what is said of its rows as they are read.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Weights } from "../limit/Cost.js"
import type { Outcome } from "../order/ReorderBuffer.js"
import type * as PoolError from "../PoolError.js"
import type { Admission } from "./Admission.js"
import type * as Attempt from "./Attempt.js"
import * as BatchInput from "./BatchInput.js"
import * as CallTurn from "./CallTurn.js"
import type * as Insider from "./Insider.js"
import type { Keeper } from "./Keeper.js"
import * as Limiter from "./Limiter.js"

/**
 * What a batch is to do. `F` is all that it can fail with as a whole.
 *
 * @since 0.2.0
 * @category models
 */
export interface Plan<Row, A, E, R, F> {
  readonly admission: Admission
  readonly process: (row: Row, context: BatchInput.RowContext) => Effect.Effect<A, E, R>
  readonly options: BatchInput.BatchOptions<Row, A, E, R>
  readonly timeout: Duration.Duration | undefined
  /** Whether the first failure ends it. */
  readonly isFailFast: boolean
  readonly ordered: boolean
  /** Rows that are read and whose entries are not read, at most. */
  readonly maxPending: number
  readonly keeper: Keeper<Row, A, PoolError.RowError<E>, F> | undefined
  /** How it ends where it is stopped before all rows were read. */
  readonly endOfStop: (error: PoolError.StopError) => Exit.Exit<void, F>
}

/**
 * What a batch has of the fiber that opened it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Opener<R> {
  readonly restore: Attempt.Restore
  /** Closes last. */
  readonly scope: Scope.CloseableScope
  readonly fork: <E>(effect: Effect.Effect<void, E, R>) => Fiber.RuntimeFiber<void, E>
  readonly isTraced: boolean
  readonly outer: Insider.Insider | undefined
}

/**
 * The turn of all rows, where one is told for all of them. Throws what is wrong with it.
 *
 * @since 0.2.0
 * @category reading
 */
export const turnOfAll = <Row, A, E, R, F>({
  admission,
  options
}: Plan<Row, A, E, R, F>): CallTurn.Told | undefined => {
  if (options.turn === undefined || typeof options.turn === "function") return undefined
  const turn = CallTurn.read(options.turn, admission.timers, "option turn")
  if (turn instanceof Error) throw turn
  return turn
}

/**
 * Whether rows take turns one by one: each says its own, or is looked at by itself since it may be refused.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isInTurn = <Row, A, E, R, F>(
  { options }: Plan<Row, A, E, R, F>,
  turn: CallTurn.Told | undefined
): boolean => typeof options.turn === "function" || (turn !== undefined && turn.dueAt < Infinity)

/**
 * What is said of rows; undefined where nothing is.
 *
 * @since 0.2.0
 * @category models
 */
export interface Said {
  readonly stateIds: ReadonlyArray<string> | undefined
  readonly weights: Weights | undefined
  readonly turns: CallTurn.Tolds | undefined
}

/**
 * Asks for what is said of rows, the first of which has this index. Throws what is wrong.
 *
 * @since 0.2.0
 * @category reading
 */
export const saidOf = <Row, A, E, R, F>(
  { admission, options }: Plan<Row, A, E, R, F>,
  rows: ReadonlyArray<Row>,
  first: number
): Said => {
  const stateIds = BatchInput.stateIdsOf(rows, options.stateId, first)
  const weights = BatchInput.weightsOf(rows, options.cost, first)
  const turns = BatchInput.turnsOf(rows, options.turn, first, admission.timers)
  for (const limiter of admission.limiters) {
    if (limiter.purse === undefined) continue
    rows.forEach((_, i) => limiter.checkPrice(weights?.at(i), `cost of row ${first + i}`))
  }
  return { stateIds, weights, turns }
}

/** Whether all rows are known to be smaller than any limit. A budget counts in money, and each model has its price. */
const fitAll = (limiters: Admission["limiters"], { largest }: Weights): boolean =>
  Limiter.refusalOf(limiters, largest) === undefined && limiters.every(({ purse }) => purse === undefined)

/**
 * What is known of rows, with those that can never start: they are larger than a limit.
 *
 * @since 0.2.0
 * @category reading
 */
export const knownOf = <A, E>(
  { limiters, timers }: Admission,
  { weights }: Said,
  outcomes: ReadonlyArray<Outcome<A, PoolError.RowError<E>> | undefined> | undefined
): ReadonlyArray<Outcome<A, PoolError.RowError<E>> | undefined> | undefined => {
  if (limiters.length === 0 || weights === undefined || fitAll(limiters, weights)) return outcomes
  const now = timers.wallNow()
  return Array.from({ length: weights.length }, (_, i) => {
    const refusal = outcomes?.[i] === undefined ? Limiter.refusalOf(limiters, weights.at(i)) : undefined
    if (refusal === undefined) return outcomes?.[i]
    return { exit: Exit.fail(refusal), startedAt: now, throttleWait: Duration.zero, attempts: 0 }
  })
}
