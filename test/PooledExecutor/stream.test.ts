import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Cause, Chunk, Clock, Context, Data, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import { broken, busy, field, isQuiet, makeApi, ok, outcome, outcomes, range, refused, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

class SourceError extends Data.TaggedError("SourceError")<{ readonly at: number }> {}

/** Rows 0, 1, 2, ... as they are asked for, and how many were. */
const counted = (rows = Infinity) => {
  const seen = { read: 0, closed: 0 }
  const generate = function* () {
    try {
      while (seen.read < rows) yield seen.read++
    } finally {
      seen.closed += 1
    }
  }
  return { seen, rows: { [Symbol.iterator]: generate } }
}

/** The entries that came, and how the stream ended. */
const collect = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.gen(function* () {
    const entries: Array<A> = []
    const exit = yield* Effect.exit(Stream.runForEach(stream, (entry) => Effect.sync(() => void entries.push(entry))))
    return { entries, end: Exit.isSuccess(exit) ? "done" : outcome(exit) }
  })

const poolOf = (poolSize: number) => PooledExecutor.make({ control: "delay", poolSize })

describe("A stream of rows", () => {
  it.effect("has the entries of a batch: rows in order, with the same metadata", () =>
    inVirtualTime(function* () {
      const answers = () => makeApi(script([[ok(30)], [busy(), ok()], [refused(10)], [broken(5)], [ok(10)]]))
      const batch = yield* Effect.flatMap(poolOf(2), (pool) => pool.executeBatch(range(5), answers().call))
      const start = yield* Clock.currentTimeMillis
      const stream = yield* Effect.flatMap(poolOf(2), (pool) => collect(pool.stream(range(5), answers().call)))
      assert.strictEqual(stream.end, "done")
      assert.deepStrictEqual(outcomes(stream), outcomes(batch))
      for (const name of [
        "submitIndex",
        "completeIndex",
        "stateId",
        "attempts",
        "lastStatus",
        "throttleWait"
      ] as const) {
        assert.deepStrictEqual(field(stream, name), field(batch, name))
      }
      for (const name of ["submittedAt", "startedAt", "completedAt"] as const) {
        assert.deepStrictEqual(
          stream.entries.map((entry) => entry[name] - start),
          field(batch, name)
        )
      }
    })
  )

  const sources = {
    "an array": range(10),
    "a set": new Set(range(10)),
    "a generator": { [Symbol.iterator]: () => range(10).values() },
    "an async iterable": {
      async *[Symbol.asyncIterator]() {
        for (const row of range(10)) yield Promise.resolve(row)
      }
    },
    "a stream": Stream.range(0, 9),
    "a stream of chunks larger than there is room for": Stream.fromChunk(Chunk.range(0, 9)),
    "a stream of empty chunks and small ones": Stream.fromChunks(
      Chunk.empty(),
      Chunk.range(0, 3),
      Chunk.empty(),
      Chunk.range(4, 9)
    )
  }
  for (const [name, rows] of Object.entries(sources)) {
    it.effect(`reads ${name}`, () =>
      inVirtualTime(function* () {
        const pool = yield* poolOf(3)
        const api = makeApi((row) => ok(row % 3, `row ${row}`))
        const { end, entries } = yield* collect(pool.stream(rows, api.call, { maxPending: 4 }))
        assert.strictEqual(end, "done")
        assert.deepStrictEqual(
          outcomes({ entries }),
          range(10).map((row) => `row ${row}`)
        )
        assert.deepStrictEqual(field({ entries }, "submitIndex"), range(10))
        assert.deepStrictEqual(field({ entries }, "stateId"), range(10).map(String))
        assert.isTrue(yield* isQuiet(pool))
      })
    )
  }

  it.effect("of no rows has no entries, whatever they come from", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      for (const rows of [[], new Set<number>(), Stream.empty]) {
        assert.deepStrictEqual(yield* collect(pool.stream(rows, () => ok())), { entries: [], end: "done" })
      }
    })
  )

  it.effect("gives each entry as soon as it is there where it keeps no order", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(3)
      const api = makeApi((row) => ok([50, 20, 10, 5][row]))
      const seen: Array<readonly [at: number, row: number]> = []
      yield* Stream.runForEach(pool.stream(range(4), api.call, { ordered: false }), ({ submitIndex }) =>
        Effect.map(Clock.currentTimeMillis, (now) => void seen.push([now, submitIndex]))
      )
      assert.deepStrictEqual(seen, [
        [10, 2],
        [15, 3],
        [20, 1],
        [50, 0]
      ])
    })
  )

  it.effect("gives entries as they are done, long before the last row is read", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const api = makeApi(() => ok(10))
      const rows = Stream.concat(Stream.make(0, 1), Stream.drain(Stream.fromEffect(Effect.sleep(1000))))
      const at: Array<number> = []
      yield* Stream.runForEach(pool.stream(rows, api.call), () =>
        Effect.map(Clock.currentTimeMillis, (now) => void at.push(now))
      )
      assert.deepStrictEqual(at, [10, 10])
    })
  )

  it.effect("names rows by their place in the whole source, or as it is told", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const { entries } = yield* collect(
        pool.stream(
          Stream.make("a", "b", "c"),
          (row, { rowIndex, stateId }) => ok(1, `${row} ${rowIndex} ${stateId}`),
          {
            stateId: (row, rowIndex) => `${row}-${rowIndex}`,
            maxPending: 1
          }
        )
      )
      assert.deepStrictEqual(outcomes({ entries }), ["a 0 a-0", "b 1 b-1", "c 2 c-2"])
    })
  )

  it.effect("reads at the end of a pipe", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const values = yield* Stream.range(1, 5).pipe(
        PooledExecutor.mapRows(pool, (n) => ok(n, `${n}`)),
        Stream.mapEffect(({ exit }) => exit),
        Stream.runCollect
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(values), ["1", "2", "3", "4", "5"])
    })
  )

  it.effect("runs through the pool in the context", () =>
    inVirtualTime(function* () {
      const { entries } = yield* collect(PooledExecutor.stream(range(3), () => ok())).pipe(
        Effect.provide(PooledExecutor.layer({ poolSize: 2 }))
      )
      assert.deepStrictEqual(outcomes({ entries }), ["ok", "ok", "ok"])
    })
  )

  it.effect("runs its rows with the reader's services, and leaves his scope to them", () =>
    inVirtualTime(function* () {
      class Url extends Context.Tag("Url")<Url, string>() {}
      const pool = yield* poolOf(2)
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const stream = pool.stream(["a", "b"], (row) =>
        Effect.acquireRelease(
          Effect.map(Url, (url) => `${url}/${row}`),
          () => Effect.sync(() => void log.push(`released ${row}`))
        )
      )
      const { entries } = yield* collect(stream).pipe(Effect.provide(Layer.succeed(Url, "http")), Scope.extend(scope))
      assert.deepStrictEqual(outcomes({ entries }), ["http/a", "http/b"])
      assert.deepStrictEqual(log, [])
      yield* Scope.close(scope, Exit.void)
      assert.sameMembers(log, ["released a", "released b"])
    })
  )

  it.effect("can be run again, and then reads again", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const stream = pool.stream(range(3), () => ok(1))
      for (let i = 0; i < 2; i++) assert.deepStrictEqual(field(yield* collect(stream), "submitIndex"), [0, 1, 2])
    })
  )
})

