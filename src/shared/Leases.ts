/**
 * What a process may start of one limit: leases, each until it lapses.
 *
 * @since 0.2.0
 */
import { type Instant, since } from "../structure/Clocks.js"

/**
 * So much may be started, for so many milliseconds from `sentAt` on.
 *
 * @since 0.2.0
 * @category models
 */
export interface Lease {
  left: number
  readonly sentAt: Instant
  readonly lasts: number
}

/**
 * What a start has used of its leases.
 *
 * @since 0.2.0
 * @category models
 */
export interface Draw {
  readonly lease: Lease
  amount: number
}

/**
 * The leases of a limit.
 *
 * @since 0.2.0
 * @category models
 */
export interface Leases {
  readonly add: (lease: Lease) => void
  /** What is left of them; less than nothing where calls took more than they said. */
  readonly stock: (at: Instant) => number
  /** Uses those first that lapse first; what they do not cover is owed. */
  readonly take: (amount: number, at: Instant) => ReadonlyArray<Draw>
  /** So much of it was not used. */
  readonly putBack: (draws: ReadonlyArray<Draw>, amount: number) => void
  /** More was used than was taken: the next leases pay for it. */
  readonly owe: (amount: number) => void
}

/**
 * No leases yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): Leases => {
  /** Those of which something is left, in the order in which they lapse. */
  let leases: Array<Lease> = []
  let debt = 0

  const leftOf = ({ lasts, sentAt }: Lease, at: Instant): number => lasts - since(sentAt, at)

  const lapse = (at: Instant): void => {
    if (leases.some((lease) => leftOf(lease, at) <= 0)) leases = leases.filter((lease) => leftOf(lease, at) > 0)
  }

  const insert = (lease: Lease): void => {
    leases.push(lease)
    leases.sort((a, b) => a.sentAt.now + a.lasts - (b.sentAt.now + b.lasts))
  }

  const draw = (amount: number): ReadonlyArray<Draw> => {
    const draws: Array<Draw> = []
    let open = amount
    for (let lease = leases[0]; lease !== undefined && open > 0; lease = leases[0]) {
      const part = Math.min(open, lease.left)
      lease.left -= part
      open -= part
      draws.push({ lease, amount: part })
      if (lease.left <= 0) leases.shift()
    }
    debt += open
    return draws
  }

  return {
    add: (lease) => {
      insert(lease)
      const owed = debt
      debt = 0
      draw(owed)
    },
    stock: (at) => {
      lapse(at)
      return leases.reduce((sum, { left }) => sum + left, -debt)
    },
    take: (amount, at) => {
      lapse(at)
      return draw(amount)
    },
    putBack: (draws, amount) => {
      let open = amount
      for (const one of draws) {
        const part = Math.min(open, one.amount)
        if (part <= 0) continue
        if (one.lease.left <= 0) insert(one.lease)
        one.amount -= part
        one.lease.left += part
        open -= part
      }
    },
    owe: (amount) => void draw(amount)
  }
}
