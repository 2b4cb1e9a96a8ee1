import { assert, describe, it } from "@effect/vitest"
import { Capacity, PooledExecutor } from "effect-aimd"
import { Cause, Effect, Exit } from "effect"
import {
  broken,
  busy,
  field,
  isQuiet,
  makeApi,
  millis,
  ok,
  outcome,
  outcomes,
  range,
  Refused,
  refused,
  script
} from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

const capacityError = new Capacity.CapacityError({ status: 429 })

describe("Unexpected exceptions", () => {
  it.effect("stay in their row's exit, as the defect they are, and the other rows go on", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[ok(50, "a")], [broken(10, "Unexpected kaboom")], [ok(50, "c")]]))
      const result = yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(outcomes(result), ["a", "died: Unexpected kaboom", "c"])
      const exit = result.entries[1]?.exit
      assert.isTrue(exit !== undefined && Exit.isFailure(exit) && Cause.isDieType(exit.cause))
      assert.deepStrictEqual(field(result, "attempts"), [1, 1, 1])
      assert.isTrue(yield* isQuiet(pool))
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch([0], () => ok())), ["ok"])
    })
  )

  it.effect("and errors are the very objects that the row failed with, where nobody traces", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const [defect, error] = [new Error("defect"), new Refused({ code: 400 })]
      const { entries } = yield* pool.executeBatch([0, 1], (row) =>
        row === 0 ? Effect.die(defect) : Effect.fail(error)
      )
      const thrown = entries.map(({ exit }) => Exit.isFailure(exit) && Cause.squash(exit.cause))
      assert.isTrue(thrown[0] === defect)
      assert.isTrue(thrown[1] === error)
    })
  )

  it.effect("of every row leave a pool that works", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const result = yield* pool.executeBatch(range(4), (row) => broken(10, `Row ${row} failed`))
      assert.deepStrictEqual(
        outcomes(result),
        range(4).map((row) => `died: Row ${row} failed`)
      )
      assert.strictEqual(yield* pool.pendingCount, 0)
      const next = yield* pool.executeBatch(range(2), () => ok(10))
      assert.strictEqual(next.stats.maxConcurrentReached, 2)
    })
  )

  it.effect("do not wait for a sibling that backs off, and forEach fails with them at once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, recoveryStep: 500 })
      const api = makeApi(script([[busy(), ok()], [broken(50, "fatal bug")]]))
      const exit = yield* Effect.exit(pool.forEach(range(2), api.call))
      assert.strictEqual(outcome(exit), "died: fatal bug")
      assert.deepStrictEqual(api.ends, [
        [0, 0, "CapacityError"],
        [50, 1, "died: fatal bug"]
      ])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("of a single call reach its caller as they are, and the permit comes back", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      assert.deepStrictEqual(yield* Effect.exit(pool.execute(Effect.die("defect"))), Exit.die("defect"))
      assert.strictEqual(yield* pool.execute(ok()), "ok")
    })
  )

  it.effect("count as neutral: the delay stays as it was", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* Effect.exit(pool.execute(makeApi(script([[busy(), busy(), busy(), broken()]])).call(0)))
      yield* pool.executeBatch(range(3), () => broken())
      yield* pool.executeBatch(range(3), () => refused())
      yield* pool.executeBatch(range(3), () => Effect.interrupt)
      assert.strictEqual(millis((yield* pool.stats).currentDelay), 200)
    })
  )

  it.effect("in a finalizer beside a capacity error are not retried away", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(() => Effect.ensuring(Effect.fail(capacityError), Effect.die(new Error("in the finalizer"))))
      const { entries } = yield* pool.executeBatch([0], api.call)
      assert.strictEqual(api.starts.length, 1)
      const [exit] = entries.map((entry) => entry.exit)
      assert.isTrue(exit !== undefined && Exit.isFailure(exit) && Cause.isDie(exit.cause))
      // As the types say, the capacity error itself has left.
      assert.isTrue(exit !== undefined && Exit.isFailure(exit) && !Cause.isFailure(exit.cause))
    })
  )

  it.effect("of an attempt that interrupts itself end that row alone", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(script([[Effect.interrupt], [ok()], [ok()]]))
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch(range(3), api.call)), ["interrupted", "ok", "ok"])
    })
  )

  it.effect("of an attempt whose fiber somebody interrupts end that row alone", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const self = Effect.withFiberRuntime<never>((fiber) =>
        Effect.zipRight(fiber.interruptAsFork(fiber.id()), Effect.never)
      )
      const api = makeApi(script([[self], [ok()], [ok()]]))
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch(range(3), api.call)), ["interrupted", "ok", "ok"])
    })
  )

  it.effect("leave a cause with several errors whole", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const cause = Cause.parallel(Cause.fail(new Refused({ code: 1 })), Cause.die("defect"))
      const { entries } = yield* pool.executeBatch([0], () => Effect.failCause(cause))
      assert.deepStrictEqual(
        entries.map(({ exit }) => Exit.isFailure(exit) && Cause.pretty(exit.cause)),
        [Cause.pretty(cause)]
      )
    })
  )

  it.effect("let a capacity error through that comes with the interruption of its siblings", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const siblings = Effect.all([busy(10), Effect.never], { concurrency: "unbounded" })
      const api = makeApi(script([[siblings, ok()]]))
      const result = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(outcomes(result), ["ok"])
      assert.deepStrictEqual(field(result, "attempts"), [2])
    })
  )
})
