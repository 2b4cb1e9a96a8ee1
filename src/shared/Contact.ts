/**
 * What a user hears of the store: that it is out of reach, or has forgotten, once, and when that is over.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { TimerQueue } from "../structure/TimerQueue.js"
import * as Format from "../structure/Format.js"

/**
 * The contact to a store.
 *
 * @since 0.2.0
 * @category models
 */
export interface Contact {
  /** What is wrong now, for whoever asks why the pool is slow; undefined where nothing is. */
  readonly trouble: string | undefined
  /** The store has answered; until `completeAt` it does not know all that counts. */
  readonly made: (completeAt: number) => void
  /** It has not answered what was asked at that instant, or with an error; returns how long to wait for it now. */
  readonly lost: (askedAt: number) => number
}

/**
 * What a contact is made of.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly name: string
  readonly timers: TimerQueue
  /** What goes on without the store, as the log says it. */
  readonly meanwhile: string
  readonly log: (line: Effect.Effect<void>) => void
  /** There is another trouble, or none any more. */
  readonly onNews: (trouble: string | undefined) => void
}

/**
 * Why a lease was not fetched: the store gave no answer, or an error.
 *
 * @since 0.2.0
 * @category errors
 */
export type Lost = typeof lost

/**
 * The one value of it.
 *
 * @since 0.2.0
 * @category errors
 */
export const lost = "the store gave no answer"

/**
 * A store that has not answered for so long is out of reach, in milliseconds.
 *
 * @since 0.2.0
 * @category constants
 */
export const patience = 2000

const firstWait = 100
const longestWait = 2000

/** Less than this is nothing to speak of. */
const remarkable = 1000

const show = (millis: number): string => Format.duration(Duration.millis(Math.round(millis)))

/**
 * A contact without a trouble.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ log, meanwhile, name, onNews, timers }: Options): Contact => {
  let trouble: string | undefined
  let lostSince: number | undefined
  let wait = firstWait

  const tell = (next: string | undefined, line: Effect.Effect<void>): void => {
    if (next === trouble) return
    trouble = next
    log(line)
    onNews(trouble)
  }

  const pool = `pool "${name}": the store of its shared limit`
  const away = "the store of the shared limit is out of reach"
  const forgot = "the store of the shared limit has nothing of what was counted"

  return {
    get trouble() {
      return trouble
    },
    made: (completeAt) => {
      const now = timers.now()
      const lasted = lostSince === undefined ? "" : `, after ${show(now - lostSince)}`
      lostSince = undefined
      wait = firstWait
      const left = completeAt - now
      if (left >= remarkable) {
        tell(
          forgot,
          Effect.logWarning(`${pool} is empty: ${meanwhile} for ${show(left)}, until what may count is over`)
        )
      } else if (left <= 0) tell(undefined, Effect.logInfo(`${pool} is there again${lasted}`))
    },
    lost: (askedAt) => {
      lostSince ??= askedAt
      const lasts = timers.now() - lostSince
      if (lasts >= patience) tell(away, Effect.logWarning(`${pool} gives no answer for ${show(lasts)}: ${meanwhile}`))
      const waits = wait
      wait = Math.min(longestWait, 2 * wait)
      return waits
    }
  }
}
