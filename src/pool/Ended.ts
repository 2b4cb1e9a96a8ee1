/**
 * An attempt of a row has ended: what the pool is told of it, and what the row waits where its rejection is its own trouble.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as AimdDelay from "../law/AimdDelay.js"
import type { Hints } from "../law/ControlLaw.js"
import type { Admission } from "./Admission.js"
import type { Job } from "./Job.js"
import type { Outcome } from "./Messenger.js"

/**
 * Tells the pool what came of the job's attempt; returns whether it was a rejection that is the row's own trouble.
 *
 * @since 0.2.0
 * @category effects
 */
export const observe = <J extends Job>(
  admission: Admission,
  job: J,
  outcome: Outcome,
  hints: Hints | undefined,
  now: number,
  finish: (job: J, exit: Exit.Exit<never>) => void
): boolean => {
  const { ticket } = job
  job.ticket = undefined
  try {
    return ticket !== undefined && admission.observe(ticket, job, outcome, now, hints)
  } catch (defect) {
    // A law of the user's own is broken: that is the end of the row, and of whoever runs it.
    finish(job, Exit.die(defect))
    throw defect
  } finally {
    if (typeof outcome !== "string") {
      if (job.lastError === undefined) {
        job.rejectedSince = admission.sequence
        job.servedBefore = admission.served
      }
      job.waitingSince = now
      job.lastError = outcome
    }
  }
}

/**
 * The attempt of a job that goes away. A law that is broken is told of in the log: there is nobody else to tell.
 *
 * @since 0.2.0
 * @category effects
 */
export const withdraw = (admission: Admission, job: Job): void => {
  try {
    if (job.ticket !== undefined) admission.observe(job.ticket, job, "neutral", admission.timers.now(), undefined)
  } catch {
    // The log has it.
  }
}

/**
 * What a row waits by itself whose rejections are its own trouble, in milliseconds: longer after each.
 *
 * @since 0.2.0
 * @category values
 */
export const ownDelay = ({ config }: Admission, { ownDelay: last }: Job): number =>
  Math.max(1, AimdDelay.backOff(AimdDelay.parameters(config), last))

/**
 * What the API asked of the row alone, in milliseconds.
 *
 * @since 0.2.0
 * @category values
 */
export const ownHint = ({ cappedHint }: Admission, { lastError }: Job): number =>
  lastError?.retryAfter === undefined ? 0 : cappedHint(Duration.toMillis(lastError.retryAfter))
