/** The rows of a file or of stdin, read as they are wanted. */
import { FileSystem } from "@effect/platform"
import { NodeStream } from "@effect/platform-node"
import { parse } from "csv-parse"
import { createReadStream } from "node:fs"
import { Chunk, Effect, Either, Option, Stream } from "effect"
import { InputError, reasonOf } from "../Failure.js"
import * as Lines from "./Lines.js"
import type { Reader, Row, Source } from "./Row.js"

/** How rows are written down. */
export type Syntax = "jsonl" | "csv" | "tsv"

export interface Input {
  /** A path, or `-` for stdin. */
  readonly path: string
  readonly syntax: Syntax
  readonly read: Reader
}

const name = ({ path }: Input): string => (path === "-" ? "stdin" : path)

const wrong = (input: Input, what: string): InputError => new InputError({ message: `${name(input)}: ${what}` })

const wrongLine = (input: Input, line: number, what: string): InputError =>
  new InputError({ message: `${name(input)}, line ${line}: ${what}` })

const utf16 = "it is UTF-16: save it as UTF-8"

const bytesOf = (input: Input): Stream.Stream<Uint8Array, InputError> => {
  const failed = (error: unknown) => wrong(input, `it cannot be read: ${reasonOf(error)}`)
  const raw = Stream.suspend(() =>
    input.path === "-"
      ? Stream.mapError(NodeStream.stdin, failed)
      : // Not by `FileSystem`, whose streams read by position: a pipe has none.
        NodeStream.fromReadable<InputError, Uint8Array>(() => createReadStream(input.path), failed)
  )
  let isFirst = true
  return raw.pipe(
    Stream.mapEffect((bytes) => {
      if (!isFirst) return Effect.succeed(bytes)
      isFirst = false
      const [first, second, third] = bytes
      if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return wrong(input, utf16)
      const hasMark = first === 0xef && second === 0xbb && third === 0xbf
      return Effect.succeed(hasMark ? bytes.subarray(3) : bytes)
    })
  )
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** What stands on a line; nothing on a blank one, which is no row. */
const parseLine = (bytes: Uint8Array): Either.Either<Pick<Source, "value" | "text"> | undefined, string> => {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    return Either.left("it is not UTF-8")
  }
  if (text.trim() === "") return Either.right(undefined)
  return Either.try({
    try: () => ({ value: JSON.parse(text) as unknown, text }),
    catch: (error) => `it is no JSON: ${error instanceof Error ? error.message : String(error)}`
  })
}

/** What is to be told of some values: their rows, and then what is wrong with the next. */
type Take = (values: Iterable<Source>, failure?: InputError) => Stream.Stream<Row, InputError>

/** Reads rows out of values. With `isDistinct` a name that comes twice is a failure that says on which lines. */
const taker = (input: Input, isDistinct: boolean): Take => {
  const seen = new Map<string, number>()
  const wrongRow = (row: Row): string | undefined => {
    const before = seen.get(row.id)
    if (isDistinct) seen.set(row.id, row.line)
    return before === undefined ? undefined : `the name ${JSON.stringify(row.id)} is on line ${before} already`
  }
  return (values, failure) => {
    const rows: Array<Row> = []
    let end = failure
    for (const source of values) {
      const row = input.read(source)
      const why = Either.isLeft(row) ? row.left : wrongRow(row.right)
      if (why !== undefined) {
        end = wrongLine(input, source.line, why)
        break
      }
      if (Either.isRight(row)) rows.push(row.right)
    }
    const taken = Stream.fromChunk(Chunk.unsafeFromArray(rows))
    return end === undefined ? taken : Stream.concat(taken, Stream.fail(end))
  }
}

const jsonRows = (input: Input, take: Take): Stream.Stream<Row, InputError> => {
  const splitter = new Lines.Splitter()
  let line = 0
  let number = 0
  const parsed = (lines: ReadonlyArray<Uint8Array>): Stream.Stream<Row, InputError> => {
    const values: Array<Source> = []
    for (const bytes of lines) {
      line += 1
      const value = parseLine(bytes)
      if (Either.isLeft(value)) return take(values, wrongLine(input, line, value.left))
      if (value.right !== undefined) values.push({ line, number: (number += 1), ...value.right })
    }
    return take(values, splitter.isTooLong ? wrongLine(input, line + 1, "it has no end") : undefined)
  }
  const last = Stream.suspend(() => parsed(Option.toArray(Option.fromNullable(splitter.end()))))
  return Stream.concat(
    Stream.flatMap(bytesOf(input), (bytes) => parsed(splitter.push(bytes))),
    last
  )
}

interface CsvRecord {
  readonly info: { readonly lines: number }
  readonly record: { readonly [field: string]: string }
}

const checkHeader = (header: ReadonlyArray<string>): Array<string> => {
  const field = header.find((field, i) => header.indexOf(field) !== i)
  if (field !== undefined) throw new Error(`the field "${field}" is there twice, on line 1`)
  return [...header]
}

/** Rows of CSV, whose first line names the fields. */
const csvRows = (input: Input, take: Take): Stream.Stream<Row, InputError> => {
  let number = 0
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  const text = Stream.mapEffect(bytesOf(input), (bytes) =>
    Effect.try({ try: () => decoder.decode(bytes, { stream: true }), catch: () => wrong(input, "it is not UTF-8") })
  )
  const delimiter = input.syntax === "tsv" ? "\t" : ","
  const records = NodeStream.pipeThroughDuplex<never, InputError, string, InputError, CsvRecord>(
    text,
    () => parse({ columns: checkHeader, delimiter, info: true, skip_empty_lines: true }),
    (error) =>
      error instanceof InputError ? error : wrong(input, error instanceof Error ? error.message : String(error))
  )
  return Stream.flatMap(Stream.chunks(records), (chunk) =>
    take(Chunk.map(chunk, ({ info, record }) => ({ line: info.lines, number: (number += 1), value: record })))
  )
}

/**
 * The rows, in order. Fails at the first that is wrong, once those before it are out; with `isDistinct` also where a name
 * comes twice.
 */
export const rows = (input: Input, isDistinct: boolean): Stream.Stream<Row, InputError> =>
  Stream.suspend(() => {
    const take = taker(input, isDistinct)
    return input.syntax === "jsonl" ? jsonRows(input, take) : csvRows(input, take)
  })

/** Whether an input can be read twice: a file can, stdin and pipes cannot. */
export const isFile = ({ path }: Input): Effect.Effect<boolean, never, FileSystem.FileSystem> =>
  path === "-"
    ? Effect.succeed(false)
    : Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(path)).pipe(
        // Why a folder, or what is not there, cannot be read is told by whoever reads it.
        Effect.map(({ type }) => type === "File" || type === "Directory"),
        Effect.orElseSucceed(() => true)
      )

/** Looks through all rows before anything is sent, and counts them. */
export const check = (input: Input): Effect.Effect<number, InputError> =>
  Effect.flatMap(Stream.runCount(rows(input, true)), (count) =>
    count === 0 ? wrong(input, "there is no row in it") : Effect.succeed(count)
  )
