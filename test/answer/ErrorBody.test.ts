import { assert, describe, it } from "@effect/vitest"
import * as ErrorBody from "../../src/answer/ErrorBody.js"

const json = (value: unknown) => ErrorBody.parse(JSON.stringify(value))
const waits = (value: unknown) => json(value).waits

/** An object in so many others. */
const within = (levels: number, value: unknown): unknown => (levels === 0 ? value : { a: within(levels - 1, value) })

describe("The body of an error", () => {
  it("says codes, sentences and waits, in the order in which they stand there", () => {
    const { codes, isError, messages, status, waits } = json({
      error: { code: "rate_limit_exceeded", status: 429, message: "Try again in 2s.", type: "requests", retry_after: 3 }
    })
    assert.deepStrictEqual(
      { codes, isError, messages, status, waits },
      {
        codes: ["rate_limit_exceeded", "requests"],
        isError: true,
        messages: ["Try again in 2s."],
        status: 429,
        waits: [2000, 3000]
      }
    )
  })

  it("is looked at under data as well, unless it is GraphQL's, whose errors stand beside the work", () => {
    const data = { code: "slow_down" }
    assert.deepStrictEqual(
      [{ data }, { data, error: "no" }, { data, errors: [{ code: "too_many" }] }].map((body) => json(body).codes),
      [["slow_down"], ["slow_down", "no"], ["too_many"]]
    )
  })

  it("is looked at as far as a thousand values: what is longer is no error", () => {
    const many = Array.from({ length: 3000 }, (_, i) => `Sentence number ${i}.`)
    assert.strictEqual(json({ errors: many }).messages.length, 999)
  })

  it("is an error where it says so at its top", () => {
    const bodies = [
      { error: {} },
      { errors: [1] },
      { type: "error" },
      { error: null },
      { error: "" },
      { kind: "error" }
    ]
    assert.deepStrictEqual(
      [...bodies, { a: { error: "no" } }, { type: "message" }].map((body) => json(body).isError),
      [true, true, true, false, false, false, false, false]
    )
  })

  it("has the first status that is one of an error", () => {
    const bodies = [400, 599, 399, 600, "429", "4290", 429.5, null, { code: 429 }, ["x"]]
    assert.deepStrictEqual(
      bodies.map((status) => json({ status }).status),
      [400, 599, undefined, undefined, 429, undefined, undefined, undefined, 429, undefined]
    )
    assert.deepStrictEqual([json({ limit: 500 }).status, json({ limit: 500, code: 429 }).status], [undefined, 429])
    assert.strictEqual(json({ code: 503, status: 429 }).status, 503)
    assert.strictEqual(json({ code: 7, http_status: 429 }).status, 429)
  })

  it("may be written in any case", () => {
    assert.deepStrictEqual(
      ["retryAfterMs", "Retry-After-Ms", "retry_after.ms", "RetryAfterMs"].map((key) => waits({ [key]: 5 })),
      [[5], [5], [5], [5]]
    )
  })

  it("asks to wait for a number, a text with or without a unit, or Protobuf's seconds and nanos", () => {
    const values = [2, "2", " 2 ", "2m", { seconds: 2 }, { nanos: 5e8 }, { seconds: "2", nanos: 1e6 }]
    assert.deepStrictEqual(
      values.map((value) => waits({ retryDelay: value })),
      [[2000], [2000], [2000], [120_000], [2000], [500], [2001]]
    )
    const none = [-1, "-1", "soon", true, null, {}, { seconds: -2 }, { seconds: "x" }, [2]]
    assert.deepStrictEqual(
      none.map((value) => waits({ retryDelay: value })),
      none.map(() => [])
    )
  })

  it("asks to wait for 0 where it says 0", () => {
    assert.deepStrictEqual([waits({ retry_after: 0 }), waits({ retry_after: { seconds: 0 } })], [[0], [0]])
  })

  it("holds the headers of another answer, their names in lower case", () => {
    const { headers, waits } = json({ error: { metadata: { headers: { "Retry-After": 7 } } } })
    assert.deepStrictEqual([headers, waits], [[{ "retry-after": "7" }], []])
  })

  it("names an instant, unless something of the quota remains; and its sentences may stand in lists of lists", () => {
    const at = "2027-01-01T00:00:00Z"
    assert.deepStrictEqual(
      [{ reset_at: at }, { resetAt: at, remaining: 0 }, { reset_at: at, remaining: 1 }, { reset_at: [at] }].map(
        (error) => json({ error }).headers
      ),
      [[{ "ratelimit-reset": at }], [{ "ratelimit-reset": at }], [], []]
    )
    assert.deepStrictEqual(json({ message: ["one", [["two"]]] }).messages, ["one", "two"])
  })

  it("asks for no wait of less than nothing", () => {
    const waits = [-1, "-1", { seconds: -1 }, { nanos: -1 }, { seconds: "soon" }]
    assert.deepStrictEqual(
      waits.map((retry_after) => json({ error: { retry_after } }).waits),
      waits.map(() => [])
    )
  })

  it("is read down to eight levels, of which a list is none", () => {
    const code = (levels: number, inner: unknown) => json(within(levels, inner)).codes
    assert.deepStrictEqual(
      [code(8, { code: "deep" }), code(9, { code: "deep" }), code(8, [[{ code: "deep" }]])],
      [["deep"], [], ["deep"]]
    )
    // A text that holds JSON is a level.
    assert.deepStrictEqual(
      [7, 8].map((levels) => code(levels, { raw: ' {"code":"deep"}' })),
      [["deep"], []]
    )
  })

  it("is read up to a thousand values", () => {
    const after = (values: number) => json([...Array.from({ length: values }, () => 1), { code: "late" }]).codes
    assert.deepStrictEqual([after(998), after(999)], [["late"], []])
  })

  it("is JSON in a text, or no JSON at all", () => {
    assert.deepStrictEqual(json({ error: '{"code":"inner"}' }).codes, ["inner"])
    const broken = ErrorBody.parse('{"code":')
    assert.deepStrictEqual([broken.codes, broken.messages], [[], []])
  })

  it("is the codes of XML", () => {
    const { codes, isError, messages, waits } = ErrorBody.parse(
      " <?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please wait 3 seconds</Message><Other>x</Other></Error>"
    )
    assert.deepStrictEqual([codes, messages, waits, isError], [["SlowDown"], ["Please wait 3 seconds"], [3000], true])
    assert.isFalse(ErrorBody.parse("<Response></Response>").isError)
    const long = `<Error>${" ".repeat(16_384)}<Code>Late</Code></Error>`
    assert.deepStrictEqual(ErrorBody.parse(long).codes, [])
  })

  it("is a few plain words", () => {
    const { codes, messages, waits } = ErrorBody.parse("\nWait 5 seconds\n")
    assert.deepStrictEqual([codes, messages, waits], [[], ["Wait 5 seconds"], [5000]])
    assert.deepStrictEqual(
      ErrorBody.parse(`${"x".repeat(5000)}`).messages.map(({ length }) => length),
      [4096]
    )
  })

  it("says nothing where it is a page for people, or nothing", () => {
    const { empty } = ErrorBody
    for (const text of ["<html><body>Wait 5 seconds</body></html>", "", "  "]) {
      assert.deepStrictEqual({ ...ErrorBody.parse(text) }, { ...empty })
    }
    assert.deepStrictEqual([empty.codes, empty.messages, empty.waits, empty.status], [[], [], [], undefined])
  })
})

