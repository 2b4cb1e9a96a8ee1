/**
 * A batch with an id that outlives every process that works on it. Its rows are cut into chunks, and the processes of a
 * cluster (its runners) do the chunks through their pool. If one dies, the others go on.
 *
 * @since 0.2.0
 */
import type { Sharding } from "@effect/cluster/Sharding"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { CapacityError } from "../../Capacity.js"
import * as RecordCodec from "../../journal/Record.js"
import * as SqlJournal from "../../journal/sql/SqlJournal.js"
import * as PoolConfig from "../../PoolConfig.js"
import * as PooledExecutor from "../../PooledExecutor.js"
import * as Argument from "../../structure/Argument.js"
import * as BatchTables from "./BatchTables.js"
import { ClusterBatchError } from "./ClusterBatchError.js"
import * as Driver from "./Driver.js"
import * as Message from "./Message.js"
import * as Reader from "./Reader.js"
import type * as Source from "./Source.js"
import * as Watch from "./Watch.js"
import * as Worker from "./Worker.js"

export {
  /**
   * A batch of a cluster that cannot go on, or cannot be read.
   *
   * @since 0.2.0
   * @category errors
   */
  ClusterBatchError,
  /**
   * What can be wrong with a batch.
   *
   * @since 0.2.0
   * @category models
   */
  type Reason
} from "./ClusterBatchError.js"

export {
  /**
   * The progress of a batch.
   *
   * @since 0.2.0
   * @category models
   */
  type Progress,
  /**
   * The result of a row, with its audit record.
   *
   * @since 0.2.0
   * @category models
   */
  type Result
} from "./Reader.js"

export {
  /**
   * The state of a batch.
   *
   * @since 0.2.0
   * @category models
   */
  type State
} from "./BatchTables.js"

export {
  /**
   * Rows by pages.
   *
   * @since 0.2.0
   * @category models
   */
  type Pages,
  /**
   * The rows of the batch of an id.
   *
   * @since 0.2.0
   * @category models
   */
  type Source
} from "./Source.js"

export {
  /**
   * Options for the rows.
   *
   * @since 0.2.0
   * @category models
   */
  type RowOptions
} from "./Worker.js"

/**
 * What all batches of a name have in common, in every process that uses them. The schemas must be synchronous and
 * encode to JSON.
 *
 * @since 0.2.0
 * @category models
 */
export interface Shape<in out Row, in out I, in out A, in out AI, in out E, in out EI> {
  readonly row: Schema.Schema<Row, I>
  /** The schema of the rows' results. */
  readonly success: Schema.Schema<A, AI>
  /** The schema of the rows' own errors; leave it out if they have none. */
  readonly failure?: Schema.Schema<E, EI> | undefined
  /**
   * The name of the table of batches. The names of the tables of chunks and of journals begin with it. Default
   * `"effect_aimd_batch"`.
   */
  readonly table?: string | undefined
  /** How often a process that works or waits looks at the tables; default 1 second. */
  readonly interval?: Duration.DurationInput | undefined
}

/**
 * What a runner does for the batches of a name.
 *
 * @since 0.2.0
 * @category models
 */
export interface LayerOptions<Row, A, E, SE, SR, R> extends Worker.RowOptions<Row, E> {
  /** The rows of the batch of an id: a stream that gives the same rows each time, or {@link pages}. */
  readonly rows: Source.Source<Row, SE, SR>
  /** Does a row. It may run again if its runner died: give the API the row's name as idempotency key. */
  readonly process: (row: Row, context: PooledExecutor.RowContext) => Effect.Effect<A, E | CapacityError, R>
  /** How the rows are cut. */
  readonly chunks?: ChunkOptions | undefined
}

/**
 * How rows are cut into chunks.
 *
 * @since 0.2.0
 * @category models
 */
export interface ChunkOptions {
  /**
   * About how long a chunk takes at the pool's rate; default 10 seconds. A slow source is also cut into a chunk after
   * this time.
   */
  readonly lasts?: Duration.DurationInput | undefined
  /** The least rows of a chunk, except for the last chunk and those of a slow source; default 10. */
  readonly atLeast?: number | undefined
  /** The most rows of a chunk; default 1,000. */
  readonly atMost?: number | undefined
  /** How many chunks of one batch are handed out at once, in the whole cluster; default 16. */
  readonly atOnce?: number | undefined
  /**
   * How many of them one process does at once; default 2. With more, results come later, and journals are written more
   * often.
   */
  readonly perProcess?: number | undefined
}

/**
 * One batch, from any process that reaches its tables.
 *
 * @since 0.2.0
 * @category models
 */
