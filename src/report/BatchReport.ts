/**
 * A page about a run: how fast it went and why not faster, what failed, and what the law found.
 *
 * There are two functions. {@link record} watches a pool until its scope closes, in bounded memory. Give its `onEntry`
 * to the batches, and read its `recording` at any time. {@link html} makes one file from a recording. The file needs
 * nothing else: no network, no fonts, no build.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { BufferEntry } from "../order/ReorderBuffer.js"
import type { PooledExecutor } from "../PooledExecutor.js"
import * as Page from "./Page.js"
import * as Recording from "./Recording.js"

export {
  /**
   * The title of a page, and facts below it.
   *
   * @since 0.2.0
   * @category models
   */
  type Options
} from "./Page.js"

export {
  /**
   * The record of a run: plain data, with a bounded size for any length of the run.
   *
   * @since 0.2.0
   * @category models
   */
  type Recording
} from "./Recording.js"

/**
 * A recorder of a pool and of the batches that run through it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Recorder {
  /** Takes an entry; fits the option `onEntry` of a batch. Several batches may share a recorder. */
  readonly onEntry: (entry: BufferEntry<unknown, unknown>) => Effect.Effect<void>
  /** What was recorded so far. */
  readonly recording: Effect.Effect<Recording.Recording>
}

const sampleOf = ({ progress, stats }: PooledExecutor): Effect.Effect<Recording.Sample> =>
  Effect.gen(function* () {
    const now = Option.getOrThrow(yield* Stream.runHead(progress))
    const pool = yield* stats
    return {
      at: now.at,
      attempts: pool.attempts,
      successes: pool.successes,
      failures: pool.failures,
      rejections: pool.capacityRetries,
      inFlight: pool.inFlight,
      poolSize: pool.config.poolSize,
      window: pool.window,
      spacing: Duration.toMillis(pool.spacing),
      delay: Duration.toMillis(pool.currentDelay),
      holdUntil: pool.holdUntil,
      starts: pool.starts && { limit: pool.starts.limit, period: Duration.toMillis(pool.starts.period) },
      chance: pool.chance,
      saturatedSince: pool.saturatedSince,
      reason: pool.reason,
      // A pool does not know who reads its entries.
      waitsFor: now.waitsFor === "reader" ? "rows" : now.waitsFor
    }
  })

/**
 * Records a pool until the scope closes: at most 480 samples for any length of time, and the decisions of its law. Rows
 * are recorded when `onEntry` gets them.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PooledExecutor } from "effect-aimd"
 * import { BatchReport } from "effect-aimd/report"
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* PooledExecutor.make({ poolSize: 4 })
 *   const recorder = yield* BatchReport.record(pool)
 *   yield* pool.executeBatch([1, 2, 3], (n) => Effect.succeed(n * 2), { onEntry: recorder.onEntry })
 *   return BatchReport.html(yield* recorder.recording, { title: "Three numbers" })
 * }).pipe(Effect.scoped)
 *
 * assert.match(await Effect.runPromise(program), /^<!doctype html>.*<h1>Three numbers<\/h1>/s)
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const record = (pool: PooledExecutor): Effect.Effect<Recorder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const take = sampleOf(pool)
    const recording = Recording.make((yield* pool.stats).config.name, yield* take)
    yield* Effect.forkScoped(Stream.runForEach(pool.changes, (change) => Effect.sync(() => recording.change(change))))
    const sample = Effect.map(take, recording.sample)
    yield* Effect.suspend(() => Effect.delay(sample, recording.width)).pipe(Effect.forever, Effect.forkScoped)
    return {
      onEntry: (entry) => Effect.sync(() => recording.entry(entry)),
      recording: Effect.map(sample, recording.snapshot)
    }
  })

/**
 * Makes the page of a recording: one HTML file that loads nothing. It follows the reader's choice of light or dark
 * colours, and has a switch. Texts of rows and errors are escaped, and cut if they are long.
 *
 * @since 0.2.0
 * @category pictures
 */
export const html: (recording: Recording.Recording, options?: Page.Options) => string = Page.html
