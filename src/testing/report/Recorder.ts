/**
 * Keeps of a simulation what its report needs: numbers a row and a timeline, never the events themselves.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as ControlLaw from "../../law/ControlLaw.js"
import * as PoolConfig from "../../PoolConfig.js"
import * as Timeline from "./Timeline.js"
import type * as Trace from "../Trace.js"

/**
 * What is known of the rows; times in milliseconds, indexed by row.
 *
 * @since 0.2.0
 * @category models
 */
export interface Record {
  readonly submittedAt: Float64Array
  readonly startedAt: Float64Array
  /** NaN where the row has no outcome. */
  readonly finishedAt: Float64Array
  readonly attempts: Uint32Array
  /** Waited from the submission to the first start, holds apart. */
  readonly queueWait: Float64Array
  /** Waited from rejections to the starts that followed, holds apart. */
  readonly backoffWait: Float64Array
  /** Waited, before whatever start, while the pool was held. */
  readonly holdWait: Float64Array
  readonly clientOf: Uint32Array
  readonly outcomes: Map<Trace.Outcome, number>
  readonly starts: number
  readonly rejections: number
  readonly firstSubmission: number
  /** When the last row had its outcome. */
  readonly lastFinish: number
  /** Instants of successes, by client. */
  readonly successes: ReadonlyArray<ReadonlyArray<number>>
  readonly timeline: Timeline.Timeline
  readonly decisions: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Recorder {
  readonly observe: Trace.Observer
  readonly record: () => Record
}

const add = (numbers: Float64Array | Uint32Array, index: number, amount: number): void => {
  numbers[index] = (numbers[index] ?? 0) + amount
}

/** How long a pool was held, as a sum that can be asked for any span. */
const makeHolds = () => {
  /** In order, and apart; `held` is the sum of those before. */
  const holds: Array<{ readonly from: number; until: number; readonly held: number }> = []
  /** The last hold that began at or before an instant. */
  const before = (instant: number) => {
    let [low, high] = [0, holds.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((holds[middle]?.from ?? Infinity) <= instant) low = middle + 1
      else high = middle
    }
    return holds[low - 1]
  }
  const upTo = (instant: number): number => {
    const hold = before(instant)
    return hold === undefined ? 0 : hold.held + Math.min(instant, hold.until) - hold.from
  }
  return {
    add: (from: number, until: number): void => {
      const last = holds.at(-1)
      if (until <= Math.max(from, last?.until ?? -Infinity)) return
      if (last !== undefined && from <= last.until) last.until = until
      else holds.push({ from, until, held: last === undefined ? 0 : last.held + last.until - last.from })
    },
    within: (start: number, end: number): number => upTo(end) - upTo(start)
  }
}

/** What is recorded of so many rows of so many clients; nothing yet. */
const blank = (rows: number, clients: number) => {
  const numbers = (): Float64Array => new Float64Array(rows)
  return {
    submittedAt: numbers(),
    startedAt: numbers().fill(NaN),
    finishedAt: numbers().fill(NaN),
    attempts: new Uint32Array(rows),
    queueWait: numbers(),
    backoffWait: numbers(),
    holdWait: numbers(),
    clientOf: new Uint32Array(rows),
    outcomes: new Map<Trace.Outcome, number>(),
    starts: 0,
    rejections: 0,
    firstSubmission: Infinity,
    lastFinish: 0,
    successes: Array.from({ length: clients }, (): Array<number> => []),
    decisions: 0
  }
}

/** What is recorded, and what is kept on the way. */
const stateOf = (rows: number, clients: number) => ({
  record: blank(rows, clients),
  waitingSince: new Float64Array(rows),
  rejected: new Uint8Array(rows),
  holds: Array.from({ length: clients }, makeHolds),
  timeline: Timeline.make(clients),
  /** Attempts in flight of each client. */
  running: new Array<number>(clients).fill(0),
  configs: Array.from({ length: clients }, (): PoolConfig.PoolConfig | undefined => undefined)
})

type State = ReturnType<typeof stateOf>
type Of<Tag extends Trace.Event["_tag"]> = Extract<Trace.Event, { readonly _tag: Tag }>

const submitted = ({ record, waitingSince }: State, { at, client, count, row }: Of<"submitted">): void => {
  record.firstSubmission = Math.min(record.firstSubmission, at)
  record.submittedAt.fill(at, row, row + count)
  record.clientOf.fill(client, row, row + count)
  waitingSince.fill(at, row, row + count)
}

const started = ({ holds, record, rejected, running, timeline, waitingSince }: State, event: Of<"started">): void => {
  const { at, client, row } = event
  const since = waitingSince[row] ?? at
  const held = holds[client]?.within(since, at) ?? 0
  add(rejected[row] === 1 ? record.backoffWait : record.queueWait, row, at - since - held)
  add(record.holdWait, row, held)
  if (event.attempt === 1) record.startedAt[row] = at
  add(record.attempts, row, 1)
  record.starts += 1
  running[client] = (running[client] ?? 0) + 1
  timeline.started(at)
}

const ended = ({ record, rejected, running, timeline, waitingSince }: State, event: Of<"ended">): void => {
  const { at, client, outcome, row } = event
  waitingSince[row] = at
  running[client] = (running[client] ?? 0) - 1
  timeline.ended(at)
  if (outcome === "success") {
    record.successes[client]?.push(at)
    timeline.succeeded(at, client)
  }
  if (outcome === "capacity") {
    rejected[row] = 1
    record.rejections += 1
    timeline.rejected(at)
  }
}

/** The pool keeps to its own limits whatever the law decides. */
const inForce = (config = PoolConfig.defaults, { delay, spacing, window }: ControlLaw.Decision) => {
  const { maxRetryAfter, minDispatchDelay, poolSize } = config
  return {
    window: Math.min(poolSize, Math.max(1, window)),
    delay,
    spacing: Math.max(Duration.toMillis(minDispatchDelay), Math.min(spacing, Duration.toMillis(maxRetryAfter)))
  }
}

const decided = (
  { configs, holds, record, timeline }: State,
  { at, client, decision, sample }: Of<"decided">
): void => {
  record.decisions += 1
  holds[client]?.add(at, decision.holdUntil)
  if (sample?._tag === "capacity" && sample.retryAfter !== undefined) holds[client]?.add(at, at + sample.retryAfter)
  timeline.limited(at, client, inForce(configs[client], decision))
}

const finished = ({ record }: State, { completedAt, outcome, row }: Of<"finished">): void => {
  record.outcomes.set(outcome, (record.outcomes.get(outcome) ?? 0) + 1)
  record.finishedAt[row] = completedAt
  record.lastFinish = Math.max(record.lastFinish, completedAt)
}

/** What was in flight has no end of its own. */
const crashed = ({ running, timeline }: State, { at, client }: Trace.Event): void => {
  for (let left = running[client] ?? 0; left > 0; left--) timeline.ended(at)
  running[client] = 0
  timeline.limited(at, client, undefined)
}

/**
 * Makes a recorder for so many rows of so many clients.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (rows: number, clients: number): Recorder => {
  const state = stateOf(rows, clients)
  const { configs, record, timeline } = state
  return {
    observe: (event) => {
      const { at, client } = event
      switch (event._tag) {
        case "submitted":
          return submitted(state, event)
        case "started":
          return started(state, event)
        case "ended":
          return ended(state, event)
        case "decided":
          return decided(state, event)
        case "finished":
          return finished(state, event)
        case "joined":
          configs[client] = event.config
          return
        case "resized":
          configs[client] = { ...(configs[client] ?? PoolConfig.defaults), poolSize: event.poolSize }
          return
        case "crashed":
          return crashed(state, event)
        case "left":
          return timeline.limited(at, client, undefined)
        case "opened":
        case "released":
        case "withdrawn":
        case "paused":
        case "resumed":
        case "shutdown":
        case "shut":
          return
      }
    },
    record: () => ({ ...record, timeline: timeline.snapshot() })
  }
}
