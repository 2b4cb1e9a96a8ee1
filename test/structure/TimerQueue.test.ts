import { assert, describe, it } from "@effect/vitest"
import { Chunk, Clock, Duration, Effect, Exit, FastCheck as fc, Scope, TestClock } from "effect"
import * as TimerQueue from "../../src/structure/TimerQueue.js"

const recorder = (timers: TimerQueue.TimerQueue) => {
  const fired: Array<readonly [number, string]> = []
  const add = (at: number, name: string, then: () => void = () => {}): TimerQueue.Timer =>
    timers.add(at, () => {
      fired.push([timers.now(), name])
      then()
    })
  return { fired, add }
}

describe("TimerQueue", () => {
  it.scoped("fires in order of the instants, then of registration", () =>
    Effect.gen(function* () {
      const timers = yield* TimerQueue.make
      const { add, fired } = recorder(timers)
      add(30, "c")
      add(10, "a")
      add(20, "b1")
      add(20, "b2")
      assert.strictEqual(timers.size, 4)
      yield* TestClock.adjust(30)
      assert.deepStrictEqual(fired, [
        [10, "a"],
        [20, "b1"],
        [20, "b2"],
        [30, "c"]
      ])
      assert.strictEqual(timers.size, 0)
    })
  )

  it.scoped("wakes for a timer that is added before the one it sleeps for", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      add(100, "late")
      yield* TestClock.adjust(10)
      add(20, "early")
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(fired, [[20, "early"]])
      yield* TestClock.adjust(80)
      assert.deepStrictEqual(fired, [
        [20, "early"],
        [100, "late"]
      ])
    })
  )

  it.scoped("fires what a callback adds, at once if it is due", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      add(10, "first", () => {
        add(5, "overdue")
        add(15, "next")
      })
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(
        fired.map(([, name]) => name),
        ["first", "overdue", "next"]
      )
      add(30, "after it had ended")
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(fired.at(-1), [30, "after it had ended"])
    })
  )

  it.scoped("does not fire what was removed, and survives a removal that comes late", () =>
    Effect.gen(function* () {
      const timers = yield* TimerQueue.make
      const { add, fired } = recorder(timers)
      const gone = add(10, "gone")
      const kept = add(10, "kept")
      timers.remove(gone)
      timers.remove(gone)
      yield* TestClock.adjust(10)
      timers.remove(kept)
      assert.deepStrictEqual(fired, [[10, "kept"]])
      assert.strictEqual(timers.size, 0)
    })
  )

  it.effect("fires nothing once its scope is closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { add, fired } = recorder(yield* Scope.extend(TimerQueue.make, scope))
      add(10, "never")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(fired, [])
    })
  )

  it.scoped("reaches an instant that no JavaScript timer can", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      const far = 2 ** 31 + 1000
      add(far, "far")
      yield* TestClock.adjust(2 ** 31 - 1)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(1001)
      assert.deepStrictEqual(fired, [[far, "far"]])
    })
  )

  it.scoped("asks no clock for a sleep over 2^31 - 1 ms: a JavaScript timer would end it at once, or never", () =>
    Effect.gen(function* () {
      const clock = yield* Effect.clock
      const slept: Array<number> = []
      const sleep: typeof clock.sleep = (duration) => {
        slept.push(Duration.toMillis(duration))
        return clock.sleep(duration)
      }
      // The prototype of a clock holds its methods.
      const spy: typeof clock = Object.create(clock, { sleep: { value: sleep } }) as typeof clock
      const { add, fired } = recorder(yield* Effect.withClock(TimerQueue.make, spy))
      const far = 2 ** 32 + 5
      add(far, "far")
      yield* TestClock.adjust(far)
      assert.deepStrictEqual(fired, [[far, "far"]])
      assert.deepStrictEqual(slept, [2 ** 31 - 1, 2 ** 31 - 1, 7])
    })
  )

  it.scoped("reads the clock it was made under", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1234)
      const timers = yield* TimerQueue.make
      assert.strictEqual(timers.now(), yield* Clock.currentTimeMillis)
      assert.strictEqual(timers.nowNanos(), yield* Clock.currentTimeNanos)
    })
  )

  it.effect.prop(
    "fires any timers in the order of a stable sort, less the removed ones",
    [fc.array(fc.record({ at: fc.nat(50), removed: fc.boolean() }), { maxLength: 60 })],
    ([entries]) =>
      Effect.gen(function* () {
        const timers = yield* TimerQueue.make
        const { add, fired } = recorder(timers)
        const added = entries.map(({ at }, index) => add(at, String(index)))
        added.forEach((timer, index) => entries[index]?.removed === true && timers.remove(timer))
        yield* TestClock.adjust(50)
        const expected = entries
          .map(({ at, removed }, index) => ({ at, removed, name: String(index) }))
          .filter(({ removed }) => !removed)
          .sort((a, b) => a.at - b.at)
        assert.deepStrictEqual(
          fired.map(([, name]) => name),
          expected.map(({ name }) => name)
        )
      }).pipe(Effect.scoped),
    { fastCheck: { numRuns: 30 } }
  )
})

