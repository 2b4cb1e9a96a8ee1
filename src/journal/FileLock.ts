/**
 * One process at a time: a file beside the journal that names the process that works with it, and whose time is renewed.
 *
 * @since 0.2.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { JournalError } from "./JournalError.js"
import * as Lease from "./Lease.js"

/** Somebody may take the lock away, or give it back, while another looks. */
const tries = 3

const Process = Schema.Struct({
  pid: Schema.String,
  /** When it was started, in ticks of its machine: a number of a process is given out again. */
  started: Schema.String,
  /** The machine since its last start, and the space of process numbers there. */
  machine: Schema.String
})
type Process = typeof Process.Type

const Holder = Schema.parseJson(
  Schema.Struct({ token: Schema.String, process: Schema.optionalWith(Process, { exact: true }) })
)
const decodeHolder = Schema.decodeOption(Holder)
const encodeHolder = Schema.encodeSync(Holder)

const isNotFound = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "NotFound"
const isThere = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "AlreadyExists"

/** The state and the start of a process as Linux tells them; the name before them may hold anything. */
const parseStat = (stat: string) => {
  const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { pid: stat.slice(0, stat.indexOf(" ")), state, started: rest[18] ?? "" }
}

/** This process, where the system says so by files, as Linux does. */
const self = (fs: FileSystem.FileSystem): Effect.Effect<Option.Option<Process>> =>
  Effect.option(
    Effect.gen(function* () {
      const { pid, started } = parseStat(yield* fs.readFileString("/proc/self/stat"))
      const boot = yield* fs.readFileString("/proc/sys/kernel/random/boot_id")
      return { pid, started, machine: `${boot.trim()} ${yield* fs.readLink("/proc/self/ns/pid")}` }
    })
  )

/** Whether a process of this machine lives; none where this process cannot know. */
const isAlive = (
  fs: FileSystem.FileSystem,
  holder: Process | undefined,
  me: Option.Option<Process>
): Effect.Effect<Option.Option<boolean>> =>
  holder === undefined || Option.isNone(me) || holder.machine !== me.value.machine
    ? Effect.succeedNone
    : fs.readFileString(`/proc/${holder.pid}/stat`).pipe(
        Effect.map((stat) => {
          const { started, state } = parseStat(stat)
          // One that was killed and whose end nobody has asked for is dead.
          return Option.some(started === holder.started && state !== "Z" && state !== "X")
        }),
        Effect.catchAll(() => Effect.succeedSome(false))
      )

const unreadable = (journal: string, cause: PlatformError): JournalError =>
  new JournalError({ reason: "Write", journal, detail: `its lock cannot be written: ${cause.message}`, cause })

/**
 * Takes the lock of a file until the scope closes. Fails where another process has it and lives. Of a process that died the
 * lock is taken over: at once where the system says that it is dead, else after three heartbeats in which it shows nothing.
 *
 * @since 0.2.0
 * @category locking
 */
export const acquire = (
  fs: FileSystem.FileSystem,
  journal: string,
  heartbeat: Duration.Duration
): Effect.Effect<void, JournalError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = `${journal}.lock`
    const token = yield* Lease.token
    const me = yield* self(fs)
    const mine = encodeHolder({ token, ...(Option.isSome(me) ? { process: me.value } : {}) })
    const read = Effect.catchIf(fs.readFileString(path), isNotFound, () => Effect.succeed(undefined))

    const removeMine = Effect.ignore(Effect.flatMap(read, (text) => (text === mine ? fs.remove(path) : Effect.void)))
    const create = Effect.acquireRelease(
      fs.writeFileString(path, mine, { flag: "wx" }).pipe(
        Effect.as(true),
        Effect.catchIf(isThere, () => Effect.succeed(false)),
        // There may be an empty one now, which says nothing.
        Effect.tapError(() =>
          Effect.ignore(Effect.flatMap(read, (text) => (text === "" ? fs.remove(path) : Effect.void)))
        )
      ),
      (created) => (created ? removeMine : Effect.void)
    )

    const sign = Effect.flatMap(Clock.currentTimeMillis, (now) => fs.utimes(path, new Date(now), new Date(now)))
    const look = Effect.zipWith(fs.stat(path), fs.readFileString(path), ({ mtime }, text) =>
      JSON.stringify([Option.map(mtime, (time) => time.getTime()), text])
    ).pipe(Effect.catchIf(isNotFound, () => Effect.succeed(undefined)))

    /** Takes a stale lock away; somebody else may have done so and made a new one meanwhile, which is given back. */
    const takeAway = (stale: string) =>
      Effect.gen(function* () {
        const aside = `${path}.${token}`
        yield* fs.rename(path, aside)
        if ((yield* fs.readFileString(aside)) === stale) return yield* fs.remove(aside)
        yield* fs.rename(aside, path)
      }).pipe(
        Effect.catchIf(isNotFound, () => Effect.void),
        Effect.uninterruptible
      )

    const attempt = (left: number): Effect.Effect<void, JournalError | PlatformError, Scope.Scope> =>
      Effect.gen(function* () {
        if (yield* create) return yield* Lease.beat(sign, heartbeat)
        const held = yield* read
        if (held !== undefined) {
          const holder = Option.getOrUndefined(decodeHolder(held))
          const alive = yield* isAlive(fs, holder?.process, me)
          const isStale = Option.isSome(alive) ? !alive.value : yield* Lease.isAbandoned(look, heartbeat)
          if (isStale) yield* takeAway(held)
          else if (Option.isSome(alive) || (yield* read) !== undefined) return yield* inUse(journal, path)
        }
        return yield* left > 1 ? attempt(left - 1) : inUse(journal, path)
      })
    yield* Effect.catchAll(attempt(tries), (error) =>
      error._tag === "JournalError" ? error : unreadable(journal, error)
    )
  })

const inUse = (journal: string, path: string) =>
  Lease.inUse(journal, `another process or batch works with it, as ${path} says`)
