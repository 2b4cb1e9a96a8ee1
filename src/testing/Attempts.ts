/**
 * The attempts of a simulated client: each asks an API, and says when it begins and how it ends.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Capacity from "../Capacity.js"
import type { Cost } from "../limit/Cost.js"
import * as PoolError from "../PoolError.js"
import * as Monotonic from "../structure/Monotonic.js"
import type * as SimulatedApi from "./api/SimulatedApi.js"
import type * as Members from "./Members.js"
import type * as Trace from "./Trace.js"
import type * as Workload from "./Workload.js"

/**
 * What became of a row or an attempt.
 *
 * @since 0.2.0
 * @category values
 */
export const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Trace.Outcome => {
  if (Exit.isSuccess(exit)) return "success"
  const failure = Cause.failureOption(exit.cause)
  if (Option.isNone(failure)) return Cause.isDie(exit.cause) ? "died" : "interrupted"
  const error = failure.value
  if (Capacity.isCapacityError(error)) return "capacity"
  return error instanceof PoolError.RetryTimeoutError ||
    error instanceof PoolError.AttemptTimeoutError ||
    error instanceof PoolError.BatchTimeoutError ||
    error instanceof PoolError.PoolShutdownError ||
    error instanceof PoolError.RowCancelledError ||
    error instanceof PoolError.CallTooLargeError ||
    error instanceof PoolError.BudgetExhaustedError ||
    error instanceof PoolError.TooLateError
    ? error._tag
    : "failed"
}

const retryAfterOf = (exit: Exit.Exit<unknown, unknown>): number | undefined => {
  const error = Exit.isFailure(exit) ? Cause.failureOption(exit.cause) : Option.none()
  if (Option.isNone(error) || !Capacity.isCapacityError(error.value)) return undefined
  const { retryAfter } = error.value
  return retryAfter === undefined ? undefined : Duration.toMillis(retryAfter)
}

/**
 * What a pool is told that a row takes.
 *
 * @since 0.2.0
 * @category values
 */
export const costOf = ({ asked, output = 0, tokens }: Workload.Row): Cost =>
  asked === undefined ? { inputTokens: tokens - output, outputTokens: output } : { tokens: asked }

/**
 * Numbers the answers of a world, so that each is another.
 *
 * @since 0.2.0
 * @category models
 */
export interface Answers {
  /** The row gets an answer. */
  readonly give: (row: number) => number
  /** Which one it got last. */
  readonly last: (row: number) => number
}

/**
 * No answer was given yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeAnswers = (): Answers => {
  const last = new Map<number, number>()
  let given = 0
  return {
    give: (row) => {
      last.set(row, (given += 1))
      return given
    },
    last: (row) => last.get(row) ?? 0
  }
}

/**
 * The API of a name, or the first.
 *
 * @since 0.2.0
 * @category models
 */
export type Apis = (name: string | undefined) => SimulatedApi.SimulatedApi

/**
 * Whose attempts they are.
 *
 * @since 0.2.0
 * @category models
 */
export interface Caller {
  readonly index: number
  readonly name: string
  readonly asking: Effect.Effect<Members.Asking> | undefined
  readonly clock: Clock.Clock
  readonly emit: Trace.Observer
  /** What an attempt's events say that its row takes; undefined where they say nothing. */
  readonly cost: ((row: Workload.Row) => Cost) | undefined
}

/**
 * Attempts of a caller's rows.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make =
  ({ asking, clock, cost, emit, index, name }: Caller, apis: Apis, answers: Answers) =>
  (
    row: number,
    size: Workload.Row,
    number: number
  ): Effect.Effect<SimulatedApi.Answer, Capacity.CapacityError | SimulatedApi.ServerError> =>
    // Begun and noted in one step, so that no interruption comes between an attempt and its trace.
    Effect.uninterruptibleMask((restore) => {
      const run = ({ api, client }: Members.Asking) => {
        const { output = 0, tokens } = size
        const about = () => ({ at: Monotonic.now(clock), client, row, attempt: number })
        emit({ _tag: "started", ...about(), ...(cost && { cost: cost(size) }) })
        return Effect.onExit(restore(apis(api).call({ row, tokens, output, client: name })), (exit) =>
          Effect.sync(() => {
            const outcome = outcomeOf(exit)
            const usage = Exit.isSuccess(exit) ? exit.value.quota?.usage : undefined
            const took = usage && { inputTokens: tokens - output, outputTokens: output }
            const retryAfter = retryAfterOf(exit)
            const answer = outcome === "success" ? { answer: answers.give(row) } : {}
            emit({ _tag: "ended", ...about(), outcome, retryAfter, ...answer, ...(took && { took }) })
          })
        )
      }
      return asking === undefined ? run({ client: index, api: undefined }) : Effect.flatMap(asking, run)
    })
