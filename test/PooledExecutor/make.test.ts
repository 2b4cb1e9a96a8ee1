import { assert, describe, it } from "@effect/vitest"
import { PoolConfig, PooledExecutor } from "effect-aimd"
import { Config, ConfigError, ConfigProvider, Duration, Effect, Either, Exit, Layer } from "effect"
import { busy, failures, makeApi, millis, ok, outcomes, range, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

describe("Making a pool", () => {
  it.effect("gives a pool of its size with nothing pending", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 10 })
      assert.strictEqual(pool.poolSize, 10)
      assert.strictEqual(yield* pool.pendingCount, 0)
    })
  )

  it.effect("gives a pool of 16 without options", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      assert.strictEqual(pool.poolSize, 16)
      assert.deepStrictEqual((yield* pool.stats).config, PoolConfig.defaults)
    })
  )

  it.effect("takes the delay law's numbers from the options: 100 grows to 300 after two errors", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        control: "delay",
        backoffMultiplier: 3,
        recoveryStep: 100,
        poolSize: 1
      })
      const call = yield* Effect.fork(pool.execute(makeApi(script([[busy(), busy(), ok()]])).call(0)))
      yield* Effect.sleep(1)
      assert.strictEqual(millis((yield* pool.stats).currentDelay), 100)
      yield* Effect.sleep(100)
      assert.strictEqual(millis((yield* pool.stats).currentDelay), 300)
      yield* call.await
    })
  )

  it.effect("dies on invalid options, naming option, value and expectation", () =>
    inVirtualTime(function* () {
      const dies = (options: PoolConfig.Options) =>
        Effect.map(Effect.exit(PooledExecutor.make(options)), (exit) =>
          Exit.match(exit, { onSuccess: () => "no defect", onFailure: (cause) => String(cause) })
        )
      assert.include(yield* dies({ poolSize: 0 }), "option poolSize: expected an integer of at least 1, got 0")
      assert.include(yield* dies({ minDispatchDelay: 0, recoveryStep: 0 }), "cannot both be 0")
    })
  )
})

describe("Layers", () => {
  it.effect("provide the pool that the module's functions ask for", () =>
    inVirtualTime(function* () {
      const program = Effect.gen(function* () {
        const called = yield* PooledExecutor.execute(ok(10, "called"))
        const batch = yield* PooledExecutor.executeBatch(["a", "b"], (row) => ok(10, row))
        const mapped = yield* PooledExecutor.forEach(["c"], (row) => ok(10, row))
        const { poolSize } = yield* PooledExecutor.PooledExecutor
        return [called, ...outcomes(batch), ...mapped, poolSize]
      })
      assert.deepStrictEqual(yield* Effect.provide(program, PooledExecutor.layer({ control: "delay", poolSize: 2 })), [
        "called",
        "a",
        "b",
        "c",
        2
      ])
    })
  )

  it.effect("pass the options of a batch through the module's functions", () =>
    inVirtualTime(function* () {
      const program = Effect.gen(function* () {
        const named = yield* PooledExecutor.executeBatch([1], (_, { stateId }) => ok(0, stateId), {
          stateId: (row) => `row-${row}`
        })
        const late = yield* Effect.flip(PooledExecutor.forEach([1], () => ok(20), { timeout: 10 }))
        return [...outcomes(named), late._tag]
      })
      assert.deepStrictEqual(yield* Effect.provide(program, PooledExecutor.layer({ control: "delay", poolSize: 1 })), [
        "row-1",
        "BatchTimeoutError"
      ])
    })
  )

  it.effect("read the options from a Config, and make what is wrong there a ConfigError", () =>
    inVirtualTime(function* () {
      const poolSize = (variables: ReadonlyArray<readonly [string, string]>) =>
        Effect.map(PooledExecutor.PooledExecutor, (pool) => pool.poolSize).pipe(
          Effect.provide(PooledExecutor.layerConfig(PoolConfig.config("OPENAI"))),
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map(variables))),
          Effect.either
        )
      assert.deepStrictEqual(yield* poolSize([["OPENAI.POOL_SIZE", "64"]]), Either.right(64))
      const wrong = yield* poolSize([["OPENAI.POOL_SIZE", "0"]])
      assert.isTrue(Either.isLeft(wrong) && ConfigError.isConfigError(wrong.left))
      assert.include(JSON.stringify(wrong), "expected an integer of at least 1, got 0")
    })
  )

  it.effect("close their pool with their scope: attempts in flight are interrupted", () =>
    inVirtualTime(function* () {
      const api = makeApi(() => Effect.never)
      const pool = yield* Effect.provide(
        PooledExecutor.PooledExecutor,
        PooledExecutor.layer({ control: "delay", poolSize: 1 })
      ).pipe(Effect.tap((pool) => Effect.fork(pool.execute(api.call(0)))))
      assert.strictEqual((yield* Effect.flip(pool.execute(ok())))._tag, "PoolShutdownError")
    })
  )
})

