import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as fc from "effect/FastCheck"
import type * as Limit from "../../src/limit/Limit.js"
import * as Leases from "../../src/shared/Leases.js"
import * as Parts from "../../src/shared/Parts.js"
import * as Portion from "../../src/shared/Portion.js"
import * as StoreMemory from "../../src/shared/StoreMemory.js"

const told = (most: number, limit: Partial<Limit.Told> = {}): Portion.Told => ({
  most,
  per: 60_000,
  burst: undefined,
  transit: 1000,
  refunds: true,
  grows: false,
  ...limit,
  unit: "requests"
})

const at = (now: number) => ({ now, wall: now })

describe("A portion", () => {
  it("divides a limit without a rest: what each has for itself, and what all share", () => {
    const { grace, name, own, per, shared, span } = Portion.make(told(600), 5, 0.1)
    assert.deepStrictEqual({ own, shared, name, per }, { own: 12, shared: 540, name: "requests/60000", per: 60_000 })
    assert.deepStrictEqual(grace, { least: 1875, most: 7500 })
    assert.strictEqual(span, 61_000.001)
    assert.strictEqual(Portion.make(told(4), 5, 0.1).shared, 4)
    assert.strictEqual(Portion.make(told(10.5), 1, 0).shared, 10)
  })

  it("keeps a bucket as a window: what it holds, in the time in which it fills", () => {
    const { per, shared } = Portion.make(told(600, { burst: 10 }), 1, 0)
    assert.deepStrictEqual([shared, per], [10, 1000])
  })

  it("lets starts follow for the grace, and never for longer than the store knows of them", () => {
    const portion = Portion.make(told(600), 1, 0)
    const life = Portion.lifeOf(portion, 2000)
    assert.isTrue(Number.isInteger(life))
    assert.isAtLeast(Portion.usableFor(portion, life), 0.995 * 2000)
    // A clock of a process that is slow, and one of a store that is fast.
    assert.isAtMost(Portion.usableFor(portion, life) / 0.995 + portion.span, life / 1.005)
    assert.isBelow(Portion.usableFor(portion, 61_000), 0)
  })
})

describe("The parts of a limit", () => {
  const wanted = (amount: number, first = 1): Parts.Wanted => ({ amount, first, roundTrip: 1 })

  it("are as large as the limit together, whatever its size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (most) => {
        const parts = Parts.make(Portion.make(told(most), 1, 0))
        let sum = 0
        for (
          let takes = parts.choose(wanted(2 * most), 0);
          takes.length > 0;
          takes = parts.choose(wanted(2 * most), 0)
        ) {
          for (const take of takes) {
            const taken = take.opensFor === undefined ? take.tokens + 1 : 1
            sum += take.tokens
            parts.hear(take, taken, 70_000, at(0))
          }
        }
        return sum === most
      })
    )
  })

  it("are opened with one token, and taken from by whoever finds them open", () => {
    const parts = Parts.make(Portion.make(told(640), 1, 0))
    const [open] = parts.choose(wanted(3), 0)
    assert.deepInclude(open, { part: 0, tokens: 1, most: 1 })
    const life = open?.opensFor ?? 0
    if (open === undefined) return assert.fail("nothing is chosen")
    // Somebody else was faster, and has taken four.
    assert.isUndefined(parts.hear(open, 5, life, at(0)))
    assert.deepStrictEqual(parts.choose(wanted(3), 0), [{ part: 0, tokens: 3, opensFor: undefined, most: 10 }])
    // It is too late to take from it when nothing could be started any more.
    assert.deepInclude(parts.choose(wanted(3), 1874)[0], { part: 1 })
    assert.deepInclude(parts.choose(wanted(3), life + 1)[0], { part: 1 })
  })

  it("give a lease that ends when the store is about to forget it", () => {
    const portion = Portion.make(told(640), 1, 0)
    const parts = Parts.make(portion)
    const [open] = parts.choose(wanted(1), 0)
    if (open === undefined) return assert.fail("nothing is chosen")
    assert.deepStrictEqual(parts.hear(open, 1, 63_000, at(5)), {
      left: 1,
      sentAt: at(5),
      lasts: Portion.usableFor(portion, 63_000)
    })
    assert.isUndefined(parts.hear({ ...open, tokens: 2, opensFor: undefined, most: 10 }, 3, 10_000, at(5)))
  })
})

describe("Leases", () => {
  it("are used in the order in which they lapse, and are gone then", () => {
    const leases = Leases.make()
    leases.add({ left: 5, sentAt: at(0), lasts: 200 })
    leases.add({ left: 5, sentAt: at(0), lasts: 100 })
    assert.strictEqual(leases.stock(at(99)), 10)
    const draws = leases.take(7, at(99))
    assert.deepStrictEqual(
      draws.map(({ amount }) => amount),
      [5, 2]
    )
    leases.putBack(draws, 6)
    assert.strictEqual(leases.stock(at(99)), 9)
    assert.strictEqual(leases.stock(at(100)), 4)
    assert.strictEqual(leases.stock({ now: 100, wall: 200 }), 0)
  })

  it("pay first what is owed", () => {
    const leases = Leases.make()
    leases.owe(3)
    assert.strictEqual(leases.stock(at(0)), -3)
    leases.add({ left: 2, sentAt: at(0), lasts: 100 })
    leases.add({ left: 5, sentAt: at(0), lasts: 100 })
    assert.strictEqual(leases.stock(at(0)), 4)
  })
})

describe("The memory of a store", () => {
  const { forever } = StoreMemory

  it("is complete once the key that lives for ever is old enough", () => {
    const memory = StoreMemory.make(1000)
    assert.isUndefined(memory.completeAt)
    memory.hear(1, forever, 0)
    assert.strictEqual(memory.completeAt, 1000)
    memory.hear(2, forever + 1 - 400, 400)
    assert.strictEqual(memory.completeAt, 1000)
    memory.hear(3, forever + 2 - 2400, 2400)
    assert.strictEqual(memory.completeAt, 2400)
  })

  it("has a gap where a count comes twice, or the key is gone", () => {
    const memory = StoreMemory.make(1000)
    memory.hear(7, forever + 6 - 5000, 0)
    assert.strictEqual(memory.completeAt, 0)
    memory.hear(7, forever + 6 - 5000, 10)
    assert.strictEqual(memory.completeAt, 1010)
    memory.hear(1, 1, 20)
    assert.isFalse(StoreMemory.isKept(1))
    assert.strictEqual(memory.completeAt, 25)
    memory.hear(1, Duration.toMillis(forever), 25)
    assert.strictEqual(memory.completeAt, 1025)
  })

  it("has none where a store never forgets", () => {
    const memory = StoreMemory.make(0)
    memory.hear(1, forever, 0)
    assert.strictEqual(memory.completeAt, 0)
  })
})
