/**
 * The way out of a batch: entries in their order, kept where there is a keeper, told to who wants to hear of them, and taken
 * by whoever reads.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as ReorderBuffer from "../order/ReorderBuffer.js"
import type { Keeper } from "./Keeper.js"

type Entry<A, E> = ReorderBuffer.BufferEntry<A, E>

/**
 * What an outlet does with entries, and whom it tells.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options<A, E, KE, R> {
  readonly ordered: boolean
  readonly commit: Keeper<never, A, E, KE>["commit"] | undefined
  readonly onEntry: ((entry: Entry<A, E>) => Effect.Effect<void, never, R>) | undefined
  /** Epoch milliseconds of the wall clock. */
  readonly now: () => number
  /** Rows have left: their entries wait for the reader, or there are none. */
  readonly onLeft: () => void
  /** A group of finished rows is kept. */
  readonly onKept: () => void
  /** The reader has read what it had taken. */
  readonly onRead: () => void
}

/**
 * The outlet of a batch.
 *
 * @since 0.2.0
 * @category models
 */
export interface Outlet<A, E, F, R> {
  readonly submit: (stateId: string, now: number) => ReorderBuffer.Ticket
  /** The row has its outcome; one that was recalled is kept already. */
  readonly complete: (
    place: ReorderBuffer.Ticket,
    outcome: ReorderBuffer.Outcome<A, E>,
    now: number,
    isKept: boolean
  ) => void
  /** The row leaves without an entry. */
  readonly evict: (place: ReorderBuffer.Ticket, now: number) => void
  /** Finished rows that are not kept yet. */
  readonly unkept: number
  /** Rows that have left, entry or not. */
  readonly left: number
  /** Rows that the reader is done with, entry or not. */
  readonly read: number
  /** Entries that wait for the reader. */
  readonly out: ReadonlyArray<Entry<A, E>>
  /** Whether anything has to be done for an entry before it comes out: then somebody has to run this till it ends. */
  readonly work: Effect.Effect<void, F, R> | undefined
  /** There will be no more entries: `work` ends when it is done with those that there are. */
  readonly close: () => void
  /** The reader gets what is there, and then this end. The first end counts. */
  readonly end: (exit: Exit.Exit<void, F>) => void
  /** Waits for entries, at most so many at once; ends as told. */
  readonly take: (most: number) => Effect.Effect<Chunk.Chunk<Entry<A, E>>, Option.Option<F>>
  /** Waits for the end. */
  readonly ended: Effect.Effect<void, F>
}

/**
 * Makes an outlet. `F` is all that the batch as a whole can fail with, the keeper's errors included.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <A, E, F, KE extends F, R>(options: Options<A, E, KE, R>): Outlet<A, E, F, R> => {
  const { commit, now, onEntry, onKept, onLeft, ordered } = options
  const buffer = ReorderBuffer.make<A, E>({ ordered, restarts: false })
  const isTold = commit !== undefined || onEntry !== undefined
  const out: Array<Entry<A, E>> = []
  let unkept: Array<{ readonly place: ReorderBuffer.Ticket; readonly entry: Entry<A, E> }> = []
  /** How many of them are being kept now. */
  let keeping = 0
  /** In order, and not told of yet. */
  let untold: Array<Entry<A, E>> = []
  let left = 0
  let closed = false
  let wakeWork: (() => void) | undefined
  const reading = reader<A, E, F>(out, options.onRead)

  const leave = (entries: ReadonlyArray<Entry<A, E>>): void => {
    if (entries.length === 0) return
    if (onEntry === undefined) {
      for (const entry of entries) out.push(entry)
      left += entries.length
      reading.wake()
      onLeft()
    } else {
      untold.push(...entries)
      wakeWork?.()
    }
  }

  const keep: Effect.Effect<void, KE> = Effect.suspend(() => {
    if (commit === undefined || unkept.length === 0) return Effect.void
    const group = unkept
    unkept = []
    keeping = group.length
    return Effect.map(commit(group.map(({ entry }) => entry)), () => {
      keeping = 0
      for (const { place } of group) leave(buffer.release(place, now()))
      onKept()
    })
  })

  const tell = (entry: Entry<A, E>): Effect.Effect<void, KE, R> =>
    Effect.flatMap(onEntry === undefined ? Effect.void : Effect.suspend(() => onEntry(entry)), () => {
      out.push(entry)
      left += 1
      reading.wake()
      onLeft()
      // What has finished meanwhile is kept before the next is told of.
      return keep
    })

  const wait = Effect.async<void>((resume) => {
    wakeWork = () => {
      wakeWork = undefined
      resume(Effect.void)
    }
    if (unkept.length > 0 || untold.length > 0 || closed) wakeWork()
  })

  const work: Effect.Effect<void, F, R> = Effect.suspend(() => {
    if (unkept.length > 0) return Effect.zipRight(keep, work)
    if (untold.length > 0) {
      const entries = untold
      untold = []
      return Effect.zipRight(Effect.forEach(entries, tell, { discard: true }), work)
    }
    return closed ? Effect.void : Effect.zipRight(wait, work)
  })

  return {
    submit: (stateId, at) => buffer.submit(stateId, at),
    complete: (place, outcome, at, isKept) => {
      if (commit === undefined || isKept) return leave(buffer.complete(place, outcome, at))
      unkept.push({ place, entry: buffer.record(place, outcome, at) })
      wakeWork?.()
    },
    evict: (place, at) => {
      left += 1
      reading.skip()
      leave(buffer.evict(place, at))
      onLeft()
    },
    get unkept() {
      return unkept.length + keeping
    },
    get left() {
      return left
    },
    get read() {
      return reading.read
    },
    out,
    work: isTold ? work : undefined,
    close: () => {
      closed = true
      wakeWork?.()
    },
    end: reading.end,
    take: reading.take,
    ended: reading.ended
  }
}

/** Whoever takes entries out. */
const reader = <A, E, F>(out: Array<Entry<A, E>>, onRead: () => void) => {
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
    get read() {
      return read
    },
    wake,
    take,
    /** A row is gone that nobody reads: there is room for another. */
    skip: () => {
      read += 1
      onRead()
    },
    end: (exit: Exit.Exit<void, F>): void => {
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
