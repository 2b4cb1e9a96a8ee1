/**
 * One limit for many processes that share a store such as Redis, without a cluster.
 *
 * @since 0.2.0
 */

/**
 * Pools that keep their limits together.
 *
 * @since 0.2.0
 */
export * as SharedLimit from "./SharedLimit.js"
