/**
 * What keeps the finished rows of a batch beyond its process: the seam between a batch and a journal.
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
  /** Never empty. */
  readonly stateId: string
  /** From 0, over the whole source. */
  readonly rowIndex: number
}

/**
 * A keeper of finished rows, with errors of its own. An error of it ends the batch.
 *
 * @since 0.2.0
 * @category models
 */
export interface Keeper<in Row, in out A, in out E, out KE = never> {
  /**
   * Asked for each group of rows as they are read, before any of them may start. The answer has an element a row: its
   * outcome where the row is finished already, undefined where it is to be done.
   */
  readonly recall: (rows: ReadonlyArray<KeptRow<Row>>) => Effect.Effect<ReadonlyArray<Outcome<A, E> | undefined>, KE>
  /**
   * A group of finished rows, in the order of completion: none of them is released before this has succeeded. One group
   * after the other; what finishes meanwhile is in the next one. It is not interrupted.
   */
  readonly commit: (entries: ReadonlyArray<BufferEntry<A, E>>) => Effect.Effect<void, KE>
}
