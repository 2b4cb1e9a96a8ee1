import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Fiber, Option, Predicate, type Scope, Stream } from "effect"
import type { YieldWrap } from "effect/Utils"
import {
  Capacity,
  type ControlLaw,
  Hints,
  PoolError,
  type PoolConfig,
  type PoolStats,
  PooledExecutor
} from "effect-aimd"
import { Latency, ServerModel, Simulation, VirtualTime, Workload } from "effect-aimd/testing"
import * as Insider from "../../src/pool/Insider.js"
import { busy, makeApi, ok, range } from "../support/api.js"
import { fixed } from "../support/laws.js"

/** Rows of one to so many tokens, most of them small. */
const skewed =
  (most: number): Workload.Tokens =>
  (chance) =>
    Math.max(1, Math.round(most * chance.number() ** 4))

/** Every kind of API that allows so many in a span. */
const servers = (limit: number, per: number, unit: ServerModel.Unit = "requests") => [
  ServerModel.fixedWindow({ limit, per, unit }),
  ServerModel.fixedWindow({ limit, per, unit, aligned: false }),
  ServerModel.slidingWindow({ limit, per, unit, countRejected: true }),
  ServerModel.tokenBucket({ rate: (limit / per) * 1000, burst: limit, unit })
]

describe("Limits that never bind", () => {
  /** When each row started, by a pool of 4 that is told so. */
  const starts = (options: PoolConfig.Options) => {
    const api = makeApi((row, attempt) => (row === 0 || row % 5 === attempt ? busy(10) : ok(10 * (1 + (row % 3)))))
    const program = Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 4, control: "delay", maxCapacityRetry: 3000, ...options })
      yield* pool.executeBatch(range(200), api.call)
      return api.starts
    })
    const { exit } = VirtualTime.run(Effect.scoped(program))
    return Exit.isSuccess(exit) ? exit.value : assert.fail(String(exit))
  }

  it("change no start, nor the turns of those that are rejected, nor of one that always is", () => {
    const limits = [{ requests: 1e6, tokens: 1e9, per: "1 second" }] as const
    assert.deepStrictEqual(starts({ limits }), starts({}))
  })
})

