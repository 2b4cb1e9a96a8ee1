/**
 * Where the rows of a batch come from, and how they are read again from where a runner stopped.
 *
 * @since 0.2.0
 */
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Fingerprint from "../../journal/Fingerprint.js"
import type { Found } from "./BatchTables.js"

/**
 * Rows by pages: `page` gets the id of the batch, and the last row that was read, undefined at the beginning.
 *
 * @since 0.2.0
 * @category models
 */
export interface Pages<in out Row, out E, out R> {
  readonly _tag: "Pages"
  readonly page: (id: string, after: Row | undefined) => Effect.Effect<ReadonlyArray<Row>, E, R>
}

/**
 * The rows of the batch of an id: a stream that gives the same rows each time, or pages.
 *
 * @since 0.2.0
 * @category models
 */
export type Source<Row, E, R> = ((id: string) => Stream.Stream<Row, E, R>) | Pages<Row, E, R>

/**
 * A row as it is kept, and what stands for it and all before it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Line {
  readonly row: string
  readonly digest: string
}

/**
 * The source is not what it was, or has a row that cannot be kept.
 *
 * @since 0.2.0
 * @category errors
 */
export class SourceError extends Data.TaggedError("SourceError")<{ readonly message: string }> {}

/** Where to go on: after so many rows. */
interface Seen {
  readonly rows: number
  readonly digest: string
}

/**
 * The rows after the chunk that was cut last, as JSON.
 *
 * @since 0.2.0
 * @category reading
 */
export const read = <Row, I, E, R>(
  source: Source<Row, E, R>,
  schema: Schema.Schema<Row, I>,
  id: string,
  last: Found | undefined
): Stream.Stream<Line, E | SourceError, R> => {
  const seen = last === undefined ? { rows: 0, digest: "" } : { rows: last.first + last.size, digest: last.digest }
  const json = Schema.parseJson(schema)
  const linesOf = toLines(Schema.encodeEither(json))
  if (typeof source === "function") return skip(linesOf(source(id), { rows: 0, digest: "" }), seen)
  const after = last?.last ?? null
  const row = after === null ? Effect.succeed(undefined) : Schema.decode(json)(after)
  return Stream.unwrap(
    Effect.map(
      Effect.mapError(row, ({ message }) => new SourceError({ message: `its last row cannot be read: ${message}` })),
      (after) => linesOf(pages(source, id, after), seen)
    )
  )
}

const pages = <Row, E, R>(source: Pages<Row, E, R>, id: string, after: Row | undefined): Stream.Stream<Row, E, R> =>
  Stream.paginateChunkEffect(after, (after) =>
    Effect.map(source.page(id, after), (rows) => [
      Chunk.unsafeFromArray(rows),
      rows.length === 0 ? Option.none() : Option.some(rows.at(-1))
    ])
  )

const toLines =
  <Row>(encode: (row: Row) => Either.Either<string, { readonly message: string }>) =>
  <E, R>(rows: Stream.Stream<Row, E, R>, seen: Seen): Stream.Stream<Line, E | SourceError, R> =>
    Stream.mapAccumEffect(rows, seen, (before, row) =>
      Either.mapBoth(encode(row), {
        onLeft: ({ message }) => new SourceError({ message: `row ${before.rows} cannot be written: ${message}` }),
        onRight: (text): readonly [Seen, Line] => {
          const digest = Fingerprint.ofText(before.digest + text)
          return [
            { rows: before.rows + 1, digest },
            { row: text, digest }
          ]
        }
      })
    )

/** The rows that were read before come again, and have to be the same. */
const skip = <E, R>(
  lines: Stream.Stream<Line, E, R>,
  { digest, rows }: Seen
): Stream.Stream<Line, E | SourceError, R> =>
  Stream.suspend(() => {
    const changed = new SourceError({
      message: `its first ${rows} rows are not those that were read before: a stream has to give the same rows each time`
    })
    let left = rows
    const fresh = Stream.filterMapEffect(lines, (line) => {
      if (left === 0) return Option.some(Effect.succeed(line))
      left -= 1
      return left === 0 && line.digest !== digest ? Option.some(changed) : Option.none()
    })
    return Stream.concat(
      fresh,
      Stream.suspend(() => (left > 0 ? Stream.fail(changed) : Stream.empty))
    )
  })