class Gpt extends PooledExecutor.Tag("Gpt")<Gpt>() {}
class Embedder extends PooledExecutor.Tag("Embedder")<Embedder>() {}

describe("Named pools", () => {
  it.effect("stand side by side: permits, delay and shutdown of one are not the other's", () =>
    inVirtualTime(function* () {
      const program = Effect.gen(function* () {
        const gpt = yield* Gpt
        const embedder = yield* Embedder
        const gptApi = makeApi((_, attempt) => (attempt === 1 ? busy(0, { retryAfter: "1 second" }) : ok()))
        const embedderApi = makeApi(() => ok(10))
        const slow = yield* Effect.fork(gpt.executeBatch([0], gptApi.call))
        yield* embedder.executeBatch(range(4), embedderApi.call)
        assert.deepStrictEqual(
          embedderApi.starts.map(([at]) => at),
          [0, 0, 10, 10]
        )
        assert.strictEqual(millis((yield* embedder.stats).currentDelay), 0)
        yield* embedder.shutdown
        assert.deepStrictEqual(outcomes(yield* slow), ["ok"])
        assert.deepStrictEqual(
          gptApi.starts.map(([at]) => at),
          [0, 1000]
        )
        return [gpt.poolSize, embedder.poolSize]
      })
      const layers = Layer.merge(
        Gpt.layer({ control: "delay", poolSize: 1 }),
        Embedder.layer({ control: "delay", poolSize: 2 })
      )
      assert.deepStrictEqual(yield* Effect.provide(program, layers), [1, 2])
    })
  )

  it.effect("go by the tag's id, or by the name in the options", () =>
    inVirtualTime(function* () {
      const nameOf = (layer: Layer.Layer<Gpt, ConfigError.ConfigError>) =>
        Effect.map(
          Effect.flatMap(Gpt, (pool) => pool.stats),
          ({ config }) => config.name
        ).pipe(Effect.provide(layer))
      assert.strictEqual(yield* nameOf(Gpt.layer({ control: "delay", poolSize: 1 })), "Gpt")
      assert.strictEqual(yield* nameOf(Gpt.layer({ control: "delay", name: "gpt-4", poolSize: 1 })), "gpt-4")
      assert.strictEqual(yield* nameOf(Gpt.layerConfig({ poolSize: Config.succeed(2) })), "Gpt")
      assert.strictEqual(yield* nameOf(Gpt.layerConfig({ name: Config.succeed("gpt-5") })), "gpt-5")
    })
  )

  it.effect("have the defaults where a Config reads no option at all", () =>
    inVirtualTime(function* () {
      const poolSize = Effect.map(Gpt, (pool) => pool.poolSize)
      assert.strictEqual(yield* Effect.provide(poolSize, Gpt.layerConfig({})), 16)
    })
  )

  it.effect("name themselves in their errors", () =>
    inVirtualTime(function* () {
      const program = Effect.gen(function* () {
        const pool = yield* Gpt
        yield* Effect.fork(Effect.delay(pool.shutdown, 5))
        const result = yield* pool.executeBatch(range(2), () => ok(10))
        return [...failures(result), yield* Effect.flip(pool.execute(ok()))].map((error) => error.message)
      })
      const message = 'the pool "Gpt" is shut down: nothing starts any more'
      assert.deepStrictEqual(yield* Effect.provide(program, Gpt.layer({ control: "delay", poolSize: 1 })), [
        message,
        message
      ])
    })
  )

  it.effect("keep the delay that the law of one pool has reached across its batches", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* pool.executeBatch([0], makeApi(script([[busy(), busy(), ok()]])).call)
      assert.deepStrictEqual((yield* pool.stats).currentDelay, Duration.millis(50))
      const api = makeApi(script([[busy(), ok()]]))
      const { entries } = yield* pool.executeBatch([0], api.call)
      assert.deepStrictEqual(
        entries.map(({ throttleWait }) => millis(throttleWait)),
        [100]
      )
    })
  )
})
