/**
 * Fetches leases from the store, before they are needed where it can tell, and in small batches.
 *
 * @since 0.2.0
 */
import type { RateLimiterStore } from "@effect/experimental/RateLimiter"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Admission } from "../pool/Admission.js"
import * as PoolStats from "../PoolStats.js"
import * as Alarm from "../structure/Alarm.js"
import * as Clocks from "../structure/Clocks.js"
import { isDue } from "../structure/TimerQueue.js"
import * as Contact from "./Contact.js"
import type { Lease } from "./Leases.js"
import * as Parts from "./Parts.js"
import type { Portion } from "./Portion.js"
import type { SharedLedger } from "./SharedLedger.js"
import * as StoreMemory from "./StoreMemory.js"

/**
 * What a fetcher works with.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly key: string
  readonly store: RateLimiterStore["Type"]
  readonly portions: ReadonlyArray<Portion>
  readonly ledger: SharedLedger
  readonly admission: Admission
  readonly contact: Contact.Contact
  readonly memory: StoreMemory.StoreMemory
  readonly clock: Clock.Clock
  readonly run: (effect: Effect.Effect<void>) => void
}

/** So many starts are fetched at once, at most. */
const mostCalls = 256

/** Of a part that was chosen somebody else may have been faster: so often others are looked for. */
const mostRounds = 8

/**
 * What will be started so soon is fetched with what is needed now, in milliseconds, and at most for half the grace; and no more
 * than such a part of the limit: a process that dies takes it along.
 */
const ahead = 1000
const aheadShare = 1 / 64

/** To fetch leases takes so many round trips: so long before they are needed it is begun. */
const roundTrips = 4

const together = { concurrency: "unbounded" } as const

type Request = Parameters<RateLimiterStore["Type"]["fixedWindow"]>[0]

interface Line {
  readonly portion: Portion
  readonly parts: Parts.Parts
  readonly index: number
}

/**
 * Lets a fetcher look after a ledger, until the pool is gone.
 *
 * @since 0.2.0
 * @category constructors
 */
export const start = (options: Options): void => {
  const { admission, contact, ledger, run } = options
  const { timers } = admission
  const exchange = exchangeOf(options)
  const demand = demandOf(options, () => exchange.roundTrip)
  const fetch = fetchOf(options, exchange, demand)
  let isFetching = false
  let notBefore = -Infinity
  const alarm = Alarm.make(timers, () => poke())

  const isNeeded = (): boolean => contact.trouble !== undefined || demand.isMore()

  const poke = (): void => {
    if (isFetching || admission.isShutdown) return
    // Whoever has given up waiting is asked for no more.
    ledger.wishes.forget()
    admission.lookAgain()
    if (!isNeeded()) return
    if (!isDue(notBefore, timers.now())) return alarm.ringBy(notBefore)
    isFetching = true
    const askedAt = timers.now()
    run(
      fetch.pipe(
        Effect.catchAll(() => Effect.sync(() => timers.now() + contact.lost(askedAt))),
        Effect.map((again) => {
          notBefore = again
        }),
        Effect.ensuring(
          Effect.sync(() => {
            isFetching = false
            poke()
          })
        )
      )
    )
  }
  // Not at once: whoever tells it is in the middle of something.
  ledger.onChange(() => {
    if (!isFetching && isNeeded()) alarm.ringBy(Math.max(timers.now(), notBefore))
  })
}

/** Fetches what is needed; says at which instant there may be more of what could not be had. */
const fetchOf = (
  { admission, contact, ledger, memory, portions }: Options,
  exchange: ReturnType<typeof exchangeOf>,
  demand: ReturnType<typeof demandOf>
): Effect.Effect<number, Contact.Lost> => {
  const { timers } = admission
  let lines: ReadonlyArray<Line> = portions.map((portion, index) => ({ portion, parts: Parts.make(portion), index }))
  const completeAt = (): number => memory.completeAt ?? -Infinity
  const isComplete = (): boolean => isDue(completeAt(), timers.now())

  /** As much of a limit as there is now, up to an amount. */
  const take = ({ index, parts, portion }: Line, amount: number): Effect.Effect<ReadonlyArray<Lease>, Contact.Lost> =>
    Effect.gen(function* () {
      const granted: Array<Lease> = []
      let [open, first] = [amount, demand.first(index)]
      // Others gather parts as well: only what the first call needs is no loss to them.
      const isEnough = parts.gathers(first, timers.now()) ? () => first <= 0 : () => open <= 0
      for (let round = 0; round < mostRounds && !isEnough(); round++) {
        const takes = parts.choose({ amount: open, first, roundTrip: exchange.roundTrip }, timers.now())
        if (takes.length === 0) break
        const leases = yield* Effect.forEach(takes, (one) => exchange.take(portion, parts, one), together)
        for (const lease of leases) {
          if (lease === undefined) continue
          granted.push(lease)
          open -= lease.left
          first -= lease.left
        }
      }
      return granted
    })

  /** When the next part of a limit may be had. Whoever has something of what it needs goes before those that have nothing. */
  const retryAt = ({ index, parts }: Line, got: number): Effect.Effect<number> =>
    Effect.map(Random.next, (chance) => {
      const first = demand.first(index)
      return parts.freeAt + (got > 0 && first > got ? 0 : chance * parts.courtesy(first, timers.now()))
    })

  return Effect.gen(function* () {
    let notBefore = -Infinity
    if (memory.completeAt === undefined) yield* exchange.lookAtMemory
    // As long as the store does not know all that counts, what was taken could not be used.
    if (!isComplete()) {
      contact.made(completeAt())
      return completeAt()
    }
    const taken: Array<readonly [Line, ReadonlyArray<Lease>]> = []
    let calls = demand.calls()
    for (const line of lines) {
      const missing = demand.missing(line.index, calls)
      const leases = missing > 0 ? yield* take(line, missing) : []
      taken.push([line, leases])
      const got = leases.reduce((sum, { left }) => sum + left, 0)
      if (got >= missing) continue
      notBefore = Math.max(notBefore, yield* retryAt(line, got))
      // Of the others only what can be used with it; from now on this one is the first to be asked for.
      calls = demand.covered(line.index, got, calls)
      lines = [line, ...lines.filter((other) => other !== line)]
    }
    // After all that was taken: what was forgotten before that is noticed.
    const isOfUse = contact.trouble !== undefined || taken.some(([, leases]) => leases.length > 0)
    if (isOfUse) yield* exchange.lookAtMemory
    contact.made(completeAt())
    if (!isComplete()) return completeAt()
    for (const [{ index }, leases] of taken) for (const one of leases) ledger.leases[index]?.add(one)
    return notBefore
  })
}

