/**
 * What the entity of a pool leaves to the one after it, and how two of them never rule at once.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * What is kept of a pool. An entity that comes to power counts the epoch up; each of its writes counts the beat up.
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
 * A memory. Each call is one step that nothing comes in between.
 *
 * @since 0.2.0
 * @category models
 */
export interface PoolMemory {
  /** Undefined where nothing was ever kept. */
  readonly read: (key: string) => Effect.Effect<Kept | undefined, PoolMemoryError>
  /** Makes the first entry; says whether there was none. */
  readonly create: (key: string, first: Kept) => Effect.Effect<boolean, PoolMemoryError>
  /** Replaces exactly this epoch and beat; says whether they were there. */
  readonly take: (key: string, from: Kept, next: Kept) => Effect.Effect<boolean, PoolMemoryError>
  /** Writes where the epoch is the same and the beat is an earlier one; says whether that was so. */
  readonly write: (key: string, next: Kept) => Effect.Effect<boolean, PoolMemoryError>
}

/**
 * The memory that the pools of an application have.
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
 * A memory that ends with its process: for tests, and for a pool whose limits need not outlive it.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerMemory: Layer.Layer<PoolMemory> = Layer.effect(PoolMemory, make)
