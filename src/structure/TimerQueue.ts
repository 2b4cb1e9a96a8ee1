/**
 * Callbacks at instants of the monotonic clock, any number of them, on one sleeping fiber.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"
import * as Heap from "./Heap.js"
import * as Monotonic from "./Monotonic.js"

/**
 * A callback that waits for its instant, in milliseconds of the monotonic clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timer {
  readonly at: number
}

/**
 * Callbacks fire in order of their instants, and of their registration where these are equal, and never before `add` has
 * returned. They are synchronous and must not throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface TimerQueue {
  /** Milliseconds of the monotonic clock. */
  readonly now: () => number
  /** Epoch milliseconds of the wall clock, for records. */
  readonly wallNow: () => number
  /** What the wall clock shows at an instant of the monotonic clock, unless somebody sets it till then. */
  readonly toWall: (at: number) => number
  readonly nowNanos: () => bigint
  readonly add: (at: number, callback: () => void) => Timer
  /** Does nothing for a timer that has fired or was removed. */
  readonly remove: (timer: Timer) => void
  readonly size: number
}

/** Its rank is its instant. */
interface Entry extends Timer, Omit<Heap.Ranked<never>, "value"> {
  readonly callback: () => void
}

// The longest sleep that a JavaScript timer takes; an instant beyond it is reached in several sleeps.
const longestSleep = 2 ** 31 - 1

/**
 * Whether an instant has come, in milliseconds. Effect counts a sleep in nanoseconds: what is less than one away cannot
 * be slept for.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isDue = (at: number, now: number): boolean => at - now < 1e-6

/**
 * Makes a queue that reads the current `Clock`. Its fiber runs only while a timer waits, and ends with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<TimerQueue, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const run = yield* FiberHandle.makeRuntime<never>()
  const heap = Heap.make<Entry>(Heap.isBefore)
  let sequence = 0
  /** The instant for which the fiber sleeps; Infinity when there is no fiber. */
  let wakesAt = Infinity

  const now = (): number => Monotonic.now(clock)
  const wallNow = (): number => clock.unsafeCurrentTimeMillis()

  const tick: Effect.Effect<void> = Effect.suspend(() => {
    // Nothing added by a callback may replace the fiber that runs it.
    wakesAt = -Infinity
    let first = heap.first()
    while (first !== undefined && isDue(first.at, now())) {
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
    wallNow,
    toWall: (at) => at + (wallNow() - now()),
    nowNanos: () => clock.unsafeCurrentTimeNanos(),
    add: (at, callback) => {
      const entry: Entry = { at, rank: at, sequence: sequence++, callback, index: -1 }
      heap.add(entry)
      if (at < wakesAt) {
        wakesAt = at
        // A fiber may start at once: whoever adds a timer that is due must have it in hand before it fires.
        // It must end with the scope even if the queue was made where nothing can be interrupted.
        run(Effect.interruptible(Effect.zipRight(Effect.yieldNow(), tick)))
      }
      return entry
    },
    // Every timer that this queue hands out is one of its entries.
    remove: (timer) => {
      heap.remove(timer as Entry)
      // A fiber that sleeps for nothing would keep the process alive.
      if (heap.size === 0 && wakesAt > -Infinity && wakesAt < Infinity) {
        wakesAt = Infinity
        run(Effect.void)
      }
    },
    get size() {
      return heap.size
    }
  }
})
