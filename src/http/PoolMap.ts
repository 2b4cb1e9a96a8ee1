/**
 * Pools by key: one for each host, model, account or tenant. A pool is made when it is first used and dropped when it
 * is idle, and their number is limited.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import * as Argument from "../structure/Argument.js"
import * as LinkedQueue from "../structure/LinkedQueue.js"
import type * as PoolConfig from "../PoolConfig.js"
import * as PooledExecutor from "../PooledExecutor.js"
import type * as PoolStats from "../PoolStats.js"

/**
 * The part of a pool that a request uses.
 *
 * @since 0.2.0
 * @category models
 */
export type Pool = Pick<PooledExecutor.PooledExecutor, "attempt" | "execute" | "stats">

/**
 * Options of a map of pools.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * The options of all pools, or a function that gives the options of a key's pool. The pool's name is the key, unless
   * the options give a name. It shows in metrics, spans and logs, so a key must not be a secret.
   */
  readonly pool?: PoolConfig.Options | ((key: string) => PoolConfig.Options)
  /**
   * A pool for a limit that all keys share, such as an account's. Then each attempt starts when both its key's pool and
   * this one allow it. Keys take turns at this pool, however many requests each of them has. Both laws learn from every
   * answer; the key's pool retries. Default none.
   */
  readonly parent?: PooledExecutor.PooledExecutor
  /**
   * The most pools at once. One more key takes the place of the key that is idle longest, or waits until one is idle.
   * Default 100; at least 1.
   */
  readonly capacity?: number
  /** How long a pool is kept, with what its law has learned, when nobody uses it. Default 5 minutes. */
  readonly idleTimeToLive?: Duration.DurationInput
}

/**
 * Pools by key.
 *
 * @since 0.2.0
 * @category models
 */
