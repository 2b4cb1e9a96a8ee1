import { assert, describe, it } from "@effect/vitest"
import { Cause, Config, ConfigError, ConfigProvider, Context, Effect, Exit, Fiber, Layer, TestClock } from "effect"
import { Capacity, type ControlLaw, PoolConfig, PooledExecutor } from "effect-aimd"

class Gpt extends PooledExecutor.Tag("Gpt")<Gpt>() {}
class Claude extends PooledExecutor.Tag("Claude")<Claude>() {}

const environment = (entries: Record<string, string>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries)), { pathDelim: "_" }))

describe("Layers", () => {
  it.effect("provide the pool that the module functions ask for", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* PooledExecutor.execute(Effect.succeed("one")), "one")
      assert.deepStrictEqual(
        yield* PooledExecutor.forEach(["a", "b"], (row, { rowIndex }) => Effect.succeed(`${row}${rowIndex}`)),
        ["a0", "b1"]
      )
      const { entries, stats } = yield* PooledExecutor.executeBatch([1, 2, 3], (n) => Effect.succeed(n), {
        stateId: (n) => `row-${n}`
      })
      assert.deepStrictEqual(
        entries.map(({ exit, stateId }) => [stateId, exit]),
        [1, 2, 3].map((n) => [`row-${n}`, Exit.succeed(n)])
      )
      assert.strictEqual(stats.rows, 3)
      const pool = yield* PooledExecutor.PooledExecutor
      assert.strictEqual(pool.poolSize, 3)
      assert.strictEqual((yield* pool.stats).rows, 6)
    }).pipe(Effect.provide(PooledExecutor.layer({ control: "delay", poolSize: 3 })))
  )

  it.effect("keep named pools apart, each with its own size, counts and name", () =>
    Effect.gen(function* () {
      const gpt = yield* Gpt
      const claude = yield* Claude
      yield* gpt.execute(Effect.void)
      const both = yield* Effect.all([gpt.stats, claude.stats])
      assert.deepStrictEqual(
        both.map(({ attempts, config }) => [config.name, config.poolSize, attempts]),
        [
          ["Gpt", 8, 1],
          ["the other one", 2, 0]
        ]
      )
    }).pipe(
      Effect.provide(
        Layer.merge(
          Gpt.layer({ control: "delay", poolSize: 8 }),
          Claude.layer({ control: "delay", poolSize: 2, name: "the other one" })
        )
      )
    )
  )

  it.effect("share one pool among all that are provided with one layer", () =>
    Effect.gen(function* () {
      const a = Context.GenericTag<"a", PooledExecutor.PooledExecutor>("a")
      const b = Context.GenericTag<"b", PooledExecutor.PooledExecutor>("b")
      const services = Layer.provide(
        Layer.merge(Layer.effect(a, Gpt), Layer.effect(b, Gpt)),
        Gpt.layer({ control: "delay" })
      )
      const [poolOfA, poolOfB] = yield* Effect.provide(Effect.all([a, b]), services)
      assert.strictEqual(poolOfA, poolOfB)
    })
  )

  it.effect("shut the pool down when they are released", () =>
    Effect.gen(function* () {
      const pool = yield* Effect.provide(PooledExecutor.PooledExecutor, PooledExecutor.layer({ control: "delay" }))
      const error = yield* Effect.flip(pool.execute(Effect.void))
      assert.strictEqual(error._tag, "PoolShutdownError")
    })
  )

  it.effect("take their options out of the environment", () =>
    Effect.gen(function* () {
      const pool = yield* Effect.provide(
        PooledExecutor.PooledExecutor,
        PooledExecutor.layerConfig(PoolConfig.config("API")).pipe(Layer.provide(environment({ API_POOL_SIZE: "7" })))
      )
      assert.strictEqual(pool.poolSize, 7)
      const gpt = yield* Effect.provide(
        Effect.flatMap(Gpt, ({ stats }) => stats),
        Gpt.layerConfig({ poolSize: Config.integer("SIZE") }).pipe(Layer.provide(environment({ SIZE: "5" })))
      )
      assert.deepStrictEqual([gpt.config.poolSize, gpt.config.name], [5, "Gpt"])
    })
  )

  it.effect("fail with a ConfigError, and do not die, on a wrong value of the environment", () =>
    Effect.gen(function* () {
      const wrong = PooledExecutor.layerConfig({ poolSize: Config.integer("SIZE"), recoveryStep: Config.succeed(-1) })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(wrong, environment({ SIZE: "0" })))))
      assert.include(
        Cause.pretty(Cause.fail(error)),
        '(Invalid data at recoveryStep: "expected a finite duration of at least 0, such as "50 millis", got -1") and (Invalid data at poolSize: "expected an integer of at least 1, got 0")'
      )
      const missing = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(wrong, environment({})))))
      assert.isTrue(ConfigError.isMissingData(missing))
    })
  )

  it.effect("die on a wrong option written in code, naming option, value and expectation", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(Gpt.layer({ control: "delay", poolSize: 0 }))))
      assert.include(String(exit), "option poolSize: expected an integer of at least 1, got 0")
    })
  )
})