describe("What a stream reads", () => {
  for (const maxPending of [1, 2, 5, 40]) {
    it.effect(`is never more than maxPending, ${maxPending}, ahead of what its reader has taken`, () =>
      inVirtualTime(function* () {
        const pool = yield* poolOf(4)
        const { rows, seen } = counted(200)
        let taken = 0
        let most = 0
        const api = makeApi((row) => {
          most = Math.max(most, seen.read - taken)
          return row % 7 === 0 ? ok(20) : ok(1)
        })
        yield* Stream.runForEach(pool.stream(rows, api.call, { maxPending }), () =>
          Effect.sync(() => {
            most = Math.max(most, seen.read - taken)
            taken += 1
          })
        )
        assert.strictEqual(taken, 200)
        assert.isAtMost(most, maxPending)
        assert.strictEqual(api.seen.mostRunning, Math.min(4, maxPending))
      })
    )
  }

  it.effect("comes in groups: others are read once no more rows wait than the pool has permits", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(4)
      const { rows, seen } = counted(120)
      /** How many had started when more were read, each time. */
      const started: Array<number> = []
      let read = 0
      const api = makeApi((row) => {
        if (seen.read > read) started.push(row)
        read = seen.read
        return ok(10)
      })
      yield* Stream.runDrain(pool.stream(rows, api.call, { maxPending: 40 }))
      assert.strictEqual(seen.read, 120)
      const [first, second = 0, third = 0] = started
      assert.strictEqual(first, 0)
      // Of 40 that were read, 4 at most wait.
      assert.deepStrictEqual([second >= 36, third - second >= 32], [true, true])
    })
  )

  it.effect("waits for a slow reader, and goes on when he does", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(4)
      const { rows, seen } = counted(30)
      const api = makeApi(() => ok(1))
      const ahead: Array<number> = []
      let taken = 0
      yield* Stream.runForEach(pool.stream(rows, api.call, { maxPending: 8 }), () =>
        Effect.map(Effect.sleep(1000), () => void ahead.push(seen.read - taken++))
      )
      // Two are taken at once, a quarter of what may be pending.
      assert.strictEqual(ahead.length, 30)
      assert.isAtMost(Math.max(...ahead), 8)
      assert.isAtLeast(Math.min(...ahead.slice(0, 20)), 6)
    })
  )

  it.effect("stops behind a row that does not end, and goes on when it has", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const { rows, seen } = counted(20)
      const api = makeApi((row) => (row === 0 ? ok(5000) : ok(10)))
      const fiber = yield* Effect.fork(collect(pool.stream(rows, api.call, { maxPending: 6 })))
      yield* Effect.sleep(4000)
      assert.deepStrictEqual([seen.read, api.starts.length], [6, 6])
      const { entries } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(field({ entries }, "submitIndex"), range(20))
    })
  )

  it.effect("goes on past a row that does not end where it keeps no order", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const { rows } = counted(20)
      const api = makeApi((row) => (row === 0 ? ok(5000) : ok(10)))
      const { entries } = yield* collect(pool.stream(rows, api.call, { maxPending: 6, ordered: false }))
      assert.deepStrictEqual(field({ entries }, "submitIndex"), [...range(20).slice(1), 0])
    })
  )

  it.effect("counts as pending in the pool as far as it was read", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const { rows } = counted()
      const fiber = yield* Effect.fork(Stream.runDrain(pool.stream(rows, () => Effect.never, { maxPending: 7 })))
      yield* Effect.sleep(10)
      assert.strictEqual(yield* pool.pendingCount, 7)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("is closed when the reader has enough", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const { rows, seen } = counted()
      const api = makeApi(() => ok(10))
      const entries = Chunk.toReadonlyArray(
        yield* Stream.runCollect(Stream.take(pool.stream(rows, api.call, { maxPending: 4 }), 5))
      )
      assert.deepStrictEqual(field({ entries }, "submitIndex"), range(5))
      assert.strictEqual(seen.closed, 1)
      const { length } = api.starts
      yield* Effect.sleep(1000)
      assert.strictEqual(api.starts.length, length)
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("is no more than a batch's share of the turns: a short batch beside an endless stream goes on", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(1)
      const api = makeApi(() => ok(10))
      const endless = yield* Effect.fork(Stream.runDrain(pool.stream(counted().rows, api.call)))
      yield* Effect.sleep(5)
      const before = yield* Clock.currentTimeMillis
      yield* pool.executeBatch(range(5), () => ok(10))
      // Turn by turn: each row of the batch waits for one of the stream, the first for the one in flight as well.
      assert.strictEqual((yield* Clock.currentTimeMillis) - before, 5 + 5 * 20)
      yield* Fiber.interrupt(endless)
    })
  )
})

