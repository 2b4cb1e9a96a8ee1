/**
 * Pages that show how a run went.
 *
 * @since 0.2.0
 */

/**
 * A batch as a page to look at.
 *
 * @since 0.2.0
 */
export * as BatchReport from "./BatchReport.js"
