import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, type PoolStats } from "effect-aimd"
import { Duration, Effect } from "effect"
import { busy, makeApi, millis, ok, range, refused, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

const counts = (stats: PoolStats.BatchStats) => ({
  rows: stats.rows,
  successes: stats.successes,
  failures: stats.failures,
  attempts: stats.attempts,
  capacityRetries: stats.capacityRetries,
  maxConcurrentReached: stats.maxConcurrentReached,
  peakDelay: millis(stats.peakDelay),
  dispatchDelayAtCompletion: millis(stats.dispatchDelayAtCompletion),
  totalThrottleTime: millis(stats.totalThrottleTime)
})

const untouched = {
  rows: 0,
  successes: 0,
  failures: 0,
  attempts: 0,
  capacityRetries: 0,
  maxConcurrentReached: 0,
  peakDelay: 0,
  dispatchDelayAtCompletion: 0,
  totalThrottleTime: 0
}

describe("Stats", () => {
  it.effect("report the configuration of the pool", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4, maxCapacityRetry: "1800 seconds" })
      const { config } = yield* pool.stats
      assert.strictEqual(config.poolSize, 4)
      assert.deepStrictEqual(config.maxCapacityRetry, Duration.minutes(30))
    })
  )

  it.effect("are all zero for a new pool and for an empty batch", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      assert.deepStrictEqual(counts(yield* pool.stats), untouched)
      const { stats } = yield* pool.executeBatch([], () => Effect.void)
      assert.deepStrictEqual(counts(stats), untouched)
    })
  )

  it.effect("count retries, successes, failures, waits and the delay", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[busy(), busy(), ok()], [refused()]]))
      const { stats } = yield* pool.executeBatch(range(2), api.call)
      // Row 0 waits 50 ms, then 100 ms; its success takes the delay back to 50 ms.
      const expected = {
        rows: 2,
        successes: 1,
        failures: 1,
        attempts: 4,
        capacityRetries: 2,
        maxConcurrentReached: 1,
        peakDelay: 100,
        dispatchDelayAtCompletion: 50,
        totalThrottleTime: 150
      }
      assert.deepStrictEqual(counts(stats), expected)
      const lifetime = yield* pool.stats
      assert.deepStrictEqual(counts(lifetime), expected)
      assert.strictEqual(millis(lifetime.currentDelay), 50)
    })
  )

  it.effect("tell the most attempts that were in flight at once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const { stats } = yield* pool.executeBatch(range(5), () => ok(50))
      assert.strictEqual(stats.maxConcurrentReached, 3)
    })
  )

  it.effect("hold the delay at completion: 0 after one error and a success, 50 after two errors and a success", () =>
    inVirtualTime(function* () {
      const one = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const afterOne = yield* one.executeBatch([0], makeApi(script([[busy(), ok()]])).call)
      assert.strictEqual(millis(afterOne.stats.dispatchDelayAtCompletion), 0)
      const two = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const afterTwo = yield* two.executeBatch([0], makeApi(script([[busy(), busy(), ok()]])).call)
      assert.strictEqual(millis(afterTwo.stats.dispatchDelayAtCompletion), 50)
    })
  )

  it.effect("tell the share of all calls that chance rejects, as far as the law believes, and why it believes so", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 16 })
      assert.strictEqual((yield* pool.stats).chance, 0)
      const api = makeApi((row, attempt) => (row % 20 === 7 && attempt === 1 ? busy(20, { status: 503 }) : ok(100)))
      yield* pool.executeBatch(range(400), api.call)
      const { chance, changes, reason } = yield* pool.stats
      // One in twenty is; what it believes is from when it began to.
      assert.isTrue(chance > 0.02 && chance < 0.1, String(chance))
      assert.strictEqual(reason, `chance rejects ${(100 * chance).toPrecision(2)} % of all calls (status 503)`)
      assert.deepStrictEqual(
        changes.map((change) => change.chance > 0).filter((isKnown, i, all) => isKnown !== all[i - 1]),
        [false, true]
      )
      assert.strictEqual(changes.at(-1)?.chance, chance)
    })
  )

  it.effect("start anew with each batch", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const first = yield* pool.executeBatch(range(4), () => ok(10))
      const second = yield* pool.executeBatch(range(1), () => ok(10))
      assert.strictEqual(first.stats.maxConcurrentReached, 4)
      assert.deepStrictEqual(counts(second.stats), {
        ...untouched,
        rows: 1,
        successes: 1,
        attempts: 1,
        maxConcurrentReached: 1
      })
    })
  )

  it.effect("of a clean batch have no peak, though the pool's delay is still up", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* pool.executeBatch([0], makeApi(script([[busy(), busy(), busy(), ok()]])).call)
      const { stats } = yield* pool.executeBatch([0], () => ok())
      // 50, 100, 200 by the errors; 150, 100 by the successes.
      assert.deepStrictEqual(counts(stats), {
        ...untouched,
        rows: 1,
        successes: 1,
        attempts: 1,
        maxConcurrentReached: 1,
        dispatchDelayAtCompletion: 100
      })
      assert.strictEqual(millis((yield* pool.stats).peakDelay), 200)
    })
  )

  it.effect("of the pool sum batches and calls over its life", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      yield* pool.executeBatch(range(3), makeApi(script([[ok(10)], [busy(), ok(10)], [refused(10)]])).call)
      yield* pool.execute(ok(10))
      yield* Effect.flip(pool.execute(refused()))
      assert.deepStrictEqual(counts(yield* pool.stats), {
        rows: 5,
        successes: 3,
        failures: 2,
        attempts: 6,
        capacityRetries: 1,
        maxConcurrentReached: 2,
        peakDelay: 50,
        dispatchDelayAtCompletion: 0,
        totalThrottleTime: 50
      })
    })
  )

  it.effect("show what is pending and in flight at any instant", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const seen: Array<readonly [at: number, pending: number, inFlight: number]> = []
      const look = (at: number) =>
        Effect.fork(
          Effect.delay(
            Effect.map(pool.stats, ({ inFlight, pending }) => void seen.push([at, pending, inFlight])),
            at
          )
        )
      const api = makeApi(script([[busy(10), ok(30)], [ok(20)], [ok(15)]]))
      yield* Effect.all([5, 15, 22, 30, 70, 95].map(look))
      yield* pool.executeBatch(range(3), api.call)
      yield* Effect.sleep(10)
      // Row 0 is rejected at 10, backs off until 60 and ends at 90; row 1 ends at 20, row 2 runs from 10 to 25.
      assert.deepStrictEqual(seen, [
        [5, 3, 2],
        [15, 3, 2],
        [22, 2, 1],
        [30, 1, 0],
        [70, 1, 1],
        [95, 0, 0]
      ])
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )

  it.effect("tell the window, the hold and the law's reason", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const before = yield* pool.stats
      assert.deepStrictEqual([before.window, before.holdUntil, before.reason], [3, 0, "no capacity error yet"])
      const call = yield* Effect.fork(
        pool.execute(makeApi(script([[busy(10, { retryAfter: "1 second" }), ok()]])).call(0))
      )
      yield* Effect.sleep(20)
      const held = yield* pool.stats
      assert.deepStrictEqual([held.window, held.holdUntil, held.reason], [3, 1010, "backed off on status 429"])
      assert.strictEqual(millis(held.longestRetryAfter), 1000)
      assert.strictEqual(millis(held.currentDelay), 50)
      yield* call.await
      assert.strictEqual((yield* pool.stats).reason, "recovered a step on a success")
    })
  )

  it.effect("count no wait for a turn as throttle time, not even of a caller who gives up", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const first = yield* Effect.fork(pool.execute(ok(100)))
      const second = yield* Effect.fork(pool.execute(ok(100)))
      yield* Effect.sleep(60)
      yield* second.interruptAsFork(second.id())
      yield* first.await
      assert.deepStrictEqual(counts(yield* pool.stats), {
        ...untouched,
        rows: 2,
        successes: 1,
        failures: 1,
        attempts: 1,
        maxConcurrentReached: 1
      })
    })
  )
})
