/**
 * Checkers look at every step of a simulation and report what must not happen. A checker of your own is a function.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import { activeTime, perClient } from "./PerClient.js"
import * as Trace from "./Trace.js"

/**
 * A checker. `start` makes a function for a simulation. That function gets each event, and returns what is wrong, or
 * undefined.
 *
 * @example
 * ```ts
 * import { Checker } from "effect-aimd/testing"
 *
 * const atMostThreeAttempts: Checker.Checker = {
 *   name: "at most three attempts",
 *   start: () => (event) =>
 *     event._tag === "started" && event.attempt > 3 ? `row ${event.row} is tried again` : undefined
 * }
 * assert.strictEqual(
 *   atMostThreeAttempts.start()({ _tag: "started", at: 0, client: 0, row: 7, attempt: 4 }),
 *   "row 7 is tried again"
 * )
 * ```
 *
 * @since 0.2.0
 * @category models
 */
export interface Checker {
  readonly name: string
  readonly start: () => (event: Trace.Event) => string | undefined
}

/**
 * A checker found something that must not happen.
 *
 * @since 0.2.0
 * @category errors
 */
export class ViolationError extends Data.TaggedError("ViolationError")<{
  readonly checker: string
  readonly violation: string
  readonly at: number
  /** The events before it and the one that broke the rule, as lines. */
  readonly trace: ReadonlyArray<string>
}> {
  override get message(): string {
    return [`${this.checker}: ${this.violation}, at ${this.at} ms`, ...this.trace.map((line) => `  ${line}`)].join("\n")
  }
}

/**
 * Every row has exactly one entry, entries come in submission order, and none is missing when the client leaves.
 *
 * @since 0.2.0
 * @category invariants
 */
export const oneEntryARow: Checker = {
  name: "one entry a row, in order",
  start: () => {
    const clients = perClient(() => ({ open: new Map<number, Submission>() }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "submitted") {
        const submission: Submission = { entries: 0, last: -1 }
        for (let row = event.row; row < event.row + event.count; row++) client.open.set(row, submission)
      }
      if (event._tag === "finished") {
        const { order, outcome, row } = event
        const submission = client.open.get(row)
        client.open.delete(row)
        if (submission === undefined) return `row ${row} was finished before, or never handed in`
        // It leaves no entry.
        if (outcome === "evicted") return undefined
        const { entries, last } = submission
        if (order !== entries) return `row ${row} is entry ${order}, not ${entries}`
        if (row < last) return `row ${row} is entry ${order}, after row ${last}`
        submission.entries += 1
        submission.last = row
      }
      if (event._tag === "left" && client.open.size > 0) {
        return `${client.open.size} rows have no entry: ${[...client.open.keys()].slice(0, 10).join(", ")}`
      }
      return undefined
    }
  }
}

/** Rows that were handed in together: how many entries they have, and whose is the last. */
interface Submission {
  entries: number
  last: number
}

/**
 * When nothing runs, all permits are back. When a client has left, nothing runs.
 *
 * @since 0.2.0
 * @category invariants
 */
export const permitsComeBack: Checker = {
  name: "all permits are back when nothing runs",
  start: () => {
    const clients = perClient(() => ({ running: 0 }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "started") client.running += 1
      if (event._tag === "ended") client.running -= 1
      if (event._tag !== "left") return undefined
      if (client.running > 0) return `${client.running} attempts run on`
      return event.inFlight === 0 && event.pending === 0
        ? undefined
        : `nothing runs, and the pool counts ${event.inFlight} in flight and ${event.pending} pending`
    }
  }
}

/**
 * Nothing starts after a shutdown.
 *
 * @since 0.2.0
 * @category invariants
 */
export const noStartAfterShutdown: Checker = {
  name: "no start after shutdown",
  start: () => {
    const clients = perClient(() => ({ asked: Infinity, returned: false }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "shutdown") client.asked = Math.min(client.asked, event.at)
      if (event._tag === "shut") client.returned = true
      return event._tag === "started" && (client.returned || event.at > client.asked)
        ? `row ${event.row} starts after the shutdown at ${client.asked}`
        : undefined
    }
  }
}

/**
 * No attempt starts on or after the end of its row's budget. A pause does not count against the budget.
 *
 * @since 0.2.0
 * @category invariants
 */
export const noStartAfterBudget: Checker = {
  name: "no start after a row's budget",
  start: () => {
    const clients = perClient(() => ({ budget: Infinity, first: new Map<number, number>(), active: activeTime() }))
    return (event) => {
      const client = clients(event)
      client.active.observe(event)
      if (event._tag === "joined") client.budget = Duration.toMillis(event.config.maxCapacityRetry)
      if (event._tag === "finished") client.first.delete(event.row)
      if (event._tag !== "started") return undefined
      const first = client.first.get(event.row)
      const now = client.active.at(event.at)
      if (first === undefined) client.first.set(event.row, now)
      return first !== undefined && now >= first + client.budget
        ? `row ${event.row}, first started at ${first}, starts at the end of its budget of ${client.budget} ms`
        : undefined
    }
  }
}

/**
 * Nothing starts while the pool is paused.
 *
 * @since 0.2.0
 * @category invariants
 */
export const noStartWhilePaused: Checker = {
  name: "no start while paused",
  start: () => {
    const clients = perClient(() => ({ pausedAt: Infinity }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "paused") client.pausedAt = Math.min(client.pausedAt, event.at)
      if (event._tag === "resumed") client.pausedAt = Infinity
      // What was admitted at the instant of the pause, before it, may be seen after it.
      return event._tag === "started" && event.at > client.pausedAt
        ? `row ${event.row} starts, and the pool is paused since ${client.pausedAt}`
        : undefined
    }
  }
}

/**
 * All of them: what a pool must not do with rows. `LawChecker.all` check that it obeys its control law, `Liveness.all`
 * what it must get done, and `StreamChecker.all` streams. `Simulation.invariants` are all checkers of this library.
 *
 * @since 0.2.0
 * @category invariants
 */
export const all: ReadonlyArray<Checker> = [
  oneEntryARow,
  permitsComeBack,
  noStartAfterShutdown,
  noStartAfterBudget,
  noStartWhilePaused
]

/** So many events are shown before the one that broke a rule. */
const shown = 30

/**
 * Starts checkers on a simulation. `onViolation` gets the first violation, with the trace around it; nothing is checked
 * after that.
 *
 * @since 0.2.0
 * @category running
 */
export const observe = (
  checkers: ReadonlyArray<Checker>,
  onViolation: (error: ViolationError) => void
): Trace.Observer => {
  const running = checkers.map(({ name, start }) => ({ name, check: start() }))
  const recent: Array<Trace.Event> = []
  let next = 0
  let violated = false
  return (event) => {
    if (violated) return
    recent[next] = event
    next = (next + 1) % shown
    for (const { check, name } of running) {
      const violation = check(event)
      if (violation === undefined) continue
      violated = true
      const trace = [...recent.slice(next), ...recent.slice(0, next)].map(Trace.line)
      onViolation(new ViolationError({ checker: name, violation, at: event.at, trace }))
      return
    }
  }
}
