/** What answers say they used, on its way to the statistics. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledFetch, PooledHttpClient } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { type Answer, scripted, url } from "./support.js"

const chat = { usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } }
const used = { tokens: 12, inputTokens: 9, outputTokens: 3 }
const events = { "content-type": "text/event-stream" }
const stream = (...data: ReadonlyArray<object>) => data.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")

/** Anthropic tells what was sent first, and then again and again how much it has written so far. */
const messages = stream(
  { type: "message_start", message: { usage: { input_tokens: 9, output_tokens: 1 } } },
  { type: "content_block_delta", delta: { text: "hi" } },
  { type: "message_delta", usage: { output_tokens: 2 } },
  { type: "message_delta", usage: { output_tokens: 3 } },
  { type: "message_stop" }
)

/** A pool whose client gets these answers. */
const client = (options: PooledHttpClient.AttemptOptions, ...answers: ReadonlyArray<Answer>) =>
  Effect.gen(function* () {
    const pool = yield* PooledExecutor.make({ poolSize: 2, recoveryStep: "100 millis", control: "delay" })
    return { client: PooledHttpClient.make(pool, options)(scripted(...answers).client), usage: usageOf(pool) }
  })

const usageOf = (pool: PooledExecutor.PooledExecutor) => Effect.map(pool.stats, ({ usage }) => usage)

describe("what an answer says it used", () => {
  it.effect("is known of JSON, whether its length is told or not, and with any status", () =>
    inVirtualTime(function* () {
      const body = JSON.stringify(chat)
      const long = { body, headers: { "content-type": "application/json", "content-length": String(body.length) } }
      const problem = { status: 400, body, headers: { "content-type": "application/problem+json" } }
      const api = yield* client({}, { body: chat }, long, problem)
      for (const sum of [1, 2, 3]) {
        assert.deepStrictEqual(yield* Effect.flatMap(api.client.get(url), ({ json }) => json), chat)
        assert.deepStrictEqual(yield* api.usage, { tokens: 12 * sum, inputTokens: 9 * sum, outputTokens: 3 * sum })
      }
    })
  )

  it.effect("is nothing where it says nothing, is no JSON, or could not be read", () =>
    inVirtualTime(function* () {
      const text = { body: JSON.stringify(chat), headers: { "content-type": "text/plain" } }
      const api = yield* client({ body: "buffer" }, { body: { usage: {} } }, text, { body: "" }, {})
      for (let i = 0; i < 4; i++) yield* api.client.get(url)
      assert.deepStrictEqual(yield* api.usage, {})
    })
  )

  it.effect("comes with the last event of a stream that passes by, once its reader has read it", () =>
    inVirtualTime(function* () {
      const [head, tail] = [stream({ choices: [], usage: null }), `${stream(chat)}data: [DONE]\n\n`]
      const api = yield* client({}, { body: head + tail, headers: events }, { body: messages, headers: events })
      const response = yield* api.client.get(url)
      assert.deepStrictEqual(yield* api.usage, {})
      assert.strictEqual(yield* response.text, head + tail)
      assert.deepStrictEqual(yield* api.usage, used)
      yield* Effect.flatMap(api.client.get(url), ({ text }) => text)
      assert.deepStrictEqual(yield* api.usage, { tokens: 24, inputTokens: 18, outputTokens: 6 })
    })
  )

  it.effect("counts as far as it was told where the reader leaves", () =>
    inVirtualTime(function* () {
      const parts = messages.split(/(?<=\n\n)/).map((part) => new TextEncoder().encode(part))
      const body = () =>
        new ReadableStream<Uint8Array>(
          { pull: (controller) => controller.enqueue(parts.shift() ?? new Uint8Array()) },
          { highWaterMark: 0 }
        )
      const api = yield* client({}, { body, headers: events })
      const response = yield* api.client.get(url)
      yield* Stream.runDrain(Stream.take(response.stream, 3))
      assert.deepStrictEqual(yield* api.usage, { tokens: 11, inputTokens: 9, outputTokens: 2 })
    })
  )

  it.effect(
    "is known of a stream that is read as a whole, and unknown of one whose permit went back with the headers",
    () =>
      inVirtualTime(function* () {
        const answer = { body: messages, headers: events }
        const whole = yield* client({ body: "buffer" }, answer)
        yield* whole.client.get(url)
        assert.deepStrictEqual(yield* whole.usage, used)
        const left = yield* client({ permitUntil: "headers" }, answer)
        assert.strictEqual(yield* Effect.flatMap(left.client.get(url), ({ text }) => text), messages)
        assert.deepStrictEqual(yield* left.usage, {})
      })
  )

  it.effect("is known of the rows of a batch, whose attempts are sent inside it, all of them added up", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, recoveryStep: "100 millis", control: "delay" })
      const api = scripted({ status: 503, body: "busy" }, { body: chat }, { body: messages, headers: events })
      const http = PooledHttpClient.attempts()(api.client)
      const { entries, stats } = yield* pool.executeBatch([1, 2, 3], () =>
        Effect.flatMap(http.get(url), ({ text }) => text)
      )
      assert.deepStrictEqual(
        entries.map(({ usage }) => usage),
        // The first was rejected, and came last to an answer that says nothing.
        [undefined, used, used]
      )
      assert.deepStrictEqual(stats.usage, { tokens: 24, inputTokens: 18, outputTokens: 6 })
    })
  )

  it.effect("is known of a fetch", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1 })
      const fetch = yield* PooledFetch.make(pool, { fetch: () => Promise.resolve(Response.json(chat)) })
      assert.deepStrictEqual(yield* Effect.promise(() => fetch(url).then((answer) => answer.json())), chat)
      assert.deepStrictEqual(yield* usageOf(pool), used)
    })
  )

  it.effect("is nobody's outside a pool", () =>
    inVirtualTime(function* () {
      const api = PooledHttpClient.attempts()(scripted({ body: chat }, { body: messages, headers: events }).client)
      assert.deepStrictEqual(yield* Effect.flatMap(api.get(url), ({ json }) => json), chat)
      assert.strictEqual(yield* Effect.flatMap(api.get(url), ({ text }) => text), messages)
    })
  )
})
