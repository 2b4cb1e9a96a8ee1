import { assert, describe, it } from "@effect/vitest"
import { KeyValueStore } from "@effect/platform"
import { Cause, Chunk, Effect, Exit, Fiber, Layer, Option, Schema, type Scope, Stream } from "effect"
import type { YieldWrap } from "effect/Utils"
import { Capacity, Hints, PoolError, PooledExecutor, type ReorderBuffer } from "effect-aimd"
import { Journal, KeyValueJournal } from "effect-aimd/journal"
import { Latency, ServerModel, Simulation, VirtualTime, Workload } from "effect-aimd/testing"

const run = <A>(program: () => Generator<YieldWrap<Effect.Effect<unknown, unknown, Scope.Scope>>, A, never>): A =>
  Exit.getOrElse(VirtualTime.run(Effect.scoped(Effect.gen(program))).exit, (cause) => {
    throw new Error(Cause.pretty(cause))
  })

/** A million output tokens cost a million: a token costs one. */
const prices = { "*": { output: 1_000_000 } }

const call = (outputTokens: number | undefined, lasts = 10) =>
  Effect.delay(outputTokens === undefined ? Effect.void : Hints.report({ usage: { outputTokens } }), lasts)

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

const tagsOf = (entries: ReadonlyArray<ReorderBuffer.BufferEntry<unknown, PoolError.RowError<never>>>) =>
  entries.map(({ exit }) =>
    Exit.isSuccess(exit)
      ? "done"
      : Option.match(Cause.failureOption(exit.cause), { onNone: () => "died", onSome: (e) => e._tag })
  )

describe("Money", () => {
  it("is what answers say that they used, at the prices of the table", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ prices: { ...prices, dear: { input: 1e6, output: 2e6 } }, poolSize: 4 })
      const tells = Hints.report({ usage: { inputTokens: 3, outputTokens: 4 } })
      yield* pool.execute(tells)
      yield* pool.execute(tells, { cost: { model: "dear", outputTokens: 100 } })
      const { money, usage } = yield* pool.stats
      assert.deepStrictEqual(money, { spent: 15, estimated: 0, reserved: 0, budget: Infinity })
      assert.strictEqual(usage.money, 15)
    }))

  it("is in the entries, and in the progress with what all rows will cost", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ prices, poolSize: 1 })
      const handle = yield* PooledExecutor.handle
      const rows = yield* Effect.fork(pool.executeBatch(upTo(10), () => call(3, 100), { handle }))
      yield* Effect.sleep(450)
      const [progress] = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.take(handle.progress, 1)))
      assert.deepStrictEqual([progress?.done, progress?.usage.money, progress?.projectedMoney], [4, 12, 30])
      const { entries } = yield* Fiber.join(rows)
      assert.deepStrictEqual(
        entries.map(({ usage }) => usage?.money),
        upTo(10).map(() => 3)
      )
    }))

  it("of a call that was broken off is what was set aside for it, and a rejected call costs nothing", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ prices, budget: 100, poolSize: 4, control: "delay" })
      yield* Effect.ignore(Effect.timeout(pool.execute(call(1, 1000), { cost: { outputTokens: 30 } }), 100))
      yield* Effect.ignore(
        pool.attempt(Effect.fail(new Capacity.CapacityError({ status: 429 })), { cost: { outputTokens: 50 } })
      )
      yield* pool.execute(call(undefined), { cost: { outputTokens: 5 } })
      assert.deepStrictEqual((yield* pool.stats).money, { spent: 35, estimated: 35, reserved: 0, budget: 100 })
    }))

  it("needs a price for every call", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ prices: { small: { output: 1 } }, poolSize: 4 })
      const batch = yield* Effect.flip(Effect.sandbox(pool.executeBatch([1], () => call(1))))
      const single = yield* Effect.flip(Effect.sandbox(pool.execute(call(1), { cost: { model: "other" } })))
      assert.include(Cause.pretty(batch), "cost of row 0.model: expected a model of the option prices, got undefined")
      assert.include(Cause.pretty(single), 'cost.model: expected a model of the option prices, got "other"')
    }))
})

