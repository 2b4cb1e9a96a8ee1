import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Cause, Effect, Exit, type Duration } from "effect"
import { busy, field, isQuiet, makeApi, ok, outcome, outcomes, range, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

// What a caller without types may pass: the type is the lie that such a caller tells.
const noEffect = (value: unknown) => value as Effect.Effect<string>
const noDuration = (value: unknown) => value as Duration.Duration

describe("Bad input", () => {
  it.effect("rows that throw while they are iterated: the batch dies of it and runs nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const rows = {
        *[Symbol.iterator]() {
          yield 1
          throw new Error("the cursor is closed")
        }
      }
      const api = makeApi(() => ok())
      assert.strictEqual(outcome(yield* Effect.exit(pool.executeBatch(rows, api.call))), "died: the cursor is closed")
      assert.strictEqual(outcome(yield* Effect.exit(pool.forEach(rows, api.call))), "died: the cursor is closed")
      assert.deepStrictEqual(api.starts, [])
      assert.isTrue(yield* isQuiet(pool))
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch([0], api.call)), ["ok"])
    })
  )

  it.effect("a process that throws instead of returning an Effect: its row dies, the others go on", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2 })
      const result = yield* pool.executeBatch(range(3), (row) => {
        if (row === 1) throw new Error("not an Effect")
        return ok(10)
      })
      assert.deepStrictEqual(outcomes(result), ["ok", "died: not an Effect", "ok"])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("a process that returns no Effect: its row dies with what was returned and expected", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const result = yield* pool.executeBatch(range(3), (row) => noEffect([undefined, Promise.resolve(1), ok()][row]))
      assert.deepStrictEqual(outcomes(result), [
        "died: effect-aimd: process returned undefined for row 0, expected an Effect",
        "died: effect-aimd: process returned object for row 1, expected an Effect",
        "ok"
      ])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("a call that is no Effect: its caller dies, and the permit comes back", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const exit = yield* Effect.exit(pool.execute(noEffect(undefined)))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.isTrue(yield* isQuiet(pool))
      assert.strictEqual(yield* pool.execute(ok()), "ok")
    })
  )

  it.effect("an empty stateId: the batch dies with the row's number and runs nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const api = makeApi(() => ok())
      const exit = yield* Effect.exit(
        pool.executeBatch(range(3), api.call, { stateId: (row) => (row === 1 ? "" : `row-${row}`) })
      )
      assert.strictEqual(outcome(exit), 'died: effect-aimd: stateId of row 1: expected a non-empty string, got ""')
      assert.isTrue(Exit.isFailure(exit) && Cause.isIllegalArgumentException(Cause.squash(exit.cause)))
      assert.deepStrictEqual(api.starts, [])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("a stateId that throws: the batch dies of it and runs nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const api = makeApi(() => ok())
      const stateId = (row: number) => {
        if (row === 1) throw new Error("row without a name")
        return "name"
      }
      assert.strictEqual(
        outcome(yield* Effect.exit(pool.executeBatch(range(3), api.call, { stateId }))),
        "died: row without a name"
      )
      assert.deepStrictEqual(api.starts, [])
    })
  )

  it.effect("a timeout that is no duration: the batch dies, and the pool is as before", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const api = makeApi(() => ok())
      for (const timeout of ["5 parsecs", NaN, -1]) {
        const exit = yield* Effect.exit(pool.executeBatch(range(2), api.call, { timeout: noDuration(timeout) }))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause), `timeout ${timeout}`)
      }
      assert.deepStrictEqual(api.starts, [])
      yield* pool.shutdown
      assert.isTrue(yield* isQuiet(pool))
      assert.strictEqual((yield* pool.stats).failures, 0)
    })
  )

  it.effect("equal stateIds are allowed, and so are equal rows", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2 })
      const api = makeApi(script([[busy(), ok()]]))
      const result = yield* pool.executeBatch([0, 0, 0], api.call, { stateId: () => "same" })
      assert.deepStrictEqual(outcomes(result), ["ok", "ok", "ok"])
      assert.deepStrictEqual(field(result, "stateId"), ["same", "same", "same"])
      assert.deepStrictEqual(field(result, "submitIndex"), [0, 1, 2])
    })
  )

  it.effect("a poolSize far above the rows makes no fibers for nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: Number.MAX_SAFE_INTEGER })
      const result = yield* pool.executeBatch(range(3), () => ok(10))
      assert.deepStrictEqual(outcomes(result), ["ok", "ok", "ok"])
      assert.deepStrictEqual(field(result, "startedAt"), [0, 0, 0])
      assert.strictEqual(yield* pool.execute(ok()), "ok")
    })
  )
})
