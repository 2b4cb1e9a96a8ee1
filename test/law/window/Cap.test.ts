import { assert, describe, it } from "@effect/vitest"
import * as Cap from "../../../src/law/window/Cap.js"
import * as History from "../../../src/pool/History.js"
import { startsOf, type Start } from "../../support/starts.js"

/**
 * Starts a millisecond apart: a digit was let through, a letter rejected, with so many in flight besides: a is 0, b is 1; a
 * capital with another status. Of an exclamation mark nothing is known yet.
 */
const startsIn = (log: string) =>
  startsOf(
    [...log].map((sign, i): Start => {
      if (sign === "!") return [i, "open", 9]
      const letter = sign.toLowerCase().charCodeAt(0) - 97
      if (letter < 0) return [i, "success", Number(sign)]
      return [i, "capacity", letter, sign < "a" ? 503 : 429]
    })
  )

/** The latest of them that was rejected. */
const lastRejected = (log: string): number => log.replace(/[\d!]*$/, "").length

describe("What is in flight besides a start", () => {
  const starts = () => {
    const history = History.make(1000)
    for (const [i, at] of [0, 10, 20, 100, 190].entries()) history.add(at, i)
    history.ended(2, "capacity")
    history.ended(1, "success")
    return history
  }

  it("has in flight what the API served: no start that it was about to reject", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 4, 5].map((sequence) => Cap.servedBesides(starts(), sequence, 50)),
      [0, 1, 1, 3, 4]
    )
  })
})

describe("What was rejected before a start", () => {
  it("was not in flight, from the first that is remembered on, as long as it may have been on its way", () => {
    const starts = startsIn("aaa9")
    assert.deepStrictEqual(
      [0, 1.5, 2.5, 9].map((rejection) => Cap.servedBesides(starts, 4, rejection)),
      [9, 8, 7, 6]
    )
    // None after the last that was rejected needs a look.
    assert.deepStrictEqual([Cap.servedBesides(starts, 4, 9, 2), Cap.servedBesides(startsIn("aa1"), 3, 9)], [7, 0])
  })
})

describe("A cap that has fallen", () => {
  it.each([
    ["0123d", 1],
    // Tried again with as many in flight, and with fewer.
    ["0123dd", 2],
    ["0123d1c", 2],
    ["0123d2c", 1],
    // As many were let through in between: of the first it says nothing.
    ["0123d3d", 1],
    ["0123d1c1b", 1],
    ["0123d2d2d", 3],
    ["abc", 3]
  ])("explains of %s the last %i rejections", (log, row) => {
    assert.strictEqual(Cap.fallen(startsIn(log), lastRejected(log), 0), row)
  })

  it("waits for what may yet be rejected", () => {
    const log = "0123d!d"
    assert.deepStrictEqual(
      [0, 1, 2].map((rejection) => Cap.fallen(startsIn(log), lastRejected(log), rejection)),
      [1, 1, 2]
    )
  })
})

describe("A cap that wanders", () => {
  it.each([
    // It rises: each comes with more in flight than what was let through since the last.
    ["0123e34f45g", 3],
    // It falls: after each nothing is let through with as many.
    ["0123e3d2c", 3],
    // It does both.
    ["0123e34f5f4e3d", 5],
    // A bucket rejects with as many in flight as are let through before and after.
    ["333d333d333d", 1],
    ["33d333d34f", 1],
    ["333d3d", 1],
    // With few in flight as with many.
    ["0b0b", 2],
    ["d", 1]
  ])("explains of %s the last %i rejections", (log, row) => {
    assert.strictEqual(Cap.wandering(startsIn(log), lastRejected(log), 0), row)
  })

  it("waits for what may yet be rejected", () => {
    const log = "4e!e"
    assert.deepStrictEqual(
      [0, 2].map((rejection) => Cap.wandering(startsIn(log), lastRejected(log), rejection)),
      [1, 2]
    )
  })
})

describe("The cap that fits", () => {
  const fitting = (log: string, { from = 1, until = lastRejected(log), rejection = 0 } = {}) =>
    Cap.fitting(startsIn(log), from, until, rejection)
  const closings = (...args: Parameters<typeof fitting>) => fitting(...args).closings

  it.each([
    ["", 0],
    ["0123", 0],
    ["0123e", 1],
    ["0123ee", 1],
    ["0123e23e", 2],
    ["e23e", 2],
    ["0123f4f", 2],
    // What was let through with as many in flight speaks against all that came before it.
    ["0123e4123e3e", 2],
    ["0123e5e", 1],
    ["01d23d", 1],
    ["0123e2e3e", 3],
    // With another status it is no rejection by this limit.
    ["0123e0A3e1B2A3e", 3]
  ])("has rejected %s %i times after one that it let through", (log, count) => {
    assert.strictEqual(closings(log), count)
  })

  it("fits the latest starts, back to one that contradicts it", () => {
    assert.deepStrictEqual(
      ["0123e4123e3e", "0123e23e", ""].map((log) => fitting(log).starts),
      [6, 8, 0]
    )
  })

  it("fits those that it is asked about", () => {
    const log = "0123e23e23e23e"
    assert.deepStrictEqual(
      [closings(log), closings(log, { from: 6 }), closings(log, { until: 11 }), closings(log, { from: 6, until: 11 })],
      [4, 3, 3, 2]
    )
  })

  it("has in flight what the API served: none that it was about to reject", () => {
    // Two that were started while the rejection before them was still on its way.
    const log = "0123e4f"
    assert.deepStrictEqual([closings(log), closings(log, { rejection: 5 })], [1, 2])
  })
})
