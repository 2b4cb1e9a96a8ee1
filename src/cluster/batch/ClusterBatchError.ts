/**
 * What can be wrong with a batch of a cluster.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"

/**
 * - `Unknown`: there is no batch with this id
 * - `Failed`: it stopped, because its rows could not be read or its journal could not be used. Finished rows stay, and
 *   `start` lets it go on
 * - `Corrupt`: a result cannot be read, for example because its schema was changed
 *
 * @since 0.2.0
 * @category models
 */
export type Reason = "Unknown" | "Failed" | "Corrupt"

/**
 * A batch of a cluster that cannot go on, or cannot be read.
 *
 * @since 0.2.0
 * @category errors
 */
export class ClusterBatchError extends Data.TaggedError("ClusterBatchError")<{
  readonly reason: Reason
  /** Its name and its id. */
  readonly batch: string
  readonly detail: string
}> {
  override get message(): string {
    return `batch ${this.batch}: ${this.detail}`
  }
}
