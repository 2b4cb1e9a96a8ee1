/**
 * What a pool was told: the limits that it keeps, and the money that it may spend.
 *
 * @since 0.2.0
 */
import type { Usage } from "../answer/Usage.js"
import type { Hints } from "../law/ControlLaw.js"
import * as Cost from "../limit/Cost.js"
import * as Estimates from "../limit/Estimates.js"
import * as Ledger from "../limit/Ledger.js"
import * as Limit from "../limit/Limit.js"
import type { End } from "../limit/Meter.js"
import * as Prices from "../limit/Prices.js"
import * as Purse from "../limit/Purse.js"
import type { PoolConfig } from "../PoolConfig.js"
import * as PoolError from "../PoolError.js"
import * as Argument from "../structure/Argument.js"

/**
 * What an attempt would take.
 *
 * @since 0.2.0
 * @category models
 */
export interface Bid {
  readonly asked: Cost.Weight
  readonly amounts: Ledger.Amounts
  readonly money: number
}

/**
 * What is kept for an attempt until its end.
 *
 * @since 0.2.0
 * @category models
 */
export interface Held {
  readonly bid: Bid
  readonly reservation: Ledger.Reservation
}

/**
 * A limiter; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Limiter {
  readonly ledger: Ledger.Ledger
  /** The ceiling, and what was spent; undefined without prices. */
  readonly purse: Purse.Purse | undefined
  /** Why a call can never start: it is larger than a limit, or than the budget. */
  readonly refusal: (asked: Cost.Weight) => PoolError.CallTooLargeError | undefined
  /** Throws where nobody knows what a call would cost in money. */
  readonly checkPrice: (asked: Cost.Weight | undefined, what: string) => void
  /** What was used with its money, where that can be known. */
  readonly price: (asked: Cost.Weight, usage: Usage) => Usage
  /** When a call may start that overtakes everybody; Infinity where only the end of an attempt can tell. */
  readonly opensAt: (asked: Cost.Weight, now: number) => number
  readonly bid: (asked: Cost.Weight) => Bid
  readonly reserve: (bid: Bid, now: number) => Held
  readonly undo: (held: Held, now: number) => void
  /** `hints` are what the answer says: what the attempt took, and what is left. */
  readonly settle: (held: Held, what: What, hints: Hints | undefined, now: number) => void
}

/**
 * What came of an attempt: it was served, rejected, failed by itself, or was broken off.
 *
 * @since 0.2.0
 * @category models
 */
export type What = End | "rejected"

const none = { tokens: 0, inputTokens: 0, outputTokens: 0 }

/**
 * Makes the limiter of a pool; undefined for one that was told nothing. `ledgerOf` may put another ledger before its own.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  { budget = Infinity, limits = [], name, prices }: PoolConfig,
  ledgerOf: (ledger: Ledger.Ledger, limits: ReadonlyArray<Limit.Told>) => Ledger.Ledger = (ledger) => ledger
): Limiter | undefined => {
  const told = Limit.tell(limits)
  if (told.length === 0 && prices === undefined) return undefined
  const ledger = ledgerOf(Ledger.make(told), told)
  const estimates = Estimates.make()
  const purse = prices === undefined ? undefined : Purse.make(budget)

  const moneyOf = (weight: Cost.Weight): number => {
    const price = prices && Prices.find(prices, weight.model)
    return price === undefined ? 0 : Prices.of(price, weight)
  }

  const bid = (asked: Cost.Weight): Bid => {
    const expected = estimates.correct(asked)
    return { asked, amounts: ledger.amounts(asked, expected), money: moneyOf(asked) }
  }

  return {
    ledger,
    purse,
    checkPrice: (asked, what) => {
      if (prices !== undefined && Prices.find(prices, asked?.model) === undefined) {
        throw Argument.refusal(`${what}.model`, "a model of the option prices", asked?.model)
      }
    },
    price: (asked, usage) =>
      prices === undefined || usage.money !== undefined
        ? usage
        : { ...usage, money: moneyOf(Cost.took({ ...asked, ...none }, usage)) },
    refusal: (asked) => tooSmall(name, ledger.tooSmall(asked), asked) ?? poverty(name, moneyOf(asked), budget),
    bid,
    opensAt: (asked, now) => {
      const { amounts, money } = bid(asked)
      return purse === undefined || purse.affords(money) === "now" ? ledger.opensAt(amounts, now) : Infinity
    },
    reserve: (next, now) => {
      purse?.reserve(next.money)
      return { bid: next, reservation: ledger.reserve(next.amounts, now) }
    },
    undo: ({ bid, reservation }, now) => {
      purse?.undo(bid.money)
      ledger.undo(reservation, now)
    },
    settle: ({ bid: { asked, money }, reservation }, what, hints, now) => {
      // A rejected call has used nothing; that it came, many an API counts.
      const isRejected = what === "rejected"
      const told = what === "broken" ? undefined : hints?.usage
      const took = isRejected ? { ...asked, ...none } : told && Cost.took(asked, told)
      ledger.settle(reservation, isRejected ? "answered" : what, took, now)
      if (isRejected || what === "answered") ledger.learn(isRejected, now)
      if (hints !== undefined) ledger.tell(reservation, hints, now)
      purse?.settle(money, isRejected ? 0 : (told?.money ?? (took && moneyOf(took))))
      if (what === "answered" && took !== undefined) estimates.learn(asked, took)
    }
  }
}

/**
 * Why a call can never start at one of these pools.
 *
 * @since 0.2.0
 * @category errors
 */
export const refusalOf = (
  limiters: ReadonlyArray<Limiter>,
  asked: Cost.Weight
): PoolError.CallTooLargeError | undefined => {
  for (const limiter of limiters) {
    const refusal = limiter.refusal(asked)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

const tooSmall = (
  pool: string,
  limit: Limit.Told | undefined,
  asked: Cost.Weight
): PoolError.CallTooLargeError | undefined => {
  if (limit === undefined || limit.unit === "concurrent") return undefined
  const { unit } = limit
  return new PoolError.CallTooLargeError({
    pool,
    unit,
    cost: asked[unit],
    limit: Limit.largest(limit),
    told: Limit.show(limit)
  })
}

const poverty = (pool: string, money: number, budget: number): PoolError.CallTooLargeError | undefined =>
  money <= budget
    ? undefined
    : new PoolError.CallTooLargeError({ pool, unit: "money", cost: money, limit: budget, told: "its budget" })
