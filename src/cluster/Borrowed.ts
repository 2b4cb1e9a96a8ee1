/**
 * What stands in a runner's pool where another pool has its limits and its law: leases, and what the entity has decided.
 *
 * @since 0.2.0
 */
import type { ControlLaw, Decision, Sample } from "../law/ControlLaw.js"
import { one, units, type Weight } from "../limit/Cost.js"
import type { End } from "../limit/Meter.js"
import * as Limiter from "../pool/Limiter.js"
import type { PoolConfig } from "../PoolConfig.js"
import type { Instant } from "../structure/Clocks.js"
import * as Frequency from "../structure/Frequency.js"
import type { Reply, Report } from "./Message.js"
import type { Lease, Tenant } from "./Tenant.js"

/**
 * What is borrowed.
 *
 * @since 0.2.0
 * @category models
 */
export interface Borrowed {
  readonly law: ControlLaw
  /** Keeps the pool to its leases. */
  readonly limiter: Limiter.Limiter
  readonly wishes: Wishes
  /** The entity has decided; says whether that is news. */
  readonly follow: (reply: Reply) => boolean
  /** What runs now is cut short: its end says nothing of the API. */
  readonly sever: () => void
  /** Is told when the entity should hear of something. */
  readonly onChange: (listener: () => void) => void
}

/**
 * What the pool would start.
 *
 * @since 0.2.0
 * @category models
 */
export interface Wishes {
  /** What the first in line would take; undefined where nobody waits for a lease, as far as anybody asked. */
  readonly first: Weight | undefined
  /** Nobody has asked yet. */
  readonly forget: () => void
  readonly weights: { readonly first: Weight; readonly largest: Weight }
  /** Starts a second of late. */
  readonly perSecond: (now: number) => number
}

/** So many of the latest calls tell what the next ones take. */
const remembered = 16

const makeWishes = () => {
  const latest: Array<Weight> = []
  const starts = Frequency.make()
  let wish: Weight | undefined

  return {
    get first() {
      return wish
    },
    wish: (asked: Weight): void => {
      wish = asked
    },
    forget: (): void => {
      wish = undefined
    },
    started: (asked: Weight, now: number): void => {
      latest.push(asked)
      if (latest.length > remembered) latest.shift()
      starts.note(now)
    },
    get weights() {
      const first = wish ?? latest.at(-1) ?? one
      const largest = { ...first }
      for (const asked of latest) for (const unit of units) largest[unit] = Math.max(largest[unit], asked[unit])
      return { first, largest }
    },
    perSecond: starts.perSecond
  }
}

type Ended = Extract<Report, { readonly _tag: "ended" }>

type How = End | "rejected"

const sampleOf = (sample: Sample): Pick<Ended, "latency" | "row" | "attempt" | "hints"> => {
  const { attempt, hints, latency, row } = sample
  return { latency, row, attempt, ...(hints && { hints }) }
}

const rejectionOf = (sample: Sample): Pick<Ended, "status" | "retryAfter"> => {
  if (sample._tag !== "capacity") return {}
  const { retryAfter, status } = sample
  return { status, ...(retryAfter !== undefined && { retryAfter }) }
}

const outcomeOf = (how: How, sample: Sample): Ended["outcome"] => {
  if (how === "broken") return "neutral"
  if (sample._tag === "capacity") return "capacity"
  if (how === "rejected") return "own"
  return how === "answered" ? "success" : "failure"
}

