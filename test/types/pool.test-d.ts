import { expectTypeOf, test } from "@effect/vitest"
import { Chunk, Context, Data, type Duration, Effect, Layer, type Schedule, Stream } from "effect"
import {
  AimdThrottle,
  type Capacity,
  type ControlLaw,
  Hints,
  type PoolConfig,
  type PoolError,
  PooledExecutor,
  type Usage
} from "effect-aimd"

class Refused extends Data.TaggedError("Refused")<{ readonly status: number }> {}
class Api extends Context.Tag("Api")<Api, { readonly url: string }>() {}
class Disk extends Context.Tag("Disk")<Disk, object>() {}
class Lost extends Data.TaggedError("Lost") {}

declare const source: Stream.Stream<number, Lost, Disk>

declare const call: Effect.Effect<string, Refused | Capacity.CapacityError, Api>
declare const pool: PooledExecutor.PooledExecutor

type CallFailure =
  | Refused
  | PoolError.RetryTimeoutError
  | PoolError.PoolShutdownError
  | PoolError.AttemptTimeoutError
  | PoolError.LimitError

test("execute: the capacity error leaves, the call's own error and requirements stay", () => {
  expectTypeOf(pool.execute(call)).toEqualTypeOf<Effect.Effect<string, CallFailure, Api>>()
  expectTypeOf(PooledExecutor.execute(call)).toEqualTypeOf<
    Effect.Effect<string, CallFailure, Api | PooledExecutor.PooledExecutor>
  >()
})

test("execute: a call that never fails still goes through a pool", () => {
  expectTypeOf(pool.execute(Effect.succeed(1))).toEqualTypeOf<Effect.Effect<number, Exclude<CallFailure, Refused>>>()
})

test("executeBatch: rows fail in their entries, the batch only by a shutdown", () => {
  const batch = pool.executeBatch([1, 2], (row, context) => {
    expectTypeOf(row).toEqualTypeOf<number>()
    expectTypeOf(context.attempt).toEqualTypeOf<number>()
    return call
  })
  expectTypeOf(batch).toEqualTypeOf<
    Effect.Effect<
      PooledExecutor.BatchResult<string, CallFailure | PoolError.BatchTimeoutError | PoolError.RowCancelledError>,
      PoolError.PoolShutdownError,
      Api
    >
  >()
})

test("forEach: results in an array, the row's error in the channel", () => {
  expectTypeOf(pool.forEach(["a"], () => call)).toEqualTypeOf<
    Effect.Effect<Array<string>, CallFailure | PoolError.BatchTimeoutError | PoolError.RowCancelledError, Api>
  >()
})

type StreamFailure = PoolError.PoolShutdownError | PoolError.BatchTimeoutError | PoolError.BudgetExhaustedError
type RowFailure = CallFailure | PoolError.BatchTimeoutError | PoolError.RowCancelledError
type Entry = PooledExecutor.BatchResult<string, RowFailure>["entries"][number]

test("stream: the source's errors and requirements flow into the stream's, the rows' errors into its entries", () => {
  const rows = [1, 2]
  expectTypeOf(pool.stream(rows, () => call)).toEqualTypeOf<Stream.Stream<Entry, StreamFailure, Api>>()
  expectTypeOf(pool.stream(source, () => call)).toEqualTypeOf<Stream.Stream<Entry, StreamFailure | Lost, Api | Disk>>()
  expectTypeOf(PooledExecutor.stream(source, () => call)).toEqualTypeOf<
    Stream.Stream<Entry, StreamFailure | Lost, Api | Disk | PooledExecutor.PooledExecutor>
  >()
  const piped = source.pipe(
    PooledExecutor.mapRows(pool, (row, { rowIndex }) => {
      expectTypeOf(row).toEqualTypeOf<number>()
      expectTypeOf(rowIndex).toEqualTypeOf<number>()
      return call
    })
  )
  expectTypeOf(piped).toEqualTypeOf<Stream.Stream<Entry, StreamFailure | Lost, Api | Disk>>()
})

