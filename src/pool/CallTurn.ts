/**
 * What a caller says of its turn.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Argument from "../structure/Argument.js"
import type { Turn } from "../turn/TurnQueue.js"

/**
 * Which calls go first, of those that wait in one line.
 *
 * @since 0.2.0
 * @category models
 */
export interface TurnOptions {
  /**
   * Calls of a higher priority go first; default 0. A call that has waited for a minute goes like one of the next higher
   * priority that comes now, so that nobody waits for ever.
   */
  readonly priority?: number | undefined
  /** Whose call it is: of one priority, tenants take turns, however many calls each of them has. Default `""`. */
  readonly tenant?: string | undefined
  /** How many turns the tenant has for one of the others, over 0; default 1. What it said last counts. */
  readonly weight?: number | undefined
  /**
   * When its result is wanted, from now on: of one tenant and priority, the call goes first whose time comes first. One
   * without a deadline goes like one of a minute. It is an order, and no time limit. Default none.
   */
  readonly deadline?: Duration.DurationInput | undefined
}

/**
 * How long a call waits until it goes like one of the next higher priority, in milliseconds.
 *
 * @since 0.2.0
 * @category constants
 */
export const ageing = 60_000

/**
 * The turn of a call that says nothing of it.
 *
 * @since 0.2.0
 * @category values
 */
export const ordinary: Turn = { priority: 0, tenant: "", weight: 1, deadline: Infinity }

const isPositive = (u: unknown): boolean => Predicate.isNumber(u) && u > 0 && u < Infinity

/**
 * The turn of a call that comes now, or what is wrong with what its caller says of it; undefined where that is nothing.
 *
 * @since 0.2.0
 * @category decoding
 */
export const turnOf = (options: TurnOptions, now: number): Turn | Error | undefined => {
  const { deadline, priority = 0, tenant = "", weight = 1 } = options
  const said = [deadline, options.priority, options.tenant, options.weight]
  if (said.every((option) => option === undefined)) return undefined
  if (!Number.isFinite(priority)) return Argument.refusal("option priority", "a finite number", priority)
  if (!Predicate.isString(tenant)) return Argument.refusal("option tenant", "a string", tenant)
  if (!isPositive(weight)) return Argument.refusal("option weight", "a finite number over 0", weight)
  if (deadline === undefined) return { priority, tenant, weight, deadline: Infinity }
  return Option.match(Argument.duration(deadline), {
    onNone: () => Argument.refusal("option deadline", 'a duration of at least 0, such as "10 seconds"', deadline),
    onSome: (after) => ({ priority, tenant, weight, deadline: now + Duration.toMillis(after) })
  })
}
