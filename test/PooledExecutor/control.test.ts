import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Chunk, Clock, Duration, Effect, Exit, Fiber, Stream } from "effect"
import { estimate, type Snapshot } from "../../src/pool/Progress.js"
import { busy, field, isQuiet, makeApi, ok, outcome, outcomes, range, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

const poolOf = (poolSize: number) => PooledExecutor.make({ control: "delay", poolSize })

describe("A pause of the pool", () => {
  it.effect(
    "lets what is in flight finish, and nothing start, neither fresh nor rejected, until the pool goes on",
    () =>
      inVirtualTime(function* () {
        const pool = yield* poolOf(2)
        const api = makeApi(script([[busy(10), ok(10)], [ok(100)], [ok(10)], [ok(10)]]))
        const batch = yield* Effect.fork(pool.executeBatch(range(3), api.call))
        yield* Effect.sleep(5)
        yield* pool.pause
        const call = yield* Effect.fork(pool.execute(api.call(3)))
        yield* Effect.sleep(995)
        assert.deepStrictEqual(api.starts, [
          [0, 0],
          [0, 1]
        ])
        assert.deepStrictEqual((yield* pool.stats).inFlight, 0)
        yield* pool.resume
        assert.deepStrictEqual(outcomes(yield* Fiber.join(batch)), ["ok", "ok", "ok"])
        assert.strictEqual(yield* Fiber.join(call), "ok")
        assert.deepStrictEqual(
          api.starts.slice(2).map(([at]) => at),
          [1000, 1000, 1010]
        )
        assert.isTrue(yield* isQuiet(pool))
      })
  )

  it.effect("may come, and end, at any time and again", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(1)
      yield* pool.resume
      yield* pool.pause
      yield* pool.pause
      yield* pool.resume
      yield* pool.resume
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch(range(2), () => ok(1))), ["ok", "ok"])
    })
  )

  it.effect("costs no row its budget, wherever it waits", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, maxCapacityRetry: "1 second" })
      // In backoff, in flight and rejected during the pause, ready and waiting for a permit.
      const api = makeApi(
        script([
          [busy(10), busy(10), ok()],
          [busy(200), ok()],
          [busy(5), ok()]
        ])
      )
      const batch = yield* Effect.fork(pool.executeBatch(range(3), api.call))
      yield* Effect.sleep(100)
      yield* pool.pause
      yield* Effect.sleep("10 minutes")
      yield* pool.resume
      const result = yield* Fiber.join(batch)
      assert.deepStrictEqual(outcomes(result), ["ok", "ok", "ok"])
      assert.strictEqual((yield* pool.stats).saturatedSince, undefined)
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("lets a budget run on as before when it is over", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1, maxCapacityRetry: "1 second" })
      const api = makeApi(() => busy(10))
      const batch = yield* Effect.fork(pool.executeBatch([0], api.call))
      yield* Effect.sleep(400)
      yield* pool.pause
      yield* Effect.sleep(5000)
      yield* pool.resume
      const { entries } = yield* Fiber.join(batch)
      const [entry] = entries
      assert.deepStrictEqual(outcomes({ entries }), ["RetryTimeoutError"])
      assert.strictEqual(entry?.completedAt, 6000)
      const [error] = entries.flatMap(({ exit }) =>
        Exit.isFailure(exit) && exit.cause._tag === "Fail" ? [exit.cause.error] : []
      )
      assert.strictEqual(error?._tag === "RetryTimeoutError" && Duration.toMillis(error.elapsed), 1000)
    })
  )

  it.effect("does not stop a batch's timeout, a shutdown, or an interruption", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(1)
      yield* pool.pause
      const timed = yield* pool.executeBatch(range(2), () => ok(), { timeout: 50 })
      assert.deepStrictEqual(outcomes(timed), ["BatchTimeoutError", "BatchTimeoutError"])
      const interrupted = yield* Effect.fork(pool.executeBatch(range(2), () => ok()))
      yield* Effect.sleep(10)
      yield* Fiber.interrupt(interrupted)
      const shut = yield* Effect.fork(pool.executeBatch(range(2), () => ok()))
      yield* Effect.sleep(10)
      yield* pool.shutdown
      assert.deepStrictEqual(outcomes(yield* Fiber.join(shut)), ["PoolShutdownError", "PoolShutdownError"])
      assert.isTrue(yield* isQuiet(pool))
    })
  )
})

