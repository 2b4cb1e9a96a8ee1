import { assert, describe, it } from "@effect/vitest"
import { Duration, FastCheck, Option } from "effect"
import { type ControlLaw, RetryAfter } from "effect-aimd"

const now = Date.parse("2027-01-01T00:00:00Z")
const epoch = now / 1_000

interface Case {
  readonly api: string
  readonly headers: RetryAfter.Headers
  /** Milliseconds; undefined where the headers name no wait. */
  readonly wait: number | undefined
  readonly hints: ControlLaw.Hints
}

/** What the APIs send, as their documentation or a recorded answer has it, and what a person reads from it. */
const cases: ReadonlyArray<Case> = [
  {
    api: "OpenAI, served",
    headers: {
      "x-ratelimit-limit-requests": "10000",
      "x-ratelimit-limit-tokens": "2000000",
      "x-ratelimit-remaining-requests": "9999",
      "x-ratelimit-remaining-tokens": "1999984",
      "x-ratelimit-reset-requests": "6ms",
      "x-ratelimit-reset-tokens": "0s"
    },
    wait: undefined,
    hints: {
      requests: { limit: 10_000, remaining: 9_999, resetAfter: 6 },
      tokens: { limit: 2_000_000, remaining: 1_999_984, resetAfter: 0 }
    }
  },
  {
    api: "OpenAI, rejected for requests",
    headers: {
      "retry-after": "20",
      "retry-after-ms": "19874",
      "x-ratelimit-limit-requests": "3",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "19.874s",
      "x-should-retry": "true"
    },
    wait: 19_874,
    hints: { requests: { limit: 3, remaining: 0, resetAfter: 19_874 } }
  },
  {
    api: "OpenAI, rejected without retry-after",
    headers: {
      "x-ratelimit-limit-requests": "200",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "6m0s",
      "x-ratelimit-limit-tokens": "150000",
      "x-ratelimit-remaining-tokens": "149984",
      "x-ratelimit-reset-tokens": "1h2m3.5s"
    },
    wait: 360_000,
    hints: {
      requests: { limit: 200, remaining: 0, resetAfter: 360_000 },
      tokens: { limit: 150_000, remaining: 149_984, resetAfter: 3_723_500 }
    }
  },
  {
    api: "Anthropic, rejected for input tokens",
    headers: {
      "retry-after": "7",
      "anthropic-ratelimit-requests-limit": "4000",
      "anthropic-ratelimit-requests-remaining": "3999",
      "anthropic-ratelimit-requests-reset": "2027-01-01T00:00:00Z",
      "anthropic-ratelimit-tokens-limit": "480000",
      "anthropic-ratelimit-tokens-remaining": "80000",
      "anthropic-ratelimit-tokens-reset": "2027-01-01T00:00:50Z",
      "anthropic-ratelimit-input-tokens-limit": "400000",
      "anthropic-ratelimit-input-tokens-remaining": "0",
      "anthropic-ratelimit-input-tokens-reset": "2027-01-01T00:01:00Z",
      "anthropic-ratelimit-output-tokens-limit": "80000",
      "anthropic-ratelimit-output-tokens-remaining": "80000",
      "anthropic-ratelimit-output-tokens-reset": "2027-01-01T00:00:00Z"
    },
    wait: 7_000,
    hints: {
      requests: { limit: 4_000, remaining: 3_999, resetAfter: 0 },
      tokens: { limit: 400_000, remaining: 0, resetAfter: 60_000 }
    }
  },
  {
    api: "Anthropic, rejected without retry-after",
    headers: {
      "anthropic-ratelimit-requests-limit": "50",
      "anthropic-ratelimit-requests-remaining": "0",
      "anthropic-ratelimit-requests-reset": "2027-01-01T00:00:01.200Z"
    },
    wait: 1_200,
    hints: { requests: { limit: 50, remaining: 0, resetAfter: 1_200 } }
  },
  { api: "Anthropic, overloaded (529)", headers: { "x-should-retry": "true" }, wait: undefined, hints: {} },
  {
    api: "Azure OpenAI, rejected",
    headers: {
      "retry-after": "2",
      "retry-after-ms": "1500",
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "10",
      "x-ratelimit-remaining-tokens": "-1",
      "x-ratelimit-limit-tokens": "10000"
    },
    wait: 1_500,
    hints: { requests: { limit: 60, remaining: 0, resetAfter: 10_000 }, tokens: { limit: 10_000 } }
  },
  { api: "Azure, other services", headers: { "x-ms-retry-after-ms": "340" }, wait: 340, hints: {} },
  {
    api: "Groq, rejected for tokens",
    headers: {
      "retry-after": "8",
      "x-ratelimit-limit-requests": "14400",
      "x-ratelimit-limit-tokens": "18000",
      "x-ratelimit-remaining-requests": "14370",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-requests": "2m59.56s",
      "x-ratelimit-reset-tokens": "7.66s"
    },
    wait: 8_000,
    hints: {
      requests: { limit: 14_400, remaining: 14_370, resetAfter: 179_560 },
      tokens: { limit: 18_000, remaining: 0, resetAfter: 7_660 }
    }
  },
  {
    api: "GitHub, primary limit",
    headers: {
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-used": "5000",
      "x-ratelimit-reset": `${epoch + 1_800}`,
      "x-ratelimit-resource": "core"
    },
    wait: 1_800_000,
    hints: { requests: { limit: 5_000, remaining: 0, resetAfter: 1_800_000 } }
  },
  {
    api: "GitHub, secondary limit",
    headers: {
      "retry-after": "60",
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": "4975",
      "x-ratelimit-reset": `${epoch + 3_000}`
    },
    wait: 60_000,
    hints: { requests: { limit: 5_000, remaining: 4_975, resetAfter: 3_000_000 } }
  },
  {
    api: "GitHub, secondary limit without retry-after: its reset is another limit's",
    headers: { "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4975", "x-ratelimit-reset": `${epoch + 3_000}` },
    wait: undefined,
    hints: { requests: { limit: 5_000, remaining: 4_975, resetAfter: 3_000_000 } }
  },
  {
    api: "Cloudflare, rejected",
    headers: {
      "retry-after": "42",
      ratelimit: '"default";r=0;t=42',
      "ratelimit-policy": '"burst";q=1200;w=300'
    },
    wait: 42_000,
    hints: { requests: { limit: 1_200, remaining: 0, resetAfter: 42_000 } }
  },
  {
    api: "Stripe, rejected",
    headers: { "stripe-rate-limited-reason": "global-rate", "stripe-should-retry": "true" },
    wait: undefined,
    hints: {}
  },
  {
    api: "IETF draft 08 and later, two policies",
    headers: {
      ratelimit: '"permin";r=0;t=50, "perhr";r=800;t=3000',
      "ratelimit-policy": '"permin";q=50;w=60,"perhr";q=1000;w=3600'
    },
    wait: 50_000,
    hints: { requests: { limit: 50, remaining: 0, resetAfter: 50_000 } }
  },
  {
    api: "IETF draft 08 and later, in other units than requests",
    headers: {
      ratelimit: '"bytes";r=0;t=9, "tokens";r=10;t=7, "calls;all";r=3;t=5',
      "ratelimit-policy": '"bytes";q=65535;qu="content-bytes", "tokens";q=100;qu="llm-tokens", "calls;all";q=4'
    },
    wait: undefined,
    hints: {
      requests: { limit: 4, remaining: 3, resetAfter: 5_000 },
      tokens: { limit: 100, remaining: 10, resetAfter: 7_000 }
    }
  },
  {
    api: "IETF draft 07, as express-rate-limit sends it",
    headers: { ratelimit: "limit=5, remaining=0, reset=9", "ratelimit-policy": "5;w=10" },
    wait: 9_000,
    hints: { requests: { limit: 5, remaining: 0, resetAfter: 9_000 } }
  },
  {
    api: "IETF draft 06, as express-rate-limit sends it",
    headers: {
      "ratelimit-policy": "5;w=10",
      "ratelimit-limit": "5",
      "ratelimit-remaining": "1",
      "ratelimit-reset": "9"
    },
    wait: undefined,
    hints: { requests: { limit: 5, remaining: 1, resetAfter: 9_000 } }
  },
  {
    api: "a list as limit, and an epoch in milliseconds as reset",
    headers: {
      "x-ratelimit-limit": "100, 100;window=60",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": `${now + 250}`
    },
    wait: 250,
    hints: { requests: { limit: 100, remaining: 0, resetAfter: 250 } }
  },
  {
    api: "JavaScript's own form of a date, as guides of rate-limiter-flexible have it",
    headers: {
      "x-ratelimit-limit": "4",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": "Fri Jan 01 2027 01:00:02 GMT+0100 (Central European Standard Time)"
    },
    wait: 2_000,
    hints: { requests: { limit: 4, remaining: 0, resetAfter: 2_000 } }
  },
  {
    api: "a reset alone",
    headers: { "x-ratelimit-reset": "30" },
    wait: 30_000,
    hints: { requests: { resetAfter: 30_000 } }
  }
]

