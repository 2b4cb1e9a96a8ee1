import { assert, describe, it } from "@effect/vitest"
import { HintDialect } from "effect-aimd/testing"

const at = Date.parse("2027-01-01T00:00:00.400Z")

const headers = (dialect: HintDialect.HintDialect, knowledge: Partial<HintDialect.Knowledge>) =>
  HintDialect.headers(dialect, { at, chance: 0, rejected: true, opensIn: undefined, quota: undefined, ...knowledge })

const reset = (resetAfter: number): string | undefined =>
  headers("reset-headers", { quota: { requests: { resetAfter } } })["x-ratelimit-reset-requests"]

describe("HintDialect", () => {
  it("none says nothing", () => assert.deepStrictEqual(headers("none", { opensIn: 100 }), {}))

  it("seconds rounds up", () => {
    assert.deepStrictEqual(
      [1, 1000, 1001].map((opensIn) => headers("seconds", { opensIn })),
      ["1", "1", "2"].map((value) => ({ "retry-after": value }))
    )
  })

  it("milliseconds rounds up", () =>
    assert.deepStrictEqual(headers("milliseconds", { opensIn: 12.3 }), { "retry-after-ms": "13" }))

  it("http-date names the second after", () =>
    assert.deepStrictEqual(headers("http-date", { opensIn: 700 }), { "retry-after": "Fri, 01 Jan 2027 00:00:02 GMT" }))

  it("reset-headers tells of requests and tokens what is known of them, whatever the answer", () => {
    const quota = {
      requests: { limit: 60, remaining: 59, resetAfter: 1000 },
      tokens: { limit: 150_000, remaining: 149_984, resetAfter: 360_000 }
    }
    assert.deepStrictEqual(headers("reset-headers", { rejected: false, quota }), {
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "59",
      "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-limit-tokens": "150000",
      "x-ratelimit-remaining-tokens": "149984",
      "x-ratelimit-reset-tokens": "6m0s"
    })
    assert.deepStrictEqual(headers("reset-headers", { quota: { tokens: { remaining: 3 } } }), {
      "x-ratelimit-remaining-tokens": "3"
    })
    assert.deepStrictEqual(headers("reset-headers", { opensIn: 100 }), {})
  })

  it("writes durations as Go does", () => {
    assert.deepStrictEqual([0, 0.2, 120, 999.5, 1000, 1500, 59_999, 60_000, 372_000, 3_600_000, 7_261_005].map(reset), [
      "0ms",
      "1ms",
      "120ms",
      "1s",
      "1s",
      "1.5s",
      "59.999s",
      "1m0s",
      "6m12s",
      "1h0m0s",
      "2h1m1.005s"
    ])
  })

  it("lying lies with every rejection, and with no other answer", () => {
    assert.deepStrictEqual(
      [0, 0.2, 0.4, 0.6, 0.8, 1].map((chance) => headers("lying", { chance })["retry-after"]),
      ["0", "-5", "14400", "Thu, 01 Jan 1970 00:00:00 GMT", "soon", "0"]
    )
    assert.deepStrictEqual(headers("lying", { rejected: false }), {})
  })

  it("says nothing of what is not known, or never comes", () => {
    for (const dialect of ["seconds", "milliseconds", "http-date"] as const) {
      assert.deepStrictEqual(headers(dialect, {}), {})
      assert.deepStrictEqual(headers(dialect, { opensIn: Infinity }), {})
    }
  })
})
