/**
 * Sends calls to an API that limits them, as fast as it allows: one pool of permits, one control law, results in order.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as MetricLabel from "effect/MetricLabel"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
// TypeScript's own stays in the types of results, where nothing can be taken out of it.
import type { NoInfer } from "effect/Types"
import * as Admission from "./pool/Admission.js"
import * as AimdThrottle from "./AimdThrottle.js"
import * as Argument from "./structure/Argument.js"
import * as Batch from "./pool/Batch.js"
import type * as BatchInput from "./pool/BatchInput.js"
import type { BufferEntry } from "./order/ReorderBuffer.js"
import * as Call from "./pool/Call.js"
import type * as CallTurn from "./pool/CallTurn.js"
import type { ControlLaw } from "./law/ControlLaw.js"
import type { Cost } from "./limit/Cost.js"
import * as Limit from "./limit/Limit.js"
import type { Limiter } from "./pool/Limiter.js"
import * as DelayLaw from "./law/DelayLaw.js"
import * as Handle from "./pool/Handle.js"
import * as PoolConfig from "./PoolConfig.js"
import type * as PoolError from "./PoolError.js"
import * as PoolOf from "./pool/PoolOf.js"
import * as PoolStats from "./PoolStats.js"
import * as ProgressOf from "./pool/Progress.js"
import type { Progress } from "./pool/Progress.js"
import type { RowContext } from "./pool/BatchInput.js"
import * as Ramp from "./law/Ramp.js"
import type { Rows } from "./pool/Source.js"
import * as WindowLaw from "./law/WindowLaw.js"

export {
  /**
   * Options of `executeBatch` and `forEach`.
   *
   * @since 0.1.0
   * @category models
   */
  type BatchOptions,
  /**
   * The option `journal` of a batch.
   *
   * @since 0.2.0
   * @category models
   */
  type JournalOption,
  /**
   * What an attempt is told about its row: its name, its place, and which attempt it is.
   *
   * @since 0.1.0
   * @category models
   */
  type RowContext,
  /**
   * Options of `stream`.
   *
   * @since 0.2.0
   * @category models
   */
  type StreamOptions,
  /**
   * A row without an outcome, as `onUnfinished` gets it.
   *
   * @since 0.2.0
   * @category models
   */
  type UnfinishedRow
} from "./pool/BatchInput.js"

export {
  /**
   * Which of the waiting calls go first.
   *
   * @since 0.2.0
   * @category models
   */
  type TurnOptions
} from "./pool/CallTurn.js"

export {
  /**
   * What `executeBatch` returns.
   *
   * @since 0.1.0
   * @category models
   */
  type BatchResult
} from "./pool/Batch.js"

export {
  /**
   * Shows the progress of one batch, and cancels its rows.
   *
   * @since 0.2.0
   * @category models
   */
  type BatchHandle
} from "./pool/Handle.js"

export {
  /**
   * How much a row or a call takes of the limits, as its caller says it.
   *
   * @since 0.2.0
   * @category models
   */
  type Cost
} from "./limit/Cost.js"

export {
  /**
   * How long the rest takes.
   *
   * @since 0.2.0
   * @category models
   */
  type Eta,
  /**
   * How far a batch, or all of a pool, has come.
   *
   * @since 0.2.0
   * @category models
   */
  type Progress,
  /**
   * A progress without a rate.
   *
   * @since 0.2.0
   * @category models
   */
  type Snapshot,
  /**
   * Why rows wait.
   *
   * @since 0.2.0
   * @category models
   */
  type WaitsFor
} from "./pool/Progress.js"

/**
 * Options of a single call.
 *
 * @since 0.2.0
 * @category models
 */
export interface CallOptions extends CallTurn.TurnOptions {
  /** The most that the call takes of the limits that the pool was told. Default one request. */
  readonly cost?: Cost | undefined
}

/**
 * A pool: at most `poolSize` attempts in flight, all under one control law, for all callers that share it.
 *
 * Do not call a pool from inside one of its own attempts: the attempt keeps its permit while it waits for another one.
 *
 * @since 0.1.0
 * @category models
 */
