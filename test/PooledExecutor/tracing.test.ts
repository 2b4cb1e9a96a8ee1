import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Effect, Fiber, Option } from "effect"
import { busy, makeApi, ok, outcome, range, refused, script } from "../support/api.js"
import { makeTracer, type SeenSpan } from "../support/observe.js"
import { inVirtualTime } from "../support/time.js"

/** Name, parent, start and end of each span, and how it ended. */
const tree = (spans: ReadonlyArray<SeenSpan>) =>
  spans.map(({ end, exit, name, parent, start }) => [name, parent, start, end, exit && outcome(exit)])

const nameOfCurrentSpan = Effect.map(Effect.option(Effect.currentSpan), (span) =>
  Option.match(span, { onNone: () => "none", onSome: ({ name }) => name })
)

describe("Spans", () => {
  it.effect("show a batch, its rows and their attempts, each under the other", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = makeTracer()
      const pool = yield* PooledExecutor.make({ control: "delay", name: "gpt", poolSize: 2 })
      const api = makeApi(script([[busy(10), Effect.withSpan(ok(20), "request")], [refused(30)]]))
      yield* pool
        .executeBatch(range(2), api.call, { stateId: (row) => `row-${row}` })
        .pipe(Effect.withSpan("caller"), Effect.withTracer(tracer))
      assert.deepStrictEqual(tree(spans), [
        ["caller", undefined, 0, 80, "[object Object]"],
        ["effect-aimd.batch", "caller", 0, 80, "[object Object]"],
        ["effect-aimd.row", "effect-aimd.batch", 0, 80, "ok"],
        ["effect-aimd.attempt", "effect-aimd.row", 0, 10, "CapacityError"],
        ["effect-aimd.row", "effect-aimd.batch", 0, 30, "Refused"],
        ["effect-aimd.attempt", "effect-aimd.row", 0, 30, "Refused"],
        ["effect-aimd.attempt", "effect-aimd.row", 60, 80, "ok"],
        ["request", "effect-aimd.attempt", 60, 80, "ok"]
      ])
      const [, batch, row, first, , , second] = spans.map((span) => span.attributes)
      assert.deepInclude(batch, { pool: "gpt", rows: 2 })
      assert.deepInclude(row, { pool: "gpt", stateId: "row-0", rowIndex: 0 })
      assert.deepInclude(first, { attempt: 1 })
      assert.deepInclude(second, { attempt: 2 })
    })
  )

  it.effect("show a single call as a row under the caller's span", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = makeTracer()
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* pool
        .execute(makeApi(script([[busy(10), ok(20)]])).call(0))
        .pipe(Effect.withSpan("caller"), Effect.withTracer(tracer))
      assert.deepStrictEqual(tree(spans), [
        ["caller", undefined, 0, 80, "ok"],
        ["effect-aimd.row", "caller", 0, 80, "ok"],
        ["effect-aimd.attempt", "effect-aimd.row", 0, 10, "CapacityError"],
        ["effect-aimd.attempt", "effect-aimd.row", 60, 80, "ok"]
      ])
    })
  )

  it.effect("start with the row's first start, not while it waits for its turn", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = makeTracer()
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      yield* Effect.withTracer(
        pool.executeBatch(range(2), () => ok(10)),
        tracer
      )
      const rows = spans.filter(({ name }) => name === "effect-aimd.row")
      assert.deepStrictEqual(
        rows.map(({ end, start }) => [start, end]),
        [
          [0, 10],
          [10, 20]
        ]
      )
    })
  )

  it.effect("are all ended, once, by a shutdown, a timeout, a spent budget and an interruption", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = makeTracer()
      const program = Effect.gen(function* () {
        const make = PooledExecutor.make({ control: "delay", poolSize: 3, maxCapacityRetry: 200 })
        const api = () => makeApi(script([[busy()], [Effect.never], [ok(20)], [ok()]]))
        const timed = yield* make
        yield* timed.executeBatch(range(4), api().call, { timeout: 30 })
        const spent = yield* make
        yield* spent.executeBatch([0], api().call)
        yield* Effect.flip(spent.execute(busy()))
        const interrupted = yield* make
        const batch = yield* Effect.fork(interrupted.executeBatch(range(4), api().call))
        yield* Effect.sleep(30)
        yield* Fiber.interrupt(batch)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const closed = yield* make
            yield* Effect.forkDaemon(closed.executeBatch(range(4), api().call))
            yield* Effect.forkDaemon(closed.execute(busy()))
            yield* Effect.sleep(30)
          })
        )
      })
      yield* Effect.withTracer(program, tracer)
      yield* Effect.sleep(1000)
      assert.isAbove(spans.length, 20)
      assert.deepStrictEqual(
        spans.filter(({ end }) => end === undefined),
        []
      )
    })
  )

  it.effect("of a call are ended when its caller is interrupted in flight, in backoff and in a hold", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = makeTracer()
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const calls = [Effect.never, busy(), busy(0, { retryAfter: "1 second" })].map((answer) => pool.execute(answer))
      const fibers = yield* Effect.forEach(calls, (call) => Effect.fork(Effect.withTracer(call, tracer)))
      yield* Effect.sleep(70)
      yield* Fiber.interruptAll(fibers)
      const rows = spans.filter(({ name }) => name === "effect-aimd.row")
      assert.deepStrictEqual(
        rows.map(({ end }) => end),
        [70, 70, 70]
      )
    })
  )

  it.effect("stand fractions of a millisecond", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = makeTracer()
      const pool = yield* PooledExecutor.make({
        control: "delay",
        recoveryStep: 25,
        backoffMultiplier: 1.5,
        poolSize: 1
      })
      const api = makeApi(script([[busy(), busy(), ok()]]))
      yield* Effect.withTracer(pool.execute(api.call(0)), tracer)
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 25, 62.5]
      )
      assert.strictEqual(spans[0]?.end, 62.5)
    })
  )

  it.effect("of rows and attempts are not made where nobody traces", () =>
    inVirtualTime(function* () {
      const { spans, tracer } = makeTracer()
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const seen = [
        yield* pool.execute(nameOfCurrentSpan),
        ...(yield* pool.forEach([0], () => nameOfCurrentSpan)),
        ...(yield* Effect.withTracerEnabled(
          Effect.withTracer(
            pool.forEach([0], () => nameOfCurrentSpan),
            tracer
          ),
          false
        ))
      ]
      assert.notIncludeMembers(seen, ["effect-aimd.row"])
      assert.notIncludeMembers(seen, ["effect-aimd.attempt"])
      assert.deepStrictEqual(spans, [])
    })
  )
})
