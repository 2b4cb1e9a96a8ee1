/**
 * How many turns the tenants of a client had, and how many each may have while another waits for one.
 *
 * @since 0.2.0
 */
import type { Instant } from "./Instants.js"
import { tolerance } from "./PerClient.js"
import type { Row } from "./TurnRows.js"

/** An instant at which a tenant stood even with all others. */
interface Even {
  readonly at: number
  /** The turns that it had since, and the one that it had then; those too that it may have had and not used. */
  spent: number
}

/** A tenant of one priority. */
interface Tenant {
  readonly name: string
  readonly priority: number
  /** Its latest starts, the last one last. */
  readonly starts: Array<number>
  /** The least weight that it has told, and the largest. */
  least: number
  most: number
  /** How many of its rows wait for their first start. */
  waiting: number
  even: Array<Even>
  /** How many of its starts of an instant passed somebody, perhaps, and how many surely did not. */
  passes: number
  inTurn: number
  /** How many went away at an instant. */
  lost: { readonly at: number; count: number }
}

/** So much is kept of a tenant, at most. */
const kept = 1000

const keyOf = ({ priority, tenant }: Row): string => `${priority} ${tenant}`

const push = <A>(list: Array<A>, one: A): void => {
  list.push(one)
  if (list.length > kept) list.shift()
}

const spend = ({ even }: Tenant, turns: number): void => even.forEach((since) => (since.spent += turns))

/** One has started in this instant: what it had ahead of its turns is paid, unless it passed whoever's turn it was. */
const settle = (tenant: Tenant, at: number): void => {
  const { inTurn, lost, passes } = tenant
  if (inTurn === 0) return spend(tenant, passes)
  tenant.even = [{ at, spent: 1 + passes + (lost.at === at ? lost.count : 0) }]
}

/** Since when, and how often, the other had a turn while this one waited for one; undefined where that was fair. */
const unfair = (
  waits: Tenant,
  other: Tenant,
  at: number
): { readonly since: number; readonly turns: number } | undefined => {
  const ratio = other.most / waits.least
  const found = waits.even.map(({ at: since, spent }) => {
    const turns = since < at ? other.starts.filter((start) => start > since).length + other.inTurn : 0
    return { since, turns, isFair: turns <= Math.floor(1 + spent * ratio + tolerance) }
  })
  return found.some(({ isFair }) => isFair) ? undefined : found.at(-1)
}

/**
 * The turns of tenants. By fair queueing, of two that wait each has a turn for one of the other's, where their weights are
 * equal. Who passes somebody that waits for room takes its turn ahead of time, and waits for so many of the others' more. So
 * turns are counted, on both sides, since it last stood even: it came, or it had a turn that surely was its own.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = () => {
  const tenants = new Map<string, Tenant>()

  const tenantOf = (row: Row): Tenant => {
    const { priority, tenant: name, weight } = row
    const known = tenants.get(keyOf(row))
    const tenant = known ?? {
      ...{ name, priority, starts: [], least: weight, most: weight, waiting: 0, even: [] },
      ...{ passes: 0, inTurn: 0, lost: { at: -Infinity, count: 0 } }
    }
    tenants.set(keyOf(row), tenant)
    tenant.least = Math.min(tenant.least, weight)
    tenant.most = Math.max(tenant.most, weight)
    return tenant
  }

  return {
    came: (row: Row): void => {
      const isNew = !tenants.has(keyOf(row))
      const tenant = tenantOf(row)
      // Who was away has had no turns, and may have paid meanwhile for those that it took ahead of time. Who says nothing of turns
      // may have had one before anybody did.
      if (tenant.waiting === 0) push(tenant.even, { at: row.at, spent: isNew && row.tenant === "" ? 1 : 0 })
      tenant.waiting += 1
    },
    gone: (row: Row, at: number): void => {
      const tenant = tenantOf(row)
      if (row.isFresh) tenant.waiting -= 1
      tenant.lost = { at, count: tenant.lost.at === at ? tenant.lost.count + 1 : 1 }
      spend(tenant, 1)
    },
    /** Who has more turns than are fair, while somebody waits for one; undefined where all is well. */
    look: ({ at, flows, mayPass, started }: Instant): string | undefined => {
      const some = new Set<Tenant>()
      for (const { isFirst, row } of started) {
        const tenant = tenantOf(row)
        some.add(tenant)
        if (isFirst) tenant.waiting -= 1
        // Those that pass may come after those that do not, in the same instant: of the others only these count now.
        if (mayPass(row)) tenant.passes += 1
        else tenant.inTurn += 1
      }
      for (const tenant of some) settle(tenant, at)
      for (const { byTime } of flows.values()) {
        const waits = byTime.first && tenantOf(byTime.first)
        for (const other of some) {
          if (waits === undefined || other === waits || other.priority !== waits.priority || other.inTurn === 0)
            continue
          const found = unfair(waits, other, at)
          if (found === undefined) continue
          return `tenant "${other.name}" has ${found.turns} turns while "${waits.name}" waits for one since ${found.since}`
        }
      }
      for (const tenant of some) {
        for (let i = tenant.passes + tenant.inTurn; i > 0; i--) push(tenant.starts, at)
        tenant.passes = tenant.inTurn = 0
      }
      return undefined
    }
  }
}
