/**
 * Journals in a `KeyValueStore` of `@effect/platform`: a key for each finished row.
 *
 * Such a store has no lock, and writes several keys one after the other. So two processes that begin in the same
 * instant may both work for a while. The one that began first stops at its next write, and rows that both have done are
 * done twice.
 *
 * @since 0.2.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Header from "./Header.js"
import { JournalError } from "./JournalError.js"
import * as Lease from "./Lease.js"
import { Journal, type Header as BatchHeader, type Learned, type Opened } from "./Store.js"

/**
 * Options of the store.
 *
 * @since 0.2.0
 * @category models
 */
export type Options = Lease.Options

/** Keys that are written at once. */
const concurrency = 16

/**
 * Keeps journals in the key-value store of the context, under keys that begin with the name of their batch.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Journal, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(
    Journal,
    Effect.map(KeyValueStore.KeyValueStore, (store): Journal => {
      const heartbeat = Lease.heartbeatOf(options)
      return {
        open: (header) => open(KeyValueStore.prefix(store, `${encodeURIComponent(header.batch)}/`), header, heartbeat)
      }
    })
  )

const parse = (text: string): Option.Option<unknown> => Option.liftThrowable(JSON.parse)(text) as Option.Option<unknown>

/** A value that was cut off says nothing. */
const learnedOf = (text: string): Learned | undefined => {
  const state = Option.getOrUndefined(parse(text))
  return Predicate.isRecord(state) && Predicate.isString(state.law)
    ? { law: state.law, limits: state.limits }
    : undefined
}

const open = (
  store: Pick<KeyValueStore.KeyValueStore, "get" | "set" | "remove">,
  header: BatchHeader,
  heartbeat: Duration.Duration
): Effect.Effect<Opened, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    const journal = header.batch
    const failure = (reason: "Read" | "Write", verb: string) => (cause: PlatformError) =>
      new JournalError({ reason, journal, detail: `it cannot be ${verb}: ${cause.message}`, cause })
    const get = (key: string) => Effect.mapError(store.get(key), failure("Read", "read"))
    const set = (key: string, value: string) => Effect.mapError(store.set(key, value), failure("Write", "written"))

    // Nothing is written, not even the lock, into what is somebody else's.
    const found = yield* get("header")
    const line = Header.line(header)
    const isTorn = Option.isSome(found) && line.startsWith(found.value)
    const wrong = Option.isSome(found) && !isTorn ? Header.mismatch(found.value, header, journal) : undefined
    if (wrong !== undefined) return yield* wrong

    const check = yield* hold(get, set, store.remove, journal, heartbeat)
    if (Option.isNone(found) || isTorn) yield* set("header", line)
    const learned = yield* get("learned")

    return {
      name: journal,
      isEmpty: Option.isNone(found),
      learned: Option.getOrUndefined(Option.map(learned, learnedOf)),
      find: (stateIds) =>
        Effect.forEach(
          stateIds,
          (stateId) =>
            // A value that was cut off is none: its row is unfinished.
            Effect.map(get(`row/${stateId}`), (text) => Option.getOrUndefined(Option.flatMap(text, parse))),
          { concurrency }
        ),
      append: (records, news) =>
        Effect.gen(function* () {
          yield* check
          yield* Effect.forEach(records, (record) => set(`row/${record.stateId}`, JSON.stringify(record)), {
            concurrency,
            discard: true
          })
          if (news !== undefined) yield* set("learned", JSON.stringify(news))
        })
    }
  })

/** Takes hold of the journal; returns how to find out whether somebody else has taken it since. */
const hold = (
  get: (key: string) => Effect.Effect<Option.Option<string>, JournalError>,
  set: (key: string, value: string) => Effect.Effect<void, JournalError>,
  remove: (key: string) => Effect.Effect<void, PlatformError>,
  journal: string,
  heartbeat: Duration.Duration
): Effect.Effect<Effect.Effect<void, JournalError>, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    const token = yield* Lease.token
    let beats = 0
    const sign = Effect.suspend(() => set("lock", `${token} ${beats++}`))
    const look = Effect.map(get("lock"), Option.getOrUndefined)
    const isMine = Effect.map(look, (held) => held?.startsWith(`${token} `) ?? false)
    const held = yield* look
    if (held !== undefined && !(yield* Lease.isAbandoned(look, heartbeat)) && (yield* look) !== undefined) {
      return yield* Lease.inUse(journal)
    }
    yield* Effect.acquireRelease(sign, () =>
      Effect.ignore(Effect.flatMap(isMine, (mine) => (mine ? remove("lock") : Effect.void)))
    )
    // Whoever has lost it must not take it back.
    const beat = Effect.flatMap(isMine, (mine) => (mine ? sign : Effect.void))
    yield* Lease.beat(beat, heartbeat)
    return Effect.flatMap(isMine, (mine) => (mine ? Effect.void : Lease.inUse(journal)))
  })
