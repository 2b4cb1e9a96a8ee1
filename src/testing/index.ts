/**
 * Simulate a rate-limited API and everything that calls it, in virtual time.
 *
 * @since 0.2.0
 */

/**
 * Runs any Effect program in virtual time.
 *
 * @since 0.2.0
 */
export * as VirtualTime from "./VirtualTime.js"
