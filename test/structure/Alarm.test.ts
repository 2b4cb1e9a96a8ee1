import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import * as Alarm from "../../src/structure/Alarm.js"
import * as TimerQueue from "../../src/structure/TimerQueue.js"

const prepared = Effect.gen(function* () {
  const timers = yield* TimerQueue.make
  const rung: Array<number> = []
  const alarm = Alarm.make(timers, () => {
    assert.strictEqual(alarm.at, undefined)
    rung.push(timers.now())
  })
  return { alarm, rung, timers }
})

describe("Alarm", () => {
  it.scoped("rings at the instant that it was set for last, and once", () =>
    Effect.gen(function* () {
      const { alarm, rung, timers } = yield* prepared
      alarm.set(10)
      alarm.set(30)
      alarm.set(30)
      assert.strictEqual(alarm.at, 30)
      assert.strictEqual(timers.size, 1)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(rung, [30])
    })
  )

  it.scoped("rings by the earliest of several instants", () =>
    Effect.gen(function* () {
      const { alarm, rung, timers } = yield* prepared
      alarm.ringBy(30)
      alarm.ringBy(20)
      alarm.ringBy(40)
      assert.strictEqual(alarm.at, 20)
      assert.strictEqual(timers.size, 1)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(rung, [20])
    })
  )

  it.scoped("does not ring once it is cleared, or set for no instant", () =>
    Effect.gen(function* () {
      const { alarm, rung, timers } = yield* prepared
      alarm.set(10)
      alarm.clear()
      alarm.ringBy(20)
      alarm.set(undefined)
      assert.strictEqual(alarm.at, undefined)
      assert.strictEqual(timers.size, 0)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(rung, [])
    })
  )
})
