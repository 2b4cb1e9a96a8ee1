import { assert, describe, it } from "@effect/vitest"
import type { ControlLaw } from "effect-aimd"
import { Fault, Latency, ServerModel, Simulation, Workload } from "effect-aimd/testing"

/** A law that decides once: a start every so often, each rejected row back after its hint. */
const paced = (spacing: number): ControlLaw.ControlLaw<ControlLaw.Decision> => {
  const decision = (window: number) => ({ window, spacing, holdUntil: 0, delay: 0, epoch: 0, reason: "paced" })
  return {
    name: "paced",
    initial: (poolSize) => ({ state: decision(poolSize), decision: decision(poolSize) }),
    step: (state) => ({ state, decision: state })
  }
}

interface Known {
  readonly world: Simulation.World
  /** Successes a second. */
  readonly goodput: number
  readonly rejections: number
}

const world = (api: Simulation.World["api"], poolSize: number, rows: number, spacing = 0): Simulation.World => ({
  api,
  clients: [{ pool: { poolSize, control: paced(spacing) }, workload: Workload.atOnce(rows) }]
})

const known: Record<string, Known> = {
  "a pool of 4 at a server without a limit: 4 calls every 100 ms": {
    world: world({ model: ServerModel.concurrencyCap({ cap: 1e9 }) }, 4, 4000),
    goodput: 40,
    rejections: 0
  },
  "starts at the very rate of a bucket": {
    world: world({ model: ServerModel.tokenBucket({ rate: 50, burst: 1 }) }, 64, 10_000, 20),
    goodput: 10_000 / (9_999 / 50 + 0.1),
    rejections: 0
  },
  "one caller at a bucket of 10/s: served, rejected, held for the rest: 150 ms a row": {
    // Served in 20 ms, rejected at 20 with 80 to wait, told so 50 later: the next start is at 150.
    world: world(
      {
        model: ServerModel.tokenBucket({ rate: 10, burst: 1 }),
        hints: "milliseconds",
        latency: Latency.constant(20)
      },
      1,
      5000
    ),
    goodput: 5000 / (4999 * 0.15 + 0.02),
    rejections: 4999
  },
  "a fixed window that tells when it ends: one window after the other": {
    // Ten windows of 60 by a pool of 60, each found shut by the 60 of the next; a hold lasts 50 ms beyond the window.
    world: world({ model: ServerModel.fixedWindow({ limit: 60, per: 60_000 }), hints: "milliseconds" }, 60, 600),
    goodput: 600 / (9 * 60 + 0.05 + 0.1),
    rejections: 540
  },
  "workers that serve 8 at once, with a queue that holds the rest": {
    world: world({ model: ServerModel.workers({ workers: 8, queue: 100 }), latency: Latency.constant(250) }, 64, 8000),
    goodput: 32,
    rejections: 0
  },
  "a cap that is never met, an outage of a minute that nobody calls in": {
    world: {
      api: { model: Fault.outages([{ from: 10_000, until: 70_000 }])(ServerModel.concurrencyCap({ cap: 10 })) },
      clients: [
        {
          pool: { poolSize: 10, control: paced(0) },
          workload: [...Workload.atOnce(1000), ...Workload.atOnce(1000, { at: 70_000 })]
        }
      ]
    },
    goodput: 2000 / 80,
    rejections: 0
  },
  "two clients that share a server evenly": {
    world: {
      api: { model: ServerModel.workers({ workers: 10, queue: 1000 }), latency: Latency.constant(500) },
      clients: [1, 2].map(() => ({ pool: { poolSize: 50, control: paced(0) }, workload: Workload.atOnce(2000) }))
    },
    goodput: 20,
    rejections: 0
  }
}

describe("The report agrees with arithmetic to 0.1 %", () => {
  for (const [name, { goodput, rejections, world }] of Object.entries(known)) {
    it(name, () => {
      const report = Simulation.report(world)
      assert.approximately(report.goodput, goodput, goodput / 1000)
      assert.strictEqual(report.rejections, rejections)
      assert.isAtMost(report.shareOfIdeal, 1 + 1e-9)
      if (report.clients.length > 1) assert.approximately(report.fairness ?? 0, 1, 1e-3)
    })
  }
})

describe("The ideal of a simulation", () => {
  const idealOf = (model: ServerModel.ServerModel, poolSizes: ReadonlyArray<number>, rows: number) =>
    Simulation.report({
      api: { model, latency: Latency.constant(100) },
      clients: poolSizes.map((poolSize) => ({
        pool: { poolSize, control: paced(0) },
        workload: Workload.atOnce(rows)
      }))
    })

  it("has the places of all clients, not of the largest pool alone", () => {
    const { idealMakespan, makespan } = idealOf(ServerModel.concurrencyCap({ cap: 1e9 }), [4, 2], 12)
    // The smaller pool has six rounds; somebody who shares all 24 rows among six places needs four.
    assert.deepStrictEqual([idealMakespan, makespan], [400, 600])
  })

  it("counts a cold start once", () => {
    const cold = Fault.coldStart({ lasts: 1000, slowdown: 3 })(ServerModel.concurrencyCap({ cap: 1e9 }))
    // Three times as slow at first, and less so by the millisecond: 300, 240, 192, 153.6 and 122.88 ms.
    const { idealMakespan, makespan } = idealOf(cold, [1], 5)
    assert.deepStrictEqual([idealMakespan, makespan], [1008.48, 1008.48])
  })
})
