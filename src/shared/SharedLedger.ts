/**
 * The ledger of a pool that shares its limits: a start has to be covered by leases, or by what the process has for itself.
 *
 * @since 0.2.0
 */
import type { Weight } from "../limit/Cost.js"
import * as Ledger from "../limit/Ledger.js"
import type { End } from "../limit/Meter.js"
import type { Instant } from "../structure/Clocks.js"
import * as Frequency from "../structure/Frequency.js"
import * as Leases from "./Leases.js"
import * as Portion from "./Portion.js"

/**
 * The ledger, with what whoever fetches leases has to know.
 *
 * @since 0.2.0
 * @category models
 */
export interface SharedLedger extends Ledger.Ledger {
  /** By limit. */
  readonly leases: ReadonlyArray<Leases.Leases>
  readonly wishes: Wishes
  /** Is told when somebody waits, or has started. */
  readonly onChange: (listener: () => void) => void
}

/**
 * What would be started.
 *
 * @since 0.2.0
 * @category models
 */
export interface Wishes {
  /** What the first in line would take; undefined where nobody waits for a lease, as far as anybody asked. */
  readonly first: Ledger.Amounts | undefined
  /** Nobody has asked yet. */
  readonly forget: () => void
  /** When somebody had to wait for a lease last. */
  readonly latestAt: number
  /** What a start takes of late. */
  readonly typical: Ledger.Amounts
  /** Starts a second of late. */
  readonly perSecond: (now: number) => number
}

/** What a start has of its limits: of the process' own, or of leases, by limit. */
type Source =
  | { readonly _tag: "own"; readonly reservation: Ledger.Reservation }
  | { readonly _tag: "leases"; readonly draws: ReadonlyArray<ReadonlyArray<Leases.Draw>> }

/** The latest start counts for so much of what is typical. */
const share = 0.2

/** What starts are covered by. */
const fundsOf = (portions: ReadonlyArray<Portion.Portion>, at: () => Instant) => {
  const own = Ledger.make(portions.map(Portion.ownOf))
  const begunAt = at().now
  const before = portions.map((portion) => portion.own)
  own.settle(own.reserve(before, begunAt), "failed", undefined, begunAt)

  const leases = portions.map(Leases.make)
  const sources = new WeakMap<Ledger.Reservation, Source>()

  const covers = (amounts: Ledger.Amounts): boolean => {
    const instant = at()
    return leases.every((line, i) => (amounts[i] ?? 0) === 0 || line.stock(instant) >= (amounts[i] ?? 0))
  }

  const sourceOf = (amounts: Ledger.Amounts, now: number): Source =>
    !covers(amounts) && own.opensAt(amounts, now) <= now
      ? { _tag: "own", reservation: own.reserve(amounts, now) }
      : { _tag: "leases", draws: leases.map((line, i) => line.take(amounts[i] ?? 0, at())) }

  /** A call took so much more than was set aside for it, or less. */
  const correct = ({ amounts }: Ledger.Reservation, draws: ReadonlyArray<ReadonlyArray<Leases.Draw>>, actual: Weight) =>
    portions.forEach(({ told: { refunds, unit } }, i) => {
      if (!refunds) return
      const more = actual[unit] - (amounts[i] ?? 0)
      if (more > 0) leases[i]?.owe(more)
      else leases[i]?.putBack(draws[i] ?? [], -more)
    })

  return {
    leases,
    opensAt: (amounts: Ledger.Amounts, now: number): number => (covers(amounts) ? now : own.opensAt(amounts, now)),
    reserve: (reservation: Ledger.Reservation, now: number): void =>
      void sources.set(reservation, sourceOf(reservation.amounts, now)),
    begin: (reservation: Ledger.Reservation, now: number): void => {
      const source = sources.get(reservation)
      if (source?._tag === "own") own.begin(source.reservation, now)
    },
    undo: (reservation: Ledger.Reservation, now: number): void => {
      const source = sources.get(reservation)
      if (source?._tag === "own") own.undo(source.reservation, now)
      else source?.draws.forEach((draws, i) => leases[i]?.putBack(draws, reservation.amounts[i] ?? 0))
    },
    settle: (reservation: Ledger.Reservation, how: End, actual: Weight | undefined, now: number): void => {
      const source = sources.get(reservation)
      if (source?._tag === "own") own.settle(source.reservation, how, actual, now)
      else if (source !== undefined && actual !== undefined) correct(reservation, source.draws, actual)
    }
  }
}

const makeWishes = (limits: number) => {
  const starts = Frequency.make()
  let typical: Ledger.Amounts = new Array<number>(limits).fill(0)
  let wish: Ledger.Amounts | undefined
  let latestAt = -Infinity

  return {
    get first() {
      return wish
    },
    get latestAt() {
      return latestAt
    },
    get typical() {
      return typical
    },
    perSecond: starts.perSecond,
    wish: (amounts: Ledger.Amounts, now: number): void => {
      wish = amounts
      latestAt = now
    },
    forget: (): void => {
      wish = undefined
    },
    started: (amounts: Ledger.Amounts, now: number): void => {
      const isFirst = typical.every((amount) => amount === 0)
      typical = amounts.map((amount, i) => (isFirst ? amount : (typical[i] ?? 0) * (1 - share) + amount * share))
      starts.note(now)
    }
  }
}

/**
 * Makes the ledger over `all`, which counts whatever the process starts. `at` reads the clocks of the process.
 *
 * What a process before this one has started by itself may still count: nothing is left of its own part in the beginning.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (all: Ledger.Ledger, portions: ReadonlyArray<Portion.Portion>, at: () => Instant): SharedLedger => {
  const largest = portions.map(Portion.largest)
  const funds = fundsOf(portions, at)
  const wishes = makeWishes(portions.length)
  let onChange = (): void => undefined

  return {
    ...all,
    // What was learned of others must not make a call larger than what can be had.
    amounts: (asked, expected) =>
      all.amounts(asked, expected).map((amount, i) => Math.min(amount, largest[i] ?? amount)),
    tooSmall: (asked) => {
      const small = portions.find((portion) => asked[portion.told.unit] > Portion.largest(portion))
      return small && { ...small.told, burst: undefined, per: small.per, most: Portion.largest(small) }
    },
    opensAt: (amounts, now) => {
      const opensAt = funds.opensAt(amounts, now)
      if (opensAt <= now) return opensAt
      wishes.wish(amounts, now)
      onChange()
      return opensAt
    },
    // Whoever waits gets the next lease.
    fitsBeside: () => false,
    reserve: (amounts, now) => {
      const reservation = all.reserve(amounts, now)
      funds.reserve(reservation, now)
      wishes.started(amounts, now)
      onChange()
      return reservation
    },
    begin: (reservation, now) => {
      all.begin(reservation, now)
      funds.begin(reservation, now)
    },
    undo: (reservation, now) => {
      all.undo(reservation, now)
      funds.undo(reservation, now)
    },
    settle: (reservation, how, actual, now) => {
      all.settle(reservation, how, actual, now)
      funds.settle(reservation, how, actual, now)
    },
    leases: funds.leases,
    wishes,
    onChange: (listener) => {
      onChange = listener
    }
  }
}
