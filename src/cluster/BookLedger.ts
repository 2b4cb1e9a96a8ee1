/**
 * A pool's limits that are written down as they are used, so that they hold beyond the entity that keeps them.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import { units } from "../limit/Cost.js"
import type { Amounts, Ledger, Reservation } from "../limit/Ledger.js"
import type * as Limit from "../limit/Limit.js"
import { drift } from "../structure/Clocks.js"
import * as Book from "./Book.js"

/** A page should last so long at the limit's own rate, in milliseconds, and for a twentieth of the limit. */
const pageLasts = 2000
const smallest = 1 / 20

const counts = ({ most, unit }: Limit.Told): boolean => unit !== "concurrent" && most < Infinity

/** How long an empty bucket, or a full window, takes to be as if nothing had been. */
const spanOf = ({ burst, most, per, transit }: Limit.Told): number =>
  (burst === undefined ? per : (burst / most) * per) + (transit < Infinity ? transit : 0)

/**
 * What a book of these limits has to know; undefined where none of them counts over time. `lateness` is how much later than
 * it was let start something may start, in milliseconds.
 *
 * @since 0.2.0
 * @category decoding
 */
export const optionsOf = (limits: ReadonlyArray<Limit.Told>, lateness: number): Book.Options | undefined => {
  const counted = limits.filter(counts)
  if (counted.length === 0) return undefined
  const chunk = { requests: Infinity, tokens: Infinity, inputTokens: Infinity, outputTokens: Infinity }
  for (const unit of units) {
    const sizes = counted
      .filter((limit) => limit.unit === unit)
      .map(({ burst, most, per }) => Math.max((burst ?? most) * smallest, (most * pageLasts) / per))
    if (sizes.length > 0) chunk[unit] = Math.ceil(Math.max(...sizes))
  }
  return { chunk, keeps: lateness + Math.max(...counted.map(spanOf)) }
}

/** What the limits count of a start, by unit. */
const amountOf = (limits: ReadonlyArray<Limit.Told>, amounts: Amounts): Book.Amount => {
  const most = { ...Book.nothing }
  limits.forEach(({ unit }, i) => {
    if (unit !== "concurrent") most[unit] = Math.max(most[unit], amounts[i] ?? 0)
  })
  return most
}

/**
 * The same ledger, where a start also has to be covered by what is written in the book.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (ledger: Ledger, limits: ReadonlyArray<Limit.Told>, book: Book.Book): Ledger => {
  const lines = new WeakMap<Reservation, Book.Line>()

  const correct = (reservation: Reservation, actual: Book.Amount): void => {
    const line = lines.get(reservation)
    if (line === undefined) return
    lines.delete(reservation)
    const reserved = amountOf(limits, reservation.amounts)
    const by = { ...Book.nothing }
    for (const unit of units) by[unit] = actual[unit] - reserved[unit]
    book.correct(line, by)
  }

  return {
    ...ledger,
    opensAt: (amounts, now) => (book.allows(amountOf(limits, amounts)) ? ledger.opensAt(amounts, now) : Infinity),
    fitsBeside: (amounts, first, opensAt, now) =>
      book.allows(amountOf(limits, amounts)) && ledger.fitsBeside(amounts, first, opensAt, now),
    reserve: (amounts, now) => {
      const reservation = ledger.reserve(amounts, now)
      lines.set(reservation, book.add(amountOf(limits, amounts), now))
      return reservation
    },
    undo: (reservation, now) => {
      correct(reservation, Book.nothing)
      ledger.undo(reservation, now)
    },
    settle: (reservation, how, actual, now) => {
      if (actual !== undefined) {
        const reserved = amountOf(limits, reservation.amounts)
        // A limit that gives nothing back goes on counting what was reserved.
        const took = { ...Book.nothing }
        for (const unit of units) {
          const isKept = limits.some((limit) => limit.unit === unit && !limit.refunds)
          took[unit] = isKept ? Math.max(reserved[unit], actual[unit]) : actual[unit]
        }
        correct(reservation, took)
      }
      ledger.settle(reservation, how, actual, now)
    }
  }
}

/**
 * The limits as they are told to an entity: its clock may go a little faster than the API's.
 *
 * @since 0.2.0
 * @category decoding
 */
export const slower = (limits: ReadonlyArray<Limit.Read | "headers">): ReadonlyArray<Limit.Read | "headers"> =>
  limits.map((limit) => {
    if (limit === "headers") return limit
    const { per, transit } = limit
    return {
      ...limit,
      ...(per && { per: Duration.times(per, 1 + drift / 2) }),
      ...(transit && { transit: Duration.times(transit, 1 + drift / 2) })
    }
  })

/**
 * Counts as broken off just now what may run of an earlier entity's starts: the API may not know yet that they are.
 *
 * @since 0.2.0
 * @category restoring
 */
export const linger = (ledger: Ledger, limits: ReadonlyArray<Limit.Told>, now: number): void => {
  const places = limits.map(({ most, unit }) => (unit === "concurrent" ? most : 0))
  for (let i = 0; i < Math.max(0, ...places); i++) {
    ledger.settle(
      ledger.reserve(
        limits.map(() => 0),
        now
      ),
      "broken",
      undefined,
      now
    )
  }
}

/**
 * Counts what an earlier entity has let start, before anything else is counted. `readAt` is when its page was read, and
 * `lateness` how much later than it says something may have started.
 *
 * @since 0.2.0
 * @category restoring
 */
export const restore = (
  ledger: Ledger,
  limits: ReadonlyArray<Limit.Told>,
  page: Book.Page,
  when: { readonly readAt: number; readonly lateness: number; readonly now: number }
): void => {
  const { lateness, now, readAt } = when
  const count = (amount: Book.Amount, at: number): void => {
    const amounts = limits.map((limit) => (counts(limit) && limit.unit !== "concurrent" ? amount[limit.unit] : 0))
    ledger.settle(ledger.reserve(amounts, at), "failed", undefined, at)
  }
  for (const { age, amount } of page.counted) count(amount, Math.min(now, readAt - age + lateness))
  count(page.allowed, now)
}
