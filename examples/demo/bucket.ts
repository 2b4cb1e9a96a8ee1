/** The limit of the demo's server: a token bucket, one token a request. */

/** @see make */
export interface Options {
  /** Most requests that are served at once after a pause. */
  readonly burst: number
  readonly perSecond: number
}

/** @see make */
export interface Bucket {
  /** Takes a token and returns 0; if there is none, how many milliseconds to stay away for. */
  readonly take: (now: number) => number
}

/**
 * Makes a full bucket. Who is turned away is told to come back when it is half full, as those who wait for one token would
 * only meet each other at it.
 */
export const make = ({ burst, perSecond }: Options, createdAt: number): Bucket => {
  let tokens = burst
  let filledAt = createdAt
  return {
    take: (now) => {
      tokens = Math.min(burst, tokens + (Math.max(0, now - filledAt) * perSecond) / 1000)
      filledAt = now
      if (tokens >= 1) {
        tokens -= 1
        return 0
      }
      return Math.ceil(((Math.max(1, burst / 2) - tokens) / perSecond) * 1000)
    }
  }
}
