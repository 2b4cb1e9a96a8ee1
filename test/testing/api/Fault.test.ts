import { assert, describe, it } from "@effect/vitest"
import { Curve, Fault, ServerModel, Simulation, Workload } from "effect-aimd/testing"
import { range, verdicts, words } from "../support.js"

const open = ServerModel.concurrencyCap({ cap: Infinity })

describe("Faults", () => {
  it("outages serve nobody within their spans, and do not say for how long", () => {
    const spans = [
      { from: 100, until: 200 },
      { from: 400, until: 1400 }
    ]
    const model = Fault.outages(spans)(open)
    assert.deepStrictEqual(words(model, [99, 100, 199, 200, 400, 1400]), [
      "ok",
      "503 for 100 silently",
      "503 for 1 silently",
      "ok",
      "503 for 1000 silently",
      "ok"
    ])
    assert.strictEqual(model.name, "cap Infinity, out for 0.1 s, 1 s")
    assert.deepStrictEqual(words(Fault.outages(spans, { status: 529 })(open), [150]), ["529 for 50 silently"])
  })

  it("an outage costs the limit nothing", () => {
    const model = Fault.outages([{ from: 0, until: 100 }])(ServerModel.tokenBucket({ rate: 1, burst: 1 }))
    assert.deepStrictEqual(words(model, [0, 50, 100, 100]), [
      "503 for 100 silently",
      "503 for 50 silently",
      "ok",
      "429 for 1000"
    ])
  })

  it("a share of the requests fails, by chance", () => {
    const model = Fault.failing({ rate: 0.07 })(open)
    assert.deepStrictEqual(
      words(
        model,
        [0, 0.069, 0.07, 0.99].map((chance) => [0, { chance }] as const)
      ),
      ["500 in the end", "500 in the end", "ok", "ok"]
    )
    assert.strictEqual(model.name, "cap Infinity, 7 % fail")
    assert.deepStrictEqual(words(Fault.failing({ rate: 1, status: 404 })(open), [0]), ["404 in the end"])
  })

  it("what fails is admitted first, or rejected: it takes its token", () => {
    const model = Fault.failing({ rate: 1 })(ServerModel.tokenBucket({ rate: 1, burst: 1 }))
    assert.deepStrictEqual(words(model, [0, 0, 1000]), ["500 in the end", "429 for 1000", "500 in the end"])
  })

  it("what fails has a place at a cap until it leaves", () => {
    const model = Fault.failing({ rate: 1 })(ServerModel.concurrencyCap({ cap: 1 }))
    assert.deepStrictEqual(words(model, [0, 0, { leave: 10 }, 10]), ["500 in the end", "429", "500 in the end"])
  })

  it("what fails keeps a worker busy", () => {
    const model = Fault.failing({ rate: 1 })(ServerModel.workers({ workers: 1, queue: 1 }))
    assert.deepStrictEqual(words(model, [0, 0, 0]), ["500 in the end", "500 in the end after 100", "503 for 100"])
  })

  it("what fails at one of several limits takes its place at all of them", () => {
    const failing = Fault.failing({ rate: 1 })(ServerModel.tokenBucket({ rate: 1, burst: 9 }))
    const model = ServerModel.all(ServerModel.concurrencyCap({ cap: 1 }), failing)
    assert.deepStrictEqual(words(model, [0, 0, { leave: 10 }, 10]), ["500 in the end", "429", "500 in the end"])
  })

  it("a share of the requests hangs, independently of what fails, and of all others a share fails", () => {
    const [fails, hangs] = [Fault.failing({ rate: 0.5 }), Fault.hanging({ rate: 0.5 })]
    const asks = range(100).map((index) => [0, { chance: index / 100 }] as const)
    for (const model of [fails(hangs(open)), hangs(fails(open))]) {
      const found = words(model, asks)
      assert.deepStrictEqual(
        ["hung", "500 in the end", "ok"].map((kind) => found.filter((verdict) => verdict === kind).length),
        [50, 25, 25]
      )
    }
  })

  it("what hangs takes no place", () => {
    const model = Fault.hanging({ rate: 0.5 })(ServerModel.concurrencyCap({ cap: 1 }))
    assert.deepStrictEqual(
      words(model, [
        [0, { chance: 0.1 }],
        [0, { chance: 0.6 }],
        [0, { chance: 0.7 }]
      ]),
      ["hung", "ok", "429"]
    )
  })

  it("a share is rejected by chance, whatever the load; what is left of the chance decides the rest", () => {
    const model = Fault.rejecting({ rate: 0.2 })(Fault.failing({ rate: 0.5 })(open))
    const asks = range(100).map((index) => [0, { chance: (index + 0.5) / 100 }] as const)
    const found = words(model, asks)
    assert.deepStrictEqual(
      ["503 silently", "500 in the end", "ok"].map((kind) => found.filter((verdict) => verdict === kind).length),
      [20, 40, 40]
    )
    assert.strictEqual(model.name, "cap Infinity, 50 % fail, 20 % rejected by chance")
    assert.deepStrictEqual(words(Fault.rejecting({ rate: 1, status: 429, opensIn: 5 })(open), [0]), ["429 for 5"])
  })

  it("what is rejected by chance costs the limit nothing", () => {
    const model = Fault.rejecting({ rate: 0.5, status: 529 })(ServerModel.tokenBucket({ rate: 1, burst: 1 }))
    assert.deepStrictEqual(words(model, [[0, { chance: 0.4 }], [0, { chance: 0.5 }], 0]), [
      "529 silently",
      "ok",
      "429 for 1000"
    ])
  })

  it("episodes of rejections follow a curve", () => {
    const rate = Curve.pulses({ every: 1000, lasts: 200, high: 0.6 })
    const model = Fault.rejecting({ rate })(open)
    assert.deepStrictEqual(words(model, [0, 799, 800, [800, { chance: 0.6 }], 999, 1000]), [
      "ok",
      "ok",
      "503 silently",
      "ok",
      "503 silently",
      "ok"
    ])
    assert.strictEqual(model.name, "cap Infinity, some rejected by chance")
  })

  it("some rows are refused whenever they are tried, and cost the limit nothing", () => {
    const model = Fault.refusing({ row: (row) => row % 2 === 1 })(ServerModel.tokenBucket({ rate: 1, burst: 2 }))
    const asks = [1, 2, 1, undefined, 4].map((row) => [0, row === undefined ? {} : { row }] as const)
    assert.deepStrictEqual(words(model, asks), [
      "429 for Infinity silently",
      "ok",
      "429 for Infinity silently",
      "ok",
      "429 for 1000"
    ])
    assert.strictEqual(model.name, "bucket 1/s burst 2, some rows refused")
  })

  it("an API tells its model which row a call is of", () => {
    const model = Fault.refusing({ row: (row) => row === 1 })(open)
    const served = Simulation.report(
      {
        api: { model },
        clients: [
          { pool: { poolSize: 4, control: "delay", maxCapacityRetry: "1 second" }, workload: Workload.atOnce(4) }
        ]
      },
      { checkers: [] }
    )
    assert.deepStrictEqual(served.outcomes, { success: 3, RetryTimeoutError: 1 })
  })

  it("one too many locks everybody out", () => {
    const model = Fault.lockOut({ lasts: 30_000 })(ServerModel.fixedWindow({ limit: 2, per: 1000 }))
    assert.deepStrictEqual(words(model, [0, 0, 900, 2000, 30_899, 30_900]), [
      "ok",
      "ok",
      "429 for 30000 silently",
      "429 for 28900 silently",
      "429 for 1 silently",
      "ok"
    ])
    assert.strictEqual(model.name, "window 2 per 1 s, locked out for 30 s by one too many")
    const telling = Fault.lockOut({ lasts: 5000, silent: false, status: 403 })(ServerModel.concurrencyCap({ cap: 1 }))
    assert.deepStrictEqual(words(telling, [0, 1, { leave: 2 }, 3, 5001]), ["ok", "403 for 5000", "403 for 4998", "ok"])
  })

  it("who is not counted among several limits does not lock out for longer than those say", () => {
    const locks = Fault.lockOut({ lasts: 30_000 })(ServerModel.tokenBucket({ rate: 1, burst: 1 }))
    const model = ServerModel.all(ServerModel.tokenBucket({ rate: 0.5, burst: 1 }), locks)
    assert.deepStrictEqual(verdicts(model, [0, 0])[1], {
      _tag: "rejected",
      status: 429,
      silent: true,
      quota: { requests: { limit: 1, remaining: 0, resetAfter: 2000 } },
      opensIn: 30_000,
      unaskedIn: 2000
    })
  })

  it("a cold start works slowly, less and less so", () => {
    const model = Fault.coldStart({ lasts: 1000, slowdown: 5, from: 1000 })(open)
    // 100 ms of work: 400 more at first, half of that half-way.
    assert.deepStrictEqual(words(model, [0, 1000, 1500, 2000, 9000]), ["ok", "ok and 400", "ok and 200", "ok", "ok"])
    assert.strictEqual(model.name, "cap Infinity, cold for 1 s")
    assert.deepStrictEqual(words(Fault.coldStart({ lasts: 10, slowdown: 2 })(open), [0]), ["ok and 100"])
  })

  it("a cold start keeps workers busy for longer, and adds to the extra time of the model itself", () => {
    const cold = Fault.coldStart({ lasts: 1000, slowdown: 3 })
    assert.deepStrictEqual(words(cold(ServerModel.workers({ workers: 1, queue: 1 })), [0, 0, 0]), [
      "ok and 200",
      "ok after 300 and 200",
      "503 for 300"
    ])
    assert.deepStrictEqual(words(cold(cold(open)), [0]), ["ok and 800"])
  })

  it("a scaled rate follows its curve, and says when it opens", () => {
    const curve = Curve.steps([
      [0, 1],
      [1000, 0.5],
      [3000, 0]
    ])
    const model = Fault.scaled(curve, "half from 1 s")(ServerModel.tokenBucket({ rate: 10, burst: 1 }))
    assert.deepStrictEqual(words(model, [0, 50, 100, 1100, 1200, 3000, 3000]), [
      "ok",
      "429 for 50",
      "ok",
      "ok",
      "429 for 100",
      "ok",
      "429 for Infinity"
    ])
    assert.strictEqual(model.name, "bucket 10/s burst 1, half from 1 s")
  })

  it("a scaled rate foresees a step of its curve", () => {
    const curve = Curve.steps([
      [0, 0],
      [60_000, 1]
    ])
    const model = Fault.scaled(curve)(ServerModel.tokenBucket({ rate: 10, burst: 1 }))
    assert.deepStrictEqual(words(model, [0, 0]), ["ok", "429 for 60100"])
  })

  it("a scaled cap still counts who leaves", () => {
    const model = Fault.scaled(Curve.constant(2))(ServerModel.concurrencyCap({ cap: 1 }))
    assert.deepStrictEqual(words(model, [0, 0, { leave: 10 }, 10]), ["ok", "429", "ok"])
    const bucket = Fault.scaled(Curve.constant(2))(ServerModel.tokenBucket({ rate: 1, burst: 1 }))
    assert.deepStrictEqual(words(bucket, [0, { leave: 1 }, 1]), ["ok", "429 for 499"])
  })

  it("are none by default", () => {
    assert.deepStrictEqual(verdicts(open, [0]), [{ _tag: "accepted" }])
  })
})