/** What is said to the store, and how long that takes. */
const exchangeOf = ({ clock, key, memory, store }: Options) => {
  let roundTrip = 0
  let isMemoryKnown = false

  const ask = (request: Request) =>
    Effect.suspend(() => {
      const sentAt = Clocks.instantOf(clock)
      return Effect.disconnect(store.fixedWindow(request)).pipe(
        Effect.timeout(Contact.patience),
        Effect.map(([count, life]) => {
          const took = Clocks.instantOf(clock).now - sentAt.now
          // Rather too long than too short: it is forgotten slowly.
          roundTrip = Math.max(took, roundTrip + (took - roundTrip) / 10)
          return { count, life, sentAt }
        })
      )
    }).pipe(Effect.catchAllCause(() => Effect.fail<Contact.Lost>(Contact.lost)))

  return {
    /** The time that an answer takes, in milliseconds. */
    get roundTrip() {
      return roundTrip
    },
    take: (portion: Portion, parts: Parts.Parts, take: Parts.Take) =>
      Effect.map(
        ask({
          key: `${key}/${portion.name}/${take.part}`,
          tokens: take.tokens,
          // For each token it will know of the part so much longer. The store of Redis refuses fractions of a millisecond.
          refillRate: Duration.millis(take.opensFor ?? 0),
          limit: take.most
        }),
        ({ count, life, sentAt }) => parts.hear(take, count, life, sentAt)
      ),
    /** When the store knows all that counts. */
    lookAtMemory: Effect.gen(function* () {
      const request = { key: `${key}/memory`, tokens: 1 }
      // The store of Redis makes a key that is not there, whatever the limit.
      const answer = isMemoryKnown
        ? yield* ask({ ...request, refillRate: Duration.millis(1), limit: undefined })
        : yield* ask({ ...request, refillRate: Duration.millis(StoreMemory.forever), limit: 1 })
      const isRefused = !isMemoryKnown && answer.count > 1
      isMemoryKnown = StoreMemory.isKept(answer.life)
      memory.hear(isRefused ? answer.count - 1 : answer.count, answer.life, Clocks.instantOf(clock).now)
    })
  }
}

/** What will be started, as far as one can tell. */
const demandOf = ({ admission, clock, ledger, portions }: Options, roundTrip: () => number) => {
  const { tally, timers } = admission
  const { wishes } = ledger
  const counts = Math.max(...portions.map(({ span }) => span))
  const lasts = Math.min(ahead, ...portions.map(({ grace }) => grace.least / 2))

  const stockOf = (index: number): number => ledger.leases[index]?.stock(Clocks.instantOf(clock)) ?? 0
  const firstOf = (index: number): number => (wishes.first ?? wishes.typical)[index] ?? 0
  const eachOf = (index: number): number => {
    const typical = wishes.typical[index] ?? 0
    return typical > 0 ? typical : firstOf(index)
  }

  /** Starts in the next so many milliseconds; none where the process gets along with its own part. */
  const startsIn = (millis: number): number => {
    const now = timers.now()
    return now - wishes.latestAt > counts ? 0 : Math.ceil((wishes.perSecond(now) * millis) / 1000)
  }

  const waiting = (): number => {
    if (wishes.first === undefined) return 0
    const { decision, inFlight } = admission
    return Math.max(1, Math.min(decision.window - inFlight, PoolStats.pending(tally) - inFlight, mostCalls))
  }

  /** How many of so many calls an amount is enough for. */
  const enoughFor = (index: number, amount: number, calls: number): number => {
    const first = firstOf(index)
    if (amount < first) return 0
    const each = eachOf(index)
    return each === 0 ? calls : Math.min(calls, 1 + Math.floor((amount - first) / each))
  }

  /** Calls that are fetched before anybody waits for them: for the next so many milliseconds. */
  const aheadFor = (millis: number): number => {
    const wanted = Math.min(startsIn(millis), mostCalls)
    const most = portions.reduce((least, { shared }, index) => enoughFor(index, shared * aheadShare, least), wanted)
    return Math.min(wanted, Math.max(1, most))
  }

  return {
    calls: (): number => waiting() + Math.max(aheadFor(roundTrips * roundTrip()), aheadFor(lasts)),
    /** What is missing for the first call. */
    first: (index: number): number => firstOf(index) - stockOf(index),
    missing: (index: number, calls: number): number =>
      calls === 0 ? 0 : firstOf(index) + (calls - 1) * eachOf(index) - stockOf(index),
    covered: (index: number, got: number, calls: number): number => enoughFor(index, stockOf(index) + got, calls),
    isMore: (): boolean => {
      if (wishes.first !== undefined) return true
      const least = aheadFor(roundTrips * roundTrip())
      return least > 0 && portions.some((_, index) => enoughFor(index, stockOf(index), least) < least)
    }
  }
}
