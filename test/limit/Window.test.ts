import { assert, describe, it } from "@effect/vitest"
import * as Transit from "../../src/limit/Transit.js"
import * as Window from "../../src/limit/Window.js"

describe("A window", () => {
  it("takes arrivals that are close together for one, at the latest of their instants, once it has 2,048", () => {
    const window = Window.make({ most: 2060, per: 1000, transit: 0 })
    // Every tenth of a millisecond: beyond 2,048 places, those within half a millisecond of the last share one.
    for (let i = 0; i < 2060; i++) window.end(window.take(1, i / 10), "answered", i / 10)
    assert.strictEqual(window.used(300), 2060)
    assert.deepStrictEqual(
      [1, 2048, 2049, 2060].map((amount) => window.opensAt(amount, 300)),
      [1000.001, 1000.001 + 204.7, 1000.001 + 205.9, 1000.001 + 205.9]
    )
  })
})

describe("On its way", () => {
  it("is nothing that takes nothing", () => {
    const onWay = Transit.make(100, () => undefined)
    const [none, some] = [onWay.send(0, 0), onWay.send(3, 0)]
    assert.deepStrictEqual([onWay.has(none), onWay.has(some), onWay.amount], [false, true, 3])
    onWay.sendLater(none, 5)
    assert.deepStrictEqual([...onWay.shares()], [[some, 100]])
  })
})
