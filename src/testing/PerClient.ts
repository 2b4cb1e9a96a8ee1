/**
 * What checkers keep of each client of a simulation.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as ControlLaw from "../law/ControlLaw.js"
import * as Ramp from "../law/Ramp.js"
import type { PoolConfig } from "../PoolConfig.js"
import type * as Trace from "./Trace.js"

/**
 * The state of the client that an event is of; it is made anew when the client joins, which it may do again after a crash.
 *
 * @since 0.2.0
 * @category state
 */
export const perClient = <S>(initial: () => S): ((event: Trace.Event) => S) => {
  const states = new Map<number, S>()
  return ({ _tag, client }) => {
    const known = states.get(client)
    if (known !== undefined && _tag !== "joined") return known
    const fresh = initial()
    states.set(client, fresh)
    return fresh
  }
}

/**
 * Whether a pool was told limits or prices: then it has reasons of its own to let rows wait.
 *
 * @since 0.2.0
 * @category values
 */
export const isLimited = ({ limits, prices }: PoolConfig): boolean => limits !== undefined || prices !== undefined

/**
 * Instants are sums of fractions: what is less apart than this is not apart.
 *
 * @since 0.2.0
 * @category constants
 */
export const tolerance = 2e-6

/**
 * The decisions in force at an instant: a start that is seen now may have been admitted a step before, at the same instant,
 * under the decision of then.
 *
 * @since 0.2.0
 * @category state
 */
export const inForce = () => {
  let instant = -Infinity
  let decisions: Array<ControlLaw.Decision> = []
  return {
    decide: (at: number, decision: ControlLaw.Decision): void => {
      decisions = at > instant ? decisions.slice(-1) : decisions
      instant = at
      decisions.push(decision)
    },
    at: (at: number): ReadonlyArray<ControlLaw.Decision> => (at > instant ? decisions.slice(-1) : decisions)
  }
}

/**
 * How many attempts a decision allows in flight at an instant.
 *
 * @since 0.2.0
 * @category values
 */
export const allowedAt = (decision: ControlLaw.Decision, at: number): number =>
  Math.max(1, Math.floor(Ramp.windowAt(decision, at)))

/**
 * A clock that stands still while the pool is paused: budgets run by it.
 *
 * @since 0.2.0
 * @category state
 */
export const activeTime = () => {
  const pauses: Array<{ readonly from: number; until: number }> = []
  return {
    observe: ({ _tag, at }: Trace.Event): void => {
      const last = pauses.at(-1)
      const isPaused = last !== undefined && last.until === Infinity
      if (_tag === "paused" && !isPaused) pauses.push({ from: at, until: Infinity })
      if (_tag === "resumed" && isPaused) last.until = at
    },
    at: (instant: number): number =>
      pauses.reduce((active, { from, until }) => active - Math.max(0, Math.min(instant, until) - from), instant)
  }
}

/**
 * The sizes that a pool has at an instant.
 *
 * @since 0.2.0
 * @category state
 */
export const sizes = () => {
  let [size, before, changedAt] = [Infinity, Infinity, -Infinity]
  return {
    observe: (event: Trace.Event): void => {
      if (event._tag === "joined") size = before = event.config.poolSize
      if (event._tag !== "resized") return
      // Of several at one instant, the largest may still be in force.
      before = event.at > changedAt ? size : Math.max(before, size)
      changedAt = event.at
      size = event.poolSize
    },
    now: (): number => size,
    /** The largest of an instant. */
    most: (at: number): number => (at > changedAt ? size : Math.max(before, size))
  }
}

/**
 * How long the API has let nothing through, as the pool counts it: by a clock that stands still while it is paused.
 *
 * @since 0.2.0
 * @category state
 */
export const silence = () => {
  let budget = Infinity
  let since = Infinity
  const open = new Set<number>()
  const active = activeTime()
  return {
    active: active.at,
    observe: (event: Trace.Event): void => {
      active.observe(event)
      if (event._tag === "joined") budget = Duration.toMillis(event.config.maxCapacityRetry)
      if (event._tag === "submitted") for (let i = 0; i < event.count; i++) open.add(event.row + i)
      if (event._tag === "finished") open.delete(event.row)
      if (event._tag === "decided" && event.sample?._tag === "capacity") since = Math.min(since, active.at(event.at))
      const isServed = event._tag === "ended" && (event.outcome === "success" || event.outcome === "failed")
      if (isServed || open.size === 0) since = Infinity
    },
    isOver: (at: number): boolean => active.at(at) >= since + budget,
    /** When all that waited before is to have its outcome, where an attempt takes at most so long. */
    endsAt: (attempt: number): number => since + budget + attempt,
    /** When the pool gives up. */
    givesUpAt: (): number => since + budget
  }
}