describe("The size of a pool", () => {
  for (const control of ["delay", "window"] as const) {
    it.effect(`grows: more are in flight at once, and as many fibers work (${control})`, () =>
      inVirtualTime(function* () {
        const pool = yield* PooledExecutor.make({ control, poolSize: 2 })
        const api = makeApi(() => ok(10))
        const batch = yield* Effect.fork(pool.executeBatch(range(200), api.call))
        yield* Effect.sleep(55)
        assert.strictEqual(api.seen.mostRunning, 2)
        yield* pool.resize(6)
        assert.strictEqual(pool.poolSize, 6)
        yield* Fiber.join(batch)
        assert.strictEqual(api.seen.mostRunning, 6)
        assert.strictEqual((yield* pool.stats).config.poolSize, 6)
      })
    )

    it.effect(`shrinks: what is in flight finishes, and no more start than may (${control})`, () =>
      inVirtualTime(function* () {
        const pool = yield* PooledExecutor.make({ control, poolSize: 6 })
        let isSmall = false
        let most = 0
        const api = makeApi(() => {
          if (isSmall) most = Math.max(most, api.seen.running)
          return ok(10)
        })
        const batch = yield* Effect.fork(pool.executeBatch(range(60), api.call))
        yield* Effect.sleep(25)
        yield* pool.resize(2)
        isSmall = true
        assert.deepStrictEqual(new Set(outcomes(yield* Fiber.join(batch))), new Set(["ok"]))
        assert.strictEqual(most, 2)
        assert.isTrue(yield* isQuiet(pool))
      })
    )
  }

  it.effect("is refused where it is none, as it is when a pool is made", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      for (const size of [0, 1.5, NaN]) {
        const said = outcome(yield* Effect.exit(pool.resize(size)))
        assert.strictEqual(said, outcome(yield* Effect.exit(PooledExecutor.make({ poolSize: size }))))
        assert.match(said, /^died: effect-aimd: option poolSize/)
      }
      assert.strictEqual(pool.poolSize, 2)
    })
  )
})

