/**
 * Checkers of turns: higher priorities go first, tenants take turns, what is due first goes first, and what is too late is not
 * started. Together they say that nobody starves: whoever has waited for an ageing goes like the next higher priority, and no
 * tenant has two turns while another waits for one.
 *
 * They look at pools that were told no limits: there a row may wait for room of its own, and `LimitChecker` looks who passes
 * whom.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type { TurnOptions } from "../PooledExecutor.js"
import * as Sorted from "../structure/Sorted.js"
import { rankOf } from "../turn/TurnQueue.js"
import type { Checker } from "./Checker.js"
import { isLimited, perClient, silence, tolerance } from "./PerClient.js"
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
  isFresh: boolean
}

const millisOf = (deadline: TurnOptions["deadline"], at: number): number =>
  deadline === undefined ? Infinity : deadline instanceof Date ? deadline.getTime() : at + Duration.toMillis(deadline)

const rowOf = (turn: TurnOptions, number: number, at: number, line: number): Row => {
  const deadline = millisOf(turn.deadline, at)
  return {
    number,
    at,
    priority: turn.priority ?? 0,
    tenant: turn.tenant ?? "",
    weight: turn.weight ?? 1,
    deadline,
    dueAt: turn.late === "refuse" ? deadline : Infinity,
    line,
    isFresh: true
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
  /** Those of the instant. */
  let arrived: Array<Row> = []

  const classOf = ({ priority }: Row): Rows => {
    const known = classes.get(priority) ?? sortedBy(({ at }) => at)
    classes.set(priority, known)
    return known
  }

  const waitsNoMore = (row: Row): void => {
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
    }
  }
}

const newClient = (state: Look) => {
  const config = { ageing: Infinity }
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
    for (let i = 0; i < event.count; i++) {
      rows.add(rowOf(event.turns?.[i] ?? {}, event.row + i, event.at, event.line))
    }
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
  const { ageing } = config
  client.started = []
  const { earliest, flows } = rows
  const found = started.length > 0 && hasTurns ? state.look({ at, started, flows, earliest, ageing }) : undefined
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
        client.isLooked = !isLimited(event.config)
        client.config.ageing = Duration.toMillis(event.config.ageing)
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
      look: ({ ageing, at, earliest, flows, started }) => {
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
            if (isFirst) continue
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
      least: number
      most: number
    }
    const tenants = new Map<string, Tenant>()
    const keyOf = ({ priority, tenant }: Row): string => `${priority} ${tenant}`
    const tenantOf = (row: Row): Tenant => {
      const known = tenants.get(keyOf(row))
      const { weight } = row
      const tenant = known ?? { last: -Infinity, turns: [], least: weight, most: weight }
      tenants.set(keyOf(row), tenant)
      tenant.least = Math.min(tenant.least, weight)
      tenant.most = Math.max(tenant.most, weight)
      return tenant
    }
    return {
      gone: (row, at) => void (tenantOf(row).last = at),
      look: ({ at, flows, started }) => {
        for (const { row } of started) {
          const tenant = tenantOf(row)
          tenant.turns = [...tenant.turns, at].slice(-kept)
          tenant.last = at
        }
        const since = new Map<string, { readonly row: Row; readonly from: number }>()
        for (const { byTime } of flows.values()) {
          const row = byTime.first
          if (row === undefined) continue
          const from = Math.max(row.at, tenantOf(row).last)
          const known = since.get(keyOf(row))
          if (known === undefined || from < known.from) since.set(keyOf(row), { row, from })
        }
        for (const { from, row } of since.values()) {
          const { least } = tenantOf(row)
          for (const { row: other } of started) {
            if (other.priority !== row.priority || other.tenant === row.tenant) continue
            const { most, turns } = tenantOf(other)
            const between = turns.filter((turn) => turn > from).length
            if (between <= Math.floor(1 + most / least + tolerance)) continue
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
    look: ({ ageing, at, flows, started }) => {
      const rank = (one: Row): number => rankOf(one, one.at, ageing)
      for (const { isFirst, row } of started) {
        const before = flows.get(flowOf(row))?.byRank.first
        if (!isFirst || before === undefined || row.at === at || rank(before) >= rank(row) - tolerance) continue
        return `row ${row.number} starts at ${at}, and row ${before.number} is due before it`
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
export const all: ReadonlyArray<Checker> = [prioritiesGoFirst, tenantsTakeTurns, dueGoFirst, nothingStartsLate]