describe("A source that ends badly", () => {
  const failing = (at: number) => Stream.concat(Stream.range(0, at - 1), Stream.fail(new SourceError({ at })))

  it.effect("fails the stream with its error, behind the entries of all rows that were read", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const api = makeApi((row) => ok(10 * (5 - row)))
      const { end, entries } = yield* collect(pool.stream(failing(5), api.call))
      assert.deepStrictEqual([end, outcomes({ entries })], ["SourceError", ["ok", "ok", "ok", "ok", "ok"]])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("throws: the stream dies of it, behind the entries of all rows that were read", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const generate = function* () {
        yield* range(3)
        throw new Error("no more")
      }
      const sources = [
        generate(),
        {
          async *[Symbol.asyncIterator]() {
            yield* generate()
            return Promise.resolve()
          }
        }
      ]
      for (const rows of sources) {
        const { end, entries } = yield* collect(pool.stream(rows, () => ok(10)))
        assert.deepStrictEqual([end, outcomes({ entries })], ["died: no more", ["ok", "ok", "ok"]])
      }
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("has a row without a name: the stream dies of it, behind the entries of the rows before", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const { end, entries } = yield* collect(
        pool.stream(Stream.rechunk(Stream.range(0, 5), 1), () => ok(10), {
          stateId: (row) => (row === 3 ? "" : `row ${row}`)
        })
      )
      assert.strictEqual(end, 'died: effect-aimd: stateId of row 3: expected a non-empty string, got ""')
      assert.deepStrictEqual(outcomes({ entries }), ["ok", "ok", "ok"])
    })
  )

  const hanging = {
    "a stream": Stream.concat(Stream.make(0), Stream.never),
    "an async iterable": {
      async *[Symbol.asyncIterator]() {
        yield 0
        await new Promise(() => undefined)
      }
    }
  }
  for (const [name, rows] of Object.entries(hanging)) {
    it.effect(`hangs, ${name}: the rows before come out, and a timeout, a shutdown or an interruption ends it`, () =>
      inVirtualTime(function* () {
        const pool = yield* poolOf(2)
        const timed = yield* collect(pool.stream(rows, () => ok(10), { timeout: 100 }))
        assert.deepStrictEqual([timed.end, outcomes(timed)], ["BatchTimeoutError", ["ok"]])
        const interrupted = yield* Effect.fork(collect(pool.stream(rows, () => ok(10))))
        yield* Effect.sleep(50)
        yield* Fiber.interrupt(interrupted)
        assert.isTrue(yield* isQuiet(pool))
        const shut = yield* Effect.fork(collect(pool.stream(rows, () => ok(10))))
        yield* Effect.sleep(50)
        yield* pool.shutdown
        const { end, entries } = yield* Fiber.join(shut)
        assert.deepStrictEqual([end, outcomes({ entries })], ["PoolShutdownError", ["ok"]])
        assert.isTrue(yield* isQuiet(pool))
      })
    )
  }
})