const wait = (headers: RetryAfter.Headers, names?: Partial<RetryAfter.HeaderNames>) =>
  Option.getOrUndefined(Option.map(RetryAfter.fromHeaders(headers, now, names), Duration.toMillis))

describe("the rate limit headers of", () => {
  for (const { api, headers, hints, wait: expected } of cases) {
    it(`${api} say what a person reads from them`, () => {
      assert.deepStrictEqual([wait(headers), RetryAfter.hints(headers, now)], [expected, hints])
    })
  }
})

describe("of several quotas of a kind", () => {
  const policies = (...states: ReadonlyArray<string>) =>
    RetryAfter.hints({ ratelimit: states.join(", ") }, now).requests

  it("the one with the least left counts, and of equals the one that takes longest", () => {
    assert.deepStrictEqual(
      [
        policies('"a";r=9;t=5', '"b";r=3;t=1', '"c";r=4;t=9'),
        policies('"a";r=3;t=5', '"b";r=3;t=9', '"c";r=3;t=7'),
        policies('"a";r=3', '"b";r=3;t=9'),
        policies('"a";r=3;t=9', '"b";r=3')
      ],
      [
        { remaining: 3, resetAfter: 1000 },
        { remaining: 3, resetAfter: 9000 },
        { remaining: 3, resetAfter: 9000 },
        { remaining: 3, resetAfter: 9000 }
      ]
    )
  })

  it("the first counts of those that say no more than the others", () => {
    const policies = { "ratelimit-policy": '"a";q=10;w=60, "b";q=20;w=60' }
    assert.deepStrictEqual(
      ['"a";r=3, "b";r=3', '"a";r=3;t=0, "b";r=3'].map(
        (ratelimit) => RetryAfter.hints({ ratelimit, ...policies }, now).requests?.limit
      ),
      [10, 10]
    )
  })

  it("one that does not say what is left counts least", () => {
    const headers = { "x-ratelimit-limit-minute": "5", "x-ratelimit-remaining-hour": "7" }
    assert.deepStrictEqual(RetryAfter.hints(headers, now).requests, { remaining: 7 })
  })

  it("one that says nothing of what is left is none in a structured field", () => {
    assert.deepStrictEqual([policies('"a";t=5'), policies('"a";t=5', '"b";r=1')], [undefined, { remaining: 1 }])
  })
})

