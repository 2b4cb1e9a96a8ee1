import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Cause, Effect, Exit, type Duration } from "effect"
import { busy, field, isQuiet, makeApi, ok, outcome, outcomes, range, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

// What a caller without types may pass: the type is the lie that such a caller tells.
const noEffect = (value: unknown) => value as Effect.Effect<string>
const noRow = (value: unknown) => value as Iterable<number>
const noProcess = (value: unknown) => value as (row: number) => Effect.Effect<string>
const noBatchOptions = (value: unknown) => value as PooledExecutor.BatchOptions<number>
const noDuration = (value: unknown) => value as Duration.Duration

describe("Bad input", () => {
  it.effect("rows that throw while they are iterated: the batch dies of it and runs nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const rows = {
        *[Symbol.iterator]() {
          yield 1
          throw new Error("the cursor is closed")
        }
      }
      const api = makeApi(() => ok())
      assert.strictEqual(outcome(yield* Effect.exit(pool.executeBatch(rows, api.call))), "died: the cursor is closed")
      assert.strictEqual(outcome(yield* Effect.exit(pool.forEach(rows, api.call))), "died: the cursor is closed")
      assert.deepStrictEqual(api.starts, [])
      assert.isTrue(yield* isQuiet(pool))
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch([0], api.call)), ["ok"])
    })
  )

  it.effect("a process that throws instead of returning an Effect: its row dies, the others go on", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2 })
      const result = yield* pool.executeBatch(range(3), (row) => {
        if (row === 1) throw new Error("not an Effect")
        return ok(10)
      })
      assert.deepStrictEqual(outcomes(result), ["ok", "died: not an Effect", "ok"])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  const noRows: ReadonlyArray<readonly [rows: unknown, shown: string]> = [
    [(async function* () {})(), "an async iterable"],
    [3, "3"],
    ["abc", '"abc"'],
    [undefined, "undefined"],
    [{ length: 2 }, '{"length":2}'],
    [Promise.resolve([1]), "a Promise"],
    [range, "a function"]
  ]
  for (const [rows, shown] of noRows) {
    it.effect(`rows that are ${shown}: the batch dies and runs nothing`, () =>
      inVirtualTime(function* () {
        const pool = yield* PooledExecutor.make()
        const api = makeApi(() => ok())
        const said = `died: effect-aimd: argument rows: expected an iterable of rows, such as an array, got ${shown}`
        assert.strictEqual(outcome(yield* Effect.exit(pool.executeBatch(noRow(rows), api.call))), said)
        assert.strictEqual(outcome(yield* Effect.exit(pool.forEach(noRow(rows), api.call))), said)
        assert.deepStrictEqual(api.starts, [])
        assert.isTrue(yield* isQuiet(pool))
      })
    )
  }

  it.effect("rows that are an Effect: the batch dies instead of iterating what is there for yield* alone", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const exit = yield* Effect.exit(pool.executeBatch(noRow(Effect.succeed([1, 2])), () => ok()))
      assert.match(
        outcome(exit),
        /^died: effect-aimd: argument rows: expected an iterable of rows, such as an array, got /
      )
    })
  )

  it.effect("every other iterable is rows: a set, a map, a generator", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const rows = [new Set([1, 2]), new Map([[1, 2]]).keys(), range(2).values(), new Uint8Array(2)]
      const counts = yield* Effect.forEach(rows, (some) =>
        Effect.map(
          pool.executeBatch(some, () => ok()),
          ({ entries }) => entries.length
        )
      )
      assert.deepStrictEqual(counts, [2, 1, 2, 2])
    })
  )

  it.effect("no process: the batch dies and says what one is", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const exits = yield* Effect.forEach([undefined, ok()], (process) =>
        Effect.exit(pool.executeBatch(range(2), noProcess(process)))
      )
      assert.match(
        exits.map(outcome).join("\n"),
        /^died: effect-aimd: argument process: expected a function that returns an Effect, got undefined\ndied: effect-aimd: argument process: expected a function that returns an Effect, got /
      )
    })
  )

  const noCallOptions: ReadonlyArray<readonly [options: unknown, message: string]> = [
    [5, "argument options: expected an object such as { priority: 1 }, got 5"],
    [null, "argument options: expected an object such as { priority: 1 }, got null"],
    [{ prio: 1 }, "option prio: expected only the options priority, tenant, weight, deadline, late, cost, key, got 1"]
  ]
  for (const [options, message] of noCallOptions) {
    it.effect(`wrong options of a call: ${message}`, () =>
      inVirtualTime(function* () {
        const pool = yield* PooledExecutor.make()
        const wrong = options as PooledExecutor.CallOptions
        let runs = 0
        const call = Effect.sync(() => (runs += 1))
        const exits = [yield* Effect.exit(pool.execute(call, wrong)), yield* Effect.exit(pool.attempt(call, wrong))]
        assert.deepStrictEqual(exits.map(outcome), Array<string>(2).fill(`died: effect-aimd: ${message}`))
        assert.strictEqual(runs, 0)
        assert.isTrue(yield* isQuiet(pool))
      })
    )
  }

  const noOptions: ReadonlyArray<readonly [options: unknown, message: string]> = [
    [
      { concurrency: 8 },
      "option concurrency: expected only the options stateId, timeout, onEntry, onUnfinished, cost, turn, handle and journal, got 8"
    ],
    [
      { timeOut: undefined },
      "option timeOut: expected only the options stateId, timeout, onEntry, onUnfinished, cost, turn, handle and journal, got undefined"
    ],
    ["1 minute", 'argument options: expected an object, got "1 minute"'],
    [null, "argument options: expected an object, got null"],
    [{ stateId: "id" }, 'option stateId: expected a function from a row to its name, got "id"'],
    [{ timeout: "5" }, 'option timeout: expected a duration of at least 0, such as "50 millis", got "5"'],
    [{ stateId: (row: number) => row }, "stateId of row 0: expected a non-empty string, got 0"],
    [{ stateId: () => undefined }, "stateId of row 0: expected a non-empty string, got undefined"]
  ]
  for (const [options, message] of noOptions) {
    it.effect(`wrong options: ${message}`, () =>
      inVirtualTime(function* () {
        const pool = yield* PooledExecutor.make()
        const api = makeApi(() => ok())
        const wrong = noBatchOptions(options)
        assert.strictEqual(
          outcome(yield* Effect.exit(pool.executeBatch(range(2), api.call, wrong))),
          `died: effect-aimd: ${message}`
        )
        assert.strictEqual(
          outcome(yield* Effect.exit(pool.forEach(range(2), api.call, wrong))),
          `died: effect-aimd: ${message}`
        )
        assert.deepStrictEqual(api.starts, [])
        assert.isTrue(yield* isQuiet(pool))
      })
    )
  }

  it.effect("options that are undefined are left out", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: undefined })
      const result = yield* pool.executeBatch(range(2), () => ok(), { stateId: undefined, timeout: undefined })
      assert.deepStrictEqual(field(result, "stateId"), ["0", "1"])
      assert.deepStrictEqual(outcomes(yield* pool.executeBatch(range(1), () => ok(), undefined)), ["ok"])
      assert.strictEqual(pool.poolSize, 16)
    })
  )

  it.effect("a process that returns no Effect: its row dies with what was returned and expected", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const result = yield* pool.executeBatch(range(3), (row) => noEffect([undefined, Promise.resolve(1), ok()][row]))
      const expected = "expected an Effect (Effect.tryPromise makes one of a promise)"
      assert.deepStrictEqual(outcomes(result), [
        `died: effect-aimd: process of row 0: ${expected}, got undefined`,
        `died: effect-aimd: process of row 1: ${expected}, got a Promise`,
        "ok"
      ])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("a call that is no Effect: its caller dies, and no attempt is counted", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const line = yield* pool.line
      const said = (shown: string) =>
        `died: effect-aimd: argument call: expected an Effect (Effect.tryPromise makes one of a promise), got ${shown}`
      for (const run of [pool.execute, pool.attempt, line.execute, line.attempt]) {
        assert.strictEqual(outcome(yield* Effect.exit(run(noEffect(undefined)))), said("undefined"))
        assert.strictEqual(outcome(yield* Effect.exit(run(noEffect(Promise.resolve(1))))), said("a Promise"))
        assert.strictEqual(outcome(yield* Effect.exit(run(noEffect(() => ok())))), said("a function"))
      }
      assert.isTrue(yield* isQuiet(pool))
      assert.strictEqual((yield* pool.stats).attempts, 0)
      assert.strictEqual(yield* pool.execute(ok()), "ok")
    })
  )

  it.effect("a message shows the beginning of a long value, not all of it", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const said = outcome(yield* Effect.exit(pool.executeBatch(noRow("x".repeat(1_000_000)), () => ok())))
      assert.isBelow(said.length, 300)
      assert.match(said, /"xxx+\.\.\.$/)
    })
  )

  it.effect("an empty stateId: the batch dies with the row's number and runs nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const api = makeApi(() => ok())
      const exit = yield* Effect.exit(
        pool.executeBatch(range(3), api.call, { stateId: (row) => (row === 1 ? "" : `row-${row}`) })
      )
      assert.strictEqual(outcome(exit), 'died: effect-aimd: stateId of row 1: expected a non-empty string, got ""')
      assert.isTrue(Exit.isFailure(exit) && Cause.isIllegalArgumentException(Cause.squash(exit.cause)))
      assert.deepStrictEqual(api.starts, [])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("a stateId that throws: the batch dies of it and runs nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const api = makeApi(() => ok())
      const stateId = (row: number) => {
        if (row === 1) throw new Error("row without a name")
        return "name"
      }
      assert.strictEqual(
        outcome(yield* Effect.exit(pool.executeBatch(range(3), api.call, { stateId }))),
        "died: row without a name"
      )
      assert.deepStrictEqual(api.starts, [])
    })
  )

  it.effect("a timeout that is no duration: the batch dies, and the pool is as before", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make()
      const api = makeApi(() => ok())
      for (const timeout of ["5 parsecs", NaN, -1]) {
        const exit = yield* Effect.exit(pool.executeBatch(range(2), api.call, { timeout: noDuration(timeout) }))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause), `timeout ${timeout}`)
      }
      assert.deepStrictEqual(api.starts, [])
      yield* pool.shutdown
      assert.isTrue(yield* isQuiet(pool))
      assert.strictEqual((yield* pool.stats).failures, 0)
    })
  )

  it.effect("equal stateIds are allowed, and so are equal rows", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2 })
      const api = makeApi(script([[busy(), ok()]]))
      const result = yield* pool.executeBatch([0, 0, 0], api.call, { stateId: () => "same" })
      assert.deepStrictEqual(outcomes(result), ["ok", "ok", "ok"])
      assert.deepStrictEqual(field(result, "stateId"), ["same", "same", "same"])
      assert.deepStrictEqual(field(result, "submitIndex"), [0, 1, 2])
    })
  )

  it.effect("a poolSize far above the rows makes no fibers for nothing", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: Number.MAX_SAFE_INTEGER })
      const result = yield* pool.executeBatch(range(3), () => ok(10))
      assert.deepStrictEqual(outcomes(result), ["ok", "ok", "ok"])
      assert.deepStrictEqual(field(result, "startedAt"), [0, 0, 0])
      assert.strictEqual(yield* pool.execute(ok()), "ok")
    })
  )
})