describe("The end of a stream before its time", () => {
  it.effect(
    "a shutdown: what is in flight finishes, what waits has its entry, and the stream fails if rows are left",
    () =>
      inVirtualTime(function* () {
        for (const [rows, expected] of [
          [counted().rows, "PoolShutdownError"],
          [range(4), "done"]
        ] as const) {
          const pool = yield* poolOf(2)
          const fiber = yield* Effect.fork(collect(pool.stream(rows, () => ok(30), { maxPending: 4 })))
          yield* Effect.sleep(10)
          yield* pool.shutdown
          const { end, entries } = yield* Fiber.join(fiber)
          assert.deepStrictEqual(outcomes({ entries }), ["ok", "ok", "PoolShutdownError", "PoolShutdownError"])
          assert.strictEqual(end, expected)
          assert.isTrue(yield* isQuiet(pool))
        }
      })
  )

  it.effect(
    "a timeout: what is finished comes out, what is not has its entry, and the stream fails if rows are left",
    () =>
      inVirtualTime(function* () {
        const pool = yield* poolOf(2)
        for (const [rows, expected] of [
          [counted().rows, "BatchTimeoutError"],
          [range(5), "done"]
        ] as const) {
          const api = makeApi((row) => (row === 0 ? ok(1000) : ok(40)))
          const { end, entries } = yield* collect(pool.stream(rows, api.call, { maxPending: 5, timeout: 100 }))
          const late = "BatchTimeoutError"
          assert.deepStrictEqual(outcomes({ entries }), [late, "ok", "ok", late, late])
          assert.strictEqual(end, expected)
          assert.isTrue(yield* isQuiet(pool))
        }
      })
  )

  it.effect("fails at once, and reads and runs nothing, where the pool is shut down already", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      yield* pool.shutdown
      const { rows, seen } = counted()
      const api = makeApi(() => ok())
      assert.deepStrictEqual(yield* collect(pool.stream(rows, api.call)), { entries: [], end: "PoolShutdownError" })
      assert.deepStrictEqual([seen.read, api.starts.length], [0, 0])
    })
  )

  /** What came of finished and of unfinished rows. */
  const hearing = () => {
    const heard: Array<string> = []
    const unfinished: Array<readonly [row: number, attempts: number, status: number | undefined]> = []
    return {
      heard,
      unfinished,
      options: {
        onEntry: ({
          exit,
          submitIndex
        }: {
          readonly exit: Exit.Exit<unknown, unknown>
          readonly submitIndex: number
        }) => Effect.sync(() => void heard.push(`${submitIndex} ${outcome(exit)}`)),
        onUnfinished: (rows: ReadonlyArray<PooledExecutor.UnfinishedRow<number>>) =>
          Effect.sync(() => {
            unfinished.push(...rows.map((row) => [row.row, row.attempts, row.lastError?.status] as const))
          })
      }
    }
  }

  it.effect(
    "an interrupted reader: finished rows are told of, whatever stands before them, and the others handed back",
    () =>
      inVirtualTime(function* () {
        const pool = yield* poolOf(2)
        const { heard, options, unfinished } = hearing()
        const api = makeApi(
          script([
            [Effect.never],
            [ok(10)],
            [busy(10, { status: 503 }), Effect.never],
            [refused(10)],
            [ok(500)],
            [ok()]
          ])
        )
        const reader = yield* Effect.fork(
          Stream.runDrain(pool.stream(range(6), api.call, { ...options, maxPending: 6 }))
        )
        yield* Effect.sleep(45)
        assert.deepStrictEqual(heard, [])
        yield* Fiber.interrupt(reader)
        assert.deepStrictEqual(heard, ["1 ok", "3 Refused"])
        assert.deepStrictEqual(unfinished, [
          [0, 1, undefined],
          [2, 1, 503],
          [4, 1, undefined],
          [5, 0, undefined]
        ])
        assert.isTrue(yield* isQuiet(pool))
      })
  )

  it.effect("an interrupted batch does the same, and so does a forEach that fails", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const batch = hearing()
      const api = () => makeApi(script([[Effect.never], [ok(10)], [refused(30)], [ok()]]))
      const fiber = yield* Effect.fork(pool.executeBatch(range(4), api().call, batch.options))
      yield* Effect.sleep(20)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(batch.heard, ["1 ok"])
      assert.deepStrictEqual(batch.unfinished, [
        [0, 1, undefined],
        [2, 1, undefined],
        [3, 0, undefined]
      ])
      const each = hearing()
      assert.strictEqual(outcome(yield* Effect.exit(pool.forEach(range(4), api().call, each.options))), "Refused")
      assert.deepStrictEqual(each.heard, ["1 ok", "2 Refused"])
      assert.deepStrictEqual(each.unfinished, [
        [0, 1, undefined],
        [3, 0, undefined]
      ])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("a shutdown and a timeout hand back the rows that they ended; they have entries, too", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(1)
      const timed = hearing()
      yield* pool.executeBatch(range(3), () => ok(40), { ...timed.options, timeout: 50 })
      assert.deepStrictEqual(timed.heard, ["0 ok", "1 BatchTimeoutError", "2 BatchTimeoutError"])
      assert.deepStrictEqual(timed.unfinished, [
        [1, 1, undefined],
        [2, 0, undefined]
      ])
      const shut = hearing()
      const fiber = yield* Effect.fork(
        collect(pool.stream(counted().rows, () => ok(40), { ...shut.options, maxPending: 2 }))
      )
      yield* Effect.sleep(10)
      yield* pool.shutdown
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(shut.unfinished, [[1, 0, undefined]])
    })
  )

  it.effect("a batch that finishes has nothing to hand back", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      let handed = 0
      const options = { onUnfinished: () => Effect.sync(() => void (handed += 1)) }
      yield* pool.executeBatch(range(3), (row) => (row === 1 ? refused() : ok()), options)
      yield* Stream.runDrain(pool.stream(range(3), () => ok(), options))
      assert.strictEqual(handed, 0)
    })
  )
})