export interface PooledExecutor {
  /** Attempts that may be in flight at once; `resize` changes it. */
  readonly poolSize: number
  /** Runs one call through the pool. Capacity errors are retried; every other failure is the call's own. */
  execute<A, E, R>(call: Effect.Effect<A, E, R>, options?: CallOptions): Effect.Effect<A, PoolError.CallError<E>, R>
  /** Runs one attempt. A capacity error slows the pool down as always, but is returned: the caller may retry it. */
  attempt<A, E, R>(call: Effect.Effect<A, E, R>, options?: CallOptions): Effect.Effect<A, PoolError.AttemptError<E>, R>
  /**
   * Runs `process` for every row and returns an entry for each, in submission order, whether the row succeeded or
   * failed. Fails only if the pool is already shut down, and then runs nothing. Wrong arguments die before anything
   * runs. Rows are passed as they are: an attempt may run again, so do not change them.
   */
  executeBatch<Row, A, E, R, R2 = never, KE = never, KR = never>(
    rows: Iterable<Row>,
    process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
    options?: BatchInput.BatchOptions<Row, A, E, R2> & BatchInput.JournalOption<Row, A, E, KE, KR>
  ): Effect.Effect<
    Batch.BatchResult<A, PoolError.RowError<E>>,
    PoolError.PoolShutdownError | NoInfer<KE>,
    R | NoInfer<R2 | KR>
  >
  /** Runs `process` for every row and returns the results in order; the first failure interrupts the others. */
  forEach<Row, A, E, R, R2 = never, KE = never, KR = never>(
    rows: Iterable<Row>,
    process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
    options?: BatchInput.BatchOptions<Row, A, E, R2> & BatchInput.JournalOption<Row, A, E, KE, KR>
  ): Effect.Effect<Array<A>, PoolError.RowError<E> | NoInfer<KE>, R | NoInfer<R2 | KR>>
  /**
   * Runs `process` for every row of a stream, an iterable or an async iterable, and gives an entry for each as it
   * comes: in the order of the rows, unless `ordered` is false. Rows are read when there is room for them: at most
   * `maxPending` are read and not yet taken as entries.
   *
   * If the source of the rows fails, the stream fails with the same error. If the pool is shut down, or `timeout`
   * passes, before all rows are read, it fails with that error. In both cases every row that was read has its entry
   * first. If the reader stops, the attempts in flight are interrupted. Wrong arguments die before anything runs.
   */
  stream<Row, A, E, R, E2 = never, R2 = never, R3 = never, KE = never, KR = never>(
    rows: Rows<Row, E2, R2>,
    process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
    options?: BatchInput.StreamOptions<Row, A, E, R3> & BatchInput.JournalOption<Row, A, E, KE, KR>
  ): RowStream<A, E, NoInfer<E2 | KE>, R | NoInfer<R2 | R3 | KR>>
  /** Opens a line of callers, until the scope closes. */
  readonly line: Effect.Effect<Line, never, Scope.Scope>
  /** Rows and calls without an outcome: they wait, back off, or are in flight. */
  readonly pendingCount: Effect.Effect<number>
  readonly stats: Effect.Effect<PoolStats.PoolStats>
  /**
   * Every decision of the control law that changes something, from now on: it says why the pool is slow right now. If a
   * reader is more than 256 behind, it loses the oldest.
   */
  readonly changes: Stream.Stream<PoolStats.Change>
  /** How far all rows and calls of the pool are, every second from now on, until the pool is shut down. */
  readonly progress: Stream.Stream<Progress>
  /**
   * Nothing starts until `resume`; attempts in flight go on. The pause does not count against a row's budget, but it
   * counts against the `timeout` of a batch. A second pause does nothing.
   */
  readonly pause: Effect.Effect<void>
  /** Lets a paused pool go on. */
  readonly resume: Effect.Effect<void>
  /**
   * Changes `poolSize`. Attempts in flight finish, even if they are more than the new size. The law is told; a law of
   * your own without `resize` keeps the size that it began with. Dies if the size is not an integer of at least 1.
   */
  readonly resize: (poolSize: number) => Effect.Effect<void>
  /**
   * Attempts in flight finish, and waiting rows fail with `PoolShutdownError`. Returns when nothing is in flight.
   * Idempotent. An attempt may call it: it does not wait for itself.
   */
  readonly shutdown: Effect.Effect<void>
}

/**
 * A stream of entries. Rows are read when there is room for them, and their entries come out as they are done.
 *
 * @since 0.2.0
 * @category models
 */
export type RowStream<A, E, E2, R> = Stream.Stream<BufferEntry<A, PoolError.RowError<E>>, E2 | PoolError.StopError, R>

/**
 * A group of callers with its own turn at a pool. Lines, batches and the pool's `execute` take turns, so that a caller
 * with many calls does not keep the others waiting.
 *
 * @since 0.2.0
 * @category models
 */
