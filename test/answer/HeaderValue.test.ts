import { assert, describe, it } from "@effect/vitest"
import * as HeaderValue from "../../src/answer/HeaderValue.js"

const now = Date.parse("2027-01-01T00:00:00Z")
const year = 365 * 24 * 60 * 60 * 1000

const table = <A>(
  read: (text: string) => A | undefined,
  rows: ReadonlyArray<readonly [text: string, expected: A | undefined]>
) =>
  assert.deepStrictEqual(
    rows.map(([text]) => [text, read(text)]),
    rows.map(([text, expected]) => [text, expected])
  )

describe("A header's number of milliseconds", () => {
  it("is a plain decimal number of at most a year", () => {
    table(HeaderValue.millis, [
      ["0", 0],
      ["12.5", 12.5],
      [`${year}`, year],
      [`${year + 1}`, undefined],
      ["-1", undefined],
      ["1e3", undefined],
      ["12.", undefined]
    ])
  })
})

describe("A header's number of seconds", () => {
  const seconds = (text: string) => HeaderValue.seconds(text, now)

  it("is a span up to a year", () => {
    table(seconds, [
      ["1.5", 1500],
      ["31536000", year],
      ["31536001", undefined],
      ["999999999", undefined],
      ["soon", undefined]
    ])
  })

  it("is an instant from 2001 on, in whatever unit since 1970", () => {
    table(seconds, [
      ["1000000000", 0],
      [`${now / 1e3 + 9}`, 9000],
      [`${now + 9}`, 9],
      [`${now + 9}000`, 9],
      [`${now + 9}000000`, 9],
      [`${now + year + 1}`, undefined]
    ])
  })

  it("changes its unit from one digit to the next", () => {
    // Read as 2001, each of them is 9 ms away; in another unit none would be.
    const at2001 = (text: string) => HeaderValue.seconds(text, 1e12 - 9)
    table(at2001, [
      ["1000000000", 9],
      ["1000000000000", 9],
      ["1000000000000000", 9],
      ["1000000000000000000", 9]
    ])
  })
})

describe("A header's date", () => {
  it("has one of five forms", () => {
    table(
      (text) => HeaderValue.date(text, now),
      [
        ["Fri, 01 Jan 2027 00:01:00 GMT", 60_000],
        ["Friday, 01-Jan-27 00:01:00 GMT", 60_000],
        ["Fri Jan  1 00:01:00 2027", 60_000],
        ["2027-01-01T01:01:00+01:00", 60_000],
        ["Fri Jan 01 2027 00:01:00 GMT+0000 (UTC)", 60_000],
        ["Thu, 31 Dec 2026 23:59:59 GMT", 0],
        ["2027-13-01T00:00:00Z", undefined],
        ["2027", undefined],
        ["January 1, 2027", undefined]
      ]
    )
  })
})

describe("A header's duration", () => {
  it("is the sum of its parts, in any unit", () => {
    table(HeaderValue.duration, [
      ["1h2m3.5s", 3_723_500],
      ["2 minutes and 3 seconds", 123_000],
      ["1 day, 1 hr", 90_000_000],
      ["3 Minutes", 180_000],
      ["5msecs", 5],
      ["7 milliseconds", 7],
      ["500 microseconds", 0.5],
      ["2000 nanoseconds", 0.002],
      ["400d", undefined],
      ["5", undefined],
      ["5 parsecs", undefined],
      ["in 5s", undefined]
    ])
  })
})

describe("A header's reset", () => {
  it("is a number, a duration or a date", () => {
    table(
      (text) => HeaderValue.reset(text, now),
      [
        ["9", 9000],
        ["9m", 540_000],
        ["2027-01-01T00:00:09Z", 9000],
        ["never", undefined]
      ]
    )
  })
})

describe("A header's count", () => {
  it("is the first of a list", () => {
    table(HeaderValue.count, [
      ["100", 100],
      ["100, 100;w=60", 100],
      ["99.5;w=60", 99.5],
      ["9007199254740991", Number.MAX_SAFE_INTEGER],
      ["9007199254740993", undefined],
      ["100 a minute", undefined],
      ["-1", undefined],
      ["", undefined]
    ])
  })
})

describe("A value that was sent twice", () => {
  it("counts once", () => {
    const long = `${"9".repeat(100)}, ${"9".repeat(100)}`
    table(HeaderValue.once, [
      ["60, 60", "60"],
      ["60,60 , 60", "60"],
      ["60, 61", "60, 61"],
      ["60", "60"],
      [long, long]
    ])
  })

  it("counts once up to 200 characters", () => {
    const text = `${"9".repeat(99)},${"9".repeat(99)}`
    assert.deepStrictEqual([text, `${text} `].map(HeaderValue.once), ["9".repeat(99), `${text} `])
    assert.strictEqual(HeaderValue.once(`${"9".repeat(99)}, ${"9".repeat(99)}`).length, 99)
  })
})

describe("The members of a structured field", () => {
  it("have a name and parameters, and quotes keep separators", () => {
    assert.deepStrictEqual(HeaderValue.members('"a;b, c";R=5;t="1=2" , plain;w=60'), [
      { name: "a;b, c", parameters: { r: "5", t: "1=2" } },
      { name: "plain", parameters: { w: "60" } }
    ])
  })
})
