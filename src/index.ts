/**
 * @since 0.1.0
 */
export * as AimdThrottle from "./AimdThrottle.js"
export * as Capacity from "./Capacity.js"
export * as ControlLaw from "./ControlLaw.js"
export * as DelayLaw from "./DelayLaw.js"
export * as PoolConfig from "./PoolConfig.js"
export * as PoolError from "./PoolError.js"
export * as PooledExecutor from "./PooledExecutor.js"
export * as PoolStats from "./PoolStats.js"
export * as ReorderBuffer from "./ReorderBuffer.js"
export * as RetryAfter from "./RetryAfter.js"
export * as RowReorderBuffer from "./RowReorderBuffer.js"
export * as Semaphore from "./Semaphore.js"
