/**
 * Who goes next of those that wait: by priority, then tenant by tenant, then by deadline or in the order in which they came.
 * To add, to take and to leave cost O(log n).
 *
 * @since 0.2.0
 */
import * as Heap from "../structure/Heap.js"

/**
 * Whose turn it is.
 *
 * @since 0.2.0
 * @category models
 */
export interface Turn {
  /** Higher goes first. */
  readonly priority: number
  /** Those of one priority take turns between their tenants. */
  readonly tenant: string
  /** How many turns the tenant has for one of a tenant of weight 1; over 0. The latest that it has told counts. */
  readonly weight: number
  /** Of one tenant and priority, the earliest goes first; `Infinity` for none. In milliseconds, like all instants here. */
  readonly deadline: number
}

/**
 * Somebody who waits.
 *
 * @since 0.2.0
 * @category models
 */
export class Waiter<out A> {
  readonly value: A
  readonly turn: Turn
  /** Since when it waits. */
  readonly since: number
  /** Its place among those of its tenant, and among all of its priority. */
  readonly inTenant: Ranked<A>
  readonly inClass: Ranked<A>

  constructor(value: A, turn: Turn, since: number, sequence: number, ageing: number) {
    this.value = value
    this.turn = turn
    this.since = since
    this.inTenant = { waiter: this, rank: Math.min(turn.deadline, since + ageing), sequence, index: -1 }
    this.inClass = { waiter: this, rank: since, sequence, index: -1 }
  }
}

/** A place in a heap: the lowest rank goes first, of equal ones the one that came first. */
interface Ranked<out A> extends Heap.Element {
  readonly waiter: Waiter<A>
  readonly rank: number
  readonly sequence: number
}

const isBefore = <A>(a: Ranked<A>, b: Ranked<A>): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.sequence < b.sequence)

/** A tenant of one priority. One without rows stays until its last turn is paid: else who comes back at once would get more. */
interface Tenant<A> extends Heap.Element {
  readonly name: string
  readonly waiters: Heap.Heap<Ranked<A>>
  weight: number
  /** When its next turn is, in turns of a tenant of weight 1. */
  turnAt: number
  sequence: number
}

const isTenantBefore = <A>(a: Tenant<A>, b: Tenant<A>): boolean =>
  a.turnAt < b.turnAt || (a.turnAt === b.turnAt && a.sequence < b.sequence)

/** Those of one priority. */
interface Class<A> extends Heap.Element {
  readonly priority: number
  /** All of them, the one that waits longest first. */
  readonly all: Heap.Heap<Ranked<A>>
  readonly tenants: Map<string, Tenant<A>>
  readonly line: Heap.Heap<Tenant<A>>
  /** The turn that was taken last. */
  now: number
}

/**
 * Those that wait.
 *
 * @since 0.2.0
 * @category models
 */
export interface TurnQueue<A> {
  readonly size: number
  readonly add: (value: A, turn: Turn, since: number) => Waiter<A>
  /** Takes out whoever goes next. */
  readonly take: () => A | undefined
  /** Does nothing for one that does not wait here. */
  readonly remove: (waiter: Waiter<A>) => void
  /** Whether one that waits here goes before somebody of this priority who waits since then. */
  readonly hasBefore: (priority: number, since: number) => boolean
}

/**
 * Nobody waits yet. Whoever waits `ageing` milliseconds goes like one of the next higher priority, and so on; one without a
 * deadline goes like one whose deadline is so long after it came. `Infinity` for never: then some may starve.
 *
 * Priorities: Kleinrock's delay-dependent ones (1964), so that the order between two never changes while they wait. Tenants:
 * start-time fair queueing (Goyal, Vin and Cheng, 1996).
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <A>(ageing: number): TurnQueue<A> => {
  const classes = new Map<number, Class<A>>()
  let sequence = 0
  let size = 0

  /** Whether the first goes before the second: by when each would have come, had it had priority 0. */
  const goesBefore = (a: number, aSince: number, b: number, bSince: number): boolean => {
    if (a === b) return false
    if (ageing === Infinity) return a > b
    const [came, other] = [aSince - a * ageing, bSince - b * ageing]
    return came < other || (came === other && a > b)
  }

  const sinceOf = ({ all }: Class<A>): number => all.first()?.waiter.since ?? Infinity
  const order = Heap.make<Class<A>>((a, b) => goesBefore(a.priority, sinceOf(a), b.priority, sinceOf(b)))

  const classOf = (priority: number): Class<A> => {
    const known = classes.get(priority)
    if (known !== undefined) return known
    const made: Class<A> = {
      priority,
      all: Heap.make<Ranked<A>>(isBefore),
      tenants: new Map(),
      line: Heap.make<Tenant<A>>(isTenantBefore),
      now: 0,
      index: -1
    }
    classes.set(priority, made)
    return made
  }

  const tenantOf = (self: Class<A>, name: string): Tenant<A> => {
    const known = self.tenants.get(name)
    if (known !== undefined) return known
    const made: Tenant<A> = {
      name,
      waiters: Heap.make<Ranked<A>>(isBefore),
      weight: 1,
      turnAt: self.now,
      sequence: sequence++,
      index: -1
    }
    self.tenants.set(name, made)
    self.line.add(made)
    return made
  }

  /** Changes a class in its place: out and in again. */
  const reordered = (self: Class<A>, change: () => void): void => {
    order.remove(self)
    change()
    if (self.all.size > 0) order.add(self)
    else classes.delete(self.priority)
  }

  /** The tenant whose turn it is; those on the way that have nobody are done. */
  const nextTenant = (self: Class<A>): Tenant<A> | undefined => {
    for (let next = self.line.first(); next !== undefined; next = self.line.first()) {
      if (next.waiters.size > 0) return next
      self.line.remove(next)
      self.tenants.delete(next.name)
    }
    return undefined
  }

  return {
    get size() {
      return size
    },
    add: (value, turn, since) => {
      const waiter = new Waiter(value, turn, since, sequence++, ageing)
      const self = classOf(turn.priority)
      reordered(self, () => {
        const tenant = tenantOf(self, turn.tenant)
        tenant.weight = turn.weight
        tenant.waiters.add(waiter.inTenant)
        self.all.add(waiter.inClass)
      })
      size += 1
      return waiter
    },
    take: () => {
      const self = order.first()
      const tenant = self === undefined ? undefined : nextTenant(self)
      const next = tenant?.waiters.first()
      if (self === undefined || tenant === undefined || next === undefined) return undefined
      reordered(self, () => {
        self.line.remove(tenant)
        self.now = tenant.turnAt
        tenant.turnAt += 1 / tenant.weight
        tenant.sequence = sequence++
        self.line.add(tenant)
        tenant.waiters.remove(next)
        self.all.remove(next.waiter.inClass)
      })
      size -= 1
      return next.waiter.value
    },
    remove: (waiter) => {
      const self = classes.get(waiter.turn.priority)
      if (self === undefined || waiter.inClass.index < 0) return
      reordered(self, () => {
        self.tenants.get(waiter.turn.tenant)?.waiters.remove(waiter.inTenant)
        self.all.remove(waiter.inClass)
      })
      size -= 1
    },
    hasBefore: (priority, since) => {
      const first = order.first()
      return first !== undefined && goesBefore(first.priority, sinceOf(first), priority, since)
    }
  }
}
