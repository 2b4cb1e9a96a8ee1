/**
 * How a batch gets its keeper.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Keeper } from "./Keeper.js"

/**
 * What a keeper may ask of the pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface Mind {
  /** The name of its control law. */
  readonly law: string
  /** What the law has learned, as JSON; undefined where it learns nothing. */
  readonly learned: () => unknown
  /** Lets the law begin with this. Does nothing once the pool has started an attempt. */
  readonly learn: (learned: unknown) => void
}

/**
 * Opens a keeper for one batch, until the scope closes.
 *
 * @since 0.2.0
 * @category models
 */
export type KeeperOpener<in Row, in out A, in out E, out KE = never, out KR = never> = (
  mind: Mind
) => Effect.Effect<Keeper<Row, A, E, KE>, KE, KR | Scope.Scope>