describe("A budget", () => {
  it("stops new starts before it could be exceeded, and says what is undone", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ prices, budget: 100, poolSize: 4 })
      const unfinished: Array<number> = []
      const { entries } = yield* pool.executeBatch(upTo(20), () => call(8), {
        cost: () => ({ outputTokens: 10 }),
        onUnfinished: (rows) => Effect.sync(() => unfinished.push(...rows.map(({ row }) => row)))
      })
      // Twelve took 96 of the 100 that they might have taken 120 of; the next might take 10 more.
      const tags = [...upTo(12).map(() => "done"), ...upTo(8).map(() => "BudgetExhaustedError")]
      assert.deepStrictEqual(tagsOf(entries), tags)
      assert.deepStrictEqual(unfinished, upTo(20).slice(12))
      const error = yield* Effect.flip(pool.execute(call(1), { cost: { outputTokens: 1 } }))
      assert.deepStrictEqual(
        error,
        new PoolError.BudgetExhaustedError({ pool: "default", budget: 100, spent: 96, undone: 8 })
      )
      assert.strictEqual(error.message, 'the budget of pool "default" is spent: 96 of 100, 8 rows and calls are undone')
    }))

  it("without estimates is exceeded by no more than the calls in flight", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ prices, budget: 100, poolSize: 4 })
      const { entries } = yield* pool.executeBatch(upTo(40), () => call(30))
      const done = tagsOf(entries).filter((tag) => tag === "done").length
      assert.isAtMost(done * 30, 100 + 4 * 30)
      assert.strictEqual((yield* pool.stats).money?.spent, done * 30)
    }))

  it("refuses a call that could never be paid", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ prices, budget: 100, poolSize: 4 })
      const error = yield* Effect.flip(pool.execute(call(1), { cost: { outputTokens: 101 } }))
      assert.deepStrictEqual(
        error,
        new PoolError.CallTooLargeError({ pool: "default", unit: "money", cost: 101, limit: 100, told: "its budget" })
      )
    }))

  it("ends a stream, which reads no further", () =>
    run(function* () {
      const pool = yield* PooledExecutor.make({ prices, budget: 50, poolSize: 4 })
      let read = 0
      const rows = function* () {
        for (;;) yield (read += 1)
      }
      const entries: Array<unknown> = []
      const end = yield* pool
        .stream(rows(), () => call(10), { cost: () => ({ outputTokens: 10 }), maxPending: 20 })
        .pipe(
          Stream.runForEach((entry) => Effect.sync(() => entries.push(entry))),
          Effect.flip
        )
      assert.strictEqual(end._tag, "BudgetExhaustedError")
      assert.strictEqual(entries.length, read)
      assert.isBelow(read, 60)
    }))

  it("leaves rows undone in a journal, and a later run with more money does them", () =>
    run(function* () {
      const layer = KeyValueJournal.layer().pipe(Layer.provide(KeyValueStore.layerMemory))
      const done: Array<number> = []
      const batch = (budget: number) =>
        Effect.scoped(
          Effect.flatMap(PooledExecutor.make({ prices, budget, poolSize: 2 }), (pool) =>
            pool.executeBatch(
              upTo(6),
              (row) =>
                Effect.zipRight(
                  Effect.sync(() => done.push(row)),
                  call(10)
                ),
              {
                cost: () => ({ outputTokens: 10 }),
                journal: Journal.batch({ id: "batch", success: Schema.Void })
              }
            )
          )
        )
      yield* Effect.gen(function* () {
        const first = yield* batch(30)
        assert.deepStrictEqual(tagsOf(first.entries).filter((tag) => tag === "done").length, 3)
        const second = yield* batch(1000)
        assert.deepStrictEqual(
          tagsOf(second.entries),
          upTo(6).map(() => "done")
        )
        assert.deepStrictEqual(done, upTo(6))
      }).pipe(Effect.provide(layer))
    }))

  it("is never exceeded under concurrency, whatever is interrupted", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const report = Simulation.report(
        {
          api: {
            model: ServerModel.concurrencyCap({ cap: 30 }),
            latency: Latency.uniform(10, 900),
            usage: { input: 1, output: 4 }
          },
          clients: [
            {
              pool: { poolSize: 40, prices: { "*": { input: 1, output: 4 } }, budget: 0.05, attemptTimeout: 800 },
              costs: true,
              workload: Workload.batches(3, 100, { tokens: (chance) => 1 + Math.floor(chance.number() * 900) }),
              acts: Array.from({ length: 30 }, (_, i) => ({ kind: "cancel", at: 40 * i, row: (i * 7) % 300 }))
            }
          ]
        },
        { seed, interleaving: "random" }
      )
      assert.isAbove(report.successes, 0)
      assert.isBelow(report.successes, 300)
    }
  })
})