export interface Handle<out A, out E> {
  readonly id: string
  /**
   * The results in the order of the rows, from the row `from` on, default 0. They come chunk by chunk, as soon as a
   * chunk and all chunks before it are done, and the stream ends with the batch. If the batch has failed, the stream
   * fails. If the batch was cancelled, the stream has the finished rows.
   */
  readonly results: (options?: {
    readonly from?: number | undefined
  }) => Stream.Stream<Reader.Result<A, E>, ClusterBatchError | SqlError>
  /** Its progress now. */
  readonly status: Effect.Effect<Reader.Progress, ClusterBatchError | SqlError>
  /** The same every `interval`, until the batch is done, cancelled or failed. */
  readonly progress: Stream.Stream<Reader.Progress, ClusterBatchError | SqlError>
  /** Waits until the batch is done or cancelled; fails if it has failed. */
  readonly await: Effect.Effect<Reader.Progress, ClusterBatchError | SqlError>
  /** No row starts any more, within `interval`; attempts in flight go on. Returns whether the batch was running. */
  readonly pause: Effect.Effect<boolean, SqlError>
  /** Ends a pause. Returns whether there was one. */
  readonly resume: Effect.Effect<boolean, SqlError>
  /**
   * Ends the batch: attempts in flight go on, and nothing else starts. Returns whether there was anything to cancel.
   */
  readonly cancel: Effect.Effect<boolean, SqlError>
}

/**
 * The batches of a name.
 *
 * @since 0.2.0
 * @category models
 */
export interface ClusterBatch<in out Row, in out A, in out E> {
  readonly name: string
  /**
   * Lets this process work on all batches of this name, through the `PooledExecutor` of the context, as a runner of the
   * cluster. Every runner needs it. Invalid options die.
   */
  readonly layer: <SE, SR, R>(
    options: LayerOptions<Row, A, E, SE, SR, R>
  ) => Layer.Layer<
    never,
    SqlError,
    PooledExecutor.PooledExecutor | Sharding | SqlClient.SqlClient | Exclude<R | SR, Scope.Scope>
  >
  /** Starts the batch with this id if it does not exist. If it has failed, it goes on. Otherwise it stays as it is. */
  readonly start: (id: string) => Effect.Effect<Handle<A, E>, SqlError, Sharding | SqlClient.SqlClient>
  /** The batch with this id, from any process, even if it is no runner; fails if there is no such batch. */
  readonly attach: (id: string) => Effect.Effect<Handle<A, E>, ClusterBatchError | SqlError, SqlClient.SqlClient>
}

/**
 * Rows from a table, an API, or anything else that gives them by pages. `page` gets the id of the batch and the last
 * row that was read (undefined at the beginning), and returns the rows after it. An empty page ends the rows.
 *
 * @since 0.2.0
 * @category sources
 */
export const pages = <Row, E, R>(
  page: (id: string, after: Row | undefined) => Effect.Effect<ReadonlyArray<Row>, E, R>
): Source.Pages<Row, E, R> => ({ _tag: "Pages", page })

/** A loop over statements that a moment without the database ends too. */
const again = Schedule.spaced("1 second")

/** The cluster's tables have columns of 150 characters for a kind of entity, and of 255 for its id. */
const longest = { name: 100, id: 200 }

const checked = (what: keyof typeof longest, text: unknown): string => {
  if (Predicate.isString(text) && text !== "" && text.length <= longest[what]) return text
  throw Argument.refusal(`${what} of a ClusterBatch`, `a non-empty string of at most ${longest[what]} characters`, text)
}

