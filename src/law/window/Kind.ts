/**
 * Two kinds of rejections, told apart by their status: those of the limit, once it is known exactly, and all others. A 429
 * speaks of the caller's limit, a 503 or 529 of a server that has too much to do for everybody; but any two will do.
 *
 * @since 0.2.0
 */
import type { Starts } from "../ControlLaw.js"
import type { Rejection } from "./Blame.js"
import * as Chance from "./Chance.js"
import * as Log from "./Log.js"
import { explain, type Draft } from "./State.js"
import { few, recent, remembered } from "./Numbers.js"

/** How long the pool waits after a second one in a row, in rejections' time; each further one doubles it. */
const pause = 2 * few

/**
 * What a rejection is whose status is not that of the limit, where this is known exactly: `chance`, or `closed` where there
 * were too many in a row; undefined where the limit may be another by now.
 *
 * @since 0.2.0
 * @category learning
 */
export const ofOthers = (
  draft: Draft,
  { sequence, status }: Rejection,
  starts: Starts,
  now: number
): "chance" | "closed" | undefined => {
  const { kind, rejectionLatency } = draft
  if (kind === undefined || kind.status === status) return undefined
  const lately = Log.rejectedOf(starts, recent, kind.status)
  const row = Log.rowOf(starts, sequence)
  if (Chance.isClosed(lately, row)) return "closed"
  const others = Log.rejectedOf(starts, remembered, kind.status)
  draft.kind = lately > Chance.most ? undefined : { ...kind, others }
  if (draft.kind === undefined) return undefined
  explain(
    draft,
    `chance rejects ${(100 * others).toPrecision(2)} % of all calls (status ${status}, the limit has ${kind.status})`,
    row === 1 ? undefined : now + pause * 2 ** (row - 2) * rejectionLatency
  )
  return "chance"
}
