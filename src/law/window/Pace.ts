/**
 * Starts a second, one's own or shared with others.
 *
 * @since 0.2.0
 */
import * as Level from "./Level.js"
import type { Share } from "./Share.js"

/**
 * A pace.
 *
 * @since 0.2.0
 * @category models
 */
export type Pace = Level.Level | Share

/**
 * Starts a second that the pace allows.
 *
 * @since 0.2.0
 * @category values
 */
export const rate = (pace: Pace): number => (pace.shared ? pace.rate : Level.rate(pace))

/**
 * The pace as it was before an interruption, tested no further than it had been proven.
 *
 * @since 0.2.0
 * @category combinators
 */
export const proven = (pace: Pace): Pace => (pace.shared ? pace : Level.proven(pace))
