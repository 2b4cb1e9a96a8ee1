import { assert, describe, it } from "@effect/vitest"
import type { Share } from "../../src/limit/Meter.js"
import * as Transit from "../../src/limit/Transit.js"

/** A way that takes 100 ms at most, and what has arrived on it: amounts, and when. */
const wayOf = (longest = 100) => {
  const arrivals: Array<readonly [number, number]> = []
  const way = Transit.make(longest, ({ amount }, at) => void arrivals.push([amount, at]))
  return { arrivals, way }
}
const showing = ({ shares }: Transit.Transit) => [...shares()].map(([{ amount }, by]) => [amount, by])

describe("Attempts on their way", () => {
  it("arrive in the order of their starts, each by its own instant", () => {
    const { arrivals, way } = wayOf()
    way.send(1, 0)
    way.send(2, 10)
    way.send(4, 20)
    assert.strictEqual(way.amount, 7)
    way.advance(110)
    assert.deepStrictEqual(arrivals, [
      [1, 100],
      [2, 110]
    ])
    assert.deepStrictEqual(showing(way), [[4, 120]])
    assert.strictEqual(way.amount, 4)
  })

  it("arrive with their answer, and broken off not before they must have", () => {
    const { arrivals, way } = wayOf()
    const [answered, broken] = [way.send(1, 0), way.send(2, 0)]
    way.end(answered, "answered", 30)
    way.end(broken, "broken", 30)
    assert.deepStrictEqual([arrivals, way.has(answered), way.has(broken)], [[[1, 30]], false, true])
  })

  it("arrive with their end, whatever it is, where nobody knows for how long they are on their way", () => {
    const { arrivals, way } = wayOf(Infinity)
    const [failed, broken] = [way.send(1, 0), way.send(2, 0)]
    way.end(failed, "failed", 30)
    way.end(broken, "broken", 40)
    // Once is enough.
    way.end(broken, "answered", 50)
    assert.deepStrictEqual(
      [arrivals, way.amount],
      [
        [
          [1, 30],
          [2, 40]
        ],
        0
      ]
    )
  })

  it("make room for those before them first, when one more is sent", () => {
    const { arrivals, way } = wayOf()
    way.send(1, 0)
    way.send(2, 100)
    assert.deepStrictEqual([arrivals, way.amount], [[[1, 100]], 2])
  })

  it("stand behind the others where they are sent later", () => {
    const { way } = wayOf()
    const first = way.send(1, 0)
    const second = way.send(2, 10)
    way.sendLater(second, 20)
    assert.deepStrictEqual(showing(way), [
      [1, 100],
      [2, 120]
    ])
    way.sendLater(first, 30)
    assert.deepStrictEqual(showing(way), [
      [2, 120],
      [1, 130]
    ])
    assert.strictEqual(way.amount, 3)
  })

  it("hold nobody up while nobody knows when they are sent, and arrive no sooner than that", () => {
    const { arrivals, way } = wayOf()
    const leased = way.send(1, 0)
    way.sendLater(leased, Infinity)
    way.send(2, 10)
    way.change(leased, 8)
    way.advance(1000)
    assert.deepStrictEqual(arrivals, [[2, 110]])
    assert.deepStrictEqual([showing(way), way.amount, way.has(leased)], [[[8, Infinity]], 8, true])
    way.sendLater(leased, 2000)
    way.advance(2099)
    assert.deepStrictEqual(showing(way), [[8, 2100]])
    way.advance(2100)
    assert.deepStrictEqual([arrivals.at(-1), way.amount, way.has(leased)], [[8, 2100], 0, false])
  })

  it("are none once they were taken out, or take nothing, and leave no rest of fractions behind", () => {
    const { way } = wayOf()
    const sent: ReadonlyArray<Share> = [0.1, 0.2, 0.3, 0].map((amount) => way.send(amount, 0))
    assert.deepStrictEqual(
      sent.map((share) => way.has(share)),
      [true, true, true, false]
    )
    for (const share of [...sent, ...sent]) way.remove(share)
    assert.deepStrictEqual([way.amount, showing(way)], [0, []])
  })
})
