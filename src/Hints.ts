/**
 * What an answer says about the API's limits, and about what the call used. A hint may be wrong: a control law takes it
 * as advice, never as truth.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type { Hints } from "./law/ControlLaw.js"
import * as Insider from "./pool/Insider.js"

/**
 * Run it inside an attempt: it tells the attempt's pool what the answer said about limits, and what the call used.
 * Outside an attempt it does nothing. If an attempt reports limits several times, the last report counts, for requests
 * and for tokens. What was used is added up for the attempt, its row, its batch and its pool, however the attempts
 * ended. A pool around this pool counts it too.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Hints, PooledExecutor } from "effect-aimd"
 *
 * const call = Effect.gen(function* () {
 *   const answer = { body: "hello", remaining: 41 }
 *   yield* Hints.report({
 *     requests: { limit: 60, remaining: answer.remaining, resetAfter: 20_000 },
 *     usage: { inputTokens: 8, outputTokens: 2 }
 *   })
 *   return answer.body
 * })
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 4 })
 *   yield* pool.execute(call)
 *   return (yield* pool.stats).usage
 * })
 * const usage = await Effect.runPromise(Effect.scoped(program))
 * assert.deepStrictEqual(usage, { tokens: 10, inputTokens: 8, outputTokens: 2 })
 * ```
 *
 * @since 0.2.0
 * @category reporting
 */
export const report: (hints: Hints) => Effect.Effect<void> = Insider.report

/**
 * What the attempt that runs this has reported so far; empty outside an attempt.
 *
 * @since 0.2.0
 * @category reporting
 */
export const reported: Effect.Effect<Hints> = Insider.reported
