/**
 * The file of results. It holds, at any time, the first lines of the whole, or the whole of an earlier run: whenever the
 * process dies, nothing in it is half a line of one run and half of another.
 *
 * What an earlier run has written is compared with what is written now. As long as it is the same, nothing happens; where it
 * ends, lines are appended. Where it differs, because a row was done again, the lines go into a new file, which takes the place
 * of the old one at the end.
 */
import { FileSystem, type Error as PlatformError } from "@effect/platform"
import { Effect, Option, Scope } from "effect"
import { OutputError, reasonOf } from "../Failure.js"

export interface Results {
  /** Writes lines, each with its end. */
  readonly write: (lines: ReadonlyArray<string>) => Effect.Effect<void, OutputError>
  /** No line comes any more. `isWhole` says whether there was one for each row. */
  readonly finish: (isWhole: boolean) => Effect.Effect<void, OutputError>
}

const block = 1 << 20
const encoder = new TextEncoder()
const lineFeed = 0x0a

/** Reads lines, with their ends, one after the other; undefined where there is no further whole one. */
const lineReader = (file: FileSystem.File) => {
  let rest: Uint8Array = new Uint8Array(0)
  const next: Effect.Effect<Uint8Array | undefined, PlatformError.PlatformError> = Effect.suspend(() => {
    const end = rest.indexOf(lineFeed)
    if (end !== -1) {
      const line = rest.subarray(0, end + 1)
      rest = rest.subarray(end + 1)
      return Effect.succeed(line)
    }
    return Effect.flatMap(file.readAlloc(block), (read) => {
      if (Option.isNone(read)) return Effect.succeed(undefined)
      rest = Buffer.concat([rest, read.value])
      return next
    })
  })
  return next
}

/** What has no end was cut by a crash. */
const cutTornLine = (file: FileSystem.File) =>
  Effect.gen(function* () {
    const size = Number((yield* file.stat).size)
    for (let end = size; end > 0; end -= block) {
      const from = Math.max(0, end - block)
      yield* file.seek(from, "start")
      const read = yield* file.readAlloc(end - from)
      const at = Option.match(read, { onNone: () => -1, onSome: (bytes) => bytes.lastIndexOf(lineFeed) })
      if (at === -1 && from > 0) continue
      if (from + at + 1 < size) yield* file.truncate(from + at + 1)
      return
    }
  })

const text = (lines: ReadonlyArray<string>): Uint8Array => encoder.encode(lines.map((line) => `${line}\n`).join(""))

type Failure = PlatformError.PlatformError

/** Where lines go. */
type Mode =
  /** They are there already: so many bytes are the same. */
  | { readonly _tag: "following" }
  /** Behind the old ones. */
  | { readonly _tag: "appending"; readonly file: FileSystem.File }
  /** Into a new file, each in place of an old one. */
  | { readonly _tag: "replacing"; readonly file: FileSystem.File }

const make = (
  fs: FileSystem.FileSystem,
  path: string,
  openFile: Open,
  old: Effect.Effect<Uint8Array | undefined, Failure>
) => {
  const aside = `${path}.new`
  let mode: Mode = { _tag: "following" }
  let same = 0

  const append = Effect.gen(function* () {
    mode = { _tag: "appending", file: yield* openFile(path, "r+") }
    yield* mode.file.truncate(same)
    yield* mode.file.seek(same, "start")
  })

  const replace = Effect.gen(function* () {
    const before = yield* openFile(path, "r")
    mode = { _tag: "replacing", file: yield* openFile(aside, "w") }
    for (let left = same; left > 0;) {
      const read = yield* before.readAlloc(Math.min(left, block))
      if (Option.isNone(read)) break
      yield* mode.file.writeAll(read.value)
      left -= read.value.length
    }
  })

  /** Goes along the old lines; returns how many of the given ones are there already. */
  const follow = (lines: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      for (const [i, line] of lines.entries()) {
        const found = yield* old
        const bytes = encoder.encode(`${line}\n`)
        if (found !== undefined && Buffer.compare(found, bytes) === 0) same += bytes.length
        else {
          yield* found === undefined ? append : replace
          return i
        }
      }
      return lines.length
    })

  const write = (lines: ReadonlyArray<string>): Effect.Effect<void, Failure> =>
    Effect.gen(function* () {
      if (lines.length === 0) return
      const first = mode._tag === "following" ? yield* follow(lines) : undefined
      if (mode._tag === "following") return
      const fresh = first === undefined ? lines : lines.slice(first)
      yield* mode.file.writeAll(text(fresh))
      if (mode._tag === "appending") return
      // The old line of the first was read when it was compared.
      for (let i = first === undefined ? 0 : 1; i < fresh.length; i++) yield* old
    })

  const finish = (isWhole: boolean): Effect.Effect<void, Failure> =>
    Effect.gen(function* () {
      if (mode._tag === "appending") return
      if (mode._tag === "following") {
        // What is behind is of rows that are in the input no more.
        return isWhole ? yield* fs.truncate(path, same) : undefined
      }
      for (let line = isWhole ? undefined : yield* old; line !== undefined; line = yield* old) {
        yield* mode.file.writeAll(line)
      }
      yield* mode.file.sync
      yield* fs.rename(aside, path)
    })

  return { write, finish }
}

type Open = (name: string, flag: FileSystem.OpenFlag) => Effect.Effect<FileSystem.File, Failure>

/** Opens a file of results; the folder must be there. */
export const open = (path: string): Effect.Effect<Results, OutputError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const scope = yield* Effect.scope
    const openFile: Open = (name, flag) => Scope.extend(fs.open(name, { flag }), scope)
    // A file that is not there yet is made; one that is there stays as it is.
    const old = yield* Effect.tap(openFile(path, "a+"), cutTornLine)
    yield* old.seek(0, "start")
    const { finish, write } = make(fs, path, openFile, lineReader(old))
    return {
      write: (lines: ReadonlyArray<string>) => Effect.mapError(write(lines), failed(path)),
      finish: (isWhole: boolean) => Effect.mapError(finish(isWhole), failed(path))
    }
  }).pipe(Effect.mapError(failed(path)))

const failed =
  (path: string) =>
  (error: Failure): OutputError =>
    new OutputError({ message: `${path} cannot be written: ${reasonOf(error)}` })