describe("A row that is taken back", () => {
  /** Takes row 0 back at an instant of its way, and tells what came of it and of the others. */
  const takingBack = (
    how: "cancel" | "evict",
    answers: Parameters<typeof script>[0],
    poolSize: number,
    row: number,
    after: number
  ) =>
    Effect.gen(function* () {
      const pool = yield* poolOf(poolSize)
      const handle = yield* PooledExecutor.handle
      const api = makeApi(script(answers))
      const batch = yield* Effect.fork(pool.executeBatch(range(answers.length), api.call, { handle }))
      yield* Effect.sleep(after)
      const before = api.starts.filter(([, started]) => started === row).length
      const taken = yield* handle[how](String(row))
      const again = yield* handle[how](String(row))
      const { entries, stats } = yield* Fiber.join(batch)
      assert.isTrue(yield* isQuiet(pool))
      assert.strictEqual(api.starts.filter(([, started]) => started === row).length, before)
      assert.strictEqual(stats.rows, answers.length)
      return { taken, again, entries, api }
    })

  const places = {
    "before its first start": { answers: [[ok(50)], [ok(10)], [ok(10)]], poolSize: 1, row: 1, after: 10 },
    "at the head, in flight": { answers: [[ok(5000)], [ok(10)], [ok(10)]], poolSize: 2, row: 0, after: 15 },
    "in backoff": { answers: [[busy(10), ok()], [ok(20)], [ok(20)]], poolSize: 2, row: 0, after: 15 },
    "ready again, and waiting for a permit": {
      answers: [[busy(10), ok()], [ok(500)], [ok(500)]],
      poolSize: 2,
      row: 0,
      after: 100
    },
    "behind the head, in flight": { answers: [[ok(100)], [ok(5000)], [ok(10)]], poolSize: 2, row: 1, after: 20 },
    last: { answers: [[ok(10)], [ok(10)], [ok(5000)]], poolSize: 2, row: 2, after: 50 }
  }
  for (const [where, { after, answers, poolSize, row }] of Object.entries(places)) {
    it.effect(`${where}: cancelled, it ends with an error of its own, and stalls nobody`, () =>
      inVirtualTime(function* () {
        const { again, entries, taken } = yield* takingBack("cancel", answers, poolSize, row, after)
        assert.deepStrictEqual([taken, again], [1, 0])
        const expected = range(3).map((i) => (i === row ? "RowCancelledError" : "ok"))
        assert.deepStrictEqual(outcomes({ entries }), expected)
        assert.isBelow(yield* Clock.currentTimeMillis, 5000)
      })
    )

    it.effect(`${where}: evicted, it leaves no entry, and stalls nobody`, () =>
      inVirtualTime(function* () {
        const { again, entries, taken } = yield* takingBack("evict", answers, poolSize, row, after)
        assert.deepStrictEqual([taken, again], [1, 0])
        assert.deepStrictEqual(
          field({ entries }, "submitIndex"),
          range(3).filter((i) => i !== row)
        )
        assert.deepStrictEqual(outcomes({ entries }), ["ok", "ok"])
        assert.isBelow(yield* Clock.currentTimeMillis, 5000)
      })
    )
  }

  for (const ordered of [true, false]) {
    it.effect(`makes room for the next: evicted one and all, ${ordered ? "in order" : "without one"}`, () =>
      inVirtualTime(function* () {
        const pool = yield* poolOf(1)
        const handle = yield* PooledExecutor.handle
        const api = makeApi((row) => ok(row < 4 ? 5000 : 10))
        const options = { ordered, maxPending: 2, handle }
        const entries = yield* Effect.fork(Stream.runCollect(pool.stream(range(6), api.call, options)))
        // One in flight and one that waits; then two others of which nobody has read an entry either.
        for (const row of [0, 1, 3, 2]) {
          yield* Effect.sleep(10)
          assert.strictEqual(yield* handle.evict(String(row)), 1)
        }
        assert.deepStrictEqual(field({ entries: [...(yield* Fiber.join(entries))] }, "submitIndex"), [4, 5])
        assert.strictEqual(yield* Clock.currentTimeMillis, 60)
      })
    )
  }

  it.effect("interrupts its own attempt and no other, whatever its fiber does next", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const handle = yield* PooledExecutor.handle
      const api = makeApi((row) => ok(row % 2 === 0 ? 20 : 10))
      const batch = yield* Effect.fork(pool.executeBatch(range(40), api.call, { handle }))
      const cancelled: Array<string> = []
      // At the very instants at which attempts end and others begin, too.
      for (let i = 0; i < 20; i++) {
        yield* Effect.sleep(10)
        const name = String(2 * i)
        if ((yield* handle.cancel(name)) === 1) cancelled.push(name)
      }
      const { entries } = yield* Fiber.join(batch)
      const byOutcome = (what: string) =>
        entries.filter(({ exit }) => outcome(exit) === what).map(({ stateId }) => stateId)
      assert.deepStrictEqual(byOutcome("RowCancelledError"), cancelled)
      assert.deepStrictEqual(byOutcome("ok").length + cancelled.length, 40)
      assert.isAbove(cancelled.length, 5)
    })
  )

  it.effect("is every unfinished row of its name, and none of another batch", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const handle = yield* PooledExecutor.handle
      const other = yield* Effect.fork(pool.executeBatch(range(2), () => ok(30), { stateId: () => "same" }))
      const options = { stateId: (row: number) => (row < 3 ? "same" : "different"), handle }
      const batch = yield* Effect.fork(pool.executeBatch(range(4), () => ok(30), options))
      yield* Effect.sleep(40)
      assert.strictEqual(yield* handle.cancel("same"), 3)
      assert.strictEqual(yield* handle.cancel("nobody"), 0)
      const cancelled = "RowCancelledError"
      assert.deepStrictEqual(outcomes(yield* Fiber.join(batch)), [cancelled, cancelled, cancelled, "ok"])
      assert.deepStrictEqual(outcomes(yield* Fiber.join(other)), ["ok", "ok"])
      assert.strictEqual(yield* handle.cancel("different"), 0)
    })
  )

  it.effect("makes room in a stream, at once where it leaves no entry", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(1)
      const handle = yield* PooledExecutor.handle
      const api = makeApi((row) => (row === 0 ? ok(100) : ok(10)))
      const stream = pool.stream(range(6), api.call, { handle, maxPending: 3 })
      const fiber = yield* Effect.fork(Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray))
      yield* Effect.sleep(10)
      assert.strictEqual((yield* handle.snapshot)?.rows, 3)
      assert.deepStrictEqual([yield* handle.evict("1"), yield* handle.cancel("2")], [1, 1])
      yield* Effect.sleep(10)
      const entries = yield* Fiber.join(fiber)
      assert.deepStrictEqual(field({ entries }, "submitIndex"), [0, 2, 3, 4, 5])
      assert.deepStrictEqual(outcomes({ entries }), ["ok", "RowCancelledError", "ok", "ok", "ok"])
    })
  )

  it.effect("needs a handle of its own batch: one that a batch has had is refused", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(1)
      const handle = yield* PooledExecutor.handle
      yield* pool.executeBatch(range(1), () => ok(), { handle })
      const says =
        /^died: effect-aimd: option handle: expected a handle that no batch has had, from PooledExecutor.handle, got/
      assert.match(outcome(yield* Effect.exit(pool.executeBatch(range(1), () => ok(), { handle }))), says)
      assert.match(outcome(yield* Effect.exit(Stream.runDrain(pool.stream(range(1), () => ok(), { handle })))), says)
    })
  )
})

