import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Clock, Duration, Effect, Either, Exit, FastCheck, Fiber, Schedule, TestClock } from "effect"
import { AimdThrottle, Capacity, PoolConfig } from "effect-aimd"

type Step = "error" | "success"

const many = (step: Step, times: number): ReadonlyArray<Step> => Array.from({ length: times }, () => step)

const delayOf = (throttle: AimdThrottle.AimdThrottle) => Effect.map(throttle.currentDelay, Duration.toMillis)

/** The delay, in milliseconds, after each of the steps. */
const delaysOf = (throttle: AimdThrottle.AimdThrottle, steps: ReadonlyArray<Step>) =>
  Effect.forEach(steps, (step) =>
    Effect.zipRight(step === "error" ? throttle.onCapacityError : throttle.onSuccess, delayOf(throttle))
  )

const delaysFrom = (options: PoolConfig.ThrottleOptions, steps: ReadonlyArray<Step>) =>
  Effect.flatMap(AimdThrottle.make(options), (throttle) => delaysOf(throttle, steps))

const statsOf = (throttle: AimdThrottle.AimdThrottle) =>
  Effect.map(throttle.stats, (stats) => ({
    ...stats,
    currentDelay: Duration.toMillis(stats.currentDelay),
    peakDelay: Duration.toMillis(stats.peakDelay),
    totalThrottleTime: Duration.toMillis(stats.totalThrottleTime)
  }))

const rejected = (retryAfter?: Duration.DurationInput) =>
  new Capacity.CapacityError({
    status: 429,
    ...(retryAfter === undefined ? {} : { retryAfter: Duration.decode(retryAfter) })
  })

describe("AIMD throttle init", () => {
  it.effect("starts at delay 0 with nothing counted", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      assert.strictEqual(yield* delayOf(throttle), 0)
      assert.deepStrictEqual(yield* statsOf(throttle), {
        capacityRetries: 0,
        successes: 0,
        currentDelay: 0,
        peakDelay: 0,
        totalThrottleTime: 0
      })
    })
  )

  it.effect("has the defaults 0, 5000, 2 and 50", () =>
    Effect.gen(function* () {
      const config = yield* PoolConfig.makeThrottle()
      assert.deepStrictEqual(AimdThrottle.parameters(config), {
        minDelay: 0,
        maxDelay: 5_000,
        multiplier: 2,
        recoveryStep: 50
      })
      assert.deepStrictEqual(
        yield* delaysFrom({}, many("error", 9)),
        [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]
      )
    })
  )

  it.effect("keeps a custom configuration", () =>
    Effect.gen(function* () {
      const options = { minDispatchDelay: 10, maxDispatchDelay: 1_000, backoffMultiplier: 3, recoveryStep: 25 }
      assert.deepStrictEqual(AimdThrottle.parameters(yield* PoolConfig.makeThrottle(options)), {
        minDelay: 10,
        maxDelay: 1_000,
        multiplier: 3,
        recoveryStep: 25
      })
      assert.deepStrictEqual(
        yield* delaysFrom(options, [...many("error", 5), ...many("success", 2)]),
        [25, 75, 225, 675, 1_000, 975, 950]
      )
    })
  )

  it.effect("keeps throttles apart", () =>
    Effect.gen(function* () {
      const make = AimdThrottle.make()
      const one = yield* make
      const other = yield* make
      yield* one.onCapacityError
      assert.deepStrictEqual([yield* delayOf(one), yield* delayOf(other)], [50, 0])
    })
  )
})

describe("AIMD throttle backoff", () => {
  it.effect("sets the first delay to the recovery step", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delaysFrom({ recoveryStep: 50 }, ["error"]), [50])
    })
  )

  it.effect("multiplies the delay on each further error", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delaysFrom({ recoveryStep: 100 }, many("error", 3)), [100, 200, 400])
    })
  )

  it.effect("multiplies at the floor, and does not stall there, when the recovery step is smaller", () =>
    Effect.gen(function* () {
      const options = { minDispatchDelay: 100, recoveryStep: 50 }
      assert.deepStrictEqual(yield* delaysFrom(options, many("error", 3)), [100, 200, 400])
    })
  )

  it.effect("caps the delay at the maximum", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* delaysFrom({ maxDispatchDelay: 500 }, many("error", 10)),
        [50, 100, 200, 400, 500, 500, 500, 500, 500, 500]
      )
    })
  )

  it.effect("caps the first delay too", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delaysFrom({ maxDispatchDelay: 20 }, many("error", 2)), [20, 20])
    })
  )

  it.effect("backs off from the minimum when the recovery step is 0", () =>
    Effect.gen(function* () {
      const options = { minDispatchDelay: 10, recoveryStep: 0 }
      assert.deepStrictEqual(yield* delaysFrom(options, [...many("error", 3), "success"]), [10, 20, 40, 40])
    })
  )
})