describe("onEntry", () => {
  it.effect("runs for each entry in order, one after the other, before the reader has it", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(3)
      const told: Array<readonly [at: number, row: number]> = []
      const read: Array<readonly [at: number, row: number]> = []
      const note = (list: typeof told, row: number) =>
        Effect.map(Clock.currentTimeMillis, (now) => void list.push([now, row]))
      const stream = pool.stream(range(3), (row) => ok([30, 20, 10][row]), {
        onEntry: ({ submitIndex }) => Effect.zipLeft(note(told, submitIndex), Effect.sleep(5))
      })
      yield* Stream.runForEach(stream, ({ submitIndex }) => note(read, submitIndex))
      assert.deepStrictEqual(told, [
        [30, 0],
        [35, 1],
        [40, 2]
      ])
      assert.deepStrictEqual(read, [
        [35, 0],
        [40, 1],
        [45, 2]
      ])
    })
  )

  it.effect("dies: the batch and the stream die of it, and nothing runs on", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const onEntry = () => Effect.die(new Error("deaf"))
      const stream = yield* collect(pool.stream(range(5), () => ok(10), { onEntry }))
      assert.deepStrictEqual([stream.end, stream.entries], ["died: deaf", []])
      assert.strictEqual(
        outcome(yield* Effect.exit(pool.executeBatch(range(5), () => ok(10), { onEntry }))),
        "died: deaf"
      )
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("needs services of its own", () =>
    inVirtualTime(function* () {
      class Log extends Context.Tag("Log")<Log, Array<number>>() {}
      const pool = yield* poolOf(2)
      const log: Array<number> = []
      const onEntry = ({ submitIndex }: { readonly submitIndex: number }) =>
        Effect.map(Log, (lines) => void lines.push(submitIndex))
      yield* Effect.provideService(
        pool.executeBatch(range(3), () => ok(), { onEntry }),
        Log,
        log
      )
      yield* Effect.provideService(Stream.runDrain(pool.stream(range(3), () => ok(), { onEntry })), Log, log)
      assert.deepStrictEqual(log, [0, 1, 2, 0, 1, 2])
    })
  )
})

