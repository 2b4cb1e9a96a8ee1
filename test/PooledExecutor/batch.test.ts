import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Effect, Exit } from "effect"
import { busy, field, makeApi, ok, outcome, outcomes, range, refused, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

describe("Batch", () => {
  it.effect("returns results in submission order whatever order they complete in", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const api = makeApi(script([[ok(30, "a")], [ok(20, "b")], [ok(10, "c")]]))
      const result = yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(outcomes(result), ["a", "b", "c"])
      assert.deepStrictEqual(field(result, "submitIndex"), [0, 1, 2])
      assert.deepStrictEqual(api.ends, [
        [10, 2, "c"],
        [20, 1, "b"],
        [30, 0, "a"]
      ])
    })
  )

  it.effect("hands each row its own stateId, index and attempt, once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const calls: Array<unknown> = []
      const result = yield* pool.executeBatch(
        ["a", "b", "c"],
        (row, context) => Effect.sync(() => void calls.push([row, context])),
        { stateId: (row, rowIndex) => `state-${row}-${rowIndex}` }
      )
      assert.deepStrictEqual(calls, [
        ["a", { stateId: "state-a-0", rowIndex: 0, attempt: 1 }],
        ["b", { stateId: "state-b-1", rowIndex: 1, attempt: 1 }],
        ["c", { stateId: "state-c-2", rowIndex: 2, attempt: 1 }]
      ])
      assert.deepStrictEqual(field(result, "stateId"), ["state-a-0", "state-b-1", "state-c-2"])
    })
  )

  it.effect("names rows by their index unless told otherwise", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const result = yield* pool.executeBatch(["a", "b"], (_, { stateId }) => Effect.succeed(stateId))
      assert.deepStrictEqual(outcomes(result), ["0", "1"])
      assert.deepStrictEqual(field(result, "stateId"), ["0", "1"])
    })
  )

  it.effect("counts a row's attempts in its context from 1", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const attempts: Array<number> = []
      yield* pool.executeBatch(["row"], (_, { attempt }) => {
        attempts.push(attempt)
        return attempt < 3 ? busy() : ok()
      })
      assert.deepStrictEqual(attempts, [1, 2, 3])
    })
  )

  it.effect("hands over the caller's own row, not a copy of it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const row = { id: 1 }
      const { entries } = yield* pool.executeBatch([row], (given) => Effect.succeed(given === row))
      assert.deepStrictEqual(
        entries.map(({ exit }) => exit),
        [Exit.succeed(true)]
      )
    })
  )

  it.effect("never has more than poolSize attempts in flight, and always that many while rows wait", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(() => ok(50))
      yield* pool.executeBatch(range(5), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [0, 1],
        [50, 2],
        [50, 3],
        [100, 4]
      ])
      assert.strictEqual(api.seen.mostRunning, 2)
    })
  )

  it.effect("works the rows of a pool of 1 one after another", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(() => ok(10))
      yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [10, 1],
        [20, 2]
      ])
    })
  )

  it.effect("returns no entries for an empty batch", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const { entries, stats } = yield* pool.executeBatch([], () => Effect.dieMessage("no row to run"))
      assert.deepStrictEqual(entries, [])
      assert.strictEqual(stats.rows, 0)
    })
  )

  it.effect("returns the one entry of a batch of one", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 8 })
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch(["row"], () => ok(10, "done"))), ["done"])
    })
  )

  it.effect("takes any iterable once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      let iterations = 0
      const rows = {
        *[Symbol.iterator]() {
          iterations += 1
          yield* ["a", "b"]
        }
      }
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch(rows, Effect.succeed)), ["a", "b"])
      assert.strictEqual(iterations, 1)
    })
  )

  it.effect("can be run again as a value: each run is a batch of its own", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(() => ok(10))
      const batch = pool.executeBatch(range(2), api.call)
      const first = yield* batch
      const second = yield* batch
      assert.deepStrictEqual(field(first, "submittedAt"), [0, 0])
      assert.deepStrictEqual(field(second, "submittedAt"), [10, 10])
      assert.deepStrictEqual(field(second, "submitIndex"), [0, 1])
      assert.strictEqual(second.stats.attempts, 2)
    })
  )
})

describe("forEach", () => {
  it.effect("returns the values in order, retrying capacity errors", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const api = makeApi(script([[busy(), ok(30, "a")], [ok(20, "b")], [ok(10, "c")]]))
      assert.deepStrictEqual(yield* pool.forEach(range(3), api.call), ["a", "b", "c"])
    })
  )

  it.effect("fails with the first failure in time and interrupts the others at once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const api = makeApi(script([[Effect.never], [refused(20, 2)], [busy()], [ok()]]))
      const exit = yield* Effect.exit(pool.forEach(range(4), api.call))
      assert.strictEqual(outcome(exit), "Refused")
      assert.deepStrictEqual(api.ends, [
        [0, 2, "CapacityError"],
        [0, 3, "ok"],
        [20, 1, "Refused"],
        [20, 0, "interrupted"]
      ])
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )

  it.effect("keeps a row's defect a defect", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const exit = yield* Effect.exit(pool.forEach([1], () => Effect.die("defect")))
      assert.deepStrictEqual(exit, Exit.die("defect"))
    })
  )

  it.effect("returns an empty array for no rows", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      assert.deepStrictEqual(yield* pool.forEach([], () => Effect.void), [])
    })
  )
})
