/**
 * Checkers of turns: higher priorities go first, tenants take turns, what is due first goes first, and what is too late is not
 * started. Together they say that nobody starves: whoever has waited for an ageing goes like the next higher priority, and no
 * tenant has two turns while another waits for one.
 *
 * In a pool that was told limits a row may pass those that wait for room, where it takes less than one of them: a row that takes
 * as much as any other passes nobody. A pool that was told prices is not looked at, since money has reasons of its own.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Cost from "../limit/Cost.js"
import * as Limit from "../limit/Limit.js"
import type { TurnOptions } from "../PooledExecutor.js"
import * as Sorted from "../structure/Sorted.js"
import { rankOf } from "../turn/TurnQueue.js"
import type { Checker } from "./Checker.js"
import { perClient, silence, tolerance } from "./PerClient.js"
import type * as Trace from "./Trace.js"

/** A row without an outcome. */
interface Row {
  readonly number: number
  readonly at: number
  readonly priority: number
  readonly tenant: string
  readonly weight: number
  /** Until when it is wanted, and from when on it is refused. */
  readonly deadline: number
  readonly dueAt: number
  /** Whose rows it takes turns with inside its lane. */
  readonly line: number
  readonly takes: Cost.Weight
  isFresh: boolean
  /** Whether it may wait for a start: not while an attempt of it runs, nor after one that was no rejection. */
  isWaiting: boolean
  /** How many that came and rank later have started first. */
  passed: number
}

type Submitted = Extract<Trace.Event, { readonly _tag: "submitted" }>

const millisOf = (deadline: TurnOptions["deadline"], at: number): number =>
  deadline === undefined ? Infinity : deadline instanceof Date ? deadline.getTime() : at + Duration.toMillis(deadline)

const rowOf = ({ at, costs, line, row, turns }: Submitted, i: number): Row => {
  const turn = turns?.[i] ?? {}
  const cost = costs?.[i]
  const deadline = millisOf(turn.deadline, at)
  return {
    number: row + i,
    at,
    priority: turn.priority ?? 0,
    tenant: turn.tenant ?? "",
    weight: turn.weight ?? 1,
    deadline,
    dueAt: turn.late === "refuse" ? deadline : Infinity,
    line,
    takes: cost === undefined ? Cost.one : Cost.weigh(cost),
    isFresh: true,
    isWaiting: true,
    passed: 0
  }
}

/** Rows by a number of theirs, the lowest first. */
const sortedBy = (rankOf: (row: Row) => number) => {
  interface Place extends Sorted.Element {
    readonly row: Row
  }
  const sorted = Sorted.make<Place>()
  const places = new Map<Row, Place>()
  return {
    get first(): Row | undefined {
      return sorted.first?.row
    },
    get all(): ReadonlyArray<Row> {
      return sorted.all().map(({ row }) => row)
    },
    add: (row: Row): void => {
      const place = { row, rank: rankOf(row), sequence: row.number }
      places.set(row, place)
      sorted.add(place)
    },
    remove: (row: Row): void => {
      const place = places.get(row)
      if (place !== undefined) sorted.remove(place)
      places.delete(row)
    }
  }
}

type Rows = ReturnType<typeof sortedBy>

/** Rows of one line, priority and tenant that wait for their first start, and that nobody may refuse meanwhile. */
interface Flow {
  readonly byTime: Rows
  readonly byRank: Rows
}

const flowOf = ({ line, priority, tenant }: Row): string => `${line} ${priority} ${tenant}`

interface Start {
  readonly row: Row
  readonly isFirst: boolean
}

/** What is looked at once an instant is over: of those that start at one, the order is anybody's. */
interface Instant {
  readonly at: number
  readonly started: ReadonlyArray<Start>
  /** Of each flow, those that have waited since before the instant, and wait on. */
  readonly flows: ReadonlyMap<string, Flow>
  /** When the first row came of those of a priority that have no outcome. */
  readonly earliest: (priority: number) => number
  readonly ageing: number
  /** Whether rows wait for room here. */
  readonly isLimited: boolean
  /** Whether one that has started may have passed whoever waits, since one that takes more of a limit waits for room. */
  readonly mayPass: (row: Row) => boolean
}

interface Look {
  readonly look: (instant: Instant) => string | undefined
  /** Whoever goes away may have had its turn, and made no use of it. */
  readonly gone: (row: Row, at: number) => void
}

