/**
 * What a run was like, in bounded memory: a fold over entries, samples of the pool and decisions of its law. Pure.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Bins from "./Bins.js"
import type { BufferEntry } from "../order/ReorderBuffer.js"
import type * as PooledExecutor from "../PooledExecutor.js"
import type * as PoolStats from "../PoolStats.js"
import * as Remembered from "./Remembered.js"
import * as Spread from "./Spread.js"

/**
 * A bin of the timeline. Counts are of the bin, and may be fractions; `window`, `pace` and `reason` are those it ended with.
 *
 * @since 0.2.0
 * @category models
 */
export interface Bin {
  readonly starts: number
  readonly successes: number
  readonly failures: number
  readonly rejections: number
  /** The most that a sample saw. */
  readonly inFlight: number
  readonly window: number
  /** Starts a second that were allowed; undefined where nothing limited them. */
  readonly pace: number | undefined
  /** Milliseconds in which nothing might start. */
  readonly held: number
  readonly reason: string
}

/**
 * What kept the pool from starting more; see `waitsFor` of a progress.
 *
 * @since 0.2.0
 * @category models
 */
export type Cause = Exclude<PooledExecutor.WaitsFor, "reader">

/**
 * A recording: plain data. Instants are epoch milliseconds, spans milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Recording {
  readonly name: string
  readonly poolSize: number
  readonly from: number
  readonly until: number
  readonly rows: {
    readonly succeeded: number
    readonly failed: number
    /** Of these, the rows that had started before the recording began: a journal gave them back. */
    readonly recalled: number
  }
  /** Attempts of the pool meanwhile, and how many of them the API rejected. */
  readonly attempts: number
  readonly rejections: number
  readonly timeline: Bins.Bins<Bin>
  /** Where the law stood at the end. */
  readonly end: PoolStats.Change
  /** For how long each cause kept the pool from starting more. */
  readonly waitedFor: { readonly [cause in Cause]: number }
  readonly waits: {
    /** Before the first start. */
    readonly start: Spread.Spread
    /** After rejections. */
    readonly retry: Spread.Spread
    /** In attempts. */
    readonly work: Spread.Spread
    /** Done, until all earlier rows were. */
    readonly order: Spread.Spread
  }
  readonly slowest: ReadonlyArray<Remembered.SlowRow>
  readonly failures: ReadonlyArray<Remembered.Failure>
  readonly findings: ReadonlyArray<Remembered.Finding>
}

/**
 * Where a pool stands at an instant; counts since it was made.
 *
 * @since 0.2.0
 * @category models
 */
export interface Sample extends PoolStats.Change {
  readonly attempts: number
  readonly successes: number
  readonly failures: number
  readonly rejections: number
  readonly inFlight: number
  readonly poolSize: number
  readonly waitsFor: Cause
}

type Open = { -readonly [K in keyof Bin]: Bin[K] }

const counts = ["starts", "successes", "failures", "rejections", "held"] as const

const merge = (a: Open, b: Open): Open => ({
  ...b,
  starts: a.starts + b.starts,
  successes: a.successes + b.successes,
  failures: a.failures + b.failures,
  rejections: a.rejections + b.rejections,
  held: a.held + b.held,
  inFlight: Math.max(a.inFlight, b.inFlight)
})

/**
 * A timeline of at most so many bins.
 *
 * @since 0.2.0
 * @category combinators
 */
export const coarser = (timeline: Bins.Bins<Bin>, most: number): Bins.Bins<Bin> =>
  Bins.coarser<Bin>(timeline, most, merge)

