/**
 * One pool for many processes: its limits and its law hold for all of them together, on `@effect/cluster`.
 *
 * @since 0.2.0
 */

/**
 * Batches of a cluster.
 *
 * @since 0.2.0
 */
export * as ClusterBatch from "./batch/ClusterBatch.js"

/**
 * Pools of a cluster.
 *
 * @since 0.2.0
 */
export * as ClusterPool from "./ClusterPool.js"

/**
 * Keeps what a pool of a cluster knows when a process ends.
 *
 * @since 0.2.0
 */
export * as PoolMemory from "./PoolMemory.js"

/**
 * The same in SQLite, libSQL or PostgreSQL.
 *
 * @since 0.2.0
 */
export * as SqlPoolMemory from "./SqlPoolMemory.js"

/**
 * One limit without a cluster, for those who have only Redis; `effect-aimd/shared` has the same.
 *
 * @since 0.2.0
 */
export * as SharedLimit from "../shared/SharedLimit.js"