/** The rows of a client. */
const rowsOf = (ageing: () => number) => {
  const rows = new Map<number, Row>()
  const flows = new Map<string, Flow>()
  const classes = new Map<number, Rows>()
  /** Those that came in the instant, and those that waited at its begin, and do no more. */
  let arrived: Array<Row> = []
  let waited: Array<Row> = []

  const classOf = ({ priority }: Row): Rows => {
    const known = classes.get(priority) ?? sortedBy(({ at }) => at)
    classes.set(priority, known)
    return known
  }

  const waitsNoMore = (row: Row): void => {
    if (row.isWaiting) waited.push(row)
    row.isWaiting = false
    row.isFresh = false
    const flow = flows.get(flowOf(row))
    flow?.byTime.remove(row)
    flow?.byRank.remove(row)
    if (flow?.byTime.first === undefined) flows.delete(flowOf(row))
  }

  return {
    flows,
    earliest: (priority: number): number => classes.get(priority)?.first?.at ?? Infinity,
    get: (number: number): Row | undefined => rows.get(number),
    add: (row: Row): void => {
      rows.set(row.number, row)
      classOf(row).add(row)
      arrived.push(row)
    },
    waitsNoMore,
    /** Whether any other that waits, or has waited in this instant, takes more of one of these units. */
    isLargest: (row: Row, units: ReadonlyArray<Cost.Unit>): boolean => {
      const isLarger = (other: Row): boolean => units.some((unit) => other.takes[unit] > row.takes[unit])
      return !waited.some(isLarger) && ![...rows.values()].some((other) => other.isWaiting && isLarger(other))
    },
    remove: (row: Row): void => {
      waitsNoMore(row)
      classOf(row).remove(row)
      rows.delete(row.number)
    },
    /** The instant is over. */
    settle: (): void => {
      for (const row of arrived) {
        if (!row.isFresh || row.dueAt < Infinity) continue
        const flow = flows.get(flowOf(row)) ?? {
          byTime: sortedBy(({ at }) => at),
          byRank: sortedBy((row) => rankOf(row, row.at, ageing()))
        }
        flows.set(flowOf(row), flow)
        flow.byTime.add(row)
        flow.byRank.add(row)
      }
      arrived = []
      waited = []
    }
  }
}

const newClient = (state: Look) => {
  const config = { ageing: Infinity, units: new Array<Cost.Unit>(), isLimited: false }
  return {
    isLooked: true,
    hasTurns: false,
    config,
    rows: rowsOf(() => config.ageing),
    silence: silence(),
    at: -Infinity,
    started: new Array<Start>(),
    state
  }
}

type Client = ReturnType<typeof newClient>

const follow = ({ rows, started, state }: Client, event: Trace.Event): void => {
  if (event._tag === "submitted") {
    for (let i = 0; i < event.count; i++) rows.add(rowOf(event, i))
  }
  if (event._tag === "ended" && event.outcome === "capacity") {
    const row = rows.get(event.row)
    if (row !== undefined) row.isWaiting = true
  }
  if (event._tag !== "started" && event._tag !== "finished" && event._tag !== "withdrawn") return
  const row = rows.get(event.row)
  if (row === undefined) return
  if (event._tag === "started") {
    started.push({ row, isFirst: row.isFresh })
    rows.waitsNoMore(row)
  } else {
    if (row.isFresh) state.gone(row, event.at)
    rows.remove(row)
  }
}

/** The instant is over: looks at what has started in it. */
const over = (client: Client): string | undefined => {
  const { at, config, hasTurns, rows, started, state } = client
  client.started = []
  const { earliest, flows } = rows
  const mayPass = (row: Row): boolean => config.isLimited && !rows.isLargest(row, config.units)
  const instant = { ...config, at, started, flows, earliest, mayPass }
  const found = started.length > 0 && hasTurns ? state.look(instant) : undefined
  rows.settle()
  return found
}

