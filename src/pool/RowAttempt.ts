/**
 * The attempts of a batch's rows, and what a row comes to by them.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Outcome } from "../order/ReorderBuffer.js"
import type * as PoolError from "../PoolError.js"
import * as Argument from "../structure/Argument.js"
import * as Attempt from "./Attempt.js"
import type { RowContext } from "./BatchInput.js"
import type { RowJob } from "./Fresh.js"
import type { Plan } from "./Plan.js"

/**
 * The next attempt of a row; in the row's span, where somebody traces.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Row, A, E, R, F>(
  { admission, process }: Pick<Plan<Row, A, E, R, F>, "admission" | "process">,
  job: RowJob<Row>,
  isTraced: boolean
): Effect.Effect<A, E | PoolError.AttemptTimeoutError, R> => {
  const { attempts, input, rowIndex, stateId } = job
  const context: RowContext = { stateId, rowIndex, attempt: attempts }
  const call = Effect.suspend(() =>
    job.cancelled === undefined ? checked(process(input, context), rowIndex) : Effect.interrupt
  )
  if (!isTraced) return Attempt.make(admission, call, attempts, undefined)
  const span =
    job.span === undefined
      ? Effect.tap(Attempt.openRowSpan(admission, { ...context }), (opened) => void (job.span = opened))
      : Effect.succeed(job.span)
  return Effect.flatMap(span, (row) => Attempt.make(admission, call, attempts, row))
}

const checked = <A, E, R>(effect: Effect.Effect<A, E, R>, rowIndex: number): Effect.Effect<A, E, R> =>
  Effect.isEffect(effect)
    ? effect
    : Effect.die(Argument.refusal(`process of row ${rowIndex}`, Argument.anEffect, effect))

/**
 * What is known of a row that ends so.
 *
 * @since 0.2.0
 * @category values
 */
export const outcomeOf = <A, E>(
  { attempts, lastError, member, recalled, startedAt, throttleWait, usage }: RowJob<unknown>,
  exit: Exit.Exit<A, E>
): Outcome<A, E> =>
  // What was recalled for this row has its type.
  (recalled as Outcome<A, E> | undefined) ?? {
    exit,
    startedAt,
    throttleWait: throttleWait === 0 ? Duration.zero : Duration.millis(throttleWait),
    attempts,
    ...(lastError && { lastStatus: lastError.status }),
    ...(usage && { usage }),
    ...(member && { member: member.name })
  }
