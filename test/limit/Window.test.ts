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

describe("A window of ten in a second", () => {
  const windowOf = (transit = 100) => Window.make({ most: 10, per: 1000, transit })
  const arrived = (...amounts: ReadonlyArray<readonly [amount: number, at: number]>) => {
    const window = windowOf()
    return {
      window,
      shares: amounts.map(([amount, at]) => {
        const share = window.take(amount, at)
        window.end(share, "answered", at)
        return share
      })
    }
  }

  it("opens now to what fits, and to nothing; never to what is larger than it", () => {
    const { window } = arrived([6, 0])
    assert.deepStrictEqual(
      [0, 4, 11].map((amount) => window.opensAt(amount, 5)),
      [5, 5, Infinity]
    )
    assert.strictEqual(arrived([10, 0]).window.opensAt(0, 5), 5)
  })

  it("opens when so much of what arrived is a second old, and a little more", () => {
    const { window } = arrived([4, 0], [6, 10])
    assert.deepStrictEqual(
      [1, 4, 5, 10].map((amount) => window.opensAt(amount, 10)),
      [1000.001, 1000.001, 1010.001, 1010.001]
    )
    assert.deepStrictEqual([window.used(1000), window.used(1000.001), window.used(1010.001)], [10, 6, 0])
  })

  it("opens a second after those have arrived that are on their way, and what arrived goes first", () => {
    const { window } = arrived([4, 0])
    window.take(5, 10)
    window.take(1, 20)
    assert.deepStrictEqual(
      [4, 5, 9, 10].map((amount) => window.opensAt(amount, 20)),
      [1000.001, 1110.001, 1110.001, 1120.001]
    )
  })

  it("waits for an end where nobody knows how long an attempt is on its way", () => {
    const window = windowOf(Infinity)
    const share = window.take(10, 0)
    assert.strictEqual(window.opensAt(1, 0), Infinity)
    window.end(share, "failed", 50)
    assert.strictEqual(window.opensAt(1, 50), 1050.001)
  })

  it("counts what an attempt took in the end, for as long as it counts it at all", () => {
    const { shares, window } = arrived([6, 0], [0, 0])
    const [six, none] = shares
    if (six === undefined || none === undefined) return assert.fail()
    window.settle(six, 9, 500)
    assert.strictEqual(window.used(500), 9)
    window.settle(none, 1, 500)
    window.settle(none, 0, 500)
    assert.deepStrictEqual([window.used(500), window.used(1000.001), window.used(1500.001)], [10, 1, 0])
    window.settle(six, 99, 2000)
    assert.strictEqual(window.used(2000), 0)
    const way = window.take(3, 2000)
    window.settle(way, 5, 2010)
    assert.deepStrictEqual([window.used(2010), window.used(2100)], [5, 5])
  })

  it("counts an attempt anew that is sent later, unless it is past, and not where it was taken back", () => {
    const { shares, window } = arrived([6, 0])
    const [six] = shares
    if (six === undefined) return assert.fail()
    window.begin(six, 500)
    assert.deepStrictEqual([window.used(1100), window.used(1600.001)], [6, 0])
    window.begin(six, 3000)
    assert.strictEqual(window.used(3000), 0)
    const never = window.take(3, 3000)
    window.undo(never, 3000)
    assert.strictEqual(window.used(3000), 0)
  })

  it("is so many times as large from now on, of what was told", () => {
    const { window } = arrived([10, 0])
    window.scale(1.5)
    assert.deepStrictEqual([window.opensAt(5, 0), window.opensAt(6, 0), window.opensAt(16, 0)], [0, 1000.001, Infinity])
    window.scale(2)
    assert.strictEqual(window.opensAt(10, 0), 0)
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
