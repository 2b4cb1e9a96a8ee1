/**
 * Checkers of what a pool must get done: rows end in time, no row stops the others, turns are fair, and permits are
 * used.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as ControlLaw from "../law/ControlLaw.js"
import type { Checker } from "./Checker.js"
import { activeTime, allowedAt, isLimited, perClient, silence, sizes, tolerance } from "./PerClient.js"
import type * as Trace from "./Trace.js"

/** Whether the whole party was interrupted, or the row evicted, perhaps long after it had ended: when, nobody knows. */
const isWithoutEntry = ({ attempts, outcome }: Trace.Event & { readonly _tag: "finished" }): boolean =>
  attempts === 0 && (outcome === "interrupted" || outcome === "evicted")

/**
 * A row ends when its budget ends, which counts from its first start; an attempt in flight may end first. A pause does
 * not count against the budget.
 *
 * @since 0.2.0
 * @category invariants
 */
export const rowsEndByBudget: Checker = {
  name: "a row ends by its budget",
  start: () => {
    const clients = perClient(() => ({
      budget: Infinity,
      rows: new Map<number, { first: number; end: number }>(),
      active: activeTime()
    }))
    return (event) => {
      const client = clients(event)
      client.active.observe(event)
      const now = client.active.at(event.at)
      if (event._tag === "joined") client.budget = Duration.toMillis(event.config.maxCapacityRetry)
      if (event._tag === "started" && !client.rows.has(event.row)) {
        client.rows.set(event.row, { first: now, end: now })
      }
      if (event._tag !== "ended" && event._tag !== "finished") return undefined
      const row = client.rows.get(event.row)
      if (row === undefined) return undefined
      if (event._tag === "ended") {
        row.end = now
        return undefined
      }
      client.rows.delete(event.row)
      // Of a batch that was interrupted there are no entries.
      if (isWithoutEntry(event)) return undefined
      const last = Math.max(row.first + client.budget, row.end)
      const completedAt = client.active.at(event.completedAt)
      return completedAt > last + tolerance
        ? `row ${event.row}, first started at ${row.first}, ends at ${completedAt}, and not by ${last}`
        : undefined
    }
  }
}

/**
 * A batch or a call ends at most one budget and one attempt after the API has begun to serve nothing. This is checked
 * only if the pool has an `attemptTimeout`: without it an attempt may take for ever.
 *
 * @since 0.2.0
 * @category invariants
 */
export const endsWithinBudget: Checker = {
  name: "all that waits ends within its budget and one attempt",
  start: () => {
    const clients = perClient(() => ({
      attempt: Infinity,
      submitted: new Map<number, number>(),
      silence: silence()
    }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "joined" && event.config.attemptTimeout !== undefined) {
        client.attempt = Duration.toMillis(event.config.attemptTimeout)
      }
      if (client.attempt === Infinity) return undefined
      if (event._tag === "submitted") {
        for (let i = 0; i < event.count; i++) client.submitted.set(event.row + i, client.silence.active(event.at))
      }
      const latest = client.silence.endsAt(client.attempt)
      const givesUpAt = client.silence.givesUpAt()
      client.silence.observe(event)
      if (event._tag !== "finished") return undefined
      const submittedAt = client.submitted.get(event.row) ?? Infinity
      client.submitted.delete(event.row)
      if (isWithoutEntry(event)) return undefined
      const completedAt = client.silence.active(event.completedAt)
      return completedAt > latest + tolerance && submittedAt < givesUpAt
        ? `row ${event.row} ends at ${completedAt}, where ${latest} is the latest`
        : undefined
    }
  }
}

/**
 * One row cannot stop the others. A line is a batch, or all single calls together. After a rejected retry, the same row
 * does not start again in its line while a fresh row waits there. Between lines, {@link turnsAreFair} checks; for rows
 * with turns, `TurnChecker` checks.
 *
 * @since 0.2.0
 * @category invariants
 */
