import { assert, describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import * as Holds from "../../src/pool/Holds.js"
import { range, valueOf } from "../testing/support.js"

const make = (seed = 1) => {
  const notices: Array<string> = []
  const config = valueOf(PoolConfig.make({ maxRetryAfter: "1 second" }))
  return { holds: Holds.make(config, seed, (notice) => notices.push(notice)), notices }
}

describe("A hold that the API asked for", () => {
  it("lasts as long as it asks, up to maxRetryAfter, and never ends sooner than one before", () => {
    const { holds } = make()
    const heed = (asked: number, now: number) => [holds.heed(asked, 0, now), holds.until]
    assert.deepStrictEqual(
      [heed(400, 100), heed(10, 200), heed(1000, 200), heed(5000, 300)],
      [
        [400, 500],
        [10, 500],
        [1000, 1200],
        [1000, 1300]
      ]
    )
    assert.strictEqual(holds.longest, 5000)
  })

  it("lasts up to so much longer by chance, but not beyond maxRetryAfter", () => {
    const untils = range(200).map((seed) => {
      const { holds } = make(seed)
      holds.heed(500, 100, 0)
      return holds.until
    })
    assert.deepStrictEqual([Math.min(...untils), Math.max(...untils)], [500, 599])
    const { holds } = make()
    holds.heed(1000, 100, 0)
    assert.strictEqual(holds.until, 1000)
  })

  it("is told of once where it is cut, and again once it is over", () => {
    const { holds, notices } = make()
    holds.heed(1000, 0, 0)
    assert.deepStrictEqual(notices, [])
    holds.heed(60_000, 0, 1000)
    holds.heed(60_000, 0, 1500)
    assert.deepStrictEqual(notices, ['pool "default": the API asks for 1m of silence; it gets 1s, the maxRetryAfter'])
    holds.heed(60_000, 0, 2500)
    assert.strictEqual(notices.length, 2)
  })

  it("of one row alone is cut the same way, and holds nobody", () => {
    const { holds } = make()
    assert.deepStrictEqual([holds.capped(400), holds.capped(4000), holds.longest, holds.until], [400, 1000, 4000, 0])
  })
})
