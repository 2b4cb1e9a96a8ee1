/**
 * The pools of a client that has several, as a group: each is a client of its own to whoever looks on, but for its rows.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as ControlLaw from "../law/ControlLaw.js"
import * as PoolConfig from "../PoolConfig.js"
import * as PoolGroup from "../PoolGroup.js"
import * as PooledExecutor from "../PooledExecutor.js"
import type * as PoolStats from "../PoolStats.js"
import * as Monotonic from "../structure/Monotonic.js"
import * as Trace from "./Trace.js"

/**
 * A pool of a group, and which of the world's APIs it asks: that of this name, or the `api` of the world.
 *
 * @since 0.2.0
 * @category models
 */
export interface Member {
  readonly pool: PoolConfig.Options
  readonly api?: string
  /** See `PoolGroup`. */
  readonly price?: number
}

/**
 * Whose attempt it is: the number of its client, and the name of its API, if it has one of its own.
 *
 * @since 0.2.0
 * @category models
 */
export interface Asking {
  readonly client: number
  readonly api: string | undefined
}

/**
 * What a client's rows go through: a pool, or a group of them.
 *
 * @since 0.2.0
 * @category models
 */
export interface Outlet extends Pick<
  PooledExecutor.PooledExecutor,
  "executeBatch" | "execute" | "stream" | "pause" | "resume" | "shutdown"
> {
  readonly stats: Effect.Effect<PoolStats.PoolStats>
  /** Does nothing to a group. */
  readonly resize: (poolSize: number) => Effect.Effect<void>
  /** The number of its client, and those of its members. */
  readonly clients: ReadonlyArray<number>
  /** Who runs the attempt that asks this; undefined where only the client itself can. */
  readonly asking: Effect.Effect<Asking> | undefined
  /** Tells how the members stand, once all is done. */
  readonly left: Effect.Effect<void>
}

interface Teller {
  readonly clock: Clock.Clock
  readonly emit: Trace.Observer
}

/** A pool whose law tells what it decides. */
const told = (
  { clock, emit }: Teller,
  options: PoolConfig.Options,
  client: number
): Effect.Effect<PooledExecutor.PooledExecutor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const config = yield* PoolConfig.make(options)
    const control: ControlLaw.ControlLaw = Trace.listen(PooledExecutor.lawOf(config), (now, decision, sample) =>
      emit({ _tag: "decided", at: now, client, decision, sample })
    )
    emit({ _tag: "joined", at: Monotonic.now(clock), client, config })
    return yield* PooledExecutor.make({ ...options, control })
  })

/**
 * The pool of a client.
 *
 * @since 0.2.0
 * @category constructors
 */
export const alone = (
  teller: Teller,
  options: PoolConfig.Options,
  client: number
): Effect.Effect<Outlet, never, Scope.Scope> =>
  Effect.map(told(teller, options, client), (pool) =>
    // Its size is asked for when it is needed: a spread would ask once.
    Object.assign(Object.create(pool) as PooledExecutor.PooledExecutor, {
      clients: [client],
      asking: undefined,
      left: Effect.void
    })
  )

/**
 * The group of a client, whose members are clients of their own from `first` on. `options` are those of the group.
 *
 * @since 0.2.0
 * @category constructors
 */
export const group = (
  teller: Teller,
  options: PoolConfig.Options,
  client: number,
  members: Readonly<Record<string, Member>>,
  first: number
): Effect.Effect<Outlet, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { clock, emit } = teller
    emit({ _tag: "joined", at: Monotonic.now(clock), client, config: yield* PoolConfig.make(options) })
    const named = yield* Effect.forEach(Object.entries(members), ([name, member], index) =>
      Effect.map(told(teller, { ...options, ...member.pool, name }, first + index), (pool) => ({
        name,
        pool,
        price: member.price,
        client: first + index,
        api: member.api
      }))
    )
    const { ageing, maxCapacityRetry } = options
    const made = yield* PoolGroup.make({
      members: Object.fromEntries(named.map(({ name, pool, price }) => [name, { pool, price }])),
      ageing,
      maxCapacityRetry
    })
    return {
      executeBatch: made.executeBatch,
      stream: made.stream,
      execute: (call, given) => made.execute(() => call, given),
      pause: made.pause,
      resume: made.resume,
      shutdown: made.shutdown,
      stats: made.stats,
      resize: () => Effect.void,
      clients: [client, ...named.map((member) => member.client)],
      asking: Effect.map(PoolGroup.currentMember, (asked) => {
        const member = named.find(({ name }) => name === asked)
        return { client: member?.client ?? client, api: member?.api }
      }),
      left: Effect.forEach(
        named,
        (member) =>
          Effect.map(member.pool.stats, ({ inFlight, limits, money, pending }) => {
            const at = { at: Monotonic.now(clock), client: member.client }
            emit({ _tag: "left", ...at, inFlight, pending, ...(limits && { limits }), ...(money && { money }) })
          }),
        { discard: true }
      )
    }
  })
