import { assert, describe, it } from "@effect/vitest"
import { Curve, Fault, Ideal, ServerModel } from "effect-aimd/testing"
import { range } from "../support.js"

const rows = (count: number, fields: Partial<Ideal.Demand> = {}): ReadonlyArray<Ideal.Demand> =>
  range(count).map(() => ({ at: 0, tokens: 1, service: 100, ...fields }))

const finish = (model: ServerModel.ServerModel, demand: ReadonlyArray<Ideal.Demand>, inFlight = 1000): number =>
  Math.round(Ideal.finishedAt(model, demand, inFlight) * 1000) / 1000

describe("Ideal.finishedAt", () => {
  const cases: Record<string, readonly [found: number, known: number]> = {
    "a token bucket: the rows beyond the burst at its rate, and the last one's latency": [
      finish(ServerModel.tokenBucket({ rate: 50, burst: 50 }), rows(500)),
      ((500 - 50) / 50) * 1000 + 100
    ],
    "a bucket of tokens": [
      finish(ServerModel.tokenBucket({ rate: 1000, burst: 2000, unit: "tokens" }), rows(100, { tokens: 200 })),
      ((100 * 200 - 2000) / 1000) * 1000 + 100
    ],
    "two buckets: the slower one": [
      finish(
        ServerModel.all(
          ServerModel.tokenBucket({ rate: 10, burst: 10 }),
          ServerModel.tokenBucket({ rate: 1000, burst: 1000, unit: "tokens" })
        ),
        rows(100, { tokens: 200 })
      ),
      100 * 200 - 1000 + 100
    ],
    "a fixed window: the last window's start": [
      finish(ServerModel.fixedWindow({ limit: 60, per: 60_000 }), rows(600)),
      9 * 60_000 + 100
    ],
    "a sliding window": [finish(ServerModel.slidingWindow({ limit: 60, per: 60_000 }), rows(181)), 3 * 60_000 + 100],
    "a sliding window where rejections count: nobody is rejected": [
      finish(ServerModel.slidingWindow({ limit: 60, per: 60_000, countRejected: true }), rows(181)),
      3 * 60_000 + 100
    ],
    "a cap: rounds of as many": [finish(ServerModel.concurrencyCap({ cap: 8 }), rows(100)), Math.ceil(100 / 8) * 100],
    "a pool smaller than the cap": [finish(ServerModel.concurrencyCap({ cap: 8 }), rows(100), 4), 25 * 100],
    "workers: their queue is no delay": [finish(ServerModel.workers({ workers: 4, queue: 8 }), rows(100)), 25 * 100],
    "an outage at the start": [
      finish(Fault.outages([{ from: 0, until: 5000 }])(ServerModel.concurrencyCap({ cap: 10 })), rows(100)),
      5000 + 10 * 100
    ],
    "an outage in the middle: what is in flight goes on": [
      finish(Fault.outages([{ from: 250, until: 5000 }])(ServerModel.concurrencyCap({ cap: 10 })), rows(100)),
      5000 + 7 * 100
    ],
    "a rate that steps: it foresees the step": [
      finish(
        Fault.scaled(
          Curve.steps([
            [0, 0.01],
            [10_000, 1]
          ])
        )(ServerModel.tokenBucket({ rate: 10, burst: 1 })),
        rows(11)
      ),
      // One at once, one hundredth of ten a second for ten seconds, then ten a second.
      10_000 + 9 * 100 + 100
    ],
    "rows that come later": [finish(ServerModel.concurrencyCap({ cap: 1 }), rows(2, { at: 7000 })), 7200],
    "nothing to do": [finish(ServerModel.concurrencyCap({ cap: 1 }), []), 0],
    "a row too large for the limit: never": [
      finish(ServerModel.tokenBucket({ rate: 1, burst: 5, unit: "tokens" }), rows(1, { tokens: 6 })),
      Infinity
    ],
    "errors and hangs: they are chance, which the ideal does not meet": [
      finish(
        Fault.failing({ rate: 0.5 })(Fault.hanging({ rate: 0.9 })(ServerModel.concurrencyCap({ cap: 1 }))),
        rows(3)
      ),
      300
    ],
    "rejections by chance and rows that are refused: the ideal does not meet them either": [
      finish(
        Fault.rejecting({ rate: 0.9 })(
          Fault.refusing({ row: (row) => row === 1 })(ServerModel.concurrencyCap({ cap: 1 }))
        ),
        rows(3)
      ),
      300
    ],
    "a lock-out: it never asks for one too many": [
      finish(Fault.lockOut({ lasts: 30_000 })(ServerModel.fixedWindow({ limit: 5, per: 1000 })), rows(600)),
      119 * 1000 + 100
    ],
    "a lock-out by one of two limits": [
      finish(
        ServerModel.all(
          Fault.lockOut({ lasts: 30_000 })(ServerModel.tokenBucket({ rate: 5, burst: 5 })),
          ServerModel.tokenBucket({ rate: 10, burst: 1 })
        ),
        rows(25)
      ),
      20 * 200 + 100
    ]
  }
  for (const [name, [found, known]] of Object.entries(cases)) {
    it(`knows ${name}`, () => assert.strictEqual(found, known))
  }

  it("looks again every millisecond where a model of the user's own does not say when it opens", () => {
    const evenSeconds: ServerModel.ServerModel<null> = {
      name: "even seconds",
      initial: null,
      arrive: (state, { at }) => [
        state,
        Math.floor(at / 1000) % 2 === 0 ? { _tag: "accepted" } : { _tag: "rejected", status: 429 }
      ]
    }
    assert.strictEqual(finish(evenSeconds, [...rows(1), ...rows(1, { at: 1500 })]), 2100)
  })

  it("is never where a cap takes nobody", () => {
    const never: ServerModel.ServerModel<null> = {
      name: "never",
      initial: null,
      arrive: (state) => [state, { _tag: "rejected", status: 429 }]
    }
    assert.strictEqual(finish(never, rows(1)), Infinity)
  })
})
