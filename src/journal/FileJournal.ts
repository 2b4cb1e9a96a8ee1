/**
 * Journals as files of JSON lines: one file for each batch. Lines are only added, and `jq` can read the file while it
 * is written.
 *
 * The first line says which batch the journal is for. Each other line is a finished row, or what the control law has
 * learned. If two lines have the same `stateId`, the later one counts. A last line without an end was cut by a crash:
 * it is dropped.
 *
 * @since 0.2.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../structure/Monotonic.js"
import * as FileLock from "./FileLock.js"
import * as Header from "./Header.js"
import { JournalError } from "./JournalError.js"
import * as Lease from "./Lease.js"
import * as Lines from "./Lines.js"
import { Journal, type Header as BatchHeader, type Learned, type Opened } from "./Store.js"

/**
 * Options of the files.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Lease.Options {
  /**
   * Waits after each write until the disk has it; default false. With false, a journal survives any end of its process,
   * but when the machine fails, the last seconds may be lost.
   */
  readonly sync?: boolean | undefined
}

/**
 * Keeps journals in files. Give the path for one batch, or a function from the name of a batch to its path. The folder
 * must exist. While a batch runs, a file `<path>.lock` keeps other processes away.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (
  path: string | ((batch: string) => string),
  options: Options = {}
): Layer.Layer<Journal, never, FileSystem.FileSystem> =>
  Layer.effect(
    Journal,
    Effect.map(FileSystem.FileSystem, (fs): Journal => {
      const heartbeat = Lease.heartbeatOf(options)
      return {
        open: (header) =>
          open(fs, typeof path === "string" ? path : path(header.batch), header, heartbeat, options.sync ?? false)
      }
    })
  )

const encoder = new TextEncoder()

const cannotRead = (journal: string) => (cause: PlatformError) =>
  new JournalError({ reason: "Read", journal, detail: `it cannot be read: ${cause.message}`, cause })
const cannotWrite = (journal: string) => (cause: PlatformError) =>
  new JournalError({ reason: "Write", journal, detail: `it cannot be written: ${cause.message}`, cause })

const open = (
  fs: FileSystem.FileSystem,
  path: string,
  header: BatchHeader,
  heartbeat: Duration.Duration,
  sync: boolean
): Effect.Effect<Opened, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* FileLock.acquire(fs, path, heartbeat)
    const file = yield* Effect.mapError(fs.open(path, { flag: "a+" }), cannotWrite(path))
    const known = yield* load(file, path, header)
    const write = yield* appender(fs, file, path, heartbeat, sync)
    // Whoever still writes to it, for he was taken for dead, finds out by this line.
    const run = JSON.stringify({ run: yield* Lease.token })
    if (known.end === 0) yield* write(`${Header.line(header)}\n${run}\n`)
    else yield* write(`${run}\n`)

    const reader = Lines.makeReader(yield* Effect.mapError(fs.open(path, { flag: "r" }), cannotRead(path)))
    return {
      name: path,
      isEmpty: known.rows.size === 0,
      learned: known.learned,
      find: (stateIds) =>
        Effect.forEach(stateIds, (stateId) => {
          const at = known.rows.get(stateId)
          return at === undefined ? Effect.succeed(undefined) : Effect.map(reader(at), parseOrNull)
        }).pipe(Effect.mapError(cannotRead(path))),
      append: (records, learned) => {
        const news = learned === undefined ? records : [...records, learned]
        return write(news.map((line) => `${JSON.stringify(line)}\n`).join(""))
      }
    }
  })

interface Known {
  /** Where the line of each row begins. */
  readonly rows: Map<string, number>
  learned: Learned | undefined
  /** Where the last whole line ends. */
  end: number
}

const parse = (line: Uint8Array): Either.Either<unknown, unknown> =>
  Either.try(() => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line)) as unknown)

/** What cannot be read is no record, but something is there. */
const parseOrNull = (line: Uint8Array): unknown => Either.getOrNull(parse(line))

