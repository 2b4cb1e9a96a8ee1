import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Duration, Effect, Exit } from "effect"
import { busy, field, makeApi, ok, range, refused, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

describe("Ordering metadata", () => {
  it.effect("is one whole record a row (P2-2026-01-21: ordering metadata)", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      yield* Effect.sleep(1000)
      const api = makeApi(script([[ok(100, "a")], [busy(10), ok(10, "b")], [ok(20, "c")]]))
      const { entries } = yield* pool.executeBatch(range(3), api.call, { stateId: (row) => `row-${row}` })
      // Row 2 runs from 1010 to 1030; row 1 is retried at 1060.
      assert.deepStrictEqual(
        entries.map(({ bufferWait, exit, throttleWait, ...rest }) => ({
          ...rest,
          exit: Exit.isSuccess(exit) ? exit.value : exit,
          waits: [Duration.toMillis(bufferWait), Duration.toMillis(throttleWait)]
        })),
        [
          {
            submitIndex: 0,
            completeIndex: 2,
            stateId: "row-0",
            submittedAt: 1000,
            startedAt: 1000,
            completedAt: 1100,
            attempts: 1,
            exit: "a",
            waits: [0, 0]
          },
          {
            submitIndex: 1,
            completeIndex: 1,
            stateId: "row-1",
            submittedAt: 1000,
            startedAt: 1000,
            completedAt: 1070,
            attempts: 2,
            lastStatus: 429,
            exit: "b",
            waits: [30, 50]
          },
          {
            submitIndex: 2,
            completeIndex: 0,
            stateId: "row-2",
            submittedAt: 1000,
            startedAt: 1010,
            completedAt: 1030,
            attempts: 1,
            exit: "c",
            waits: [70, 0]
          }
        ]
      )
    })
  )

  it.effect("numbers submissions from 0 in each batch", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      for (const rows of [5, 2]) {
        const result = yield* pool.executeBatch(range(rows), () => ok(10))
        assert.deepStrictEqual(field(result, "submitIndex"), range(rows))
        assert.sameMembers(field(result, "completeIndex"), range(rows))
      }
    })
  )

  it.effect("numbers completions in their true order", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 5 })
      const result = yield* pool.executeBatch(range(5), (row) => ok(250 - 50 * row))
      assert.deepStrictEqual(field(result, "completeIndex"), [4, 3, 2, 1, 0])
    })
  )

  it.effect("counts failures among the completions", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const api = makeApi(script([[ok(30)], [refused(10)], [Effect.delay(Effect.die("defect"), 20)]]))
      const result = yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(field(result, "completeIndex"), [2, 0, 1])
    })
  )

  it.effect("has no wrong completion among 2,000 instant rows of a pool of one", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const result = yield* pool.executeBatch(range(2000), () => Effect.void)
      assert.deepStrictEqual(field(result, "completeIndex"), range(2000))
    })
  )

  it.effect("has the instants of the Clock", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* Effect.sleep(5)
      const result = yield* pool.executeBatch(range(2), () => ok(10))
      assert.deepStrictEqual(field(result, "submittedAt"), [5, 5])
      assert.deepStrictEqual(field(result, "startedAt"), [5, 15])
      assert.deepStrictEqual(field(result, "completedAt"), [15, 25])
    })
  )

  it.effect("tells how long a row waited for the rows before it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const result = yield* pool.executeBatch(range(2), (row) => ok(row === 0 ? 100 : 10))
      assert.deepStrictEqual(field(result, "bufferWait"), [0, 90])
    })
  )

  it.effect("sums a row's waits between rejections and starts, its turn included", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[busy(10), busy(10), ok(10)], [ok(100)]]))
      const result = yield* pool.executeBatch(range(2), api.call)
      // Rejected at 10, ready at 60, but row 1 has the permit until 110; rejected at 120; the delay is 50 again: the
      // success of row 1 took it to 0.
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [10, 1],
        [110, 0],
        [170, 0]
      ])
      assert.deepStrictEqual(field(result, "throttleWait"), [150, 0])
      assert.deepStrictEqual(field(result, "startedAt"), [0, 10])
    })
  )

  it.effect("tells that a row never started: no attempts, and a start that is its end", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* Effect.fork(Effect.delay(pool.shutdown, 30))
      const { entries } = yield* pool.executeBatch(range(2), () => ok(100))
      assert.deepStrictEqual(
        entries.map(({ attempts, completedAt, startedAt }) => [attempts, startedAt, completedAt]),
        [
          [1, 0, 100],
          [0, 30, 30]
        ]
      )
      assert.isTrue(entries.every((entry) => !("lastStatus" in entry)))
    })
  )
})
