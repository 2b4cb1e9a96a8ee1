/**
 * Whoever takes the entries of a batch, as they come out of it.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { BufferEntry } from "../order/ReorderBuffer.js"

type Entry<A, E> = BufferEntry<A, E>

/**
 * A reader, and what waits for it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Reader<A, E, F> {
  /** Entries that wait for the reader. */
  readonly out: ReadonlyArray<Entry<A, E>>
  /** Rows that have left, entry or not. */
  readonly left: number
  /** Rows that the reader is done with, entry or not. */
  readonly read: number
  /** There are entries for the reader. */
  readonly put: (entries: ReadonlyArray<Entry<A, E>>) => void
  /** A row is gone that nobody reads: there is room for another. */
  readonly skip: () => void
  /** The reader gets what is there, and then this end. The first end counts. */
  readonly end: (exit: Exit.Exit<void, F>) => void
  /** Waits for entries, at most so many at once; ends as told. */
  readonly take: (most: number) => Effect.Effect<Chunk.Chunk<Entry<A, E>>, Option.Option<F>>
  /** Waits for the end. */
  readonly ended: Effect.Effect<void, F>
}

/**
 * Begins with nothing to read. `onLeft` is told when rows have left, `onRead` when the reader has read what it had taken.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <A, E, F>(onLeft: () => void, onRead: () => void): Reader<A, E, F> => {
  const out: Array<Entry<A, E>> = []
  let left = 0
  let read = 0
  /** Taken, and not read as long as nobody asks for more. */
  let taken = 0
  let end: Exit.Exit<void, F> | undefined
  let onEntries: (() => void) | undefined
  let onEnd: (() => void) | undefined

  const wake = (): void => {
    const waiting = onEntries
    onEntries = undefined
    waiting?.()
  }

  const take = (most: number): Effect.Effect<Chunk.Chunk<Entry<A, E>>, Option.Option<F>> =>
    Effect.suspend(() => {
      read += taken
      taken = 0
      onRead()
      if (out.length > 0) {
        const entries = out.splice(0, most)
        taken = entries.length
        return Effect.succeed(Chunk.unsafeFromArray(entries))
      }
      if (end !== undefined) {
        return Effect.matchCauseEffect(end, {
          onFailure: (cause) => Effect.failCause(Cause.map(cause, Option.some<F>)),
          onSuccess: () => Effect.fail(Option.none<F>())
        })
      }
      return Effect.zipRight(
        Effect.async<void>((resume) => {
          onEntries = () => resume(Effect.void)
          if (out.length > 0 || end !== undefined) wake()
          return Effect.sync(() => void (onEntries = undefined))
        }),
        take(most)
      )
    })

  return {
    out,
    get left() {
      return left
    },
    get read() {
      return read
    },
    put: (entries) => {
      for (const entry of entries) out.push(entry)
      left += entries.length
      wake()
      onLeft()
    },
    skip: () => {
      left += 1
      read += 1
      onRead()
      onLeft()
    },
    take,
    end: (exit) => {
      end ??= exit
      wake()
      onEnd?.()
    },
    ended: Effect.async<void, F>((resume) => {
      if (end !== undefined) resume(end)
      else onEnd = () => resume(end ?? Exit.void)
    })
  }
}
