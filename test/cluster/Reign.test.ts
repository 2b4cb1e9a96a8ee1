import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as Book from "../../src/cluster/Book.js"
import * as PoolMemory from "../../src/cluster/PoolMemory.js"
import * as Reign from "../../src/cluster/Reign.js"
import * as Monotonic from "../../src/structure/Monotonic.js"

const legacy = (rests: number | null): Reign.Legacy => ({
  rests,
  counted: [],
  allowed: Book.nothing,
  law: "",
  learned: null
})

const begin = (
  memory: PoolMemory.PoolMemory,
  standsSince: (kept: PoolMemory.Kept) => number | undefined = () => undefined
) =>
  Effect.flatMap(Effect.clock, (clock) =>
    Reign.begin({
      key: "a",
      memory,
      term: 4000,
      now: () => Monotonic.now(clock),
      onLegacy: () => undefined,
      standsSince
    })
  )

const epochIn = (memory: PoolMemory.PoolMemory) => Effect.map(memory.read("a"), (kept) => kept?.epoch)

describe("Reign", () => {
  it.effect("waits for a whole term of silence before it follows one that may live", () =>
    Effect.gen(function* () {
      const memory = yield* PoolMemory.make
      const first = yield* begin(memory)
      const second = yield* Effect.fork(begin(memory))
      yield* TestClock.adjust("3 seconds")
      yield* first.write(legacy(null))
      yield* TestClock.adjust("5079 millis")
      assert.isNull(second.unsafePoll())
      // It looks again when its term is over, and waits for another one.
      yield* TestClock.adjust("81 millis")
      assert.strictEqual((yield* Fiber.join(second)).epoch, 2)
      assert.isFalse(yield* first.write(legacy(null)))
    })
  )

  it.effect("waits only for what is left of the term where it has looked on since", () =>
    Effect.gen(function* () {
      const memory = yield* PoolMemory.make
      yield* begin(memory)
      const kept = yield* memory.read("a")
      yield* TestClock.adjust("10 seconds")
      const second = yield* Effect.fork(begin(memory, ({ beat }) => (beat === kept?.beat ? 7000 : undefined)))
      yield* TestClock.adjust("1079 millis")
      assert.isNull(second.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(second)).readAt, 7000)
    })
  )

  it.effect("is in power at once after one that has left, and leases when what that one leased is over", () =>
    Effect.gen(function* () {
      const memory = yield* PoolMemory.make
      const first = yield* begin(memory)
      yield* first.write(legacy(2000))
      const second = yield* Effect.fork(begin(memory))
      const third = yield* Effect.fork(begin(memory))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* epochIn(memory), 2)
      yield* TestClock.adjust("2038 millis")
      assert.isNull(second.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(second)).epoch, 2)
      assert.isNull(third.unsafePoll())
      yield* Fiber.interrupt(third)
    })
  )
})
