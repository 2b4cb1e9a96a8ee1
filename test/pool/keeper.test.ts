import { assert, describe, it } from "@effect/vitest"
import { PoolConfig, type PoolError } from "effect-aimd"
import { Clock, Data, Duration, Effect, Exit, Fiber, Stream } from "effect"
import * as Admission from "../../src/pool/Admission.js"
import * as Batch from "../../src/pool/Batch.js"
import type { Keeper } from "../../src/pool/Keeper.js"
import * as DelayLaw from "../../src/law/DelayLaw.js"
import * as AimdDelay from "../../src/law/AimdDelay.js"
import type { BufferEntry } from "../../src/order/ReorderBuffer.js"
import { busy, field, makeApi, ok, outcome, outcomes, range } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

class DiskError extends Data.TaggedError("DiskError")<{ readonly at: number }> {}

type Failure = PoolError.RowError<unknown>
type Entry = BufferEntry<unknown, Failure>

/** Keeps rows in memory; writing a group takes so long, and the group of this number fails. */
const makeKeeper = (millis: number, failing = Infinity) => {
  const groups: Array<readonly [at: number, ...rows: ReadonlyArray<number>]> = []
  const kept = new Map<string, Entry>()
  const keeper: Keeper<number, unknown, Failure, DiskError> = {
    recall: (rows) => Effect.sync(() => rows.map(({ stateId }) => kept.get(stateId))),
    commit: (entries) =>
      Effect.gen(function* () {
        groups.push([yield* Clock.currentTimeMillis, ...entries.map(({ submitIndex }) => submitIndex)])
        if (groups.length === failing) return yield* new DiskError({ at: groups.length })
        yield* Effect.sleep(millis)
        for (const entry of entries) kept.set(entry.stateId, entry)
      })
  }
  return { groups, kept, keeper }
}

const never = (): Effect.Effect<unknown, unknown> => Effect.never

const admissionOf = (poolSize: number) =>
  Effect.flatMap(PoolConfig.make({ control: "delay", poolSize }), (config) =>
    Admission.make(config, DelayLaw.make(AimdDelay.parameters(config)), [])
  )

const stream = (
  admission: Admission.Admission,
  rows: Iterable<number>,
  process: (row: number) => Effect.Effect<unknown, unknown>,
  keeper: Keeper<number, unknown, Failure, DiskError>,
  options: { readonly ordered?: boolean; readonly maxPending?: number } = {}
) =>
  Effect.gen(function* () {
    const entries: Array<Entry> = []
    const at: Array<number> = []
    const exit = yield* Effect.exit(
      Stream.runForEach(
        Batch.stream(admission, rows, process, { ...options, journal: () => Effect.succeed(keeper) }),
        (entry) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            entries.push(entry)
            at.push(now)
          })
      )
    )
    return { entries, at, end: Exit.isSuccess(exit) ? "done" : outcome(exit) }
  })

