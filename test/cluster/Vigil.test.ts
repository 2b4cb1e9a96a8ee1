import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { one } from "../../src/limit/Cost.js"
import type { Message } from "../../src/cluster/Message.js"
import * as PoolMemory from "../../src/cluster/PoolMemory.js"
import * as Vigil from "../../src/cluster/Vigil.js"
import { replyOf } from "./replies.js"

const message: Message = {
  tenant: "me",
  term: "",
  number: 1,
  open: [1],
  holds: [],
  reports: [],
  running: [],
  waiting: 0,
  spare: 0,
  first: one,
  each: one
}

const kept = (beat: number): PoolMemory.Kept => ({ epoch: 1, beat, content: "" })

/** A memory with one beat in it, and how often it was read. */
const memoryOf = Effect.gen(function* () {
  const inner = yield* PoolMemory.make
  yield* inner.create("a", kept(1))
  let reads = 0
  const memory: PoolMemory.PoolMemory = {
    ...inner,
    read: (key) =>
      Effect.suspend(() => {
        reads += 1
        return inner.read(key)
      })
  }
  return { memory, reads: () => reads }
})

describe("Vigil", () => {
  it.scoped("looks at nothing while an entity in power answers, or nobody asks", () =>
    Effect.gen(function* () {
      const { memory, reads } = yield* memoryOf
      const vigil = yield* Vigil.make("a", memory, 4000)
      const ask = vigil.over(() => Effect.delay(Effect.succeed(replyOf({})), "900 millis"))
      const asking = yield* Effect.fork(Effect.forever(ask(message)))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.interrupt(asking)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(reads(), 0)
    })
  )

  it.scoped(
    "knows since when the memory has stood still, from a quarter of a term after the first message without an answer",
    () =>
      Effect.gen(function* () {
        const { memory } = yield* memoryOf
        const vigil = yield* Vigil.make("a", memory, 4000)
        const ask = vigil.over(() => Effect.delay(Effect.succeed(replyOf({ term: "" })), "300 millis"))
        yield* Effect.fork(Effect.forever(ask(message)))
        yield* TestClock.adjust("999 millis")
        assert.strictEqual(vigil.standsSince(kept(1)), undefined)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(vigil.standsSince(kept(1)), 1000)
        yield* memory.write("a", kept(2))
        assert.strictEqual(vigil.standsSince(kept(2)), undefined)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(vigil.standsSince(kept(2)), 6000)
        assert.strictEqual(vigil.standsSince(kept(1)), undefined)
      })
  )
})
