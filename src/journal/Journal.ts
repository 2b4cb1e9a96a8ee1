/**
 * A batch that goes on where it stopped: finished rows come from its journal, and the others are done and written to
 * it.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { CapacityError } from "../Capacity.js"
import type { Keeper, KeptRow } from "../pool/Keeper.js"
import type { KeeperOpener, Mind } from "../pool/KeeperOpener.js"
import type { BufferEntry } from "../order/ReorderBuffer.js"
import { BatchTimeoutError, PoolShutdownError, type RowError } from "../PoolError.js"
import * as Argument from "../structure/Argument.js"
import * as Fingerprint from "./Fingerprint.js"
import { JournalError, type Reason } from "./JournalError.js"
import { isPoolFailure } from "./PoolFailure.js"
import * as RecordCodec from "./Record.js"
import { Journal, type Learned, type Opened, type Record } from "./Store.js"

export {
  /**
   * Names a journal.
   *
   * @since 0.2.0
   * @category models
   */
  type Header,
  /**
   * The store in which batches keep their journals.
   *
   * @since 0.2.0
   * @category tags
   */
  Journal,
  /**
   * What a control law has learned.
   *
   * @since 0.2.0
   * @category models
   */
  type Learned,
  /**
   * A journal that is open: nobody else writes to it.
   *
   * @since 0.2.0
   * @category models
   */
  type Opened,
  /**
   * The record of a finished row.
   *
   * @since 0.2.0
   * @category models
   */
  type Record
} from "./Store.js"

/**
 * Options of a batch with a journal. The schemas must be synchronous and encode to JSON.
 *
 * @since 0.2.0
 * @category models
 */
export interface BatchOptions<in Row, in out A, in out AI, in out E, in out EI> {
  /** The name of the batch in its journal, never empty. The same name goes on with the same batch. */
  readonly id: string
  /** The schema of the rows' results. */
  readonly success: Schema.Schema<A, AI>
  /** The schema of the rows' own errors; leave it out if they have none. The pool's own failures need no schema. */
  readonly failure?: Schema.Schema<E, EI> | undefined
  /**
   * What the results depend on besides the rows, such as the model and the prompt; default nothing. A journal with another
   * fingerprint is refused.
   */
  readonly fingerprint?: string | undefined
  /**
   * A fingerprint that shows if a row has changed; default a hash of its JSON. Leave out parts of the row that do not
   * change its result.
   */
  readonly rowFingerprint?: ((row: Row) => string) | undefined
  /** Whether a row that failed in an earlier process is done again; default {@link isUnanswered}. */
  readonly retry?: ((cause: Cause.Cause<RowError<E>>) => boolean) | undefined
}

/** Rows that fail by themselves need a schema for that; a want of capacity is the pool's. */
type FailureSchema<E, EI> = [Exclude<E, CapacityError>] extends [never]
  ? unknown
  : { readonly failure: Schema.Schema<E, EI> }

/**
 * Whether a failure is no answer to the row: the pool had no time or no capacity, or was shut down, or the caller's
 * program has a defect. A row's own error is an answer.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isUnanswered = (cause: Cause.Cause<unknown>): boolean =>
  Option.match(Cause.failureOption(cause), { onNone: () => true, onSome: isPoolFailure })

/** One that was interrupted is unfinished, and so is one that had not started when its batch ended. */
const isUnfinished = (cause: Cause.Cause<unknown>, attempts: number): boolean => {
  if (Cause.isInterrupted(cause)) return true
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  return attempts === 0 && (error instanceof PoolShutdownError || error instanceof BatchTimeoutError)
}

/** The law's limits are written with a group of rows, this often at most, in milliseconds. */
const learnedEvery = 1000

/** What is wrong with the options themselves: callers without types may hand in anything. */
const wrongOption = (options: unknown): Error | undefined => {
  if (!Predicate.isRecord(options)) return Argument.refusal("argument of Journal.batch", "an object", options)
  const { id, rowFingerprint, retry, success } = options
  if (!Predicate.isString(id) || id === "") {
    return Argument.refusal("option id of Journal.batch", "a non-empty string", id)
  }
  if (!Schema.isSchema(success)) return Argument.refusal("option success of Journal.batch", "a Schema", success)
  const functions = { rowFingerprint, retry }
  for (const [name, value] of Object.entries(functions)) {
    if (value !== undefined && !Predicate.isFunction(value)) {
      return Argument.refusal(`option ${name} of Journal.batch`, "a function", value)
    }
  }
  return undefined
}

