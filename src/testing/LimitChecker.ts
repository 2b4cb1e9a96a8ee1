/**
 * What must never happen in a pool that was told limits or a budget.
 *
 * @since 0.2.0
 */
import * as Cost from "../limit/Cost.js"
import * as Limit from "../limit/Limit.js"
import type { Checker } from "./Checker.js"
import { isLimited, perClient, tolerance } from "./PerClient.js"
import type * as Trace from "./Trace.js"

type Started = Extract<Trace.Event, { readonly _tag: "started" }>
type Ended = Extract<Trace.Event, { readonly _tag: "ended" }>

/** Sums of fractions drift. */
const hair = 1e-6

/** What counts of an attempt: what it asked for, until its answer says what it took. */
interface Counted {
  readonly at: number
  amount: number
}

const amountOf = (unit: Limit.Told["unit"], cost: Cost.Cost | undefined): number =>
  unit === "concurrent" ? 1 : (cost === undefined ? Cost.one : Cost.weigh(cost))[unit]

/** Follows one limit; says how much counts after each start. */
const follow = (limit: Limit.Told) => {
  const { burst, most, per, refunds, unit } = limit
  const open = new Map<string, Counted>()
  let counted: Array<Counted> = []
  let used = 0
  let last = 0

  const change = (one: Counted, amount: number): void => {
    // What has left the window, or was filled up again, makes no difference.
    if (burst === undefined && !counted.includes(one)) return
    used = burst === undefined ? used + amount - one.amount : Math.max(0, used + amount - one.amount)
    one.amount = amount
  }

  const forget = (now: number): void => {
    if (burst !== undefined) used = Math.max(0, used - (most / per) * (now - last))
    else if (unit !== "concurrent") {
      const gone = counted.findIndex(({ at }) => at > now - per + tolerance)
      const left = gone < 0 ? counted : counted.slice(0, gone)
      for (const { amount } of left) used -= amount
      counted = counted.slice(left.length)
    }
    last = now
  }

  return {
    limit,
    started: ({ at, attempt, cost, row }: Started): number => {
      forget(at)
      const one = { at, amount: amountOf(unit, cost) }
      open.set(`${row} ${attempt}`, one)
      if (unit !== "concurrent") counted.push(one)
      used += one.amount
      return used
    },
    ended: ({ at, attempt, outcome, row, took }: Ended): void => {
      forget(at)
      const one = open.get(`${row} ${attempt}`)
      open.delete(`${row} ${attempt}`)
      if (one === undefined) return
      if (unit === "concurrent") used -= one.amount
      else if (refunds && outcome === "capacity" && unit !== "requests") change(one, 0)
      else if (refunds && took !== undefined) change(one, amountOf(unit, took))
    }
  }
}

/**
 * The pool's starts never exceed a limit that it was told, not by one call.
 *
 * @since 0.2.0
 * @category invariants
 */
export const toldLimitsHold: Checker = {
  name: "no limit that was told is exceeded",
  start: () => {
    const clients = perClient((): { limits: ReadonlyArray<ReturnType<typeof follow>> } => ({ limits: [] }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "joined") {
        const { limits = [] } = event.config
        // A limit that may grow is one that may be exceeded.
        client.limits = Limit.tell(limits.filter((limit) => limit !== "headers"))
          .filter(({ grows }) => !grows)
          .map(follow)
      }
      if (event._tag === "ended") for (const limit of client.limits) limit.ended(event)
      if (event._tag !== "started") return undefined
      for (const { limit, started } of client.limits) {
        const used = started(event)
        if (used > Limit.largest(limit) * (1 + hair)) {
          return `row ${event.row} starts, and makes it ${used} where ${Limit.show(limit)} are allowed`
        }
      }
      return undefined
    }
  }
}

/**
 * What was reserved is settled, given back, or still open. When nothing is in flight, nothing is open.
 *
 * @since 0.2.0
 * @category invariants
 */
export const weightsConserve: Checker = {
  name: "reserved = settled + refunded",
  start: () => (event) => {
    if (event._tag !== "left") return undefined
    for (const { limit, open, refunded, reserved, settled } of event.limits ?? []) {
      if (Math.abs(reserved - settled - refunded - open) > hair * Math.max(1, reserved)) {
        return `of ${limit}, ${reserved} were reserved, ${settled} settled, ${refunded} refunded, and ${open} are open`
      }
      if (event.inFlight === 0 && Math.abs(open) > hair)
        return `of ${limit}, ${open} are open, and nothing is in flight`
    }
    return undefined
  }
}

/**
 * No more than the budget is spent, if each attempt has said what it takes, and took no more.
 *
 * @since 0.2.0
 * @category invariants
 */
export const budgetHolds: Checker = {
  name: "no more is spent than the budget",
  start: () => {
    const clients = perClient(() => ({ isTold: true }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "started" && event.cost === undefined) client.isTold = false
      if (event._tag !== "left" || event.money === undefined || !client.isTold) return undefined
      const { budget, reserved, spent } = event.money
      if (spent > budget * (1 + hair)) return `${spent} was spent, of ${budget}`
      return event.inFlight === 0 && reserved !== 0 ? `${reserved} is set aside, and nothing is in flight` : undefined
    }
  }
}

/** So many rows of its line may start before one whose turn came earlier, at most. */
const mostPassed = 64

/** The rows of a line that were passed, and how often; rows are numbered in the order of their turns. */
const makeLine = () => {
  const passed = new Map<number, number>()
  let next: number | undefined
  return {
    submitted: (row: number): void => {
      next ??= row
    },
    /** A row starts for the first time; returns how many have passed it. */
    started: (row: number): number => {
      next ??= row
      for (; next < row; next++) passed.set(next, 0)
      next = Math.max(next, row + 1)
      const count = passed.get(row) ?? 0
      passed.delete(row)
      for (const [other, times] of passed) if (other < row) passed.set(other, times + 1)
      return count
    }
  }
}

/**
 * While a row of a batch or a stream waits for room, at most 64 rows of later turns start before it, however small they
 * are.
 *
 * @since 0.2.0
 * @category invariants
 */
export const fewOvertake: Checker = {
  name: "no row is overtaken for ever",
  start: () => {
    const clients = perClient(() => ({
      isLimited: false,
      lines: new Map<number, ReturnType<typeof makeLine>>(),
      lineOf: new Map<number, number>()
    }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "joined") client.isLimited = isLimited(event.config)
      if (!client.isLimited) return undefined
      // Single calls have no order of their own but that of their times, and rows that say whose turn it is that of their turns.
      if (event._tag === "submitted" && event.line !== 0 && event.turns === undefined) {
        const line = client.lines.get(event.line) ?? makeLine()
        client.lines.set(event.line, line)
        line.submitted(event.row)
        for (let row = event.row; row < event.row + event.count; row++) client.lineOf.set(row, event.line)
      }
      if (event._tag !== "started" || event.attempt !== 1) return undefined
      const line = client.lines.get(client.lineOf.get(event.row) ?? 0)
      const count = line?.started(event.row) ?? 0
      return count > mostPassed ? `row ${event.row} starts after ${count} others whose turn came later` : undefined
    }
  }
}

/**
 * All of them.
 *
 * @since 0.2.0
 * @category invariants
 */
export const all: ReadonlyArray<Checker> = [toldLimitsHold, weightsConserve, budgetHolds, fewOvertake]
