/**
 * A request that is sent again inside its attempt: to the API it is another one, so it waits for room as a start does.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import { isDue, type TimerQueue } from "../structure/TimerQueue.js"
import type { Admission } from "./Admission.js"
import type { Job } from "./Job.js"
import type { Limiter } from "./Limiter.js"

/** What the end of another attempt decides is asked for again so often, in milliseconds. */
const askAgain = 100

/**
 * Settles what was kept for the job's request so far, waits until the limits of the pool allow another, and keeps that.
 * Undefined in a pool that was told none. It goes before those that wait for a start: it has a permit.
 *
 * @since 0.2.0
 * @category waiting
 */
export const make = ({ limiterOf, timers }: Admission, job: Job): (() => Effect.Effect<void>) | undefined => {
  const limiter = limiterOf(job.ticket)
  return limiter === undefined ? undefined : () => again(limiter, timers, job)
}

const again = (limiter: Limiter, timers: TimerQueue, job: Job): Effect.Effect<void> => {
  const reserve: Effect.Effect<void> = Effect.suspend(() => {
    const { ticket } = job
    if (ticket === undefined) return Effect.void
    const now = timers.now()
    const opensAt = limiter.opensAt(job.asked, now)
    if (!isDue(opensAt, now)) return Effect.zipRight(wait(Math.min(opensAt, now + askAgain)), reserve)
    ticket.held = limiter.reserve(limiter.bid(job.asked), now)
    return Effect.void
  })
  const wait = (until: number): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      const timer = timers.add(until, () => resume(Effect.void))
      return Effect.sync(() => timers.remove(timer))
    })
  return Effect.suspend(() => {
    const { ticket } = job
    if (ticket?.held !== undefined) {
      // Its answer is lost: it may still be on its way.
      limiter.settle(ticket.held, "broken", undefined, timers.now())
      ticket.held = undefined
    }
    return reserve
  })
}