describe("AIMD throttle recovery", () => {
  it.effect("subtracts the recovery step on a success", () =>
    Effect.gen(function* () {
      const steps: ReadonlyArray<Step> = [...many("error", 2), ...many("success", 2)]
      assert.deepStrictEqual(yield* delaysFrom({ recoveryStep: 50 }, steps), [50, 100, 50, 0])
    })
  )

  it.effect("stops at the minimum", () =>
    Effect.gen(function* () {
      const steps: ReadonlyArray<Step> = ["error", ...many("success", 5)]
      assert.deepStrictEqual(
        yield* delaysFrom({ minDispatchDelay: 10, recoveryStep: 100 }, steps),
        [100, 10, 10, 10, 10, 10]
      )
    })
  )

  it.effect("starts again from the recovery step at an error after it has recovered to the minimum", () =>
    Effect.gen(function* () {
      const steps: ReadonlyArray<Step> = [...many("error", 2), ...many("success", 2), "error"]
      assert.deepStrictEqual(
        yield* delaysFrom({ minDispatchDelay: 10, recoveryStep: 50 }, steps),
        [50, 100, 50, 10, 50]
      )
    })
  )

  it.effect("stays at zero on a success", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* delaysFrom({}, many("success", 2)), [0, 0])
    })
  )
})

describe("AIMD throttle stats", () => {
  it.effect("counts capacity retries and successes", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      yield* delaysOf(throttle, [...many("error", 3), "success"])
      const { capacityRetries, successes } = yield* statsOf(throttle)
      assert.deepStrictEqual([capacityRetries, successes], [3, 1])
    })
  )

  it.effect("keeps the peak delay while the delay recovers", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const delays = yield* delaysOf(throttle, [...many("error", 3), ...many("success", 2)])
      const { currentDelay, peakDelay } = yield* statsOf(throttle)
      assert.deepStrictEqual(delays, [50, 100, 200, 150, 100])
      assert.deepStrictEqual([peakDelay, currentDelay], [200, 100])
    })
  )

  it.effect("sums the waits up", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      yield* throttle.recordThrottleWait(Duration.millis(100))
      yield* throttle.recordThrottleWait(Duration.millis(50))
      assert.strictEqual((yield* statsOf(throttle)).totalThrottleTime, 150)
    })
  )

  it.effect("dies of a wait that is no duration", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      // What a caller without types may pass.
      const wait = "soon" as unknown as Duration.Duration
      const exit = yield* Effect.exit(throttle.recordThrottleWait(wait))
      assert.include(
        Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
        'effect-aimd: argument waited of recordThrottleWait: expected a duration of at least 0, such as "1 second", got "soon"'
      )
    })
  )

  it.effect("zeroes the counters on a reset", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      yield* delaysOf(throttle, ["error", "success"])
      yield* throttle.recordThrottleWait(Duration.millis(100))
      yield* throttle.resetStats
      assert.deepStrictEqual(yield* statsOf(throttle), {
        capacityRetries: 0,
        successes: 0,
        currentDelay: 0,
        peakDelay: 0,
        totalThrottleTime: 0
      })
    })
  )

  it.effect("keeps the delay on a reset, and makes it the peak", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      yield* delaysOf(throttle, [...many("error", 3), "success"])
      yield* throttle.resetStats
      const { currentDelay, peakDelay } = yield* statsOf(throttle)
      assert.deepStrictEqual([currentDelay, peakDelay], [150, 150])
    })
  )

  it.effect("has no peak under the current delay before the first error", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ minDispatchDelay: 10 })
      yield* throttle.onSuccess
      const { currentDelay, peakDelay } = yield* statsOf(throttle)
      assert.isAtLeast(peakDelay, currentDelay)
    })
  )
})

