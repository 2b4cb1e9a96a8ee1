import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, type Capacity } from "effect-aimd"
import { Context, Effect, FiberRef, Logger, Scope, Exit, HashMap } from "effect"
import { busy, isQuiet, makeApi, ok, outcomes, range } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

class Model extends Context.Tag("Model")<Model, { readonly name: string }>() {}

const tenant = FiberRef.unsafeMake("nobody")

type Pool = PooledExecutor.PooledExecutor

/** The three ways to run one effect twice: first rejected, then for good. */
const uses = {
  execute: <E, R>(pool: Pool, effect: Effect.Effect<string, E, R>) => pool.execute(rejectedFirst(effect)),
  executeBatch: <E, R>(pool: Pool, effect: Effect.Effect<string, E, R>) => {
    const call = rejectedFirst(effect)
    return Effect.map(
      pool.executeBatch([0], () => call),
      (result) => outcomes(result).join()
    )
  },
  forEach: <E, R>(pool: Pool, effect: Effect.Effect<string, E, R>) => {
    const call = rejectedFirst(effect)
    return Effect.map(
      pool.forEach([0], () => call),
      (values) => values.join()
    )
  }
}

const rejectedFirst = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  let calls = 0
  return Effect.suspend((): Effect.Effect<A, E | Capacity.CapacityError, R> => {
    calls += 1
    return calls === 1 ? busy() : effect
  })
}

describe("The caller's context", () => {
  for (const [name, use] of Object.entries(uses)) {
    it.effect(`reaches every attempt of ${name}: services, FiberRefs, log annotations`, () =>
      inVirtualTime(function* () {
        const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
        const annotations: Array<unknown> = []
        const logger = Logger.make((entry) => void annotations.push([...HashMap.toEntries(entry.annotations)]))
        const effect = Effect.gen(function* () {
          yield* Effect.log("in the attempt")
          return `${(yield* Model).name} of ${yield* FiberRef.get(tenant)}`
        })
        const seen = yield* use(pool, effect).pipe(
          Effect.provideService(Model, { name: "embedder" }),
          Effect.locally(tenant, "acme"),
          Effect.annotateLogs("request", "r1"),
          Effect.provide(Logger.add(logger))
        )
        assert.strictEqual(seen, "embedder of acme")
        assert.deepStrictEqual(annotations, [[["request", "r1"]]])
      })
    )
  }

  it.effect("is each caller's own", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const as = (name: string) =>
        Effect.locally(
          pool.executeBatch(range(2), () => Effect.delay(FiberRef.get(tenant), 10)),
          tenant,
          name
        )
      const [a, b] = yield* Effect.all([as("acme"), as("globex")], { concurrency: "unbounded" })
      assert.deepStrictEqual(outcomes(a), ["acme", "acme"])
      assert.deepStrictEqual(outcomes(b), ["globex", "globex"])
    })
  )

  it.effect("keeps what a single call sets, as if the call ran in place", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* pool.execute(FiberRef.set(tenant, "acme"))
      assert.strictEqual(yield* FiberRef.get(tenant), "acme")
    })
  )

  it.effect("holds the caller's scope, which attempts leave open", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const log: Array<string> = []
      const resource = (name: string) =>
        Effect.acquireRelease(Effect.succeed(name), () => Effect.sync(() => void log.push(`released ${name}`)))
      const scope = yield* Scope.make()
      const result = yield* Scope.extend(
        pool.executeBatch(["a", "b"], (row) => resource(row)),
        scope
      )
      assert.deepStrictEqual(outcomes(result), ["a", "b"])
      assert.deepStrictEqual(log, [])
      yield* Scope.close(scope, Exit.void)
      assert.sameMembers(log, ["released a", "released b"])
    })
  )
})

describe("Nested pools", () => {
  it.effect("bound each level for itself", () =>
    inVirtualTime(function* () {
      const outer = yield* PooledExecutor.make({ control: "delay", poolSize: 2, name: "outer" })
      const inner = yield* PooledExecutor.make({ control: "delay", poolSize: 3, name: "inner" })
      const api = makeApi(() => ok(10))
      const result = yield* outer.executeBatch(range(3), (row) =>
        Effect.map(
          inner.executeBatch(
            range(4).map((i) => 4 * row + i),
            api.call
          ),
          (nested) => outcomes(nested).join()
        )
      )
      assert.deepStrictEqual(
        outcomes(result),
        range(3).map(() => "ok,ok,ok,ok")
      )
      assert.strictEqual(api.seen.mostRunning, 3)
      assert.strictEqual((yield* outer.stats).maxConcurrentReached, 2)
      assert.isTrue((yield* isQuiet(outer)) && (yield* isQuiet(inner)))
    })
  )

  it.effect("give a capacity error that the inner pool could not get over to nobody: it is the outer row's own", () =>
    inVirtualTime(function* () {
      const outer = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const inner = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 100, poolSize: 1 })
      const error = yield* Effect.flip(outer.execute(inner.execute(busy())))
      assert.strictEqual(error._tag, "RetryTimeoutError")
      assert.strictEqual((yield* outer.stats).capacityRetries, 0)
    })
  )

  it.effect("end together when the outer caller is interrupted", () =>
    inVirtualTime(function* () {
      const outer = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const inner = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(() => Effect.never)
      const batch = outer.executeBatch(range(2), () => inner.executeBatch(range(3), api.call))
      assert.strictEqual((yield* Effect.timeoutOption(batch, 50))._tag, "None")
      assert.deepStrictEqual(
        api.ends.map(([at, , outcome]) => [at, outcome]),
        [
          [50, "interrupted"],
          [50, "interrupted"]
        ]
      )
      assert.isTrue((yield* isQuiet(outer)) && (yield* isQuiet(inner)))
    })
  )
})
