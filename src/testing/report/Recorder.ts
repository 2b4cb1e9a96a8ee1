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

/**
 * Makes a recorder for so many rows of so many clients.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (rows: number, clients: number): Recorder => {
  const numbers = (): Float64Array => new Float64Array(rows)
  const waitingSince = numbers()
  const rejected = new Uint8Array(rows)
  const record = {
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
  const holds = Array.from({ length: clients }, makeHolds)
  const timeline = Timeline.make(clients)
  /** Attempts in flight of each client. */
  const running = new Array<number>(clients).fill(0)
  const configs: Array<PoolConfig.PoolConfig | undefined> = Array.from({ length: clients })

  /** The pool keeps to its own limits whatever the law decides. */
  const inForce = (client: number, { delay, spacing, window }: ControlLaw.Decision) => {
    const { maxRetryAfter, minDispatchDelay, poolSize } = configs[client] ?? PoolConfig.defaults
    return {
      window: Math.min(poolSize, Math.max(1, window)),
      delay,
      spacing: Math.max(Duration.toMillis(minDispatchDelay), Math.min(spacing, Duration.toMillis(maxRetryAfter)))
    }
  }

  const started = (event: Extract<Trace.Event, { readonly _tag: "started" }>): void => {
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

  const ended = (event: Extract<Trace.Event, { readonly _tag: "ended" }>): void => {
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

  return {
    observe: (event) => {
      const { at, client } = event
      switch (event._tag) {
        case "submitted":
          record.firstSubmission = Math.min(record.firstSubmission, at)
          record.submittedAt.fill(at, event.row, event.row + event.count)
          record.clientOf.fill(client, event.row, event.row + event.count)
          return void waitingSince.fill(at, event.row, event.row + event.count)
        case "started":
          return started(event)
        case "ended":
          return ended(event)
        case "decided": {
          record.decisions += 1
          holds[client]?.add(at, event.decision.holdUntil)
          const { sample } = event
          if (sample?._tag === "capacity" && sample.retryAfter !== undefined) {
            holds[client]?.add(at, at + sample.retryAfter)
          }
          return timeline.limited(at, client, inForce(client, event.decision))
        }
        case "finished":
          record.outcomes.set(event.outcome, (record.outcomes.get(event.outcome) ?? 0) + 1)
          record.finishedAt[event.row] = event.completedAt
          record.lastFinish = Math.max(record.lastFinish, event.completedAt)
          return
        case "joined":
          configs[client] = event.config
          return
        case "resized":
          configs[client] = { ...(configs[client] ?? PoolConfig.defaults), poolSize: event.poolSize }
          return
        case "crashed":
          // What was in flight has no end of its own.
          for (let left = running[client] ?? 0; left > 0; left--) timeline.ended(at)
          running[client] = 0
          return timeline.limited(at, client, undefined)
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
