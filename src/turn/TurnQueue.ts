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
 * By which those of one tenant and priority go, the lowest first: when each is due, or an ageing after it came.
 *
 * @since 0.2.0
 * @category ordering
 */
export const rankOf = ({ deadline }: Pick<Turn, "deadline">, cameAt: number, ageing: number): number =>
  deadline < Infinity ? deadline : cameAt + ageing

/**
 * Somebody who waits, or has waited.
 *
 * @since 0.2.0
 * @category models
 */
export class Waiter<in out A> {
  readonly value: A
  /** Since when it waits, for its class, and when it came. */
  since = 0
  joinedAt = 0
  /** Its place among those of its tenant, and among all of its priority. */
  readonly inTenant = new Heap.Ranked<Waiter<A>>(this)
  readonly inClass = new Heap.Ranked<Waiter<A>>(this)
  /** Where it waits, or has waited last. */
  home: Class<A> | undefined = undefined
  tenant: Tenant<A> | undefined = undefined

  constructor(value: A) {
    this.value = value
  }
}

/** A tenant of one priority. One without rows stays until its last turn is paid: else who comes back at once would get more. */
class Tenant<in out A> {
  readonly name: string
  readonly waiters = Heap.make<Heap.Ranked<Waiter<A>>>(Heap.isBefore)
  weight: number
  /** Its rank is when its next turn is, in turns of a tenant of weight 1. */
  readonly inLine = new Heap.Ranked<Tenant<A>>(this)

  constructor({ tenant, weight }: Turn) {
    this.name = tenant
    this.weight = weight
  }
}

/** Those of one priority. */
class Class<in out A> implements Head {
  readonly priority: number
  /** Since when the first of them waits. */
  since = Infinity
  /** All of them, the one that waits longest first. */
  readonly all = Heap.make<Heap.Ranked<Waiter<A>>>(Heap.isBefore)
  readonly tenants = new Map<string, Tenant<A>>()
  readonly line = Heap.make<Heap.Ranked<Tenant<A>>>(Heap.isBefore)
  /** The turn that was taken last. */
  now = 0
  /** Among the classes, in the order of {@link compare}. */
  readonly inOrder = new Heap.Ranked<Class<A>>(this)

  constructor(priority: number) {
    this.priority = priority
    // A negative zero would be a number of another kind.
    this.inOrder.sequence = 0 - priority
  }
}

/**
 * Those that wait.
 *
 * @since 0.2.0
 * @category models
 */
export interface TurnQueue<A> {
  readonly size: number
  /**
   * Somebody who waits `since` then, for its class; among those of its tenant it is behind those who came before `joinedAt`,
   * by default the same.
   */
  readonly add: (value: A, turn: Turn, since: number, joinedAt?: number) => Waiter<A>
  /** The same for one that has waited here, and has left. */
  readonly addAgain: (waiter: Waiter<A>, turn: Turn, since: number, joinedAt?: number) => void
  /** Whoever goes next. */
  readonly first: Waiter<A> | undefined
  /** The priority that goes first. */
  readonly head: Head | undefined
  /** Takes out one that has its turn now, be it the next or not: that is a turn of its tenant. */
  readonly serve: (waiter: Waiter<A>) => void
  /** The same for one that waits again at once. */
  readonly serveAgain: (waiter: Waiter<A>, turn: Turn, since: number, joinedAt?: number) => void
  /** Takes out one that has no turn; does nothing for one that does not wait here. */
  readonly remove: (waiter: Waiter<A>) => void
}

/**
 * A priority, and since when the first waits that has it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Head {
  readonly priority: number
  readonly since: number
}

/**
 * Which of two priorities goes first, by when each would have come had it had priority 0: below 0 for the first, 0 for
 * equal ones.
 *
 * @since 0.2.0
 * @category ordering
 */
export const compare = (a: Head, b: Head, ageing: number): number => {
  if (a.priority === b.priority) return 0
  const [came, other] = [classRank(a, ageing), classRank(b, ageing)]
  return came === other ? b.priority - a.priority : came - other
}

/** When it would have come had it priority 0. */
const classRank = ({ priority, since }: Head, ageing: number): number =>
  ageing === Infinity ? -priority : since - priority * ageing

