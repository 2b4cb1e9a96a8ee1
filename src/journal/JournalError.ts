/**
 * What can be wrong with a journal.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"

/**
 * - `InUse`: another process, or another batch of this process, uses the journal
 * - `Foreign`: it is no journal, or one with another batch, another fingerprint or another format
 * - `Corrupt`: it has a record that cannot be read
 * - `ChangedRow`: the row has changed since it was recorded under its name
 * - `DuplicateRow`: two rows of the batch have the same name
 * - `Encode`: a result does not match its schema, or cannot be written as JSON
 * - `Read`, `Write`: the store failed, for example because the disk is full
 *
 * @since 0.2.0
 * @category models
 */
export type Reason = "InUse" | "Foreign" | "Corrupt" | "ChangedRow" | "DuplicateRow" | "Encode" | "Read" | "Write"

/**
 * A batch cannot go on with its journal. What was recorded stays as it is, and nothing is overwritten. Once the cause
 * is removed, the same call goes on from there.
 *
 * @since 0.2.0
 * @category errors
 */
export class JournalError extends Data.TaggedError("JournalError")<{
  readonly reason: Reason
  /** Which journal: its file, or the batch in its store. */
  readonly journal: string
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `journal ${this.journal}: ${this.detail}`
  }
}