export interface PoolMap {
  /** Uses the pool of a key. The pool is kept while it is used. */
  use<A, E, R>(key: string, f: (pool: Pool) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R>
  /** The statistics of all pools that exist now, by key. */
  readonly stats: Effect.Effect<ReadonlyMap<string, PoolStats.PoolStats>>
  /** Shuts down every pool that exists now; see `PooledExecutor.shutdown`. */
  readonly shutdown: Effect.Effect<void>
}

interface Made {
  readonly pool: Pool
  readonly own: PooledExecutor.PooledExecutor
  readonly scope: Scope.CloseableScope
}

interface Entry {
  readonly made: Deferred.Deferred<Made>
  users: number
  /** In epoch milliseconds; counts while there are no users. */
  idleSince: number
  /** A fiber waits to drop it. */
  isWatched: boolean
}

const before = (parent: PooledExecutor.PooledExecutor, own: PooledExecutor.PooledExecutor) =>
  Effect.map(parent.line, (line): Pool => ({
    execute: (call, turn) => own.execute(line.attempt(call, turn), turn),
    attempt: (call, turn) => own.attempt(line.attempt(call, turn), turn),
    stats: own.stats
  }))

const isPool = (u: unknown): boolean => Predicate.hasProperty(u, "line") && Effect.isEffect(u.line)

/** Callers without types may hand in anything. */
const refusalOf = (options: Options): Error | undefined => {
  const { capacity = 100, idleTimeToLive = 0, parent, pool = {} } = options
  const wrong = (name: keyof Options, expected: string): Error =>
    Argument.refusal(`option ${name} of a PoolMap`, expected, options[name])
  if (!Number.isSafeInteger(capacity) || capacity < 1) return wrong("capacity", "an integer of at least 1")
  if (!Predicate.isRecord(pool) && !Predicate.isFunction(pool))
    return wrong("pool", "options of a pool, or a function from a key to them")
  if (parent !== undefined && !isPool(parent)) return wrong("parent", "a pool that PooledExecutor.make made")
  return Option.isNone(Argument.duration(idleTimeToLive))
    ? wrong("idleTimeToLive", 'a duration of at least 0, such as "5 minutes"')
    : undefined
}

/**
 * Makes a map of pools that lives as long as the scope.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PoolMap } from "effect-aimd/http"
 *
 * const program = Effect.gen(function* () {
 *   const pools = yield* PoolMap.make({ pool: (model) => ({ poolSize: model === "large" ? 4 : 16 }) })
 *   return yield* pools.use("large", (pool) => pool.execute(Effect.succeed("hello")))
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual(await Effect.runPromise(program), "hello")
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<PoolMap, never, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) => {
    const { capacity = 100 } = options
    const wrong = refusalOf(options)
    if (wrong !== undefined) return Effect.die(wrong)
    const timeToLive = Duration.toMillis(options.idleTimeToLive ?? "5 minutes")
    let isShutdown = false
    const places = placesOf(capacity, (key) => open(options, scope, key, () => isShutdown))
    const { entries, take } = places
    const giveBack = giver(places, timeToLive, scope)

    const all = Effect.suspend(() =>
      Effect.forEach([...entries], ([key, { made }]) =>
        Effect.map(Deferred.await(made), ({ own }) => [key, own] as const)
      )
    )

    return Effect.succeed<PoolMap>({
      use: (key, f) =>
        Effect.acquireUseRelease(
          take(key, false),
          ({ made }) => Effect.flatMap(Deferred.await(made), ({ pool }) => f(pool)),
          (entry) => giveBack(key, entry)
        ),
      stats: Effect.flatMap(all, (pools) =>
        Effect.map(
          Effect.forEach(pools, ([key, own]) => Effect.map(own.stats, (stats) => [key, stats] as const)),
          (stats) => new Map(stats)
        )
      ),
      shutdown: Effect.suspend(() => {
        isShutdown = true
        return Effect.flatMap(all, (pools) =>
          Effect.forEach(pools, ([, own]) => own.shutdown, { concurrency: "unbounded", discard: true })
        )
      })
    })
  })

/** Makes the pool of a key, in a scope of its own. */
const open = (
  { parent, pool = {} }: Options,
  around: Scope.Scope,
  key: string,
  isShutdown: () => boolean
): Effect.Effect<Made> => {
  const make = Effect.gen(function* () {
    const given: unknown = typeof pool === "function" ? pool(key) : pool
    if (!Predicate.isRecord(given)) {
      return yield* Effect.die(Argument.refusal(`pool of the key "${key}" of a PoolMap`, "options of a pool", given))
    }
    const own = yield* PooledExecutor.make({ name: key, ...given })
    const made = parent === undefined ? own : yield* before(parent, own)
    if (isShutdown()) yield* own.shutdown
    return { own, pool: made }
  })
  return Effect.flatMap(Scope.fork(around, ExecutionStrategy.sequential), (scope) =>
    Effect.map(Scope.extend(make, scope), (made) => ({ ...made, scope }))
  )
}

/** The keys that have a pool, and the line of those that wait for room. */
const placesOf = (capacity: number, open: (key: string) => Effect.Effect<Made>) => {
  /** Never more than `capacity`; least recently used first. */
  const entries = new Map<string, Entry>()
  /** Uses of keys that have no place yet. */
  const waiting = LinkedQueue.make<() => void>()

  const create = (key: string): Effect.Effect<Entry> =>
    Effect.suspend(() => {
      const entry: Entry = { made: Deferred.unsafeMake(FiberId.none), users: 1, idleSince: 0, isWatched: false }
      entries.set(key, entry)
      return Effect.exit(open(key)).pipe(
        Effect.tap((exit) => Deferred.done(entry.made, exit)),
        Effect.flatten,
        Effect.as(entry),
        Effect.onError(() => Effect.sync(() => entries.delete(key)))
      )
    })

  const drop = (key: string, { made }: Entry): Effect.Effect<void> => {
    entries.delete(key)
    return Effect.flatMap(Deferred.await(made), ({ scope }) => Scope.close(scope, Exit.void))
  }

  const findIdle = () => [...entries].find(([, { users }]) => users === 0)

  const wake = (): void => {
    if (waiting.size > 0 && findIdle() !== undefined) waiting.shift()?.value()
  }

  const place = Effect.async<void>((resume) => {
    const node = LinkedQueue.node(() => resume(Effect.void))
    waiting.push(node)
    return Effect.sync(() => {
      if (node.queued) waiting.remove(node)
      else wake()
    })
  })

  const take = (key: string, isNext: boolean): Effect.Effect<Entry> =>
    Effect.suspend(() => {
      const known = entries.get(key)
      if (known !== undefined) {
        entries.delete(key)
        entries.set(key, known)
        known.users += 1
        return Effect.as(Deferred.await(known.made), known)
      }
      if (entries.size < capacity) return create(key)
      const idle = isNext || waiting.size === 0 ? findIdle() : undefined
      if (idle !== undefined) return Effect.zipRight(drop(...idle), create(key))
      return Effect.zipRight(Effect.interruptible(place), Effect.ensuring(take(key, true), Effect.sync(wake)))
    })

  return { entries, take, drop, wake }
}

/** Gives places back, and drops the pools that stay idle. */
const giver = ({ drop, entries, wake }: ReturnType<typeof placesOf>, timeToLive: number, scope: Scope.Scope) => {
  const watch = (key: string, entry: Entry): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const left = entry.idleSince + timeToLive - now
      if (entry.users === 0 && left > 0) return Effect.zipRight(Effect.sleep(left), watch(key, entry))
      entry.isWatched = false
      return entry.users === 0 && entries.get(key) === entry ? drop(key, entry) : Effect.void
    })

  return (key: string, entry: Entry): Effect.Effect<unknown> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      entry.users -= 1
      if (entry.users > 0) return Effect.void
      entry.idleSince = now
      wake()
      if (entry.isWatched || !Number.isFinite(timeToLive)) return Effect.void
      entry.isWatched = true
      return Effect.forkIn(Effect.interruptible(watch(key, entry)), scope)
    })
}
