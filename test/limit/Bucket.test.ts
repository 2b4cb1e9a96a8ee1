import { assert, describe, it } from "@effect/vitest"
import * as Bucket from "../../src/limit/Bucket.js"

/** Ten at once, and ten a second. */
const bucketOf = (transit = 0) => Bucket.make({ burst: 10, rate: 0.01, transit })

/** A bucket in which so much has arrived at 0. */
const emptied = (amount: number) => {
  const bucket = bucketOf()
  const share = bucket.take(amount, 0)
  bucket.end(share, "answered", 0)
  return { bucket, share }
}

describe("A bucket", () => {
  it("opens when what lacks has been filled up, and never to what is larger than it", () => {
    const { bucket } = emptied(10)
    assert.deepStrictEqual(
      [0, 1, 5, 10, 10.5].map((amount) => bucket.opensAt(amount, 0)),
      [0, 100.001, 500.001, 1000.001, Infinity]
    )
    assert.deepStrictEqual([bucket.used(250), bucket.opensAt(2.5, 250), bucket.opensAt(3, 250)], [7.5, 250, 300.001])
    assert.deepStrictEqual([bucket.used(1000), bucket.used(9000)], [0, 0])
  })

  it("begins to fill when what is on its way must have arrived", () => {
    const bucket = bucketOf(100)
    bucket.take(6, 0)
    bucket.take(4, 50)
    assert.deepStrictEqual([bucket.used(50), bucket.opensAt(0, 50)], [10, 50])
    // For one more it is enough that the first arrives; for seven the second has to.
    assert.deepStrictEqual([bucket.opensAt(1, 50), bucket.opensAt(7, 50)], [200.001, 800.001])
  })

  it("does not fill over its brim between two arrivals", () => {
    const bucket = bucketOf(1000)
    bucket.take(1, 0)
    bucket.take(9, 900)
    assert.strictEqual(bucket.opensAt(10, 900), 2800.001)
  })

  it("waits for an end where nobody knows how long an attempt is on its way", () => {
    const bucket = bucketOf(Infinity)
    const share = bucket.take(10, 0)
    assert.strictEqual(bucket.opensAt(1, 0), Infinity)
    bucket.end(share, "broken", 50)
    assert.strictEqual(bucket.opensAt(1, 50), 150.001)
  })

  it("has as much as before where an attempt was never sent, or is sent later", () => {
    const bucket = bucketOf(100)
    const [never, later] = [bucket.take(3, 0), bucket.take(5, 0)]
    bucket.undo(never, 0)
    assert.strictEqual(bucket.used(0), 5)
    // It has arrived for all that the bucket knew; of what was missing half a token is back.
    assert.strictEqual(bucket.used(150), 4.5)
    bucket.begin(later, 150)
    assert.deepStrictEqual([bucket.used(150), bucket.used(250), bucket.used(300)], [5, 5, 4.5])
  })

  it("fills faster by a factor, and holds no more at once", () => {
    const { bucket } = emptied(10)
    bucket.scale(2)
    assert.deepStrictEqual([bucket.opensAt(1, 0), bucket.opensAt(11, 0)], [50.001, Infinity])
    bucket.scale(0.5)
    assert.strictEqual(bucket.opensAt(1, 0), 200.001)
  })

  it("counts what an attempt took in the end: on its way, more than was asked, and less", () => {
    const bucket = bucketOf(100)
    const share = bucket.take(5, 0)
    bucket.settle(share, 2, 10)
    assert.deepStrictEqual([bucket.used(10), bucket.used(100)], [2, 2])
    const more = emptied(5)
    more.bucket.settle(more.share, 8, 0)
    assert.strictEqual(more.bucket.used(0), 8)
    const less = emptied(5)
    less.bucket.settle(less.share, 1, 0)
    assert.strictEqual(less.bucket.used(0), 1)
  })

  it("gives back no more than would not have been filled up anyway", () => {
    const after = (actual: number) => {
      const { bucket, share } = emptied(5)
      bucket.settle(share, actual, 300)
      return bucket.used(300)
    }
    // Two are still missing.
    assert.deepStrictEqual([after(4), after(3), after(0)], [1, 0, 0])
  })

  it("gives back to one what it has not given back to another already", () => {
    const bucket = bucketOf()
    const shares = [1, 2].map(() => bucket.take(5, 0))
    for (const share of shares) bucket.end(share, "answered", 0)
    for (const share of shares) bucket.settle(share, 0, 400)
    // Six were missing of ten, of which the second can have brought back five.
    assert.strictEqual(bucket.used(400), 0)
    const third = bucket.take(5, 400)
    bucket.end(third, "answered", 400)
    bucket.settle(third, 0, 400)
    assert.strictEqual(bucket.used(400), 0)
  })
})
