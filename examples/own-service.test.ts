// How to test a service of your own that calls a limited API: in virtual time, with exact instants.
// #region test
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber, TestClock } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"

it.scoped("waits as long as the API asks, and not a millisecond longer", () =>
  Effect.gen(function* () {
    const starts: Array<number> = []
    const api = Effect.gen(function* () {
      starts.push(yield* Clock.currentTimeMillis)
      if (starts.length > 1) return "served"
      return yield* new Capacity.CapacityError({ status: 429, retryAfter: "2 seconds" })
    })

    const pool = yield* PooledExecutor.make({ poolSize: 4 })
    const fiber = yield* Effect.fork(pool.execute(api))
    yield* TestClock.adjust("2 seconds")

    assert.strictEqual(yield* Fiber.join(fiber), "served")
    assert.deepStrictEqual(starts, [0, 2000])
  })
)
// #endregion test
