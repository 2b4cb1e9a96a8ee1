import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Sorted from "../../src/structure/Sorted.js"

const element = (rank: number, sequence: number): Sorted.Element => ({ rank, sequence })

/** How often ranks are read: up to four times a comparison. */
const counting = (counter: { reads: number }, rank: number, sequence: number): Sorted.Element => ({
  get rank() {
    counter.reads += 1
    return rank
  },
  sequence
})

describe("a sorted list", () => {
  it("is like an array that is sorted anew after each change", () => {
    const change = fc.record({ rank: fc.integer({ min: 0, max: 20 }), leaves: fc.boolean(), which: fc.nat() })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const sorted = Sorted.make<Sorted.Element>()
        let model: Array<Sorted.Element> = []
        for (const [sequence, { leaves, rank, which }] of changes.entries()) {
          const gone = model[which % Math.max(1, model.length)]
          if (leaves && gone !== undefined) {
            sorted.remove(gone)
            sorted.remove(gone)
            model = model.filter((other) => other !== gone)
          } else {
            const next = element(rank, sequence)
            const place = model.filter((other) => Sorted.isBefore(other, next)).length
            assert.strictEqual(sorted.before(next), place)
            sorted.add(next)
            model = [...model.slice(0, place), next, ...model.slice(place)]
          }
          assert.strictEqual(sorted.size, model.length)
          assert.strictEqual(sorted.first, model[0])
        }
        assert.deepStrictEqual(sorted.all(), model)
        model.forEach((one, index) => assert.strictEqual(sorted.before(one), index))
      })
    )
  })

  it("is itself however many pieces it has", () => {
    const sorted = Sorted.make<Sorted.Element>()
    // 7,919 is a prime: the ranks come in no order, and each once.
    const elements = Array.from({ length: 5000 }, (_, i) => element((i * 7919) % 5000, i))
    for (const one of elements) sorted.add(one)
    assert.deepStrictEqual(
      sorted.all().map(({ rank }) => rank),
      elements.map((_, rank) => rank)
    )
    assert.strictEqual(sorted.before(element(2500, 0)), 2500)
    sorted.keep(({ rank }) => rank % 3 !== 1)
    const kept = elements.map((_, rank) => rank).filter((rank) => rank % 3 !== 1)
    assert.deepStrictEqual(
      sorted.all().map(({ rank }) => rank),
      kept
    )
    assert.strictEqual(sorted.size, kept.length)
    kept.forEach((rank, index) => assert.strictEqual(sorted.before(element(rank, -1)), index))
    for (const one of elements) if (one.rank % 3 === 1) sorted.add(one)
    for (const one of elements.slice(1)) sorted.remove(one)
    assert.deepStrictEqual([sorted.size, sorted.first], [1, elements[0]])
    sorted.remove(element(0, 0))
    assert.strictEqual(sorted.size, 1)
    for (const one of elements.slice(0, 1)) sorted.remove(one)
    assert.deepStrictEqual([sorted.size, sorted.first, sorted.before(element(9, 9))], [0, undefined, 0])
  })

  it("compares about as often as its logarithm, in and out", () => {
    const counter = { reads: 0 }
    const sorted = Sorted.make<Sorted.Element>()
    const size = 65_536
    const elements = Array.from({ length: size }, (_, i) => counting(counter, (i * 7919) % size, i))
    for (const one of elements) sorted.add(one)
    for (let first = sorted.first; first !== undefined; first = sorted.first) sorted.remove(first)
    // 16 comparisons to find a place among 65,536, and one for each of the two halves of the way.
    assert.isAtMost(counter.reads / (2 * size), 4 * (16 + 2))
  })
})
