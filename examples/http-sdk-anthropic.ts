// Anthropic's own SDK through a pool, by the `fetch` that it takes; and the warning where its retries are left on.
import Anthropic from "@anthropic-ai/sdk"
import { Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledFetch } from "effect-aimd/http"
import * as Llm from "./server/llm.js"

const server = await Llm.start()
const questions = Array.from({ length: 40 }, (_, i) => `What is ${i} plus ${i}?`)

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 8, name: "anthropic" })
  const fetch = yield* PooledFetch.make(pool)
  const options = { apiKey: "sk-ant-...", baseURL: server.url }
  const anthropic = new Anthropic({ ...options, fetch, maxRetries: 0 })

  const ask = (client: Anthropic) => (content: string) =>
    client.messages.create({ model: "claude-sonnet-4-0", max_tokens: 10, messages: [{ role: "user", content }] })
  const answers = yield* Effect.promise(() => Promise.all(questions.map(ask(anthropic))))
  console.log(answers.map(({ content: [part] }) => (part?.type === "text" ? part.text : "?")).join(" "))
  console.log(`${(yield* pool.stats).capacityRetries} rejected on the way`)

  // Left on, the SDK's retries multiply the pool's. Here the first connection fails, and the SDK tries again by itself.
  let calls = 0
  const flaky: PooledFetch.Fetch = (input, init) =>
    (calls += 1) === 1 ? Promise.reject(new TypeError("fetch failed")) : globalThis.fetch(input, init)
  const retrying = new Anthropic({ ...options, fetch: yield* PooledFetch.make(pool, { fetch: flaky }) })
  yield* Effect.promise(() => ask(retrying)("What is 41 plus 41?"))
}).pipe(Effect.scoped)

await Effect.runPromise(program)
server.close()
if (server.seen.served !== questions.length + 1) process.exitCode = 1