describe("AIMD throttle config validation", () => {
  const message = (options: PoolConfig.ThrottleOptions) =>
    AimdThrottle.make(options).pipe(
      Effect.as("accepted"),
      Effect.catchAllDefect((defect) =>
        Effect.succeed(Cause.isIllegalArgumentException(defect) ? defect.message : `unexpected: ${String(defect)}`)
      )
    )

  it.effect("refuses recoveryStep and minDispatchDelay both 0", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* message({ recoveryStep: 0, minDispatchDelay: 0 }),
        "effect-aimd: option recoveryStep: minDispatchDelay and recoveryStep cannot both be 0: a rejected row would be sent again without a wait"
      )
    })
  )

  it.effect("allows recoveryStep 0 with another minDispatchDelay, and the other way round", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        [
          yield* message({ recoveryStep: 0, minDispatchDelay: 10 }),
          yield* message({ recoveryStep: 50, minDispatchDelay: 0 })
        ],
        ["accepted", "accepted"]
      )
    })
  )

  it.effect("refuses what a throttle of the reference refuses, naming option, value and expectation", () =>
    Effect.gen(function* () {
      const messages = yield* Effect.forEach(
        [
          { minDispatchDelay: -1 },
          { minDispatchDelay: 100, maxDispatchDelay: 50 },
          { backoffMultiplier: 1 },
          { recoveryStep: -1 },
          { backoffMultiplier: NaN },
          { maxDispatchDelay: Infinity },
          {}
        ],
        message
      )
      assert.deepStrictEqual(messages, [
        'effect-aimd: option minDispatchDelay: expected a finite duration of at least 0, such as "50 millis", got -1',
        "effect-aimd: option minDispatchDelay: cannot exceed maxDispatchDelay (50ms), got 100ms",
        "effect-aimd: option backoffMultiplier: expected a finite number over 1, got 1",
        'effect-aimd: option recoveryStep: expected a finite duration of at least 0, such as "50 millis", got -1',
        "effect-aimd: option backoffMultiplier: expected a finite number over 1, got NaN",
        'effect-aimd: option maxDispatchDelay: expected a finite duration over 0, such as "50 millis", got Infinity',
        "accepted"
      ])
    })
  )
})

describe("AIMD law", () => {
  /** Milliseconds in whole microseconds: a duration does not hold any fraction. */
  const delay = (max: number) => FastCheck.integer({ min: 0, max: max * 1_000 }).map((micros) => micros / 1_000)
  const orZero = (delays: FastCheck.Arbitrary<number>) => FastCheck.oneof(FastCheck.constant(0), delays)
  /** Any numbers that a validated configuration can hold. */
  const parameters: FastCheck.Arbitrary<AimdThrottle.Parameters> = FastCheck.record({
    minDelay: orZero(delay(1_000)),
    span: orZero(delay(10_000)),
    multiplier: FastCheck.double({ min: 1, max: 10, minExcluded: true, noNaN: true }),
    recoveryStep: orZero(delay(2_000))
  })
    .map(({ span, ...rest }) => ({ ...rest, maxDelay: rest.minDelay + span }))
    .filter(({ maxDelay, minDelay, recoveryStep }) => maxDelay > 0 && (minDelay > 0 || recoveryStep > 0))
  const steps = FastCheck.array(FastCheck.constantFrom<Step>("error", "error", "success"), { maxLength: 100 })

  const run = (law: AimdThrottle.Parameters, taken: ReadonlyArray<Step>) => {
    const delays = [0]
    let delay = 0
    for (const step of taken) {
      delay = step === "error" ? AimdThrottle.backOff(law, delay) : AimdThrottle.recover(law, delay)
      delays.push(delay)
    }
    return delays
  }

  it.prop("grows strictly under repeated errors until it is at the cap, and stays there", [parameters], ([law]) => {
    const delays = run(law, many("error", 100))
    for (const [i, delay] of delays.slice(1).entries()) {
      const before = delays[i]
      assert.isTrue(before !== undefined && (delay > before || (delay === law.maxDelay && before === delay)))
    }
  })

  it.prop("grows strictly at any later error, until it is at the cap", [parameters, steps], ([law, taken]) => {
    const delay = run(law, taken).at(-1) ?? 0
    const next = AimdThrottle.backOff(law, delay)
    assert.isTrue(next > delay || next === law.maxDelay)
  })

  it.prop("never goes below the floor once it was above it", [parameters, steps], ([law, taken]) => {
    const delays = run(law, ["error", ...taken])
    for (const delay of delays.slice(1)) assert.isAtLeast(delay, law.minDelay)
  })

  it.prop("never goes above the cap", [parameters, steps], ([law, taken]) => {
    for (const delay of run(law, taken)) assert.isAtMost(delay, law.maxDelay)
  })

  it.prop("never waits 0 after an error", [parameters, steps], ([law, taken]) => {
    assert.isAbove(AimdThrottle.backOff(law, run(law, taken).at(-1) ?? 0), 0)
  })

  it.prop("never grows at a success, but for the first step to the floor", [parameters, steps], ([law, taken]) => {
    const delay = run(law, taken).at(-1) ?? 0
    assert.isAtMost(AimdThrottle.recover(law, delay), Math.max(delay, law.minDelay))
  })

  it.prop(
    "recovers by exactly a step, or to the floor",
    [parameters, FastCheck.double({ min: 0, max: 1, noNaN: true })],
    ([law, share]) => {
      const delay = law.minDelay + share * (law.maxDelay - law.minDelay)
      const expected = delay - law.recoveryStep > law.minDelay ? delay - law.recoveryStep : law.minDelay
      assert.strictEqual(AimdThrottle.recover(law, delay), expected)
    }
  )

  it.effect.prop("is what a throttle does, step by step", [parameters, steps], ([law, taken]) =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({
        minDispatchDelay: law.minDelay,
        maxDispatchDelay: law.maxDelay,
        backoffMultiplier: law.multiplier,
        recoveryStep: law.recoveryStep
      })
      const millis = (delay: number) => Duration.toMillis(Duration.millis(delay))
      const rounded = { ...law, maxDelay: millis(law.maxDelay) }
      assert.deepStrictEqual(yield* delaysOf(throttle, taken), run(rounded, taken).slice(1).map(millis))
    })
  )
})