/**
 * Makes the `journal` option of a batch. The journal itself is the service {@link Journal}: a file, a key-value store
 * or a database. A finished row is written there before its entry comes out. When the same call is made again, in this
 * process or another, finished rows come back without an attempt, and the others are done.
 *
 * The batch fails with a `JournalError` if the journal cannot be used or written; see its reasons. Then rows in flight
 * are interrupted. Rows need names that stay the same: give a `stateId` if rows may be added or removed.
 *
 * @example
 * ```ts
 * import { KeyValueStore } from "@effect/platform"
 * import { Effect, Layer, Schema } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 * import { Journal, KeyValueJournal } from "effect-aimd/journal"
 *
 * let attempts = 0
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 4 })
 *   const { entries } = yield* pool.executeBatch(["a", "b"], (row) => Effect.sync(() => `${row}${++attempts}`), {
 *     journal: Journal.batch({ id: "letters", success: Schema.String })
 *   })
 *   return entries.map(({ exit }) => exit._tag === "Success" && exit.value)
 * }).pipe(Effect.scoped)
 *
 * // The second run finds everything in the journal.
 * const both = Effect.all([program, program]).pipe(
 *   Effect.provide(KeyValueJournal.layer().pipe(Layer.provide(KeyValueStore.layerMemory)))
 * )
 * const [first, second] = await Effect.runPromise(both)
 * assert.deepStrictEqual(first, ["a1", "b2"])
 * assert.deepStrictEqual(second, ["a1", "b2"])
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const batch = <Row, A, AI, E = never, EI = never>(
  options: BatchOptions<Row, A, AI, E, EI> & FailureSchema<E, EI>
): KeeperOpener<Row, A, RowError<E>, JournalError, Journal> => {
  const wrong = wrongOption(options)
  if (wrong !== undefined) throw wrong
  const codec = RecordCodec.makeCodec(options.success, options.failure)
  return (mind) =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const { fingerprint = "", id } = options
      const opened = yield* journal.open({ batch: id, fingerprint })
      if (opened.learned?.law === mind.law) mind.learn(opened.learned.limits)
      return keeperOf(options, codec, opened, learnedSince(opened.learned, mind, yield* Effect.clock))
    })
}

const keeperOf = <Row, A, AI, E, EI>(
  options: BatchOptions<Row, A, AI, E, EI>,
  codec: RecordCodec.Codec<A, E>,
  opened: Opened,
  learned: () => Learned | undefined
): Keeper<Row, A, RowError<E>, JournalError> => {
  const { retry = isUnanswered, rowFingerprint = Fingerprint.ofRow } = options
  const isTwice = twice()
  /** The fingerprints of the rows that are read and not yet recorded. */
  const fingerprints = new Map<number, string>()
  const fail = (reason: Reason, detail: string) => new JournalError({ reason, journal: opened.name, detail })

  const recalled = ({ rowIndex, stateId }: KeptRow<Row>, record: unknown) => {
    const decoded = codec.decode(record)
    if (Either.isLeft(decoded)) throw fail("Corrupt", `the record of row "${stateId}" is wrong: ${decoded.left}`)
    const { outcome, row } = decoded.right
    if (row !== fingerprints.get(rowIndex)) {
      throw fail("ChangedRow", `row "${stateId}" is not the one that was recorded under this name`)
    }
    if (Exit.isFailure(outcome.exit) && retry(outcome.exit.cause)) return undefined
    fingerprints.delete(rowIndex)
    return outcome
  }

  const recorded = (entry: BufferEntry<A, RowError<E>>): ReadonlyArray<Record> => {
    const { attempts, exit, stateId, submitIndex } = entry
    const fingerprint = fingerprints.get(submitIndex)
    fingerprints.delete(submitIndex)
    // A row that was recalled is recorded already.
    if (fingerprint === undefined || (Exit.isFailure(exit) && isUnfinished(exit.cause, attempts))) return []
    const record = codec.encode(fingerprint, entry)
    if (Either.isRight(record)) return [record.right]
    throw fail("Encode", `the result of row "${stateId}" cannot be written: ${record.left}`)
  }

  return {
    recall: (rows) =>
      Effect.gen(function* () {
        for (const { row, rowIndex, stateId } of rows) {
          if (isTwice(stateId, rowIndex)) return yield* fail("DuplicateRow", `two rows have the name "${stateId}"`)
          fingerprints.set(rowIndex, rowFingerprint(row))
        }
        if (opened.isEmpty) return rows.map(() => undefined)
        const records = yield* opened.find(rows.map(({ stateId }) => stateId))
        return yield* attempt(() =>
          rows.map((row, i) => (records[i] === undefined ? undefined : recalled(row, records[i])))
        )
      }),
    commit: (entries) =>
      Effect.flatMap(
        attempt(() => entries.flatMap(recorded)),
        (records) => opened.append(records, learned())
      )
  }
}

/** What is wrong with a record is found deep inside a loop, and thrown there. */
const attempt = <A>(work: () => A): Effect.Effect<A, JournalError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      return error instanceof JournalError ? error : Effect.die(error)
    }
  })

/** Finds names that come twice. The indices of rows, which are their names by default, are counted and not remembered. */
const twice = (): ((stateId: string, rowIndex: number) => boolean) => {
  const seen = new Set<string>()
  let plain = 0
  return (stateId, rowIndex) => {
    if (rowIndex === plain && seen.size === 0 && stateId === String(rowIndex)) {
      plain += 1
      return false
    }
    const isPlain =
      Number(stateId) >= 0 &&
      Number(stateId) < plain &&
      String(Number(stateId)) === stateId &&
      Number.isInteger(Number(stateId))
    if (isPlain || seen.has(stateId)) return true
    seen.add(stateId)
    return false
  }
}

/** What the law has learned since it was written last, now and then. */
const learnedSince = (
  last: Learned | undefined,
  { law, learned }: Mind,
  clock: Clock.Clock
): (() => Learned | undefined) => {
  let written = last === undefined ? undefined : JSON.stringify(last)
  let writtenAt = -Infinity
  return () => {
    const now = clock.unsafeCurrentTimeMillis()
    // A clock that was set back is no reason to wait.
    if (now >= writtenAt && now - writtenAt < learnedEvery) return undefined
    const limits = learned()
    if (limits === undefined) return undefined
    const text = JSON.stringify({ law, limits })
    if (text === written) return undefined
    written = text
    writtenAt = now
    return { law, limits }
  }
}