/** Reads what a journal knows; cuts off a last line that has no end. */
const load = (file: FileSystem.File, path: string, header: BatchHeader): Effect.Effect<Known, JournalError> =>
  Effect.gen(function* () {
    const known: Known = { rows: new Map(), learned: undefined, end: 0 }
    const { size } = yield* Effect.mapError(file.stat, cannotRead(path))
    if (size === 0n) return known
    const isNew = yield* isTornHeader(file, path, header)
    let wrong: number | undefined
    let line = 0
    if (!isNew) {
      yield* file.seek(0, "start")
      known.end = yield* Lines.forEach(file, (bytes, at) => {
        line += 1
        if (line > 1 && !learn(known, parse(bytes), at)) wrong = line
        return wrong === undefined
      }).pipe(Effect.mapError(cannotRead(path)))
    }
    if (wrong !== undefined) {
      const detail = `line ${wrong} is damaged; what comes before it is whole`
      return yield* new JournalError({ reason: "Corrupt", journal: path, detail })
    }
    if (BigInt(known.end) < size) yield* Effect.mapError(file.truncate(known.end), cannotWrite(path))
    return known
  })

/** Whether nothing but a part of the header was written. Fails where the file begins with anything else. */
const isTornHeader = (file: FileSystem.File, path: string, header: BatchHeader): Effect.Effect<boolean, JournalError> =>
  Effect.gen(function* () {
    const wanted = `${Header.line(header)}\n`
    const longest = Math.max(65_536, encoder.encode(wanted).length)
    const read = yield* Effect.mapError(file.readAlloc(longest), cannotRead(path))
    const begins = Option.match(read, { onNone: () => "", onSome: (bytes) => new TextDecoder().decode(bytes) })
    if (begins.startsWith(wanted)) return false
    if (wanted.startsWith(begins)) return true
    const mismatch = Header.mismatch(begins.split("\n", 1)[0] ?? "", header, path)
    // The same header in other words is no header of this package either.
    return yield* mismatch ?? new JournalError({ reason: "Foreign", journal: path, detail: "its header was changed" })
  })

/** Takes in a line; returns whether it is one of a journal. */
const learn = (known: Known, parsed: Either.Either<unknown, unknown>, at: number): boolean => {
  if (Either.isLeft(parsed) || !Predicate.isRecord(parsed.right)) return false
  const { law, limits, run, stateId } = parsed.right
  if (Predicate.isString(stateId)) {
    known.rows.set(stateId, at)
    return true
  }
  if (Predicate.isString(law)) known.learned = { law, limits }
  return Predicate.isString(law) || Predicate.isString(run)
}

/** Appends lines to a file. Looks, before a write and once a heartbeat, whether anybody else has changed it. */
const appender = (
  fs: FileSystem.FileSystem,
  file: FileSystem.File,
  path: string,
  heartbeat: Duration.Duration,
  sync: boolean
): Effect.Effect<(lines: string) => Effect.Effect<void, JournalError>, JournalError> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const every = Duration.toMillis(heartbeat)
    const opened = yield* Effect.mapError(file.stat, cannotRead(path))
    let { size } = opened
    let lookedAt = -Infinity

    const look = Effect.flatMap(fs.stat(path), (found) =>
      found.size === size && sameFile(found.ino, opened.ino)
        ? Effect.void
        : Lease.inUse(path, "another process has written to it, or has moved it")
    )
    const write = (lines: string) =>
      Effect.gen(function* () {
        const bytes = encoder.encode(lines)
        const now = Monotonic.now(clock)
        if (now - lookedAt >= every) {
          yield* look
          lookedAt = now
        }
        // To write nothing is an error to the system.
        if (bytes.length === 0) return
        yield* file.writeAll(bytes)
        if (sync) yield* file.sync
        size = FileSystem.Size(size + BigInt(bytes.length))
      })
    return (lines) =>
      write(lines).pipe(
        Effect.catchAll((error) => (error._tag === "JournalError" ? error : cannotWrite(path)(error))),
        Effect.uninterruptible
      )
  })

const sameFile = (a: Option.Option<number>, b: Option.Option<number>): boolean =>
  Option.isNone(a) || Option.isNone(b) || a.value === b.value