describe("a quota", () => {
  const requests = (headers: RetryAfter.Headers, names?: Partial<RetryAfter.HeaderNames>) =>
    RetryAfter.hints(headers, now, names).requests

  it("has left what of the limit is not used, and never less than nothing", () => {
    assert.deepStrictEqual(
      [
        requests({ "x-ratelimit-limit": "40", "x-ratelimit-used": "32" }),
        requests({ "x-ratelimit-limit": "32/40" }),
        requests({ "x-ratelimit-limit": "40", "x-ratelimit-used": "41" }),
        requests({ "x-ratelimit-limit": "40", "x-ratelimit-used": "32", "x-ratelimit-remaining": "5" }),
        requests({ "x-ratelimit-used": "32" })
      ],
      [
        { limit: 40, remaining: 8 },
        { limit: 40, remaining: 8 },
        { limit: 40, remaining: 0 },
        { limit: 40, remaining: 5 },
        undefined
      ]
    )
  })

  it("is full again at an instant, or after a span that is none however long it is", () => {
    const instant = `${epoch + 9}`
    assert.deepStrictEqual(
      [
        requests({ "x-ratelimit-reset": instant }),
        requests({ "x-ratelimit-reset-after": instant }),
        requests({ "x-ratelimit-reset-after": "9" }),
        requests({ "x-ratelimit-reset-ms": "9" })
      ],
      [{ resetAfter: 9000 }, undefined, { resetAfter: 9000 }, { resetAfter: 9 }]
    )
  })

  it("of given names is there where any of them is", () => {
    const names = { requests: [{ limit: "x-max", remaining: "x-left", reset: "x-until" }] }
    const headers: ReadonlyArray<RetryAfter.Headers> = [{ "x-max": "9" }, { "x-left": "8" }, { "x-until": "7" }, {}]
    assert.deepStrictEqual(
      headers.map((given) => requests(given, names)),
      [{ limit: 9 }, { remaining: 8 }, { resetAfter: 7000 }, undefined]
    )
  })
})