export type Line = Pick<PooledExecutor, "attempt" | "execute">

/**
 * The tag of the pool, for an application that has only one.
 *
 * @since 0.1.0
 * @category tags
 */
export const PooledExecutor: Context.Tag<PooledExecutor, PooledExecutor> =
  Context.GenericTag<PooledExecutor>("effect-aimd/PooledExecutor")

/**
 * The control law that a configuration chooses.
 *
 * @since 0.1.0
 * @category law
 */
export const lawOf = (config: PoolConfig.PoolConfig): ControlLaw => {
  switch (config.control) {
    case "window":
      return WindowLaw.make()
    case "delay":
      return DelayLaw.make(AimdThrottle.parameters(config))
    default:
      return config.control
  }
}

/**
 * The statistics of a pool.
 *
 * @internal
 */
export const snapshot = (admission: Admission.Admission): PoolStats.PoolStats => {
  const { config, decision, tally, timers } = admission
  const { chance, delay, holdUntil, reason, saturatedSince, spacing, starts } = admission.standing()
  return {
    ...PoolStats.fromTally(tally),
    config,
    pending: PoolStats.pending(tally),
    inFlight: admission.inFlight,
    resends: tally.resends,
    currentDelay: Duration.millis(delay),
    window: Ramp.windowAt(decision, timers.now()),
    holdUntil,
    longestRetryAfter: Duration.millis(admission.longestRetryAfter),
    spacing: Duration.millis(spacing),
    starts: starts && { limit: starts.limit, period: Duration.millis(starts.period) },
    chance,
    saturatedSince,
    reason,
    ...(admission.limiter && told(admission.limiter, timers.now())),
    changes: admission.changes
  }
}

/** What a pool was told, and how it stands. */
const told = ({ ledger, purse }: Limiter, now: number): Pick<PoolStats.PoolStats, "limits" | "money"> => ({
  limits: ledger.standings(now).map(({ limit, ...standing }) => ({ limit: Limit.show(limit), ...standing })),
  ...(purse && { money: purse.money })
})

/** Callers without types may hand in anything: a promise above all. */
const lineOf = ({ attempt, execute }: Call.Calls): Line => ({
  execute: (call, options) => (Effect.isEffect(call) ? execute(call, options) : noEffect(call)),
  attempt: (call, options) => (Effect.isEffect(call) ? attempt(call, options) : noEffect(call))
})

/**
 * The changes of a pool as they come.
 *
 * @internal
 */
export const changesOf = (admission: Admission.Admission): Stream.Stream<PoolStats.Change> =>
  Stream.asyncPush<PoolStats.Change>(
    (emit) =>
      Effect.acquireRelease(
        Effect.sync(() => admission.onChange((change) => void emit.single(change))),
        (stop) => Effect.sync(stop)
      ),
    { bufferSize: 256, strategy: "sliding" }
  )

/**
 * Runs rows until the first failure.
 *
 * @internal
 */
export const failFast = <Row, A, E, R, R2 = never, KE = never, KR = never>(
  admission: Admission.Admission,
  rows: Iterable<Row>,
  process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
  options: (BatchInput.BatchOptions<Row, A, E, R2> & BatchInput.JournalOption<Row, A, E, KE, KR>) | undefined
): Effect.Effect<Array<A>, PoolError.RowError<E> | KE, R | R2 | KR> =>
  Effect.flatMap(Batch.run(admission, rows, process, options, true), ({ entries, firstFailure }) =>
    firstFailure === undefined
      ? Effect.succeed(entries.flatMap(({ exit }) => (Exit.isSuccess(exit) ? [exit.value] : [])))
      : Effect.failCause(firstFailure)
  )

const noEffect = (call: unknown) => Effect.die(Argument.refusal("argument call", Argument.anEffect, call))

/**
 * The labels of a pool's metrics.
 *
 * @internal
 */
export const labelsOf = ({ name }: PoolConfig.PoolConfig): Effect.Effect<ReadonlyArray<MetricLabel.MetricLabel>> =>
  Effect.map(FiberRef.get(FiberRef.currentMetricLabels), (inherited) => [...inherited, MetricLabel.make("pool", name)])

const fromConfig = (config: PoolConfig.PoolConfig): Effect.Effect<PooledExecutor, never, Scope.Scope> =>
  Effect.gen(function* () {
    return yield* over(yield* Admission.make(config, lawOf(config), yield* labelsOf(config)))
  })

