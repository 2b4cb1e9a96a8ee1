/**
 * The AIMD delay law: a capacity error multiplies a delay, and a success makes it a step shorter. There are pure
 * functions, a shared throttle, and a `Schedule` for programs that retry by themselves.
 *
 * The law is ELSPETH's: additive increase of speed, multiplicative decrease (AIMD), after Chiu and Jain, "Analysis of
 * the Increase and Decrease Algorithms for Congestion Avoidance in Computer Networks", 1989.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import * as Capacity from "./Capacity.js"
import * as AimdDelay from "./law/AimdDelay.js"
import * as PoolConfig from "./PoolConfig.js"
import * as Argument from "./structure/Argument.js"

export {
  /**
   * The delay after a capacity error.
   *
   * @since 0.1.0
   * @category law
   */
  backOff,
  /**
   * The numbers of the law.
   *
   * @since 0.1.0
   * @category models
   */
  type Parameters,
  /**
   * The delay after a success.
   *
   * @since 0.1.0
   * @category law
   */
  recover
} from "./law/AimdDelay.js"

/**
 * The law's numbers from a validated configuration.
 *
 * @since 0.1.0
 * @category law
 */
export const parameters: (config: PoolConfig.ThrottleConfig) => AimdDelay.Parameters = AimdDelay.parameters

/**
 * What a throttle has seen since it was made or since `resetStats`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThrottleStats {
  readonly capacityRetries: number
  readonly successes: number
  readonly currentDelay: Duration.Duration
  readonly peakDelay: Duration.Duration
  readonly totalThrottleTime: Duration.Duration
}

/**
 * One delay shared by every fiber that calls the same API.
 *
 * @since 0.1.0
 * @category models
 */
export interface AimdThrottle {
  /** How long a call waits that is rejected now. */
  readonly currentDelay: Effect.Effect<Duration.Duration>
  /** Backs the delay off: the API said "not now". */
  readonly onCapacityError: Effect.Effect<void>
  /** Recovers the delay by one step: the API served a call. */
  readonly onSuccess: Effect.Effect<void>
  /** Adds to `totalThrottleTime`. */
  recordThrottleWait(waited: Duration.Duration): Effect.Effect<void>
  readonly stats: Effect.Effect<ThrottleStats>
  /** Zeroes the counters; the current delay stays, and becomes the peak. */
  readonly resetStats: Effect.Effect<void>
}

/**
 * Makes a throttle with delay 0. Wrong options die, and the message names option, value and expectation.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { AimdThrottle } from "effect-aimd"
 *
 * const program = Effect.gen(function* () {
 *   const throttle = yield* AimdThrottle.make({ recoveryStep: "100 millis", backoffMultiplier: 3 })
 *   yield* throttle.onCapacityError
 *   yield* throttle.onCapacityError
 *   return yield* throttle.currentDelay
 * })
 * assert.strictEqual(String(Effect.runSync(program)), "Duration(300ms)")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: PoolConfig.ThrottleOptions = {}): Effect.Effect<AimdThrottle> =>
  Effect.map(PoolConfig.makeThrottle(options), (config) => {
    const law = parameters(config)
    let delay = 0
    let peakDelay = 0
    let capacityRetries = 0
    let successes = 0
    let throttled = 0
    return {
      currentDelay: Effect.sync(() => Duration.millis(delay)),
      onCapacityError: Effect.sync(() => {
        delay = AimdDelay.backOff(law, delay)
        peakDelay = Math.max(peakDelay, delay)
        capacityRetries += 1
      }),
      onSuccess: Effect.sync(() => {
        delay = AimdDelay.recover(law, delay)
        peakDelay = Math.max(peakDelay, delay)
        successes += 1
      }),
      recordThrottleWait: (waited) =>
        Effect.sync(() => {
          throttled += Duration.toMillis(waitedOf(waited))
        }),
      stats: Effect.sync(() => ({
        capacityRetries,
        successes,
        currentDelay: Duration.millis(delay),
        peakDelay: Duration.millis(peakDelay),
        totalThrottleTime: Duration.millis(throttled)
      })),
      resetStats: Effect.sync(() => {
        peakDelay = delay
        capacityRetries = 0
        successes = 0
        throttled = 0
      })
    }
  })

/** Callers without types may hand in anything. */
const waitedOf = (waited: unknown): Duration.Duration =>
  Option.getOrElse(Argument.duration(waited), () => {
    throw Argument.refusal(
      "argument waited of recordThrottleWait",
      'a duration of at least 0, such as "1 second"',
      waited
    )
  })

/**
 * A schedule for `Effect.retry`: each recurrence backs the throttle off and waits its delay, or the error's
 * `retryAfter` if that is longer. It recurs for ever; limit it with `Schedule.upTo` or `Schedule.recurs`.
 *
 * The output is the wait. Only `CapacityError` may reach it. For a call that can fail in other ways too, add
 * `Schedule.whileInput`, or use {@link retry}.
 *
 * @since 0.1.0
 * @category combinators
 */
export const schedule = (throttle: AimdThrottle): Schedule.Schedule<Duration.Duration, Capacity.CapacityError> =>
  scheduleWithin(throttle, Infinity)

/** Ends with the first error that comes `budget` milliseconds after the first one, or later. */
const scheduleWithin = (
  throttle: AimdThrottle,
  budget: number
): Schedule.Schedule<Duration.Duration, Capacity.CapacityError> =>
  Schedule.makeWithState(Infinity, (now, error: Capacity.CapacityError, firstError) =>
    Effect.gen(function* () {
      yield* throttle.onCapacityError
      const asked = error.retryAfter === undefined ? 0 : Duration.toMillis(error.retryAfter)
      const delay = Duration.millis(Math.max(Duration.toMillis(yield* throttle.currentDelay), asked))
      const since = Math.min(now, firstError)
      if (now - since >= budget) return [since, delay, ScheduleDecision.done]
      yield* throttle.recordThrottleWait(delay)
      const due = ScheduleInterval.after(now + Duration.toMillis(delay))
      return [since, delay, ScheduleDecision.continueWith(due)]
    })
  )

/**
 * Retries an effect after a `CapacityError` only, with the throttle's delay; a success recovers the throttle. Every
 * other error, and every defect, passes unchanged.
 *
 * After `maxCapacityRetry` (default 1 hour, counted from the first capacity error) the next `CapacityError` is final.
 * So it stays in the error channel.
 *
 * @since 0.1.0
 * @category combinators
 */
export const retry =
  (throttle: AimdThrottle, options: { readonly maxCapacityRetry?: Duration.DurationInput | undefined } = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    // A retry's guard does not narrow what its schedule takes, so all other errors leave the failure channel for it.
    Effect.flatMap(
      PoolConfig.makeDuration("maxCapacityRetry", options.maxCapacityRetry ?? PoolConfig.defaults.maxCapacityRetry),
      (budget) =>
        effect.pipe(
          Effect.tap(throttle.onSuccess),
          Effect.map(Either.right),
          Effect.catchAll((error) =>
            isCapacityErrorOf(error) ? Effect.fail(error) : Effect.succeed(Either.left(error))
          ),
          Effect.retry(scheduleWithin(throttle, Duration.toMillis(budget))),
          Effect.flatten
        )
    )

const isCapacityErrorOf = <E>(error: E): error is E & Capacity.CapacityError => Capacity.isCapacityError(error)
