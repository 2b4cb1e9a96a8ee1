/**
 * What a pool can do, by what its law has found and what it was told.
 *
 * @since 0.2.0
 */
import type * as Limit from "../limit/Limit.js"
import type { View } from "../route/Route.js"
import type { Admission } from "./Admission.js"

/**
 * What is known besides.
 *
 * @since 0.2.0
 * @category models
 */
export interface Known {
  /** Attempts that may be in flight. */
  readonly window: number
  /** From a start to its answer, in milliseconds. */
  readonly latency: number
  /** The limits that the pool was told, and how much a row takes of each. */
  readonly told: ReadonlyArray<Limit.Told>
  readonly takes: (limit: Limit.Told) => number
}

/**
 * When the pool may start rows, and how fast. Attempts end evenly spread, as far as anybody knows.
 *
 * @since 0.2.0
 * @category values
 */
export const of = (admission: Admission, known: Known, now: number): Omit<View, "handicap"> => {
  const { latency, takes, told } = known
  const { decision, hintUntil, inFlight, opensAt = 0, pause } = admission
  const pace = decision.starts === undefined ? 0 : decision.starts.period / decision.starts.limit
  let { window } = known
  let every = Math.max(decision.spacing, pace)
  let burst = Infinity
  for (const limit of told) {
    if (limit.unit === "concurrent") window = Math.min(window, limit.most)
    every = Math.max(every, (limit.per / limit.most) * takes(limit))
    burst = Math.min(burst, Math.max(1, Math.floor(limit.most / takes(limit))))
  }
  const free = Math.min(window - inFlight, burst)
  const closedUntil = pause.isPaused ? Infinity : Math.max(hintUntil, decision.holdUntil, opensAt)
  return {
    opensAt: Math.max(closedUntil, free > 0 ? now : now + latency / window),
    free: Math.max(1, free),
    every: Math.max(every, latency / window),
    latency
  }
}
