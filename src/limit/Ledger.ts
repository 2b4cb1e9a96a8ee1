/**
 * All limits of a pool that were told: what is counted of each, and when there is room for a call.
 *
 * @since 0.2.0
 */
import * as Bucket from "./Bucket.js"
import type { Weight } from "./Cost.js"
import * as Limit from "./Limit.js"
import type { End, Meter, Share } from "./Meter.js"
import * as Places from "./Places.js"
import * as Quota from "./Quota.js"
import * as Window from "./Window.js"

/**
 * What a call takes of each limit, in the order of the limits.
 *
 * @since 0.2.0
 * @category models
 */
export type Amounts = ReadonlyArray<number>

/**
 * What is kept for an attempt until its end.
 *
 * @since 0.2.0
 * @category models
 */
export interface Reservation {
  readonly amounts: Amounts
  readonly shares: ReadonlyArray<Share>
}

/**
 * One limit and what is counted of it; `reserved` is `settled`, `refunded` and `open` together, always: what attempts took,
 * what was given back, and what those in flight may take.
 *
 * @since 0.2.0
 * @category models
 */
export interface Standing {
  readonly limit: Limit.Told
  readonly used: number
  readonly reserved: number
  readonly settled: number
  readonly refunded: number
  readonly open: number
}

/**
 * A ledger; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ledger {
  /** `expected` is what counts where the API gives back what a call did not take, `asked` where it does not. */
  readonly amounts: (asked: Weight, expected: Weight) => Amounts
  /** The limit that is smaller than a call. */
  readonly tooSmall: (asked: Weight) => Limit.Told | undefined
  /**
   * The earliest instant at which a call breaks no limit, if no attempt ends before; not in the future if now. Infinity where
   * only the end of an attempt can tell.
   */
  readonly opensAt: (amounts: Amounts, now: number) => number
  /** Whether a call may start now, and `first`, which waits, may start then all the same. */
  readonly fitsBeside: (amounts: Amounts, first: Amounts, opensAt: number, now: number) => boolean
  readonly reserve: (amounts: Amounts, now: number) => Reservation
  /** The attempt begins only now; at Infinity: at an instant that is told later, before its end. */
  readonly begin: (reservation: Reservation, now: number) => void
  /** The attempt was never sent: nothing has happened. */
  readonly undo: (reservation: Reservation, now: number) => void
  /**
   * The attempt has ended. `actual` is what it took, `undefined` where nobody knows: then it took what was reserved.
   */
  readonly settle: (reservation: Reservation, how: End, actual: Weight | undefined, now: number) => void
  /** The API has served the attempt, or rejected it; comes after its end. */
  readonly learn: (isRejected: boolean, now: number) => void
  /** The attempt's answer has told what is left; comes after its end. */
  readonly tell: (reservation: Reservation, hints: Told, now: number) => void
  readonly standings: (now: number) => ReadonlyArray<Standing>
}

/**
 * What answers tell of limits.
 *
 * @since 0.2.0
 * @category models
 */
export interface Told {
  readonly requests?: Quota.Told
  readonly tokens?: Quota.Told
}

interface Account {
  readonly limit: Limit.Told
  readonly meter: Meter
  /** The meter, where it listens to answers. */
  readonly quota: Quota.Quota | undefined
  readonly growth: Growth | undefined
  reserved: number
  settled: number
  refunded: number
  open: number
}

const meterOf = ({ burst, most, per, transit, unit }: Limit.Told): Pick<Account, "meter" | "quota"> => {
  if (unit === "concurrent") return { meter: Places.make(most, transit), quota: undefined }
  if (most === Infinity) {
    const quota = Quota.make(transit)
    return { meter: quota, quota }
  }
  const meter =
    burst === undefined ? Window.make({ most, per, transit }) : Bucket.make({ burst, rate: most / per, transit })
  return { meter, quota: undefined }
}

/** How far a limit has grown beyond what was told, since when, and whether it has held a call back since then. */
interface Growth {
  factor: number
  since: number
  isHeld: boolean
}

/** After so long a limit of attempts at once is tried, in milliseconds. */
const trial = 10_000

/** What is learned from an attempt of whether the API allows more. */
const learn = ({ growth, limit, meter }: Account, isRejected: boolean, now: number): void => {
  if (growth === undefined) return
  const isTime = growth.isHeld && now - growth.since >= (limit.per === 0 ? trial : limit.per)
  if (!isRejected && !isTime) return
  growth.factor = isRejected ? 1 : growth.factor * 1.05
  growth.since = now
  growth.isHeld = false
  meter.scale(growth.factor)
}