describe("A pool that was told a limit", () => {
  it("goes on after callers who came back while there was no room", () => {
    const program = Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 20, limits: "10 requests per second" })
      const call = pool.execute(Effect.sleep(10))
      // Once each is done, their line has left the pool's; the second ones come while nothing may start.
      for (const calls of [10, 11])
        yield* Effect.all(
          range(calls).map(() => call),
          { concurrency: "unbounded" }
        )
      const { entries } = yield* pool.executeBatch(range(200), (row) => Effect.succeed(row))
      return entries.length
    })
    const { exit } = VirtualTime.run(Effect.scoped(program))
    assert.deepStrictEqual(exit, Exit.succeed(200))
  })

  it("tells the law what each of its starts weighs", () => {
    const weights: Array<ReadonlyArray<number>> = []
    const control: ControlLaw.ControlLaw<ControlLaw.Decision> = {
      ...fixed({}),
      remembers: 8,
      step: (state, _sample, _now, starts) => {
        weights.push(range(starts?.last ?? 0).map((before) => starts?.tokens(before + 1) ?? NaN))
        return { state, decision: state }
      }
    }
    const program = Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2, control, limits: [{ tokens: 100, per: "1 second" }] })
      yield* pool.executeBatch([5, 0, 7], (row) => ok(10 + row), { cost: (tokens) => ({ tokens }) })
    })
    const { exit } = VirtualTime.run(Effect.scoped(program))
    assert.isTrue(Exit.isSuccess(exit))
    assert.deepStrictEqual(weights, [
      [5, 0],
      [5, 0, 7],
      [5, 0, 7]
    ])
  })

  it("has not one call rejected, from the first on, by whatever kind of server", () => {
    for (const [requests, per, poolSize, rounds] of [
      [7, 3000, 1, 20],
      [7, 3000, 8, 20],
      [7, 3000, 500, 20],
      [0.5, 1000, 8, 20],
      [900, 1000, 500, 4]
    ] as const) {
      const rows = rounds * Math.ceil(requests)
      for (const model of servers(Math.max(1, requests), requests < 1 ? per / requests : per)) {
        const report = Simulation.report({
          api: { model, latency: Latency.uniform(10, 400) },
          clients: [{ pool: { poolSize, limits: [{ requests, per }] }, workload: Workload.atOnce(rows) }]
        })
        assert.deepStrictEqual([report.rejections, report.successes], [0, rows], model.name)
      }
    }
  })

  it("has none rejected though calls are on their way for as long as it was told", () => {
    const way = Latency.uniform(0, 200)
    for (const model of servers(20, 2000)) {
      const world = (transit: number): Simulation.World => ({
        api: { model, latency: Latency.uniform(10, 3000), transit: way },
        clients: [
          {
            pool: { poolSize: 64, limits: [{ requests: 20, per: "2 seconds", transit }] },
            workload: Workload.atOnce(400),
            // Whatever is interrupted on its way arrives all the same.
            acts: Array.from({ length: 40 }, (_, i) => ({ kind: "cancel", at: 50 * i + 7, row: 9 * i }))
          }
        ]
      })
      for (const seed of [1, 2, 3])
        assert.strictEqual(Simulation.report(world(200), { seed }).rejections, 0, model.name)
    }
  })

  it("keeps limits of requests, tokens and attempts at once together", () => {
    const model = ServerModel.all(
      ServerModel.slidingWindow({ limit: 60, per: 60_000 }),
      ServerModel.slidingWindow({ limit: 90_000, per: 60_000, unit: "tokens" }),
      ServerModel.concurrencyCap({ cap: 4 })
    )
    const report = Simulation.report({
      api: { model, latency: Latency.uniform(100, 4000), usage: true },
      clients: [
        {
          pool: { poolSize: 16, limits: "60 requests per minute, 90000 tokens per minute, 4 concurrent" },
          costs: true,
          workload: Workload.atOnce(400, { tokens: skewed(60_000) })
        }
      ]
    })
    assert.deepStrictEqual([report.rejections, report.successes], [0, 400])
  })

  it("is as fast as the limit allows, but for the time that calls are on their way", () => {
    const report = Simulation.report({
      api: { model: ServerModel.slidingWindow({ limit: 600, per: 60_000 }), latency: Latency.uniform(500, 4000) },
      clients: [{ pool: { poolSize: 500, limits: "600 requests per minute" }, workload: Workload.atOnce(3000) }]
    })
    // A second of each minute is for the way there.
    assert.isAtLeast(report.idealMakespan / report.makespan, 0.96)
  })

  it("learns beside it where the API allows less", () => {
    const report = Simulation.report({
      api: { model: ServerModel.tokenBucket({ rate: 5, burst: 5 }), hints: "seconds" },
      clients: [{ pool: { poolSize: 16, limits: "20 requests per second" }, workload: Workload.atOnce(300) }]
    })
    assert.strictEqual(report.successes, 300)
    assert.isBelow(report.rejections, 60)
  })

  it("is tried further where it may grow, and again after a rejection; else it is never", () => {
    const run = (grows: boolean, allowed: number) =>
      Simulation.report({
        api: { model: ServerModel.slidingWindow({ limit: allowed, per: 1000 }), latency: Latency.constant(50) },
        clients: [
          { pool: { poolSize: 32, limits: [{ requests: 20, per: 1000, grows }] }, workload: Workload.atOnce(1200) }
        ]
      })
    const [told, far, near] = [run(false, 100), run(true, 100), run(true, 24)]
    assert.deepStrictEqual(
      [told, far, near].map(({ successes }) => successes),
      [1200, 1200, 1200]
    )
    assert.deepStrictEqual([told.rejections, far.rejections], [0, 0])
    // 60 seconds at the rate that was told; a twentieth more after each second or two is twice as fast.
    assert.isAtLeast(told.makespan, 59_000)
    assert.isAtMost(far.makespan, told.makespan / 1.5)
    assert.isAtLeast(near.rejections, 1)
    assert.isBelow(near.makespan, told.makespan)
  })

  it("holds for all that goes through the pool: batches, streams, calls, and lines", () => {
    const report = Simulation.report({
      api: { model: ServerModel.slidingWindow({ limit: 1000, per: 1000, unit: "tokens" }), usage: true },
      clients: [
        {
          pool: { poolSize: 32, limits: [{ tokens: 1000, per: 1000 }] },
          costs: true,
          workload: [
            ...Workload.batches(3, 60, { tokens: skewed(900), every: 500 }),
            ...Workload.stream(120, { tokens: skewed(400), maxPending: 20, reader: 3 }),
            ...Workload.poisson({ rate: 20, count: 120, tokens: skewed(300) })
          ]
        }
      ]
    })
    assert.deepStrictEqual([report.rejections, report.successes], [0, 420])
  })

  it("is never exceeded, whatever is interrupted, cancelled, paused, resized or shut down meanwhile", () => {
    for (const seed of [1, 2, 3, 4]) {
      const acts: ReadonlyArray<Workload.Act> = Array.from({ length: 60 }, (_, i) => {
        const at = 37 * i + 5
        if (i % 10 === 3) return { kind: "pause", at, lasts: 200 }
        if (i % 10 === 7) return { kind: "resize", at, poolSize: 1 + ((i * 7) % 40) }
        return { kind: i % 2 === 0 ? "cancel" : "evict", at, row: (i * 13) % 200 }
      })
      const report = Simulation.report(
        {
          api: {
            model: ServerModel.slidingWindow({ limit: 2000, per: 1000, unit: "tokens", countRejected: true }),
            latency: Latency.uniform(0, 1500),
            transit: Latency.uniform(0, 50),
            usage: true
          },
          clients: [
            {
              pool: {
                poolSize: 20,
                attemptTimeout: 1200,
                limits: [{ tokens: 2000, requests: 30, per: 1000 }, { concurrent: 10 }]
              },
              costs: true,
              workload: [
                ...Workload.atOnce(100, { tokens: skewed(2000) }),
                ...Workload.stream(100, { tokens: skewed(500), leavesAfter: 70 }),
                { ...Workload.atOnce(50, { tokens: 3 })[0], kind: "batch", rows: [], interruptedAt: 900 },
                { kind: "batch", rows: Array.from({ length: 50 }, () => ({ tokens: 90 })), timeout: 4000 }
              ],
              acts,
              shutdownAt: 20_000
            }
          ]
        },
        { seed, interleaving: "random" }
      )
      assert.strictEqual(report.rejections, 0)
    }
  })

  it("takes limits from the answers, and keeps them from the second call on", () => {
    for (const model of servers(50, 2000)) {
      const report = Simulation.report({
        api: { model, latency: Latency.uniform(10, 400), hints: "reset-headers" },
        clients: [{ pool: { poolSize: 64, limits: "headers" }, workload: Workload.atOnce(600) }]
      })
      assert.deepStrictEqual([report.rejections, report.successes], [0, 600], model.name)
      assert.isAtLeast(report.idealMakespan / report.makespan, 0.5, model.name)
    }
  })

  it("is not held back by answers that tell nothing", () => {
    const report = Simulation.report({
      api: { model: ServerModel.concurrencyCap({ cap: 1000 }) },
      clients: [{ pool: { poolSize: 50, limits: "headers" }, workload: Workload.atOnce(1000) }]
    })
    assert.deepStrictEqual([report.rejections, report.successes], [0, 1000])
    assert.isBelow(report.makespan, 4000)
  })

  it("runs for an hour of many rows without drift", () => {
    const report = Simulation.report({
      api: {
        model: ServerModel.fixedWindow({ limit: 90_000, per: 60_000, unit: "tokens" }),
        latency: Latency.uniform(1000, 9000),
        usage: true
      },
      clients: [
        {
          pool: { poolSize: 64, limits: "90000 tokens per minute" },
          costs: true,
          workload: Workload.atOnce(450, { tokens: (chance) => 1 + Math.floor(chance.number() * 24_000) })
        }
      ]
    })
    assert.strictEqual(report.rejections, 0)
    assert.isAtLeast(report.idealMakespan / report.makespan, 0.85)
  })
})

