/**
 * One limit for many processes that share only a store: Redis, through `@effect/experimental`.
 *
 * @since 0.2.0
 */
import { RateLimiterStore } from "@effect/experimental/RateLimiter"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Ledger from "../limit/Ledger.js"
import * as Limit from "../limit/Limit.js"
import * as Admission from "../pool/Admission.js"
import * as Limiter from "../pool/Limiter.js"
import * as PoolConfig from "../PoolConfig.js"
import * as PooledExecutor from "../PooledExecutor.js"
import * as Argument from "../structure/Argument.js"
import * as Clocks from "../structure/Clocks.js"
import * as Contact from "./Contact.js"
import * as Fetcher from "./Fetcher.js"
import * as Portion from "./Portion.js"
import * as SharedLedger from "./SharedLedger.js"
import * as StoreMemory from "./StoreMemory.js"
import * as TellingLaw from "./TellingLaw.js"

/**
 * Options of a pool whose limits hold for several processes together. All processes must give the same `limits`,
 * `processes` and `reserve`. The other options are those of a pool, and are for one process.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Omit<PoolConfig.Options, "limits" | "name"> {
  /** Limits of requests and tokens in a span of time. `concurrent`, `"headers"` and `grows` cannot be shared. */
  readonly limits: NonNullable<PoolConfig.Options["limits"]>
  /**
   * The highest number of processes at a time. Then a part of each limit, the `reserve`, is divided among them in
   * advance, and each process uses its part while the store cannot be reached. Default none: then nothing starts while
   * the store cannot be reached.
   */
  readonly processes?: number | undefined
  /** Which part of each limit is divided in advance, from 0 to 1. Default 0.1; without `processes` it has no effect. */
  readonly reserve?: number | undefined
  /**
   * Whether the store may lose what it has counted, such as a Redis that keeps nothing on disk and is started again.
   * Default true: nothing is taken from an empty store until all earlier starts have stopped counting. Say false if the
   * store cannot lose anything.
   */
  readonly forgets?: boolean | undefined
}

const defaultReserve = 0.1

const isPortioned = (told: Limit.Told): told is Portion.Told => told.unit !== "concurrent" && told.most < Infinity

const sharedLimits = 'limits of requests or tokens, such as { requests: 600, per: "1 minute" }'

/** Divides what was told; throws what is wrong with it. */
const divide = (limits: PoolConfig.PoolConfig["limits"], processes: unknown, reserve: unknown) => {
  const told = Limit.tell(limits ?? [])
  if (told.length === 0) throw Argument.refusal("option limits", sharedLimits, limits)
  const count = processes ?? 1
  if (!(typeof count === "number" && Number.isSafeInteger(count) && count >= 1)) {
    throw Argument.refusal("option processes", "an integer of at least 1", processes)
  }
  if (!(typeof reserve === "number" && reserve >= 0 && reserve <= 1)) {
    throw Argument.refusal("option reserve", "a number from 0 to 1", reserve)
  }
  return told.map((limit) => {
    const what = `option limits: ${Limit.show(limit)}`
    if (limit.unit === "concurrent") {
      throw Argument.refusal(
        what,
        `${sharedLimits} (a store counts no calls at once; poolSize is that of a process)`,
        limit
      )
    }
    if (!isPortioned(limit))
      throw Argument.refusal(what, `${sharedLimits} (what answers tell is not shared)`, "headers")
    if (limit.grows) throw Argument.refusal(`${what}: grows`, "false: what all processes share stays as it is", true)
    if (limit.transit === Infinity) {
      throw Argument.refusal(`${what}: transit`, "a finite duration: a store has to know when it may forget", Infinity)
    }
    return Portion.make(limit, count, processes === undefined ? 0 : reserve)
  })
}

/** What goes on without the store. */
const meanwhileOf = (portions: ReadonlyArray<Portion.Portion>): string =>
  portions.every(({ own }) => own === 0)
    ? "nothing starts here"
    : `only ${portions.map(({ own, per, told }) => Limit.show({ ...told, most: own, per, burst: undefined })).join(", ")} start here`

/**
 * Makes the pool of this process, until the scope closes: a `PooledExecutor` as any other, for calls, batches, streams
 * and pooled HTTP. All pools with this key, in all processes, keep the told limits together: no span of time sees more
 * than the limit. Each pool also has its own control law. Invalid options die, and the message names option, value and
 * expectation.
 *
 * A process takes starts from the store in small groups. Starts that it does not use in time are lost for one `per`.
 * While the store cannot be reached, the pool goes on with its own part of the limits, and says so once in the log and
 * in `stats.reason`. It uses the store again by itself.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  key: string,
  options: Options
): Effect.Effect<PooledExecutor.PooledExecutor, never, RateLimiterStore | Scope.Scope> =>
  Effect.gen(function* () {
    const { forgets = true, processes, reserve = defaultReserve, ...poolOptions } = options
    const config = yield* PoolConfig.make({ ...poolOptions, name: key })
    const portions = yield* Effect.sync(() => divide(config.limits, processes, reserve))
    const store = yield* RateLimiterStore
    const clock = yield* Effect.clock
    const run = yield* FiberSet.makeRuntime<never>()
    const inBackground = (effect: Effect.Effect<void>): void => void run(effect)

    const { law, tell } = TellingLaw.make(PooledExecutor.lawOf(config))
    const all = Ledger.make(portions.map(({ told }) => told))
    const ledger = SharedLedger.make(all, portions, () => Clocks.instantOf(clock))
    const labels = yield* PooledExecutor.labelsOf(config)
    const admission = yield* Admission.make(config, law, labels, (told) => Limiter.make(told, () => ledger))
    const contact = Contact.make({
      name: key,
      timers: admission.timers,
      meanwhile: meanwhileOf(portions),
      log: inBackground,
      onNews: (trouble) => {
        tell(trouble)
        admission.resize(admission.config.poolSize)
      }
    })
    const memory = StoreMemory.make(forgets ? Portion.memoryOf(portions) : 0)
    Fetcher.start({ key, store, portions, ledger, admission, contact, memory, clock, run: inBackground })
    return yield* PooledExecutor.over(admission)
  })

/**
 * The pool as the application's `PooledExecutor`. It needs a store: in tests `RateLimiter.layerStoreMemory` of
 * `@effect/experimental`, otherwise the Redis store of `@effect/experimental/RateLimiter/Redis`.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (
  key: string,
  options: Options
): Layer.Layer<PooledExecutor.PooledExecutor, never, RateLimiterStore> =>
  Layer.scoped(PooledExecutor.PooledExecutor, make(key, options))
