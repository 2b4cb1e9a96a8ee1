/**
 * One pool for all processes of a cluster. An entity of `@effect/cluster` has its control law and its limits, and
 * leases to the processes the starts that these allow.
 *
 * @since 0.2.0
 */
import * as Entity from "@effect/cluster/Entity"
import { Sharding } from "@effect/cluster/Sharding"
import * as Rpc from "@effect/rpc/Rpc"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { token } from "../journal/Lease.js"
import * as PoolConfig from "../PoolConfig.js"
import * as PooledExecutor from "../PooledExecutor.js"
import * as Argument from "../structure/Argument.js"
import * as Borrower from "./Borrower.js"
import * as Lessor from "./Lessor.js"
import { Message, Reply } from "./Message.js"
import * as PoolEntity from "./PoolEntity.js"
import { PoolMemory } from "./PoolMemory.js"
import * as Vigil from "./Vigil.js"

/**
 * Options of a pool of a cluster. The options of a pool, such as `poolSize` and `limits`, hold for the whole cluster.
 * `prices` and `budget` cannot be used.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Omit<PoolConfig.Options, "budget" | "prices" | "name"> {
  /**
   * A process that gives no sign of life for this long loses its permits to the others. An unused lease ends after half
   * of this time. An entity that was lost in a crash is replaced after this time. Default 4 seconds, at least 1.
   */
  readonly patience?: Duration.DurationInput | undefined
}

const leastPatience = 1000

const patienceOf = (patience: Duration.DurationInput): Effect.Effect<number> =>
  Effect.flatMap(PoolConfig.makeDuration("patience", patience), (read) => {
    const millis = Duration.toMillis(read)
    if (millis >= leastPatience && millis < Infinity) return Effect.succeed(millis)
    return Effect.die(Argument.refusal("option patience", "a finite duration of at least 1 second", patience))
  })

/** The entity of a pool: all that is said to it is one kind of message. */
const entityOf = (key: string) =>
  Entity.make(`effect-aimd/${key}`, [Rpc.make("Exchange", { payload: Message, success: Reply })])

/**
 * Makes this process's part of the pool with this key, until the scope closes. It is a `PooledExecutor` as in a single
 * process, for `execute`, batches, streams and pooled HTTP. All processes that make one with the same key and the same
 * options share its permits, its limits, and what its law learns.
 *
 * The entity of the pool lives in one of the processes that made the pool. When that process ends, another one takes
 * over, with what was learned and counted until then. `pause`, `resume`, `resize`, `stats` and `progress` are about
 * this process only. Invalid options die, and the message names option, value and expectation.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  key: string,
  options: Options = {}
): Effect.Effect<PooledExecutor.PooledExecutor, never, PoolMemory | Scope.Scope | Sharding> =>
  Effect.gen(function* () {
    const { patience = "4 seconds", ...poolOptions } = options
    const config = yield* PoolConfig.make({ ...poolOptions, name: key })
    const times = Lessor.timesOf(yield* patienceOf(patience))
    const memory = yield* PoolMemory
    const sharding = yield* Sharding
    const entity = entityOf(key)
    const vigil = yield* Vigil.make(key, memory, times.patience)
    const handlers = Effect.map(PoolEntity.make({ key, config, memory, times, vigil }), ({ hear }) =>
      entity.of({ Exchange: ({ payload }) => hear(payload) })
    )
    yield* sharding.registerEntity(entity, handlers, { concurrency: "unbounded", mailboxCapacity: "unbounded" })
    const client = (yield* entity.client)(key)
    const borrower = yield* Borrower.make({
      config,
      labels: yield* PooledExecutor.labelsOf(config),
      name: yield* token,
      times,
      // Hundreds a second would drown whatever else is traced.
      exchange: vigil.over((message) => Effect.withTracerEnabled(client.Exchange(message), false))
    })
    return guarded(yield* PooledExecutor.over(borrower.admission), borrower.severed)
  })

/** The same pool, whose attempts end where their permits do. */
const guarded = (
  pool: PooledExecutor.PooledExecutor,
  severed: Effect.Effect<never> | undefined
): PooledExecutor.PooledExecutor => {
  if (severed === undefined) return pool
  const guard = <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.isEffect(call) ? Effect.raceFirst(call, severed) : call
  const guardRow =
    <Row, A, E, R>(process: (row: Row, context: PooledExecutor.RowContext) => Effect.Effect<A, E, R>) =>
    (row: Row, context: PooledExecutor.RowContext): Effect.Effect<A, E, R> =>
      guard(process(row, context))
  const lineOf = ({ attempt, execute }: PooledExecutor.Line): PooledExecutor.Line => ({
    execute: (call, options) => execute(guard(call), options),
    attempt: (call, options) => attempt(guard(call), options)
  })
  const same: PooledExecutor.PooledExecutor = {
    ...pool,
    get poolSize() {
      return pool.poolSize
    },
    ...lineOf(pool),
    executeBatch: (rows, process, options) => pool.executeBatch(rows, guardRow(process), options),
    forEach: (rows, process, options) => pool.forEach(rows, guardRow(process), options),
    stream: (rows, process, options) => pool.stream(rows, guardRow(process), options),
    line: Effect.map(pool.line, lineOf)
  }
  return same
}

/**
 * The pool of a cluster as the application's `PooledExecutor`. It needs the cluster (`Sharding`) and a memory for what outlives
 * a process, see `SqlPoolMemory.layer` and `PoolMemory.layerMemory`. Of two layers of one key, in one process, the second one
 * fails to be the entity's home: make it once.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (
  key: string,
  options: Options = {}
): Layer.Layer<PooledExecutor.PooledExecutor, never, PoolMemory | Sharding> =>
  Layer.scoped(PooledExecutor.PooledExecutor, make(key, options))
