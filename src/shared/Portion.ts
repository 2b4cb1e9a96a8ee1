/**
 * How a limit that was told is divided: what each process has for itself, and what all of them take from the store.
 *
 * @since 0.2.0
 */
import type { Unit } from "../limit/Cost.js"
import * as Limit from "../limit/Limit.js"
import { guard } from "../limit/Meter.js"
import { drift } from "../structure/Clocks.js"

/**
 * A limit of what is counted in a span of time.
 *
 * @since 0.2.0
 * @category models
 */
export type Told = Limit.Told & { readonly unit: Unit }

/**
 * A divided limit; times in milliseconds. A bucket is kept as a window: so much as it holds, in the time in which it fills.
 *
 * @since 0.2.0
 * @category models
 */
export interface Portion {
  readonly told: Told
  /** Its own name among the limits of a pool, the same in all processes. */
  readonly name: string
  /** What one process may start by itself, in any span of `per`. */
  readonly own: number
  /** What all processes together may start besides. A whole number: the store of Redis counts no others. */
  readonly shared: number
  readonly per: number
  /** For so long a start counts. */
  readonly span: number
  /** How long after it was opened a part of the limit may be used, at least and at most. */
  readonly grace: { readonly least: number; readonly most: number }
}

/** Of the span. A start counts so much longer, and what is not used so soon is lost. */
const leastGrace = 1 / 32
const mostGrace = 1 / 8
const shortest = 50

/** A clock of two goes so much apart from the true one, at most. */
const apart = drift / 2

/**
 * Divides a limit among so many processes at most: `reserve` of it beforehand, and the rest as it is needed.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (told: Told, processes: number, reserve: number): Portion => {
  const { burst, most, per, transit, unit } = told
  const whole = Math.floor(Limit.largest(told))
  const fills = burst === undefined ? per : (burst / most) * per
  const own = Math.floor((whole * reserve) / processes)
  return {
    told,
    name: `${unit}/${fills}`,
    own,
    shared: whole - own * processes,
    per: fills,
    span: fills + transit + guard,
    grace: { least: Math.max(shortest, fills * leastGrace), most: Math.max(shortest, fills * mostGrace) }
  }
}

/**
 * The limit of a process by itself.
 *
 * @since 0.2.0
 * @category values
 */
export const ownOf = ({ own, per, told }: Portion): Limit.Told => ({ ...told, most: own, per, burst: undefined })

/**
 * The most that one call may take.
 *
 * @since 0.2.0
 * @category values
 */
export const largest = ({ own, shared }: Portion): number => Math.max(own, shared)

/**
 * For how long the store has to know of a part, so that it can be used for `grace`.
 *
 * @since 0.2.0
 * @category arithmetic
 */
export const lifeOf = ({ span }: Portion, grace: number): number =>
  // A clock that shows whole milliseconds may be behind by one.
  Math.ceil((span + grace) * (1 + apart)) + 1

/**
 * For how long starts may follow, by the clock of a process, where the store will know of them for `life` by its own.
 *
 * @since 0.2.0
 * @category arithmetic
 */
export const usableFor = ({ span }: Portion, life: number): number => (1 - apart) * (life / (1 + apart) - span)

/**
 * After so long a store that has forgotten everything knows all that counts, in milliseconds.
 *
 * @since 0.2.0
 * @category arithmetic
 */
export const memoryOf = (portions: ReadonlyArray<Portion>): number =>
  Math.max(...portions.map((portion) => lifeOf(portion, portion.grace.most)))
