/**
 * Batches that go on after a crash: finished rows are kept in a journal, and the same call goes on where it stopped.
 *
 * @since 0.2.0
 */

/**
 * Journals as files of JSON lines.
 *
 * @since 0.2.0
 */
export * as FileJournal from "./FileJournal.js"

/**
 * The journal option of a batch, and the service behind it.
 *
 * @since 0.2.0
 */
export * as Journal from "./Journal.js"

/**
 * What can be wrong with a journal.
 *
 * @since 0.2.0
 */
export * as JournalError from "./JournalError.js"

/**
 * Journals in a key-value store.
 *
 * @since 0.2.0
 */
export * as KeyValueJournal from "./KeyValueJournal.js"
