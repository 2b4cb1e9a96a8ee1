/**
 * The pool of a runner: it starts what was leased to it, and tells the entity what came of it.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as MetricLabel from "effect/MetricLabel"
import type * as Scope from "effect/Scope"
import * as Capacity from "../Capacity.js"
import * as Admission from "../pool/Admission.js"
import type { PoolConfig } from "../PoolConfig.js"
import * as PoolStats from "../PoolStats.js"
import * as Alarm from "../structure/Alarm.js"
import * as Clocks from "../structure/Clocks.js"
import * as Format from "../structure/Format.js"
import { isDue } from "../structure/TimerQueue.js"
import * as Borrowed from "./Borrowed.js"
import type { Times } from "./Lessor.js"
import type { Message, Reply } from "./Message.js"
import * as Tenant from "./Tenant.js"

/**
 * What a borrower works with.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly config: PoolConfig
  readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  /** A name that no other pool of any process has. */
  readonly name: string
  readonly times: Times
  /** Brings a message to the entity, and its reply back, if it can. */
  readonly exchange: (message: Message) => Effect.Effect<Reply, unknown>
}

/**
 * A borrower.
 *
 * @since 0.2.0
 * @category models
 */
export interface Borrower {
  readonly admission: Admission.Admission
  /** Messages so far. */
  readonly messages: number
  /**
   * Fails once no entity in power was heard of for so long that others may get the permit; never succeeds. The pool tries
   * again what fails with it. Undefined where no limit counts attempts that run.
   */
  readonly severed: Effect.Effect<never> | undefined
}

/** Replies that are waited for at once: a later message lets the entity answer an earlier one. */
const mostOpen = 2

/** So many starts are asked for at once, and so many are kept in store where nothing waits. */
const mostWaiting = 512
const mostSpare = 8

/**
 * Makes the pool of a runner, until the scope closes.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Borrower, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { config, exchange, labels, name, times } = options
    const tenant = Tenant.make(name)
    const clock = yield* Effect.clock
    const borrowed = Borrowed.make(config, tenant, () => Clocks.instantOf(clock))
    const run = yield* FiberSet.makeRuntime<never>()
    const admission = yield* Admission.make(config, borrowed.law, labels, () => borrowed.limiter)
    const machine = assemble({
      admission,
      borrowed,
      clock,
      config,
      exchange,
      run: (effect) => void run(effect),
      tenant,
      times
    })
    // What is left is told before the fibers end that tell it, or given up: an entity out of reach holds nobody.
    yield* Effect.addFinalizer(() => Effect.interruptible(machine.leave))
    return machine
  })

interface Parts extends Pick<Options, "config" | "exchange" | "times"> {
  readonly admission: Admission.Admission
  readonly borrowed: Borrowed.Borrowed
  readonly clock: Clock.Clock
  readonly tenant: Tenant.Tenant
  readonly run: (effect: Effect.Effect<void>) => void
}

const assemble = (parts: Parts): Borrower & { readonly leave: Effect.Effect<void> } => {
  const { admission, borrowed, run, tenant, times } = parts
  const { timers } = admission
  const demand = demandOf(parts)
  const contact = contactOf(parts)
  const post = postOf(parts, demand, contact)
  const alarm = Alarm.make(timers, () => poke())
  let notBefore = -Infinity
  let isClosed = false

  const wake = (at: number): void => {
    if (!isClosed) alarm.ringBy(at)
  }

  const send = (): void => {
    run(
      Effect.map(post.ask(demand.next()), (isAnswered) => {
        // An entity that moves is asked again in a while.
        if (!isAnswered) notBefore = timers.now() + times.hold / 2
        poke()
      })
    )
  }

  const isNeeded = (): boolean => {
    if (tenant.hasNews || demand.isMore) return true
    return timers.now() - post.sentAt >= times.hold && tenant.running + tenant.stock > 0
  }

  const poke = (): void => {
    const now = timers.now()
    const watchedFor = contact.watch(now)
    if (isNeeded() && tenant.open < mostOpen) {
      const when = Math.max(post.sentAt + times.pace, notBefore)
      if (when > now) return wake(when)
      send()
    }
    if (tenant.running + tenant.stock + tenant.open > 0 || borrowed.wishes.first !== undefined) {
      wake(Math.min(now + times.hold, watchedFor))
    }
  }
  // Not at once: whoever tells it is in the middle of something.
  borrowed.onChange(() => wake(timers.now()))

  return {
    admission,
    get messages() {
      return post.messages
    },
    severed: contact.severed,
    leave: Effect.suspend(() => {
      isClosed = true
      alarm.clear()
      const { first, largest: each } = borrowed.wishes.weights
      return tenant.leave() ? Effect.asVoid(post.ask({ waiting: 0, spare: 0, first, each })) : Effect.void
    })
  }
}

/** Messages to the entity, and what its replies change. */
const postOf = (
  { admission, borrowed, clock, exchange, tenant, times }: Parts,
  demand: ReturnType<typeof demandOf>,
  contact: ReturnType<typeof contactOf>
) => {
  const { timers } = admission
  let messages = 0
  let sentAt = -Infinity

  const compose = (wanted: Tenant.Demand): Message => {
    messages += 1
    sentAt = timers.now()
    return tenant.compose(wanted, Clocks.instantOf(clock))
  }

  const hear = (sent: Message, reply: Reply, askedAt: number): boolean => {
    if (!tenant.hear(sent.number, reply, Clocks.instantOf(clock))) return false
    demand.answered(timers.now() - askedAt)
    contact.made()
    if (borrowed.follow(reply)) admission.resize(admission.config.poolSize)
    demand.look()
    if (reply.isContended && borrowed.wishes.first === undefined) tenant.giveBack()
    return true
  }

  return {
    /** So far. */
    get messages(): number {
      return messages
    },
    /** When the latest was sent. */
    get sentAt(): number {
      return sentAt
    },
    /** Returns whether an entity in power has answered: also one that had heard a later message before. */
    ask: (wanted: Tenant.Demand): Effect.Effect<boolean> => {
      const sent = compose(wanted)
      const askedAt = timers.now()
      return exchange(sent).pipe(
        Effect.timeout(times.patience / 2),
        Effect.map((reply) => hear(sent, reply, askedAt) || reply.term !== ""),
        Effect.catchAllCause(() => Effect.succeed(false)),
        Effect.ensuring(Effect.sync(() => tenant.giveUp(sent.number)))
      )
    }
  }
}