/**
 * The face of a pool over the machine behind it; shuts it down when the scope closes.
 *
 * @internal
 */
export const over = (admission: Admission.Admission): Effect.Effect<PooledExecutor, never, Scope.Scope> =>
  Effect.gen(function* () {
    const calls = lineOf(Call.open(admission))

    const stop = (interrupt: boolean): Effect.Effect<void> =>
      Effect.suspend(() => {
        admission.shutdown(interrupt)
        return admission.idle
      })
    yield* Effect.addFinalizer(() => stop(true))

    const pool: PooledExecutor = {
      get poolSize() {
        return admission.config.poolSize
      },
      execute: calls.execute,
      attempt: calls.attempt,
      executeBatch: (rows, process, options) => Batch.run(admission, rows, process, options, false),
      forEach: (rows, process, options) => failFast(admission, rows, process, options),
      stream: (rows, process, options) => Batch.stream(admission, rows, process, options),
      line: Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => Call.open(admission)),
          (opened) => Effect.sync(opened.close)
        ),
        lineOf
      ),
      pendingCount: Effect.sync(() => PoolStats.pending(admission.tally)),
      stats: Effect.sync(() => snapshot(admission)),
      changes: changesOf(admission),
      progress: ProgressOf.stream(
        () => ProgressOf.ofPool(admission),
        () => admission.isShutdown
      ),
      pause: Effect.sync(admission.pauseStarts),
      resume: Effect.sync(admission.resume),
      resize: (poolSize) => Effect.map(PoolConfig.make({ poolSize }), (checked) => admission.resize(checked.poolSize)),
      shutdown: stop(false)
    }
    return PoolOf.register(pool, admission)
  })

/**
 * Makes a pool that lives as long as the scope. When the scope closes, attempts in flight are interrupted, and waiting
 * rows fail with `PoolShutdownError`. Invalid options die, and the message names option, value and expectation.
 *
 * @example
 * ```ts
 * import { Effect, Exit } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 4 })
 *   const { entries } = yield* pool.executeBatch([1, 2, 3], (n) => Effect.succeed(n * 2))
 *   return entries.map((entry) => entry.exit)
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(Effect.runSync(program), [Exit.succeed(2), Exit.succeed(4), Exit.succeed(6)])
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: PoolConfig.Options): Effect.Effect<PooledExecutor, never, Scope.Scope> =>
  Effect.flatMap(PoolConfig.make(options), fromConfig)

/**
 * Provides the pool, for an application that has only one. Invalid options die.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: PoolConfig.Options): Layer.Layer<PooledExecutor> =>
  Layer.scoped(PooledExecutor, make(options))

/**
 * Provides the pool with options from a `Config`, such as {@link PoolConfig.config}. Invalid options are a
 * `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config.Wrap<PoolConfig.Options>
): Layer.Layer<PooledExecutor, ConfigError.ConfigError> => Layer.scoped(PooledExecutor, makeConfig(config))

const makeConfig = (config: Config.Config.Wrap<PoolConfig.Options>, name?: string) =>
  Effect.flatMap(PoolConfig.fromConfig(config, name), fromConfig)

/**
 * The class of a named pool.
 *
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string> extends Context.TagClass<Self, Id, PooledExecutor> {
  /** Provides this pool; its `name` is the tag's id, unless the options give a name. Invalid options die. */
  readonly layer: (options?: PoolConfig.Options) => Layer.Layer<Self>
  /** Provides this pool with options from a `Config`. Invalid options are a `ConfigError`. */
  readonly layerConfig: (config: Config.Config.Wrap<PoolConfig.Options>) => Layer.Layer<Self, ConfigError.ConfigError>
}

