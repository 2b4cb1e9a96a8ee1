/**
 * A process that hears nothing of the entity of its pool looks whether the memory stands still: whoever comes to power there
 * need not wait for that time once more.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../structure/Monotonic.js"
import type { Message, Reply } from "./Message.js"
import type { Kept, PoolMemory } from "./PoolMemory.js"

/**
 * A vigil.
 *
 * @since 0.2.0
 * @category models
 */
export interface Vigil {
  /** Listens to what is exchanged with the entity. */
  readonly over: <E>(
    exchange: (message: Message) => Effect.Effect<Reply, E>
  ) => (message: Message) => Effect.Effect<Reply, E>
  /** Since when this is known to stand in the memory, in milliseconds of the monotonic clock; undefined where it is not known. */
  readonly standsSince: (kept: Kept) => number | undefined
}

/**
 * Begins a vigil that lasts until the scope closes. It reads once in an eighth of a term, and only while a message has had no
 * answer of an entity in power for a quarter of one.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (key: string, memory: PoolMemory, term: number): Effect.Effect<Vigil, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    let open = 0
    /** Since when messages have had no answer; Infinity where the last one had. */
    let silentSince = Infinity
    let seen: { readonly kept: Kept; readonly at: number } | undefined

    const look = Effect.suspend(() => {
      if (open === 0 || Monotonic.now(clock) - silentSince < term / 4) return Effect.void
      return Effect.map(memory.read(key), (kept) => {
        if (kept === undefined || isSame(kept, seen?.kept)) return
        // Not before the answer: it may have been written till then.
        seen = { kept, at: Monotonic.now(clock) }
      })
    })
    yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.ignore(look), term / 8)))

    return {
      over: (exchange) => (message) =>
        Effect.suspend(() => {
          silentSince = Math.min(silentSince, Monotonic.now(clock))
          open += 1
          return Effect.onExit(exchange(message), (exit) =>
            Effect.sync(() => {
              open -= 1
              if (Exit.isFailure(exit) || exit.value.term === "") return
              silentSince = open === 0 ? Infinity : Monotonic.now(clock)
            })
          )
        }),
      standsSince: (kept) => (seen !== undefined && isSame(kept, seen.kept) ? seen.at : undefined)
    }
  })

const isSame = (a: Kept, b: Kept | undefined): boolean => a.epoch === b?.epoch && a.beat === b.beat
