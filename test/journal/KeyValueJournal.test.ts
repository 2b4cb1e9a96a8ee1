import { KeyValueStore } from "@effect/platform"
import { SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option } from "effect"
import { KeyValueJournal, type Journal } from "effect-aimd/journal"
import { VirtualTime } from "effect-aimd/testing"
import { letters, noMind, recall, record, trouble } from "./support.js"

/** A store whose values a test can see and change, and which is full after so many writes. */
const makeStore = () => {
  const values = new Map<string, string>()
  let room = Infinity
  const full = new SystemError({
    module: "KeyValueStore",
    method: "set",
    reason: "Unknown",
    description: "no space left"
  })
  const store = KeyValueStore.makeStringOnly({
    get: (key) => Effect.sync(() => Option.fromNullable(values.get(key))),
    set: (key, value) => Effect.suspend(() => (room-- > 0 ? Effect.sync(() => void values.set(key, value)) : full)),
    remove: (key) => Effect.sync(() => void values.delete(key)),
    clear: Effect.sync(() => values.clear()),
    size: Effect.sync(() => values.size)
  })
  const layer = KeyValueJournal.layer().pipe(Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)))
  return {
    values,
    on: <A, E, R>(program: Effect.Effect<A, E, Journal.Journal | R>) => Effect.provide(program, layer),
    fullAfter: (writes: number) => void (room = writes)
  }
}

describe("KeyValueJournal", () => {
  it.effect("keeps a row under a key, and gives it back", () =>
    Effect.gen(function* () {
      const { on, values } = makeStore()
      yield* on(record(["a", "b"]))
      assert.deepStrictEqual([...values.keys()], ["letters/header", "letters/row/0", "letters/row/1"])
      assert.deepStrictEqual(yield* on(recall(["a", "b", "c"])), ["A", "B", undefined])
    })
  )

  it.effect("does a row again whose value was cut off, and refuses one that is no record", () =>
    Effect.gen(function* () {
      const { on, values } = makeStore()
      yield* on(record(["a", "b"]))
      values.set("letters/row/1", (values.get("letters/row/1") ?? "").slice(0, -5))
      assert.deepStrictEqual(yield* on(recall(["a", "b"])), ["A", undefined])
      values.set("letters/row/1", "{}")
      assert.match(yield* on(trouble(recall(["a", "b"]))), /^Corrupt: journal letters: the record of row "1" is wrong/)
    })
  )

  it.effect("refuses the journal of something else, and writes nothing", () =>
    Effect.gen(function* () {
      const { on, values } = makeStore()
      values.set("letters/header", "other")
      assert.match(yield* on(trouble(recall(["a"]))), /^Foreign: journal letters: what is there is no journal/)
      assert.deepStrictEqual([...values], [["letters/header", "other"]])
      // A header that was cut off is this journal's own.
      values.set("letters/header", '{"journal":"effect-a')
      assert.deepStrictEqual(yield* on(recall(["a"])), [undefined])
    })
  )

  it("keeps a second batch away as long as the first works", () => {
    const { on } = makeStore()
    const program = Effect.gen(function* () {
      yield* on(letters(noMind))
      yield* Effect.sleep("1 hour")
      return yield* on(trouble(recall(["a"])))
    })
    const { exit } = VirtualTime.run(program)
    assert.deepStrictEqual(exit, Exit.succeed("InUse: journal letters: another process works with it"))
  })

  it("takes over from a process that has died, which finds out should it live after all", () => {
    const { on, values } = makeStore()
    const program = Effect.gen(function* () {
      const slow = yield* on(letters(noMind))
      values.set("letters/lock", "dead 7")
      assert.deepStrictEqual(yield* on(recall(["a"])), [undefined])
      return yield* trouble(slow.commit([]))
    })
    const { elapsed, exit } = VirtualTime.run(program)
    assert.deepStrictEqual(exit, Exit.succeed("InUse: journal letters: another process works with it"))
    assert.strictEqual(String(elapsed), "Duration(3s)")
  })

  it.effect("keeps what the law has learned beside the rows, and takes one that was cut off for none", () =>
    Effect.gen(function* () {
      const { on, values } = makeStore()
      const learn = (limits: unknown) => {
        const told: Array<unknown> = []
        const mind = { law: "window", learned: () => limits, learn: (learned: unknown) => void told.push(learned) }
        return Effect.as(on(Effect.scoped(Effect.flatMap(letters(mind), (keeper) => keeper.commit([])))), told)
      }
      assert.deepStrictEqual([yield* learn({ window: 7 }), yield* learn(undefined)], [[], [{ window: 7 }]])
      assert.strictEqual(values.get("letters/learned"), '{"law":"window","limits":{"window":7}}')
      for (const damaged of ['{"law":"win', "7", '{"law":7,"limits":1}']) {
        values.set("letters/learned", damaged)
        assert.deepStrictEqual(yield* learn(undefined), [])
        assert.strictEqual(values.get("letters/learned"), damaged)
      }
    })
  )

  it("shows at each heartbeat that it lives, and gives its lock back at its end", () => {
    const { on, values } = makeStore()
    const beats: Array<number> = []
    const program = Effect.gen(function* () {
      yield* on(letters(noMind))
      for (let i = 0; i < 3; i++) {
        yield* Effect.sleep("1400 millis")
        beats.push(Number(values.get("letters/lock")?.split(" ")[1]))
      }
    })
    assert.deepStrictEqual(VirtualTime.run(Effect.scoped(program)).exit, Exit.void)
    assert.deepStrictEqual([beats, values.has("letters/lock")], [[1, 2, 4], false])
  })

  it("does not take back a lock that it has lost, nor give it away", () => {
    const { on, values } = makeStore()
    const program = Effect.gen(function* () {
      yield* on(letters(noMind))
      values.set("letters/lock", "another 0")
      yield* Effect.sleep("1 minute")
    })
    assert.deepStrictEqual(VirtualTime.run(Effect.scoped(program)).exit, Exit.void)
    assert.strictEqual(values.get("letters/lock"), "another 0")
  })

  it.effect("says that the store is full, and goes on when it is not", () =>
    Effect.gen(function* () {
      const { fullAfter, on } = makeStore()
      // The lock, the header, one row.
      fullAfter(3)
      const error = yield* on(trouble(record(["a", "b"])))
      assert.match(error, /^Write: journal letters: it cannot be written: .*no space left/)
      fullAfter(Infinity)
      const [a, b] = yield* on(recall(["a", "b"]))
      assert.deepStrictEqual([a, b], ["A", undefined])
    })
  )
})
