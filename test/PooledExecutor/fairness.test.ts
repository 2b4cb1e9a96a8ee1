import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Effect } from "effect"
import { busy, isQuiet, makeApi, ok, range } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

const order = (starts: ReadonlyArray<readonly [at: number, row: number]>) => starts.map(([, row]) => row)

describe("Fairness", () => {
  it.effect("serves two batches turn by turn", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(() => ok(10))
      yield* Effect.all([pool.executeBatch([0, 1, 2, 3], api.call), pool.executeBatch([10, 11], api.call)], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(order(api.starts), [0, 1, 10, 2, 11, 3])
    })
  )

  it.effect("serves three batches and the single calls in a circle", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(() => ok(10))
      const batch = (first: number) => pool.executeBatch([first, first + 1, first + 2], api.call)
      yield* Effect.all([batch(0), batch(10), batch(20), pool.execute(api.call(30)), pool.execute(api.call(31))], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(order(api.starts), [0, 1, 10, 20, 30, 2, 11, 21, 31, 12, 22])
    })
  )

  it.effect("starves no batch behind many single calls", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(() => ok(10))
      yield* Effect.forkAll(range(8).map((row) => pool.execute(api.call(row))))
      yield* Effect.sleep(5)
      yield* pool.executeBatch([10, 11], api.call)
      assert.deepStrictEqual(order(api.starts), [0, 1, 10, 2, 11])
    })
  )

  it.effect("starves no single call behind a long batch", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(() => ok(10))
      const batch = yield* Effect.fork(pool.executeBatch(range(6), api.call))
      yield* Effect.sleep(25)
      yield* pool.execute(api.call(10))
      assert.deepStrictEqual(order(api.starts), [0, 1, 2, 3, 10])
      yield* batch
    })
  )

  it.effect("serves single calls first come, first served", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(() => ok(10))
      yield* Effect.forEach(range(6), (row) => pool.execute(api.call(row)), { concurrency: "unbounded" })
      assert.deepStrictEqual(order(api.starts), [0, 1, 2, 3, 4, 5])
    })
  )

  it.effect("puts a rejected call ahead of calls that have not started yet", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi((row, attempt) => (row === 0 && attempt === 1 ? busy() : ok(30)))
      yield* Effect.forEach(range(5), (row) => pool.execute(api.call(row)), { concurrency: "unbounded" })
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [0, 1],
        [30, 2],
        [60, 0],
        [90, 3],
        [120, 4]
      ])
    })
  )

  it.effect("serves a batch whose rows were all rejected no more often than another", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxDispatchDelay: 50, poolSize: 1 })
      const api = makeApi((row, attempt) => (row < 3 && attempt === 1 ? busy() : ok(20)))
      const rejected = yield* Effect.fork(pool.executeBatch(range(3), api.call))
      const fresh = yield* Effect.fork(pool.executeBatch([10, 11, 12, 13, 14, 15, 16], api.call))
      yield* Effect.all([rejected.await, fresh.await])
      // Rows 0 and 1 are ready again at 50, row 2 at 70.
      assert.deepStrictEqual(order(api.starts), [0, 1, 10, 2, 11, 12, 13, 0, 14, 1, 15, 2, 16])
    })
  )

  it.effect("retries the rows of a batch in the order in which they were ready again", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const api = makeApi((row, attempt) => (attempt === 1 ? busy(30 - 10 * row) : ok()))
      yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(api.starts.slice(3), [
        [60, 2],
        [70, 1],
        [80, 0]
      ])
    })
  )

  it.effect("wakes one of 5,000 waiting callers for each permit", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 8 })
      let done = 0
      // Waking all waiters for each permit costs the square of their number: 46 s for as many, with Effect's semaphore.
      const call = pool.execute(Effect.yieldNow()).pipe(Effect.tap(() => Effect.sync(() => (done += 1))))
      const holders = yield* Effect.forkAll(range(8).map(() => pool.execute(Effect.sleep(10))))
      const waiting = yield* Effect.forkAll(
        range(5_000).map(() => call),
        { discard: false }
      )
      yield* holders.await
      yield* waiting.await
      assert.strictEqual(done, 5_000)
      assert.isTrue(yield* isQuiet(pool))
    })
  )
})
