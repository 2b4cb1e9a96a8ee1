import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, FiberId, Layer, Schema } from "effect"
import { Capacity, Hints, PooledExecutor, PoolError } from "effect-aimd"
import { FileJournal, Journal } from "effect-aimd/journal"
import { makeDisk } from "../support/disk.js"
import { inVirtualTime } from "../support/time.js"
import { entryOf, letters, noMind, recall, record, trouble } from "./support.js"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String, at: Schema.Date }) {}

const journal = () => FileJournal.layer("run.jsonl").pipe(Layer.provide(makeDisk().mount()))

/** What comes back of an outcome, where the caller wants it back whatever it is. */
const roundTrip = <A, E>(
  batch: ReturnType<typeof Journal.batch<number, A, unknown, E>>,
  exit: Exit.Exit<A, PoolError.RowError<E>>
) =>
  Effect.gen(function* () {
    const rows = [{ row: 1, stateId: "r", rowIndex: 0 }]
    yield* Effect.scoped(
      Effect.flatMap(batch(noMind), (keeper) =>
        Effect.zipRight(keeper.recall(rows), keeper.commit([entryOf(0, exit, "r")]))
      )
    )
    const [outcome] = yield* Effect.scoped(Effect.flatMap(batch(noMind), (keeper) => keeper.recall(rows)))
    assert(outcome !== undefined)
    return outcome
  }).pipe(Effect.provide(journal()))

const kept = { id: "x", retry: () => false }

/** All that an error carries, as text. */
const fieldsOf = (error: unknown): unknown =>
  error instanceof Error
    ? Object.fromEntries(Object.entries(error).map(([name, value]: [string, unknown]) => [name, fieldsOf(value)]))
    : String(error)

const rejected = new Capacity.CapacityError({ status: 503, retryAfter: Duration.seconds(9) })
const poolFailures = [
  new PoolError.PoolShutdownError({ pool: "p" }),
  new PoolError.RowCancelledError({ stateId: "r" }),
  new PoolError.CallTooLargeError({ pool: "p", unit: "tokens", cost: 9, limit: 5, told: "5 tokens per 1m" }),
  new PoolError.BudgetExhaustedError({ pool: "p", budget: 20, spent: 19.5, undone: 3 }),
  new PoolError.TooLateError({ pool: "p", deadline: 9000, possibleAt: 12_000.5, attempts: 2 }),
  new PoolError.BatchTimeoutError({ timeout: Duration.hours(1) }),
  new PoolError.AttemptTimeoutError({ timeout: Duration.seconds(30), attempt: 2 }),
  new PoolError.RetryTimeoutError({
    elapsed: Duration.seconds(1),
    budget: Duration.infinity,
    attempts: 3,
    lastError: rejected,
    othersServed: 4,
    retryAfter: Duration.seconds(9),
    retryAt: 5
  }),
  new PoolError.RetryTimeoutError({
    elapsed: Duration.zero,
    budget: Duration.millis(1),
    attempts: 0,
    lastError: new Capacity.CapacityError({ status: 429 })
  })
]