test("onEntry and onUnfinished: they get the batch's own types, and what they require is required", () => {
  const batch = pool.executeBatch(["a"], () => call, {
    onEntry: (entry) => {
      expectTypeOf(entry).toEqualTypeOf<Entry>()
      return Effect.asVoid(Disk)
    },
    onUnfinished: (rows) => {
      expectTypeOf(rows[0]?.row).toEqualTypeOf<string | undefined>()
      return Effect.void
    }
  })
  expectTypeOf(batch).toEqualTypeOf<
    Effect.Effect<PooledExecutor.BatchResult<string, RowFailure>, PoolError.PoolShutdownError, Api | Disk>
  >()
})

test("a batch among other effects requires no more than by itself", () => {
  const both = Effect.all([pool.executeBatch([1], () => call), pool.forEach([1], () => call)])
  expectTypeOf(both).toExtend<Effect.Effect<unknown, unknown, Api>>()
  const streams = [pool.stream([1], () => call)]
  expectTypeOf(Stream.concatAll(Chunk.unsafeFromArray(streams))).toEqualTypeOf<
    Stream.Stream<Entry, StreamFailure, Api>
  >()
})

test("layers: pools of different names do not mix", () => {
  class Gpt extends PooledExecutor.Tag("Gpt")<Gpt>() {}
  class Claude extends PooledExecutor.Tag("Claude")<Claude>() {}

  expectTypeOf(Gpt.layer({ poolSize: 4 })).toEqualTypeOf<Layer.Layer<Gpt>>()
  expectTypeOf(Layer.merge(Gpt.layer(), Claude.layer())).toEqualTypeOf<Layer.Layer<Gpt | Claude>>()
  const program = Effect.flatMap(Claude, (claude) => claude.execute(call))
  expectTypeOf(Effect.provide(program, Gpt.layer())).toEqualTypeOf<Effect.Effect<string, CallFailure, Api | Claude>>()
  expectTypeOf(PooledExecutor.layer()).toEqualTypeOf<Layer.Layer<PooledExecutor.PooledExecutor>>()
})

test("throttle: retry keeps a call's type, the schedule takes capacity errors alone", () => {
  const throttle = Effect.runSync(AimdThrottle.make())
  expectTypeOf(AimdThrottle.retry(throttle)(call)).toEqualTypeOf<typeof call>()
  expectTypeOf(AimdThrottle.schedule(throttle)).toEqualTypeOf<
    Schedule.Schedule<Duration.Duration, Capacity.CapacityError>
  >()
  // @ts-expect-error the call may fail with Refused, which this schedule does not take
  Effect.retry(call, AimdThrottle.schedule(throttle))
})

test("options: a law of any state is a control, an unknown option is an error", () => {
  interface Own {
    readonly seen: number
  }
  expectTypeOf<ControlLaw.ControlLaw<Own>>().toExtend<NonNullable<PoolConfig.Options["control"]>>()
  expectTypeOf<{ poolSize: number }>().toExtend<PoolConfig.Options>()
  // @ts-expect-error there is no such option
  PooledExecutor.make({ poolsize: 4 })
  // @ts-expect-error a law has a name to be called by
  PooledExecutor.make({ control: "window!" })
})

test("usage: a part of what an attempt reports, of an entry, and always of statistics and of progress", () => {
  expectTypeOf(Hints.report({ usage: { tokens: 1, money: 0.5 } })).toEqualTypeOf<Effect.Effect<void>>()
  expectTypeOf(Hints.reported).toEqualTypeOf<Effect.Effect<ControlLaw.Hints>>()
  expectTypeOf<Entry["usage"]>().toEqualTypeOf<Usage.Usage | undefined>()
  expectTypeOf<PooledExecutor.BatchResult<string, RowFailure>["stats"]["usage"]>().toEqualTypeOf<Usage.Usage>()
  expectTypeOf<PooledExecutor.Progress["usage"]>().toEqualTypeOf<Usage.Usage>()
  // @ts-expect-error: an amount is a number
  void Hints.report({ usage: { tokens: "1" } })
})

test("what the rows of a stream need, and fail with, can be provided and caught behind it", () => {
  const run = Stream.runDrain(PooledExecutor.mapRows(pool, () => call)(source))
  expectTypeOf(run.pipe(Effect.provideService(Disk, {}), Effect.provideService(Api, { url: "" }))).toEqualTypeOf<
    Effect.Effect<void, StreamFailure | Lost>
  >()
  expectTypeOf(Effect.catchTag(run, "Lost", () => Effect.void)).toEqualTypeOf<
    Effect.Effect<void, StreamFailure, Disk | Api>
  >()
})
