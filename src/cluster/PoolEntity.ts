/**
 * The entity of a pool at work: it comes to power, leases starts, and writes down what the next one has to know.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { token } from "../journal/Lease.js"
import * as Limit from "../limit/Limit.js"
import * as Admission from "../pool/Admission.js"
import * as Limiter from "../pool/Limiter.js"
import type { PoolConfig } from "../PoolConfig.js"
import * as PooledExecutor from "../PooledExecutor.js"
import * as Clocks from "../structure/Clocks.js"
import * as Book from "./Book.js"
import * as BookLedger from "./BookLedger.js"
import * as Lessor from "./Lessor.js"
import type { Message, Reply } from "./Message.js"
import type { PoolMemory, PoolMemoryError } from "./PoolMemory.js"
import * as Reign from "./Reign.js"
import type { Vigil } from "./Vigil.js"

/**
 * What an entity works with.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly key: string
  readonly config: PoolConfig
  readonly memory: PoolMemory
  readonly times: Lessor.Times
  readonly vigil: Pick<Vigil, "standsSince">
}

/**
 * An entity.
 *
 * @since 0.2.0
 * @category models
 */
export interface PoolEntity {
  readonly hear: (message: Message) => Effect.Effect<Reply>
  /** Starts that are leased, and attempts that run, as far as it knows. */
  readonly leased: number
}

/** What an entity says that has nothing to say yet. */
const unready: Reply = {
  term: "",
  isHeard: false,
  leases: [],
  lasts: 0,
  keeps: 0,
  isContended: false,
  window: 1,
  delay: 0,
  chance: 0,
  reason: "the entity of the pool is not in power yet"
}

/**
 * Makes an entity that tries to come to power, and goes on trying, until the scope closes.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<PoolEntity, never, Scope.Scope> =>
  Effect.gen(function* () {
    let lessor: Lessor.Lessor | undefined
    const reigns = rule(options, (next) => {
      lessor = next
    })
    yield* Effect.forkScoped(Effect.interruptible(Effect.forever(Effect.scoped(reigns))))
    return {
      hear: (message) =>
        Effect.async<Reply>((resume) => {
          if (lessor === undefined) resume(Effect.succeed(unready))
          else lessor.hear(message, (reply) => resume(Effect.succeed(reply)))
        }),
      get leased() {
        return lessor?.leased ?? 0
      }
    }
  })

/** One time in power, from the first try on. */
const rule = (
  options: Options,
  onLessor: (lessor: Lessor.Lessor | undefined) => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { key, times, vigil } = options
    const court = yield* courtOf(options)
    const { admission, lessor, memory } = court
    yield* Effect.addFinalizer(() => Effect.sync(() => onLessor(undefined)))
    const reign = yield* insist(
      key,
      times,
      Reign.begin({
        key,
        memory,
        term: times.patience,
        now: admission.timers.now,
        standsSince: vigil.standsSince,
        onLegacy: (legacy) => {
          if (legacy?.law === admission.mind.law) admission.mind.learn(legacy.learned)
          onLessor(lessor)
        }
      })
    )
    court.restore(reign)
    yield* Effect.addFinalizer(() => court.resign(reign))
    yield* court.govern(reign)
  })

/** The memory may be out of reach for a while. */
const insist = <A>(key: string, times: Lessor.Times, effect: Effect.Effect<A, PoolMemoryError>): Effect.Effect<A> =>
  effect.pipe(
    Effect.tapError((error) => Effect.logWarning(`pool "${key}": ${error.message}`)),
    Effect.catchAll(() => Effect.delay(insist(key, times, effect), times.hold / 2))
  )

/** All that an entity needs for one time in power. */
const courtOf = (options: Options) =>
  Effect.gen(function* () {
    const { key, memory, times } = options
    const power = powerOf(yield* Effect.clock, times.patience)
    const pool = yield* poolOf(options)
    const { admission } = pool
    const lessor = Lessor.make({ admission, times, name: yield* nameOf(key), powerFor: power.left })
    return {
      admission,
      lessor,
      memory: power.over(memory),
      restore: (reign: Reign.Reign): void => restore(pool, reign),
      ...ruleOver(options, pool, lessor, power)
    }
  })

const nameOf = (key: string): Effect.Effect<string> => Effect.map(token, (random) => `${key}-${random}`)

