/**
 * What a pool was told: the limits that it keeps, and the money that it may spend.
 *
 * @since 0.2.0
 */
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
import { isDue } from "../structure/TimerQueue.js"

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
 * Whose start it is, of several that want to.
 *
 * @since 0.2.0
 * @category models
 */
export interface Election {
  /** Shows it the next that wants to start; says whether it does. The first that was shown is passed only by those that fit. */
  readonly accepts: (asked: Cost.Weight) => boolean
  readonly elected: Bid | undefined
  /** When the first may start; Infinity where only the end of an attempt can tell. */
  readonly opensAt: number
  /** Nobody else can be accepted. */
  readonly isOver: boolean
  /** There is no money for the first, and no call in flight that could give some back. */
  readonly isBroke: boolean
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
  /** Reads a cost; throws what is wrong with it, or where nobody knows its price. */
  readonly weigh: (cost: unknown, what?: string) => Cost.Weight
  /** `free` is how many permits there are, `spacing` what the law lets pass between two starts. */
  readonly elect: (now: number, free: number, spacing: number) => Election
  readonly bid: (asked: Cost.Weight) => Bid
  readonly opensAt: (bid: Bid, now: number) => number
  readonly reserve: (bid: Bid, now: number) => Held
  readonly undo: (held: Held, now: number) => void
  /** `actual` is what the answer says that the attempt took. Returns what it weighs now. */
  readonly settle: (held: Held, what: What, actual: Actual | undefined, now: number) => Cost.Weight
}

/**
 * What came of an attempt: it was served, rejected, failed by itself, or was broken off.
 *
 * @since 0.2.0
 * @category models
 */
export type What = End | "rejected"

/**
 * What an answer says that a call took; what it does not say stays as it was expected.
 *
 * @since 0.2.0
 * @category models
 */
export type Actual = Partial<Pick<Cost.Weight, "tokens" | "inputTokens" | "outputTokens">>

/** So many are looked at behind one that waits: a start must not cost as much as there are rows. */
const lookahead = 16

const none = { tokens: 0, inputTokens: 0, outputTokens: 0 }

/** What is told of some tokens is told of the rest: parts make up the whole. */
const actualOf = (asked: Cost.Weight, actual: Actual): Cost.Weight => {
  const { inputTokens = asked.inputTokens, outputTokens = asked.outputTokens } = actual
  const isTold = actual.inputTokens !== undefined || actual.outputTokens !== undefined
  return {
    ...asked,
    inputTokens,
    outputTokens,
    tokens: actual.tokens ?? (isTold ? inputTokens + outputTokens : asked.tokens)
  }
}

/**
 * Makes the limiter of a pool; undefined for one that was told nothing.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ budget = Infinity, limits = [], name, prices }: PoolConfig): Limiter | undefined => {
  const told = Limit.tell(limits.filter((limit) => limit !== "headers"))
  if (told.length === 0 && prices === undefined) return undefined
  const ledger = Ledger.make(told)
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
    weigh: (cost, what = "cost") => {
      const weight = Cost.weigh(cost, what)
      if (prices !== undefined && Prices.find(prices, weight.model) === undefined) {
        throw Argument.refusal(`${what}.model`, "a model of the option prices", weight.model)
      }
      return weight
    },
    refusal: (asked) => {
      const limit = ledger.tooSmall(asked)
      if (limit !== undefined && limit.unit !== "concurrent") {
        const { burst, most, unit } = limit
        return new PoolError.CallTooLargeError({
          pool: name,
          unit,
          cost: asked[unit],
          limit: burst ?? most,
          told: Limit.show(limit)
        })
      }
      const money = moneyOf(asked)
      if (money <= budget) return undefined
      return new PoolError.CallTooLargeError({
        pool: name,
        unit: "money",
        cost: money,
        limit: budget,
        told: "its budget"
      })
    },
    elect: (now, free, spacing) => {
      let first: Bid | undefined
      let elected: Bid | undefined
      let opensAt = now
      let left = lookahead
      let isBroke = false
      return {
        accepts: (asked) => {
          const next = bid(asked)
          const affords = purse === undefined ? "now" : purse.affords(next.money)
          if (first === undefined) {
            first = next
            isBroke = affords === "never"
            opensAt = affords === "now" ? ledger.opensAt(next.amounts, now) : Infinity
            if (!isDue(opensAt, now)) return false
          } else {
            left -= 1
            // One permit is kept for the first, and the time that the law wants between the two.
            const isLate = free < 2 || affords !== "now" || now + spacing > opensAt
            if (isLate || !ledger.fitsBeside(next.amounts, first.amounts, opensAt, now)) return false
          }
          elected = next
          return true
        },
        get elected() {
          return elected
        },
        get opensAt() {
          return opensAt
        },
        get isOver() {
          return (
            elected !== undefined || left <= 0 || isBroke || (first !== undefined && (free < 2 || opensAt === Infinity))
          )
        },
        get isBroke() {
          return isBroke
        }
      }
    },
    bid,
    opensAt: (next, now) => ledger.opensAt(next.amounts, now),
    reserve: (next, now) => {
      purse?.reserve(next.money)
      return { bid: next, reservation: ledger.reserve(next.amounts, now) }
    },
    undo: ({ bid, reservation }, now) => {
      purse?.undo(bid.money)
      ledger.undo(reservation, now)
    },
    settle: ({ bid: { asked, money }, reservation }, what, actual, now) => {
      // A rejected call has used nothing; that it came, many an API counts.
      const isRejected = what === "rejected"
      const isTold = actual !== undefined && what !== "broken"
      const took = isRejected ? { ...asked, ...none } : isTold ? actualOf(asked, actual) : undefined
      ledger.settle(reservation, isRejected ? "answered" : what, took, now)
      purse?.settle(money, isRejected ? 0 : took && moneyOf(took))
      if (what === "answered" && took !== undefined) estimates.learn(asked, took)
      return took ?? asked
    }
  }
}
