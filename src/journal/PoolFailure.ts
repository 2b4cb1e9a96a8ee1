/**
 * The failures that a pool adds to a row's own, as JSON. What is left out: the `cause` of a capacity error, which is anything.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { CapacityError } from "../Capacity.js"
import * as PoolError from "../PoolError.js"

/**
 * A failure of the pool.
 *
 * @since 0.2.0
 * @category models
 */
export type PoolFailure =
  | PoolError.RetryTimeoutError
  | PoolError.PoolShutdownError
  | PoolError.BatchTimeoutError
  | PoolError.AttemptTimeoutError
  | PoolError.RowCancelledError
  | PoolError.LimitError

/**
 * Whether a failure is one of the pool's.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isPoolFailure = (u: unknown): u is PoolFailure =>
  u instanceof PoolError.RetryTimeoutError ||
  u instanceof PoolError.PoolShutdownError ||
  u instanceof PoolError.BatchTimeoutError ||
  u instanceof PoolError.AttemptTimeoutError ||
  u instanceof PoolError.RowCancelledError ||
  u instanceof PoolError.CallTooLargeError ||
  u instanceof PoolError.BudgetExhaustedError ||
  u instanceof PoolError.TooLateError

/** Milliseconds; JSON has no Infinity. */
const Millis = Schema.Union(Schema.NonNegative.pipe(Schema.finite()), Schema.Literal("Infinity"))
const millis = (duration: Duration.Duration): typeof Millis.Type =>
  Duration.isFinite(duration) ? Duration.toMillis(duration) : "Infinity"
const duration = (encoded: typeof Millis.Type): Duration.Duration =>
  encoded === "Infinity" ? Duration.infinity : Duration.millis(encoded)

// A row's own error may have one of these tags: the pool's are told apart by their prefix.
const Encoded = Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("effect-aimd/PoolShutdownError"), pool: Schema.String }),
  Schema.Struct({ _tag: Schema.Literal("effect-aimd/RowCancelledError"), stateId: Schema.String }),
  Schema.Struct({ _tag: Schema.Literal("effect-aimd/BatchTimeoutError"), timeout: Millis }),
  Schema.Struct({
    _tag: Schema.Literal("effect-aimd/CallTooLargeError"),
    pool: Schema.String,
    unit: Schema.Literal("requests", "tokens", "inputTokens", "outputTokens", "money"),
    cost: Schema.Number,
    limit: Schema.Number,
    told: Schema.String
  }),
  Schema.Struct({
    _tag: Schema.Literal("effect-aimd/BudgetExhaustedError"),
    pool: Schema.String,
    budget: Schema.Number,
    spent: Schema.Number,
    undone: Schema.Number
  }),
  Schema.Struct({
    _tag: Schema.Literal("effect-aimd/TooLateError"),
    pool: Schema.String,
    deadline: Schema.Number,
    possibleAt: Schema.Number,
    attempts: Schema.Number
  }),
  Schema.Struct({ _tag: Schema.Literal("effect-aimd/AttemptTimeoutError"), timeout: Millis, attempt: Schema.Number }),
  Schema.Struct({
    _tag: Schema.Literal("effect-aimd/RetryTimeoutError"),
    elapsed: Millis,
    budget: Millis,
    attempts: Schema.Number,
    lastError: Schema.Struct({
      status: Schema.Number,
      message: Schema.String,
      retryAfter: Schema.optionalWith(Millis, { exact: true })
    }),
    othersServed: Schema.optionalWith(Schema.Number, { exact: true }),
    retryAfter: Schema.optionalWith(Millis, { exact: true }),
    retryAt: Schema.optionalWith(Schema.Number, { exact: true })
  })
)