/** So many priorities and tenants without anybody are kept for when somebody comes back, at most. */
const most = 64

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

  const order = Heap.make<Heap.Ranked<Class<A>>>(Heap.isBefore)

  const classOf = (priority: number): Class<A> => {
    const known = classes.get(priority)
    if (known !== undefined) return known
    const made = new Class<A>(priority)
    classes.set(priority, made)
    return made
  }

  const tenantOf = (self: Class<A>, turn: Turn): Tenant<A> => {
    const { tenant: name, weight } = turn
    const known = self.tenants.get(name)
    if (known !== undefined) {
      known.weight = weight
      return known
    }
    const made = new Tenant<A>(turn)
    made.inLine.rank = self.now
    made.inLine.sequence = sequence++
    self.tenants.set(name, made)
    self.line.add(made.inLine)
    return made
  }

  const stand = (self: Class<A>, since: number): void => {
    self.since = since
    self.inOrder.rank = classRank(self, ageing)
  }

  /** Somebody has come to a class, or gone. */
  const reorder = (self: Class<A>): void => {
    const first = self.all.first()
    if (first === undefined) {
      order.remove(self.inOrder)
      if (classes.size > most || self.tenants.size > most) classes.delete(self.priority)
    } else if (self.inOrder.index < 0) {
      stand(self, first.rank)
      order.add(self.inOrder)
    } else if (first.rank !== self.since) {
      stand(self, first.rank)
      order.moved(self.inOrder)
    }
  }

  /** The tenant whose turn it is; those on the way that have nobody are done. */
  const nextTenant = (self: Class<A>): Tenant<A> | undefined => {
    for (let next = self.line.first(); next !== undefined; next = self.line.first()) {
      if (next.value.waiters.size > 0) return next.value
      // Whoever comes is behind the turns that it had.
      self.now = Math.max(self.now, next.rank)
      self.line.remove(next)
      self.tenants.delete(next.value.name)
    }
    return undefined
  }

  const first = (): Waiter<A> | undefined => {
    const self = order.first()?.value
    return self && nextTenant(self)?.waiters.first()?.value
  }

  const rank = (waiter: Waiter<A>, turn: Turn, since: number, joinedAt: number): void => {
    waiter.since = since
    waiter.joinedAt = joinedAt
    waiter.inTenant.rank = rankOf(turn, joinedAt, ageing)
    waiter.inClass.rank = since
    waiter.inTenant.sequence = waiter.inClass.sequence = sequence++
  }

  const enter = (waiter: Waiter<A>, turn: Turn, since: number, joinedAt: number): void => {
    const self = classOf(turn.priority)
    const tenant = tenantOf(self, turn)
    const { inClass, inTenant } = waiter
    waiter.home = self
    waiter.tenant = tenant
    rank(waiter, turn, since, joinedAt)
    tenant.waiters.add(inTenant)
    self.all.add(inClass)
    reorder(self)
    size += 1
  }

  /** A tenant has its turn. */
  const pay = (home: Class<A>, tenant: Tenant<A>): void => {
    // Who is served before its turn pays for it, and the turns of the others stay where they are.
    if (nextTenant(home) === tenant) home.now = tenant.inLine.rank
    tenant.inLine.rank += 1 / tenant.weight
    tenant.inLine.sequence = sequence++
    home.line.moved(tenant.inLine)
  }

  /** Takes a waiter out of its class; `isServed` where that is a turn of its tenant. */
  const leave = (waiter: Waiter<A>, isServed: boolean): void => {
    const { home, tenant } = waiter
    if (waiter.inClass.index < 0 || home === undefined || tenant === undefined) return
    if (isServed) pay(home, tenant)
    tenant.waiters.remove(waiter.inTenant)
    home.all.remove(waiter.inClass)
    reorder(home)
    size -= 1
  }

  const serveAgain = (waiter: Waiter<A>, turn: Turn, since: number, joinedAt: number): void => {
    const { home, tenant } = waiter
    const waits = waiter.inClass.index >= 0 && home !== undefined && tenant !== undefined
    if (!waits || home.priority !== turn.priority || tenant.name !== turn.tenant) {
      leave(waiter, true)
      return enter(waiter, turn, since, joinedAt)
    }
    // It stays where it is found: to leave and to come back takes twice as many steps.
    pay(home, tenant)
    tenant.weight = turn.weight
    rank(waiter, turn, since, joinedAt)
    tenant.waiters.moved(waiter.inTenant)
    home.all.moved(waiter.inClass)
    reorder(home)
  }

  return {
    get size() {
      return size
    },
    add: (value, turn, since, joinedAt = since) => {
      const waiter = new Waiter(value)
      enter(waiter, turn, since, joinedAt)
      return waiter
    },
    addAgain: (waiter, turn, since, joinedAt = since) => enter(waiter, turn, since, joinedAt),
    get first() {
      return first()
    },
    get head() {
      const self = order.first()?.value
      return self && { priority: self.priority, since: self.since }
    },
    serve: (waiter) => leave(waiter, true),
    serveAgain: (waiter, turn, since, joinedAt = since) => serveAgain(waiter, turn, since, joinedAt),
    remove: (waiter) => leave(waiter, false)
  }
}