/** For how long nobody else is in power. */
const powerOf = (clock: Clock.Clock, patience: number) => {
  let heldSince: Clocks.Instant | undefined

  /** What succeeds keeps others from power for a while, from when it was begun. */
  const holding = (step: Effect.Effect<boolean, PoolMemoryError>) =>
    Effect.suspend(() => {
      const since = Clocks.instantOf(clock)
      return Effect.tap(step, (isDone) => {
        if (isDone) heldSince = since
      })
    })

  return {
    left: (): number => {
      if (heldSince === undefined) return 0
      return patience * (1 - Clocks.drift) - Clocks.since(heldSince, Clocks.instantOf(clock))
    },
    over: (memory: PoolMemory): PoolMemory => ({
      read: memory.read,
      create: (key, first) => holding(memory.create(key, first)),
      take: (key, from, next) => holding(memory.take(key, from, next)),
      write: (key, next) => holding(memory.write(key, next))
    })
  }
}

/** What the starts of an entity are counted by; paused. */
const poolOf = ({ config: told, times }: Options) =>
  Effect.gen(function* () {
    const config = { ...told, limits: BookLedger.slower(told.limits ?? []) }
    const limits = Limit.tell(config.limits)
    /** Opens when another page is needed. */
    const short = yield* Effect.makeLatch(false)
    // A start that is leased may wait for its tenant's next message, and then lasts as long as any lease.
    const lateness = times.patience + times.lease
    const wanted = BookLedger.optionsOf(limits, lateness)
    const book = wanted && Book.make({ ...wanted, onShort: () => void short.unsafeOpen() })
    const admission = yield* Admission.make(
      config,
      PooledExecutor.lawOf(config),
      yield* PooledExecutor.labelsOf(config),
      (told) => Limiter.make(told, book && ((ledger) => BookLedger.make(ledger, limits, book)))
    )
    admission.pauseStarts()
    return { admission, book, lateness, limits, short }
  })

type Pool = Effect.Effect.Success<ReturnType<typeof poolOf>>

/** Counts what was started under the one before. */
const restore = ({ admission, lateness, limits }: Pool, { legacy, readAt }: Reign.Reign): void => {
  const { limiter, timers } = admission
  if (legacy === undefined || limiter === undefined) return
  BookLedger.restore(limiter.ledger, limits, legacy, { readAt, lateness, now: timers.now() })
  if (legacy.rests !== 0) BookLedger.linger(limiter.ledger, limits, timers.now())
}

/** Stays in power, and leaves it. */
const ruleOver = (
  { key, times }: Options,
  { admission, book, limits, short }: Pool,
  lessor: Lessor.Lessor,
  power: ReturnType<typeof powerOf>
) => {
  const { mind, timers } = admission
  const hasPlaces = limits.some(({ unit }) => unit === "concurrent")

  const legacyOf = (page: Book.Page, rests: number | null): Reign.Legacy => ({
    ...page,
    rests,
    law: mind.law,
    learned: mind.learned() ?? null
  })

  const turn = (): Book.Page => book?.turn(timers.now()) ?? { counted: [], allowed: Book.nothing }

  /** Nothing is leased once the power is over, unless it was made longer meanwhile. */
  const watch = (): void =>
    void timers.add(timers.now() + power.left(), () => {
      if (power.left() <= 0) admission.pauseStarts()
    })

  /** Writes, and has power for another term; fails to where another entity has it. */
  const write = (reign: Reign.Reign): Effect.Effect<boolean, PoolMemoryError> =>
    Effect.suspend(() => {
      short.unsafeClose()
      const page = turn()
      return Effect.map(reign.write(legacyOf(page, null)), (isMine) => {
        if (!isMine) return false
        book?.written(page)
        admission.resume()
        admission.lookAgain()
        watch()
        return true
      })
    })

  const govern = (reign: Reign.Reign): Effect.Effect<void> =>
    Effect.flatMap(insist(key, times, write(reign)), (isMine) =>
      isMine ? Effect.zipRight(Effect.timeoutOption(short.await, times.patience / 4), govern(reign)) : Effect.void
    )

  return {
    govern,
    /** Whoever comes next need not wait for a whole term. */
    resign: (reign: Reign.Reign): Effect.Effect<void> =>
      Effect.suspend(() => {
        admission.pauseStarts()
        const rests = lessor.leased === 0 ? 0 : hasPlaces ? times.patience : times.lease
        lessor.close()
        return reign.write(legacyOf({ ...turn(), allowed: Book.nothing }, rests))
      }).pipe(Effect.interruptible, Effect.timeout(times.patience / 4), Effect.ignore)
  }
}
