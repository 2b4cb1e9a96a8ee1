/**
 * What an attempt's exit means to the pool, and what of it a caller gets.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Capacity from "../Capacity.js"
import * as PoolError from "../PoolError.js"
import type { Outcome } from "./Messenger.js"

/**
 * What came of an attempt.
 *
 * @since 0.2.0
 * @category reading
 */
export const of = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return "success"
  const failure = Cause.failureOption(exit.cause)
  // Where a finalizer died as well, a retry would bury the defect.
  if (Option.isNone(failure) || Cause.isDie(exit.cause)) return "neutral"
  if (Capacity.isCapacityError(failure.value)) return failure.value
  return failure.value instanceof PoolError.AttemptTimeoutError ? "neutral" : "failure"
}

const isOwnError = <E>(error: E): error is Exclude<E, Capacity.CapacityError> => !Capacity.isCapacityError(error)

const isOwnCause = <E>(cause: Cause.Cause<E>): cause is Cause.Cause<Exclude<E, Capacity.CapacityError>> =>
  Chunk.every(Cause.failures(cause), isOwnError)

/**
 * The exit as it is; beside a defect or another error, a capacity error is left out, as the types say.
 *
 * @since 0.2.0
 * @category reading
 */
export const withoutCapacityError = <A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, Exclude<E, Capacity.CapacityError>> => {
  // A success holds no error of any type, and a copy of it for each row would be felt.
  if (Exit.isSuccess(exit)) return exit as Exit.Exit<A, never>
  return Exit.failCause(
    isOwnCause(exit.cause)
      ? exit.cause
      : Cause.flatMap(exit.cause, (error) => (isOwnError(error) ? Cause.fail(error) : Cause.empty))
  )
}
