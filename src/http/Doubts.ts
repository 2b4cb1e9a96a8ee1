/**
 * Words of which time decides what they mean: one API says `insufficient_quota` of an account that is empty, another of a
 * limit of a minute.
 *
 * @since 0.2.0
 */

/**
 * What is doubted, by host and code.
 *
 * @since 0.2.0
 * @category models
 */
export interface Doubts {
  /**
   * Whether a word is to be believed that came at `now`, for an attempt that was started at `startedAt`: if it was said
   * before, and is said again of an attempt that began after the wait that was named then, or after a minute.
   */
  readonly isBelieved: (word: string, startedAt: number, now: number, wait: number | undefined) => boolean
  /** An attempt that was started then was served: what was said before is over. */
  readonly served: (startedAt: number) => void
}

/** Without a wait: by then a limit of a minute is over. */
const minute = 60_000

/** Words that are remembered; APIs choose them. */
const most = 100

/**
 * Makes doubts; nothing is doubted yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): Doubts => {
  const doubted = new Map<string, { readonly since: number; readonly until: number }>()
  return {
    isBelieved: (word, startedAt, now, wait) => {
      const doubt = doubted.get(word)
      if (doubt !== undefined) return startedAt >= doubt.until
      const [oldest] = doubted.keys()
      if (doubted.size >= most && oldest !== undefined) doubted.delete(oldest)
      doubted.set(word, { since: now, until: now + (wait ?? minute) })
      return false
    },
    served: (startedAt) => {
      for (const [word, { since }] of doubted) if (startedAt >= since) doubted.delete(word)
    }
  }
}