/** Runs a program in virtual time, and returns what it does. */
const run = <A>(program: () => Generator<YieldWrap<Effect.Effect<unknown, unknown, Scope.Scope>>, A, never>): A =>
  Exit.getOrElse(VirtualTime.run(Effect.scoped(Effect.gen(program))).exit, (cause) => {
    throw new Error(Cause.pretty(cause))
  })

/** A call that takes a while, and tells what it used. */
const call = (usage: ControlLaw.Usage = {}, lasts = 10) => Effect.delay(Hints.report({ usage }), lasts)

const limitOf = (stats: PoolStats.PoolStats) => stats.limits?.map(({ limit: _, ...standing }) => standing)

const clock = Effect.map(Effect.clock, (clock) => () => clock.unsafeCurrentTimeMillis())

describe("What a call takes of a limit", () => {
  it("is set aside at its start, and settled with what it used", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 4, limits: [{ tokens: 100, per: "1 minute" }] })
      const running = yield* Effect.fork(
        pool.execute(call({ inputTokens: 30, outputTokens: 10 }), { cost: { tokens: 70 } })
      )
      yield* Effect.yieldNow()
      const during = yield* pool.stats
      yield* Fiber.join(running)
      assert.deepStrictEqual(
        [limitOf(during), limitOf(yield* pool.stats)],
        [
          [{ used: 70, reserved: 70, settled: 0, refunded: 0, open: 70 }],
          [{ used: 40, reserved: 70, settled: 40, refunded: 30, open: 0 }]
        ]
      )
    }))

  it("stays set aside where a call is interrupted, and its tokens come back where it is rejected", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({
        poolSize: 4,
        limits: [{ tokens: 100, requests: 10, per: "1 minute" }],
        control: "delay"
      })
      yield* Effect.ignore(Effect.timeout(pool.execute(call({}, 1000), { cost: { tokens: 70 } }), 100))
      yield* Effect.ignore(
        pool.attempt(Effect.fail(new Capacity.CapacityError({ status: 429 })), { cost: { tokens: 20 } })
      )
      assert.deepStrictEqual(limitOf(yield* pool.stats), [
        { used: 2, reserved: 2, settled: 2, refunded: 0, open: 0 },
        { used: 70, reserved: 90, settled: 70, refunded: 20, open: 0 }
      ])
    }))

  it("corrects itself by what those before took", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 100, limits: [{ tokens: 1000, per: "1 minute" }] })
      const now = yield* clock
      const starts: Array<number> = []
      yield* pool.executeBatch(
        Array.from({ length: 40 }, (_, i) => i),
        () =>
          Effect.zipRight(
            Effect.sync(() => starts.push(now())),
            call({ tokens: 50 })
          ),
        { cost: () => ({ tokens: 100 }) }
      )
      // Ten at first, by what was said; then by what was used, once a few have told: twenty a minute, and none beyond.
      assert.deepStrictEqual(
        [0, 10, 20, 60_000].map((until) => starts.filter((at) => at <= until).length),
        [10, 18, 20, 20]
      )
    }))

  it("must not be more than a limit: that is an error at once", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 4, limits: "600 requests per minute, 100 tokens per minute" })
      const error = yield* Effect.flip(pool.execute(call(), { cost: { tokens: 101 } }))
      assert.deepStrictEqual(
        error,
        new PoolError.CallTooLargeError({
          pool: "default",
          unit: "tokens",
          cost: 101,
          limit: 100,
          told: "100 tokens per 1m"
        })
      )
      const { entries, stats } = yield* pool.executeBatch([1, 200, 3], () => call(), { cost: (n) => ({ tokens: n }) })
      assert.deepStrictEqual(
        entries.map(({ attempts, exit }) => [attempts, Exit.isSuccess(exit)]),
        [
          [1, true],
          [0, false],
          [1, true]
        ]
      )
      assert.deepStrictEqual([stats.successes, stats.failures], [2, 1])
      assert.strictEqual(
        error.message,
        'the call takes 101 tokens, which is more than pool "default" may ever: 100 tokens per 1m (100)'
      )
    }))

  it("is refused where it is none, before anything runs", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 4, limits: "100 tokens per minute" })
      const wrong = yield* Effect.sandbox(
        pool.executeBatch([1, 2], () => call(), { cost: (n) => ({ tokens: n === 2 ? NaN : n }) })
      ).pipe(Effect.flip)
      assert.include(
        Cause.pretty(wrong),
        "effect-aimd: cost of row 1.tokens: expected a finite number of at least 0, got NaN"
      )
      const other = yield* Effect.flip(Effect.sandbox(pool.execute(call(), { cost: { requests: -1 } })))
      assert.include(Cause.pretty(other), "effect-aimd: cost.requests: expected a finite number of at least 0, got -1")
      assert.strictEqual((yield* pool.stats).attempts, 0)
    }))
})

