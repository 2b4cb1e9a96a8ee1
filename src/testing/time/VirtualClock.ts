/**
 * A clock that stands still until it is told to go on.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Heap from "../../structure/Heap.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface VirtualClock extends Clock.Clock {
  /** Monotonic time in epoch milliseconds; a fraction of a millisecond is kept. */
  readonly now: () => number
  /** The instant of the sleep that ends first. */
  readonly nextInstant: () => number | undefined
  /** Goes on to that instant and ends that one sleep. */
  readonly advance: () => void
}

interface Sleep extends Heap.Element {
  readonly at: number
  readonly rank: number
  readonly sequence: number
  readonly wake: () => void
}

const isBefore = (a: Sleep, b: Sleep): boolean =>
  a.at !== b.at ? a.at < b.at : a.rank !== b.rank ? a.rank < b.rank : a.sequence < b.sequence

/**
 * Makes a clock. Of sleeps that end at one instant the one of the lowest `rank` ends first.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: {
  readonly startAt: number
  readonly rank: () => number
  /** What the wall clock shows at an instant, in epoch milliseconds. Default the instant itself. */
  readonly wallClock?: ((at: number) => number) | undefined
  /** What a sleep without end registers. */
  readonly sleepForEver: (resume: (effect: Effect.Effect<void>) => void) => void
}): VirtualClock => {
  const { rank, sleepForEver, startAt, wallClock = (at: number) => at } = options
  const sleeps = Heap.make(isBefore)
  let time = startAt
  let sequence = 0

  const now = (): number => time
  const wall = (): number => wallClock(time)
  const nanos = (): bigint => BigInt(Math.floor(time)) * 1_000_000n + BigInt(Math.round((time % 1) * 1_000_000))

  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    now,
    unsafeCurrentTimeMillis: wall,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(wall),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => {
      const millis = Duration.toMillis(duration)
      if (millis === Infinity) return Effect.async(sleepForEver)
      return Effect.async<void>((resume) => {
        const sleep: Sleep = {
          at: time + millis,
          rank: rank(),
          sequence: sequence++,
          wake: () => resume(Effect.void),
          index: -1
        }
        sleeps.add(sleep)
        return Effect.sync(() => sleeps.remove(sleep))
      })
    },
    nextInstant: () => sleeps.first()?.at,
    advance: () => {
      const first = sleeps.first()
      if (first === undefined) return
      sleeps.remove(first)
      time = first.at
      first.wake()
    }
  }
}
