/**
 * What the entity of a pool keeps for the next one, and how it is made sure that two of them are never in charge at
 * once.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * What is kept of a pool. An entity that takes charge adds one to the epoch, and each of its writes adds one to the
 * beat.
 *
 * @since 0.2.0
 * @category models
 */
export interface Kept {
  readonly epoch: number
  readonly beat: number
  /** JSON. */
  readonly content: string
}

/**
 * The memory cannot be read or written.
 *
 * @since 0.2.0
 * @category errors
 */
export class PoolMemoryError extends Data.TaggedError("PoolMemoryError")<{
  readonly key: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `the memory of the pool "${this.key}" cannot be read or written: ${String(this.cause)}`
  }
}

/**
 * A memory. Each call is atomic.
 *
 * @since 0.2.0
 * @category models
 */
export interface PoolMemory {
  /** Undefined if nothing was ever kept. */
  readonly read: (key: string) => Effect.Effect<Kept | undefined, PoolMemoryError>
  /** Makes the first entry; returns whether there was none. */
  readonly create: (key: string, first: Kept) => Effect.Effect<boolean, PoolMemoryError>
  /** Replaces exactly this epoch and beat; returns whether they were there. */
  readonly take: (key: string, from: Kept, next: Kept) => Effect.Effect<boolean, PoolMemoryError>
  /** Writes if the epoch is the same and the beat there is earlier; returns whether it wrote. */
  readonly write: (key: string, next: Kept) => Effect.Effect<boolean, PoolMemoryError>
}

/**
 * The memory of an application's pools.
 *
 * @since 0.2.0
 * @category tags
 */
export const PoolMemory: Context.Tag<PoolMemory, PoolMemory> = Context.GenericTag<PoolMemory>(
  "effect-aimd/cluster/PoolMemory"
)

/**
 * Makes a memory that ends with its process.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make: Effect.Effect<PoolMemory> = Effect.sync(() => {
  const all = new Map<string, Kept>()
  const put = (key: string, next: Kept, isRight: (kept: Kept | undefined) => boolean) =>
    Effect.sync(() => {
      if (!isRight(all.get(key))) return false
      all.set(key, next)
      return true
    })
  return {
    read: (key) => Effect.sync(() => all.get(key)),
    create: (key, first) => put(key, first, (kept) => kept === undefined),
    take: (key, from, next) => put(key, next, (kept) => kept?.epoch === from.epoch && kept.beat === from.beat),
    write: (key, next) => put(key, next, (kept) => kept?.epoch === next.epoch && kept.beat < next.beat)
  }
})

/**
 * A memory that ends with its process: for tests, and for a pool whose limits need not be kept after that.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerMemory: Layer.Layer<PoolMemory> = Layer.effect(PoolMemory, make)
