import { assert, describe, it } from "@effect/vitest"
import { cases, explore } from "./suite.js"
import { Report, ServerModel, Simulation, Workload, type Trace } from "effect-aimd/testing"

/** Ten rows at once, a tenth of a second each: 100 a second. */
const api = { model: ServerModel.concurrencyCap({ cap: 10 }) }
const pool = { poolSize: 10, limits: undefined }

type Started = Extract<Trace.Event, { readonly _tag: "started" }>

const run = (world: Omit<Simulation.World, "api">, options: Simulation.Options = {}) => {
  const starts: Array<Started> = []
  const observer: Trace.Observer = (event) => {
    if (event._tag === "started") starts.push(event)
  }
  const report = Simulation.report({ api, ...world }, { observers: [observer], ...options })
  return { report, starts }
}

/** How many of the first starts are those of each tenant, whose rows follow one another. */
const sharesOf = (starts: ReadonlyArray<Started>, sizes: ReadonlyArray<number>, count: number): Array<number> => {
  const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0))
  const shares = sizes.map(() => 0)
  for (const { row } of starts.slice(0, count)) {
    const tenant = ends.findIndex((end) => row < end)
    shares[tenant] = (shares[tenant] ?? 0) + 1
  }
  return shares
}

describe("turns in a simulation", () => {
  for (const kind of ["calls", "batch"] as const) {
    it(`are equal between tenants, whatever their numbers of waiting rows: ${kind}`, () => {
      const sizes = [2000, 30, 300, 40, 500, 35]
      const { report, starts } = run({ clients: [{ pool, workload: Workload.tenants(sizes, { kind }) }] })
      assert.strictEqual(report.successes, 2905)
      // As long as all of them wait; the first ten had started before anybody else was there.
      const shares = sharesOf(starts.slice(10), sizes, 170)
      assert.isAtLeast(Report.jain(shares), 0.99)
    })
  }

  it("are equal between a thousand tenants", () => {
    const sizes = Array.from({ length: 1000 }, (_, i) => 4 + (i % 10) * 3)
    const { starts } = run(
      { clients: [{ pool, workload: Workload.tenants(sizes) }] },
      // Each looks at all tenants at each start.
      { checkers: [] }
    )
    assert.isAtLeast(Report.jain(sharesOf(starts, sizes, 4000)), 0.99)
  })

  it("let an urgent call start next, among thousands", () => {
    const crowd = Workload.tenants(Array.from({ length: 20 }, () => 50))
    const urgent = Workload.inTurn([{ kind: "calls", rows: [{ tokens: 1 }], at: 5050 }], () => ({ priority: 1 }))
    const { starts } = run({ clients: [{ pool, workload: [...crowd, ...urgent] }] })
    const at = starts.find(({ row }) => row === 1000)?.at ?? Infinity
    // The next of the ten that run is done within a tenth of a second.
    assert.isAtMost(at, 5150)
    assert.isTrue(starts.every(({ at: other }) => other <= 5050 || other >= at))
  })

  it("do what is due first, and refuse what is too late", () => {
    const workload = Workload.inTurn(Workload.bursts({ size: 60, every: 500, bursts: 10 }), (index) => ({
      deadline: 100 + (index % 7) * 100,
      late: "refuse"
    }))
    const { report, starts } = run({ clients: [{ pool, workload }] })
    const refused = report.outcomes.TooLateError ?? 0
    assert.strictEqual(report.successes + refused, 600)
    // No call is wasted: each that started was done.
    assert.strictEqual(starts.length - report.rejections, report.successes)
    assert.isAtLeast(report.successes, 400)
  })

  const rowsOf = (tenant: string, tokens: ReadonlyArray<number>) =>
    tokens.map((tokens) => ({ tokens, turn: { tenant } }))

  it("let small rows pass a large one that waits for room, and have their tenant pay for it", () => {
    const { starts } = run({
      clients: [
        {
          costs: true,
          pool: { poolSize: 8, limits: "100 tokens per second" },
          workload: [
            { kind: "batch", rows: rowsOf("a", [60, 90, 90, 90, 90]) },
            { kind: "batch", rows: rowsOf("b", [1, 1, 1, 90]), at: 10 }
          ]
        }
      ]
    })
    // Row 5 has its turn, 6 and 7 pass row 1: so two of a start before the next of b.
    assert.deepStrictEqual(
      starts.map(({ row }) => row),
      [0, 5, 6, 7, 1, 2, 8, 3, 4]
    )
  })

  it("let small rows pass at the instant at which a large one of their tenant has its turn", () => {
    const { starts } = run({
      clients: [
        {
          costs: true,
          pool: { poolSize: 8, limits: "100 tokens per second", control: "delay" },
          workload: [
            { kind: "calls", rows: rowsOf("c", [100]) },
            { kind: "batch", rows: rowsOf("a", [60, 1, 1, 1]), at: 10 },
            { kind: "batch", rows: rowsOf("b", [60, 60]), at: 10 }
          ]
        }
      ]
    })
    const first = starts.filter(({ at }) => at === starts[1]?.at).map(({ row }) => row)
    assert.deepStrictEqual(first, [1, 2, 3, 4])
  })

  it("break no rule in any world, with told limits or without, in pools and groups, whatever is interrupted", () => {
    for (const [seed, one] of cases.entries()) {
      const { failure, runs } = explore(one, [seed], true)
      if (failure !== undefined) assert.fail(`${one.name}, seed ${seed}\n${failure.message}`)
      assert.strictEqual(runs, 1)
    }
  })

  it("hold at a group of pools, each of which keeps the limits that it was told", () => {
    const limited = { poolSize: 8, limits: [{ requests: 20, tokens: 600, per: "1 second" as const }] }
    const { report } = run({
      apis: { other: { model: ServerModel.slidingWindow({ limit: 10, per: 1000 }), usage: true } },
      clients: [
        {
          pool: { poolSize: 8 },
          costs: true,
          members: {
            ours: { pool: limited },
            theirs: { pool: { poolSize: 4, limits: "10 requests per second" }, api: "other" }
          },
          workload: [
            ...Workload.tenants([120, 40], { tokens: (chance) => 1 + chance.integer(60) }),
            ...Workload.atOnce(100, { tokens: (chance) => 1 + chance.integer(60) })
          ]
        }
      ]
    })
    assert.deepStrictEqual([report.successes, report.rejections], [260, 0])
    assert.deepStrictEqual(
      report.clients.map(({ name }) => name),
      ["client 0", "client 0, ours", "client 0, theirs"]
    )
  })
})
