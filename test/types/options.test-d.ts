import { assertType, expectTypeOf, test } from "@effect/vitest"
import { type Config, Context, Data, Duration, Effect, type Option, type ParseResult, Schedule } from "effect"
import {
  AimdThrottle,
  Capacity,
  type ControlLaw,
  DelayLaw,
  PoolConfig,
  PooledExecutor,
  RetryAfter,
  Semaphore
} from "effect-aimd"

class Refused extends Data.TaggedError("Refused")<{ readonly status: number }> {}
class Api extends Context.Tag("Api")<Api, { readonly url: string }>() {}
class Gpt extends PooledExecutor.Tag("Gpt")<Gpt>() {}

declare const call: Effect.Effect<string, Refused | Capacity.CapacityError, Api>
declare const throttle: AimdThrottle.AimdThrottle

test("options take durations in every form", () => {
  assertType<PoolConfig.Options>({
    minDispatchDelay: 5,
    maxDispatchDelay: "10 seconds",
    recoveryStep: Duration.millis(5),
    maxCapacityRetry: 5n,
    attemptTimeout: [1, 0]
  })
})

test("unknown options are refused, in code, wherever options are taken", () => {
  // @ts-expect-error there is no such option
  PoolConfig.make({ poolsize: 4 })
  // @ts-expect-error there is no such option
  PooledExecutor.layer({ size: 4 })
  // @ts-expect-error there is no such option
  Gpt.layer({ concurrency: 4 })
  // @ts-expect-error a throttle has no pool size
  AimdThrottle.make({ poolSize: 4 })
  // @ts-expect-error a throttle has no budget: its retry has
  PoolConfig.makeThrottle({ maxCapacityRetry: "1 hour" })
  // @ts-expect-error there is no such option
  AimdThrottle.retry(throttle, { budget: "1 hour" })
})

test("options of a wrong type are refused", () => {
  // @ts-expect-error a pool size is a number
  PooledExecutor.make({ poolSize: "4" })
  // @ts-expect-error a duration has a unit
  PooledExecutor.make({ attemptTimeout: "4" })
  // @ts-expect-error a law has initial and step
  PooledExecutor.make({ control: { name: "mine" } })
})

test("an option that is undefined is left out", () => {
  PooledExecutor.make({ poolSize: undefined, attemptTimeout: undefined, control: undefined, name: undefined })
  assertType<PooledExecutor.BatchOptions<number>>({ stateId: undefined, timeout: undefined })
})

test("a control law of any state is accepted as control", () => {
  interface Own {
    readonly seen: ReadonlyArray<number>
  }
  const control = {} as ControlLaw.ControlLaw<Own>
  assertType(PooledExecutor.make({ control }))
  assertType(Gpt.layer({ control }))
  assertType<PoolConfig.Options>({ control: DelayLaw.make({} as AimdThrottle.Parameters) })
  assertType<PoolConfig.Options>({ control: "delay" })
})

test("a step of a law takes its own state alone", () => {
  const law = DelayLaw.make({} as AimdThrottle.Parameters)
  expectTypeOf(law).toEqualTypeOf<ControlLaw.ControlLaw<ControlLaw.Decision>>()
  // @ts-expect-error the state of this law is a decision
  law.step(3, {} as ControlLaw.Sample, 0)
})

test("a validated configuration is accepted as options", () => {
  expectTypeOf<PoolConfig.PoolConfig>().toExtend<PoolConfig.Options>()
  expectTypeOf<PoolConfig.ThrottleConfig>().toExtend<PoolConfig.ThrottleOptions>()
  expectTypeOf(PoolConfig.decodeUnknown).toEqualTypeOf<
    (u: unknown) => Effect.Effect<PoolConfig.PoolConfig, ParseResult.ParseError>
  >()
  expectTypeOf(PoolConfig.make()).toEqualTypeOf<Effect.Effect<PoolConfig.PoolConfig>>()
  expectTypeOf(PoolConfig.config("OPENAI")).toEqualTypeOf<Config.Config<PoolConfig.PoolConfig>>()
})

test("retry keeps what a call succeeds with, fails with and requires", () => {
  expectTypeOf(AimdThrottle.retry(throttle)(call)).toEqualTypeOf<typeof call>()
  expectTypeOf(AimdThrottle.retry(throttle, { maxCapacityRetry: "1 minute" })(Effect.succeed(1))).toEqualTypeOf<
    Effect.Effect<number>
  >()
  expectTypeOf(call.pipe(AimdThrottle.retry(throttle))).toEqualTypeOf<typeof call>()
})

test("the schedule retries a call that fails by capacity errors alone, and puts out its waits", () => {
  const rejected = {} as Effect.Effect<string, Capacity.CapacityError, Api>
  const schedule = AimdThrottle.schedule(throttle)
  expectTypeOf(schedule).toEqualTypeOf<Schedule.Schedule<Duration.Duration, Capacity.CapacityError>>()
  expectTypeOf(Effect.retry(rejected, schedule)).toEqualTypeOf<typeof rejected>()
  expectTypeOf(Effect.retry(rejected, Schedule.intersect(schedule, Schedule.recurs(3)))).toEqualTypeOf<
    typeof rejected
  >()
})

test("a throttle is made of its options alone, without a requirement", () => {
  expectTypeOf(AimdThrottle.make()).toEqualTypeOf<Effect.Effect<AimdThrottle.AimdThrottle>>()
  expectTypeOf(throttle.currentDelay).toEqualTypeOf<Effect.Effect<Duration.Duration>>()
})

test("isCapacityError narrows, and the error's fields are typed", () => {
  const u = {} as Refused | Capacity.CapacityError
  if (Capacity.isCapacityError(u)) expectTypeOf(u).toEqualTypeOf<Capacity.CapacityError>()
  else expectTypeOf(u).toEqualTypeOf<Refused>()
  expectTypeOf<Capacity.CapacityError["_tag"]>().toEqualTypeOf<"CapacityError">()
  expectTypeOf<Capacity.CapacityError["status"]>().toEqualTypeOf<number>()
  expectTypeOf<Capacity.CapacityError["message"]>().toExtend<string>()
  expectTypeOf<Capacity.CapacityError["retryAfter"]>().toEqualTypeOf<Duration.Duration | undefined>()
  // @ts-expect-error a capacity error has a status
  void new Capacity.CapacityError({})
  void new Capacity.CapacityError({ status: 429, retryAfter: "2 seconds" })
  // @ts-expect-error a duration has a unit
  void new Capacity.CapacityError({ status: 429, retryAfter: "2" })
})

test("headers of platform and of fetch are headers", () => {
  expectTypeOf<Record<string, string>>().toExtend<RetryAfter.Headers>()
  expectTypeOf(RetryAfter.fromHeaders).returns.toEqualTypeOf<Option.Option<Duration.Duration>>()
})

test("a permit changes nothing of an effect's type", () => {
  const semaphore = Semaphore.make(1)
  expectTypeOf(Semaphore.withPermit(semaphore)(call)).toEqualTypeOf<typeof call>()
  expectTypeOf(Semaphore.take(semaphore)).toEqualTypeOf<Effect.Effect<void>>()
})
