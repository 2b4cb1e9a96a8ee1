import { assert, describe, it } from "@effect/vitest"
import * as HeaderName from "../../src/answer/HeaderName.js"

const parsed = (name: string) => {
  const found = HeaderName.parse(name)
  return found && [found.part, found.counts, found.unit, found.group]
}

describe("The name of a rate limit header", () => {
  const names: Record<string, ReturnType<typeof parsed>> = {
    "x-ratelimit-limit": ["limit", "requests", 1000, "-x-ratelimit"],
    "ratelimit-limit": ["limit", "requests", 1000, "-ratelimit"],
    "x-rate-limit-remaining": ["remaining", "requests", 1000, "-x-rate-limit"],
    "x-ratelimit-used": ["used", "requests", 1000, "-x-ratelimit"],
    // The first that tells a part is the part.
    "x-ratelimit-remaining-limit": ["remaining", "other", 1000, "-x-ratelimit-limit"],
    // Where nothing tells, it is the limit.
    "x-ratelimit-requests": ["limit", "requests", 1000, "-x-ratelimit-requests"],
    // What it counts, and the period; per says nothing, and the order neither.
    "anthropic-ratelimit-input-tokens-reset": ["reset", "tokens", 1000, "anthropic--ratelimit-input-tokens"],
    "x-ratelimit-limit-output": ["limit", "tokens", 1000, "-x-ratelimit-output"],
    "x-tokenlimit-remaining": ["remaining", "tokens", 1000, "-x-tokenlimit"],
    "x-ratelimit-remaining-tokens-per-minute": ["remaining", "tokens", 1000, "-x-ratelimit-minute-tokens"],
    "x-ratelimit-minute-tokens-remaining": ["remaining", "tokens", 1000, "-x-ratelimit-minute-tokens"],
    "x-ratelimitbysize-remaining-minute": ["remaining", "other", 1000, "-x-ratelimit-by-minute-size"],
    "x-ratelimit-remaining-complexity": ["remaining", "other", 1000, "-x-ratelimit-complexity"],
    "x-ratelimit-reset": ["reset", "requests", 1000, "-x-ratelimit"],
    "x-ratelimit-reset-after": ["resetAfter", "requests", 1000, "-x-ratelimit"],
    "x-ratelimit-resetafter": ["resetAfter", "requests", 1000, "-x-ratelimit"],
    "x-ratelimit-resetin": ["resetAfter", "requests", 1000, "-x-ratelimit"],
    "x-ratelimit-resetat": ["reset", "requests", 1000, "-x-ratelimit"],
    "x-ratelimit-reset-in-ms": ["resetAfter", "requests", 1, "-x-ratelimit"],
    "x-ratelimit-reset-ms": ["reset", "requests", 1, "-x-ratelimit"],
    "x-ratelimit-reset-timestamp": ["reset", "requests", 1000, "-x-ratelimit"],
    "x-ratelimit-reset-after-seconds": ["resetAfter", "requests", 1000, "-x-ratelimit"],
    // These words stand for nothing else but behind a reset.
    "x-ratelimit-limit-after": ["limit", "other", 1000, "-x-ratelimit-after"],
    "x-ratelimit-limit-ms": ["limit", "other", 1000, "-x-ratelimit-ms"],
    "x-ratelimit-limit-timestamp": ["limit", "other", 1000, "-x-ratelimit-timestamp"],
    "ratelimit-policy": undefined,
    "x-limit": undefined,
    "content-length": undefined,
    "x-ratelimited-reason": undefined
  }
  for (const [name, expected] of Object.entries(names)) {
    it(`${name} is read by rule, and again`, () => {
      assert.deepStrictEqual([parsed(name), parsed(name)], [expected, expected])
    })
  }

  it("is remembered up to a number of them, and read all the same beyond it", () => {
    const remaining = (i: number) => `x-ratelimit-remaining-${i}`
    for (let i = 0; i < 1200; i++) HeaderName.parse(remaining(i))
    assert.deepStrictEqual(parsed(remaining(7)), ["remaining", "other", 1000, "-x-ratelimit-7"])
  })
})

describe("The name of a header that asks to wait", () => {
  it("tells the unit, seconds or milliseconds", () => {
    const names: Record<string, 1 | 1000 | undefined> = {
      "retry-after": 1000,
      "x-retry-in": 1000,
      "x-acme-retry-after-seconds": 1000,
      "x-acme-retry-after-ms": 1,
      "retryafter-milliseconds": 1,
      "x-should-retry": undefined,
      "retry-after-days": undefined,
      "noretry-after": undefined,
      "content-type": undefined
    }
    assert.deepStrictEqual(
      Object.fromEntries(Object.keys(names).map((name) => [name, HeaderName.waitUnit(name)])),
      names
    )
  })
})