describe("A keeper of finished rows", () => {
  it.effect("has each row when it finishes, whatever is before it, in groups, and before it comes out", () =>
    inVirtualTime(function* () {
      const admission = yield* admissionOf(3)
      const { groups, keeper } = makeKeeper(8)
      const api = makeApi((row) => ok([100, 10, 11, 20][row]))
      const { at, entries } = yield* stream(admission, range(4), api.call, keeper)
      assert.deepStrictEqual(groups, [
        [10, 1],
        [18, 2],
        [38, 3],
        [100, 0]
      ])
      assert.deepStrictEqual(field({ entries }, "submitIndex"), range(4))
      assert.deepStrictEqual(field({ entries }, "completeIndex"), [3, 0, 1, 2])
      assert.deepStrictEqual(at, [108, 108, 108, 108])
      assert.deepStrictEqual(field({ entries }, "bufferWait"), [8, 98, 97, 70])
    })
  )

  it.effect("writes what finishes during a write as one group", () =>
    inVirtualTime(function* () {
      const admission = yield* admissionOf(4)
      const { groups, keeper } = makeKeeper(20)
      yield* stream(admission, range(4), (row) => ok(10 + row), keeper)
      assert.deepStrictEqual(groups, [
        [10, 0],
        [30, 1, 2, 3]
      ])
    })
  )

  it.effect("bounds what a crash repeats: what runs and what is not written yet is at most poolSize", () =>
    inVirtualTime(function* () {
      const admission = yield* admissionOf(3)
      const { kept, keeper } = makeKeeper(30)
      const lost: Array<number> = []
      const rejected = new Set<number>()
      const api = makeApi((row) => {
        lost.push(api.starts.length - rejected.size - kept.size)
        if (row % 4 === 3 && !rejected.has(row)) {
          rejected.add(row)
          return busy(5)
        }
        return ok(10)
      })
      const { end, entries } = yield* stream(admission, range(20), api.call, keeper)
      assert.deepStrictEqual([end, entries.length], ["done", 20])
      assert.strictEqual(Math.max(...lost), 3)
      assert.strictEqual(rejected.size, 5)
    })
  )

  for (const ordered of [true, false]) {
    it.effect(`gives back what it has without an attempt, ordered: ${ordered}`, () =>
      inVirtualTime(function* () {
        const admission = yield* admissionOf(2)
        const { groups, kept, keeper } = makeKeeper(1)
        yield* stream(admission, [0, 1, 2], (row) => ok(5, `first ${row}`), keeper)
        kept.delete("1")
        const before = groups.length
        const api = makeApi((row) => ok(5, `second ${row}`))
        const { entries } = yield* stream(admission, range(5), api.call, keeper, { ordered })
        const inOrder = [...entries].sort((a, b) => a.submitIndex - b.submitIndex)
        assert.deepStrictEqual(outcomes({ entries: inOrder }), [
          "first 0",
          "second 1",
          "first 2",
          "second 3",
          "second 4"
        ])
        if (ordered) assert.deepStrictEqual(entries, inOrder)
        assert.deepStrictEqual(
          api.starts.map(([, row]) => row),
          [1, 3, 4]
        )
        assert.deepStrictEqual(
          groups
            .slice(before)
            .flatMap(([, ...rows]) => rows)
            .sort(),
          [1, 3, 4]
        )
      })
    )
  }

  it.effect("gives back a whole batch while nothing may start", () =>
    inVirtualTime(function* () {
      const admission = yield* admissionOf(1)
      const { keeper } = makeKeeper(0)
      yield* stream(admission, range(50), () => ok(), keeper)
      const hog = yield* Effect.fork(Batch.run(admission, [0], () => Effect.never, undefined, false))
      yield* Effect.sleep(1)
      const before = yield* Clock.currentTimeMillis
      const streamed = yield* stream(admission, range(50), never, keeper, { maxPending: 4 })
      const { entries } = yield* Batch.run(
        admission,
        range(50),
        never,
        { journal: () => Effect.succeed(keeper) },
        false
      )
      assert.deepStrictEqual([streamed.entries.length, entries.length], [50, 50])
      assert.strictEqual(yield* Clock.currentTimeMillis, before)
      yield* Fiber.interrupt(hog)
    })
  )

  it.effect("that fails to write ends the stream with its error: nothing comes out that it does not have", () =>
    inVirtualTime(function* () {
      const admission = yield* admissionOf(2)
      const { kept, keeper } = makeKeeper(1, 3)
      const api = makeApi((): Effect.Effect<unknown, unknown> => ok(10))
      const { end, entries } = yield* stream(admission, range(1000), api.call, keeper)
      assert.strictEqual(end, "DiskError")
      assert.deepStrictEqual(
        entries.map(({ stateId }) => stateId),
        [...kept.keys()].sort()
      )
      assert.isBelow(api.starts.length, 10)
      assert.strictEqual(admission.inFlight, 0)
      const batch = yield* Effect.exit(
        Batch.run(admission, range(1000), api.call, { journal: () => Effect.succeed(makeKeeper(1, 1).keeper) }, false)
      )
      assert.strictEqual(outcome(batch), "DiskError")
      assert.strictEqual(admission.inFlight, 0)
    })
  )

  it.effect("that fails to read ends the stream with its error before anything starts", () =>
    inVirtualTime(function* () {
      const admission = yield* admissionOf(2)
      const keeper = { ...makeKeeper(0).keeper, recall: () => Effect.fail(new DiskError({ at: 0 })) }
      const api = makeApi((): Effect.Effect<unknown, unknown> => ok(10))
      assert.strictEqual((yield* stream(admission, range(9), api.call, keeper)).end, "DiskError")
      const batch = yield* Effect.exit(
        Batch.run(admission, range(9), api.call, { journal: () => Effect.succeed(keeper) }, false)
      )
      assert.strictEqual(outcome(batch), "DiskError")
      assert.deepStrictEqual(api.starts, [])
    })
  )

  it.effect("has all that was finished when the reader is interrupted, and nothing of the rest", () =>
    inVirtualTime(function* () {
      const admission = yield* admissionOf(2)
      const { kept, keeper } = makeKeeper(100)
      const api = makeApi((row) => (row === 0 ? Effect.never : ok(10)))
      const reader = yield* Effect.fork(stream(admission, range(9), api.call, keeper))
      yield* Effect.sleep(15)
      yield* Fiber.interrupt(reader)
      assert.deepStrictEqual([...kept.keys()], ["1"])
      assert.strictEqual(yield* Clock.currentTimeMillis, 110)
      assert.deepStrictEqual(
        [...kept.values()].map(({ throttleWait }) => Duration.toMillis(throttleWait)),
        [0]
      )
    })
  )
})
