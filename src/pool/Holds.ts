/**
 * The silence that the API itself asks for.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import { PCGRandom } from "effect/Utils"
import type { PoolConfig } from "../PoolConfig.js"
import * as Format from "../structure/Format.js"

/**
 * What the API has asked for; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Holds {
  /** No start before this instant. */
  readonly until: number
  /** Longest that was asked for, in milliseconds, before it was capped. */
  readonly longest: number
  /** Holds the pool, and up to `spread` milliseconds longer, by chance. Returns what was asked for, capped. */
  readonly heed: (retryAfter: number, spread: number, now: number) => number
  /** What a row waits that is held alone, in milliseconds. */
  readonly capped: (retryAfter: number) => number
}

/**
 * Makes the holds of a pool; `notify` is told what a user should hear of.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (config: PoolConfig, seed: number, notify: (notice: string) => void): Holds => {
  const most = Duration.toMillis(config.maxRetryAfter)
  const chance = new PCGRandom(seed)
  let until = 0
  let longest = 0

  const capped = (retryAfter: number): number => {
    longest = Math.max(longest, retryAfter)
    return Math.min(retryAfter, most)
  }

  return {
    get until() {
      return until
    },
    get longest() {
      return longest
    },
    capped,
    heed: (asked, spread, now) => {
      if (asked > most && until <= now) {
        const [wanted, cap] = [Duration.millis(asked), config.maxRetryAfter].map(Format.duration)
        notify(`pool "${config.name}": the API asks for ${wanted} of silence; it gets ${cap}, the maxRetryAfter`)
      }
      const retryAfter = capped(asked)
      // Pools that were sent away at once must not come back at once.
      const later = Math.floor(chance.number() * spread)
      until = Math.max(until, Math.min(now + retryAfter + later, now + most))
      return retryAfter
    }
  }
}
