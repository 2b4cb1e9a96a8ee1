import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, PoolStats } from "effect-aimd"
import { Effect, Metric, MetricState } from "effect"
import { busy, makeApi, ok, range, refused, script } from "../support/api.js"
import { metricOf } from "../support/observe.js"
import { inVirtualTime } from "../support/time.js"

const all = (pool: string) =>
  Effect.all({
    attempts: metricOf(PoolStats.metrics.attempts, pool),
    successes: metricOf(PoolStats.metrics.successes, pool),
    failures: metricOf(PoolStats.metrics.failures, pool),
    capacityRetries: metricOf(PoolStats.metrics.capacityRetries, pool),
    inFlight: metricOf(PoolStats.metrics.inFlight, pool),
    currentDelay: metricOf(PoolStats.metrics.currentDelay, pool),
    wait: metricOf(PoolStats.metrics.wait, pool)
  })

const none = { attempts: 0, successes: 0, failures: 0, capacityRetries: 0, inFlight: 0, currentDelay: 0, wait: 0 }

describe("Metrics", () => {
  it.effect("count attempts, outcomes, retries, delay and waits under the pool's name", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", name: "metrics-1", poolSize: 1 })
      const api = makeApi(script([[busy(), busy(), busy(), ok()], [refused()], [ok(30)]]))
      yield* pool.executeBatch(range(3), api.call)
      // Row 0 waits 50; the success of row 2 has taken the delay back, so it waits 50 again, and then 100.
      assert.deepStrictEqual(yield* all("metrics-1"), {
        attempts: 6,
        successes: 2,
        failures: 1,
        capacityRetries: 3,
        inFlight: 0,
        currentDelay: 50,
        wait: 200
      })
      assert.deepStrictEqual(yield* all("metrics-other"), none)
    })
  )

  it.effect("show what is in flight now", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", name: "metrics-2", poolSize: 3 })
      const inFlight = metricOf(PoolStats.metrics.inFlight, "metrics-2")
      yield* Effect.fork(pool.executeBatch(range(2), () => ok(20)))
      yield* Effect.fork(pool.execute(ok(10)))
      yield* Effect.sleep(5)
      assert.strictEqual(yield* inFlight, 3)
      yield* Effect.sleep(10)
      assert.strictEqual(yield* inFlight, 2)
      yield* Effect.sleep(10)
      assert.strictEqual(yield* inFlight, 0)
    })
  )

  it.effect("show the delay that a row rejected now would wait", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", name: "metrics-3", poolSize: 1 })
      yield* Effect.fork(pool.execute(makeApi(script([[busy(), busy(), ok()]])).call(0)))
      const currentDelay = metricOf(PoolStats.metrics.currentDelay, "metrics-3")
      yield* Effect.sleep(10)
      assert.strictEqual(yield* currentDelay, 50)
      yield* Effect.sleep(50)
      assert.strictEqual(yield* currentDelay, 100)
      yield* Effect.sleep(100)
      assert.strictEqual(yield* currentDelay, 50)
    })
  )

  it.effect("count one wait for each attempt, from the submission or the last rejection", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", name: "metrics-4", poolSize: 1 })
      yield* pool.executeBatch(range(2), makeApi(script([[busy(10), ok(5)], [ok(100)]])).call)
      const state = yield* Metric.value(Metric.tagged(PoolStats.metrics.wait, "pool", "metrics-4"))
      // Row 0 starts at 0 and, rejected at 10, again at 110; row 1 starts at 10.
      assert.isTrue(MetricState.isHistogramState(state))
      assert.deepStrictEqual([state.count, state.sum, state.min, state.max], [3, 110, 0, 100])
    })
  )

  it.effect("carry the metric labels of whoever made the pool", () =>
    inVirtualTime(function* () {
      const pool = yield* Effect.tagMetrics(
        PooledExecutor.make({ control: "delay", name: "metrics-5", poolSize: 1 }),
        "region",
        "eu"
      )
      yield* pool.execute(ok())
      const labelled = PoolStats.metrics.attempts.pipe(Metric.tagged("region", "eu"))
      assert.strictEqual(yield* metricOf(labelled, "metrics-5"), 1)
    })
  )

  it.effect("have names to find them by", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", name: "metrics-6", poolSize: 1 })
      yield* pool.execute(makeApi(script([[busy(), ok()]])).call(0))
      yield* Effect.exit(pool.execute(refused()))
      const named = (yield* Metric.snapshot).flatMap(({ metricKey }) =>
        metricKey.tags.some(({ key, value }) => key === "pool" && value === "metrics-6") ? [metricKey.name] : []
      )
      assert.sameMembers(named, [
        "effect_aimd_attempts",
        "effect_aimd_successes",
        "effect_aimd_failures",
        "effect_aimd_capacity_retries",
        "effect_aimd_in_flight",
        "effect_aimd_current_delay_millis",
        "effect_aimd_wait_millis"
      ])
    })
  )
})
