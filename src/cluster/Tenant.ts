/**
 * What a runner has of a pool: starts that were leased to it, attempts that run, and what the entity has yet to hear of them.
 *
 * @since 0.2.0
 */
import { units, type Weight } from "../limit/Cost.js"
import { drift, type Instant, since } from "../structure/Clocks.js"
import type { Message, Reply, Report } from "./Message.js"

/**
 * The right to start one attempt, until it lapses.
 *
 * @since 0.2.0
 * @category models
 */
export interface Lease {
  readonly id: number
  /** What the attempt may take at most. */
  readonly cost: Weight
  readonly sentAt: Instant
  /** From `sentAt` on, in milliseconds. */
  readonly lasts: number
}

/**
 * What a tenant would like to start.
 *
 * @since 0.2.0
 * @category models
 */
export type Demand = Pick<Message, "waiting" | "spare" | "first" | "each">

/**
 * A tenant.
 *
 * @since 0.2.0
 * @category models
 */
export interface Tenant {
  /** Leases that are not used. */
  readonly stock: number
  readonly running: number
  /** Messages whose replies are waited for. */
  readonly open: number
  /** Whether there is anything that the entity has not been told at all. */
  readonly hasNews: boolean
  /** When the latest message was sent that was answered; undefined where none was. */
  readonly heardAt: number | undefined
  /** For how many milliseconds attempts are certainly counted, should no word come any more. */
  readonly keptFor: (at: Instant) => number
  readonly has: (asked: Weight, at: Instant) => boolean
  /** Uses a lease; undefined where none fits. */
  readonly take: (asked: Weight, at: Instant) => Lease | undefined
  /** The lease was not used after all. */
  readonly putBack: (lease: Lease) => void
  readonly ended: (report: Extract<Report, { readonly _tag: "ended" }>) => void
  /** Gives all leases back that are not used. */
  readonly giveBack: () => void
  /** Wants nothing any more, whatever is on its way; says whether the entity should hear of that. */
  readonly leave: () => boolean
  readonly compose: (demand: Demand, at: Instant) => Message
  /** The entity has answered a message; says whether it was worth anything. */
  readonly hear: (number: number, reply: Reply, at: Instant) => boolean
  /** The reply to a message is not waited for any more. */
  readonly giveUp: (number: number) => void
}

/** What is left of what lasts so long. */
const leftOf = ({ lasts, sentAt }: Pick<Lease, "lasts" | "sentAt">, at: Instant): number =>
  lasts * (1 - drift) - since(sentAt, at)

const covers = ({ cost }: Lease, asked: Weight): boolean => units.every((unit) => asked[unit] <= cost[unit])

/** What the entity has not confirmed, with the message that said it first: all that come after it say it too. */
const makeNews = () => {
  const news = new Map<number, { report: Report; sentIn: number | undefined }>()

  return {
    get size() {
      return news.size
    },
    get isAnyUnsent() {
      for (const { sentIn } of news.values()) if (sentIn === undefined) return true
      return false
    },
    report: (what: Report): void => void news.set(what.lease, { report: what, sentIn: undefined }),
    drop: (lease: number): void => void news.delete(lease),
    send: (number: number): ReadonlyArray<Report> => {
      for (const each of news.values()) each.sentIn ??= number
      return [...news.values()].map((each) => each.report)
    },
    confirm: (number: number): void => {
      for (const [lease, { sentIn }] of news) if (sentIn !== undefined && sentIn <= number) news.delete(lease)
    },
    clear: (): void => news.clear()
  }
}

type News = ReturnType<typeof makeNews>

/** Leases that are not used, and those of attempts that run. */
const makeLeases = ({ drop, report }: News) => {
  const stock = new Map<number, Lease>()
  const running = new Set<number>()

  const lapse = (at: Instant): void => {
    for (const lease of stock.values()) {
      if (leftOf(lease, at) > 0) continue
      stock.delete(lease.id)
      report({ _tag: "returned", lease: lease.id })
    }
  }

  /** The one that fits and lapses first. */
  const find = (asked: Weight, at: Instant): Lease | undefined => {
    lapse(at)
    for (const lease of stock.values()) if (covers(lease, asked)) return lease
    return undefined
  }

  return {
    stock,
    running,
    lapse,
    add: (lease: Lease): void => void stock.set(lease.id, lease),
    has: (asked: Weight, at: Instant): boolean => find(asked, at) !== undefined,
    take: (asked: Weight, at: Instant): Lease | undefined => {
      const lease = find(asked, at)
      if (lease === undefined) return undefined
      stock.delete(lease.id)
      running.add(lease.id)
      report({ _tag: "started", lease: lease.id })
      return lease
    },
    putBack: ({ id }: Lease): void => {
      running.delete(id)
      drop(id)
      report({ _tag: "returned", lease: id })
    },
    ended: (what: Report): void => {
      if (running.delete(what.lease)) report(what)
    },
    giveBack: (): void => {
      for (const lease of stock.keys()) report({ _tag: "returned", lease })
      stock.clear()
    }
  }
}

/**
 * Makes a tenant that nobody knows yet. `name` is nobody else's.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (name: string): Tenant => {
  let term = ""
  /** The last message before the term was learned: the replies up to it are of no use. */
  let termSince = 0
  let isIntroduced = false
  let number = 0
  let heardAt: number | undefined
  let kept: Pick<Lease, "lasts" | "sentAt"> | undefined
  const open = new Map<number, Instant>()
  const news = makeNews()
  const { add, lapse, running, stock, ...leases } = makeLeases(news)

  const enter = (next: string): void => {
    term = next
    termSince = number
    isIntroduced = false
    stock.clear()
    news.clear()
  }

  return {
    get stock() {
      return stock.size
    },
    get running() {
      return running.size
    },
    get open() {
      return open.size
    },
    get hasNews() {
      return news.isAnyUnsent
    },
    get heardAt() {
      return heardAt
    },
    keptFor: (at) => (kept === undefined ? 0 : leftOf(kept, at)),
    ...leases,
    leave: () => {
      leases.giveBack()
      const isWaited = open.size > 0
      open.clear()
      return isIntroduced && (isWaited || news.size > 0)
    },
    compose: (demand, at) => {
      lapse(at)
      number += 1
      open.set(number, at)
      return {
        tenant: name,
        term,
        number,
        open: [...open.keys()],
        holds: [...stock.keys()],
        reports: news.send(number),
        running: isIntroduced ? [] : [...running],
        ...demand
      }
    },
    hear: (answered, reply, at) => {
      const sentAt = open.get(answered)
      open.delete(answered)
      // Whoever knew it before has been told nothing of what it forgot since: it never goes back there.
      if (sentAt === undefined || answered <= termSince) return false
      if (reply.term !== term) {
        if (reply.term === "") return false
        heardAt = Math.max(heardAt ?? -Infinity, sentAt.now)
        enter(reply.term)
        return true
      }
      if (term === "" || !reply.isHeard) return false
      heardAt = Math.max(heardAt ?? -Infinity, sentAt.now)
      isIntroduced = true
      const next = { lasts: reply.keeps, sentAt }
      if (kept === undefined || leftOf(next, at) > leftOf(kept, at)) kept = next
      news.confirm(answered)
      for (const { cost, lease } of reply.leases) add({ id: lease, cost, sentAt, lasts: reply.lasts })
      lapse(at)
      return true
    },
    giveUp: (given) => void open.delete(given)
  }
}