export const oneRowStopsNobody: Checker = {
  name: "one row stops nobody",
  start: () => {
    const newLine = () => ({
      /** When each was handed in. */
      fresh: new Map<number, number>(),
      at: -Infinity,
      /** Those that started at that instant, seen in any order, and at the instant of a start before. */
      rows: new Array<number>(),
      before: new Array<number>(),
      /** Wrong unless another row starts at the same instant. */
      suspect: undefined as string | undefined
    })
    type Turns = ReturnType<typeof newLine>
    const clients = perClient(() => ({
      hasTurns: false,
      lineOf: new Map<number, Turns>(),
      lines: new Map<number, Turns>(),
      silence: silence()
    }))
    return (event) => {
      const client = clients(event)
      client.silence.observe(event)
      // Whoever waited for an API that was given up on has failed, although its batch may have yet to say so.
      const isOver = event._tag === "shutdown" || client.silence.isOver(event.at)
      if (isOver) for (const { fresh } of client.lines.values()) fresh.clear()
      // Where rows say whose turn it is, a row that is alone with its turn may go again before all others.
      if (event._tag === "submitted" && event.turns !== undefined) client.hasTurns = true
      if (client.hasTurns) return undefined
      if (event._tag === "submitted") {
        const line = client.lines.get(event.line) ?? newLine()
        client.lines.set(event.line, line)
        for (let row = event.row; row < event.row + event.count; row++) {
          client.lineOf.set(row, line)
          line.fresh.set(row, event.at)
        }
      }
      if (event._tag !== "started" && event._tag !== "finished" && event._tag !== "withdrawn") return undefined
      const line = client.lineOf.get(event.row)
      line?.fresh.delete(event.row)
      if (event._tag === "withdrawn") return undefined
      if (event._tag === "finished") client.lineOf.delete(event.row)
      if (event._tag === "finished" || line === undefined) return undefined
      const { suspect } = line
      line.suspect = undefined
      if (event.at > line.at) {
        if (suspect !== undefined) return suspect
        line.before = line.rows
        line.rows = []
        line.at = event.at
      }
      line.rows.push(event.row)
      const isAgain = event.attempt > 2 && [...line.before, ...line.rows].every((row) => row === event.row)
      // A row that a stream reads at the instant of the start has come too late for it.
      const waiting = isAgain ? [...line.fresh.values()].filter((since) => since < event.at).length : 0
      if (line.before.length > 0 && waiting > 0) {
        line.suspect = `row ${event.row} starts once more at ${event.at}, before ${waiting} rows that have had no attempt`
      }
      return undefined
    }
  }
}

interface Line {
  /** Since when the line has waited for its next turn. */
  since: number
  /** The latest instants at which it had turns, the last one last. */
  turns: ReadonlyArray<number>
}

/**
 * Turns are fair: no line (a batch, or all single calls together) has two turns while another line waits for one. For
 * rows with turns, `TurnChecker` checks instead. In a pool that was told limits a line may wait for room: there
 * `LimitChecker` checks who passes whom.
 *
 * @since 0.2.0
 * @category invariants
 */
export const turnsAreFair: Checker = {
  name: "turns are fair",
  start: () => {
    const clients = perClient(() => ({
      isLimited: false,
      hasTurns: false,
      lines: new Map<number, Line>(),
      rows: new Map<number, { readonly line: number; readonly at: number }>()
    }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "joined") client.isLimited = isLimited(event.config)
      if (event._tag === "submitted" && event.turns !== undefined) client.hasTurns = true
      if (client.isLimited || client.hasTurns) return undefined
      if (event._tag === "submitted") {
        for (let row = event.row; row < event.row + event.count; row++) {
          client.rows.set(row, { line: event.line, at: event.at })
        }
        if (!client.lines.has(event.line)) client.lines.set(event.line, { since: event.at, turns: [] })
      }
      if (event._tag !== "started" && event._tag !== "finished" && event._tag !== "withdrawn") return undefined
      const row = client.rows.get(event.row)
      const line = row && client.lines.get(row.line)
      if (row === undefined || line === undefined) return undefined
      const since = Math.max(line.since, row.at)
      // Who goes away may have had its turn and made no use of it.
      line.since = event.at
      if (event._tag !== "started") return undefined
      if (line.turns.at(-1) !== event.at) line.turns = [...line.turns.slice(-2), event.at]
      if (event.attempt > 1) return undefined
      for (const [name, other] of client.lines) {
        const between = other.turns.filter((at) => at > since && at < event.at)
        if (other !== line && between.length > 1) {
          return `line ${name} has turns at ${between.join(" and ")} while row ${event.row} of line ${row.line} waits since ${since}`
        }
      }
      return undefined
    }
  }
}