describe("Rows that wait for room", () => {
  /** When rows of these sizes start, of a batch in a pool of so many. */
  const startsOf = (sizes: ReadonlyArray<number>, poolSize: number) =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize, limits: [{ tokens: 100, per: 1000, transit: 0 }] })
      const now = yield* clock
      const starts: Array<number> = []
      yield* pool.executeBatch(
        sizes,
        (_, { rowIndex }) =>
          Effect.zipRight(
            Effect.sync(() => void (starts[rowIndex] = Math.round(now()))),
            call()
          ),
        { cost: (tokens) => ({ tokens }) }
      )
      return starts
    })

  it("are passed by smaller ones only where that does not delay them", () => {
    // 50 of 100 are used: the 60 wait for them. What starts with them is gone with them; the 50 more do not fit in now.
    assert.deepStrictEqual(startsOf([50, 60, 20, 50, 20, 1], 8), [0, 1000, 0, 2000, 0, 0])
  })

  it("keep a permit for the first of them", () => {
    assert.deepStrictEqual(startsOf([100, 100, 10], 1), [0, 1000, 2000])
  })

  it("are not starved by an endless flow of small ones, nor those by them", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 20, limits: [{ tokens: 100, per: 1000, transit: 0 }] })
      const now = yield* clock
      const large: Array<number> = []
      const small: Array<number> = []
      const note = (list: Array<number>) =>
        Effect.zipRight(
          Effect.sync(() => list.push(now())),
          call()
        )
      const flow = Effect.forever(
        Effect.zipRight(Effect.fork(pool.execute(note(small), { cost: { tokens: 3 } })), Effect.sleep(10))
      )
      const flowing = yield* Effect.fork(flow)
      yield* Effect.sleep(5000)
      const line = yield* pool.line
      const others = yield* Effect.fork(
        Effect.forEach([1, 2, 3], () => line.execute(note(large), { cost: { tokens: 95 } }), { concurrency: 3 })
      )
      yield* Fiber.join(others)
      yield* Fiber.interrupt(flowing)
      const [first = 0, second = 0, third = 0] = large
      assert.isAtMost(first, 6001)
      assert.isAtMost(second - first, 2001)
      assert.isAtMost(third - second, 2001)
      assert.isAbove(small.filter((at) => at > first && at < third).length, 0)
    }))

  it("are undone where they are cancelled, out of time, interrupted or shut down", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 4, limits: [{ tokens: 100, per: "1 minute" }] })
      const big = { cost: { tokens: 100 } }
      yield* pool.execute(call(), big)
      const interrupted = yield* Effect.fork(pool.execute(call(), big))
      yield* Effect.sleep(10)
      yield* Fiber.interrupt(interrupted)
      const handle = yield* PooledExecutor.handle
      const rows = yield* Effect.fork(
        pool.executeBatch([100, 100, 100], () => call(), {
          cost: (tokens) => ({ tokens }),
          handle,
          timeout: "30 seconds"
        })
      )
      yield* Effect.sleep(10)
      assert.strictEqual(yield* handle.cancel("0"), 1)
      const { entries } = yield* Fiber.join(rows)
      assert.deepStrictEqual(
        entries.map(({ attempts, exit }) => [attempts, tagOf(exit)]),
        [
          [0, "RowCancelledError"],
          [0, "BatchTimeoutError"],
          [0, "BatchTimeoutError"]
        ]
      )
      const last = yield* Effect.fork(pool.execute(call(), big))
      yield* Effect.sleep(10)
      yield* pool.shutdown
      assert.strictEqual(tagOf(yield* Fiber.await(last)), "PoolShutdownError")
      assert.strictEqual(yield* pool.pendingCount, 0)
    }))

  it("show that it is a limit they wait for", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 4, limits: "1 request per minute" })
      yield* pool.execute(call())
      yield* Effect.fork(pool.execute(call()))
      yield* Effect.sleep(1000)
      const [progress] = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(pool.progress, 1)))
      assert.strictEqual(progress?.waitsFor, "limit")
    }))

  it("wait as long for a request that is sent again inside its attempt", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 4, limits: [{ requests: 1, per: 1000, transit: 0 }] })
      const now = yield* clock
      yield* pool.execute(Insider.resent)
      assert.strictEqual(Math.round(now()), 1000)
      assert.strictEqual((yield* pool.stats).resends, 1)
      assert.deepStrictEqual(limitOf(yield* pool.stats), [{ used: 1, reserved: 2, settled: 2, refunded: 0, open: 0 }])
    }))
})

const tagOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
  return Predicate.hasProperty(error, "_tag") ? error._tag : exit._tag
}

describe("A law in a pool with costs", () => {
  it("hears what each attempt weighs, told or not", () =>
    run(function* () {
      const heard: Array<unknown> = []
      const law = fixed({})
      const control: typeof law = {
        ...law,
        remembers: 10,
        step: (state, sample, now, starts) => {
          heard.push([sample.cost, starts?.tokens(sample.sequence)])
          return law.step(state, sample, now)
        }
      }
      const pool = yield* PooledExecutor.make({ poolSize: 1, control })
      yield* pool.execute(call())
      yield* pool.execute(call(), { cost: { tokens: 70 } })
      yield* pool.execute(call({ inputTokens: 5, outputTokens: 6 }), { cost: { tokens: 70 } })
      yield* Effect.ignore(
        pool.attempt(Effect.fail(new Capacity.CapacityError({ status: 429 })), { cost: { tokens: 9 } })
      )
      assert.deepStrictEqual(heard, [
        [undefined, 0],
        [{ requests: 1, tokens: 70 }, 70],
        [{ requests: 1, tokens: 11 }, 11],
        [{ requests: 1, tokens: 9 }, 9]
      ])
    }))
})
