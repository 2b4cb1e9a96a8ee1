import { assert, describe, it } from "@effect/vitest"
import * as Bucket from "../../examples/demo/bucket.js"

describe("Bucket", () => {
  it("serves its burst at once and then tells when it is half full", () => {
    const bucket = Bucket.make({ burst: 4, perSecond: 10 }, 0)
    assert.deepStrictEqual(
      [0, 0, 0, 0, 0].map((now) => bucket.take(now)),
      [0, 0, 0, 0, 200]
    )
  })

  it("serves at its rate afterwards", () => {
    const bucket = Bucket.make({ burst: 2, perSecond: 10 }, 0)
    assert.deepStrictEqual(
      [0, 0, 50, 100, 100, 200, 300].map((now) => bucket.take(now)),
      [0, 0, 50, 0, 100, 0, 0]
    )
  })

  it("never holds more than its burst", () => {
    const bucket = Bucket.make({ burst: 2, perSecond: 10 }, 0)
    assert.deepStrictEqual(
      [60_000, 60_000, 60_000].map((now) => bucket.take(now)),
      [0, 0, 100]
    )
  })

  it("fills no faster when the clock runs backwards", () => {
    const bucket = Bucket.make({ burst: 1, perSecond: 10 }, 1000)
    assert.deepStrictEqual(
      [1000, 0, 50].map((now) => bucket.take(now)),
      [0, 100, 50]
    )
  })
})