describe("Journal", () => {
  it.effect("gives back a success as its schema says, with the audit record", () =>
    Effect.gen(function* () {
      const at = new Date(86_400_000)
      const outcome = yield* roundTrip(
        Journal.batch({ ...kept, success: Schema.Struct({ at: Schema.Date }) }),
        Exit.succeed({ at })
      )
      assert.deepStrictEqual(outcome.exit, Exit.succeed({ at }))
      assert.deepStrictEqual([outcome.startedAt, outcome.attempts, Duration.toMillis(outcome.throttleWait)], [2, 1, 4])
    })
  )

  it.effect("gives back a row that succeeds with nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        (yield* roundTrip(Journal.batch({ ...kept, success: Schema.Void }), Exit.void)).exit,
        Exit.void
      )
      const undefinedOr = Schema.UndefinedOr(Schema.Number)
      const outcome = yield* roundTrip(Journal.batch({ ...kept, success: undefinedOr }), Exit.succeed(undefined))
      assert.deepStrictEqual(outcome.exit, Exit.succeed(undefined))
    })
  )

  it.effect("gives back failures of the row's own, of the pool, and defects", () =>
    Effect.gen(function* () {
      const batch = Journal.batch<number, never, never, Refused, typeof Refused.Encoded>({
        ...kept,
        success: Schema.Never,
        failure: Refused
      })
      const own = new Refused({ why: "no", at: new Date(0) })
      for (const error of [own, ...poolFailures]) {
        const { exit } = yield* roundTrip(batch, Exit.fail(error))
        assert.deepStrictEqual(exit, Exit.fail(error))
        // Of errors the comparison above sees the message alone.
        assert.deepStrictEqual(fieldsOf(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined), fieldsOf(error))
      }
      const died = yield* roundTrip(batch, Exit.die(new Error("broken")))
      const message = Exit.isFailure(died.exit) ? Cause.pretty(died.exit.cause).split("\n")[0] : undefined
      assert.strictEqual(message, "Error: broken")
    })
  )

  it.effect("has nothing of a row that had not started when its batch was stopped: it is done the next time", () =>
    inVirtualTime(function* () {
      const disk = makeDisk()
      const store = FileJournal.layer("run.jsonl").pipe(Layer.provide(disk.mount()))
      const run = (timeout: number) =>
        Effect.gen(function* () {
          const pool = yield* PooledExecutor.make({ poolSize: 2 })
          const process = (row: number) => Effect.as(Effect.sleep(100), row)
          const { entries } = yield* pool.executeBatch([0, 1, 2, 3, 4], process, {
            journal: Journal.batch({ id: "letters", success: Schema.Number, retry: () => false }),
            timeout
          })
          return entries.map(({ exit }) => (Exit.isSuccess(exit) ? "done" : "late")).join(" ")
        }).pipe(Effect.scoped, Effect.provide(store))
      const names = () =>
        [...(disk.text("run.jsonl") ?? "").matchAll(/"stateId":"(\d)"/g)]
          .map(([, name]) => name)
          .sort()
          .join("")
      assert.deepStrictEqual([yield* run(150), names()], ["done done late late late", "0123"])
      assert.deepStrictEqual([yield* run(1000), names()], ["done done late late done", "01234"])
    })
  )

  it.effect("keeps what rows have used: who resumes knows what was used before, and what is used now", () =>
    Effect.gen(function* () {
      const run = (rows: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const pool = yield* PooledExecutor.make({ poolSize: 2 })
          const handle = yield* PooledExecutor.handle
          const { entries, stats } = yield* pool.executeBatch(
            rows,
            (row) => Effect.as(Hints.report({ usage: { tokens: 5, money: 0.5 } }), row.toUpperCase()),
            { journal: Journal.batch({ id: "letters", success: Schema.String }), handle }
          )
          return { entries, stats, snapshot: yield* handle.snapshot, ofPool: yield* pool.stats }
        }).pipe(Effect.scoped)
      const store = journal()
      const used = (rows: number) => ({ tokens: 5 * rows, money: 0.5 * rows })
      yield* Effect.provide(run(["a", "b"]), store)
      const { entries, ofPool, snapshot, stats } = yield* Effect.provide(run(["a", "b", "c"]), store)
      assert.deepStrictEqual(
        entries.map(({ usage }) => usage),
        [used(1), used(1), used(1)]
      )
      assert.deepStrictEqual([stats.usage, ofPool.usage], [used(1), used(1)])
      assert.deepStrictEqual([snapshot?.usage, snapshot?.recalledUsage], [used(1), used(2)])
    })
  )

  it("does again what is unanswered, and keeps a row's own error", () => {
    const own = new Refused({ why: "no", at: new Date(0) })
    assert.isFalse(Journal.isUnanswered(Cause.fail(own)))
    for (const error of poolFailures) assert.isTrue(Journal.isUnanswered(Cause.fail(error)))
    assert.isTrue(Journal.isUnanswered(Cause.die("broken")))
  })

  it.effect("asks the caller which failed rows to do again", () =>
    Effect.gen(function* () {
      const batch = Journal.batch<string, string, string, string, string>({
        id: "x",
        success: Schema.String,
        failure: Schema.String,
        retry: (cause) => Cause.squash(cause) === "flaky"
      })
      const rows = ["flaky", "bad"].map((row, rowIndex) => ({ row, rowIndex, stateId: row }))
      const entries = rows.map(({ row, rowIndex }) => entryOf(rowIndex, Exit.fail(row), row))
      const both = Effect.scoped(
        Effect.flatMap(batch(noMind), (keeper) => Effect.zipLeft(keeper.recall(rows), keeper.commit(entries)))
      )
      assert.deepStrictEqual(yield* both, [undefined, undefined])
      const again = (yield* both).map((outcome) => outcome?.exit)
      assert.deepStrictEqual(again, [undefined, Exit.fail("bad")])
    }).pipe(Effect.provide(journal()))
  )

  it.effect("refuses a row that was changed under the same name", () =>
    Effect.gen(function* () {
      yield* record(["a", "b"])
      const error = yield* trouble(recall(["a", "other"]))
      const expected = 'row "1" is not the one that was recorded under this name'
      assert.strictEqual(error, `ChangedRow: journal run.jsonl: ${expected}`)
    }).pipe(Effect.provide(journal()))
  )

  it.effect("refuses two rows of one name, whether given or an index", () =>
    Effect.gen(function* () {
      const keeper = yield* letters(noMind)
      const row = (rowIndex: number, stateId: string) => ({ row: "x", rowIndex, stateId })
      yield* keeper.recall([row(0, "0"), row(1, "1"), row(2, "x"), row(3, "3"), row(4, "-1"), row(5, "01"), row(6, "")])
      for (const name of ["0", "1", "x", "3", "-1", "01"]) {
        const error = yield* trouble(keeper.recall([row(7, name)]))
        assert.strictEqual(error, `DuplicateRow: journal run.jsonl: two rows have the name "${name}"`)
      }
      assert.deepStrictEqual(yield* keeper.recall([row(7, "7"), row(8, "2")]), [undefined, undefined])
    }).pipe(Effect.scoped, Effect.provide(journal()))
  )

  it.effect("refuses a result that is not what its schema says, or that JSON cannot hold", () =>
    Effect.gen(function* () {
      const commit = <A, I>(success: Schema.Schema<A, I>, value: A) =>
        Effect.scoped(
          Effect.gen(function* () {
            const keeper = yield* Journal.batch<string, A, I>({ id: "x", success })(noMind)
            yield* keeper.recall([{ row: "x", rowIndex: 0, stateId: "0" }])
            return yield* trouble(keeper.commit([entryOf(0, Exit.succeed(value))]))
          })
        ).pipe(Effect.provide(journal()))
      const refusal = /^Encode: journal run.jsonl: the result of row "0" cannot be written: /
      assert.match(yield* commit(Schema.NonEmptyString, ""), refusal)
      assert.match(yield* commit(Schema.DateFromSelf, new Date(0)), /does not come back from JSON/)
      assert.match(yield* commit(Schema.BigIntFromSelf, 1n), refusal)
    })
  )

  it.effect("does not record a row that was interrupted: it is unfinished", () =>
    Effect.gen(function* () {
      const keeper = yield* letters(noMind)
      yield* keeper.recall([{ row: "a", rowIndex: 0, stateId: "0" }])
      yield* keeper.commit([entryOf(0, Exit.failCause(Cause.interrupt(FiberId.none)))])
    }).pipe(
      Effect.scoped,
      Effect.zipRight(recall(["a"])),
      Effect.provide(journal()),
      Effect.map((outcomes) => assert.deepStrictEqual(outcomes, [undefined]))
    )
  )

  it.effect("keeps what the law has learned, and hands it to the same law alone", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const mind = (law: string, limits: unknown) => ({
        law,
        learned: () => limits,
        learn: (learned: unknown) => void told.push(learned)
      })
      const commit = (law: string, limits: unknown) =>
        Effect.scoped(Effect.flatMap(letters(mind(law, limits)), (keeper) => keeper.commit([])))
      yield* commit("window", { window: 7 })
      yield* commit("other", undefined)
      yield* commit("window", { window: 8 })
      yield* commit("window", undefined)
      assert.deepStrictEqual(told, [{ window: 7 }, { window: 8 }])
    }).pipe(Effect.provide(journal()))
  )

  it.effect("writes what the law has learned once a second, and only where it is something else", () =>
    inVirtualTime(function* () {
      const disk = makeDisk()
      const store = FileJournal.layer("run.jsonl").pipe(Layer.provide(disk.mount()))
      let limits = 1
      const mind = { ...noMind, law: "mine", learned: () => limits }
      const written = () =>
        [...(disk.text("run.jsonl") ?? "").matchAll(/"limits":(\d)/g)].map(([, value]) => Number(value))
      const program = Effect.gen(function* () {
        const keeper = yield* letters(mind)
        for (const [after, next] of [
          [0, 1],
          [999, 2],
          [1, 3],
          [1000, 3],
          [1000, 4]
        ] as const) {
          yield* Effect.sleep(after)
          limits = next
          yield* keeper.commit([])
        }
      })
      yield* Effect.provide(Effect.scoped(program), store)
      assert.deepStrictEqual(written(), [1, 3, 4])
      // What is there already is not written again by the next process.
      yield* Effect.provide(Effect.scoped(program), store)
      assert.deepStrictEqual(written(), [1, 3, 4, 1, 3, 4])
      yield* Effect.provide(Effect.scoped(Effect.flatMap(letters(mind), (keeper) => keeper.commit([]))), store)
      assert.deepStrictEqual(written(), [1, 3, 4, 1, 3, 4])
    })
  )

  it("refuses wrong options with its own words", () => {
    const make = (options: object) => () => Journal.batch(options as never)
    assert.throws(make({ id: "", success: Schema.String }), /option id of Journal.batch: expected a non-empty string/)
    assert.throws(make({ id: "x" }), /option success of Journal.batch: expected a Schema/)
    assert.throws(
      make({ id: "x", success: Schema.Void, retry: true }),
      /option retry of Journal.batch: expected a function/
    )
    const layer = FileJournal.layer("x", { heartbeat: 0 }).pipe(Layer.provide(makeDisk().mount()))
    const exit = Effect.runSyncExit(Effect.provide(recall([]), layer))
    assert.match(String(exit), /option heartbeat: expected a duration above 0/)
  })
})