/** An effect that fails with each of the errors in turn and then succeeds; it writes down when it starts. */
const answering = <E>(errors: ReadonlyArray<E>) => {
  const starts: Array<number> = []
  const effect = Effect.gen(function* () {
    starts.push(yield* Clock.currentTimeMillis)
    const index = starts.length - 1
    const error = errors[index]
    return index < errors.length && error !== undefined ? yield* Effect.fail(error) : "served"
  })
  return { effect, starts }
}

/** Runs an effect to its end, however long it takes in virtual time. */
const inVirtualTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("2 hours")
    return yield* Effect.exit(Fiber.join(fiber))
  })

describe("AIMD throttle schedule", () => {
  it.effect("waits exactly the delays of the law", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ maxDispatchDelay: 300 })
      const { effect, starts } = answering(Array.from({ length: 5 }, () => rejected()))
      const exit = yield* inVirtualTime(Effect.retry(effect, AimdThrottle.schedule(throttle)))
      assert.deepStrictEqual(exit, Exit.succeed("served"))
      assert.deepStrictEqual(starts, [0, 50, 150, 350, 650, 950])
    })
  )

  it.effect("waits the Retry-After where it is longer, and the delay where it is not", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const { effect, starts } = answering([
        rejected(),
        rejected("2 seconds"),
        rejected(199),
        rejected("400 millis"),
        rejected(0),
        rejected(1_601)
      ])
      yield* inVirtualTime(Effect.retry(effect, AimdThrottle.schedule(throttle)))
      const waits = starts.slice(1).map((start, i) => start - (starts[i] ?? 0))
      assert.deepStrictEqual(waits, [50, 2_000, 200, 400, 800, 1_601])
    })
  )

  it.effect("records every error and every wait", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const { effect, starts } = answering([rejected(), rejected("1 second"), rejected()])
      yield* inVirtualTime(Effect.retry(effect, AimdThrottle.schedule(throttle)))
      assert.deepStrictEqual(starts, [0, 50, 1_050, 1_250])
      assert.deepStrictEqual(yield* statsOf(throttle), {
        capacityRetries: 3,
        successes: 0,
        currentDelay: 200,
        peakDelay: 200,
        totalThrottleTime: 1_250
      })
    })
  )

  it.effect("ends with the capacity error itself where another schedule bounds it", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const errors = [rejected(), rejected(), rejected(), rejected()]
      const { effect, starts } = answering(errors)
      const schedule = Schedule.intersect(AimdThrottle.schedule(throttle), Schedule.recurs(2))
      const exit = yield* inVirtualTime(Effect.retry(effect, schedule))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error === errors[2])
      assert.deepStrictEqual(starts, [0, 50, 150])
    })
  )

  it.effect("puts out its waits", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const errors = [rejected(), rejected("1 second"), rejected(), rejected(1)]
      const waits = yield* Schedule.run(AimdThrottle.schedule(throttle), 0, errors)
      assert.deepStrictEqual(Chunk.toReadonlyArray(waits).map(Duration.toMillis), [50, 1_000, 200, 400])
    })
  )

  it.effect("shares the throttle's delay with every other user of it", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const schedule = AimdThrottle.schedule(throttle)
      const first = answering([rejected()])
      const second = answering([rejected()])
      yield* inVirtualTime(
        Effect.all([Effect.retry(first.effect, schedule), Effect.retry(second.effect, schedule)], { concurrency: 2 })
      )
      assert.deepStrictEqual(
        [first.starts, second.starts],
        [
          [0, 50],
          [0, 100]
        ]
      )
      yield* throttle.onSuccess
      const third = answering([rejected()])
      const begin = yield* Clock.currentTimeMillis
      yield* inVirtualTime(Effect.retry(third.effect, schedule))
      assert.deepStrictEqual(
        third.starts.map((start) => start - begin),
        [0, 100]
      )
    })
  )

  it.effect("compares a delay of less than a millisecond with a hint that no count of nanoseconds can hold", () =>
    Effect.gen(function* () {
      const schedule = AimdThrottle.schedule(yield* AimdThrottle.make({ recoveryStep: 0.5 }))
      const [, delay] = yield* schedule.step(0, rejected(1.8e302), schedule.initial)
      assert.strictEqual(Duration.toMillis(delay), 1.8e302)
    })
  )

  it.effect("goes on for ever, at the cap, until it is bounded", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ recoveryStep: "1 minute", maxDispatchDelay: "1 minute" })
      const { effect, starts } = answering(Array.from({ length: 20 }, () => rejected()))
      const exit = yield* inVirtualTime(Effect.retry(effect, AimdThrottle.schedule(throttle)))
      assert.deepStrictEqual(exit, Exit.succeed("served"))
      assert.deepStrictEqual(
        starts,
        Array.from({ length: 21 }, (_, i) => i * 60_000)
      )
    })
  )
})

