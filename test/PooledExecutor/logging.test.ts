import { assert, describe, it } from "@effect/vitest"
import { type PoolConfig, PooledExecutor } from "effect-aimd"
import { Effect, Fiber } from "effect"
import { broken, busy, makeApi, ok, range, refused, script } from "../support/api.js"
import { makeLogger } from "../support/observe.js"
import { inVirtualTime } from "../support/time.js"

/** What is logged while a pool is used. */
const logOf = <E>(
  options: PoolConfig.Options,
  use: (pool: PooledExecutor.PooledExecutor) => Effect.Effect<unknown, E>
) => {
  const { layer, lines } = makeLogger()
  return PooledExecutor.make({ control: "delay", name: "gpt", ...options }).pipe(
    Effect.flatMap(use),
    Effect.provide(layer),
    Effect.as(lines)
  )
}

describe("Log", () => {
  it.effect("is silent about all that needs no action: retries, failures, defects, timeouts, a shutdown", () =>
    inVirtualTime(function* () {
      const api = makeApi(
        script([[busy(0, { retryAfter: "5 minutes" }), ok()], [refused()], [broken()], [Effect.never]])
      )
      const lines = yield* logOf({ poolSize: 2, attemptTimeout: 100 }, (pool) =>
        Effect.gen(function* () {
          yield* pool.executeBatch(range(4), api.call)
          yield* pool.executeBatch(range(2), () => Effect.never, { timeout: 10 })
          const call = yield* Effect.fork(pool.execute(ok(50)))
          yield* Effect.sleep(10)
          yield* pool.shutdown
          yield* Fiber.join(call)
        })
      )
      assert.deepStrictEqual(lines, [])
    })
  )

  it.effect("warns of a Retry-After that was capped, once as long as it lasts", () =>
    inVirtualTime(function* () {
      const hour = { retryAfter: "1 hour" } as const
      const api = makeApi(
        script([
          [busy(0, hour), ok()],
          [busy(1, hour), ok()],
          [busy(2, hour), busy(0, hour), ok()]
        ])
      )
      const lines = yield* logOf({ poolSize: 3 }, (pool) => pool.executeBatch(range(3), api.call))
      const line = 'WARN pool "gpt": the API asks for 1h of silence; it gets 5m, the maxRetryAfter'
      // The second is the one that follows the first hold.
      assert.deepStrictEqual(
        lines.filter((other) => other.includes("maxRetryAfter")),
        [line, line]
      )
    })
  )

  it.effect("warns of a capped Retry-After of a single call", () =>
    inVirtualTime(function* () {
      const api = makeApi(script([[busy(0, { retryAfter: "1 minute" }), ok()]]))
      const lines = yield* logOf({ poolSize: 1, maxRetryAfter: "1 second" }, (pool) => pool.execute(api.call(0)))
      assert.deepStrictEqual(lines, ['WARN pool "gpt": the API asks for 1m of silence; it gets 1s, the maxRetryAfter'])
    })
  )

  it.effect("warns once a batch of rows that gave up, with their number", () =>
    inVirtualTime(function* () {
      const late = busy(0, { retryAfter: "1 minute" })
      const api = makeApi(script([[late], [late], [ok()], [refused()]]))
      const lines = yield* logOf({ poolSize: 3, maxCapacityRetry: "10 seconds" }, (pool) =>
        pool.executeBatch(range(4), api.call)
      )
      assert.deepStrictEqual(lines, ['WARN pool "gpt": 2 of 4 rows gave up after 10s without capacity'])
    })
  )

  it.effect("warns once when the API has let nothing through for half a minute, and says when it does again", () =>
    inVirtualTime(function* () {
      let calls = 0
      const lines = yield* logOf({ poolSize: 3 }, (pool) =>
        Effect.zipRight(
          pool.executeBatch(range(4), () => (calls++ < 60 ? busy(0, { status: 503 }) : ok())),
          pool.executeBatch(range(4), () => (calls++ < 66 ? busy() : ok()))
        )
      )
      assert.deepStrictEqual(
        lines.map((line) => line.replace(/after .*/, "after a while")),
        [
          'WARN pool "gpt": the API has let nothing through for 30s (last status 503); 4 wait',
          'INFO pool "gpt": the API lets calls through again, after a while'
        ]
      )
    })
  )
})
