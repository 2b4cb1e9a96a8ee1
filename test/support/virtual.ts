/** Virtual time of its own, for many runs a second: a clock, a scheduler, and chance that a seed repeats. */
import { Clock, Duration, Effect, Exit, FiberRef, type Scheduler } from "effect"

/** Numbers between 0 and 1; equal seeds give equal numbers. */
export const makeRandom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface Options {
  readonly seed?: number
  /**
   * How likely a fiber yields to the others before any one of its steps; default never. A yield costs a dozen steps, among
   * which the fiber may yield again: over 0.06 it hardly gets on.
   */
  readonly yields?: number
  /** Whether sleeps that end at the same instant end in any order, not in that of their start; default no. */
  readonly shuffled?: boolean
}

interface Sleep {
  readonly at: number
  readonly rank: number
  readonly wake: () => void
}

/**
 * Runs an effect to its end. Time jumps to the next sleep when nothing else is left to do; an effect that is unfinished
 * then, with no sleep to jump to, is deadlocked, and that throws.
 */
export const runVirtual = <A, E>(effect: Effect.Effect<A, E>, options: Options = {}): Exit.Exit<A, E> => {
  const { seed = 0, shuffled = false, yields = 0 } = options
  const random = makeRandom(seed)
  const tasks: Array<() => void> = []
  const sleeps = new Set<Sleep>()
  let now = 0
  let started = 0

  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(Math.round(now * 1_000_000)),
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => clock.unsafeCurrentTimeNanos()),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const sleep: Sleep = {
          at: now + Duration.toMillis(duration),
          rank: shuffled ? random() : started++,
          wake: () => resume(Effect.void)
        }
        sleeps.add(sleep)
        return Effect.sync(() => void sleeps.delete(sleep))
      })
  }

  const scheduler: Scheduler.Scheduler = {
    scheduleTask: (task) => void tasks.push(task),
    shouldYield: (fiber) =>
      fiber.currentOpCount > fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield) || random() < yields ? 0 : false
  }

  const drain = () => {
    for (let steps = 0; tasks.length > 0; steps++) {
      if (steps > 100_000) throw new Error(`livelock at ${now}: time cannot move`)
      tasks.shift()?.()
    }
  }

  const fiber = Effect.runFork(Effect.withClock(effect, clock), { scheduler })
  for (;;) {
    drain()
    const exit = fiber.unsafePoll()
    if (exit !== null) return exit
    let next: Sleep | undefined
    for (const sleep of sleeps) {
      if (next === undefined || sleep.at < next.at || (sleep.at === next.at && sleep.rank < next.rank)) next = sleep
    }
    if (next === undefined || next.at === Infinity) throw new Error(`deadlock at ${now}: nobody sleeps`)
    sleeps.delete(next)
    now = next.at
    next.wake()
  }
}

/** The value that a run ends with; a failure throws. */
export const valueOf = <A, E>(effect: Effect.Effect<A, E>, options?: Options): A =>
  Exit.getOrElse(runVirtual(effect, options), (cause) => {
    throw new Error(String(cause))
  })