describe("AIMD throttle retry", () => {
  it.effect("retries capacity errors until a success, which recovers the throttle by one step", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const { effect, starts } = answering([rejected(), rejected(), rejected()])
      const exit = yield* inVirtualTime(AimdThrottle.retry(throttle)(effect))
      assert.deepStrictEqual(exit, Exit.succeed("served"))
      assert.deepStrictEqual(starts, [0, 50, 150, 350])
      assert.deepStrictEqual(yield* statsOf(throttle), {
        capacityRetries: 3,
        successes: 1,
        currentDelay: 150,
        peakDelay: 200,
        totalThrottleTime: 350
      })
    })
  )

  it.effect("waits the Retry-After where it is longer", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const { effect, starts } = answering([rejected("2 seconds"), rejected(10)])
      yield* inVirtualTime(AimdThrottle.retry(throttle)(effect))
      assert.deepStrictEqual(starts, [0, 2_000, 2_100])
    })
  )

  it.effect("passes every other error at once and untouched, and leaves the throttle alone", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      yield* throttle.onCapacityError
      const own = { _tag: "ContentPolicy" }
      const { effect, starts } = answering([own])
      const exit = yield* Effect.exit(AimdThrottle.retry(throttle)(effect))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error === own)
      assert.deepStrictEqual(starts, [0])
      const { capacityRetries, currentDelay, successes } = yield* statsOf(throttle)
      assert.deepStrictEqual([currentDelay, capacityRetries, successes], [50, 1, 0])
    })
  )

  it.effect("passes another error after capacity errors too", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const { effect, starts } = answering<Capacity.CapacityError | "own">([rejected(), rejected(), "own"])
      const exit = yield* inVirtualTime(AimdThrottle.retry(throttle)(effect))
      assert.deepStrictEqual(exit, Exit.fail("own"))
      assert.deepStrictEqual(starts, [0, 50, 150])
    })
  )

  it.effect("passes a defect at once, as a defect", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const bug = new Error("bug")
      let calls = 0
      const effect = Effect.suspend(() => {
        calls += 1
        return Effect.die(bug)
      })
      const exit = yield* Effect.exit(AimdThrottle.retry(throttle)(effect))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die" && exit.cause.defect === bug)
      assert.strictEqual(calls, 1)
      assert.deepStrictEqual(yield* statsOf(throttle), yield* statsOf(yield* AimdThrottle.make()))
    })
  )

  it.effect("passes a capacity error that was thrown as a defect: only failures are retried", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const exit = yield* Effect.exit(AimdThrottle.retry(throttle)(Effect.die(rejected())))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
    })
  )

  it.effect("gives a result back as it is, also one that is an Either or an Effect", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const inner = Effect.fail("never run")
      const retry = AimdThrottle.retry(throttle)
      assert.deepStrictEqual(yield* retry(Effect.succeed(Either.left("kept"))), Either.left("kept"))
      assert.strictEqual(yield* retry(Effect.succeed(inner)), inner)
      assert.strictEqual(yield* retry(Effect.succeed(undefined)), undefined)
    })
  )

  it.effect("ends with the capacity error itself once the budget is spent, counted from the first of them", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ recoveryStep: 400, maxDispatchDelay: 400 })
      const errors = Array.from({ length: 10 }, (_, i) => rejected(i))
      const { effect, starts } = answering(errors)
      const call = Effect.delay(effect, 100)
      const exit = yield* inVirtualTime(AimdThrottle.retry(throttle, { maxCapacityRetry: "1 second" })(call))
      assert.deepStrictEqual(starts, [100, 600, 1_100])
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error === errors[2])
    })
  )

  it.effect("takes a success in the budget's last millisecond", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ recoveryStep: 999, maxDispatchDelay: 999 })
      const { effect, starts } = answering([rejected()])
      const exit = yield* inVirtualTime(AimdThrottle.retry(throttle, { maxCapacityRetry: "1 second" })(effect))
      assert.deepStrictEqual(exit, Exit.succeed("served"))
      assert.deepStrictEqual(starts, [0, 999])
    })
  )

  it.effect("dies of a budget that is no duration, naming it, and runs nothing", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const { effect, starts } = answering([])
      // The type is the lie that a caller without types tells.
      const maxCapacityRetry = "soon" as Duration.DurationInput
      const exit = yield* Effect.exit(AimdThrottle.retry(throttle, { maxCapacityRetry })(effect))
      const said =
        'effect-aimd: option maxCapacityRetry: expected a duration of at least 0, such as "50 millis", got "soon"'
      assert.include(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), said)
      assert.deepStrictEqual(starts, [])
    })
  )

  it.effect("waits for a retryAfter of any size, without counting its nanoseconds", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ recoveryStep: 0.5 })
      const { effect } = answering([rejected(1.8e302)])
      yield* Effect.fork(AimdThrottle.retry(throttle)(effect))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* statsOf(throttle)).totalThrottleTime, 1.8e302)
    })
  )

  it.effect("has a budget of an hour where none is given", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ recoveryStep: "20 minutes", maxDispatchDelay: "20 minutes" })
      const { effect, starts } = answering(Array.from({ length: 10 }, () => rejected()))
      yield* inVirtualTime(AimdThrottle.retry(throttle)(effect))
      assert.deepStrictEqual(
        starts.map((start) => start / 60_000),
        [0, 20, 40, 60]
      )
    })
  )

  it.effect("records no wait that its budget did not allow", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ recoveryStep: 500, maxDispatchDelay: 500 })
      const { effect, starts } = answering(Array.from({ length: 10 }, () => rejected()))
      yield* inVirtualTime(AimdThrottle.retry(throttle, { maxCapacityRetry: "1 second" })(effect))
      assert.deepStrictEqual(starts, [0, 500, 1_000])
      const { capacityRetries, totalThrottleTime } = yield* statsOf(throttle)
      assert.deepStrictEqual([capacityRetries, totalThrottleTime], [3, 1_000])
    })
  )

  it.effect("counts a budget for each run", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make({ recoveryStep: 500, maxDispatchDelay: 500 })
      const { effect, starts } = answering(Array.from({ length: 4 }, () => rejected()))
      const retried = AimdThrottle.retry(throttle, { maxCapacityRetry: "1 second" })(effect)
      const first = yield* inVirtualTime(retried)
      const begin = yield* Clock.currentTimeMillis
      const second = yield* inVirtualTime(retried)
      assert.isTrue(Exit.isFailure(first))
      assert.deepStrictEqual(second, Exit.succeed("served"))
      assert.deepStrictEqual(starts, [0, 500, 1_000, begin, begin + 500])
    })
  )

  it.effect("ends at once when it is interrupted in a wait", () =>
    Effect.gen(function* () {
      const throttle = yield* AimdThrottle.make()
      const { effect, starts } = answering([rejected("1 hour")])
      const fiber = yield* Effect.fork(AimdThrottle.retry(throttle)(effect))
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(exit))
      assert.strictEqual(yield* Clock.currentTimeMillis, 60_000)
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual(starts, [0])
    })
  )
})
