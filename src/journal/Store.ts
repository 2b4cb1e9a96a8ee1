/**
 * The contract between a batch and the store that keeps its journal.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { JournalError } from "./JournalError.js"
import type { Record as RecordSchema } from "./Record.js"

/**
 * Names a journal. A store compares it with what it holds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Header {
  /** The name of the batch. */
  readonly batch: string
  /** What the results depend on besides the rows. */
  readonly fingerprint: string
}

/**
 * What a control law has learned, as JSON; see `ControlLaw.learned`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Learned {
  /** The name of the law. */
  readonly law: string
  readonly limits: unknown
}

/**
 * The record of a finished row, as JSON: its audit record, the row's fingerprint, and its exit as the schemas encode
 * it.
 *
 * @since 0.2.0
 * @category models
 */
export type Record = Schema.Schema.Encoded<typeof RecordSchema>

/**
 * A journal that is open: nobody else writes to it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Opened {
  /** The journal's name, for messages. */
  readonly name: string
  /** Nothing is recorded yet, so nothing needs to be looked up. */
  readonly isEmpty: boolean
  /** What was learned last. */
  readonly learned: Learned | undefined
  /** Looks up the last record of each row, not decoded yet; undefined if there is none. */
  readonly find: (stateIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<unknown>, JournalError>
  /**
   * Returns when everything is written, all together or in this order. It is called again only after it has returned.
   */
  readonly append: (records: ReadonlyArray<Record>, learned: Learned | undefined) => Effect.Effect<void, JournalError>
}

/**
 * A store of journals.
 *
 * @since 0.2.0
 * @category models
 */
export interface Journal {
  /** Opens the journal of a batch until the scope closes; makes an empty one if there is none. */
  readonly open: (header: Header) => Effect.Effect<Opened, JournalError, Scope.Scope>
}

/**
 * The store in which the batches of an application keep their journals.
 *
 * @since 0.2.0
 * @category tags
 */
export const Journal: Context.Tag<Journal, Journal> = Context.GenericTag<Journal>("effect-aimd/Journal")
