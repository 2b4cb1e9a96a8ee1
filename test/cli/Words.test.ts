import { assert, describe, it } from "@effect/vitest"
import { Duration, Either } from "effect"
import * as Words from "../../cli/src/Words.js"

describe("Words.duration", () => {
  it("reads short and long units", () => {
    const millis = (text: string) => Duration.toMillis(Either.getOrThrow(Words.duration(text)))
    assert.deepStrictEqual(
      ["500ms", "30s", "1.5 min", "2 hours", "1h", "1 day", " 10 Seconds ", "3 millis"].map(millis),
      [500, 30_000, 90_000, 7_200_000, 3_600_000, 86_400_000, 10_000, 3]
    )
  })

  it("refuses everything else", () => {
    for (const wrong of ["", "5", "0s", "-5s", "5 parsecs", "s", "5ss", "constructor", "1 constructor"]) {
      assert.isTrue(Either.isLeft(Words.duration(wrong)), wrong)
    }
  })
})

describe("Words.header", () => {
  it("reads a name and a value, which may have colons and may be empty", () => {
    const header = (text: string) => Either.getOrThrow(Words.header(text))
    assert.deepStrictEqual(header("X-Api-Key: a:b "), { name: "x-api-key", value: "a:b" })
    assert.deepStrictEqual(header("accept:"), { name: "accept", value: "" })
  })

  it("repeats nothing of what may be a secret", () => {
    for (const wrong of ["sk-secret", "bad name: sk-secret", ": sk-secret"]) {
      assert.deepStrictEqual(Words.header(wrong), Either.left("expected a header as 'name: value'"))
    }
  })
})

describe("Words.limit", () => {
  it("reads requests, tokens and a number at once", () => {
    const limits = ["600/min", "10/s", "100 requests / 10s", "90000 tokens/min", "8 at once", "5 per hour"]
    assert.deepStrictEqual(
      limits.map((text) => Either.getOrThrow(Words.limit(text))),
      [
        { unit: "requests", count: 600, perMillis: 60_000 },
        { unit: "requests", count: 10, perMillis: 1000 },
        { unit: "requests", count: 100, perMillis: 10_000 },
        { unit: "tokens", count: 90_000, perMillis: 60_000 },
        { unit: "at once", count: 8 },
        { unit: "requests", count: 5, perMillis: 3_600_000 }
      ]
    )
  })

  it("refuses everything else", () => {
    for (const wrong of ["", "600", "0/min", "600/", "600/parsec", "x/min", "0 at once", "5 at"]) {
      assert.isTrue(Either.isLeft(Words.limit(wrong)), wrong)
    }
  })
})
