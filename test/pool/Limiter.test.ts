import { assert, describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import { Effect } from "effect"
import * as Cost from "../../src/limit/Cost.js"
import * as Limiter from "../../src/pool/Limiter.js"

const make = (options: PoolConfig.Options): Limiter.Limiter => {
  const limiter = Limiter.make(Effect.runSync(PoolConfig.make(options)))
  return limiter ?? assert.fail("it was told nothing")
}

/** A call of one request that starts and ends at an instant. */
const run = (limiter: Limiter.Limiter, now: number, what: Limiter.What): void =>
  limiter.settle(limiter.reserve(limiter.bid(Cost.one), now), what, undefined, now)

/** How many requests may start at once. */
const room = (limiter: Limiter.Limiter, now: number): number | undefined =>
  [22, 21, 20, 19].find((count) => limiter.ledger.opensAt([count], now) <= now)

describe("A limiter", () => {
  const grows = { limits: [{ requests: 20, per: "1 second", transit: 0, grows: true }] } as const

  it("tries a twentieth more once an answer comes after the limit has held somebody back, and none after a rejection", () => {
    const limiter = make(grows)
    assert.strictEqual(room(limiter, 0), 20)
    run(limiter, 0, "answered")
    assert.strictEqual(room(limiter, 2000), 21)
    run(limiter, 2000, "rejected")
    assert.strictEqual(room(limiter, 4000), 20)
  })

  it("learns nothing of what was broken off, or failed, nor where nobody was held back", () => {
    const quiet = make(grows)
    for (const now of [0, 2000]) {
      assert.strictEqual(quiet.opensAt(Cost.one, now), now)
      run(quiet, now, "answered")
    }
    assert.strictEqual(room(quiet, 4000), 20)
    const limiter = make(grows)
    room(limiter, 0)
    run(limiter, 0, "broken")
    run(limiter, 0, "failed")
    assert.strictEqual(room(limiter, 2000), 20)
  })
})

describe("Money that a limiter keeps", () => {
  const priced = () =>
    make({ limits: [{ tokens: 100, per: "1 minute", transit: 0 }], prices: { "*": { input: 1000, request: 0.5 } } })
  const asked = Cost.weigh({ inputTokens: 60 })
  /** What was spent, how much of it is an estimate, and the tokens that a next call may take at once. */
  const after = (
    what: Limiter.What,
    usage?: { readonly tokens?: number; readonly inputTokens?: number; readonly money?: number }
  ) => {
    const limiter = priced()
    limiter.settle(limiter.reserve(limiter.bid(asked), 0), what, usage && { usage }, 0)
    const { spent = 0, estimated = 0 } = limiter.purse?.money ?? {}
    const free = [100, 60, 40].find((tokens) => limiter.ledger.opensAt([tokens], 0) <= 0)
    return [Number(spent.toFixed(6)), Number(estimated.toFixed(6)), free]
  }

  it("is spent by what an answer tells, in tokens or in money, and by the estimate where it tells nothing", () => {
    assert.deepStrictEqual(
      [after("answered", { inputTokens: 40 }), after("answered", { money: 7 }), after("answered")],
      [
        [0.54, 0, 60],
        [7, 0, 40],
        [0.56, 0.56, 40]
      ]
    )
  })

  it("is not spent by a rejected call, which has used nothing, and not even its request is paid for", () => {
    assert.deepStrictEqual(after("rejected", { inputTokens: 40 }), [0, 0, 100])
  })

  it("is spent by the estimate where a call was broken off, whatever it told", () => {
    assert.deepStrictEqual(after("broken", { inputTokens: 40 }), [0.56, 0.56, 40])
  })
})
