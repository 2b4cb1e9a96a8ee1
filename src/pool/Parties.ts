/**
 * Whoever asks a pool for starts.
 *
 * @since 0.2.0
 */
import type { BudgetExhaustedError } from "../PoolError.js"
import type { Elect } from "./Election.js"
import type { Ticket } from "./Starts.js"
import type { Standing } from "./TurnLine.js"

/**
 * One that asks for starts: a batch, or all callers of `execute` together. Parties are served turn by turn.
 *
 * @since 0.1.0
 * @category models
 */
export interface Party {
  /** Starts one attempt now; returns whether another waits. */
  readonly start: (ticket: Ticket) => boolean
  /** Says what would start next. Only asked in a pool that keeps limits. */
  readonly elect: Elect
  /** Whose turn it would be; undefined for one that says nothing of turns. */
  readonly standing?: (() => Standing) | undefined
  /** The money of the pool is spent: what waits fails now. */
  readonly broke: (error: BudgetExhaustedError) => void
  /** The API lets nothing through: what waits fails now. */
  readonly giveUp: () => void
  /** How many were rejected, and wait for their next start. */
  readonly parked: () => number
  /** The pool goes on after a pause. */
  readonly resumed: () => void
  /** No start before this instant: what cannot wait so long fails now. */
  readonly held: (until: number) => void
  /** The pool is shut down: what waits gets its outcome now; with `interrupt`, what is in flight is interrupted. */
  readonly shutdown: (interrupt: boolean) => void
}

/**
 * All parties of a pool. What all of them are told may let some of them leave.
 *
 * @since 0.2.0
 * @category models
 */
export interface Parties extends Omit<Party, "start" | "elect" | "standing"> {
  readonly enter: (party: Party) => void
  readonly exit: (party: Party) => void
  /** Nothing starts any more. */
  readonly isShutdown: boolean
}

/**
 * Begins with nobody.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): Parties => {
  const parties = new Set<Party>()
  let isShutdown = false

  const each = (tell: (party: Party) => void): void => [...parties].forEach(tell)

  return {
    get isShutdown() {
      return isShutdown
    },
    enter: (party) => void parties.add(party),
    exit: (party) => void parties.delete(party),
    broke: (error) => each((party) => party.broke(error)),
    giveUp: () => each((party) => party.giveUp()),
    parked: () => [...parties].reduce((sum, party) => sum + party.parked(), 0),
    resumed: () => each((party) => party.resumed()),
    held: (until) => each((party) => party.held(until)),
    shutdown: (interrupt) => {
      isShutdown = true
      each((party) => party.shutdown(interrupt))
    }
  }
}
