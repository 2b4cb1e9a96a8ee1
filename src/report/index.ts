/**
 * Pages that show how a run went.
 *
 * @since 0.2.0
 */

/**
 * A page about a batch.
 *
 * @since 0.2.0
 */
export * as BatchReport from "./BatchReport.js"