describe("A sentence", () => {
  it("asks to wait in one of a few forms", () => {
    const sentences: Record<string, ReadonlyArray<number>> = {
      "Please try again in 5.289s.": [5289],
      "Retry after 30 seconds": [30_000],
      "Retrying the request in: 1m": [60_000],
      "You must wait at least another 2 minutes": [120_000],
      "Expected available in 8 seconds": [8000],
      "It will be available again in 1 hour and 3 minutes": [3_780_000],
      "Try again in 2s, or try another region after 3s": [2000, 3000],
      "The limit is 60 requests in 5 seconds": [],
      "Try again later": []
    }
    assert.deepStrictEqual(
      Object.fromEntries(Object.keys(sentences).map((message) => [message, waits({ message })])),
      sentences
    )
  })

  it("asks in its first 4096 characters", () => {
    const at = (position: number) => waits({ message: `${" ".repeat(position)}wait 5 seconds` })
    assert.deepStrictEqual([at(4082), at(4090)], [[5000], []])
  })
})

describe("A code", () => {
  it("is one word, and of a name with a path the last", () => {
    const texts = ["throttled", "com.amazon.coral#ThrottlingException", "rate-limit.v2", "429", "two words", "", "a#"]
    assert.deepStrictEqual(texts.map(ErrorBody.word), [
      "throttled",
      "ThrottlingException",
      "rate-limit.v2",
      ...[undefined, undefined, undefined, undefined]
    ])
    assert.deepStrictEqual(["x".repeat(128), "x".repeat(129)].map(ErrorBody.word), ["x".repeat(128), undefined])
  })
})
