/**
 * The time that a caller would need that knows everything about a server. A report compares with it.
 *
 * @since 0.2.0
 */
import * as Heap from "../../structure/Heap.js"
import type { ServerModel } from "../api/ServerModel.js"

/**
 * A row of the ideal client.
 *
 * @since 0.2.0
 * @category models
 */
export interface Demand {
  /** When it comes, in epoch milliseconds. */
  readonly at: number
  readonly tokens: number
  /** How long the server works on it, in milliseconds. */
  readonly service: number
}

interface End extends Heap.Element {
  readonly at: number
  readonly sequence: number
}

/** Where a model does not say when it opens, the ideal client looks again after so many milliseconds. */
const glance = 1

/** A model that has not opened after so many looks never will. */
const maxLooks = 10_000_000

/**
 * When the last of the rows would be done, in epoch milliseconds, if each row were sent at the very instant at which
 * the server would take it. Rows go in order, at most `inFlight` at once, and nothing is rejected. `Infinity` if the
 * server never takes all of them.
 *
 * It asks the model itself: a rejection leaves the model as it was, and tells when to ask again. Here nothing is
 * rejected by chance, and no row because of what it is.
 *
 * @since 0.2.0
 * @category ideal
 */
export const finishedAt = (model: ServerModel, rows: ReadonlyArray<Demand>, inFlight: number): number => {
  const ends = Heap.make<End>((a, b) => (a.at === b.at ? a.sequence < b.sequence : a.at < b.at))
  let state = model.initial
  let now = rows[0]?.at ?? 0
  let last = now
  let looks = 0

  const leaveUntil = (instant: number): void => {
    for (let end = ends.first(); end !== undefined && end.at <= instant; end = ends.first()) {
      ends.remove(end)
      state = model.leave?.(state, end.at) ?? state
    }
  }

  for (const [sequence, row] of rows.entries()) {
    now = Math.max(now, row.at)
    leaveUntil(now)
    for (;;) {
      const firstEnd = ends.first()
      if (ends.size >= inFlight && firstEnd !== undefined) {
        now = Math.max(now, firstEnd.at)
        leaveUntil(now)
        continue
      }
      const { service, tokens } = row
      const [next, verdict] = model.arrive(state, { at: now, client: "ideal", tokens, service, chance: 1 })
      if (verdict._tag === "rejected") {
        if (++looks > maxLooks) return Infinity
        const firstLeaves = model.leave === undefined ? Infinity : (firstEnd?.at ?? Infinity)
        const opensIn = verdict.unaskedIn ?? verdict.opensIn ?? (firstLeaves === Infinity ? glance : Infinity)
        now = Math.min(now + Math.max(opensIn, 1e-3), firstLeaves)
        if (now === Infinity) return Infinity
        leaveUntil(now)
        continue
      }
      state = next
      const extra = verdict._tag === "accepted" ? (verdict.wait ?? 0) + (verdict.extra ?? 0) : 0
      const at = now + service + extra
      ends.add({ at, sequence, index: -1 })
      last = Math.max(last, at)
      break
    }
  }
  return last
}
