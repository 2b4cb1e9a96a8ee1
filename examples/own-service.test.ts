// How to test a service of your own that calls a limited API: in virtual time, with exact instants.
import { assert, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, TestClock } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"

// #region test
it.effect("waits as long as the API asks, and not a millisecond longer", () =>
  Effect.gen(function* () {
    const starts: Array<number> = []
    const api = Effect.gen(function* () {
      starts.push(yield* Clock.currentTimeMillis)
      if (starts.length === 1) {
        return yield* new Capacity.CapacityError({ status: 429, retryAfter: Duration.seconds(2) })
      }
      return "served"
    })

    const fiber = yield* Effect.fork(PooledExecutor.execute(api))
    yield* TestClock.adjust("2 seconds")

    assert.strictEqual(yield* Fiber.join(fiber), "served")
    assert.deepStrictEqual(starts, [0, 2000])
  }).pipe(Effect.provide(PooledExecutor.layer({ poolSize: 4 })))
)
// #endregion test