const stats = <I>(tag: Context.Tag<I, PooledExecutor.PooledExecutor>) => Effect.flatMap(tag, (pool) => pool.stats)

const nameOf = <E>(layer: Layer.Layer<Gpt, E>) =>
  Effect.provide(
    Effect.map(stats(Gpt), ({ config }) => config.name),
    layer
  )

describe("Layers of named pools", () => {
  it.effect("do not mix with the pool of an application that has one", () =>
    Effect.gen(function* () {
      const gpt = yield* Gpt
      yield* PooledExecutor.forEach([1, 2, 3], Effect.succeed)
      yield* gpt.execute(Effect.void)
      const both = yield* Effect.all([stats(PooledExecutor.PooledExecutor), stats(Gpt)])
      assert.deepStrictEqual(
        both.map(({ attempts, config }) => [config.name, config.poolSize, attempts]),
        [
          ["default", 2, 3],
          ["Gpt", 5, 1]
        ]
      )
    }).pipe(
      Effect.provide(
        Layer.merge(
          Gpt.layer({ control: "delay", poolSize: 5 }),
          PooledExecutor.layer({ control: "delay", poolSize: 2 })
        )
      )
    )
  )

  it.effect("take the tag's id where the environment names no pool, and the name where it does", () =>
    Effect.gen(function* () {
      const fromEnvironment = (entries: Record<string, string>) =>
        nameOf(Gpt.layerConfig(PoolConfig.config("API")).pipe(Layer.provide(environment(entries))))
      assert.deepStrictEqual(
        [yield* fromEnvironment({ API_NAME: "gpt-5" }), yield* fromEnvironment({ API_POOL_SIZE: "2" })],
        ["gpt-5", "Gpt"]
      )
    })
  )

  it.effect("fail with a ConfigError that names the variable with its prefix", () =>
    Effect.gen(function* () {
      const wrong = Gpt.layerConfig(PoolConfig.config("API")).pipe(Layer.provide(environment({ API_POOL_SIZE: "0" })))
      assert.strictEqual(
        yield* Effect.map(Effect.flip(nameOf(wrong)), String),
        '(Invalid data at API.POOL_SIZE: "expected an integer of at least 1, got 0")'
      )
    })
  )

  it.effect("make a pool for each layer, and for each time that a layer is built", () =>
    Effect.gen(function* () {
      const layer = Gpt.layer({ control: "delay" })
      const first = yield* Effect.provide(Gpt, layer)
      const second = yield* Effect.provide(Gpt, layer)
      assert.notStrictEqual(first, second)
    })
  )
})

describe("Accessors", () => {
  const law: ControlLaw.ControlLaw<number> = {
    name: "ten",
    initial: () => ({ state: 0, decision: decisionOf(0) }),
    step: (state, sample) => {
      const next = state + (sample._tag === "capacity" ? 1 : 0)
      return { state: next, decision: decisionOf(next) }
    }
  }

  const decisionOf = (epoch: number): ControlLaw.Decision => ({
    window: 2,
    spacing: 0,
    holdUntil: 0,
    delay: 0,
    epoch,
    reason: `seen ${epoch}`
  })

  it.effect("run under the control law that the layer was given", () =>
    Effect.gen(function* () {
      let calls = 0
      const call = Effect.suspend(() =>
        ++calls < 3 ? Effect.fail(new Capacity.CapacityError({ status: 429 })) : Effect.succeed("served")
      )
      const fiber = yield* Effect.fork(PooledExecutor.execute(call))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "served")
      const { reason, window } = yield* stats(PooledExecutor.PooledExecutor)
      assert.deepStrictEqual([reason, window, calls], ["seen 2", 2, 3])
    }).pipe(Effect.provide(PooledExecutor.layer({ poolSize: 4, control: law })))
  )

  it.effect("fail as the pool in the context does", () =>
    Effect.gen(function* () {
      const pool = yield* PooledExecutor.PooledExecutor
      const own = [
        yield* Effect.flip(PooledExecutor.execute(Effect.fail("own"))),
        yield* Effect.flip(PooledExecutor.forEach([1, 2], (n) => Effect.fail(`own ${n}`)))
      ]
      assert.deepStrictEqual(own, ["own", "own 1"])
      yield* pool.shutdown
      const errors = [
        yield* Effect.flip(PooledExecutor.execute(Effect.void)),
        yield* Effect.flip(PooledExecutor.executeBatch([1], Effect.succeed)),
        yield* Effect.flip(PooledExecutor.forEach([1], Effect.succeed))
      ]
      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["PoolShutdownError", "PoolShutdownError", "PoolShutdownError"]
      )
    }).pipe(Effect.provide(PooledExecutor.layer({ control: "delay" })))
  )
})
