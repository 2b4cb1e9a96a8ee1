import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, type ControlLaw } from "effect-aimd"
import { VirtualTime } from "effect-aimd/testing"
import { Effect, Exit } from "effect"
import { makeApi, ok, range } from "../support/api.js"
import { fixed, sequence, spy } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

const ramp = { from: 100, every: 50, most: 4 }

describe("A window with a ramp", () => {
  it.effect("lets rows that wait start in the very instants in which it grows, and no more than its most", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 9, control: fixed({ window: 2, ramp }) })
      const api = makeApi(() => ok(1000))
      yield* pool.executeBatch(range(7), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [0, 1],
        [100, 2],
        [150, 3],
        [1000, 4],
        [1000, 5],
        [1100, 6]
      ])
      assert.strictEqual(api.seen.mostRunning, 4)
    })
  )

  it.effect("grows no further than the pool's size, whatever its most", () =>
    inVirtualTime(function* () {
      for (const most of [100, Infinity]) {
        const pool = yield* PooledExecutor.make({
          poolSize: 3,
          control: fixed({ window: 1, ramp: { from: 0, every: 10, most } })
        })
        const api = makeApi(() => ok(1000))
        yield* pool.executeBatch(range(6), api.call)
        assert.strictEqual(api.seen.mostRunning, 3)
      }
    })
  )

  it.effect("is in the pool's statistics as far as it has grown by now", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 9, control: fixed({ window: 1, ramp }) })
      const windows: Array<number> = []
      for (const wait of [99, 1, 50, 1000]) {
        yield* Effect.sleep(wait)
        windows.push((yield* pool.stats).window)
      }
      assert.deepStrictEqual(windows, [1, 2, 3, 4])
    })
  )

  it.effect("lets single calls start as it does rows", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 9, control: fixed({ window: 1, ramp }) })
      const api = makeApi(() => ok(1000))
      yield* Effect.forEach(range(4), (row) => pool.execute(api.call(row)), { concurrency: "unbounded" })
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [100, 1],
        [150, 2],
        [200, 3]
      ])
    })
  )

  it.effect("that grew while nobody waited lets all through that may start by now", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 9, control: fixed({ window: 1, ramp }) })
      const api = makeApi(() => ok(1000))
      yield* Effect.sleep(160)
      yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(api.starts, [
        [160, 0],
        [160, 1],
        [160, 2],
        [200, 3]
      ])
    })
  )

  it.effect("grows no more when the next decision has no ramp, and shrinks to what it decides", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        poolSize: 9,
        control: sequence({ window: 1, ramp }, { window: 1 })
      })
      const api = makeApi((row) => ok(row === 0 ? 120 : 1000))
      yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [100, 1],
        [1100, 2],
        [2100, 3]
      ])
    })
  )

  it.effect("opens no gate: a start waits for the spacing too", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 9, control: fixed({ window: 1, spacing: 70, ramp }) })
      const api = makeApi(() => ok(1000))
      yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 100, 170, 240]
      )
    })
  )

  it.effect("does not begin before its instant, be that never", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        poolSize: 9,
        control: fixed({ window: 1, ramp: { ...ramp, from: Infinity } })
      })
      const api = makeApi(() => ok(1000))
      yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 1000]
      )
    })
  )

  it.effect("says of a start that filled it that it had waited for the window", () =>
    inVirtualTime(function* () {
      const bounds: Array<readonly [sequence: number, startedWith: number, ControlLaw.Bound]> = []
      const law = spy(fixed({ window: 2, ramp }), ({ bound, sequence, startedWith }) =>
        bounds.push([sequence, startedWith, bound])
      )
      const pool = yield* PooledExecutor.make({ poolSize: 9, control: law })
      yield* pool.executeBatch(range(4), (row) => ok(1000 + row))
      yield* pool.executeBatch(range(2), (row) => ok(1000 + row))
      assert.deepStrictEqual(bounds, [
        [1, 1, "none"],
        [2, 2, "window"],
        [3, 3, "window"],
        [4, 4, "window"],
        [5, 1, "none"],
        [6, 2, "none"]
      ])
    })
  )

  it("leaves no timer behind when the pool is closed, though it would grow much later", () => {
    const { exit, leftRunning } = VirtualTime.run(
      Effect.gen(function* () {
        const control = fixed({ window: 1, ramp: { from: 3_600_000, every: 1000, most: 9 } })
        const pool = yield* Effect.uninterruptible(PooledExecutor.make({ poolSize: 9, control }))
        yield* pool.executeBatch(range(3), () => ok(10))
        yield* Effect.fork(pool.executeBatch(range(3), () => ok(1000)))
        yield* Effect.sleep(10)
      }).pipe(Effect.scoped)
    )
    assert.deepStrictEqual([Exit.isSuccess(exit), leftRunning], [true, 0])
  })
})
