/**
 * Lines of a file by where they begin, without holding the file.
 *
 * @since 0.2.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const newline = 0x0a

/** Bytes that are read at once. */
const block = 256 * 1024

const none = new Uint8Array(0)

/**
 * Calls `visit` for every line that has an end, with where it begins; stops where `visit` returns false. Returns where the
 * last visited line ends: what comes after has no end.
 *
 * @since 0.2.0
 * @category reading
 */
export const forEach = (
  file: FileSystem.File,
  visit: (line: Uint8Array, at: number) => boolean
): Effect.Effect<number, PlatformError> => {
  /** What was read and has no end yet, and where it begins. */
  let rest: Uint8Array = none
  let at = 0
  const step = (chunk: Uint8Array): boolean => {
    // Only what is new is searched, or a long line would be searched again for every block of it.
    let from = rest.length
    const bytes = rest.length === 0 ? chunk : concat(rest, chunk)
    let start = 0
    for (let end = bytes.indexOf(newline, from); end >= 0; end = bytes.indexOf(newline, from)) {
      if (!visit(bytes.subarray(start, end), at)) return false
      at += end + 1 - start
      start = from = end + 1
    }
    rest = bytes.subarray(start)
    return true
  }
  const loop: Effect.Effect<number, PlatformError> = Effect.flatMap(file.readAlloc(block), (chunk) =>
    Option.isSome(chunk) && step(chunk.value) ? loop : Effect.succeed(at)
  )
  return loop
}

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/**
 * Makes a reader of the line that begins at a place. Lines that follow each other are read together.
 *
 * @since 0.2.0
 * @category reading
 */
export const makeReader = (file: FileSystem.File): ((at: number) => Effect.Effect<Uint8Array, PlatformError>) => {
  let bytes: Uint8Array = none
  let start = 0

  const inMemory = (at: number): Uint8Array | undefined => {
    const from = at - start
    if (from < 0 || from >= bytes.length) return undefined
    const end = bytes.indexOf(newline, from)
    return end < 0 ? undefined : bytes.subarray(from, end)
  }

  const read = (at: number, size: number): Effect.Effect<Uint8Array, PlatformError> =>
    Effect.gen(function* () {
      yield* file.seek(at, "start")
      bytes = Option.getOrElse(yield* file.readAlloc(size), () => none)
      start = at
      const line = inMemory(at)
      // A file that somebody has cut meanwhile has no such line.
      return line ?? (bytes.length < size ? none : yield* read(at, size * 2))
    })

  return (at) =>
    Effect.suspend(() => {
      const line = inMemory(at)
      return line === undefined ? read(at, block) : Effect.succeed(line)
    })
}