/** Follows the rows of a client that says whose turn it is, and looks at each instant at which something starts. */
const instants = (make: () => Look): Checker["start"] => {
  const start = () => {
    const clients = perClient(() => newClient(make()))
    return (event: Trace.Event): string | undefined => {
      const client = clients(event)
      client.silence.observe(event)
      if (event._tag === "joined") {
        const { ageing, limits = [], prices } = event.config
        const units = Limit.tell(limits).flatMap(({ unit }) => (unit === "concurrent" ? [] : [unit]))
        client.isLooked = prices === undefined
        Object.assign(client.config, { ageing: Duration.toMillis(ageing), units, isLimited: limits.length > 0 })
      }
      if (!client.isLooked) return undefined
      const found = event.at > client.at ? over(client) : undefined
      client.at = event.at
      if (event._tag === "submitted") client.hasTurns ||= event.turns !== undefined
      if (event._tag === "shutdown" || client.silence.isOver(event.at)) client.isLooked = false
      follow(client, event)
      return found
    }
  }
  return start
}

/**
 * No row starts while one of a higher priority waits, unless somebody of its own has waited longer by an ageing for each
 * priority between them; and then that one goes first.
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
      gone: (row, at) => void last.set(flowOf(row), at),
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
 * Of one priority, a tenant that waits has its turn before another has had more than one, and as many more as its weight is
 * larger.
 *
 * @since 0.2.0
 * @category invariants
 */
export const tenantsTakeTurns: Checker = {
  name: "tenants take turns",
  start: instants(() => {
    interface Tenant {
      /** Its last turn, or when it may have lost one. */
      last: number
      turns: Array<number>
      /** How many of its turns came while others waited for room, and are paid for by turns of theirs. */
      passes: number
      least: number
      most: number
    }
    const tenants = new Map<string, Tenant>()
    const keyOf = ({ priority, tenant }: Row): string => `${priority} ${tenant}`
    const tenantOf = (row: Row): Tenant => {
      const known = tenants.get(keyOf(row))
      const { weight } = row
      const tenant = known ?? { last: -Infinity, turns: [], passes: 0, least: weight, most: weight }
      tenants.set(keyOf(row), tenant)
      tenant.least = Math.min(tenant.least, weight)
      tenant.most = Math.max(tenant.most, weight)
      return tenant
    }
    return {
      gone: (row, at) => void (tenantOf(row).last = at),
      look: ({ at, flows, mayPass, started }) => {
        for (const { row } of started) {
          const tenant = tenantOf(row)
          tenant.turns = [...tenant.turns, at].slice(-kept)
          tenant.last = at
          if (mayPass(row)) tenant.passes += 1
        }
        const since = new Map<string, { readonly row: Row; readonly from: number }>()
        for (const { byTime } of flows.values()) {
          const row = byTime.first
          if (row === undefined) continue
          const from = Math.max(row.at, tenantOf(row).last)
          const known = since.get(keyOf(row))
          if (known === undefined || from < known.from) since.set(keyOf(row), { row, from })
        }
        /** Of those of the instant, who passes may come after who does not. */
        const turnsNow = (row: Row): number =>
          started.filter((other) => keyOf(other.row) === keyOf(row) && !mayPass(other.row)).length
        for (const { from, row } of since.values()) {
          const { least, passes } = tenantOf(row)
          for (const { row: other } of started) {
            if (other.priority !== row.priority || other.tenant === row.tenant) continue
            const { most, turns } = tenantOf(other)
            const allowed = Math.floor(1 + ((1 + passes) * most) / least + tolerance)
            if (turns.filter((turn) => turn > from).length <= allowed || mayPass(other)) continue
            const between = turns.filter((turn) => turn > from && turn < at).length + turnsNow(other)
            if (between <= allowed) continue
            return `tenant "${other.tenant}" has ${between} turns while "${row.tenant}" waits for one since ${from}`
          }
        }
        return undefined
      }
    }
  })
}

/** So many of the latest turns of a tenant are kept: weights of tests are smaller. */
const kept = 64

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
 * Of the rows of one tenant and priority in a batch, a stream or a line, none starts first while another waits that is due
 * before it.
 *
 * @since 0.2.0
 * @category invariants
 */
export const dueGoFirst: Checker = {
  name: "what is due first goes first",
  start: instants(() => ({
    gone: () => {},
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
 * In a pool that was told limits no more than 64 rows of its own pass one that waits for room, whatever they take.
 *
 * @since 0.2.0
 * @category invariants
 */
export const fewPass: Checker = {
  name: "no row is passed for ever",
  start: instants(() => ({
    gone: () => {},
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
 * What is not to run late starts no later than its deadline, in whatever pool.
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
