/** Faults that were once planted in the pool and that no test found: each has a test that bears its name. */
import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, type ControlLaw } from "effect-aimd"
import { VirtualTime } from "effect-aimd/testing"
import { Clock, Effect, Exit, Fiber, FiberId, Stream } from "effect"
import { busy, failures, isQuiet, makeApi, millis, ok, range, script } from "../support/api.js"
import { fixed, sequence, spy } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

/** A start every 100 ms, and at most three in a second. */
const threeInASecond: ControlLaw.ControlLaw<ControlLaw.Decision> = {
  ...fixed({ spacing: 100, starts: { limit: 3, period: 1000, provenUntil: Infinity } }),
  remembers: 3
}
/** Runs a call, and says when it started. */
const startOf = (pool: PooledExecutor.PooledExecutor) => pool.execute(Clock.currentTimeMillis)

describe("Not in this pool:", () => {
  it.effect("a start with nothing to do stays in the gate's log", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 3, control: threeInASecond, maxCapacityRetry: 100 })
      // Served at 220, before the API has let nothing through for as long as anybody waits.
      yield* Effect.fork(pool.execute(ok(220)))
      yield* Effect.yieldNow()
      // Starts at 100 and is rejected at 150, so that its start counts for nothing; its budget is spent at 200, when the
      // gate opens again.
      const row = yield* Effect.fork(Effect.flip(pool.execute(busy(50))))
      yield* Effect.sleep(110)
      // Who waits at the gate has it open at 200, and is not there any more when it does.
      const gone = yield* Effect.fork(pool.execute(ok()))
      yield* Effect.sleep(50)
      yield* Fiber.interrupt(gone)
      assert.strictEqual((yield* Fiber.join(row))._tag, "RetryTimeoutError")
      // The gate let somebody through at 200, who had nothing to do: that counts neither for the spacing nor for the second.
      yield* Effect.sleep(10)
      assert.deepStrictEqual([yield* startOf(pool), yield* startOf(pool)], [210, 310])
    })
  )

  it.effect("a second stop replaces the first error", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      const batch = yield* Effect.fork(
        pool.executeBatch(range(1), () => Effect.uninterruptible(busy(100)), { timeout: 50 })
      )
      yield* Effect.sleep(70)
      yield* pool.shutdown
      assert.deepStrictEqual(
        failures(yield* Fiber.join(batch)).map(({ _tag }) => _tag),
        ["BatchTimeoutError"]
      )
    })
  )

  it.effect("the peak delay is the last delay instead of the longest", () =>
    inVirtualTime(function* () {
      const control = sequence({ delay: 0 }, { delay: 30 }, { delay: 200 }, { delay: 20 })
      const pool = yield* PooledExecutor.make({ poolSize: 1, control })
      const { call } = makeApi(script([[busy(), busy(), busy(), ok()]]))
      const { stats } = yield* pool.executeBatch([0], call)
      assert.strictEqual(millis(stats.peakDelay), 200)
      assert.strictEqual(millis((yield* pool.stats).peakDelay), 200)
    })
  )

  it.effect("a permit is lost when a caller is interrupted in the very tick of its grant", () =>
    inVirtualTime(function* () {
      const heard: Array<string> = []
      const control = spy(fixed({}), (sample) => heard.push(sample._tag))
      const pool = yield* PooledExecutor.make({ poolSize: 1, control })
      const callers: { second?: Fiber.RuntimeFiber<unknown, unknown> } = {}
      // The first caller's own fiber goes on in the step in which its permit went to the second: nothing comes between.
      const interruptSecond = Effect.suspend(() =>
        callers.second === undefined
          ? Effect.dieMessage("too early")
          : Fiber.interruptAsFork(callers.second, FiberId.none)
      )
      yield* Effect.fork(Effect.zipRight(pool.execute(ok(10)), interruptSecond))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(pool.execute(Effect.dieMessage("it runs, although it was interrupted")))
      callers.second = second
      yield* Effect.yieldNow()
      const third = yield* Effect.fork(pool.execute(ok(10)))
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(second)))
      assert.strictEqual(yield* Fiber.join(third), "ok")
      assert.isTrue(yield* isQuiet(pool))
      assert.strictEqual((yield* pool.stats).attempts, 3)
      // The law hears of it as of any attempt that nobody waits for.
      assert.deepStrictEqual(heard, ["success", "neutral", "success"])
    })
  )

  it.effect("a caller counts twice that is interrupted in the very tick of its outcome", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: fixed({}) })
      const first = yield* Effect.fork(pool.execute(ok(10)))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(pool.execute(ok()))
      yield* Effect.sleep(1)
      // The shutdown gives the second its outcome, and the interruption comes before it has seen that.
      const shutdown = yield* Effect.fork(pool.shutdown)
      yield* Effect.fork(Fiber.interruptAsFork(second, FiberId.none))
      yield* Fiber.join(shutdown)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(second)))
      assert.strictEqual(yield* Fiber.join(first), "ok")
      const { failures, pending, successes } = yield* pool.stats
      assert.deepStrictEqual([successes, failures, pending], [1, 1, 0])
    })
  )

  it("a permit is lost when callers are interrupted at any step of a hand-over", () => {
    const program = Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      const callers: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
      for (const _ of range(6)) callers.push(yield* Effect.fork(pool.execute(ok(10))))
      // Each is handed the permit at a multiple of ten, and every second one is interrupted at that instant.
      for (const [index, caller] of callers.entries()) {
        if (index % 2 === 1) yield* Effect.fork(Effect.delay(Fiber.interrupt(caller), 10 * Math.ceil(index / 2)))
      }
      yield* Effect.forEach(callers, Fiber.await)
      if (!(yield* isQuiet(pool))) return yield* Effect.fail("a permit is out, or a row is pending, and nothing runs")
      return yield* pool.execute(ok())
    })
    const { failure, runs } = VirtualTime.explore(program, { seeds: 100, preemption: 0.05 })
    assert.isUndefined(failure?.message)
    assert.strictEqual(runs, 100)
  })

  it("a start, or an outcome, is lost when it comes between a caller's look and its wait", () => {
    const program = Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      // Everything happens in one instant, so that each step of a caller has the steps of the others beside it.
      const callers = yield* Effect.forEach(range(6), () => Effect.fork(Effect.exit(pool.execute(Effect.yieldNow()))))
      yield* Effect.yieldNow()
      const shutdown = yield* Effect.fork(pool.shutdown)
      yield* Effect.forEach(callers, Fiber.join)
      yield* Fiber.join(shutdown)
    })
    const { failure, runs } = VirtualTime.explore(program, { seeds: 400, preemption: 0.05 })
    assert.isUndefined(failure?.message)
    assert.strictEqual(runs, 400)
  })

  it("an entry, a row, or the room for one is lost when it comes between somebody's look and their wait", () => {
    const program = Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2, control: "delay" })
      // In one instant, as above: the feeder, two workers, the writer and the reader wait for each other all the time.
      const entries = pool.stream(range(8), () => Effect.yieldNow(), {
        maxPending: 2,
        onEntry: () => Effect.yieldNow()
      })
      const { length } = yield* Stream.runCollect(Stream.tap(entries, () => Effect.yieldNow()))
      const batch = yield* pool.executeBatch(range(8), () => Effect.yieldNow())
      assert.deepStrictEqual([length, batch.entries.length], [8, 8])
    })
    const { failure, runs } = VirtualTime.explore(program, { seeds: 200, preemption: 0.05 })
    assert.isUndefined(failure?.message)
    assert.strictEqual(runs, 200)
  })
})