/** The timeline: what was counted between two samples is spread evenly over the time between them. */
const makeTimeline = (first: Sample) => {
  let last = first
  const bins = Bins.make<Open>({
    width: 50,
    most: 480,
    merge,
    fresh: () => ({
      ...{ starts: 0, successes: 0, failures: 0, rejections: 0, held: 0 },
      inFlight: last.inFlight,
      window: last.window,
      pace: Remembered.paceOf(last.spacing, last.starts),
      reason: last.reason
    })
  })
  bins.at(first.at)

  /** Each bin between two instants, with the share of the time between them that is in it. */
  const spread = (from: number, until: number, each: (bin: Open, share: number) => void): void => {
    const origin = bins.from ?? from
    for (let at = from; at < until;) {
      const bin = bins.at(at)
      const end = Math.min(until, origin + (Math.floor((at - origin) / bins.width) + 1) * bins.width)
      each(bin, (end - at) / (until - from))
      at = end
    }
  }

  return {
    sample: (sample: Sample): void => {
      const { at, inFlight, reason, spacing, starts, window } = sample
      const told = {
        starts: sample.attempts - last.attempts,
        successes: sample.successes - last.successes,
        failures: sample.failures - last.failures,
        rejections: sample.rejections - last.rejections,
        held: 0
      }
      const add = (bin: Open, share: number): void => {
        for (const count of counts) bin[count] += told[count] * share
        bin.inFlight = Math.max(bin.inFlight, inFlight)
        Object.assign(bin, { window, reason, pace: Remembered.paceOf(spacing, starts) })
      }
      if (at > last.at) spread(last.at, at, add)
      else add(bins.at(last.at), 1)
      last = { ...sample, at: Math.max(at, last.at) }
    },
    held: (from: number, until: number): void =>
      spread(from, until, (bin, share) => void (bin.held += (until - from) * share)),
    get width() {
      return bins.width
    },
    snapshot: (): Bins.Bins<Bin> => ({ ...bins.snapshot((bin) => ({ ...bin })), until: last.at })
  }
}

/** How long the pool was held, counted as far as it is known. */
const makeHolds = (first: Sample, held: (from: number, until: number) => void) => {
  let { at: counted, holdUntil } = first
  return (at: number, next: number): void => {
    const until = Math.min(at, holdUntil)
    if (until > counted) held(counted, until)
    counted = Math.max(counted, at)
    holdUntil = next
  }
}

const makeWaits = () => {
  const waits = { start: Spread.make(), retry: Spread.make(), work: Spread.make(), order: Spread.make() }
  return {
    add: (entry: BufferEntry<unknown, unknown>): void => {
      const retry = Duration.toMillis(entry.throttleWait)
      waits.start.add(Math.max(0, entry.startedAt - entry.submittedAt))
      waits.retry.add(retry)
      waits.work.add(Math.max(0, entry.completedAt - entry.startedAt - retry))
      waits.order.add(Duration.toMillis(entry.bufferWait))
    },
    snapshot: (): Recording["waits"] => ({
      start: waits.start.snapshot(),
      retry: waits.retry.snapshot(),
      work: waits.work.snapshot(),
      order: waits.order.snapshot()
    })
  }
}

/**
 * Begins a recording of a pool of this name, with a first sample.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (name: string, first: Sample) => {
  let last = first
  const rows = { succeeded: 0, failed: 0, recalled: 0 }
  const waitedFor = { pause: 0, hold: 0, window: 0, pace: 0, limit: 0, rows: 0 }
  const timeline = makeTimeline(first)
  const hold = makeHolds(first, timeline.held)
  const waits = makeWaits()
  const slowest = Remembered.slowest()
  const failures = Remembered.failures()
  const findings = Remembered.findings()

  return {
    entry: (entry: BufferEntry<unknown, unknown>): void => {
      if (Exit.isSuccess(entry.exit)) rows.succeeded += 1
      else rows.failed += 1
      failures.add(entry)
      if (entry.startedAt < first.at) {
        rows.recalled += 1
        return
      }
      waits.add(entry)
      slowest.add(entry)
    },
    change: (change: PoolStats.Change): void => {
      hold(change.at, change.holdUntil)
      findings.add(change)
    },
    sample: (sample: Sample): void => {
      hold(sample.at, sample.holdUntil)
      waitedFor[sample.waitsFor] += Math.max(0, sample.at - last.at)
      timeline.sample(sample)
      last = sample
    },
    /** How long a bin of the timeline is, in milliseconds: there is no use in more samples than one a bin. */
    get width() {
      return timeline.width
    },
    snapshot: (): Recording => {
      const { at, chance, delay, holdUntil, reason, saturatedSince, spacing, starts, window } = last
      return {
        name,
        poolSize: last.poolSize,
        from: first.at,
        until: Math.max(first.at, at),
        rows: { ...rows },
        attempts: last.attempts - first.attempts,
        rejections: last.rejections - first.rejections,
        timeline: timeline.snapshot(),
        end: { at, chance, delay, holdUntil, reason, saturatedSince, spacing, starts, window },
        waitedFor: { ...waitedFor },
        waits: waits.snapshot(),
        slowest: slowest.snapshot(),
        failures: failures.snapshot(),
        findings: findings.snapshot()
      }
    }
  }
}
