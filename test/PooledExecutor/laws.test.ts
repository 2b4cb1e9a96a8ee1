import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, type ControlLaw } from "effect-aimd"
import { Effect } from "effect"
import { broken, busy, isQuiet, makeApi, ok, outcome, outcomes, range, refused, script } from "../support/api.js"
import { fixed, pace, sequence, spy } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

describe("A control law of the user's own", () => {
  it.effect("sets the window: no more than that start, and more as soon as it grows", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        poolSize: 4,
        control: sequence({ window: 1 }, { window: 2 }, { window: 1 })
      })
      const api = makeApi(() => ok(10))
      yield* pool.executeBatch(range(6), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [10, 1],
        [10, 2],
        [20, 3],
        [30, 4],
        [40, 5]
      ])
    })
  )

  it.effect("sets the spacing of fresh and retried starts alike", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 3, control: fixed({ spacing: 100 }) })
      const api = makeApi(script([[busy(), ok()], [busy(), ok()], [ok()]]))
      yield* pool.executeBatch(range(3), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [100, 0],
        [200, 1],
        [300, 1],
        [400, 2]
      ])
    })
  )

  it.effect("opens the gate early when it shrinks the spacing, and closes it longer when it grows it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        poolSize: 2,
        control: sequence({ spacing: 1000 }, { spacing: 50 }, { spacing: 300 })
      })
      const api = makeApi(() => ok(20))
      yield* pool.executeBatch(range(4), api.call)
      // The outcome at 20 makes it 50, the one at 70 makes it 300.
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [50, 1],
        [350, 2],
        [650, 3]
      ])
    })
  )

  it.effect("sets a hold, and lifts it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        poolSize: 2,
        control: sequence({}, { holdUntil: 500 }, { holdUntil: 0 })
      })
      const api = makeApi(script([[ok(10)], [ok(100)], [ok()], [ok()]]))
      yield* pool.executeBatch(range(4), api.call)
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [0, 1],
        [100, 2],
        [100, 3]
      ])
    })
  )

  it.effect("may hold the very first start", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: fixed({ holdUntil: 200 }) })
      const api = makeApi(() => ok())
      yield* pool.execute(api.call(0))
      assert.deepStrictEqual(api.starts, [[200, 0]])
    })
  )

  it.effect("cannot lift the hold of a Retry-After", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: fixed({}) })
      const api = makeApi(script([[busy(0, { retryAfter: 500 }), ok()]]))
      yield* pool.execute(api.call(0))
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [500, 0]
      ])
    })
  )

  it.effect("sets the delay of rejected rows, which the budget cuts", () =>
    inVirtualTime(function* () {
      const endless = yield* PooledExecutor.make({ control: fixed({ delay: Infinity }), maxCapacityRetry: 300 })
      assert.strictEqual(outcome(yield* Effect.exit(endless.execute(busy()))), "RetryTimeoutError")
      const pool = yield* PooledExecutor.make({ control: fixed({ delay: 70 }) })
      const api = makeApi(script([[busy(), busy(), ok()]]))
      yield* pool.execute(api.call(0))
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [300, 370, 440]
      )
    })
  )

  it.effect("may decide that a rejected row waits no delay: it goes again when it may, once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: fixed({ spacing: 50 }), maxCapacityRetry: 120 })
      const api = makeApi(
        script([
          [busy(), ok(10)],
          [busy(), busy(), busy(), busy()]
        ])
      )
      const result = yield* pool.executeBatch(range(2), api.call)
      assert.deepStrictEqual(outcomes(result), ["ok", "RetryTimeoutError"])
      assert.deepStrictEqual(api.starts, [
        [0, 0],
        [50, 0],
        [100, 1],
        [150, 1],
        [200, 1]
      ])
      assert.deepStrictEqual(
        result.entries.map(({ completedAt }) => completedAt),
        [60, 220]
      )
    })
  )

  it.effect("is told what came back, of which epoch, among how many, and how long it took", () =>
    inVirtualTime(function* () {
      const samples: Array<unknown> = []
      const law = spy(pace({ initial: 0, min: 0, max: 50, step: 50 }), (sample, now) => samples.push([now, sample]))
      const pool = yield* PooledExecutor.make({ poolSize: 3, control: law, maxRetryAfter: "1 second" })
      const api = makeApi(
        script([[busy(10, { status: 503, retryAfter: "1 minute" }), ok(5)], [refused(20)], [busy(30), broken(5)]])
      )
      yield* pool.executeBatch(range(3), api.call)
      const fields = { bound: "none", hints: undefined }
      const neutral = { _tag: "neutral", ownRejection: false }
      const first = { epoch: 0, ...fields }
      const again = { epoch: 1, ...fields }
      assert.deepStrictEqual(samples, [
        [
          10,
          {
            _tag: "capacity",
            row: 1,
            attempt: 1,
            status: 503,
            retryAfter: 1000,
            inFlight: 3,
            latency: 10,
            sequence: 1,
            startedWith: 1,
            ...first
          }
        ],
        [20, { ...neutral, row: 2, attempt: 1, inFlight: 2, latency: 20, sequence: 2, startedWith: 2, ...first }],
        [
          30,
          {
            _tag: "capacity",
            row: 3,
            attempt: 1,
            status: 429,
            retryAfter: undefined,
            inFlight: 1,
            latency: 30,
            sequence: 3,
            startedWith: 3,
            ...first,
            bound: "window"
          }
        ],
        [1015, { _tag: "success", row: 1, attempt: 2, inFlight: 1, latency: 5, sequence: 4, startedWith: 1, ...again }],
        [
          1020,
          {
            ...neutral,
            row: 3,
            attempt: 2,
            inFlight: 1,
            latency: 5,
            sequence: 5,
            startedWith: 2,
            ...again,
            bound: "spacing"
          }
        ]
      ])
    })
  )

  it.effect("is bounded by the pool whatever it decides", () =>
    inVirtualTime(function* () {
      const decides = (decision: Partial<ControlLaw.Decision>) =>
        Effect.gen(function* () {
          const pool = yield* PooledExecutor.make({
            poolSize: 2,
            minDispatchDelay: 10,
            maxRetryAfter: "1 minute",
            control: fixed(decision)
          })
          const api = makeApi(() => ok(100))
          const { entries } = yield* pool.executeBatch(range(3), api.call)
          return entries.map(({ startedAt, submittedAt }) => startedAt - submittedAt)
        })
      const nothing = { window: NaN, spacing: NaN, holdUntil: NaN, delay: NaN, epoch: NaN }
      assert.deepStrictEqual(yield* decides(nothing), [0, 100, 200])
      assert.deepStrictEqual(yield* decides({ window: 0, spacing: -1, holdUntil: -1 }), [0, 100, 200])
      assert.deepStrictEqual(yield* decides({ window: 1.9 }), [0, 100, 200])
      assert.deepStrictEqual(yield* decides({ window: Infinity, spacing: -Infinity }), [0, 10, 100])
      assert.deepStrictEqual(yield* decides({ spacing: Infinity }), [0, 60_000, 120_000])
    })
  )

  it.effect("cannot hold the pool longer than maxRetryAfter", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ maxRetryAfter: "1 second", control: fixed({ holdUntil: Infinity }) })
      const api = makeApi(() => ok())
      yield* pool.executeBatch(range(2), api.call)
      assert.strictEqual(api.starts[0]?.[0], 1000)
    })
  )

  it.effect("cannot take the spacing under minDispatchDelay, even where that is longer than maxRetryAfter", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({
        minDispatchDelay: "2 seconds",
        maxRetryAfter: "1 second",
        control: fixed({ spacing: 5000 })
      })
      const api = makeApi(() => ok())
      yield* pool.executeBatch(range(3), api.call)
      const gaps = api.starts.map(([at]) => at).flatMap((at, i, all) => (i === 0 ? [] : [at - (all[i - 1] ?? 0)]))
      assert.isTrue(gaps.length === 2 && gaps.every((gap) => gap >= 2000))
    })
  )

  it.effect("that throws fails the batch with its defect; the permits come back and nothing stays pending", () =>
    inVirtualTime(function* () {
      let steps = 0
      const law = spy(fixed({ delay: 50 }), () => {
        steps += 1
        if (steps === 2) throw new Error("a law's bug")
      })
      const pool = yield* PooledExecutor.make({ poolSize: 3, control: law })
      const api = makeApi(script([[ok(10)], [ok(20)], [Effect.never], [ok(50)], [ok()]]))
      const exit = yield* Effect.exit(pool.executeBatch(range(5), api.call))
      assert.strictEqual(outcome(exit), `died: effect-aimd: the control law "fixed" threw in step: a law's bug`)
      assert.strictEqual((yield* pool.stats).inFlight, 0)
      assert.strictEqual(yield* pool.pendingCount, 0)
      const next = yield* pool.executeBatch(range(3), () => ok(10))
      assert.strictEqual(next.stats.maxConcurrentReached, 3)
    })
  )

  it.effect("that throws fails a single call with its defect; the permit comes back and nothing stays pending", () =>
    inVirtualTime(function* () {
      let steps = 0
      const law = spy(fixed({ delay: 50 }), () => {
        steps += 1
        if (steps === 1) throw new Error("a law's bug")
      })
      const pool = yield* PooledExecutor.make({ control: law })
      assert.strictEqual(
        outcome(yield* Effect.exit(pool.execute(ok()))),
        `died: effect-aimd: the control law "fixed" threw in step: a law's bug`
      )
      assert.isTrue(yield* isQuiet(pool))
      assert.strictEqual(yield* pool.execute(ok()), "ok")
    })
  )

  const nonsense: ReadonlyArray<readonly [what: string, returned: unknown, says: string]> = [
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["a promise", Promise.resolve(), "a promise"],
    ["an empty object", {}, "an object without a decision"],
    ["a decision without numbers", { state: 0, decision: { window: "3" } }, "an object without a valid decision"]
  ]

  for (const [what, returned, says] of nonsense) {
    it.effect(`that returns ${what} ends the batch with one defect that names it, and is not asked again`, () =>
      inVirtualTime(function* () {
        let steps = 0
        const law: ControlLaw.ControlLaw<ControlLaw.Decision> = {
          ...fixed({}),
          name: "mine",
          step: () => {
            steps += 1
            return returned as ControlLaw.Step<ControlLaw.Decision>
          }
        }
        const pool = yield* PooledExecutor.make({ poolSize: 3, control: law })
        const exit = yield* Effect.exit(pool.executeBatch(range(9), () => ok(10)))
        const message = `effect-aimd: the control law "mine" returned ${says} from step, expected { state, decision }`
        assert.strictEqual(outcome(exit), `died: ${message}`)
        assert.isTrue(yield* isQuiet(pool))
        assert.strictEqual(yield* pool.execute(ok()), "ok")
        assert.strictEqual(steps, 1)
      })
    )
  }

  it.effect("that is broken from the start is told when the pool is made", () =>
    inVirtualTime(function* () {
      const law = { ...fixed({}), initial: () => ({}) as ControlLaw.Step<ControlLaw.Decision> }
      const exit = yield* Effect.exit(PooledExecutor.make({ control: law }))
      assert.strictEqual(
        outcome(exit),
        'died: effect-aimd: the control law "fixed" returned an object without a decision from initial, expected { state, decision }'
      )
    })
  )

  it.effect("shows what it knows of a period and of chance, in stats and in changes", () =>
    inVirtualTime(function* () {
      const starts = { limit: 60, period: 60_000, provenUntil: 0 }
      const pool = yield* PooledExecutor.make({ control: sequence({}, { starts, chance: 0.25 }) })
      const before = yield* pool.stats
      yield* pool.execute(ok())
      const { chance, changes, starts: known } = yield* pool.stats
      assert.deepStrictEqual([before.chance, before.starts], [0, undefined])
      assert.deepStrictEqual([chance, known?.limit, String(known?.period)], [0.25, 60, "Duration(1m)"])
      assert.deepStrictEqual(
        changes.map((change) => [change.chance, change.starts]),
        [[0.25, { limit: 60, period: 60_000 }]]
      )
    })
  )
})
