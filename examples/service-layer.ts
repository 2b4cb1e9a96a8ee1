// A service that gets its pool as a Layer, with the pool's options from the environment.
import { ConfigProvider, Console, Effect, Layer } from "effect"
import { PoolConfig, PooledExecutor } from "effect-aimd"

// #region service
class Translator extends Effect.Service<Translator>()("Translator", {
  effect: Effect.gen(function* () {
    const pool = yield* PooledExecutor.PooledExecutor
    const call = (text: string) => Effect.succeed(text.toUpperCase()).pipe(Effect.delay("5 millis"))
    return {
      translate: (text: string) => pool.execute(call(text)),
      translateAll: (texts: ReadonlyArray<string>) => pool.forEach(texts, call)
    }
  })
}) {}

// TRANSLATOR_POOL_SIZE=8 TRANSLATOR_MAX_CAPACITY_RETRY="10 minutes" ...
const Pool = PooledExecutor.layerConfig(PoolConfig.config("TRANSLATOR"))
const Live = Layer.provide(Translator.Default, Pool)
// #endregion service

const program = Effect.gen(function* () {
  const translator = yield* Translator
  yield* Console.log(yield* translator.translate("hello"))
  yield* Console.log(yield* translator.translateAll(["one", "two", "three"]))
})

const environment = ConfigProvider.fromMap(new Map([["TRANSLATOR_POOL_SIZE", "8"]]), { pathDelim: "_" })

await Effect.runPromise(Effect.provide(program, Layer.provide(Live, Layer.setConfigProvider(environment))))
