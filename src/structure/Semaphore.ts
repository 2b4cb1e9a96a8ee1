/**
 * Permits handed out one by one, first come, first served; the number of permits can change.
 *
 * Effect's own semaphore wakes every waiter for each permit that comes back, so its cost grows with the square of the
 * number of waiters. Here each permit goes directly to the first in line: a release is O(1) for any number of waiters.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as LinkedQueue from "./LinkedQueue.js"

/**
 * A place in the line. `queued` tells whether it still waits for a permit.
 *
 * @since 0.1.0
 * @category models
 */
export type Place = LinkedQueue.Node<() => boolean>

/**
 * Chooses who is served next in a line that is not empty; undefined for nobody.
 *
 * @since 0.2.0
 * @category models
 */
export type Choose = (line: Line) => Place | undefined

/**
 * Those who wait.
 *
 * @since 0.2.0
 * @category models
 */
export interface Line {
  readonly size: number
  /** Who is served next. */
  readonly first: Place | undefined
  /** All of them, in the order in which they will be served, as far as that is known. */
  readonly nodes: () => Iterable<Place>
  readonly push: (place: Place) => void
  /** Does nothing for a place that does not stand in the line. */
  readonly remove: (place: Place) => void
  /** Takes out one that is served. */
  readonly serve: (place: Place) => void
}

/** First come, first served. */
const makeLine = (): Line => {
  const line = LinkedQueue.make<() => boolean>()
  return Object.assign(line, { serve: line.remove })
}

/**
 * A semaphore. The methods are synchronous; {@link withPermit} and {@link take} wait as Effects.
 *
 * @since 0.1.0
 * @category models
 */
export interface Semaphore {
  /** How many permits there are; can be fewer than `inUse` after the number was lowered. */
  readonly permits: number
  /** Handed out and not yet released. */
  readonly inUse: number
  readonly waiting: number
  /**
   * Joins the line for a permit. `onPermit` is called, at once or later, when it gets a permit. It returns whether it
   * wants another one after everybody else in line had a turn. It must not throw.
   */
  readonly join: (onPermit: () => boolean) => Place
  /** Gives the place up; does nothing once it was served for the last time. */
  readonly leave: (place: Place) => void
  /** Takes a permit at once, even if none is left, for something that already runs. */
  readonly seize: () => void
  /** Gives a permit back. */
  readonly release: () => void
  /** Changes the number of permits. Permits in use stay in use; a lower number takes effect as they come back. */
  readonly resize: (permits: number) => void
  /** Serves the line as far as permits and gate allow. Call it when you open the gate. */
  readonly serve: () => void
}

/**
 * Makes a semaphore. The optional `gate` is asked before each permit is given: while it says no, nobody is served.
 * `choose` may serve another one than the first in line. A `line` of your own may order the waiters in another way.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  permits: number,
  gate: () => boolean = () => true,
  choose?: Choose,
  line: Line = makeLine()
): Semaphore => {
  let inUse = 0
  let serving = false

  const serve = (): void => {
    // Whoever is served may release, join or resize in its turn: the loop that serves it goes on with that.
    if (serving) return
    serving = true
    while (line.size > 0 && inUse < permits && gate()) {
      const place = choose === undefined ? line.first : choose(line)
      if (place === undefined) break
      line.serve(place)
      inUse += 1
      if (place.value()) line.push(place)
    }
    serving = false
  }

  return {
    get permits() {
      return permits
    },
    get inUse() {
      return inUse
    },
    get waiting() {
      return line.size
    },
    join: (onPermit) => {
      const place = LinkedQueue.node(onPermit)
      line.push(place)
      serve()
      return place
    },
    leave: line.remove,
    seize: () => {
      inUse += 1
    },
    release: () => {
      inUse -= 1
      serve()
    },
    resize: (n) => {
      permits = n
      serve()
    },
    serve
  }
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const acquire = (self: Semaphore, restore: Restore): Effect.Effect<void> =>
  Effect.suspend(() => {
    let taken = false
    let resume: ((effect: Effect.Effect<void>) => void) | undefined
    const place = self.join(() => {
      taken = true
      resume?.(Effect.void)
      return false
    })
    const wait = Effect.async<void>((callback) => {
      if (taken) callback(Effect.void)
      else resume = callback
    })
    return Effect.onInterrupt(restore(wait), () => Effect.sync(() => (taken ? self.release() : self.leave(place))))
  })

/**
 * Takes a permit, waiting for its turn; an interruption while it waits gives up the place. Give the permit back with
 * `release`, or use {@link withPermit}.
 *
 * @since 0.1.0
 * @category combinators
 */
export const take = (self: Semaphore): Effect.Effect<void> =>
  Effect.uninterruptibleMask((restore) => acquire(self, restore))

/**
 * Runs an effect with one permit and gives it back however the effect ends.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Semaphore } from "effect-aimd"
 *
 * const semaphore = Semaphore.make(2)
 * const program = Effect.forEach([1, 2, 3], (n) => Semaphore.withPermit(semaphore)(Effect.succeed(n)), {
 *   concurrency: "unbounded"
 * })
 * assert.deepStrictEqual(await Effect.runPromise(program), [1, 2, 3])
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withPermit =
  (self: Semaphore) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(acquire(self, restore), Effect.ensuring(restore(effect), Effect.sync(self.release)))
    )
