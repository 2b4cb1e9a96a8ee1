// A program written for @effect/ai-openai, unchanged, against an API with a limit: only the HttpClient is another.
import { LanguageModel } from "@effect/ai"
import { OpenAiClient, OpenAiLanguageModel } from "@effect/ai-openai"
import { NodeHttpClient } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import * as Llm from "./server/llm.js"

// #region program
const questions = Array.from({ length: 40 }, (_, i) => `What is ${i} plus ${i}?`)

const program = Effect.gen(function* () {
  const answers = yield* Effect.forEach(questions, (prompt) => LanguageModel.generateText({ prompt }), {
    concurrency: "unbounded"
  })
  yield* Console.log(answers.map(({ text }) => text).join(" "))
})
// #endregion program

const server = await Llm.start()

// #region layer
const HttpLive = PooledHttpClient.layer(PooledExecutor.make({ poolSize: 8, name: "openai" })).pipe(
  Layer.provide(NodeHttpClient.layerUndici)
)

const OpenAi = OpenAiClient.layer({ apiKey: Redacted.make("sk-..."), apiUrl: `${server.url}/v1` }).pipe(
  Layer.provide(HttpLive)
)
// #endregion layer

const Model = Layer.provide(OpenAiLanguageModel.layer({ model: "gpt-4o-mini" }), OpenAi)

await Effect.runPromise(Effect.provide(program, Model))
console.log(`${server.seen.served} served, ${server.seen.rejected} rejected on the way`)
server.close()
if (server.seen.served !== questions.length) process.exitCode = 1
