import { assert, describe, it } from "@effect/vitest"
import * as Quota from "../../src/limit/Quota.js"

describe("A quota that answers tell", () => {
  it("lets one attempt go alone until an answer has come", () => {
    const quota = Quota.make(1000)
    assert.strictEqual(quota.opensAt(1, 0), 0)
    const first = quota.take(1, 0)
    assert.strictEqual(quota.opensAt(1, 0), Infinity)
    quota.end(first, "answered", 50)
    // It has told nothing: there may be no limit at all.
    assert.strictEqual(quota.opensAt(1, 50), 50)
    quota.take(1, 50)
    assert.strictEqual(quota.opensAt(1, 50), 50)
  })

  it("keeps what is left until it is full again, and then the limit", () => {
    const quota = Quota.make(0)
    const first = quota.take(1, 0)
    quota.end(first, "answered", 10)
    quota.tell(first, { limit: 3, remaining: 2, resetAfter: 990 }, 10)
    const [second, third] = [quota.take(1, 10), quota.take(1, 10)]
    assert.strictEqual(quota.opensAt(1, 10), 1000.001)
    for (const share of [second, third]) quota.end(share, "answered", 20)
    assert.strictEqual(quota.opensAt(1, 20), 1000.001)
    // A bucket would not be full: two came after the one that said when it is. The next answer tells.
    const next = quota.take(1, 1001)
    assert.strictEqual(quota.opensAt(1, 1001), Infinity)
    quota.end(next, "answered", 1010)
    quota.tell(next, { limit: 3, remaining: 2, resetAfter: 990 }, 1010)
    for (let i = 0; i < 2; i++) {
      assert.strictEqual(quota.opensAt(1, 1010), 1010)
      quota.take(1, 1010)
    }
    assert.strictEqual(quota.opensAt(1, 1010), 2000.001)
  })

  it("makes no difference of the order in which answers come", () => {
    const quota = Quota.make(100)
    const alone = quota.take(1, 0)
    quota.end(alone, "answered", 5)
    quota.tell(alone, { limit: 10, remaining: 9, resetAfter: 60_000 }, 5)
    const [a, b] = [quota.take(1, 10), quota.take(1, 10)]
    quota.end(b, "answered", 20)
    quota.tell(b, { limit: 10, remaining: 7, resetAfter: 60_000 }, 20)
    assert.strictEqual(quota.opensAt(6, 20), 20)
    quota.end(a, "answered", 30)
    // It was counted first, and says more than is left: the other may have come after it.
    quota.tell(a, { limit: 10, remaining: 8, resetAfter: 60_000 }, 30)
    assert.deepStrictEqual([quota.opensAt(7, 30), quota.opensAt(8, 30)], [30, 60_030.001])
    // What an attempt says that started earlier is old.
    quota.tell(alone, { remaining: 100 }, 31)
    assert.strictEqual(quota.opensAt(8, 31), 60_030.001)
  })

  it("asks again, one at a time, where nobody says when it is full again", () => {
    const quota = Quota.make(0)
    const first = quota.take(1, 0)
    quota.end(first, "answered", 10)
    quota.tell(first, { remaining: 0 }, 10)
    assert.strictEqual(quota.opensAt(1, 10), 10)
    const probe = quota.take(1, 10)
    assert.strictEqual(quota.opensAt(1, 10), Infinity)
    quota.undo(probe, 10)
    assert.strictEqual(quota.opensAt(1, 10), 10)
  })

  it("counts what attempts took in the end", () => {
    const quota = Quota.make(0)
    const first = quota.take(10, 0)
    quota.end(first, "answered", 10)
    quota.tell(first, { remaining: 100, resetAfter: 1000 }, 10)
    const second = quota.take(100, 10)
    assert.strictEqual(quota.opensAt(1, 10), 1010.001)
    quota.settle(second, 40, 20)
    assert.deepStrictEqual([quota.opensAt(60, 20), quota.used(20)], [20, 40])
  })
})
