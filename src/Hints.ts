/**
 * What an answer says about the API's limits, beside whether the call was served. A hint may be wrong; a control law takes it
 * as advice, never as truth.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type { Hints } from "./law/ControlLaw.js"
import * as Insider from "./pool/Insider.js"

/**
 * Tells the pool of the attempt that runs this what the answer said about its limits; does nothing outside an attempt.
 * Of several reports the last one counts, for requests and for tokens.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Hints, PooledExecutor } from "effect-aimd"
 *
 * const call = Effect.gen(function* () {
 *   const answer = { body: "hello", remaining: 41 }
 *   yield* Hints.report({ requests: { limit: 60, remaining: answer.remaining, resetAfter: 20_000 } })
 *   return answer.body
 * })
 *
 * const program = Effect.flatMap(PooledExecutor.make({ poolSize: 4 }), (pool) => pool.execute(call))
 * assert.strictEqual(await Effect.runPromise(Effect.scoped(program)), "hello")
 * ```
 *
 * @since 0.2.0
 * @category reporting
 */
export const report: (hints: Hints) => Effect.Effect<void> = Insider.report
