/**
 * Callbacks at instants of `Clock`, any number of them, on one sleeping fiber.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"

/**
 * A callback that waits for its instant, in epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timer {
  readonly at: number
}

/**
 * Callbacks fire in order of their instants, and of their registration where these are equal. They are synchronous and
 * must not throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface TimerQueue {
  readonly now: () => number
  readonly add: (at: number, callback: () => void) => Timer
  /** Does nothing for a timer that has fired or was removed. */
  readonly remove: (timer: Timer) => void
  readonly size: number
}

interface Entry extends Timer {
  readonly sequence: number
  readonly callback: () => void
  /** Place in the heap; -1 once it has left. */
  index: number
}

// The longest sleep that a JavaScript timer takes; an instant beyond it is reached in several sleeps.
const longestSleep = 2 ** 31 - 1

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

/**
 * Makes a queue that reads the current `Clock`. Its fiber runs only while a timer waits, and ends with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<TimerQueue, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const run = yield* FiberHandle.makeRuntime<never>()
  const heap = makeHeap()
  let sequence = 0
  /** The instant for which the fiber sleeps; Infinity when there is no fiber. */
  let wakesAt = Infinity

  const now = (): number => clock.unsafeCurrentTimeMillis()

  const tick: Effect.Effect<void> = Effect.suspend(() => {
    // Nothing added by a callback may replace the fiber that runs it.
    wakesAt = -Infinity
    let first = heap.first()
    while (first !== undefined && first.at <= now()) {
      heap.remove(first)
      first.callback()
      first = heap.first()
    }
    wakesAt = first === undefined ? Infinity : first.at
    return first === undefined ? Effect.void : sleepUntil(first.at)
  })

  const sleepUntil = (at: number): Effect.Effect<void> =>
    Effect.zipRight(clock.sleep(Duration.millis(Math.min(at - now(), longestSleep))), tick)

  return {
    now,
    add: (at, callback) => {
      const entry: Entry = { at, sequence: sequence++, callback, index: -1 }
      heap.add(entry)
      if (at < wakesAt) {
        wakesAt = at
        run(sleepUntil(at))
      }
      return entry
    },
    remove: (timer) => heap.remove(timer),
    get size() {
      return heap.size()
    }
  }
})

const makeHeap = () => {
  const entries: Array<Entry> = []

  const place = (entry: Entry, index: number): void => {
    entries[index] = entry
    entry.index = index
  }

  const settle = (entry: Entry, from: number): void => {
    let index = from
    for (;;) {
      const parent = entries[(index - 1) >> 1]
      if (index === 0 || parent === undefined || !isBefore(entry, parent)) break
      place(parent, index)
      index = (index - 1) >> 1
    }
    for (;;) {
      const left = entries[2 * index + 1]
      if (left === undefined) break
      const right = entries[2 * index + 2]
      const child = right !== undefined && isBefore(right, left) ? right : left
      if (!isBefore(child, entry)) break
      const next = child.index
      place(child, index)
      index = next
    }
    place(entry, index)
  }

  return {
    first: (): Entry | undefined => entries[0],
    size: (): number => entries.length,
    add: (entry: Entry): void => {
      entries.push(entry)
      settle(entry, entries.length - 1)
    },
    remove: (timer: Timer): void => {
      // Every timer that this queue hands out is one of its entries.
      const entry = timer as Entry
      if (entry.index < 0) return
      const last = entries.pop()
      if (last !== undefined && last !== entry) settle(last, entry.index)
      entry.index = -1
    }
  }
}
