import { assert, describe, it } from "@effect/vitest"
import { Capacity } from "effect-aimd"
import { Effect } from "effect"
import * as Pause from "../../src/pool/Pause.js"
import * as Silence from "../../src/pool/Silence.js"
import * as TimerQueue from "../../src/structure/TimerQueue.js"
import { makeLogger } from "../support/observe.js"
import { inVirtualTime } from "../support/time.js"

const error = new Capacity.CapacityError({ status: 429 })

/** A pool that waits, as far as a silence knows it. */
const watch = (budget: number, { inFlight = 0, pending = 1 } = {}) =>
  Effect.gen(function* () {
    const timers = yield* TimerQueue.make
    const pause = Pause.make()
    const pool = { inFlight, pending, deaths: new Array<number>(), logged: new Array<Effect.Effect<void>>() }
    const silence = Silence.make({
      name: "p",
      budget,
      timers,
      pause,
      pending: () => pool.pending,
      inFlight: () => pool.inFlight,
      onDead: () => void pool.deaths.push(timers.now()),
      log: (line) => void pool.logged.push(line)
    })
    const lines = Effect.suspend(() => {
      const { layer, lines } = makeLogger()
      return Effect.as(Effect.provide(Effect.all(pool.logged), layer), lines)
    })
    const begin = Effect.sync(() => pause.begin(timers.now()))
    const end = Effect.sync(() => {
      pause.end(timers.now())
      silence.resumed(timers.now())
    })
    return { lines, pool, silence, timers, paused: { begin, end } }
  })