const namesOf = (fired: ReadonlyArray<readonly [at: number, name: string]>) => fired.map(([, name]) => name)

/** Instants for which any fiber sleeps. */
const sleeps = Effect.map(TestClock.sleeps(), Chunk.toReadonlyArray)

describe("TimerQueue's fiber", () => {
  it.scoped("is one for any number of timers, and sleeps for the first of them", () =>
    Effect.gen(function* () {
      const timers = yield* TimerQueue.make
      const { add, fired } = recorder(timers)
      for (let i = 0; i < 100; i++) add(1_000 - i, String(i))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual([timers.size, yield* sleeps], [100, [901]])
      yield* TestClock.adjust(901)
      assert.deepStrictEqual(namesOf(fired), ["99"])
      assert.deepStrictEqual([timers.size, yield* sleeps], [99, [902]])
    })
  )

  it.scoped("sleeps only while a timer waits", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(yield* sleeps, [])
      add(10, "first")
      yield* TestClock.adjust(5)
      assert.deepStrictEqual([namesOf(fired), yield* sleeps], [["first"], []])
    })
  )

  it.scoped("is not woken for a timer that is added after the one it sleeps for", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      add(10, "first")
      yield* TestClock.adjust(1)
      add(20, "second")
      add(10, "first again")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* sleeps, [10])
      yield* TestClock.adjust(18)
      assert.deepStrictEqual(fired, [
        [10, "first"],
        [10, "first again"],
        [20, "second"]
      ])
    })
  )

  it.scoped("reaches an instant several of the longest sleeps away, and not a millisecond early", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      const far = 3 * 2 ** 31 + 5
      add(far + 1, "further")
      add(far, "far")
      yield* TestClock.adjust(far - 1)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(2)
      assert.deepStrictEqual(fired, [
        [far, "far"],
        [far + 1, "further"]
      ])
    })
  )

  it.effect("ends with the scope, and fires nothing that is added later", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { add, fired } = recorder(yield* Scope.extend(TimerQueue.make, scope))
      add(10, "on time")
      add(20, "too late")
      yield* TestClock.adjust(10)
      yield* Scope.close(scope, Exit.void)
      add(15, "added after the end")
      add(0, "due, and added after the end")
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(fired, [[10, "on time"]])
    })
  )
})

describe("TimerQueue's instants", () => {
  it.scoped("may be now or past: such a timer fires at once, but not before add has returned", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const { add, fired } = recorder(yield* TimerQueue.make)
      const added = [add(1_000, "now"), add(-5, "before the epoch"), add(999, "past"), add(1_001, "to come")]
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(fired, [
        [1_000, "before the epoch"],
        [1_000, "past"],
        [1_000, "now"]
      ])
      assert.deepStrictEqual(
        added.map(({ at }) => at),
        [1_000, -5, 999, 1_001]
      )
    })
  )

  it.scoped("may lie between two milliseconds", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      add(10.75, "later")
      add(10.25, "sooner")
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(fired, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(namesOf(fired), ["sooner", "later"])
    })
  )

  it.scoped("may be never: such a timer waits until it is removed", () =>
    Effect.gen(function* () {
      const timers = yield* TimerQueue.make
      const { add, fired } = recorder(timers)
      const never = add(Infinity, "never")
      add(10, "on time")
      yield* TestClock.adjust("1000 days")
      assert.deepStrictEqual([fired, timers.size], [[[10, "on time"]], 1])
      timers.remove(never)
      assert.strictEqual(timers.size, 0)
    })
  )
})

