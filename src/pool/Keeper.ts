/**
 * Keeps finished rows beyond the process.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type { BufferEntry, Outcome } from "../order/ReorderBuffer.js"

/**
 * A row as it was read.
 *
 * @since 0.2.0
 * @category models
 */
export interface KeptRow<out Row> {
  readonly row: Row
  readonly stateId: string
  readonly rowIndex: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Keeper<in Row, in out A, in out E, out KE = never> {
  readonly recall: (rows: ReadonlyArray<KeptRow<Row>>) => Effect.Effect<ReadonlyArray<Outcome<A, E> | undefined>, KE>
  readonly commit: (entries: ReadonlyArray<BufferEntry<A, E>>) => Effect.Effect<void, KE>
}
