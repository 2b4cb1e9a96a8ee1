import { assert, describe, it } from "@effect/vitest"
import { Either, Schema } from "effect"
import { Usage } from "effect-aimd"

describe("Usage.fromBody", () => {
  const told: ReadonlyArray<readonly [string, unknown, Usage.Usage]> = [
    [
      "OpenAI's chat completions",
      {
        usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12, prompt_tokens_details: { cached_tokens: 8 } }
      },
      { tokens: 12, inputTokens: 9, outputTokens: 3 }
    ],
    [
      "OpenAI's responses",
      { object: "response", usage: { input_tokens: 9, input_tokens_details: {}, output_tokens: 3, total_tokens: 12 } },
      { tokens: 12, inputTokens: 9, outputTokens: 3 }
    ],
    ["embeddings", { data: [], usage: { prompt_tokens: 9, total_tokens: 9 } }, { tokens: 9, inputTokens: 9 }],
    ["embeddings that tell the sum alone", { usage: { total_tokens: 9 } }, { tokens: 9 }],
    [
      "Anthropic, with a cache",
      {
        type: "message",
        usage: { input_tokens: 1, cache_creation_input_tokens: 2, cache_read_input_tokens: 4, output_tokens: 3 }
      },
      { inputTokens: 7, outputTokens: 3 }
    ],
    [
      "who speaks like OpenAI and names the cache as well",
      { usage: { prompt_tokens: 7, cache_read_input_tokens: 4, completion_tokens: 3, total_tokens: 10 } },
      { tokens: 10, inputTokens: 7, outputTokens: 3 }
    ],
    [
      "Google, with thoughts",
      {
        candidates: [],
        usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 1, thoughtsTokenCount: 2, totalTokenCount: 12 }
      },
      { tokens: 12, inputTokens: 9, outputTokens: 3 }
    ],
    [
      "Amazon Bedrock",
      { output: {}, usage: { inputTokens: 9, outputTokens: 3, totalTokens: 12 } },
      { tokens: 12, inputTokens: 9, outputTokens: 3 }
    ],
    [
      "Cohere",
      { usage: { billed_units: { input_tokens: 5 }, tokens: { input_tokens: 9, output_tokens: 3 } } },
      { inputTokens: 9, outputTokens: 3 }
    ],
    [
      "a router with its price",
      { usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12, cost: 0.25 } },
      { tokens: 12, inputTokens: 9, outputTokens: 3, money: 0.25 }
    ],
    ["a price in parts", { usage: { cost: { input_tokens_cost: 1, total_cost: 3 } } }, { money: 3 }],
    [
      "the first event of a stream",
      { type: "message_start", message: { usage: { input_tokens: 9, output_tokens: 1 } } },
      { inputTokens: 9, outputTokens: 1 }
    ],
    [
      "the last event of a stream",
      { type: "response.completed", response: { usage: { input_tokens: 9, output_tokens: 3, total_tokens: 12 } } },
      { tokens: 12, inputTokens: 9, outputTokens: 3 }
    ],
    [
      "a list of parts",
      [{ usageMetadata: { promptTokenCount: 9 } }, { usageMetadata: { promptTokenCount: 9, totalTokenCount: 12 } }, {}],
      { tokens: 12, inputTokens: 9 }
    ]
  ]
  for (const [who, body, usage] of told) {
    it(`reads ${who}`, () => {
      assert.deepStrictEqual(Usage.fromBody(body), usage)
      assert.deepStrictEqual(Usage.fromText(JSON.stringify(body)), usage)
    })
  }

  it("says nothing where nothing is told, or no amount", () => {
    const untold = [null, 1, "usage", [], {}, { usage: null }, { usage: {} }, { usage: [] }, { usage: { cost: "1" } }]
    const wrong = [{ usage: { prompt_tokens: "3" } }, { usage: { input_tokens: -3 } }, { usage: { total_tokens: NaN } }]
    for (const body of [...untold, ...wrong]) assert.isUndefined(Usage.fromBody(body))
    for (const text of ["", "usage", '{"usage": {', '{"text":"\\"usage\\": {\\"total_tokens\\": 3}"}']) {
      assert.isUndefined(Usage.fromText(text))
    }
  })
})

describe("Usage.sum", () => {
  it("adds what both tell, keeps what one tells, and leaves out what none tells", () => {
    assert.deepStrictEqual(Usage.sum({ tokens: 1, money: 2 }, { tokens: 3, inputTokens: 4 }), {
      tokens: 4,
      inputTokens: 4,
      money: 2
    })
    assert.deepStrictEqual(Usage.sum(Usage.none, Usage.none), {})
    assert.deepStrictEqual(Usage.sum({ outputTokens: 0 }, Usage.none), { outputTokens: 0 })
  })

  it("counts what is no amount as not told", () => {
    assert.deepStrictEqual(Usage.sum({ tokens: 1, money: NaN }, { tokens: -1, money: Infinity }), { tokens: 1 })
  })
})

describe("Usage.whole", () => {
  it("knows the sum of the parts, and believes what was told of it", () => {
    assert.deepStrictEqual(Usage.whole({ inputTokens: 2, outputTokens: 3 }), {
      tokens: 5,
      inputTokens: 2,
      outputTokens: 3
    })
    assert.deepStrictEqual(Usage.whole({ outputTokens: 3 }), { tokens: 3, outputTokens: 3 })
    assert.deepStrictEqual(Usage.whole({ tokens: 9, outputTokens: 3 }), { tokens: 9, outputTokens: 3 })
    assert.deepStrictEqual(Usage.whole({ money: 1 }), { money: 1 })
  })
})

describe("Usage.Used", () => {
  it("takes amounts, and nothing else", () => {
    const isUsed = (u: unknown) => Either.isRight(Schema.decodeUnknownEither(Usage.Used)(u))
    assert.isTrue([{}, { tokens: 1.5, inputTokens: 0, outputTokens: 1, money: 0.1 }].every(isUsed))
    assert.isFalse([{ tokens: -1 }, { money: Infinity }, { tokens: undefined }, { tokens: "1" }].some(isUsed))
  })
})
