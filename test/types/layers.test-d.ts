import { assertType, expectTypeOf, test } from "@effect/vitest"
import { Config, type ConfigError, Context, Data, type Duration, Effect, type Exit, Layer, type Scope } from "effect"
import { type Capacity, PoolConfig, type PoolError, PooledExecutor } from "effect-aimd"

class Refused extends Data.TaggedError("Refused")<{ readonly status: number }> {}
class Api extends Context.Tag("Api")<Api, { readonly url: string }>() {}
class Gpt extends PooledExecutor.Tag("Gpt")<Gpt>() {}
class Claude extends PooledExecutor.Tag("Claude")<Claude>() {}

declare const call: Effect.Effect<string, Refused | Capacity.CapacityError, Api>
declare const run: (program: Effect.Effect<unknown, unknown>) => void

type RowFailure =
  | Refused
  | PoolError.RetryTimeoutError
  | PoolError.PoolShutdownError
  | PoolError.AttemptTimeoutError
  | PoolError.BatchTimeoutError
  | PoolError.RowCancelledError
  | PoolError.LimitError

test("a call that fails by capacity errors alone keeps no error of its own", () => {
  expectTypeOf<PoolError.CallError<Capacity.CapacityError>>().toEqualTypeOf<
    PoolError.RetryTimeoutError | PoolError.PoolShutdownError | PoolError.AttemptTimeoutError | PoolError.LimitError
  >()
  expectTypeOf<PoolError.RowError<Capacity.CapacityError | Refused>>().toEqualTypeOf<RowFailure>()
  expectTypeOf<PoolError.RowError<never>>().toEqualTypeOf<Exclude<RowFailure, Refused>>()
})

test("each failure of a call is caught by its tag, and nothing is left", () => {
  const handled = PooledExecutor.execute(call).pipe(
    Effect.catchTags({
      Refused: ({ status }) => Effect.succeed(status),
      RetryTimeoutError: ({ lastError }) => Effect.succeed(lastError.status),
      PoolShutdownError: ({ pool }) => Effect.succeed(pool),
      AttemptTimeoutError: ({ attempt }) => Effect.succeed(attempt),
      CallTooLargeError: ({ limit }) => Effect.succeed(limit),
      BudgetExhaustedError: ({ spent }) => Effect.succeed(spent),
      TooLateError: ({ possibleAt }) => Effect.succeed(possibleAt)
    })
  )
  expectTypeOf(handled).toEqualTypeOf<Effect.Effect<string | number, never, Api | PooledExecutor.PooledExecutor>>()
  // @ts-expect-error a capacity error does not come out of a pool
  Effect.catchTag(PooledExecutor.execute(call), "CapacityError", () => Effect.void)
})

test("the module's functions add the pool, and only it, to what a call requires", () => {
  expectTypeOf(PooledExecutor.executeBatch([1], () => call)).toEqualTypeOf<
    Effect.Effect<
      PooledExecutor.BatchResult<string, RowFailure>,
      PoolError.PoolShutdownError,
      Api | PooledExecutor.PooledExecutor
    >
  >()
  expectTypeOf(PooledExecutor.forEach([1], () => call)).toEqualTypeOf<
    Effect.Effect<Array<string>, RowFailure, Api | PooledExecutor.PooledExecutor>
  >()
})

test("an entry has the row's exit, with the row's own error and the pool's", () => {
  type Entry = PooledExecutor.BatchResult<string, RowFailure>["entries"][number]
  expectTypeOf<Entry["exit"]>().toEqualTypeOf<Exit.Exit<string, RowFailure>>()
  expectTypeOf<Entry["bufferWait"]>().toEqualTypeOf<Duration.Duration>()
})

test("rows come from any iterable, and their type reaches process and stateId", () => {
  PooledExecutor.executeBatch(
    new Map([["a", 1]]),
    (row, context) => {
      expectTypeOf(row).toEqualTypeOf<[string, number]>()
      expectTypeOf(context).toEqualTypeOf<PooledExecutor.RowContext>()
      return Effect.succeed(row[1])
    },
    {
      stateId: (row, rowIndex) => {
        expectTypeOf(row).toEqualTypeOf<[string, number]>()
        expectTypeOf(rowIndex).toEqualTypeOf<number>()
        return row[0]
      },
      timeout: "1 minute"
    }
  )
  // @ts-expect-error a state id is a string
  PooledExecutor.executeBatch([1], Effect.succeed, { stateId: (row) => row })
  // @ts-expect-error there is no such option
  PooledExecutor.executeBatch([1], Effect.succeed, { concurrency: 4 })
  // @ts-expect-error process returns an Effect
  PooledExecutor.executeBatch([1], (row) => row)
})

test("the layer of one named pool does not stand in for another, nor for the pool without a name", () => {
  const useClaude = Effect.flatMap(Claude, (claude) => claude.pendingCount)
  run(Effect.provide(useClaude, Claude.layer()))
  // @ts-expect-error Claude is still required
  run(Effect.provide(useClaude, Gpt.layer()))
  // @ts-expect-error Claude is still required
  run(Effect.provide(useClaude, PooledExecutor.layer()))
  // @ts-expect-error the pool without a name is still required
  run(Effect.provide(PooledExecutor.execute(Effect.void), Gpt.layer()))
  expectTypeOf<Gpt>().not.toEqualTypeOf<Claude>()
  expectTypeOf(Gpt.key).toEqualTypeOf<"Gpt">()
})

test("layers and constructors say what they provide, fail with and need", () => {
  const poolSize = Config.integer("POOL_SIZE")
  expectTypeOf(PooledExecutor.make()).toEqualTypeOf<Effect.Effect<PooledExecutor.PooledExecutor, never, Scope.Scope>>()
  expectTypeOf(PooledExecutor.layerConfig({ poolSize })).toEqualTypeOf<
    Layer.Layer<PooledExecutor.PooledExecutor, ConfigError.ConfigError>
  >()
  expectTypeOf(Gpt.layerConfig({ poolSize })).toEqualTypeOf<Layer.Layer<Gpt, ConfigError.ConfigError>>()
  expectTypeOf(Layer.merge(Gpt.layer(), PooledExecutor.layer())).toEqualTypeOf<
    Layer.Layer<Gpt | PooledExecutor.PooledExecutor>
  >()
})

test("layerConfig takes a Config of the options, or a Config for each", () => {
  assertType(PooledExecutor.layerConfig(PoolConfig.config("OPENAI")))
  assertType(PooledExecutor.layerConfig(Config.all({ poolSize: Config.integer("POOL_SIZE") })))
  assertType(
    PooledExecutor.layerConfig({
      poolSize: Config.integer("POOL_SIZE"),
      minDispatchDelay: Config.duration("SPACING"),
      attemptTimeout: Config.succeed("30 seconds" as const),
      control: Config.succeed("delay" as const),
      name: Config.string("NAME")
    })
  )
  // @ts-expect-error a pool size is a number
  PooledExecutor.layerConfig({ poolSize: Config.string("POOL_SIZE") })
  // @ts-expect-error there is no such option
  PooledExecutor.layerConfig({ poolsize: Config.integer("POOL_SIZE") })
})
