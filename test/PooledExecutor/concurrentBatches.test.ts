import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Effect } from "effect"
import { busy, field, makeApi, millis, ok, outcomes, range, refused } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

const rowsFrom = (first: number, length: number) => range(length).map((i) => first + i)

describe("Concurrent batches", () => {
  it.effect("keep their results, indices and order apart (P3-2026-01-21: isolation)", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const batch = (name: string) => pool.executeBatch(range(5), (row) => ok(20 - row, `${name}${row}`))
      const [a, b] = yield* Effect.all([batch("A"), batch("B")], { concurrency: "unbounded" })
      assert.deepStrictEqual(outcomes(a), ["A0", "A1", "A2", "A3", "A4"])
      assert.deepStrictEqual(outcomes(b), ["B0", "B1", "B2", "B3", "B4"])
      for (const result of [a, b]) {
        assert.deepStrictEqual(field(result, "submitIndex"), [0, 1, 2, 3, 4])
        assert.sameMembers(field(result, "completeIndex"), [0, 1, 2, 3, 4])
        assert.deepStrictEqual(field(result, "stateId"), ["0", "1", "2", "3", "4"])
      }
    })
  )

  it.effect("share the permits of the pool", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const api = makeApi(() => ok(20))
      const [a, b] = yield* Effect.all(
        [pool.executeBatch(rowsFrom(0, 5), api.call), pool.executeBatch(rowsFrom(10, 5), api.call)],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(api.seen.mostRunning, 4)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 0, 0, 0, 20, 20, 20, 20, 40, 40]
      )
      assert.deepStrictEqual(field(a, "completedAt"), [20, 20, 20, 20, 40])
      assert.deepStrictEqual(field(b, "completedAt"), [40, 40, 40, 60, 60])
    })
  )

  it.effect("do not wait for each other's slowest row", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const slow = yield* Effect.fork(pool.executeBatch([0], () => ok(1000)))
      yield* Effect.sleep(5)
      const quick = yield* pool.executeBatch(range(5), () => ok(10))
      assert.deepStrictEqual(field(quick, "completedAt"), [15, 25, 35, 45, 55])
      assert.deepStrictEqual(field(yield* slow, "completedAt"), [1000])
    })
  )

  it.effect("share the delay: a rejection in one makes a rejected row of the other wait longer", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi((row, attempt) => (attempt === 1 ? busy(row === 0 ? 0 : 10) : ok()))
      const a = yield* Effect.fork(pool.executeBatch([0], api.call))
      yield* Effect.sleep(5)
      const b = yield* pool.executeBatch([1], api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [5, 1],
        [50, 0],
        [115, 1]
      ])
      assert.strictEqual(millis(b.stats.peakDelay), 100)
      assert.strictEqual(millis((yield* a).stats.peakDelay), 50)
    })
  )

  it.effect("share the gate", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4, minDispatchDelay: 50 })
      const api = makeApi(() => ok())
      yield* Effect.all([pool.executeBatch([0, 1], api.call), pool.executeBatch([10, 11], api.call)], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [50, 1],
        [100, 10],
        [150, 11]
      ])
    })
  )

  it.effect("have statistics of their own", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const [a, b] = yield* Effect.all(
        [
          pool.executeBatch(range(3), (_, { attempt }) => (attempt === 1 ? busy(10) : ok(10))),
          pool.executeBatch(range(2), () => refused(10))
        ],
        { concurrency: "unbounded" }
      )
      const counts = ({ stats }: typeof a | typeof b) => [
        stats.rows,
        stats.successes,
        stats.failures,
        stats.attempts,
        stats.capacityRetries,
        stats.maxConcurrentReached,
        millis(stats.totalThrottleTime)
      ]
      assert.deepStrictEqual(counts(a), [3, 3, 0, 6, 3, 3, 150])
      assert.deepStrictEqual(counts(b), [2, 0, 2, 2, 0, 1, 0])
      const lifetime = yield* pool.stats
      assert.deepStrictEqual([lifetime.rows, lifetime.attempts, lifetime.maxConcurrentReached], [5, 8, 4])
    })
  )

  it.effect("end one by one: a timeout, a failure or an interruption of one leaves the others alone", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 4 })
      const api = makeApi(() => ok(100))
      const timed = yield* Effect.fork(pool.executeBatch([1], () => Effect.never, { timeout: 30 }))
      const failing = yield* Effect.fork(pool.forEach([2], () => refused(40)))
      const interrupted = yield* Effect.fork(pool.executeBatch([3], () => Effect.never))
      const calm = yield* Effect.fork(pool.executeBatch(range(3), api.call))
      yield* Effect.sleep(50)
      yield* interrupted.interruptAsFork(interrupted.id())
      assert.deepStrictEqual(outcomes(yield* timed), ["BatchTimeoutError"])
      assert.strictEqual((yield* Effect.flip(failing))._tag, "Refused")
      assert.deepStrictEqual(outcomes(yield* calm), ["ok", "ok", "ok"])
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [30, 1],
        [40, 2]
      ])
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )
})
