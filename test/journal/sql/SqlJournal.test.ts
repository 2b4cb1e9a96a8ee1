import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Option, TestClock } from "effect"
import type { Journal } from "effect-aimd/journal"
import { SqlJournal } from "effect-aimd/journal/sql"
import { letters, noMind, recall, record, trouble } from "../support.js"
import { databases } from "./clients.js"

const rows = Array.from({ length: 1200 }, (_, i) => `row ${i}`)

const withJournal = <A, E, R>(program: Effect.Effect<A, E, Journal.Journal | R>) =>
  Effect.provide(program, SqlJournal.layer())

const statement = (text: string) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(text))

/**
 * Lets time go on until a program is done that also waits for its database. Where several sleepers race, time must not
 * outrun the database: it goes on only while all of them sleep.
 */
const inTime = <A, E, R>(program: Effect.Effect<A, E, R>, sleepers = 0) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(program)
    while (Option.isNone(yield* fiber.poll)) {
      const doAllSleep = Chunk.size(yield* TestClock.sleeps()) >= sleepers
      yield* doAllSleep ? TestClock.adjust("1 second") : Effect.yieldNow()
    }
    return yield* Fiber.join(fiber)
  })

for (const { layer, name } of databases) {
  describe(`SqlJournal in ${name}`, () => {
    it.effect("gives back what was recorded, and nothing for other rows", () =>
      Effect.gen(function* () {
        yield* inTime(withJournal(record(rows.slice(0, -1))))
        const expected = [...rows.slice(0, -1).map((row) => row.toUpperCase()), undefined]
        assert.deepStrictEqual(yield* withJournal(recall(rows)), expected)
      }).pipe(Effect.provide(layer))
    )

    it.effect("takes the last of two records of a row", () =>
      Effect.gen(function* () {
        yield* inTime(withJournal(record(["a"])))
        yield* statement("update effect_aimd_journal_rows set record = replace(record, '\"A\"', '\"again\"')")
        assert.deepStrictEqual(yield* withJournal(recall(["a"])), ["again"])
        yield* withJournal(
          Effect.scoped(
            Effect.gen(function* () {
              const keeper = yield* letters(noMind)
              yield* keeper.recall([{ row: "b", rowIndex: 1, stateId: "1" }])
            })
          )
        )
        yield* inTime(withJournal(record(["a", "b"], 1)))
        assert.deepStrictEqual(yield* withJournal(recall(["a", "b"])), ["again", "B"])
      }).pipe(Effect.provide(layer))
    )

    it.effect("refuses a damaged record, and a batch with another fingerprint", () =>
      Effect.gen(function* () {
        yield* inTime(withJournal(record(["a"])))
        yield* statement("update effect_aimd_journal_rows set record = '{'")
        const damaged = yield* withJournal(trouble(recall(["a"])))
        assert.match(damaged, /^Corrupt: journal letters: the record of row "0" is wrong/)
        yield* statement(
          `update effect_aimd_journal set header = replace(header, '"fingerprint":""', '"fingerprint":"2"')`
        )
        const foreign = yield* withJournal(trouble(recall(["a"])))
        assert.strictEqual(foreign, 'Foreign: journal letters: its results are of the fingerprint "2", not of ""')
      }).pipe(Effect.provide(layer))
    )

    it.effect("keeps what the law has learned, and hands it to the next process", () =>
      Effect.gen(function* () {
        const told: Array<unknown> = []
        const commit = (limits: unknown) =>
          Effect.scoped(
            Effect.flatMap(
              letters({ law: "mine", learned: () => limits, learn: (learned) => void told.push(learned) }),
              (keeper) => keeper.commit([])
            )
          )
        yield* inTime(withJournal(commit({ window: 7 })))
        yield* inTime(withJournal(commit(undefined)))
        assert.deepStrictEqual(told, [{ window: 7 }])
        yield* statement("update effect_aimd_journal set learned = '{'")
        yield* inTime(withJournal(commit(undefined)))
        assert.strictEqual(told.length, 1)
      }).pipe(Effect.provide(layer))
    )

    it.effect("keeps a second batch away as long as the first works", () =>
      Effect.gen(function* () {
        yield* withJournal(letters(noMind))
        // The heartbeat of the first, and the second that waits for it.
        const error = yield* inTime(withJournal(trouble(recall(["a"]))), 2)
        assert.strictEqual(error, "InUse: journal letters: another process works with it")
      }).pipe(Effect.scoped, Effect.provide(layer))
    )

    it.effect("takes over from a process that has died, which finds out should it live after all", () =>
      Effect.gen(function* () {
        const slow = yield* withJournal(letters(noMind))
        yield* slow.recall([{ row: "a", rowIndex: 0, stateId: "0" }])
        yield* statement("update effect_aimd_journal set owner = 'dead'")
        assert.deepStrictEqual(yield* inTime(withJournal(recall(["a"]))), [undefined])
        const error = yield* inTime(trouble(slow.commit([])))
        assert.strictEqual(error, "InUse: journal letters: another process works with it")
      }).pipe(Effect.scoped, Effect.provide(layer))
    )

    it.effect("tries again where the database fails for a moment, and then says what it said", () =>
      Effect.gen(function* () {
        const keeper = yield* withJournal(letters(noMind))
        yield* keeper.recall([{ row: "a", rowIndex: 0, stateId: "0" }])
        yield* statement("alter table effect_aimd_journal rename to away")
        const waiting = yield* Effect.fork(keeper.commit([]))
        // The first wait after a failure; the heartbeat sleeps longer.
        while (!Chunk.contains(yield* TestClock.sleeps(), 50)) yield* Effect.yieldNow()
        yield* statement("alter table away rename to effect_aimd_journal")
        yield* inTime(Fiber.join(waiting))
        yield* statement("alter table effect_aimd_journal rename to away")
        assert.match(
          yield* inTime(trouble(keeper.commit([]))),
          /^Write: journal letters: it cannot be written: .*journal/
        )
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
  })
}