describe("An API that lets nothing through", () => {
  it.effect("is dead after a budget from the first rejection, where nothing is in flight", () =>
    inVirtualTime(function* () {
      const { pool, silence, timers } = yield* watch(100)
      silence.rejected(error, 0)
      yield* Effect.sleep(40)
      silence.rejected(error, 40)
      assert.deepStrictEqual([silence.since, silence.lastRejection, silence.isDead], [0, { error, at: 40 }, false])
      yield* Effect.sleep(100)
      assert.deepStrictEqual([silence.isDead, pool.deaths, timers.size], [true, [100], 0])
    })
  )

  it.effect("may yet let through what is in flight: it is dead when that has ended later than the budget", () =>
    inVirtualTime(function* () {
      const { pool, silence } = yield* watch(100, { inFlight: 1 })
      silence.ended(500)
      silence.rejected(error, 0)
      yield* Effect.sleep(200)
      silence.ended(100)
      assert.isFalse(silence.isDead)
      silence.ended(101)
      assert.isTrue(silence.isDead)
      silence.ended(300)
      assert.deepStrictEqual(pool.deaths, [200])
      // A probe that is rejected is the end of those who came meanwhile.
      silence.rejected(error, 300)
      assert.strictEqual(pool.deaths.length, 2)
    })
  )

  it.effect("is dead when a rejection comes later than the budget", () =>
    inVirtualTime(function* () {
      const { silence } = yield* watch(100, { inFlight: 1 })
      silence.rejected(error, 0)
      silence.rejected(error, 100)
      assert.isFalse(silence.isDead)
      silence.rejected(error, 101)
      assert.isTrue(silence.isDead)
    })
  )

  it.effect("is dead at once where nothing is in flight and the hold is longer than the budget", () =>
    inVirtualTime(function* () {
      const { silence, timers } = yield* watch(100)
      silence.rejected(error, 0)
      silence.idle(100, 0)
      assert.isFalse(silence.isDead)
      silence.idle(101, 0)
      assert.deepStrictEqual([silence.isDead, timers.size], [true, 0])
    })
  )

  it.effect("starts anew once it has let something through, dead or not", () =>
    inVirtualTime(function* () {
      const { pool, silence, timers } = yield* watch(100)
      silence.letThrough(0)
      silence.rejected(error, 0)
      silence.letThrough(50)
      assert.deepStrictEqual([silence.since, timers.size], [undefined, 0])
      yield* Effect.sleep(60)
      silence.rejected(error, 60)
      yield* Effect.sleep(100)
      assert.deepStrictEqual([silence.isDead, pool.deaths], [true, [160]])
      silence.letThrough(170)
      assert.deepStrictEqual([silence.isDead, silence.since], [false, undefined])
    })
  )

  it.effect("is forgotten when nobody waits, unless it is dead", () =>
    inVirtualTime(function* () {
      const { silence, timers } = yield* watch(100)
      silence.rejected(error, 0)
      silence.forget()
      assert.deepStrictEqual([silence.since, timers.size], [undefined, 0])
      silence.rejected(error, 0)
      yield* Effect.sleep(100)
      silence.forget()
      assert.deepStrictEqual([silence.isDead, silence.since], [true, 0])
    })
  )

  it.effect("is told of in the log after 30 s, with its end, where somebody waits", () =>
    inVirtualTime(function* () {
      const [one, nobody] = [yield* watch(60_000), yield* watch(60_000, { pending: 0 })]
      yield* Effect.sleep(1000)
      for (const { silence } of [one, nobody]) silence.rejected(error, 1000)
      yield* Effect.sleep(29_999)
      assert.deepStrictEqual(one.pool.logged, [])
      yield* Effect.sleep(5001)
      for (const { silence } of [one, nobody]) silence.letThrough(36_000.4)
      assert.deepStrictEqual(yield* one.lines, [
        'WARN pool "p": the API has let nothing through for 30s (last status 429); 1 wait',
        'INFO pool "p": the API lets calls through again, after 35s'
      ])
      assert.deepStrictEqual(nobody.pool.logged, [])
      // The next silence has a warning of its own, or none.
      one.silence.rejected(error, 36_001)
      one.silence.letThrough(36_002)
      assert.strictEqual(one.pool.logged.length, 2)
    })
  )

  it.effect("is told of no end where it was forgotten", () =>
    inVirtualTime(function* () {
      const { pool, silence } = yield* watch(60_000)
      silence.rejected(error, 0)
      yield* Effect.sleep(31_000)
      silence.forget()
      silence.rejected(error, 31_000)
      silence.letThrough(31_001)
      assert.strictEqual(pool.logged.length, 1)
    })
  )

  it.effect("has as much of its budget left after each pause as before", () =>
    inVirtualTime(function* () {
      const { paused, pool, silence, timers } = yield* watch(100)
      silence.rejected(error, 0)
      yield* Effect.sleep(40)
      yield* paused.begin
      yield* Effect.sleep(200)
      yield* paused.end
      yield* Effect.sleep(20)
      yield* paused.begin
      yield* Effect.sleep(20)
      yield* paused.end
      yield* Effect.sleep(60)
      assert.deepStrictEqual([pool.deaths, timers.size], [[320], 0])
      // One that is dead, or says nothing, has no end to wait for.
      yield* paused.end
      silence.letThrough(320)
      yield* paused.end
      assert.strictEqual(timers.size, 0)
    })
  )

  it.effect("has its whole budget after a pause in which it began", () =>
    inVirtualTime(function* () {
      const { paused, pool, silence, timers } = yield* watch(100)
      yield* paused.begin
      yield* Effect.sleep(50)
      silence.rejected(error, 50)
      assert.strictEqual(timers.size, 0)
      yield* Effect.sleep(200)
      yield* paused.end
      yield* Effect.sleep(200)
      assert.deepStrictEqual(pool.deaths, [350])
    })
  )

  it.effect("is ended by what was in flight, and told of in the log, without its pauses", () =>
    inVirtualTime(function* () {
      const { lines, paused, silence } = yield* watch(40_000, { inFlight: 1 })
      silence.rejected(error, 0)
      yield* Effect.sleep(10_000)
      yield* paused.begin
      yield* Effect.sleep(100_000)
      yield* paused.end
      yield* Effect.sleep(19_999)
      assert.deepStrictEqual(yield* lines, [])
      yield* Effect.sleep(20_001)
      silence.ended(140_000)
      assert.isFalse(silence.isDead)
      silence.ended(140_001)
      assert.isTrue(silence.isDead)
      silence.letThrough(150_000)
      assert.deepStrictEqual(yield* lines, [
        'WARN pool "p": the API has let nothing through for 30s (last status 429); 1 wait',
        'INFO pool "p": the API lets calls through again, after 50s'
      ])
    })
  )
})
