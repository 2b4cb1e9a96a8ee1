// Two APIs, two limits: each gets a pool of its own, and the types keep them apart.
// #region program
import { Console, Effect, Layer } from "effect"
import { PooledExecutor } from "effect-aimd"

class Gpt extends PooledExecutor.Tag("Gpt")<Gpt>() {}
class Claude extends PooledExecutor.Tag("Claude")<Claude>() {}

const Pools = Layer.merge(Gpt.layer({ poolSize: 64 }), Claude.layer({ poolSize: 16, attemptTimeout: "1 minute" }))

const ask = (question: string) =>
  Effect.gen(function* () {
    const gpt = yield* Gpt
    const claude = yield* Claude
    return yield* Effect.all(
      [gpt.execute(Effect.succeed(`gpt on ${question}`)), claude.execute(Effect.succeed(`claude on ${question}`))],
      { concurrency: "unbounded" }
    )
  })

const program = Effect.gen(function* () {
  yield* Console.log(yield* ask("tea"))
  const stats = yield* Effect.flatMap(Gpt, (pool) => pool.stats)
  yield* Console.log(`${stats.config.name}: ${stats.attempts} attempt, window ${stats.window}`)
})

await Effect.runPromise(Effect.provide(program, Pools))
// #endregion program
