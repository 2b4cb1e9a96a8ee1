/**
 * The way out of a batch: entries in their order, kept where there is a keeper, told to who wants to hear of them, and taken
 * by whoever reads.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as ReorderBuffer from "../order/ReorderBuffer.js"
import type { Keeper } from "./Keeper.js"
import { Reader } from "./Reader.js"

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
export interface Outlet<A, E, F, R> extends Pick<Reader<A, E, F>, "end" | "ended" | "take"> {
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
  /** Entries that wait for the reader. */
  readonly out: ReadonlyArray<Entry<A, E>>
  /** Rows that have left, entry or not. */
  readonly left: number
  /** Rows that the reader is done with, entry or not. */
  readonly read: number
  /** Finished rows that are not kept yet. */
  readonly unkept: number
  /** Whether anything has to be done for an entry before it comes out: then somebody has to run this till it ends. */
  readonly work: Effect.Effect<void, F, R> | undefined
  /** There will be no more entries: `work` ends when it is done with those that there are. */
  readonly close: () => void
}

/**
 * Makes an outlet. `F` is all that the batch as a whole can fail with, the keeper's errors included.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <A, E, F, KE extends F, R>(options: Options<A, E, KE, R>): Outlet<A, E, F, R> => {
  const { commit, now, onEntry, onKept, onLeft, onRead, ordered } = options
  const buffer = ReorderBuffer.make<A, E>({ ordered, restarts: false })
  const reader = new Reader<A, E, F>(onLeft, onRead)
  /** In order, and not told of yet. */
  let untold: Array<Entry<A, E>> = []

  const leave = (entries: ReadonlyArray<Entry<A, E>>): void => {
    if (entries.length === 0) return
    if (onEntry === undefined) return reader.put(entries)
    untold.push(...entries)
    writer.wake()
  }

  const keeping =
    commit &&
    groups(commit, (places) => {
      for (const place of places) leave(buffer.release(place, now()))
      onKept()
    })

  const tell = (entry: Entry<A, E>): Effect.Effect<void, KE, R> =>
    Effect.flatMap(onEntry === undefined ? Effect.void : Effect.suspend(() => onEntry(entry)), () => {
      reader.put([entry])
      // What has finished meanwhile is kept before the next is told of.
      return Effect.suspend(() => keeping?.next() ?? Effect.void)
    })

  const writer = worker<F, R>(() => {
    const kept = keeping?.next()
    if (kept !== undefined || untold.length === 0) return kept
    const entries = untold
    untold = []
    return Effect.forEach(entries, tell, { discard: true })
  })

  return {
    submit: (stateId, at) => buffer.submit(stateId, at),
    complete: (place, outcome, at, isKept) => {
      if (keeping === undefined || isKept) return leave(buffer.complete(place, outcome, at))
      keeping.add(place, buffer.record(place, outcome, at))
      writer.wake()
    },
    evict: (place, at) => {
      const released = buffer.evict(place, at)
      reader.skip()
      leave(released)
    },
    get unkept() {
      return keeping?.size ?? 0
    },
    get left() {
      return reader.left
    },
    get read() {
      return reader.read
    },
    out: reader.out,
    work: keeping === undefined && onEntry === undefined ? undefined : writer.work,
    close: writer.close,
    end: reader.end,
    take: reader.take,
    ended: reader.ended
  }
}

/** Keeps finished rows, each time as many as there are. */
const groups = <A, E, KE>(
  commit: Keeper<never, A, E, KE>["commit"],
  onKept: (places: ReadonlyArray<ReorderBuffer.Ticket>) => void
) => {
  let waiting: Array<{ readonly place: ReorderBuffer.Ticket; readonly entry: Entry<A, E> }> = []
  /** How many are being kept now. */
  let inHand = 0
  return {
    /** Those that are not kept yet. */
    get size(): number {
      return waiting.length + inHand
    },
    add: (place: ReorderBuffer.Ticket, entry: Entry<A, E>): void => {
      waiting.push({ place, entry })
    },
    /** What keeps those that wait; undefined where there are none. */
    next: (): Effect.Effect<void, KE> | undefined => {
      if (waiting.length === 0) return undefined
      const group = waiting
      waiting = []
      inHand = group.length
      return Effect.map(commit(group.map(({ entry }) => entry)), () => {
        inHand = 0
        onKept(group.map(({ place }) => place))
      })
    }
  }
}

/** Does what there is to do, and waits while there is nothing; ends once it is closed. */
const worker = <F, R>(next: () => Effect.Effect<void, F, R> | undefined) => {
  let isClosed = false
  /** There may be something new to do. */
  let isCalled = false
  let onCall: (() => void) | undefined

  const wake = (): void => {
    isCalled = true
    onCall?.()
  }

  const wait = Effect.async<void>((resume) => {
    onCall = () => {
      onCall = undefined
      resume(Effect.void)
    }
    if (isCalled) onCall()
  })

  const work: Effect.Effect<void, F, R> = Effect.suspend(() => {
    isCalled = false
    const task = next()
    if (task !== undefined) return Effect.zipRight(task, work)
    return isClosed ? Effect.void : Effect.zipRight(wait, work)
  })

  return {
    work,
    wake,
    close: (): void => {
      isClosed = true
      wake()
    }
  }
}