describe("a rate limit header that makes no sense", () => {
  it("is left out, and the next one is read", () => {
    const resets = ["-5", "soon", "", "6x", "m", "99999999999999999999", `${epoch * 3}`, "400d", "2031-01-01T00:00:00Z"]
    assert.deepStrictEqual(
      resets.map((reset) => RetryAfter.hints({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset }, now)),
      resets.map(() => ({ requests: { remaining: 0 } }))
    )
    const behind = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" }
    assert.deepStrictEqual(
      ["-1", "soon", "99999999999"].map((text) => wait({ "retry-after": text, ...behind })),
      [9_000, 9_000, 9_000]
    )
  })

  it("is zero where it is an instant in the past", () => {
    const resets = [`${epoch - 1}`, "2026-12-31T23:59:59Z", "Thu, 31 Dec 2026 23:59:59 GMT"]
    assert.deepStrictEqual(
      resets.map((reset) => wait({ "x-ratelimit-reset": reset })),
      [0, 0, 0]
    )
  })

  it("is left out of a structured field that is none", () => {
    const states = ["", ",", ";;", '"', '"a";r', '"a";r=x;t=y', "limit=5", "remaining=x"]
    assert.deepStrictEqual(
      states.map((ratelimit) => RetryAfter.hints({ ratelimit, "ratelimit-policy": ratelimit }, now)),
      states.map(() => ({}))
    )
  })
})

describe("a duration with units", () => {
  it("is read to the fraction of a millisecond", () => {
    const texts = ["6m0s", "1s", "120ms", "1h2m3.5s", "1d", "17.5ms", "250us", "250µs", "500000ns", "0s"]
    assert.deepStrictEqual(
      texts.map((text) => [text, wait({ "x-ratelimit-reset-requests": text })]),
      [
        ["6m0s", 360_000],
        ["1s", 1_000],
        ["120ms", 120],
        ["1h2m3.5s", 3_723_500],
        ["1d", 86_400_000],
        ["17.5ms", 17.5],
        ["250us", 0.25],
        ["250µs", 0.25],
        ["500000ns", 0.5],
        ["0s", 0]
      ]
    )
  })
})

describe("header names", () => {
  it("are replaced by those that are given, and the others stay", () => {
    const names = { retryAfter: ["x-wait"], requests: [{ limit: "x-max", remaining: "x-left", reset: "x-until" }] }
    const headers = { "x-wait": "3", "retry-after": "9", "x-max": "10", "x-left": "1", "x-until": "2s" }
    assert.deepStrictEqual(
      [wait(headers, names), RetryAfter.hints(headers, now, names)],
      [3_000, { requests: { limit: 10, remaining: 1, resetAfter: 2_000 } }]
    )
    assert.strictEqual(wait({ "retry-after-ms": "5", "x-wait": "3" }, names), 5)
  })

  it("of tokens are given apart from those of requests", () => {
    const names = { tokens: [{ limit: "x-max", remaining: "x-left", reset: "x-until" }] }
    const headers = { "x-max": "900", "x-left": "1", "x-until": "2s", "x-ratelimit-remaining-requests": "7" }
    assert.deepStrictEqual(RetryAfter.hints(headers, now, names), {
      requests: { remaining: 7 },
      tokens: { limit: 900, remaining: 1, resetAfter: 2_000 }
    })
  })
})

describe("headers of any content", () => {
  const { rateLimit, requests, retryAfter, retryAfterMillis, tokens } = RetryAfter.headerNames
  const names = [...requests, ...tokens].flatMap(({ limit, remaining, reset }) => [limit, remaining, reset])
  const all = [...retryAfterMillis, ...retryAfter, ...names, rateLimit.state, rateLimit.policy]
  const text = FastCheck.oneof(
    FastCheck.string({ unit: "binary" }),
    FastCheck.double().map(String),
    FastCheck.bigInt().map(String),
    FastCheck.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    FastCheck.stringMatching(/^[-+.0-9dhmsuµn]{0,12}$/),
    FastCheck.stringMatching(/^("[a-z;,]{0,3}"|[a-z=0-9]{0,9})(;[rtqw]=[-0-9.]{0,12}){0,3}(, *"?[a-z]?"?;r=[0-9])?$/)
  )
  const headers = FastCheck.dictionary(FastCheck.constantFrom(...all), text)
  const instant = FastCheck.oneof(FastCheck.integer(), FastCheck.double(), FastCheck.constant(now))

  it.prop("never throw, and give nothing that is negative, infinite or NaN", [headers, instant], ([headers, at]) => {
    const { requests, tokens } = RetryAfter.hints(headers, at)
    const waited = Option.toArray(Option.map(RetryAfter.fromHeaders(headers, at), Duration.toMillis))
    const numbers = [...waited, ...[requests, tokens].flatMap((quota) => Object.values(quota ?? {}) as Array<number>)]
    assert.deepStrictEqual(
      numbers.filter((n) => !(n >= 0 && n <= Number.MAX_SAFE_INTEGER)),
      []
    )
  })
})
