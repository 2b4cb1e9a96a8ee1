/**
 * A lane's place in the line of the pool, which it has while it has work: one, and never two.
 *
 * @since 0.2.0
 */
import type { Place } from "../structure/Semaphore.js"
import type { Admission } from "./Admission.js"
import type { Party } from "./Parties.js"

/**
 * The place of a lane.
 *
 * @since 0.2.0
 * @category models
 */
export interface LanePlace {
  /** Joins the line, where there is work, and the lane has no place. */
  readonly queueUp: () => void
  /** The same for a lane that has had a place, or is about to get its first. */
  readonly comeBack: () => void
  /** It stands elsewhere now. */
  readonly moved: () => void
  readonly leaveIfIdle: () => void
}

/**
 * A lane without a place.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (admission: Admission, party: Party, hasWork: () => boolean): LanePlace => {
  let place: Place | undefined
  /** It joins right now: what starts by that may ask for a place, too, and it must not have two. */
  let isJoining = false
  let isAsked = false

  const queueUp = (): void => {
    if (isJoining) isAsked = true
    else if (place?.queued !== true && hasWork()) join()
  }

  const leaveIfIdle = (): void => {
    if (place !== undefined && !hasWork()) admission.leave(place)
  }

  const join = (): void => {
    isJoining = true
    place = admission.queue(party)
    isJoining = false
    leaveIfIdle()
    if (!isAsked) return
    isAsked = false
    queueUp()
  }

  return {
    queueUp,
    comeBack: (): void => {
      if (place !== undefined) queueUp()
    },
    moved: (): void => {
      if (place !== undefined) admission.changed(place)
    },
    leaveIfIdle
  }
}
