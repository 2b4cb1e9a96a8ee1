import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Job } from "../../src/pool/Job.js"
import * as Pause from "../../src/pool/Pause.js"
import { Waiting } from "../../src/pool/Waiting.js"
import * as TimerQueue from "../../src/structure/TimerQueue.js"
import { inVirtualTime } from "../support/time.js"
import { range } from "../testing/support.js"

const job = (row: number, { attempts = 1, deadline = Infinity, ownDelay = 0 } = {}) =>
  Object.assign(new Job(0), { row, attempts, deadline, ownDelay })

/** A waiting room, who was told to be ready, and whose budget was spent. */
const room = Effect.map(TimerQueue.make, (timers) => {
  const seen = { ready: 0, spent: new Array<readonly [row: number, at: number]>() }
  const waiting = new Waiting<Job>(
    timers,
    Pause.make(),
    () => void (seen.ready += 1),
    ({ row }) => void seen.spent.push([row, timers.now()])
  )
  /** The rows of so many starts, "fresh" where a fresh one goes. */
  const starts = (count: number, hasFresh: boolean, last = 0) =>
    range(count).map(() => waiting.take(last, hasFresh, timers.now())?.row ?? "fresh")
  return { seen, starts, timers, waiting }
})

describe("Rejected rows that wait", () => {
  it.effect("go in the order in which they were ready, before fresh ones", () =>
    inVirtualTime(function* () {
      const { seen, starts, waiting } = yield* room
      waiting.park(job(1), 20, 0)
      waiting.park(job(2), 10, 0)
      waiting.park(job(3), 0, 0)
      assert.deepStrictEqual([waiting.ready, seen.ready], [1, 1])
      yield* Effect.sleep(20)
      assert.deepStrictEqual([waiting.ready, seen.ready], [3, 3])
      assert.deepStrictEqual(starts(4, true), [3, 2, 1, "fresh"])
    })
  )

  it.effect("let one fresh row go first when a retry was rejected", () =>
    inVirtualTime(function* () {
      const { starts, waiting } = yield* room
      waiting.park(job(1, { attempts: 2 }), 0, 0)
      waiting.park(job(2), 0, 0)
      assert.deepStrictEqual(starts(3, true), ["fresh", 1, 2])
      waiting.park(job(1, { attempts: 2 }), 0, 0)
      assert.deepStrictEqual(starts(1, false), [1])
    })
  )

  it.effect("let others go before the retry that was just rejected", () =>
    inVirtualTime(function* () {
      const { starts, waiting } = yield* room
      for (const one of [job(1, { attempts: 2 }), job(2), job(3)]) waiting.park(one, 0, 0)
      assert.deepStrictEqual(starts(3, false, 1), [2, 3, 1])
      // A first start that was rejected is none.
      for (const one of [job(4), job(5)]) waiting.park(one, 0, 0)
      assert.deepStrictEqual(starts(2, false, 4), [4, 5])
    })
  )

  it.effect("have every tenth start, where their trouble is their own and others wait", () =>
    inVirtualTime(function* () {
      const { starts, waiting } = yield* room
      const own = job(9, { attempts: 4, ownDelay: 1 })
      waiting.park(own, 0, 0)
      assert.deepStrictEqual(starts(10, true), [...range(9).map(() => "fresh"), 9])
      waiting.park(own, 0, 0)
      assert.deepStrictEqual(starts(10, true), [...range(9).map(() => "fresh"), 9])
      // Not twice in a row.
      waiting.park(own, 0, 0)
      assert.deepStrictEqual(
        starts(12, true, 9),
        range(12).map(() => "fresh")
      )
    })
  )

  it.effect("go at once where their trouble is their own and nobody else waits", () =>
    inVirtualTime(function* () {
      const { starts, waiting } = yield* room
      waiting.park(job(9, { attempts: 4, ownDelay: 5 }), 0, 0)
      waiting.park(job(1), 0, 0)
      assert.deepStrictEqual(starts(3, false), [1, 9, "fresh"])
    })
  )

  it.effect("end with their budget: while they back off, while they are ready, and when it is their turn", () =>
    inVirtualTime(function* () {
      const { seen, starts, timers, waiting } = yield* room
      waiting.park(job(1, { deadline: 30 }), 50, 0)
      waiting.park(job(2, { deadline: 40 }), 0, 0)
      waiting.park(job(3, { deadline: 60 }), 60, 0)
      yield* Effect.sleep(59)
      assert.deepStrictEqual(seen.spent, [
        [1, 30],
        [2, 40]
      ])
      waiting.park(job(4, { deadline: 60 }), 0, 59)
      waiting.park(job(5, { deadline: 61 }), 0, 59)
      assert.strictEqual(waiting.take(0, false, 60)?.row, 5)
      assert.deepStrictEqual(seen.spent.slice(2), [[4, 59]])
      yield* Effect.sleep(2)
      assert.deepStrictEqual(seen.spent.slice(3), [[3, 60]])
      assert.deepStrictEqual([starts(1, false), timers.size, waiting.ready], [["fresh"], 0, 0])
    })
  )

  it.effect("end before a hold that is longer than their budget", () =>
    inVirtualTime(function* () {
      const { seen, timers, waiting } = yield* room
      waiting.park(job(1, { deadline: 30 }), 0, 0)
      waiting.park(job(2, { deadline: 50 }), 20, 0)
      waiting.park(job(3, { deadline: 70 }), 0, 0)
      const spentBefore = (until: number) => {
        waiting.endBefore(until)
        return seen.spent.map(([row]) => row)
      }
      assert.deepStrictEqual([30, 31, 50, 51, 70].map(spentBefore), [[], [1], [1], [1, 2], [1, 2]])
      assert.deepStrictEqual([waiting.ready, timers.size], [1, 1])
    })
  )

  it.effect("leave with all that they had, and count what they have waited", () =>
    inVirtualTime(function* () {
      const { timers, waiting } = yield* room
      const [backsOff, ready] = [job(1, { deadline: 90 }), job(2, { deadline: 90 })]
      waiting.park(backsOff, 50, 0)
      waiting.park(ready, 0, 0)
      yield* Effect.sleep(20)
      waiting.remove(backsOff)
      waiting.remove(backsOff)
      assert.deepStrictEqual([waiting.ready, timers.size], [1, 1])
      yield* Effect.sleep(10)
      assert.deepStrictEqual(waiting.drain(), [ready])
      assert.deepStrictEqual([waiting.ready, timers.size, waiting.drain()], [0, 0, []])
      assert.deepStrictEqual([backsOff.throttleWait, ready.throttleWait], [20, 30])
      assert.deepStrictEqual([backsOff.timer, ready.timer], [undefined, undefined])
    })
  )
})