describe("TimerQueue's callbacks", () => {
  it.scoped("add timers that fire in the same instant, after all that were registered for it before", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      add(10, "first", () => {
        add(10, "third", () => add(10, "fourth"))
      })
      add(10, "second")
      add(11, "fifth")
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(fired, [
        [10, "first"],
        [10, "second"],
        [10, "third"],
        [10, "fourth"],
        [11, "fifth"]
      ])
    })
  )

  it.scoped("add timers that fire before those that wait already", () =>
    Effect.gen(function* () {
      const { add, fired } = recorder(yield* TimerQueue.make)
      add(10, "first", () => add(15, "second"))
      add(20, "third")
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(fired, [
        [10, "first"],
        [15, "second"],
        [20, "third"]
      ])
    })
  )

  it.scoped("remove timers, also one that is due in the same instant, and themselves", () =>
    Effect.gen(function* () {
      const timers = yield* TimerQueue.make
      const { add, fired } = recorder(timers)
      const added: Array<TimerQueue.Timer> = []
      added.push(
        add(10, "first", () => {
          for (const timer of added) timers.remove(timer)
        }),
        add(10, "due too"),
        add(20, "later")
      )
      add(10, "last")
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(namesOf(fired), ["first", "last"])
      assert.strictEqual(timers.size, 0)
    })
  )

  it.scoped("see the timer gone that they belong to", () =>
    Effect.gen(function* () {
      const timers = yield* TimerQueue.make
      const { add } = recorder(timers)
      const sizes: Array<number> = []
      for (const name of ["a", "b", "c"]) add(10, name, () => sizes.push(timers.size))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(sizes, [2, 1, 0])
    })
  )

  it.scoped("leave the others their instants when the first of them is removed", () =>
    Effect.gen(function* () {
      const timers = yield* TimerQueue.make
      const { add, fired } = recorder(timers)
      const first = add(10, "first")
      add(30, "third")
      yield* TestClock.adjust(1)
      timers.remove(first)
      add(20, "second")
      yield* TestClock.adjust(29)
      assert.deepStrictEqual(fired, [
        [20, "second"],
        [30, "third"]
      ])
    })
  )
})

describe("TimerQueue, beside a sorted array", () => {
  const operation = fc.oneof(
    { weight: 5, arbitrary: fc.record({ op: fc.constant("add" as const), after: fc.integer({ min: -5, max: 40 }) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("remove" as const), pick: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("wait" as const), millis: fc.integer({ min: 0, max: 20 }) }) }
  )

  it.effect.prop(
    "fires each timer at its own instant while others come and go",
    [fc.array(operation, { maxLength: 60, size: "max" })],
    ([operations]) =>
      Effect.gen(function* () {
        const timers = yield* TimerQueue.make
        const { add, fired } = recorder(timers)
        const added: Array<TimerQueue.Timer> = []
        let model: Array<{ readonly id: number; readonly at: number }> = []
        const expected: Array<readonly [number, string]> = []
        let now = 0
        for (const step of [...operations, { op: "wait" as const, millis: 40 }]) {
          if (step.op === "add") {
            model.push({ id: added.length, at: now + step.after })
            added.push(add(now + step.after, String(added.length)))
          } else if (step.op === "remove") {
            const id = step.pick % Math.max(1, added.length)
            const timer = added[id]
            if (timer !== undefined) timers.remove(timer)
            model = model.filter((waiting) => waiting.id !== id)
          } else {
            const from = now
            yield* TestClock.adjust(step.millis)
            now += step.millis
            const due = model.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)
            model = model.filter(({ at }) => at > now)
            for (const { at, id } of due) expected.push([Math.max(from, at), String(id)])
          }
          assert.strictEqual(timers.size, model.length)
          assert.deepStrictEqual(fired, expected)
        }
      }).pipe(Effect.scoped),
    { fastCheck: { numRuns: 20 } }
  )
})
