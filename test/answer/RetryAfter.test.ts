import { assert, describe, it } from "@effect/vitest"
import { Duration, FastCheck, Option } from "effect"
import { RetryAfter } from "effect-aimd"

const now = Date.parse("Fri, 01 Jan 2027 00:00:00 GMT")

/** Milliseconds, or "none". */
const read = (headers: RetryAfter.Headers, at = now) =>
  Option.match(RetryAfter.fromHeaders(headers, at), { onNone: () => "none", onSome: Duration.toMillis })

const retryAfter = (texts: ReadonlyArray<string>) => texts.map((text) => [text, read({ "retry-after": text })])

describe("retry-after in seconds", () => {
  it("is read as seconds, whole or with a fraction, with blanks around", () => {
    assert.deepStrictEqual(retryAfter(["2", "0", "007", "1.5", "0.001", " 3 ", "7200"]), [
      ["2", 2_000],
      ["0", 0],
      ["007", 7_000],
      ["1.5", 1_500],
      ["0.001", 1],
      [" 3 ", 3_000],
      ["7200", 7_200_000]
    ])
  })

  it("is none where it is negative, empty or no plain decimal number", () => {
    const texts = ["-2", "-0", "+2", "", " ", "1e3", "0x10", ".5", "5.", "1,5", "2, 3", "1 2", "NaN", "Infinity", "٣"]
    assert.deepStrictEqual(
      retryAfter(texts),
      texts.map((text) => [text, "none"])
    )
  })
})

describe("retry-after as an HTTP-date", () => {
  it("is the time from the answer to the date, in each of the three forms of RFC 9110", () => {
    const texts = ["Fri, 01 Jan 2027 00:01:00 GMT", "Friday, 01-Jan-27 00:01:00 GMT", "Fri Jan  1 00:01:00 2027"]
    assert.deepStrictEqual(
      retryAfter(texts),
      texts.map((text) => [text, 60_000])
    )
  })

  it("is read as UTC in the form that names no zone, wherever the program runs", () => {
    const zone = process.env["TZ"]
    try {
      const waited = ["Asia/Tokyo", "America/New_York"].map((elsewhere) => {
        process.env["TZ"] = elsewhere
        return [new Date(now).getHours(), read({ "retry-after": "Fri Jan  1 00:01:00 2027" })]
      })
      assert.deepStrictEqual(waited, [
        [9, 60_000],
        [19, 60_000]
      ])
    } finally {
      if (zone === undefined) delete process.env["TZ"]
      else process.env["TZ"] = zone
    }
  })

  it("is counted from the instant of the answer, to the millisecond", () => {
    const date = { "retry-after": "Fri, 01 Jan 2027 00:00:01 GMT" }
    assert.deepStrictEqual(
      [0, 1, 999, 1_000, 1_001].map((later) => read(date, now + later)),
      [1_000, 999, 1, 0, 0]
    )
  })

  it("is zero where the date is past", () => {
    assert.deepStrictEqual(retryAfter(["Thu, 31 Dec 2026 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"]), [
      ["Thu, 31 Dec 2026 23:59:59 GMT", 0],
      ["Thu, 01 Jan 1970 00:00:00 GMT", 0]
    ])
  })

  it("is none where it is no date", () => {
    const texts = ["soon", "tomorrow", "2x", "-3 seconds", "PT", "P1Y", "1:2", "May", "Fri, 32 Jan 2027 00:00:00 GMT"]
    assert.deepStrictEqual(
      retryAfter(texts),
      texts.map((text) => [text, "none"])
    )
  })

  it("is read with a unit, and once where it was sent twice", () => {
    assert.deepStrictEqual(retryAfter(["30s", "2 seconds", "1 minute", "1m5.289s", "60, 60", "30s,30s"]), [
      ["30s", 30_000],
      ["2 seconds", 2_000],
      ["1 minute", 60_000],
      ["1m5.289s", 65_289],
      ["60, 60", 60_000],
      ["30s,30s", 30_000]
    ])
    const date = "Fri, 01 Jan 2027 00:01:00 GMT"
    assert.strictEqual(read({ "retry-after": `${date}, ${date}` }), 60_000)
  })

  it("is counted from the answer's own date, whatever the clock of its reader says", () => {
    const behind = { date: "Thu, 31 Dec 2026 23:58:00 GMT", "retry-after": "Fri, 01 Jan 2027 00:00:00 GMT" }
    const ahead = { date: "Fri, 01 Jan 2027 01:00:00 GMT", "x-ratelimit-reset": `${now / 1_000 + 3_630}` }
    const unreadable = { date: "today", "retry-after": "Fri, 01 Jan 2027 00:00:09 GMT" }
    assert.deepStrictEqual([read(behind), read(ahead), read(unreadable)], [120_000, 30_000, 9_000])
  })

  it("is none where words stand with a number that JavaScript takes for a month", () => {
    const texts = ["seconds 3", "retry 10", "in 5", "m-3", "soon, 3 GMT", "retry, after 5 gmt"]
    assert.deepStrictEqual(
      retryAfter(texts),
      texts.map((text) => [text, "none"])
    )
  })
})

