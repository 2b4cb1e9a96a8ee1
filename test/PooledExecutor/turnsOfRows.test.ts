import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Clock, Effect, Exit, Fiber, Stream, type Duration } from "effect"
import { Capacity, PoolGroup, PooledExecutor } from "effect-aimd"
import { Report } from "effect-aimd/testing"
import { fixed } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

const one = (ageing: Duration.DurationInput = "1 minute") =>
  PooledExecutor.make({ poolSize: 1, control: "delay", ageing })

/** Each row takes a second, and says when it starts. */
const noting =
  (order: Array<string>) =>
  (name: string): Effect.Effect<void> =>
    Effect.delay(
      Effect.sync(() => void order.push(name)),
      "1 second"
    )

const rowsOf = (name: string, count: number): ReadonlyArray<string> => Array.from({ length: count }, () => name)

const count = (order: ReadonlyArray<string>, name: string): number => order.filter((other) => other === name).length

describe("turns between batches, streams and calls", () => {
  it.effect("let an urgent call start next, however many batches wait", () =>
    inVirtualTime(function* () {
      const pool = yield* one()
      const order: Array<string> = []
      const batches = yield* Effect.forEach(rowsOf("nightly", 20), (name) =>
        Effect.fork(pool.executeBatch(rowsOf(name, 3), noting(order), { turn: { priority: -1 } }))
      )
      const ordinary = yield* Effect.fork(pool.executeBatch(rowsOf("ordinary", 3), noting(order)))
      yield* Effect.sleep("500 millis")
      yield* pool.execute(noting(order)("urgent"), { priority: 1 })
      // The row that ran when it came, and nobody else.
      assert.deepStrictEqual(order, ["nightly", "urgent"])
      yield* Fiber.join(ordinary)
      assert.deepStrictEqual(order.slice(2), ["ordinary", "ordinary", "ordinary"])
      yield* Effect.forEach(batches, Fiber.join)
      assert.strictEqual(order.length, 64)
    })
  )

  it.effect("are equal between tenants, in whatever they wait, and however many rows of each", () =>
    inVirtualTime(function* () {
      const pool = yield* one()
      const order: Array<string> = []
      const parties: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        pool.executeBatch(rowsOf("a", 500), noting(order), { turn: { tenant: "a" } }),
        pool.executeBatch(rowsOf("a", 500), noting(order), { turn: () => ({ tenant: "a" }) }),
        Stream.runDrain(pool.stream(rowsOf("b", 100), noting(order), { turn: { tenant: "b" } })),
        Effect.forEach(rowsOf("c", 60), (name) => pool.execute(noting(order)(name), { tenant: "c" }), {
          concurrency: "unbounded"
        }),
        pool.executeBatch(rowsOf("d", 60), noting(order), { turn: () => ({ tenant: "d", weight: 2 }) })
      ]
      yield* Effect.forEach(parties, (party) => Effect.fork(party))
      yield* Effect.sleep("101 seconds")
      const shares = ["a", "b", "c", "d"].map((name) => count(order, name))
      // The first row of "a" has started before anybody else was there.
      assert.deepStrictEqual(shares, [21, 20, 20, 40])
      assert.isAtLeast(Report.jain([21, 20, 20, 40 / 2]), 0.99)
    })
  )

  it.effect("are those of each row by itself where the option is a function, and entries keep their order", () =>
    inVirtualTime(function* () {
      const pool = yield* one()
      const order: Array<string> = []
      const rows = ["low", "soon", "high", "later", "none"]
      const { entries, stats } = yield* pool.executeBatch(rows, noting(order), {
        stateId: (row) => row,
        turn: (row) =>
          row === "low"
            ? { priority: -1 }
            : row === "high"
              ? { priority: 1 }
              : row === "none"
                ? undefined
                : { deadline: row === "soon" ? "1 second" : "10 seconds" }
      })
      // The first is handed over before the others are there.
      assert.deepStrictEqual(order, ["low", "high", "soon", "later", "none"])
      assert.deepStrictEqual(
        entries.map(({ completeIndex, stateId, submitIndex }) => [stateId, submitIndex, completeIndex]),
        [
          ["low", 0, 0],
          ["soon", 1, 2],
          ["high", 2, 1],
          ["later", 3, 3],
          ["none", 4, 4]
        ]
      )
      assert.deepStrictEqual([stats.rows, stats.successes, stats.attempts], [5, 5, 5])
    })
  )

  it.effect("go by deadline among the rows of a tenant, whichever batch each is in, a rejected one as well", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: fixed({}) })
      const order: Array<number> = []
      const batch = (...due: ReadonlyArray<number>) =>
        Effect.fork(
          pool.executeBatch(
            due,
            (seconds, { attempt }) =>
              Effect.zipRight(
                Effect.delay(
                  Effect.sync(() => void order.push(seconds)),
                  "1 second"
                ),
                seconds === 30 && attempt === 1 ? new Capacity.CapacityError({ status: 429 }) : Effect.void
              ),
            { turn: (seconds) => ({ deadline: `${seconds} seconds` }) }
          )
        )
      // The lane of the rejected row stands in line for its other row by then, or for nothing.
      for (const others of [[60], []]) {
        order.length = 0
        const batches = [yield* batch(10, 20), yield* batch(40, 50), yield* batch(30, ...others)]
        yield* Effect.forEach(batches, Fiber.join)
        assert.deepStrictEqual(order, [10, 20, 30, 30, 40, 50, ...others])
      }
    })
  )

  it.effect("go through a stream as far as its rows are read", () =>
    inVirtualTime(function* () {
      const pool = yield* one()
      const order: Array<string> = []
      const rows = ["a", "b", "c", "d", "e", "f"]
      const entries = yield* Stream.runCollect(
        pool.stream(rows, noting(order), { turn: (_, i) => ({ priority: i }), maxPending: 3, ordered: false })
      )
      // "a" is handed over before the others are there; then three are read and not taken.
      assert.deepStrictEqual(order, ["a", "c", "d", "e", "f", "b"])
      assert.strictEqual(Chunk.size(entries), 6)
    })
  )

  it.effect("let a batch of a lower priority start a row once an ageing, and no more", () =>
    inVirtualTime(function* () {
      const pool = yield* one()
      const starts: Array<number> = []
      const low = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.delay(
          Effect.sync(() => void starts.push(now)),
          "1 second"
        )
      )
      yield* Effect.fork(pool.executeBatch(rowsOf("high", 400), () => Effect.sleep("1 second")))
      yield* Effect.yieldNow()
      yield* Effect.fork(pool.executeBatch(rowsOf("low", 100), () => low, { turn: { priority: -1 } }))
      yield* Effect.sleep("4 minutes")
      assert.deepStrictEqual(starts, [62_000, 124_000, 186_000])
    })
  )

  it.effect("keep a lower priority waiting for as long as a higher one has rows, where nothing ages", () =>
    inVirtualTime(function* () {
      const pool = yield* one(Infinity)
      const order: Array<string> = []
      yield* Effect.fork(pool.executeBatch(rowsOf("low", 100), noting(order), { turn: { priority: -1 } }))
      yield* Effect.yieldNow()
      yield* pool.executeBatch(rowsOf("high", 400), noting(order))
      assert.deepStrictEqual(count(order, "low"), 1)
    })
  )

  it.effect("are kept where a pool was told limits: a tenant whose row waits for room keeps its turn", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 8, limits: "10 tokens per second" })
      const order: Array<string> = []
      const note = (name: string) => Effect.sync(() => void order.push(name))
      const batch = (tenant: string, tokens: number) =>
        pool.executeBatch(rowsOf(tenant, 40), note, { turn: { tenant }, cost: () => ({ tokens }) })
      yield* Effect.fork(batch("large", 8))
      yield* Effect.yieldNow()
      yield* Effect.fork(batch("small", 2))
      yield* Effect.fork(batch("other", 2))
      yield* Effect.sleep("31 seconds")
      assert.isAtLeast(Report.jain(["small", "other"].map((name) => count(order, name))), 0.99)
      assert.isAtLeast(count(order, "large"), 15)
      yield* pool.execute(note("urgent"), { priority: 1, cost: { tokens: 10 } })
      assert.strictEqual(order.at(-1), "urgent")
    })
  )

  it.effect("go through a rejection: an urgent row of another batch starts before the retry", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1 })
      const order: Array<string> = []
      let isFull = true
      const low = yield* Effect.fork(
        pool.executeBatch(
          ["low"],
          (name) =>
            Effect.suspend(() => {
              order.push(name)
              return isFull
                ? Effect.delay(Effect.fail(new Capacity.CapacityError({ status: 429 })), "1 second")
                : Effect.void
            }),
          { turn: () => ({ tenant: "t" }) }
        )
      )
      yield* Effect.yieldNow()
      const urgent = yield* Effect.fork(
        pool.executeBatch(rowsOf("urgent", 3), noting(order), { turn: { priority: 1 } })
      )
      yield* Effect.fork(
        Effect.delay(
          Effect.sync(() => void (isFull = false)),
          "1500 millis"
        )
      )
      yield* Effect.all([Fiber.join(low), Fiber.join(urgent)])
      assert.deepStrictEqual(order, ["low", "urgent", "urgent", "urgent", "low"])
    })
  )

  it.effect("leave with their rows: cancelled, evicted, interrupted, out of time, shut down", () =>
    inVirtualTime(function* () {
      const pool = yield* one()
      const order: Array<string> = []
      const handle = yield* PooledExecutor.handle
      const rows = ["a", "b", "c", "d", "e"]
      const turn = (row: string) => ({ tenant: row, priority: row === "e" ? -1 : 0 })
      const batch = yield* Effect.fork(
        pool.executeBatch(rows, noting(order), { stateId: (row) => row, handle, turn, timeout: "2500 millis" })
      )
      const gone = yield* Effect.fork(pool.executeBatch(rowsOf("gone", 50), noting(order), { turn }))
      yield* Effect.sleep("500 millis")
      assert.deepStrictEqual(
        [yield* handle.cancel("b"), yield* handle.evict("c"), yield* handle.cancel("c")],
        [1, 1, 0]
      )
      const { fresh, rows: read } = (yield* handle.snapshot) ?? { fresh: -1, rows: -1 }
      assert.deepStrictEqual([fresh, read], [2, 5])
      yield* Fiber.interrupt(gone)
      const { entries } = yield* Fiber.join(batch)
      assert.deepStrictEqual(
        entries
          .map(({ exit, stateId }) => [stateId, Exit.isSuccess(exit) ? "done" : Cause.failureOption(exit.cause)])
          .map(([name, end]) => [
            name,
            typeof end === "string" || end === undefined ? end : "_tag" in end ? end._tag : ""
          ]),
        [
          ["a", "done"],
          ["b", "Some"],
          ["d", "done"],
          ["e", "Some"]
        ]
      )
      const left = yield* Effect.fork(pool.executeBatch(rows, noting(order), { turn }))
      yield* Effect.yieldNow()
      yield* pool.shutdown
      yield* Fiber.join(left)
      const { inFlight, pending } = yield* pool.stats
      assert.deepStrictEqual([inFlight, pending], [0, 0])
    })
  )

  it.effect("are those of a group, too, whatever the key of a call", () =>
    inVirtualTime(function* () {
      const pool = yield* one()
      const group = yield* PoolGroup.make({ members: { pool } })
      const order: Array<string> = []
      const batch = yield* Effect.fork(
        group.executeBatch(rowsOf("row", 4), (row) => noting(order)(row), { turn: { tenant: "t" } })
      )
      yield* Effect.sleep("100 millis")
      const calls = yield* Effect.forEach(
        [
          ["low", -1],
          ["urgent", 2]
        ] as const,
        ([name, priority]) => Effect.fork(group.execute(() => noting(order)(name), { priority, key: name }))
      )
      yield* Effect.forEach(calls, Fiber.join)
      yield* Fiber.join(batch)
      assert.deepStrictEqual(order, ["row", "urgent", "row", "row", "row", "low"])
    })
  )

  it.effect("die of what a function says wrong, or throws, before anything runs", () =>
    inVirtualTime(function* () {
      const pool = yield* one()
      const ran: Array<string> = []
      const died = (turn: unknown) =>
        Effect.map(
          // Callers without types may hand in anything.
          Effect.exit(pool.executeBatch(["a", "b"], noting(ran), { turn } as never)),
          (exit) => (Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "none")
        )
      assert.include(yield* died({ priority: NaN }), "option turn.priority: expected a finite number, got NaN")
      assert.include(yield* died("high"), "option turn: expected an object such as { priority: 1 }")
      assert.include(
        yield* died({ order: 1 }),
        "option turn.order: expected only priority, tenant, weight, deadline, late"
      )
      assert.include(
        yield* died(() => ({ weight: -1 })),
        "turn of row 0.weight: expected a finite number over 0, got -1"
      )
      assert.include(yield* died(() => 7), "turn of row 0: expected an object")
      assert.include(
        yield* died(() => {
          throw new Error("no such customer")
        }),
        "no such customer"
      )
      const streamed = yield* Effect.exit(
        Stream.runDrain(pool.stream(["a"], noting(ran), { turn: () => ({ deadline: -1 }) }))
      )
      assert.include(Exit.isFailure(streamed) ? Cause.pretty(streamed.cause) : "none", "turn of row 0.deadline")
      const { inFlight, pending } = yield* pool.stats
      assert.deepStrictEqual([ran, inFlight, pending], [[], 0, 0])
    })
  )
})
