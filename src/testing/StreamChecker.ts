/**
 * Checkers of streams: how far they read ahead, which entries come out and when, and what is kept at the end.
 *
 * @since 0.2.0
 */
import type { Checker } from "./Checker.js"
import { perClient, tolerance } from "./PerClient.js"
import type * as Trace from "./Trace.js"

/** The streams of a client, each with a state of its own, and whose rows are whose. */
const streamsOf = <S>(initial: (opened: Trace.Event & { readonly _tag: "opened" }) => S) => {
  const lines = new Map<number, S>()
  const lineOf = new Map<number, S>()
  return (event: Trace.Event): S | undefined => {
    if (event._tag === "opened") lines.set(event.line, initial(event))
    if (event._tag === "submitted") {
      const line = lines.get(event.line)
      if (line !== undefined) lineOf.set(event.row, line)
      return line
    }
    return "row" in event ? lineOf.get(event.row) : undefined
  }
}

/**
 * A stream reads no more than it has room for: at most `maxPending` of its rows are read and not yet taken as entries.
 *
 * @since 0.2.0
 * @category invariants
 */
export const readsAsThereIsRoom: Checker = {
  name: "a stream reads as there is room",
  start: () => {
    const clients = perClient(() => streamsOf(({ maxPending }) => ({ maxPending, pending: new Set<number>() })))
    return (event) => {
      const stream = clients(event)(event)
      if (stream === undefined) return undefined
      const { maxPending, pending } = stream
      if (event._tag === "released") pending.delete(event.row)
      if (event._tag === "withdrawn" && event.how === "evict") pending.delete(event.row)
      // An empty batch has no row of its own.
      if (event._tag !== "submitted" || event.count === 0) return undefined
      pending.add(event.row)
      return pending.size > maxPending ? `${pending.size} rows are read, where ${maxPending} may be` : undefined
    }
  }
}

/**
 * The reader of a stream gets each entry once, after `onEntry` has got it, and in the order of the rows if the stream
 * is ordered.
 *
 * @since 0.2.0
 * @category invariants
 */
export const releasesInOrder: Checker = {
  name: "a stream releases in order",
  start: () => {
    const clients = perClient(() => streamsOf(({ ordered }) => ({ ordered, last: -1, kept: new Set<number>() })))
    return (event) => {
      const stream = clients(event)(event)
      if (stream === undefined) return undefined
      if (event._tag === "finished") stream.kept.add(event.row)
      if (event._tag !== "released") return undefined
      const { row } = event
      if (!stream.kept.delete(row)) return `row ${row} is released, and has no entry, or was released before`
      const { last, ordered } = stream
      stream.last = row
      return ordered && row < last ? `row ${row} is released after row ${last}` : undefined
    }
  }
}

/**
 * Finished rows are kept: a row of a stream that has an answer is never given back as unfinished, however the stream
 * ends.
 *
 * @since 0.2.0
 * @category invariants
 */
export const keepsWhatIsFinished: Checker = {
  name: "what is finished is kept",
  start: () => {
    const clients = perClient(() => streamsOf(() => ({ answered: new Map<number, number>() })))
    return (event) => {
      const stream = clients(event)(event)
      if (stream === undefined) return undefined
      if (event._tag === "ended" && (event.outcome === "success" || event.outcome === "failed")) {
        stream.answered.set(event.row, event.at)
      }
      if (event._tag !== "finished" || event.outcome !== "interrupted" || event.attempts > 0) return undefined
      // An answer of the instant of the interruption may have come after it.
      const answeredAt = stream.answered.get(event.row)
      return answeredAt !== undefined && answeredAt < event.at
        ? `row ${event.row} had its answer at ${answeredAt}, and is handed back as unfinished`
        : undefined
    }
  }
}

/**
 * A finished entry never waits without a reason: the reader of a stream gets it as soon as it is done, the reader is
 * free, and (if the stream is ordered) all rows before it are done or gone.
 *
 * @since 0.2.0
 * @category invariants
 */
export const releasesAtOnce: Checker = {
  name: "a stream releases at once",
  start: () => {
    const clients = perClient(() =>
      streamsOf(({ at, ordered, reader }) => ({
        ordered,
        reader,
        freeAt: at,
        /** When each row was done, or gone, that is not yet released. */
        doneAt: new Map<number, number>(),
        /** When the last of the rows before those was. */
        before: -Infinity
      }))
    )
    return (event) => {
      const stream = clients(event)(event)
      if (stream === undefined) return undefined
      const { doneAt, ordered } = stream
      if (event._tag === "finished") doneAt.set(event.row, Math.max(event.completedAt, doneAt.get(event.row) ?? 0))
      // One that is not gone is done later, and that counts then.
      if (event._tag === "withdrawn") doneAt.set(event.row, Math.max(event.at, doneAt.get(event.row) ?? 0))
      if (event._tag !== "released") return undefined
      for (const [row, done] of doneAt) {
        if (row !== event.row && (!ordered || row > event.row)) continue
        if (ordered) stream.before = Math.max(stream.before, done)
        if (row !== event.row) doneAt.delete(row)
      }
      const due = Math.max(stream.freeAt, ordered ? stream.before : (doneAt.get(event.row) ?? 0))
      doneAt.delete(event.row)
      stream.freeAt = event.at + stream.reader
      return event.at > due + tolerance
        ? `row ${event.row} is released at ${event.at}, and could be at ${due}`
        : undefined
    }
  }
}

/**
 * All of them, in addition to `Checker.all` and `Liveness.all`.
 *
 * @since 0.2.0
 * @category invariants
 */
export const all: ReadonlyArray<Checker> = [readsAsThereIsRoom, releasesInOrder, releasesAtOnce, keepsWhatIsFinished]