/**
 * Names the batches of one kind. The name and the schemas must be the same in all processes. Each runner needs the
 * `layer`, and any process may `start` a batch.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Row, I, A, AI, E = never, EI = never>(
  name: string,
  shape: Shape<Row, I, A, AI, E, EI>
): ClusterBatch<Row, A, E> => {
  checked("name", name)
  const { table = "effect_aimd_batch" } = shape
  const interval = PoolConfig.makeDuration("interval", shape.interval ?? "1 second")
  const driver = Message.driverOf(name)
  const codec = RecordCodec.makeCodec(shape.success, shape.failure)
  const batchOf = (id: string) => `${name}/${id}`

  const handleOf = (id: string) =>
    Effect.gen(function* () {
      const tables = yield* BatchTables.make(table)
      return { tables, handle: handle({ tables, codec, interval: yield* interval, batch: batchOf(id) }, id) }
    })

  return {
    name,
    layer: (options) => layer(name, shape, options),
    start: (id) =>
      Effect.gen(function* () {
        const { handle, tables } = yield* handleOf(checked("id", id))
        yield* tables.enter(batchOf(id))
        yield* tables.move(batchOf(id), ["failed"], "running")
        const current = yield* tables.state(batchOf(id))
        if (current !== undefined && !Reader.isOver(current.state)) {
          const run = (yield* driver.client)(id).Run({}, { discard: true })
          yield* Effect.orDie(run)
        }
        return handle
      }),
    attach: (id) =>
      Effect.gen(function* () {
        const { handle } = yield* handleOf(checked("id", id))
        yield* handle.status
        return handle
      })
  }
}

const handle = <A, E>(shelf: Reader.Shelf<A, E>, id: string): Handle<A, E> => {
  const { batch, interval, tables } = shelf
  const status = Reader.status(shelf)
  const wait: Handle<A, E>["await"] = Effect.flatMap(status, (progress) => {
    if (progress.state === "failed") {
      return new ClusterBatchError({ reason: "Failed", batch, detail: progress.failure ?? "it has failed" })
    }
    return Reader.isOver(progress.state) ? Effect.succeed(progress) : Effect.delay(wait, interval)
  })
  return {
    id,
    results: ({ from = 0 } = {}) => Reader.results(shelf, from),
    status,
    progress: Reader.progress(shelf),
    await: wait,
    pause: tables.move(batch, ["running"], "paused"),
    resume: tables.move(batch, ["paused"], "running"),
    // Nobody works on one that has failed.
    cancel: Effect.zipWith(
      tables.move(batch, ["failed"], "cancelled"),
      tables.move(batch, ["running", "paused"], "cancelling"),
      (a, b) => a || b
    )
  }
}

const sizesOf = ({ atLeast = 10, atMost = 1000, atOnce = 16, lasts = "10 seconds", perProcess = 2 }: ChunkOptions) =>
  Effect.gen(function* () {
    for (const [option, value] of Object.entries({ atLeast, atMost, atOnce, perProcess })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        return yield* Effect.die(Argument.refusal(`option chunks.${option}`, "an integer of at least 1", value))
      }
    }
    const millis = Duration.toMillis(yield* PoolConfig.makeDuration("lasts", lasts))
    return { atLeast: Math.min(atLeast, atMost), atMost, atOnce, perProcess, lasts: millis }
  })

/** The driver and the worker of this process. */
const layer = <Row, I, A, AI, E, EI, SE, SR, R>(
  name: string,
  shape: Shape<Row, I, A, AI, E, EI>,
  options: LayerOptions<Row, A, E, SE, SR, R>
) =>
  Effect.gen(function* () {
    const { table = "effect_aimd_batch" } = shape
    const interval = yield* PoolConfig.makeDuration("interval", shape.interval ?? "1 second")
    const sizes = yield* sizesOf(options.chunks ?? {})
    const tables = yield* BatchTables.make(table)
    const watch = yield* Watch.make(tables, interval, sizes.perProcess)
    const pool = yield* PooledExecutor.PooledExecutor
    const common = { pool, tables, watch, interval, row: shape.row }
    const worker = Message.workerOf(name)
    const driver = Message.driverOf(name)
    const clientOf = yield* worker.client
    const batchOf = (id: string) => `${name}/${id}`

    /** The answer may get lost with a runner: what is done is in the tables. */
    const hand = (id: string) => (chunk: number) => {
      const asked = Effect.retry(Effect.sandbox(clientOf(`${id}/${chunk}`).Do({ id, chunk })), again)
      const seen = Effect.map(tables.chunk(batchOf(id), chunk), (found) => found?.isDone === true)
      const done = Effect.repeat(
        Effect.delay(
          Effect.orElseSucceed(seen, () => false),
          interval
        ),
        {
          until: (isDone) => isDone
        }
      )
      return Effect.orDie(Effect.raceFirst(asked, Effect.as(done, { _tag: "Done", millis: 0 } as const)))
    }

    const work = {
      ...common,
      success: shape.success,
      failure: shape.failure,
      process: options.process,
      options
    }
    const journals = yield* Layer.build(
      SqlJournal.layer({ table: BatchTables.journalTable(table), heartbeat: interval })
    )
    return Layer.merge(
      worker.toLayer(
        { Do: ({ payload: { chunk, id } }) => Effect.provide(Worker.run(work, batchOf(id), chunk), journals) },
        { maxIdleTime: "10 seconds" }
      ),
      driver.toLayer(
        {
          Run: ({ address: { entityId } }) =>
            Driver.run({ ...common, source: options.rows, sizes, hand: hand(entityId) }, entityId, batchOf(entityId))
        },
        { maxIdleTime: "10 seconds" }
      )
    )
  }).pipe(Layer.unwrapScoped)
