import { assert, describe, it } from "@effect/vitest"
import * as Period from "../../../src/law/window/Period.js"

const first = Period.learn(undefined, { limit: 60, short: 50_000, safe: 70_000, openedAt: 70_000 })
const proven = Period.learn(first, { limit: 58, short: 50_000, safe: 70_000, openedAt: 140_000 })

describe("A period", () => {
  it("binds what it was learned from, until it is seen again", () => {
    assert.deepStrictEqual([first.proven, first.length, first.provenUntil], [false, 70_000, 70_000])
    assert.deepStrictEqual([proven.proven, proven.limit, proven.provenUntil], [true, 58, Infinity])
  })

  it("is not seen again in a count that is far off", () => {
    assert.isFalse(Period.learn(first, { limit: 30, short: 0, safe: 70_000, openedAt: 0 }).proven)
  })

  it("is bisected between the length that was too short and the one that will do", () => {
    assert.strictEqual(Math.round(proven.length), 59_161)
    const quiet = Period.passed(proven)
    assert.deepStrictEqual([Math.round(quiet.safe), Math.round(quiet.length)], [59_161, 54_388])
    const failed = Period.failed(quiet, undefined, 100)
    assert.deepStrictEqual([Math.round(failed?.short ?? 0), Math.round(failed?.length ?? 0)], [54_388, 56_724])
  })

  it("is longer by what the API says", () => {
    assert.strictEqual(Period.failed(proven, 3000, 100)?.length, proven.length + 3000)
  })

  it("allows more after eight quiet periods, and less after a rejection has come back three times", () => {
    let period: Period.Period = { ...proven, short: 69_000, length: 70_000 }
    for (let i = 0; i < 7; i++) period = Period.passed(period)
    assert.strictEqual(period.limit, 58)
    assert.strictEqual(Period.passed(period).limit, 60)
    let worse: Period.Period | undefined = period
    for (let i = 0; i < 4 && worse !== undefined; i++) worse = Period.failed(worse, undefined, 100)
    assert.strictEqual(worse?.limit, 55)
  })

  it("is given up after nine rejections in a row", () => {
    let period: Period.Period | undefined = proven
    let failures = 0
    while (period !== undefined) {
      period = Period.failed(period, undefined, 100)
      failures += 1
    }
    assert.strictEqual(failures, 9)
  })
})
