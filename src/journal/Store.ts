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
 * Says which journal is meant. A store compares it with what it holds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Header {
  /** The name of the batch. */
  readonly batch: string
  /** What its results depend on besides the rows. */
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
 * A finished row as it is recorded, as JSON: its audit record, the fingerprint of the row, and its exit as its schemas
 * encode it.
 *
 * @since 0.2.0
 * @category models
 */
export type Record = Schema.Schema.Encoded<typeof RecordSchema>

/**
 * A journal that nobody else writes to.
 *
 * @since 0.2.0
 * @category models
 */
export interface Opened {
  /** Which journal it is, for messages. */
  readonly name: string
  /** Nothing is recorded yet: nobody need look anything up. */
  readonly isEmpty: boolean
  /** What was learned last. */
  readonly learned: Learned | undefined
  /** Looks up the last record of each row, which is still to be decoded; undefined where there is none. */
  readonly find: (stateIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<unknown>, JournalError>
  /** Returns when everything is written, all together or in this order. Called again only when it has returned. */
  readonly append: (records: ReadonlyArray<Record>, learned: Learned | undefined) => Effect.Effect<void, JournalError>
}

/**
 * A store of journals.
 *
 * @since 0.2.0
 * @category models
 */
export interface Journal {
  /** Takes hold of the journal of a batch until the scope closes; makes an empty one where there is none. */
  readonly open: (header: Header) => Effect.Effect<Opened, JournalError, Scope.Scope>
}

/**
 * The store that batches of an application keep their journals in.
 *
 * @since 0.2.0
 * @category tags
 */
export const Journal: Context.Tag<Journal, Journal> = Context.GenericTag<Journal>("effect-aimd/Journal")