describe("Progress", () => {
  it.effect("of a batch: what is done, what waits and why, second by second to the end", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const handle = yield* PooledExecutor.handle
      const api = makeApi((row): Effect.Effect<string, string> => (row === 5 ? Effect.fail("no") : ok(900)))
      assert.strictEqual(yield* handle.snapshot, undefined)
      const batch = yield* Effect.fork(pool.executeBatch(range(8), api.call, { handle }))
      const progress = Chunk.toReadonlyArray(yield* Stream.runCollect(handle.progress))
      yield* Fiber.join(batch)
      assert.deepStrictEqual(
        progress
          .slice(1)
          .map(({ at, done, failed, fresh, inFlight, waitsFor }) => [at, done, failed, inFlight, fresh, waitsFor]),
        [
          [1000, 2, 0, 2, 4, "window"],
          [2000, 4, 1, 2, 1, "window"],
          [3000, 6, 1, 1, 0, "rows"],
          [4000, 7, 1, 0, 0, "rows"]
        ]
      )
      assert.deepStrictEqual(
        progress.slice(1).map(({ rate }) => rate),
        [2, 2.5, 7 / 3, 2]
      )
      assert.isTrue(progress.slice(1).every(({ mayGrow, rows }) => rows === 8 && !mayGrow))
    })
  )

  it.effect("says what a batch waits for: a pause, a hold, the window, the pace, the reader, or rows", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2, minDispatchDelay: "100 millis" })
      const wait = (
        rows: Stream.Stream<number>,
        api: (row: number) => Effect.Effect<unknown, unknown>,
        read: Effect.Effect<void>
      ) =>
        Effect.gen(function* () {
          const handle = yield* PooledExecutor.handle
          const stream = pool.stream(rows, api as (row: number) => Effect.Effect<unknown>, { handle, maxPending: 4 })
          const fiber = yield* Effect.fork(Stream.runForEach(stream, () => read))
          return { fiber, why: Effect.map(handle.snapshot, (snapshot) => snapshot?.waitsFor) }
        })
      const hanging = yield* wait(Stream.range(0, 9), () => Effect.never, Effect.void)
      yield* Effect.sleep(50)
      assert.strictEqual(yield* hanging.why, "pace")
      yield* Effect.sleep(250)
      assert.strictEqual(yield* hanging.why, "window")
      yield* pool.pause
      assert.strictEqual(yield* hanging.why, "pause")
      yield* pool.resume
      yield* Fiber.interrupt(hanging.fiber)
      const slow = yield* wait(Stream.range(0, 9), () => Effect.void, Effect.never)
      yield* Effect.sleep(1000)
      assert.strictEqual(yield* slow.why, "reader")
      yield* Fiber.interrupt(slow.fiber)
      const dry = yield* wait(Stream.concat(Stream.make(0), Stream.never), () => Effect.void, Effect.void)
      yield* Effect.sleep(1000)
      assert.strictEqual(yield* dry.why, "rows")
      yield* Fiber.interrupt(dry.fiber)
      const held = yield* wait(Stream.range(0, 9), () => busy(0, { retryAfter: "10 seconds" }), Effect.void)
      yield* Effect.sleep(1000)
      assert.strictEqual(yield* held.why, "hold")
      yield* Fiber.interrupt(held.fiber)
    })
  )

  it.effect("of a pool: all its rows and calls, until it is shut down", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const seen = yield* Effect.fork(Stream.runCollect(pool.progress))
      yield* Effect.fork(pool.executeBatch(range(3), () => ok(1500)))
      yield* Effect.fork(pool.execute(Effect.ignore(busy(500)).pipe(Effect.zipRight(busy(0)))))
      yield* Effect.sleep(3500)
      yield* pool.shutdown
      const progress = Chunk.toReadonlyArray(yield* Fiber.join(seen))
      assert.deepStrictEqual(
        progress.map(({ done, failed, finished, fresh, inFlight, retrying, rows }) => [
          rows,
          done,
          failed,
          inFlight,
          fresh,
          retrying,
          finished
        ])[1],
        [4, 0, 0, 2, 2, 0, 0]
      )
      assert.deepStrictEqual(progress.at(-1)?.mayGrow, false)
    })
  )

  const snapshot = (at: number, done: number, rows: number): Snapshot => ({
    at,
    rows,
    mayGrow: false,
    done,
    failed: 0,
    inFlight: 0,
    fresh: 0,
    retrying: 0,
    finished: 0,
    waitsFor: "window",
    usage: {},
    recalledUsage: {}
  })
  const millis = ({ eta }: ReturnType<typeof estimate>) =>
    eta && [eta.low, eta.expected, eta.high].map((duration) => Math.round(Duration.toMillis(duration)))

  it("has no rate from one instant", () => {
    assert.deepStrictEqual(estimate([]), { rate: undefined, eta: undefined })
    assert.deepStrictEqual(estimate([snapshot(5, 1, 10), snapshot(5, 2, 10)]), { rate: undefined, eta: undefined })
  })

  it("has a rate, and how long the rest takes within two standard errors of it", () => {
    // 100 rows in 10 s: 10 a second, and by chance alone 1 more or less: 8 to 12. 480 are left.
    const even = range(11).map((i) => snapshot(1000 * i, 10 * i, 580))
    assert.strictEqual(estimate(even).rate, 10)
    assert.deepStrictEqual(millis(estimate(even)), [40_000, 48_000, 60_000])
  })

  it("has one where less than a row a second is done, too", () => {
    const slow = range(11).map((i) => snapshot(10_000 * i, 9 * i, 126))
    assert.deepStrictEqual([estimate(slow).rate, millis(estimate(slow))?.[1]], [0.9, 40_000])
  })

  it("is less sure where the steps were unequal", () => {
    const uneven = [0, 50, 50, 100].map((done, i) => snapshot(1000 * i, done, 200))
    // Off by 17, 33 and 17 rows: one standard error is 13.6 rows a second, beside a rate of 33.3.
    assert.deepStrictEqual(millis(estimate(uneven)), [1_652, 3000, 16_348])
  })

  it("does not know when it ends where nothing has, and that nothing is left where nothing is", () => {
    const stuck = estimate([snapshot(0, 5, 10), snapshot(1000, 5, 10)])
    assert.deepStrictEqual([stuck.rate, millis(stuck)], [0, [Infinity, Infinity, Infinity]])
    assert.deepStrictEqual(millis(estimate([snapshot(0, 5, 10), snapshot(1000, 10, 10)])), [0, 0, 0])
  })
})
