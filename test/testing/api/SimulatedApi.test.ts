import { assert, describe, it } from "@effect/vitest"
import { Hints, PooledExecutor, type ControlLaw } from "effect-aimd"
import { Fault, Latency, ServerModel, SimulatedApi, VirtualTime } from "effect-aimd/testing"
import { Cause, Clock, Duration, Effect, Exit, Fiber } from "effect"
import { range, valueOf } from "../support.js"

const bucket = ServerModel.tokenBucket({ rate: 1, burst: 2 })

/** An outcome with the instant at which it came. */
const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.flatMap(Effect.either(effect), (either) => Effect.map(Clock.currentTimeMillis, (at) => [at, either] as const))

describe("SimulatedApi", () => {
  it("serves after its latency and rejects after its own, with a status", () => {
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model: bucket, latency: Latency.constant(300), rejectionLatency: 20 })
      assert.strictEqual(api.name, "bucket 1/s burst 2")
      const answers = yield* Effect.forEach(range(3), () => timed(api.respond()), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers.map(([at, answer]) => [at, answer._tag === "Right" ? answer.right.status : NaN]),
        [
          [300, 200],
          [300, 200],
          [20, 429]
        ]
      )
      assert.deepStrictEqual(yield* api.counts, { accepted: 2, rejected: 1, failed: 0, hung: 0 })
    })
    valueOf(program)
  })

  it("counts a request when it arrives, though its caller has gone", () => {
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model: bucket, transit: Latency.constant(40) })
      const [first] = yield* timed(api.respond())
      assert.strictEqual(first, 140)
      yield* Effect.ignore(Effect.timeout(api.respond(), 10))
      assert.strictEqual((yield* api.counts).accepted, 1)
      yield* Effect.sleep(30)
      assert.strictEqual((yield* api.counts).accepted, 2)
    })
    valueOf(program)
  })

  it("tells what was used, and what that costs", () => {
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model: bucket, usage: { input: 2, output: 10 } })
      const { quota } = yield* api.respond({ tokens: 300_000, output: 100_000 })
      assert.deepStrictEqual(quota, { usage: { inputTokens: 200_000, outputTokens: 100_000, money: 1.4 } })
      assert.deepStrictEqual(yield* api.bill, { tokens: 300_000, money: 1.4 })
    })
    valueOf(program)
  })

  it("takes 100 milliseconds for an answer and 50 for a rejection, and gives no hint, by default", () => {
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model: ServerModel.tokenBucket({ rate: 1, burst: 1 }) })
      const [first, second] = [yield* timed(api.call()), yield* timed(api.call())]
      assert.deepStrictEqual([first[0], second[0]], [100, 150])
      const error = second[1]._tag === "Left" ? second[1].left : undefined
      assert.strictEqual(error?._tag, "CapacityError")
      assert.isFalse("retryAfter" in (error ?? {}))
    })
    valueOf(program)
  })

  const retryAfters: ReadonlyArray<readonly [dialect: SimulatedApi.Options["hints"], millis: number | undefined]> = [
    ["none", undefined],
    ["seconds", 1000],
    ["milliseconds", 900],
    // The date is 1000; the answer comes at 150.
    ["http-date", 850],
    ["reset-headers", 900]
  ]
  for (const [hints = "none", millis] of retryAfters) {
    it(`tells a client of this library when to come back: ${hints}`, () => {
      const program = Effect.gen(function* () {
        const api = yield* SimulatedApi.make({ model: ServerModel.tokenBucket({ rate: 1, burst: 1 }), hints })
        yield* api.call()
        const error = yield* Effect.flip(api.call())
        assert.strictEqual(error._tag, "CapacityError")
        if (error._tag !== "CapacityError") return
        assert.strictEqual(error.retryAfter && Duration.toMillis(error.retryAfter), millis)
      })
      valueOf(program)
    })
  }

  it("reports its quota to the law of the pool that calls it, where the headers say it", () => {
    const heard: Array<ControlLaw.Sample> = []
    const law: ControlLaw.ControlLaw<ControlLaw.Decision> = {
      name: "ear",
      initial: (poolSize) => {
        const decision = { window: poolSize, spacing: 0, holdUntil: 0, delay: 0, epoch: 0, reason: "" }
        return { state: decision, decision }
      },
      step: (state, sample) => {
        heard.push(sample)
        return { state, decision: state }
      }
    }
    const program = (hints: "none" | "reset-headers") =>
      Effect.gen(function* () {
        const api = yield* SimulatedApi.make({ model: bucket, hints })
        const pool = yield* PooledExecutor.make({ poolSize: 1, control: law })
        yield* pool.execute(api.call())
      })
    valueOf(program("none"))
    valueOf(program("reset-headers"))
    assert.deepStrictEqual(
      heard.map(({ hints }) => hints),
      [undefined, { requests: { limit: 2, remaining: 1, resetAfter: 1000 } }]
    )
    // Outside an attempt a report goes nowhere.
    valueOf(Hints.report({}))
  })

  it("fails for reasons that are not capacity with an error of its own", () => {
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model: Fault.failing({ rate: 1, status: 502 })(bucket) })
      const error = yield* Effect.flip(api.call())
      assert.deepStrictEqual([error._tag, error.status], ["ServerError", 502])
      assert.strictEqual(error.message, "the simulated API failed with status 502")
      assert.deepStrictEqual(yield* api.counts, { accepted: 0, rejected: 0, failed: 1, hung: 0 })
    })
    valueOf(program)
  })

  it("answers what fails after the work on it, and counts it out then", () => {
    const model = Fault.failing({ rate: 1 })(ServerModel.concurrencyCap({ cap: 1 }))
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model, latency: Latency.constant(100) })
      const statuses = [yield* api.respond(), yield* api.respond()].map(({ status }) => status)
      return [...statuses, yield* Clock.currentTimeMillis, yield* api.counts]
    })
    assert.deepStrictEqual(valueOf(program), [500, 500, 200, { accepted: 0, rejected: 0, failed: 2, hung: 0 }])
  })

  it("answers what fails at once as fast as a rejection, and counts nothing out", () => {
    const model: ServerModel.ServerModel<number> = {
      ...ServerModel.concurrencyCap({ cap: 1 }),
      arrive: (inFlight) => [inFlight, { _tag: "failed", status: 502 }],
      leave: () => assert.fail("it never came")
    }
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model })
      const { status } = yield* api.respond()
      return [status, yield* Clock.currentTimeMillis, yield* api.counts]
    })
    assert.deepStrictEqual(valueOf(program), [502, 50, { accepted: 0, rejected: 0, failed: 1, hung: 0 }])
  })

  it("fails with a capacity error where what failed has such a status", () => {
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model: Fault.failing({ rate: 1, status: 529 })(bucket) })
      assert.strictEqual((yield* Effect.flip(api.call()))._tag, "CapacityError")
    })
    valueOf(program)
  })

  it("hangs where it is told to, and virtual time says who waits for what", () => {
    const program = Effect.flatMap(SimulatedApi.make({ model: Fault.hanging({ rate: 1 })(bucket) }), (api) =>
      Effect.withSpan(api.call(), "call")
    )
    const { exit } = VirtualTime.run(program)
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    assert.instanceOf(error, VirtualTime.StuckError)
    assert.deepStrictEqual(error.waiting, [
      { fiber: "#0", span: "call", waitsFor: "a sleep of infinite duration", since: 0 }
    ])
  })

  it("knows who has gone: an interrupted call gives its place back", () => {
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model: ServerModel.concurrencyCap({ cap: 1 }) })
      const first = yield* Effect.fork(api.call())
      yield* Effect.sleep(10)
      const rejected = yield* Effect.exit(api.call())
      yield* Fiber.interrupt(first)
      yield* api.call()
      assert.isTrue(Exit.isFailure(rejected))
      assert.deepStrictEqual(yield* api.counts, { accepted: 2, rejected: 1, failed: 0, hung: 0 })
    })
    valueOf(program)
  })

  it("takes the same time for every attempt of a row, and another one for each call without a row", () => {
    const latency = Latency.uniform(0, 1000)
    const took = (calls: ReadonlyArray<SimulatedApi.Call | undefined>, seed: number) =>
      valueOf(
        Effect.gen(function* () {
          const api = yield* SimulatedApi.make({ model: ServerModel.concurrencyCap({ cap: 9 }), latency, seed })
          return yield* Effect.forEach(calls, (call) =>
            Effect.map(Effect.timed(api.respond(call)), ([time]) => Duration.toMillis(time))
          )
        })
      )
    const [first, again] = took([{ row: 3 }, { row: 3 }], 1)
    assert.strictEqual(first, again)
    assert.approximately(SimulatedApi.serviceTime(1, latency, 3, 1), first ?? NaN, 1e-6)
    const calls = took([undefined, undefined, undefined], 1)
    assert.strictEqual(new Set(calls).size, 3)
    assert.deepStrictEqual(took([undefined, undefined, undefined], 1), calls)
    assert.notDeepEqual(took([undefined, undefined, undefined], 2), calls)
  })

  it("draws its seed from Random where it is given none", () => {
    const took = (seed: number) =>
      valueOf(
        Effect.gen(function* () {
          const api = yield* SimulatedApi.make({ model: bucket, latency: Latency.uniform(0, 1000) })
          yield* api.respond()
          return yield* Clock.currentTimeMillis
        }),
        { seed }
      )
    assert.strictEqual(took(1), took(1))
    assert.notStrictEqual(took(1), took(2))
  })

  it("lets calls wait in its queue", () => {
    const program = Effect.gen(function* () {
      const api = yield* SimulatedApi.make({ model: ServerModel.workers({ workers: 1, queue: 2 }) })
      const all = yield* Effect.forEach(range(3), () => timed(api.respond()), { concurrency: "unbounded" })
      return all.map(([at]) => at)
    })
    assert.deepStrictEqual(valueOf(program), [100, 200, 300])
  })

  it("counts by tokens and tells its clients apart", () => {
    const seen: Array<readonly [string, number]> = []
    const ear: ServerModel.ServerModel<null> = {
      name: "ear",
      initial: null,
      arrive: (state, { client, tokens }) => {
        seen.push([client, tokens])
        return [state, { _tag: "accepted" }]
      }
    }
    valueOf(
      Effect.flatMap(SimulatedApi.make({ model: ear }), (api) =>
        Effect.zip(api.call(), api.call({ client: "other", tokens: 40 }))
      )
    )
    assert.deepStrictEqual(seen, [
      ["client", 1],
      ["other", 40]
    ])
  })
})
