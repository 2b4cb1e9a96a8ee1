/**
 * Journals of batches in a database.
 *
 * @since 0.2.0
 */

/**
 * Journals in SQLite, libSQL or PostgreSQL.
 *
 * @since 0.2.0
 */
export * as SqlJournal from "./SqlJournal.js"