/** Attempts by their leases, and what the tenant is told of their ends. */
const makeAttempts = (tenant: Tenant, onChange: () => void) => {
  const used = new Map<Limiter.Held, Lease>()
  const severed = new Set<number>()
  /** A lease whose attempt has ended, of which the law is told next. */
  let ending: { readonly lease: Lease; readonly how: How } | undefined

  /** Tells of the end what the law was told of it; the law is not told of a request that was lost inside its attempt. */
  const tell = (sample: Sample | undefined): void => {
    if (ending === undefined) return
    const { how, lease } = ending
    const isCut = severed.delete(lease.id)
    const outcome = isCut || sample === undefined ? "neutral" : outcomeOf(how, sample)
    const known =
      sample === undefined ? { latency: 0, row: 0, attempt: 1 } : { ...sampleOf(sample), ...rejectionOf(sample) }
    tenant.ended({ _tag: "ended", lease: lease.id, outcome, ...known })
    ending = undefined
    onChange()
  }

  const leave = (held: Limiter.Held): Lease | undefined => {
    const lease = used.get(held)
    used.delete(held)
    return lease
  }

  return {
    tell,
    begin: (held: Limiter.Held, at: Instant): void => {
      tell(undefined)
      const lease = tenant.take(held.bid.asked, at)
      if (lease !== undefined) used.set(held, lease)
    },
    undo: (held: Limiter.Held): void => {
      const lease = leave(held)
      if (lease !== undefined) tenant.putBack(lease)
    },
    settle: (held: Limiter.Held, how: How): void => {
      tell(undefined)
      const lease = leave(held)
      if (lease !== undefined) ending = { lease, how }
    },
    sever: (): void => {
      for (const { id } of used.values()) severed.add(id)
    }
  }
}

/** Counts nothing: the entity does. */
const ledgerOf = (opensAt: (now: number) => number): Limiter.Limiter["ledger"] => ({
  amounts: () => [],
  tooSmall: () => undefined,
  opensAt: (_, now) => opensAt(now),
  fitsBeside: () => false,
  reserve: (amounts) => ({ amounts, shares: [] }),
  begin: () => undefined,
  undo: () => undefined,
  settle: () => undefined,
  learn: () => undefined,
  tell: () => undefined,
  standings: () => []
})

interface Parts {
  readonly config: PoolConfig
  readonly tenant: Tenant
  readonly at: () => Instant
  readonly wishes: ReturnType<typeof makeWishes>
  readonly attempts: ReturnType<typeof makeAttempts>
  readonly onChange: () => void
}

const limiterOf = ({ at, attempts, config, onChange, tenant, wishes }: Parts): Limiter.Limiter => {
  const own = Limiter.make(config)
  /** What was asked for last, as an election shows it again. */
  let shown: Limiter.Bid = { asked: one, amounts: [], money: 0 }

  const opensAt = (asked: Weight, now: number): number => {
    if (tenant.has(asked, at())) return now
    wishes.wish(asked)
    onChange()
    return Infinity
  }

  return {
    ledger: ledgerOf((now) => opensAt(shown.asked, now)),
    purse: undefined,
    refusal: (asked) => own?.refusal(asked),
    checkPrice: () => undefined,
    price: (_, usage) => usage,
    opensAt,
    bid: (asked) => {
      shown = { asked, amounts: units.map((unit) => asked[unit]), money: 0 }
      return shown
    },
    reserve: (bid, now) => {
      const held: Limiter.Held = { bid, reservation: { amounts: bid.amounts, shares: [] } }
      attempts.begin(held, at())
      wishes.started(bid.asked, now)
      onChange()
      return held
    },
    undo: attempts.undo,
    settle: attempts.settle
  }
}

/**
 * Makes the law and the limits of a tenant's pool. `at` reads the clocks of its process.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (config: PoolConfig, tenant: Tenant, at: () => Instant): Borrowed => {
  let listener = (): void => undefined
  const onChange = (): void => listener()
  const wishes = makeWishes()
  const attempts = makeAttempts(tenant, onChange)
  let decision: Decision = {
    window: config.poolSize,
    spacing: 0,
    holdUntil: 0,
    delay: 0,
    epoch: 0,
    reason: "waits for the entity of the pool"
  }
  const follows = () => ({ state: undefined, decision })

  return {
    law: {
      name: "cluster",
      initial: follows,
      step: (_, sample) => {
        attempts.tell(sample)
        return follows()
      },
      resize: follows
    },
    limiter: limiterOf({ config, tenant, at, wishes, attempts, onChange }),
    wishes,
    follow: ({ chance, delay, reason, window }) => {
      if (window === decision.window && delay === decision.delay && reason === decision.reason) return false
      decision = { window, spacing: 0, holdUntil: 0, delay, chance, epoch: 0, reason }
      return true
    },
    sever: attempts.sever,
    onChange: (told) => {
      listener = told
    }
  }
}
