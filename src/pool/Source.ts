/**
 * Where the rows of a batch come from: read as they are wanted, and no further.
 *
 * @since 0.2.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * Rows that are read lazily.
 *
 * @since 0.2.0
 * @category models
 */
export type Rows<Row, E = never, R = never> = Iterable<Row> | AsyncIterable<Row> | Stream.Stream<Row, E, R>

/**
 * Rows that were read; no others come after the last.
 *
 * @since 0.2.0
 * @category models
 */
export interface Read<out Row> {
  readonly rows: ReadonlyArray<Row>
  readonly isLast: boolean
}

/**
 * Reads rows: at least one, unless these are the last, and at most so many.
 *
 * @since 0.2.0
 * @category models
 */
export type Source<out Row, out E = never, out R = never> = (most: number) => Effect.Effect<Read<Row>, E, R>

const isAsync = (rows: unknown): rows is AsyncIterable<unknown> => Predicate.hasProperty(rows, Symbol.asyncIterator)

/**
 * Whether a value is a stream.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isStream = (rows: unknown): rows is Stream.Stream<unknown, unknown, unknown> =>
  Predicate.hasProperty(rows, Stream.StreamTypeId)

/**
 * Whether a value is something that rows can be read from.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isRows = (rows: unknown): rows is Rows<unknown, unknown, unknown> =>
  isStream(rows) || isAsync(rows) || Predicate.isIterable(rows)

/**
 * Opens rows for reading; what an iterator throws is a defect. They are closed with the scope.
 *
 * @since 0.2.0
 * @category constructors
 */
export const open = <Row, E, R>(rows: Rows<Row, E, R>): Effect.Effect<Source<Row, E, R>, never, R | Scope.Scope> => {
  if (isStream(rows)) return ofStream(rows)
  if (Array.isArray(rows)) return Effect.sync(() => ofArray(rows))
  return isAsync(rows) ? ofAsync(rows) : ofIterable(rows)
}

const ofArray = <Row>(rows: ReadonlyArray<Row>): Source<Row> => {
  let next = 0
  return (most) =>
    Effect.sync(() => {
      const read = rows.slice(next, next + most)
      next += read.length
      return { rows: read, isLast: next >= rows.length }
    })
}

const ofIterable = <Row>(rows: Iterable<Row>): Effect.Effect<Source<Row>, never, Scope.Scope> => {
  let isDone = false
  /** What the iterator threw behind rows that are read first. */
  let thrown: { readonly defect: unknown } | undefined

  const read = (iterator: Iterator<Row>, most: number): Read<Row> => {
    const read: Array<Row> = []
    try {
      while (read.length < most && thrown === undefined) {
        const next = iterator.next()
        if (next.done === true) return { rows: read, isLast: (isDone = true) }
        read.push(next.value)
      }
    } catch (defect) {
      // An iterator that has thrown is over.
      isDone = true
      thrown = { defect }
    }
    if (thrown !== undefined && read.length === 0) throw thrown.defect
    return { rows: read, isLast: false }
  }

  return Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => rows[Symbol.iterator]()),
      (iterator) => Effect.sync(() => void (isDone || iterator.return?.()))
    ),
    (iterator) => (most) => Effect.sync(() => read(iterator, most))
  )
}

const ofAsync = <Row>(rows: AsyncIterable<Row>): Effect.Effect<Source<Row>, never, Scope.Scope> => {
  let isDone = false
  /** Somebody waits for the next row. */
  let isBusy = false

  const close = (iterator: AsyncIterator<Row>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (isDone || iterator.return === undefined) return Effect.void
      const closed = iterator.return()
      // One that hangs would never close.
      return isBusy ? Effect.sync(() => void closed.catch(() => undefined)) : Effect.promise(() => closed)
    })

  const read = (iterator: AsyncIterator<Row>): Effect.Effect<Read<Row>> =>
    Effect.map(
      Effect.promise(() => {
        isBusy = true
        return iterator.next()
      }),
      (next) => {
        isBusy = false
        if (next.done === true) isDone = true
        return next.done === true ? { rows: [], isLast: true } : { rows: [next.value], isLast: false }
      }
    )

  return Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => rows[Symbol.asyncIterator]()),
      close
    ),
    (iterator) => () => read(iterator)
  )
}

const ofStream = <Row, E, R>(
  rows: Stream.Stream<Row, E, R>
): Effect.Effect<Source<Row, E, R>, never, R | Scope.Scope> =>
  Effect.map(Stream.toPull(rows), (pull) => {
    // A stream gives as many as it likes.
    let given: ReadonlyArray<Row> = []
    let next = 0
    const read: Source<Row, E, R> = (most) => {
      if (next < given.length) {
        const rows = given.slice(next, next + most)
        next += rows.length
        return Effect.succeed({ rows, isLast: false })
      }
      return Effect.matchEffect(pull, {
        onFailure: Option.match({
          onNone: () => Effect.succeed({ rows: [], isLast: true }),
          onSome: (error) => Effect.fail(error)
        }),
        onSuccess: (chunk) => {
          given = Chunk.toReadonlyArray(chunk)
          next = 0
          return read(most)
        }
      })
    }
    return read
  })