/**
 * The window is used: no row waits for its first start while a permit is free and nothing holds the pool. Pools that
 * were told limits are not checked, because only the pool knows when a limit holds it.
 *
 * @since 0.2.0
 * @category invariants
 */
export const windowIsUsed: Checker = {
  name: "the window is used",
  start: () => {
    const clients = perClient(() => ({
      size: sizes(),
      least: 0,
      most: Infinity,
      running: 0,
      /** When the pool was resumed, or got its size. */
      changedAt: -Infinity,
      waiting: new Map<number, number>(),
      decision: undefined as ControlLaw.Decision | undefined,
      hinted: -Infinity,
      lastStart: -Infinity,
      stopped: false,
      now: -Infinity,
      /** Since when a permit lies idle. */
      idle: Infinity
    }))
    type Client = ReturnType<typeof clients>
    const isIdle = (client: Client, at: number): boolean => {
      const { decision, lastStart } = client
      if (decision === undefined || client.stopped || client.waiting.size === 0) return false
      // A limit of starts in a period is the law's own to know.
      if (decision.starts !== undefined) return false
      const { alone = 0 } = decision
      const spacing = Math.max(client.least, Math.min(decision.spacing, client.most))
      const opensAt = Math.max(
        ...[decision.holdUntil, client.hinted + alone, lastStart + Math.max(spacing, alone), client.changedAt]
      )
      // A window that grows has grown a moment ago.
      const allowed = Math.min(client.size.now(), allowedAt(decision, at - 1))
      return at > opensAt + tolerance && client.running < allowed
    }
    return (event) => {
      const client = clients(event)
      if (event.at > client.now) {
        client.idle = isIdle(client, client.now) ? Math.min(client.idle, client.now) : Infinity
        client.now = event.at
      }
      client.size.observe(event)
      if (event._tag === "paused") client.changedAt = Infinity
      if (event._tag === "resumed" || (event._tag === "resized" && client.changedAt < Infinity)) {
        client.changedAt = event.at
      }
      if (event._tag === "joined") {
        client.least = Duration.toMillis(event.config.minDispatchDelay)
        client.most = Duration.toMillis(event.config.maxRetryAfter)
        client.stopped = isLimited(event.config)
      }
      if (event._tag === "submitted") {
        for (let row = event.row; row < event.row + event.count; row++) client.waiting.set(row, event.at)
      }
      if (event._tag === "decided") {
        client.decision = event.decision
        if (event.sample?._tag === "capacity" && event.sample.retryAfter !== undefined) {
          client.hinted = Math.max(client.hinted, event.at + event.sample.retryAfter)
        }
      }
      if (event._tag === "ended") client.running -= 1
      if (event._tag === "finished" || event._tag === "withdrawn") client.waiting.delete(event.row)
      if (event._tag === "shutdown") client.stopped = true
      if (event._tag !== "started") return undefined
      client.running += 1
      client.lastStart = event.at
      const submittedAt = client.waiting.get(event.row)
      client.waiting.delete(event.row)
      return submittedAt !== undefined && submittedAt <= client.idle && client.idle < event.at
        ? `row ${event.row} starts now, and could have started at ${client.idle}`
        : undefined
    }
  }
}

/**
 * All of them: what a pool must get done. `Checker.all` is the other half.
 *
 * @since 0.2.0
 * @category invariants
 */
export const all: ReadonlyArray<Checker> = [
  rowsEndByBudget,
  endsWithinBudget,
  oneRowStopsNobody,
  turnsAreFair,
  windowIsUsed
]
