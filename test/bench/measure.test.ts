/** The measuring itself, by answers that are known: who does as the ideal does gets all of it. */
import { assert, describe, it } from "@effect/vitest"
import type { ControlLaw } from "effect-aimd"
import { Fault, Latency, ServerModel } from "effect-aimd/testing"
import { fieldServers } from "../../bench/laws/field.js"
import { geometricMean, once, overSeeds, type Law } from "../../bench/laws/measure.js"
import type { Server } from "../../bench/laws/servers.js"
import { isMet } from "../../bench/laws/targets.js"
import { fixed } from "../support/laws.js"

const server = (model: ServerModel.ServerModel, more: Partial<Server> = {}): Server => ({
  group: "",
  name: model.name,
  model,
  latency: Latency.logNormal(1000),
  hints: "none",
  rows: 1000,
  comparedRows: 0,
  share: 0.97,
  rejected: 0.03,
  ...more
})

/** Knows the limit: so many at once, or a start every so many milliseconds, or so many starts in a span. */
const oracle = (decision: Partial<ControlLaw.Decision>): Law => ({ ...fixed(decision), remembers: 1000 })

const open = ServerModel.concurrencyCap({ cap: Infinity })
const perMinute = { limit: 60, period: 60_000, provenUntil: Infinity }
const window = ServerModel.fixedWindow({ limit: 60, per: 60_000 })

describe("An oracle", () => {
  const known: Record<string, readonly [server: Server, oracle: Law]> = {
    "of no limit": [server(open), oracle({})],
    "of no limit, in a narrow pool": [server(open, { poolSize: 3 }), oracle({})],
    "of a cap": [server(ServerModel.concurrencyCap({ cap: 24 })), oracle({ window: 24 })],
    "of a bucket": [server(ServerModel.tokenBucket({ rate: 20, burst: 1 })), oracle({ spacing: 50 })],
    "of a window": [server(window, { rows: 190 }), oracle({ starts: perMinute })],
    "of a lock-out": [
      server(Fault.lockOut({ lasts: 30_000 })(ServerModel.tokenBucket({ rate: 5, burst: 1 }))),
      oracle({ spacing: 200 })
    ],
    "of a cap and a bucket": [
      server(ServerModel.all(ServerModel.concurrencyCap({ cap: 4 }), ServerModel.tokenBucket({ rate: 1, burst: 1 })), {
        latency: Latency.constant(5000)
      }),
      oracle({ window: 4, spacing: 1000 })
    ]
  }
  for (const [name, [server, oracle]] of Object.entries(known)) {
    it(`${name} gets all of the ideal, without a rejection`, () => {
      const { rejected, share } = once(server, oracle, 1)
      assert.approximately(share, 1, 1e-9)
      assert.strictEqual(rejected, 0)
    })
  }

  it("that goes half as fast gets half", () => {
    const slow = server(ServerModel.tokenBucket({ rate: 20, burst: 1 }), { latency: Latency.constant(50), rows: 1001 })
    // 1,000 times 50 milliseconds and the last call, and 1,000 times 100 and the last call.
    assert.approximately(once(slow, oracle({ spacing: 100 }), 1).share, 50_050 / 100_050, 1e-9)
  })
})

describe("What is measured", () => {
  it("rejections by chance: their share to that of successes", () => {
    const noisy = server(Fault.rejecting({ rate: 0.1 })(open), { rows: 4000, rejectionLatency: 20 })
    const { rejected, share } = once(noisy, oracle({}), 1)
    assert.approximately(rejected, 1 / 9, 0.01)
    assert.isAbove(share, 0.97)
  })

  it("drift: the last ten minutes to the first", () => {
    const even = server(window, { rows: 3650, latency: Latency.constant(1000), minutes: 60 })
    assert.strictEqual(once(even, oracle({ starts: perMinute }), 1).drift, 1)
    const failing = Fault.outages([{ from: 3_300_000, until: 3_600_000 }])(window)
    const out = server(failing, { ...even, model: failing })
    // Five of the last ten minutes; nobody hears of the outage for as long as it lasts.
    const patient = { ...fixed({ starts: perMinute, delay: 300_000 }), remembers: 1000 }
    const { drift } = once(out, patient, 1)
    assert.strictEqual(drift, 0.5)
    const median = { share: 1, rejected: 0, cut: undefined, firstSuccess: 0, recovered: 0 }
    assert.deepStrictEqual(
      [1, 0.98, 0.97, NaN].map((drift) => isMet(even, { ...median, drift })),
      [true, true, false, false]
    )
  })

  it("refused rows: how much longer the others take than without them", () => {
    const last = server(open, { rows: 100, poolSize: 1, budget: 10_000, refused: (row) => row === 99 })
    assert.strictEqual(once(last, oracle({ delay: 1000 }), 1).share, 1)
    const first = server(open, { ...last, latency: Latency.constant(1000), refused: (row) => row === 0 })
    // The first row takes the one place for 50 ms whenever it is tried: about once a second, for ten.
    const { share } = once(first, oracle({ delay: 1000 }), 1)
    assert.isBelow(share, 1)
    assert.isAbove(share, 0.99)
  })

  it("a dead API: the rows' budget to when all has ended", () => {
    const dead = server(Fault.rejecting({ rate: 1 })(open), { rows: 50, budget: 60_000, isDead: true })
    const { cut, share } = once(dead, oracle({ delay: 10_000 }), 1)
    assert.strictEqual(cut, undefined)
    assert.isAbove(share, 1 / 1.1)
    assert.isAtMost(share, 1)
    // Who knocks on and on is cut off.
    assert.strictEqual(once({ ...dead, budget: 3_600_000 }, oracle({ delay: 20 }), 1).cut, "costly")
  })

  it("means of shares: none counts for more than the whole", () => {
    assert.approximately(geometricMean([0.25, 1, 4]), 0.25 ** (1 / 3), 1e-12)
    assert.approximately(geometricMean([0]), 1e-3, 1e-12)
  })

  it("two hopeless seeds stand for all", () => {
    assert.deepStrictEqual(
      overSeeds(
        10,
        (seed) => seed,
        () => true
      ),
      [1, 2]
    )
    assert.strictEqual(
      overSeeds(
        10,
        (seed) => seed,
        (seed) => seed !== 2
      ).length,
      10
    )
  })
})

describe("The servers of the field", () => {
  it("have each a name of their own, and can all be done", () => {
    const names = fieldServers.map(({ hints, name, poolSize }) => `${name}, ${hints}, ${poolSize}`)
    assert.strictEqual(new Set(names).size, names.length)
    for (const one of fieldServers) {
      assert.isAtMost(one.comparedRows, one.rows, one.name)
      assert.isAtMost(one.share, 1, one.name)
    }
  })
})