const encode = (error: PoolFailure): typeof Encoded.Type => {
  switch (error._tag) {
    case "PoolShutdownError":
      return { _tag: `effect-aimd/${error._tag}`, pool: error.pool }
    case "RowCancelledError":
      return { _tag: `effect-aimd/${error._tag}`, stateId: error.stateId }
    case "BatchTimeoutError":
      return { _tag: `effect-aimd/${error._tag}`, timeout: millis(error.timeout) }
    case "AttemptTimeoutError":
      return { _tag: `effect-aimd/${error._tag}`, timeout: millis(error.timeout), attempt: error.attempt }
    case "CallTooLargeError": {
      const { _tag, cost, limit, pool, told, unit } = error
      return { _tag: `effect-aimd/${_tag}`, pool, unit, cost, limit, told }
    }
    case "BudgetExhaustedError": {
      const { _tag, budget, pool, spent, undone } = error
      return { _tag: `effect-aimd/${_tag}`, pool, budget, spent, undone }
    }
    case "TooLateError": {
      const { _tag, attempts, deadline, pool, possibleAt } = error
      return { _tag: `effect-aimd/${_tag}`, pool, deadline, possibleAt, attempts }
    }
    case "RetryTimeoutError": {
      const { _tag, attempts, budget, elapsed, lastError, othersServed, retryAfter, retryAt } = error
      const { message, retryAfter: asked, status } = lastError
      return {
        _tag: `effect-aimd/${_tag}`,
        elapsed: millis(elapsed),
        budget: millis(budget),
        attempts,
        lastError: { status, message, ...(asked === undefined ? {} : { retryAfter: millis(asked) }) },
        ...(othersServed === undefined ? {} : { othersServed }),
        ...(retryAfter === undefined ? {} : { retryAfter: millis(retryAfter) }),
        ...(retryAt === undefined ? {} : { retryAt })
      }
    }
  }
}

const decode = (encoded: typeof Encoded.Type): PoolFailure => {
  switch (encoded._tag) {
    case "effect-aimd/PoolShutdownError":
      return new PoolError.PoolShutdownError({ pool: encoded.pool })
    case "effect-aimd/RowCancelledError":
      return new PoolError.RowCancelledError({ stateId: encoded.stateId })
    case "effect-aimd/BatchTimeoutError":
      return new PoolError.BatchTimeoutError({ timeout: duration(encoded.timeout) })
    case "effect-aimd/AttemptTimeoutError":
      return new PoolError.AttemptTimeoutError({ timeout: duration(encoded.timeout), attempt: encoded.attempt })
    case "effect-aimd/CallTooLargeError": {
      const { _tag, ...fields } = encoded
      return new PoolError.CallTooLargeError(fields)
    }
    case "effect-aimd/BudgetExhaustedError": {
      const { _tag, ...fields } = encoded
      return new PoolError.BudgetExhaustedError(fields)
    }
    case "effect-aimd/TooLateError": {
      const { _tag, ...fields } = encoded
      return new PoolError.TooLateError(fields)
    }
    case "effect-aimd/RetryTimeoutError": {
      const { _tag, budget, elapsed, lastError, retryAfter, ...others } = encoded
      const { retryAfter: asked, ...last } = lastError
      return new PoolError.RetryTimeoutError({
        ...others,
        elapsed: duration(elapsed),
        budget: duration(budget),
        lastError: new CapacityError({ ...last, ...(asked === undefined ? {} : { retryAfter: duration(asked) }) }),
        ...(retryAfter === undefined ? {} : { retryAfter: duration(retryAfter) })
      })
    }
  }
}

/**
 * The schema of the pool's failures.
 *
 * @since 0.2.0
 * @category schemas
 */
export const PoolFailure: Schema.Schema<PoolFailure, typeof Encoded.Encoded> = Schema.transformOrFail(
  Encoded,
  Schema.declare(isPoolFailure),
  {
    strict: true,
    // What is written in a journal may have been changed since: a status that is none throws.
    decode: (encoded, _, ast) =>
      ParseResult.try({
        try: () => decode(encoded),
        catch: (error) => new ParseResult.Type(ast, encoded, String(error))
      }),
    encode: (error) => ParseResult.succeed(encode(error))
  }
)
