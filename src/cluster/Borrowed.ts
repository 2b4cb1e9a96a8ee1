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
  /** What the first in line would take; undefined where nobody waits for a lease, as far as anybody asked. */
  readonly wish: Weight | undefined
  /** Nobody has asked yet. */
  readonly forget: () => void
  readonly weights: { readonly first: Weight; readonly largest: Weight }
  /** Starts a second of late. */
  readonly perSecond: (now: number) => number
  /** The entity has decided; says whether that is news. */
  readonly follow: (reply: Reply) => boolean
  /** What runs now is cut short: its end says nothing of the API. */
  readonly sever: () => void
  /** Is told when the entity should hear of something. */
  readonly onChange: (listener: () => void) => void
}

/** So many of the latest calls tell what the next ones take. */
const remembered = 16

type Ended = Extract<Report, { readonly _tag: "ended" }>

const sampleOf = (sample: Sample): Pick<Ended, "latency" | "row" | "attempt" | "hints"> => {
  const { attempt, hints, latency, row } = sample
  return { latency, row, attempt, ...(hints && { hints }) }
}

/**
 * Makes the law and the limits of a tenant's pool. `now` reads the clocks of its process.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (config: PoolConfig, tenant: Tenant, at: () => Instant): Borrowed => {
  const own = Limiter.make(config)
  const used = new Map<Limiter.Held, Lease>()
  const severed = new Set<number>()
  const latest: Array<Weight> = []
  let wish: Weight | undefined
  let onChange = (): void => undefined
  const starts = Frequency.make()
  /** A lease whose attempt has ended, of which the law is told next. */
  let ending: { readonly lease: Lease; readonly how: End | "rejected" } | undefined
  let decision: Decision = {
    window: config.poolSize,
    spacing: 0,
    holdUntil: 0,
    delay: 0,
    epoch: 0,
    reason: "waits for the entity of the pool"
  }

  const tell = (how: End | "rejected", lease: Lease, sample: Sample | undefined): void => {
    const isCut = severed.delete(lease.id)
    const known = sample === undefined ? { latency: 0, row: 0, attempt: 1 } : sampleOf(sample)
    const rejection =
      sample?._tag === "capacity"
        ? { status: sample.status, ...(sample.retryAfter !== undefined && { retryAfter: sample.retryAfter }) }
        : {}
    const outcome = (): Ended["outcome"] => {
      if (isCut || sample === undefined || how === "broken") return "neutral"
      if (sample._tag === "capacity") return "capacity"
      if (how === "rejected") return "own"
      return how === "answered" ? "success" : "failure"
    }
    tenant.ended({ _tag: "ended", lease: lease.id, outcome: outcome(), ...known, ...rejection })
    onChange()
  }

  /** The law is not told of a request that was lost inside its attempt. */
  const flush = (): void => {
    if (ending !== undefined) tell("broken", ending.lease, undefined)
    ending = undefined
  }

  const note = (asked: Weight, now: number): void => {
    latest.push(asked)
    if (latest.length > remembered) latest.shift()
    starts.note(now)
  }

  /** What was asked for last, as an election shows it again. */
  let shown: Limiter.Bid = { asked: one, amounts: [], money: 0 }

  const opensAt = (asked: Weight, now: number): number => {
    if (tenant.has(asked, at())) return now
    wish = asked
    onChange()
    return Infinity
  }

  const limiter: Limiter.Limiter = {
    ledger: {
      amounts: () => [],
      tooSmall: () => undefined,
      opensAt: (_, now) => opensAt(shown.asked, now),
      fitsBeside: () => false,
      reserve: (amounts) => ({ amounts, shares: [] }),
      begin: () => undefined,
      undo: () => undefined,
      settle: () => undefined,
      learn: () => undefined,
      tell: () => undefined,
      standings: () => []
    },
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
      flush()
      const held: Limiter.Held = { bid, reservation: { amounts: bid.amounts, shares: [] } }
      const lease = tenant.take(bid.asked, at())
      if (lease !== undefined) used.set(held, lease)
      note(bid.asked, now)
      onChange()
      return held
    },
    undo: (held) => {
      const lease = used.get(held)
      used.delete(held)
      if (lease !== undefined) tenant.putBack(lease)
    },
    settle: (held, how) => {
      flush()
      const lease = used.get(held)
      used.delete(held)
      if (lease !== undefined) ending = { lease, how }
    }
  }

  const follows = () => ({ state: undefined, decision })

  return {
    law: {
      name: "cluster",
      initial: follows,
      step: (_, sample) => {
        if (ending !== undefined) tell(ending.how, ending.lease, sample)
        ending = undefined
        return follows()
      },
      resize: follows
    },
    limiter,
    get wish() {
      return wish
    },
    forget: () => {
      wish = undefined
    },
    get weights() {
      const first = wish ?? latest.at(-1) ?? one
      const largest = { ...first }
      for (const asked of latest) for (const unit of units) largest[unit] = Math.max(largest[unit], asked[unit])
      return { first, largest }
    },
    perSecond: starts.perSecond,
    follow: ({ chance, delay, reason, window }) => {
      if (window === decision.window && delay === decision.delay && reason === decision.reason) return false
      decision = { window, spacing: 0, holdUntil: 0, delay, chance, epoch: 0, reason }
      return true
    },
    sever: () => {
      for (const { id } of used.values()) severed.add(id)
    },
    onChange: (listener) => {
      onChange = listener
    }
  }
}
