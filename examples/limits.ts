// What is known of an API's limits is said, and rows say what they take: not one is rejected.
// #region program
import { Console, Effect } from "effect"
import { Hints, PooledExecutor } from "effect-aimd"

const prompts = Array.from({ length: 40 }, (_, i) => ({ question: `question ${i}`, tokens: 100 + ((i * 37) % 400) }))

const ask = ({ question, tokens }: (typeof prompts)[number]) =>
  Effect.gen(function* () {
    yield* Effect.sleep("20 millis")
    // Pooled HTTP reads this from the answer by itself.
    yield* Hints.report({ usage: { inputTokens: tokens, outputTokens: 50 } })
    return `an answer to ${question}`
  })

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({
    poolSize: 64,
    limits: [{ requests: 30, tokens: 20_000, per: "1 second" }, { concurrent: 8 }],
    prices: { "*": { input: 1.25, output: 10 } },
    budget: 1
  })
  const { stats } = yield* pool.executeBatch(prompts, ask, {
    cost: ({ tokens }) => ({ inputTokens: tokens, outputTokens: 100 })
  })
  const { limits = [], money } = yield* pool.stats
  yield* Console.log(`${stats.successes} answers, ${stats.capacityRetries} rejected, ${money?.spent.toFixed(4)} spent`)
  for (const { limit, refunded, settled } of limits) {
    yield* Console.log(`${limit}: ${settled} used, ${refunded} given back`)
  }
}).pipe(Effect.scoped)

await Effect.runPromise(program)
// #endregion program
