/**
 * Push many calls through a rate-limited API: as fast as it allows, losing nothing, results in order.
 *
 * @since 0.1.0
 */

/**
 * The AIMD delay law: arithmetic, a shared throttle, and a `Schedule`.
 *
 * @since 0.1.0
 */
export * as AimdThrottle from "./AimdThrottle.js"

/**
 * What an API says when it has no room.
 *
 * @since 0.1.0
 */
export * as Capacity from "./Capacity.js"

/**
 * The contract of a control law, for laws of your own.
 *
 * @since 0.1.0
 */
export * as ControlLaw from "./law/ControlLaw.js"

/**
 * The AIMD delay as a control law.
 *
 * @since 0.1.0
 */
export * as DelayLaw from "./law/DelayLaw.js"

/**
 * What an answer says about the API's limits.
 *
 * @since 0.2.0
 */
export * as Hints from "./Hints.js"

/**
 * The options of a pool, validated, also from the environment.
 *
 * @since 0.1.0
 */
export * as PoolConfig from "./PoolConfig.js"

/**
 * The failures that a pool adds to a row's own errors.
 *
 * @since 0.1.0
 */
export * as PoolError from "./PoolError.js"

/**
 * The pool: batches and single calls.
 *
 * @since 0.1.0
 */
export * as PooledExecutor from "./PooledExecutor.js"

/**
 * What is counted, and the metrics.
 *
 * @since 0.1.0
 */
export * as PoolStats from "./PoolStats.js"

/**
 * Submission order out of completion order.
 *
 * @since 0.1.0
 */
export * as ReorderBuffer from "./order/ReorderBuffer.js"

/**
 * How long an answer asks its client to wait.
 *
 * @since 0.1.0
 */
export * as RetryAfter from "./answer/RetryAfter.js"

/**
 * Permits first come, first served.
 *
 * @since 0.1.0
 */
export * as Semaphore from "./structure/Semaphore.js"

/**
 * What attempts have used.
 *
 * @since 0.2.0
 */
export * as Usage from "./answer/Usage.js"

/**
 * The default control law.
 *
 * @since 0.2.0
 */
export * as WindowLaw from "./law/WindowLaw.js"
