// A service that gets its pool as a Layer, with the pool's options from the environment.
// #region program
import { Effect, Layer } from "effect"
import { PoolConfig, PooledExecutor } from "effect-aimd"

class Translator extends Effect.Service<Translator>()("Translator", {
  effect: Effect.gen(function* () {
    const pool = yield* PooledExecutor.PooledExecutor
    const call = (text: string) => Effect.succeed(text.toUpperCase()).pipe(Effect.delay("5 millis"))
    return { translateAll: (texts: ReadonlyArray<string>) => pool.forEach(texts, call) }
  })
}) {}

// From the environment: TRANSLATOR_POOL_SIZE=8 TRANSLATOR_MAX_CAPACITY_RETRY="10 minutes" ...
const Pool = PooledExecutor.layerConfig(PoolConfig.config("TRANSLATOR"))
const Live = Layer.provide(Translator.Default, Pool)

const program = Effect.flatMap(Translator, ({ translateAll }) => translateAll(["one", "two", "three"]))

console.log(await Effect.runPromise(Effect.provide(program, Live)))
// #endregion program
