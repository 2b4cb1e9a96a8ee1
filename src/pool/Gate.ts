/**
 * When the next attempt may start: spacing, holds, the limit of starts in a period, and the pause after a lone start.
 *
 * @since 0.2.0
 */
import type { Bound, Decision, StartLimit, Starts } from "../law/ControlLaw.js"
import * as StartLog from "./StartLog.js"

/**
 * A gate; instants in epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Gate {
  /** When the next start is allowed; not in the future if now. */
  readonly opensAt: (decision: Decision, holdUntil: number, now: number) => number
  /** An attempt starts, when the gate was asked last; returns what it had waited for. */
  readonly pass: (decision: Decision, isFull: boolean) => Bound
  /** The attempt that passed last was none: nothing has happened. */
  readonly takeBack: () => void
  readonly rejected: (startedAt: number) => void
}

/**
 * Makes a gate that remembers so many of the latest starts.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (remembers: number, starts?: Starts, minSpacing = 0): Gate => {
  const log = StartLog.make(remembers)
  let asked = 0
  let lastStart = -Infinity
  /** The start after a hold was alone; no other before this. */
  let aloneUntil = -Infinity
  /** A hold has been waited for, and nothing has started since. */
  let wasHeld = false
  /** What closes the gate, or did when it was asked last. */
  let closedBy: Bound = "none"
  let periodOpensAt = -Infinity
  /** What the latest start found, should it be taken back. */
  const found: { lastStart: number; aloneUntil: number; wasHeld: boolean; closedBy: Bound } = {
    lastStart,
    aloneUntil,
    wasHeld,
    closedBy
  }

  /** The start from which on a limit is used up; undefined where it is not. */
  const firstOf = (limit: StartLimit): number | undefined =>
    limit.areTokens === true && starts !== undefined ? latestWith(starts, limit.limit) : log.latest(limit.limit)

  const inPeriod = ({ alone = 0, starts: limit }: Decision): number => {
    const first = limit && firstOf(limit)
    if (limit === undefined || first === undefined) return -Infinity
    return first < limit.provenUntil ? first + limit.period : lastStart + alone
  }

  /** What the latest start takes of the pace. */
  const spacingOf = ({ spacedTokens, spacing }: Decision): number => {
    const tokens = spacedTokens === undefined || starts === undefined ? 0 : starts.tokens(starts.last)
    return spacedTokens === undefined || tokens === 0
      ? spacing
      : Math.max(minSpacing, (spacing * tokens) / spacedTokens)
  }

  return {
    opensAt: (decision, holdUntil, now) => {
      asked = now
      const spaced = Math.max(lastStart + spacingOf(decision), aloneUntil)
      periodOpensAt = inPeriod(decision)
      const opensAt = Math.max(spaced, periodOpensAt, holdUntil)
      if (opensAt > now) {
        const isHeld = holdUntil >= opensAt
        closedBy = isHeld ? "none" : "spacing"
        const pause = isHeld ? 0 : (decision.alone ?? Infinity)
        if (opensAt > spaced && opensAt - now > pause) wasHeld = true
      }
      return opensAt
    },
    pass: (decision, isFull) => {
      const bound = periodOpensAt >= asked - 1 ? "period" : isFull ? "window" : closedBy
      found.lastStart = lastStart
      found.aloneUntil = aloneUntil
      found.wasHeld = wasHeld
      found.closedBy = closedBy
      if (wasHeld) aloneUntil = asked + (decision.alone ?? 0)
      wasHeld = false
      closedBy = "none"
      lastStart = asked
      log.add(asked)
      return bound
    },
    takeBack: () => {
      log.remove(lastStart)
      ;({ lastStart, aloneUntil, wasHeld, closedBy } = found)
    },
    rejected: log.remove
  }
}

/** The start since which so many tokens were started, of those that were not rejected; undefined where there were fewer. */
const latestWith = (starts: Starts, tokens: number): number | undefined => {
  let sum = 0
  for (let sequence = starts.last; sequence >= starts.first; sequence--) {
    if (starts.fate(sequence) !== "capacity") sum += starts.tokens(sequence)
    if (sum >= tokens) return starts.at(sequence)
  }
  return undefined
}
