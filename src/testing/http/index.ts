/**
 * Simulated APIs behind the `HttpClient` of `@effect/platform`.
 *
 * @since 0.2.0
 */

/**
 * A simulated API as an `HttpClient`.
 *
 * @since 0.2.0
 */
export * as SimulatedHttp from "./SimulatedHttp.js"