/**
 * Makes a tag for a named pool, so that an application can have several: one for each API, model or account.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 *
 * class Gpt extends PooledExecutor.Tag("Gpt")<Gpt>() {}
 *
 * const program = Effect.flatMap(Gpt, (gpt) => gpt.execute(Effect.succeed("hello")))
 * assert.strictEqual(await Effect.runPromise(Effect.provide(program, Gpt.layer({ poolSize: 8 }))), "hello")
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <const Id extends string>(id: Id) =>
  <Self>(): TagClass<Self, Id> => {
    const tag = Context.Tag(id)<Self, PooledExecutor>()
    return Object.assign(tag, {
      layer: (options?: PoolConfig.Options) => Layer.scoped(tag, make({ name: id, ...options })),
      layerConfig: (config: Config.Config.Wrap<PoolConfig.Options>) => Layer.scoped(tag, makeConfig(config, id))
    })
  }

/**
 * Runs one call through the pool in the context; see {@link PooledExecutor}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const execute = <A, E, R>(
  call: Effect.Effect<A, E, R>,
  options?: CallOptions
): Effect.Effect<A, PoolError.CallError<E>, R | PooledExecutor> =>
  Effect.flatMap(PooledExecutor, (pool) => pool.execute(call, options))

/**
 * Runs a batch through the pool in the context; see {@link PooledExecutor}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const executeBatch = <Row, A, E, R, R2 = never, KE = never, KR = never>(
  rows: Iterable<Row>,
  process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
  options?: BatchInput.BatchOptions<Row, A, E, R2> & BatchInput.JournalOption<Row, A, E, KE, KR>
): Effect.Effect<
  Batch.BatchResult<A, PoolError.RowError<E>>,
  PoolError.PoolShutdownError | NoInfer<KE>,
  R | NoInfer<R2 | KR> | PooledExecutor
> => Effect.flatMap(PooledExecutor, (pool) => pool.executeBatch(rows, process, options))

/**
 * Like `Effect.forEach` through the pool in the context: fails with the first failure; see {@link PooledExecutor}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const forEach = <Row, A, E, R, R2 = never, KE = never, KR = never>(
  rows: Iterable<Row>,
  process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
  options?: BatchInput.BatchOptions<Row, A, E, R2> & BatchInput.JournalOption<Row, A, E, KE, KR>
): Effect.Effect<Array<A>, PoolError.RowError<E> | NoInfer<KE>, R | NoInfer<R2 | KR> | PooledExecutor> =>
  Effect.flatMap(PooledExecutor, (pool) => pool.forEach(rows, process, options))

/**
 * Makes a handle for one batch: pass it as the option `handle` of `executeBatch`, `forEach` or `stream`. It shows how far the
 * batch is, and cancels rows of it.
 *
 * @example
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 4 })
 *   const handle = yield* PooledExecutor.handle
 *   const batch = yield* Effect.fork(
 *     pool.executeBatch(["a", "b", "c"], (row) => (row === "b" ? Effect.never : Effect.succeed(row)), {
 *       stateId: (row) => row,
 *       handle
 *     })
 *   )
 *   yield* Effect.sleep("10 millis")
 *   assert.strictEqual(yield* handle.cancel("b"), 1)
 *   const { entries } = yield* Fiber.join(batch)
 *   return entries.map(({ exit }) => exit._tag)
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["Success", "Failure", "Success"])
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const handle: Effect.Effect<Handle.BatchHandle> = Handle.make

/**
 * Streams rows through the pool in the context; see {@link PooledExecutor}.
 *
 * @since 0.2.0
 * @category accessors
 */
export const stream = <Row, A, E, R, E2 = never, R2 = never, R3 = never, KE = never, KR = never>(
  rows: Rows<Row, E2, R2>,
  process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
  options?: BatchInput.StreamOptions<Row, A, E, R3> & BatchInput.JournalOption<Row, A, E, KE, KR>
): RowStream<A, E, NoInfer<E2 | KE>, R | NoInfer<R2 | R3 | KR> | PooledExecutor> =>
  Stream.unwrap(Effect.map(PooledExecutor, (pool) => pool.stream(rows, process, options)))

/**
 * `pool.stream` at the end of a pipe: from a stream of rows to the stream of their entries.
 *
 * @example
 * ```ts
 * import { Effect, Exit, Stream } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 4 })
 *   return yield* Stream.range(1, 1000).pipe(
 *     PooledExecutor.mapRows(pool, (n) => Effect.succeed(n * 2), { maxPending: 100 }),
 *     Stream.runFold(0, (sum, { exit }) => sum + Exit.getOrElse(exit, () => 0))
 *   )
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual(await Effect.runPromise(program), 1_001_000)
 * ```
 *
 * @since 0.2.0
 * @category combinators
 */
export const mapRows =
  <Row, A, E, R, R3 = never, KE = never, KR = never>(
    pool: PooledExecutor,
    process: (row: Row, context: RowContext) => Effect.Effect<A, E, R>,
    options?: BatchInput.StreamOptions<Row, A, E, R3> & BatchInput.JournalOption<Row, A, E, KE, KR>
  ) =>
  <E2, R2>(rows: Stream.Stream<Row, E2, R2>): RowStream<A, E, NoInfer<E2 | KE>, R | NoInfer<R2 | R3 | KR>> =>
    pool.stream(rows, process, options)
