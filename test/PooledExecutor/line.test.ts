import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Scope } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"
import { inVirtualTime } from "../support/time.js"

describe("a line of callers", () => {
  it.effect("is served turn by turn with the others, with execute and with batches", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      const order: Array<string> = []
      const call = (name: string) =>
        Effect.delay(
          Effect.sync(() => order.push(name)),
          "1 second"
        )
      const [a, b] = [yield* pool.line, yield* pool.line]
      const many = (run: () => Effect.Effect<unknown, unknown>) =>
        Effect.forEach([1, 2, 3], run, { concurrency: "unbounded" })
      yield* Effect.all(
        [
          many(() => a.execute(call("a"))),
          many(() => b.attempt(call("b"))),
          many(() => pool.execute(call("c"))),
          pool.executeBatch([1, 2, 3], () => call("d"))
        ],
        { concurrency: "unbounded" }
      )
      // The batch came first, and asked for its second row before anybody else was there.
      assert.strictEqual(order.join(""), "ddabcdabcabc")
    })
  )

  it.effect("has calls that say whose turn it is, like those of the others", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      const line = yield* pool.line
      const order: Array<string> = []
      const call = (name: string) =>
        Effect.delay(
          Effect.sync(() => void order.push(name)),
          "1 second"
        )
      yield* Effect.all(
        [
          pool.execute(call("first")),
          line.execute(call("night"), { priority: -1 }),
          line.execute(call("a"), { tenant: "a" }),
          line.execute(call("a"), { tenant: "a" }),
          pool.execute(call("b"), { tenant: "b" }),
          line.attempt(call("urgent"), { priority: 1 })
        ],
        { concurrency: "unbounded", discard: true }
      )
      assert.deepStrictEqual(order, ["first", "urgent", "a", "b", "a", "night"])
    })
  )

  // That nothing of it is left in the pool is counted in test/pool/leftovers.test.ts.
  it.effect("has no turn any more once its scope is closed, and the others have theirs", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      const scope = yield* Scope.make()
      const line = yield* Scope.extend(pool.line, scope)
      assert.strictEqual(yield* line.execute(Effect.succeed("first")), "first")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* pool.execute(Effect.succeed("second")), "second")
      const { attempts, inFlight, pending } = yield* pool.stats
      assert.deepStrictEqual([attempts, inFlight, pending], [2, 0, 0])
    })
  )
})

describe("a single attempt", () => {
  it.effect("is not retried: its capacity error slows the pool down, and comes back", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2, control: "delay" })
      let runs = 0
      const busy = Effect.suspend(() => {
        runs += 1
        return Effect.fail(new Capacity.CapacityError({ status: 503, retryAfter: Duration.seconds(9) }))
      })
      const error = yield* Effect.flip(pool.attempt(busy))
      const { attempts, capacityRetries, failures, holdUntil, pending } = yield* pool.stats
      assert.deepStrictEqual([error._tag, runs, attempts, capacityRetries, failures], ["CapacityError", 1, 1, 1, 1])
      assert.deepStrictEqual([holdUntil, pending], [9_000, 0])
    })
  )

  it.effect("comes back with its capacity error even where the pool is shut down meanwhile", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const busy = Effect.delay(Effect.fail(new Capacity.CapacityError({ status: 429 })), "1 second")
      const fiber = yield* Effect.fork(Effect.flip(pool.attempt(busy)))
      yield* Effect.sleep("500 millis")
      yield* pool.shutdown
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "CapacityError")
      assert.strictEqual((yield* Effect.flip(pool.attempt(Effect.void)))._tag, "PoolShutdownError")
    })
  )
})
