// OpenAI's own SDK through a pool, by the `fetch` that it takes. Its retries are off: the pool's are better informed.
import { Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledFetch } from "effect-aimd/http"
import OpenAI from "openai"
import * as Llm from "./server/llm.js"

const server = await Llm.start()
const questions = Array.from({ length: 40 }, (_, i) => `What is ${i} plus ${i}?`)

// #region program
const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 8, name: "openai" })
  const fetch = yield* PooledFetch.make(pool)
  const openai = new OpenAI({ apiKey: "sk-...", baseURL: `${server.url}/v1`, fetch, maxRetries: 0 })

  const ask = (content: string) =>
    openai.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content }] })
  const answers = yield* Effect.promise(() => Promise.all(questions.map(ask)))

  const { capacityRetries } = yield* pool.stats
  console.log(answers.map(({ choices }) => choices[0]?.message.content).join(" "))
  console.log(`${capacityRetries} rejected on the way`)
}).pipe(Effect.scoped)
// #endregion program

await Effect.runPromise(program)
server.close()
if (server.seen.served !== questions.length) process.exitCode = 1
