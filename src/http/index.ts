/**
 * Sends the requests of any `HttpClient`, and of any SDK that takes a `fetch`, through a pool.
 *
 * @since 0.2.0
 */

/**
 * What an answer means to the pool.
 *
 * @since 0.2.0
 */
export * as Classifier from "./Classifier.js"

/**
 * How a pooled request can fail.
 *
 * @since 0.2.0
 */
export * as HttpError from "./HttpError.js"

/**
 * `fetch` through a pool.
 *
 * @since 0.2.0
 */
export * as PooledFetch from "./PooledFetch.js"

/**
 * `HttpClient` through a pool.
 *
 * @since 0.2.0
 */
export * as PooledHttpClient from "./PooledHttpClient.js"

/**
 * Pools by key.
 *
 * @since 0.2.0
 */
export * as PoolMap from "./PoolMap.js"

/**
 * Keys of requests.
 *
 * @since 0.2.0
 */
export * as RequestKey from "./RequestKey.js"

/**
 * What the headers of an answer say about waiting and about limits.
 *
 * @since 0.2.0
 */
export * as RetryAfter from "../answer/RetryAfter.js"
