/**
 * The rows of a client that have no outcome yet, by whose turn they are, as checkers of turns see them.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Cost from "../limit/Cost.js"
import type { TurnOptions } from "../PooledExecutor.js"
import * as Sorted from "../structure/Sorted.js"
import { rankOf } from "../turn/TurnQueue.js"
import type * as Trace from "./Trace.js"

/**
 * A row without an outcome. Times are epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Row {
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

/**
 * When a row is due that was handed in then; `Infinity` for never.
 *
 * @since 0.2.0
 * @category values
 */
export const millisOf = (deadline: TurnOptions["deadline"], at: number): number =>
  deadline === undefined ? Infinity : deadline instanceof Date ? deadline.getTime() : at + Duration.toMillis(deadline)

/**
 * The row with this place among those that were handed in together.
 *
 * @since 0.2.0
 * @category constructors
 */
export const rowOf = (
  { at, costs, line, row, turns }: Extract<Trace.Event, { readonly _tag: "submitted" }>,
  i: number
): Row => {
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

/**
 * Rows of one line, priority and tenant that wait for their first start, and that nobody may refuse meanwhile.
 *
 * @since 0.2.0
 * @category models
 */
export interface Flow {
  readonly byTime: Rows
  readonly byRank: Rows
}

/**
 * The name of the flow of a row.
 *
 * @since 0.2.0
 * @category values
 */
export const flowOf = ({ line, priority, tenant }: Row): string => `${line} ${priority} ${tenant}`

/**
 * Begins without rows. `ageing`, in milliseconds, is that of the turns.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (ageing: () => number) => {
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
    /** Of each flow, those that have waited since before the instant, and wait on. */
    flows,
    /** When the first row came of those of a priority that have no outcome. */
    earliest: (priority: number): number => classes.get(priority)?.first?.at ?? Infinity,
    fresh: (): ReadonlyArray<Row> => [...rows.values()].filter(({ isFresh }) => isFresh),
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
