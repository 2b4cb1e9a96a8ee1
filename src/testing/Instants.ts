/**
 * Who starts at each instant of a simulation, and who waits then: what checkers of turns look at.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as Cost from "../limit/Cost.js"
import * as Limit from "../limit/Limit.js"
import type { PoolConfig } from "../PoolConfig.js"
import type { Checker } from "./Checker.js"
import { silence } from "./PerClient.js"
import type * as Trace from "./Trace.js"
import * as TurnRows from "./TurnRows.js"

/**
 * An attempt that starts.
 *
 * @since 0.2.0
 * @category models
 */
export interface Start {
  readonly row: TurnRows.Row
  readonly isFirst: boolean
}

/**
 * What is looked at once an instant is over: of those that start at one, the order is anybody's.
 *
 * @since 0.2.0
 * @category models
 */
export interface Instant {
  readonly at: number
  readonly started: ReadonlyArray<Start>
  /** Of each flow, those that have waited since before the instant, and wait on. */
  readonly flows: ReadonlyMap<string, TurnRows.Flow>
  /** When the first row came of those of a priority that have no outcome. */
  readonly earliest: (priority: number) => number
  readonly ageing: number
  /** Whether rows wait for room here. */
  readonly isLimited: boolean
  /** Whether one that has started may have passed whoever waits, since one that takes more of a limit waits for room. */
  readonly mayPass: (row: TurnRows.Row) => boolean
}

/**
 * Looks at the instants of a client.
 *
 * @since 0.2.0
 * @category models
 */
export interface Look {
  readonly look: (instant: Instant) => string | undefined
  /** One comes that is to have turns, or has waited since before there were any. Default nothing. */
  readonly came?: (row: TurnRows.Row) => void
  /** Whoever goes away may have had its turn, and made no use of it. Default nothing. */
  readonly gone?: (row: TurnRows.Row, at: number) => void
}

const newClient = (state: Look) => {
  const config = { ageing: Infinity, units: new Array<Cost.Unit>(), isLimited: false }
  return {
    isLooked: true,
    hasTurns: false,
    config,
    rows: TurnRows.make(() => config.ageing),
    silence: silence(),
    at: -Infinity,
    started: new Array<Start>(),
    state
  }
}

type Client = ReturnType<typeof newClient>

/** A client was told limits, or one of its pools was. */
const tell = ({ config }: Client, { limits = [] }: PoolConfig): void => {
  const units = Limit.tell(limits).flatMap(({ unit }) => (unit === "concurrent" ? [] : [unit]))
  config.units = [...new Set([...config.units, ...units])]
  config.isLimited ||= limits.length > 0
}

/** The clients of a simulation. What the pools of a group do belongs to the client whose group it is: its rows tell. */
const clientsOf = (make: () => Look) => {
  const clients = new Map<number, Client>()
  const configs = new Map<number, PoolConfig>()
  const owners = new Map<number, number>()
  const groups = new Map<number, number>()

  const joined = (client: number, config: PoolConfig): Client => {
    // After a crash it joins again, and so do the pools of its group.
    const made = newClient(make())
    made.config.ageing = Duration.toMillis(config.ageing)
    clients.set(client, made)
    configs.set(client, config)
    tell(made, config)
    const group = clients.get(groups.get(client) ?? client)
    if (group !== undefined) tell(group, config)
    return made
  }

  /** A member of a group is known by the first row of the group that it starts. */
  const found = (member: number, owner: number): void => {
    groups.set(member, owner)
    const [group, config] = [clients.get(owner), configs.get(member)]
    if (group !== undefined && config !== undefined) tell(group, config)
  }

  return (event: Trace.Event): Client | undefined => {
    if (event._tag === "joined") return joined(event.client, event.config)
    if (event._tag === "submitted") for (let i = 0; i < event.count; i++) owners.set(event.row + i, event.client)
    const owner = "row" in event ? owners.get(event.row) : groups.get(event.client)
    if (event._tag === "started" && owner !== undefined && owner !== event.client) found(event.client, owner)
    return clients.get(owner ?? event.client)
  }
}

/** Rows come. Until one says whose turn it is, all are first come, first served. */
const submitted = (client: Client, event: Extract<Trace.Event, { readonly _tag: "submitted" }>): void => {
  const { hasTurns, rows, state } = client
  if (!hasTurns && event.turns !== undefined) {
    client.hasTurns = true
    for (const row of rows.fresh()) state.came?.(row)
  }
  for (let i = 0; i < event.count; i++) {
    const row = TurnRows.rowOf(event, i)
    rows.add(row)
    if (client.hasTurns) state.came?.(row)
  }
}

const follow = (client: Client, event: Trace.Event): void => {
  const { hasTurns, rows, started, state } = client
  if (event._tag === "submitted") submitted(client, event)
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
    if (hasTurns && row.isWaiting) state.gone?.(row, event.at)
    rows.remove(row)
  }
}

/** The instant is over: looks at what has started in it. */
const over = (client: Client): string | undefined => {
  const { at, config, hasTurns, rows, started, state } = client
  client.started = []
  const { earliest, flows } = rows
  const mayPass = (row: TurnRows.Row): boolean => config.isLimited && !rows.isLargest(row, config.units)
  const instant = { ...config, at, started, flows, earliest, mayPass }
  const found = started.length > 0 && hasTurns ? state.look(instant) : undefined
  rows.settle()
  return found
}

/**
 * Follows the rows of a client that says whose turn it is, and looks at each instant at which something starts.
 *
 * @since 0.2.0
 * @category constructors
 */
export const instants = (make: () => Look): Checker["start"] => {
  const start = () => {
    const clientOf = clientsOf(make)
    return (event: Trace.Event): string | undefined => {
      const client = clientOf(event)
      if (client === undefined) return undefined
      client.silence.observe(event)
      if (!client.isLooked) return undefined
      const found = event.at > client.at ? over(client) : undefined
      client.at = event.at
      const isKept = event._tag === "submitted" && event.isKept === true
      if (isKept || event._tag === "shutdown" || client.silence.isOver(event.at)) client.isLooked = false
      follow(client, event)
      return found
    }
  }
  return start
}
