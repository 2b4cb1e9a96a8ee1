import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import * as Limit from "../../src/limit/Limit.js"

const minute = Duration.minutes(1)

describe("A limit that is told", () => {
  it("is one for each thing that it counts, in requests, tokens, and attempts at once", () => {
    const told = Limit.tell([{ requests: 600, tokens: 90_000, concurrent: 8, per: minute }])
    assert.deepStrictEqual(told.map(Limit.show), ["600 requests per 1m", "90000 tokens per 1m", "8 at once"])
    assert.deepStrictEqual(
      told.map(({ burst, grows, per, refunds }) => [burst, per, refunds, grows]),
      [
        [undefined, 60_000, true, false],
        [undefined, 60_000, true, false],
        [undefined, 0, true, false]
      ]
    )
    assert.deepStrictEqual(
      Limit.tell(["headers"]).map((limit) => [Limit.show(limit), Limit.largest(limit), limit.transit]),
      [
        ["requests as answers tell", Infinity, 1000],
        ["tokens as answers tell", Infinity, 1000]
      ]
    )
  })

  it("of less than a request is one in a longer span; of tokens it may be any part", () => {
    const [requests, tokens] = Limit.tell([{ requests: 0.5, tokens: 0.5, per: Duration.seconds(1) }])
    assert.deepStrictEqual([requests?.most, requests?.per, tokens?.most, tokens?.per], [1, 2000, 0.5, 1000])
  })

  it("of a bucket is as much at once as is said, or the whole limit", () => {
    const [own, whole] = [5, undefined].flatMap((burst) =>
      Limit.tell([{ requests: 10, per: Duration.seconds(1), kind: "bucket", burst }])
    )
    assert.deepStrictEqual(
      [own, whole].map((limit) => limit && [limit.burst, Limit.largest(limit)]),
      [
        [5, 5],
        [10, 10]
      ]
    )
    assert.strictEqual(own && Limit.show(own), "10 requests per 1s, 5 at once")
  })

  it("takes an attempt for counted after a twentieth of its span, or of what a bucket takes to fill, at most a second", () => {
    const transit = (limit: Limit.Read) => Limit.tell([limit]).map((one) => one.transit)
    const per = Duration.seconds(10)
    assert.deepStrictEqual(
      [
        transit({ requests: 10, per }),
        transit({ requests: 10, per: Duration.minutes(1) }),
        transit({ requests: 10, per, kind: "bucket", burst: 5 }),
        transit({ requests: 10, per, transit: Duration.millis(3) }),
        transit({ concurrent: 3 }),
        transit({ concurrent: 3, transit: Duration.millis(20) }),
        transit({ concurrent: 3, transit: Duration.infinity })
      ],
      [[500], [1000], [250], [3], [1000], [20], [1000]]
    )
  })

  it("gives back and grows where that is said", () => {
    const said = { per: minute, refunds: false, grows: true }
    assert.deepStrictEqual(
      Limit.tell([
        { tokens: 5, ...said },
        { concurrent: 2, grows: true }
      ]).map(({ grows, refunds }) => [refunds, grows]),
      [
        [false, true],
        [true, true]
      ]
    )
  })
})
