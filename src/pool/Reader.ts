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
export class Reader<A, E, F> {
  /** Entries that wait for the reader. */
  readonly out: Array<Entry<A, E>> = []
  /** Rows that have left, entry or not. */
  left = 0
  /** Rows that the reader is done with, entry or not. */
  read = 0
  /** Taken, and not read as long as nobody asks for more. */
  private taken = 0
  private exit: Exit.Exit<void, F> | undefined = undefined
  private onEntries: (() => void) | undefined = undefined
  private onExit: (() => void) | undefined = undefined
  private readonly onLeft: () => void
  private readonly onRead: () => void

  /** `onLeft` is told when rows have left, `onRead` when the reader has read what it had taken. */
  constructor(onLeft: () => void, onRead: () => void) {
    this.onLeft = onLeft
    this.onRead = onRead
  }

  /** There are entries for the reader. */
  put(entries: ReadonlyArray<Entry<A, E>>): void {
    for (const entry of entries) this.out.push(entry)
    this.left += entries.length
    this.wake()
    this.onLeft()
  }

  /** A row is gone that nobody reads: there is room for another. */
  skip(): void {
    this.left += 1
    this.read += 1
    this.onRead()
    this.onLeft()
  }

  /** The reader gets what is there, and then this end. The first end counts. */
  readonly end = (exit: Exit.Exit<void, F>): void => {
    this.exit ??= exit
    this.wake()
    this.onExit?.()
  }

  /** Waits for the end. */
  readonly ended: Effect.Effect<void, F> = Effect.async<void, F>((resume) => {
    if (this.exit !== undefined) resume(this.exit)
    else this.onExit = () => resume(this.exit ?? Exit.void)
  })

  /** Waits for entries, at most so many at once; ends as told. */
  readonly take = (most: number): Effect.Effect<Chunk.Chunk<Entry<A, E>>, Option.Option<F>> =>
    Effect.suspend(() => {
      this.read += this.taken
      this.taken = 0
      this.onRead()
      if (this.out.length > 0) {
        const entries = this.out.splice(0, most)
        this.taken = entries.length
        return Effect.succeed(Chunk.unsafeFromArray(entries))
      }
      if (this.exit !== undefined) {
        return Effect.matchCauseEffect(this.exit, {
          onFailure: (cause) => Effect.failCause(Cause.map(cause, Option.some<F>)),
          onSuccess: () => Effect.fail(Option.none<F>())
        })
      }
      return Effect.zipRight(this.wait, this.take(most))
    })

  private readonly wait = Effect.async<void>((resume) => {
    this.onEntries = () => resume(Effect.void)
    if (this.out.length > 0 || this.exit !== undefined) this.wake()
    return Effect.sync(() => void (this.onEntries = undefined))
  })

  private wake(): void {
    const waiting = this.onEntries
    this.onEntries = undefined
    waiting?.()
  }
}