const count = (account: Account, amount: number): void => {
  account.reserved += amount
  account.open += amount
}

/** An attempt has ended for which so much was reserved. */
const settle = (
  account: Account,
  share: Share,
  amount: number,
  how: End,
  actual: Weight | undefined,
  now: number
): void => {
  const { limit, meter } = account
  meter.end(share, how, now)
  account.open -= amount
  const isKept = actual === undefined || limit.unit === "concurrent" || !limit.refunds
  const took = isKept ? amount : actual[limit.unit]
  if (took !== amount) meter.settle(share, took, now)
  account.settled += took
  account.refunded += Math.max(0, amount - took)
  account.reserved += Math.max(0, took - amount)
}

const amountOf = (limit: Limit.Told, asked: Weight, expected: Weight): number => {
  if (limit.unit === "concurrent") return 1
  if (!limit.refunds || asked === expected) return asked[limit.unit]
  // What has been learned of others must not make a call larger than the limit.
  return Math.min(expected[limit.unit], Limit.largest(limit))
}

/**
 * Makes a ledger of which nothing is used.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (limits: ReadonlyArray<Limit.Told>): Ledger => {
  const accounts: ReadonlyArray<Account> = limits.map((limit) => ({
    limit,
    ...meterOf(limit),
    growth: limit.grows ? { factor: 1, since: -Infinity, isHeld: false } : undefined,
    reserved: 0,
    settled: 0,
    refunded: 0,
    open: 0
  }))
  const at = (amounts: Amounts, index: number): number => amounts[index] ?? 0

  const opensAt = (amounts: Amounts, now: number): number => {
    let latest = now
    let i = 0
    for (const { growth, meter } of accounts) {
      const opens = meter.opensAt(at(amounts, i++), now)
      if (growth !== undefined && opens > now) growth.isHeld = true
      if (opens > latest) latest = opens
    }
    return latest
  }

  return {
    amounts: (asked, expected) => {
      // Of each row: no closure, and no longer than it is.
      const amounts = new Array<number>(limits.length)
      let i = 0
      for (const limit of limits) amounts[i++] = amountOf(limit, asked, expected)
      return amounts
    },
    tooSmall: (asked) =>
      limits.find((limit) => limit.unit !== "concurrent" && asked[limit.unit] > Limit.largest(limit)),
    opensAt,
    fitsBeside: (amounts, first, then, now) =>
      then < Infinity &&
      opensAt(amounts, now) <= now &&
      accounts.every(({ meter }, i) => meter.opensAt(at(amounts, i) + at(first, i), now) <= then),
    reserve: (amounts, now) => {
      const shares = new Array<Share>(accounts.length)
      let i = 0
      for (const account of accounts) {
        const amount = at(amounts, i)
        count(account, amount)
        shares[i++] = account.meter.take(amount, now)
      }
      return { amounts, shares }
    },
    begin: ({ shares }, now) => {
      let i = 0
      for (const { meter } of accounts) {
        const share = shares[i++]
        if (share !== undefined && share.startedAt !== now) meter.begin(share, now)
      }
    },
    undo: ({ amounts, shares }, now) =>
      accounts.forEach((account, i) => {
        const share = shares[i]
        if (share === undefined) return
        account.meter.undo(share, now)
        count(account, -at(amounts, i))
      }),
    settle: ({ amounts, shares }, how, actual, now) => {
      let i = 0
      for (const account of accounts) {
        const share = shares[i]
        if (share !== undefined) settle(account, share, at(amounts, i), how, actual, now)
        i += 1
      }
    },
    learn: (isRejected, now) => {
      for (const account of accounts) learn(account, isRejected, now)
    },
    tell: ({ shares }, hints, now) =>
      accounts.forEach(({ limit: { unit }, quota }, i) => {
        const told = unit === "requests" || unit === "tokens" ? hints[unit] : undefined
        const share = shares[i]
        if (quota !== undefined && told !== undefined && share !== undefined) quota.tell(share, told, now)
      }),
    standings: (now) =>
      accounts.map(({ limit, meter, open, refunded, reserved, settled }) => ({
        limit,
        used: meter.used(now),
        reserved,
        settled,
        refunded,
        open
      }))
  }
}