describe("retry-after-ms", () => {
  it("is read as milliseconds and goes before retry-after", () => {
    assert.deepStrictEqual(
      [
        read({ "retry-after-ms": "1500" }),
        read({ "retry-after-ms": "0.5" }),
        read({ "retry-after-ms": "0", "retry-after": "2" }),
        read({ "retry-after-ms": "20", "retry-after": "Fri, 01 Jan 2027 00:01:00 GMT" })
      ],
      [1_500, 0.5, 0, 20]
    )
  })

  it("gives way to retry-after where it cannot be read", () => {
    assert.deepStrictEqual(
      ["-1", "", "soon", "Fri, 01 Jan 2027 00:01:00 GMT"].map((text) =>
        read({ "retry-after-ms": text, "retry-after": "2" })
      ),
      [2_000, 2_000, 2_000, 2_000]
    )
  })

  it("is never read as a date", () => {
    assert.strictEqual(read({ "retry-after-ms": "Fri, 01 Jan 2027 00:01:00 GMT" }), "none")
  })
})

describe("retry-after of any headers", () => {
  it("is none without either header", () => {
    assert.deepStrictEqual(
      [read({}), read({ "retry-after": undefined, "retry-after-ms": undefined }), read({ "content-type": "5" })],
      ["none", "none", "none"]
    )
  })

  it("is read from names in lower case, as platform's Headers has them", () => {
    assert.strictEqual(read({ "Retry-After": "2" }), "none")
  })

  const text = FastCheck.oneof(
    FastCheck.string({ unit: "binary" }),
    FastCheck.double().map(String),
    FastCheck.integer().map(String),
    FastCheck.bigInt().map(String),
    FastCheck.date().map((date) => (Number.isNaN(date.getTime()) ? "Invalid Date" : date.toUTCString())),
    FastCheck.stringMatching(/^[-+.0-9 a-z:,]{0,20}$/)
  )
  const headers = FastCheck.record({ "retry-after": text, "retry-after-ms": text }, { requiredKeys: [] })
  const instant = FastCheck.oneof(FastCheck.integer(), FastCheck.double())

  it.prop("never throws and never is negative or NaN", [headers, instant], ([headers, at]) => {
    const waited = read(headers, at)
    assert.isTrue(waited === "none" || Number(waited) >= 0, `${waited}`)
  })

  const year = 365 * 24 * 60 * 60

  it.prop(
    "is the seconds themselves, whatever the number up to a year",
    [FastCheck.nat({ max: year })],
    ([seconds]) => {
      assert.strictEqual(read({ "retry-after": String(seconds) }), seconds * 1_000)
    }
  )

  it("is none beyond a year, unless the number can be an instant", () => {
    const [second, milli] = [now / 1_000 + 60, now + 60_000].map(String)
    assert.deepStrictEqual(retryAfter([`${year + 1}`, "999999999", "9999999999", "99999999999999999999", "1e300"]), [
      [`${year + 1}`, "none"],
      ["999999999", "none"],
      ["9999999999", "none"],
      ["99999999999999999999", "none"],
      ["1e300", "none"]
    ])
    assert.deepStrictEqual([read({ "retry-after": second }), read({ "retry-after": milli })], [60_000, 60_000])
  })

  it.prop(
    "is the time to any date that is to come, in whole seconds",
    [FastCheck.nat({ max: 10_000_000 }), FastCheck.nat({ max: 10_000_000 })],
    ([answered, seconds]) => {
      const at = now + answered * 1_000
      const date = new Date(at + seconds * 1_000).toUTCString()
      assert.strictEqual(read({ "retry-after": date }, at), seconds * 1_000)
    }
  )
})