describe("Wrong arguments of a stream", () => {
  const wrong: ReadonlyArray<readonly [rows: unknown, process: unknown, options: unknown, message: string]> = [
    [undefined, ok, {}, "argument rows: expected rows: a Stream, an iterable or an async iterable, got undefined"],
    ["abc", ok, {}, 'argument rows: expected rows: a Stream, an iterable or an async iterable, got "abc"'],
    [[1], undefined, {}, "argument process: expected a function that returns an Effect, got undefined"],
    [[1], ok, { maxPending: 0 }, "option maxPending: expected an integer of at least 1, got 0"],
    [[1], ok, { maxPending: 1.5 }, "option maxPending: expected an integer of at least 1, got 1.5"],
    [[1], ok, { ordered: "no" }, 'option ordered: expected true or false, got "no"'],
    [[1], ok, { onEntry: 1 }, "option onEntry: expected a function from an entry to an Effect, got 1"],
    [[1], ok, { onUnfinished: 1 }, "option onUnfinished: expected a function from unfinished rows to an Effect, got 1"],
    [[1], ok, { timeout: "5" }, 'option timeout: expected a duration of at least 0, such as "50 millis", got "5"'],
    [
      [1],
      ok,
      { size: 1 },
      "option size: expected only the options stateId, timeout, onEntry, onUnfinished, cost, turn, handle, journal, ordered and maxPending, got 1"
    ]
  ]
  for (const [rows, process, options, message] of wrong) {
    it.effect(`dies: ${message}`, () =>
      inVirtualTime(function* () {
        const pool = yield* poolOf(2)
        const stream = pool.stream as (...args: ReadonlyArray<unknown>) => Stream.Stream<unknown, unknown>
        const exit = yield* Effect.exit(Stream.runDrain(stream(rows, process, options)))
        assert.strictEqual(outcome(exit), `died: effect-aimd: ${message}`)
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.isTrue(yield* isQuiet(pool))
      })
    )
  }

  it.effect("dies where it is read inside one of the pool's own attempts", () =>
    inVirtualTime(function* () {
      const pool = yield* poolOf(2)
      const inner = Stream.runDrain(pool.stream([1], () => ok()))
      assert.match(
        outcome(yield* Effect.exit(pool.execute(inner))),
        /^died: effect-aimd: the pool .* was called from inside/
      )
    })
  )
})
