/**
 * Checkers of turns: higher priorities go first, tenants take turns, earlier deadlines go first, and nothing starts too
 * late. Together they check that nobody waits for ever: after one `ageing` a row goes as if it had the next higher
 * priority, and no tenant has two turns while another waits for one.
 *
 * In a pool that was told limits, a row may pass rows that wait for room, if it takes less than one of them. No row
 * passes others because of money: if there is too little, all wait, or end. All rows of a group of pools count as rows
 * of one client, whichever pool starts them.
 *
 * For a client with a journal, turns are checked only until its first batch or stream begins. A batch lets others go
 * first while it reads its journal or waits for it, and no event tells when. For all clients it is checked that nothing
 * starts late.
 *
 * @since 0.2.0
 */
import { rankOf } from "../turn/TurnQueue.js"
import type { Checker } from "./Checker.js"
import { instants, type Instant } from "./Instants.js"
import { tolerance } from "./PerClient.js"
import * as TenantTurns from "./TenantTurns.js"
import { flowOf, millisOf, type Row } from "./TurnRows.js"

/**
 * No row starts while a row of higher priority waits. There is one exception: a row of its priority has waited longer,
 * by one `ageing` for each priority between the two. Then the row that waited longest goes first.
 *
 * @since 0.2.0
 * @category invariants
 */
export const prioritiesGoFirst: Checker = {
  name: "higher priorities go first, and nobody waits for ever",
  start: instants(() => {
    /** When each priority of a tenant had its last start in a line, or lost a row. */
    const last = new Map<string, number>()
    return {
      gone: (row, at) => {
        if (row.isFresh) last.set(flowOf(row), at)
      },
      look: ({ ageing, at, earliest, flows, mayPass, started }) => {
        for (const { row } of started) last.set(flowOf(row), at)
        const since = new Map<number, { readonly at: number; readonly number: number }>()
        for (const [key, { byTime }] of flows) {
          const row = byTime.first
          if (row === undefined) continue
          // At the latest, its lane waits since then.
          const from = Math.max(row.at, last.get(key) ?? -Infinity)
          const known = since.get(row.priority)?.at ?? Infinity
          if (from < at && from <= known) since.set(row.priority, { at: from, number: row.number })
        }
        for (const { row } of started) {
          const ofPriority = started.flatMap((other) => (other.row.priority === row.priority ? [other.row.at] : []))
          const first = Math.min(...ofPriority, earliest(row.priority))
          for (const [priority, other] of since) {
            if (priority === row.priority) continue
            const isFirst =
              ageing === Infinity
                ? priority < row.priority
                : first - row.priority * ageing <= other.at - priority * ageing + tolerance
            if (isFirst || mayPass(row)) continue
            return `row ${row.number} of priority ${row.priority} starts at ${at}, and row ${other.number} of priority ${priority} waits`
          }
        }
        return undefined
      }
    }
  })
}

/**
 * Within one priority, while a tenant waits for its turn, another tenant has at most one turn more than the ratio of
 * the two weights. Turns that a tenant took early, while somebody else waited for room, count too.
 *
 * @since 0.2.0
 * @category invariants
 */
export const tenantsTakeTurns: Checker = {
  name: "tenants take turns",
  start: instants(TenantTurns.make)
}

/** Those of its own that wait, and are due before one that starts first. Of those that came later it is not the one that passes. */
const passedBy = (row: Row, { ageing, at, flows, isLimited }: Instant): ReadonlyArray<Row> => {
  const flow = flows.get(flowOf(row))
  const first = flow?.byRank.first
  if (flow === undefined || first === undefined || row.at === at) return []
  const rank = (one: Row): number => rankOf(one, one.at, ageing)
  const isBefore = (other: Row): boolean => rank(other) < rank(row) - tolerance
  // In a pool that was told limits, a row that was looked at keeps its place. Rows of a batch come in order, also at one instant.
  const isThere = ({ at, number }: Row): boolean =>
    at < row.at || (row.line !== 0 && at === row.at && number < row.number)
  if (isLimited) return flow.byRank.all.filter((other) => isThere(other) && isBefore(other))
  return isBefore(first) ? [first] : []
}

/**
 * Among rows of one tenant and priority in a batch, a stream or a line, no row starts while a row with an earlier
 * deadline waits.
 *
 * @since 0.2.0
 * @category invariants
 */
export const dueGoFirst: Checker = {
  name: "what is due first goes first",
  start: instants(() => ({
    look: (instant) => {
      for (const { isFirst, row } of instant.started) {
        const [before] = isFirst ? passedBy(row, instant) : []
        if (before === undefined || instant.mayPass(row)) continue
        return `row ${row.number} starts at ${instant.at}, and row ${before.number} is due before it`
      }
      return undefined
    }
  }))
}

/** So many may pass one that waits for room, at most. */
const mostPassed = 64

/**
 * In a pool that was told limits, at most 64 rows of its own tenant pass a row that waits for room.
 *
 * @since 0.2.0
 * @category invariants
 */
export const fewPass: Checker = {
  name: "no row is passed for ever",
  start: instants(() => ({
    look: (instant) => {
      for (const { isFirst, row } of instant.isLimited ? instant.started : []) {
        for (const other of isFirst ? passedBy(row, instant) : []) {
          other.passed += 1
          if (other.passed > mostPassed)
            return `row ${row.number} starts, the ${other.passed}th to pass row ${other.number}`
        }
      }
      return undefined
    }
  }))
}

/**
 * A row with `late: "refuse"` starts no later than its deadline, in any pool.
 *
 * @since 0.2.0
 * @category invariants
 */
export const nothingStartsLate: Checker = {
  name: "nothing starts that is too late",
  start: () => {
    const due = new Map<number, number>()
    return (event) => {
      if (event._tag === "submitted") {
        event.turns?.forEach((turn, i) => {
          if (turn?.late === "refuse") due.set(event.row + i, millisOf(turn.deadline, event.at))
        })
      }
      if (event._tag === "finished") {
        const isLate = due.has(event.row)
        due.delete(event.row)
        if (event.outcome === "TooLateError" && !isLate) return `row ${event.row} was refused, and was to run late`
      }
      const at = event._tag === "started" ? (due.get(event.row) ?? Infinity) : Infinity
      return event.at > at + tolerance
        ? `row ${"row" in event ? event.row : ""} starts, and was due at ${at}`
        : undefined
    }
  }
}

/**
 * All of them.
 *
 * @since 0.2.0
 * @category invariants
 */
export const all: ReadonlyArray<Checker> = [prioritiesGoFirst, tenantsTakeTurns, dueGoFirst, fewPass, nothingStartsLate]