/** What the pool would like to start. */
const demandOf = ({ admission, borrowed, tenant }: Parts) => {
  const { tally, timers } = admission
  let roundTrip = 0
  let asked = 0

  const waitingNow = (): number => {
    if (borrowed.wishes.first === undefined) return 0
    const free = admission.config.poolSize - admission.inFlight
    return Math.max(1, Math.min(free, PoolStats.pending(tally) - admission.inFlight, mostWaiting))
  }

  const spareNow = (): number => {
    const perSecond = borrowed.wishes.perSecond(timers.now())
    if (perSecond === 0 || admission.isShutdown) return 0
    return Math.max(0, Math.min(mostSpare, Math.ceil((perSecond * roundTrip) / 1000) + 1) - tenant.stock)
  }

  /** Whoever has given up waiting is asked for no more. */
  const look = (): void => {
    borrowed.wishes.forget()
    admission.lookAgain()
  }

  return {
    look,
    answered: (took: number): void => {
      // The shortest of late is the way alone, without the time that the entity waited.
      roundTrip = roundTrip === 0 ? took : Math.min(roundTrip * 1.1, took)
    },
    /** Whether more is waited for than the entity was told. */
    get isMore(): boolean {
      const waiting = waitingNow()
      return waiting > 0 && (tenant.open === 0 || waiting > 2 * asked)
    },
    next: (): Tenant.Demand => {
      look()
      asked = waitingNow()
      const { first, largest } = borrowed.wishes.weights
      return { waiting: asked, spare: spareNow(), first, each: largest }
    }
  }
}

/** Whether the entity is heard of, and what follows when it is not. */
const contactOf = ({ admission, borrowed, clock, config, run, tenant, times }: Parts) => {
  const { timers } = admission
  const listeners = new Set<() => void>()
  const isCounted = config.limits?.some((limit) => limit !== "headers" && limit.concurrent !== undefined) === true
  let waitsSince: number | undefined
  let isTold = false

  const lasted = (now: number): string => Format.duration(Duration.millis(Math.round(now - (waitsSince ?? now))))

  return {
    /** The entity has answered. */
    made: (): void => {
      if (isTold) run(Effect.logInfo(`pool "${config.name}": its entity answers again, after ${lasted(timers.now())}`))
      isTold = false
      waitsSince = undefined
    },
    /** Does what is to be done now, and returns when it has to be asked again. */
    watch: (now: number): number => {
      const heardAt = tenant.heardAt ?? -Infinity
      if (borrowed.wishes.first === undefined) waitsSince = undefined
      else waitsSince ??= now
      const silentSince = Math.max(heardAt, waitsSince ?? Infinity)
      if (!isTold && now - silentSince >= times.patience) {
        isTold = true
        run(Effect.logWarning(`pool "${config.name}": no answer of its entity for ${lasted(now)}: nothing starts here`))
      }
      if (!isCounted || tenant.running === 0) return Infinity
      // The permits go to others soon: none of them may be in use then.
      const severAt = now + tenant.keptFor(Clocks.instantOf(clock))
      if (!isDue(severAt, now)) return severAt
      borrowed.sever()
      for (const listener of [...listeners]) listener()
      return Infinity
    },
    severed: isCounted
      ? // The pool tries again what fails with a want of capacity: no caller ever sees it.
        (Effect.async<never, Capacity.CapacityError>((resume) => {
          const listener = (): void =>
            resume(new Capacity.CapacityError({ status: 503, message: "the entity of the pool is out of reach" }))
          listeners.add(listener)
          return Effect.sync(() => listeners.delete(listener))
        }) as Effect.Effect<never>)
      : undefined
  }
}
