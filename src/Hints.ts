/**
 * What an answer says about the API's limits, and about what it used, beside whether the call was served. A hint may be wrong;
 * a control law takes it as advice, never as truth.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type { Hints } from "./law/ControlLaw.js"
import * as Insider from "./pool/Insider.js"

/**
 * Tells the pool of the attempt that runs this what the answer said about its limits and what it used; does nothing outside an
 * attempt. Of several reports the last one counts, for requests and for tokens. What was used is added up: over the attempt, over
 * all attempts of its row, of its batch and of its pool, whatever became of them; and so in a pool around this one.
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
 * What the attempt that runs this has reported so far; nothing outside an attempt.
 *
 * @since 0.2.0
 * @category reporting
 */
export const reported: Effect.Effect<Hints> = Insider.reported
