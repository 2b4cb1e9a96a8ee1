/** An LLM API on loopback that allows ten calls a quarter second, in the shapes of OpenAI and Anthropic. */
import { createServer, type Server } from "node:http"
import { buffer } from "node:stream/consumers"

const limit = { calls: 10, millis: 250 }

interface Asked {
  readonly model: string
  readonly stream?: boolean
  readonly input?: unknown
  readonly messages?: unknown
}

const usage = { input_tokens: 3, output_tokens: 1 }

const openAiResponse = ({ model }: Asked, text: string) => ({
  id: "resp_1",
  object: "response",
  created_at: 1,
  status: "completed",
  error: null,
  incomplete_details: null,
  instructions: null,
  model,
  output: [
    {
      id: "msg_1",
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text, annotations: [], logprobs: [] }]
    }
  ],
  parallel_tool_calls: true,
  tools: [],
  tool_choice: "auto",
  temperature: 1,
  top_p: 1,
  metadata: {},
  usage: {
    ...usage,
    total_tokens: 4,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 }
  }
})

const openAiCompletion = ({ model }: Asked, content: string) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model,
  choices: [
    { index: 0, message: { role: "assistant", content, refusal: null }, finish_reason: "stop", logprobs: null }
  ],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 }
})

const anthropicMessage = ({ model }: Asked, text: string) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model,
  content: [{ type: "text", text, citations: null }],
  stop_reason: "end_turn",
  stop_sequence: null,
  container: null,
  usage: {
    ...usage,
    cache_creation: null,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    server_tool_use: null,
    service_tier: "standard"
  }
})

const answers: { readonly [path: string]: (asked: Asked, text: string) => object } = {
  "/v1/responses": openAiResponse,
  "/v1/chat/completions": openAiCompletion,
  "/v1/messages": anthropicMessage
}

/** The answer's text: how often the last word that was asked stands in the question, which nobody needs to know. */
const reply = (asked: Asked): string =>
  `${
    JSON.stringify(asked.messages ?? asked.input)
      .match(/\d+/g)
      ?.at(-1) ?? "?"
  }!`

/** What the server was asked and how often it refused. */
export interface Llm {
  readonly url: string
  readonly seen: { served: number; rejected: number }
  readonly close: () => void
}

/** Starts the server on a free port of loopback. */
export const start = (): Promise<Llm> => {
  const seen = { served: 0, rejected: 0 }
  let window = { endsAt: 0, calls: 0 }

  const server: Server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const now = Date.now()
      if (now >= window.endsAt) window = { endsAt: now + limit.millis, calls: 0 }
      const left = window.endsAt - now
      const json = { "content-type": "application/json" }
      if ((window.calls += 1) > limit.calls) {
        seen.rejected += 1
        const error = {
          type: "rate_limit_error",
          code: "rate_limit_exceeded",
          message: "Rate limit reached",
          param: null
        }
        response.writeHead(429, { ...json, "retry-after-ms": left, "x-ratelimit-remaining-requests": 0 })
        return response.end(JSON.stringify({ type: "error", error }))
      }
      seen.served += 1
      // The SDKs send what they were asked for.
      const asked = JSON.parse(body.toString()) as Asked
      const answer = answers[request.url?.split("?", 1)[0] ?? ""]
      response.writeHead(answer === undefined ? 404 : 200, { ...json, "x-ratelimit-limit-requests": limit.calls })
      return response.end(JSON.stringify(answer?.(asked, reply(asked)) ?? {}))
    })
  })

  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" ? address?.port : undefined
      const close = () => {
        server.close()
        server.closeAllConnections()
      }
      resolve({ url: `http://127.0.0.1:${port}`, seen, close })
    })
  })
}
