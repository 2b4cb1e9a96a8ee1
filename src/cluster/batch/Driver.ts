/**
 * Runs a batch: cuts its rows into chunks, and hands them out until all are done. Whatever it knows is in the tables, so
 * that it begins anywhere, at any time, where another one was stopped.
 *
 * @since 0.2.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type * as PooledExecutor from "../../PooledExecutor.js"
import type { BatchTables, Cut, Found, State } from "./BatchTables.js"
import * as ChunkSize from "./ChunkSize.js"
import type { ChunkEnd } from "./Message.js"
import * as Source from "./Source.js"
import type { Watch, Watched } from "./Watch.js"

/**
 * What a driver works with.
 *
 * @since 0.2.0
 * @category models
 */
export interface Plan<Row, I, E, R> {
  readonly pool: PooledExecutor.PooledExecutor
  readonly tables: BatchTables
  readonly watch: Watch
  readonly interval: Duration.Duration
  readonly row: Schema.Schema<Row, I>
  readonly source: Source.Source<Row, E, R>
  readonly sizes: ChunkSize.Options
  /** Has a runner do the chunk, and waits for it. */
  readonly hand: (chunk: number) => Effect.Effect<ChunkEnd>
}

/** Somebody else has cut the next chunk: what is known of the batch is old. */
class Overtaken extends Data.TaggedError("Overtaken") {}

/** Why no more is cut, if so. */
interface Fault {
  text: string | undefined
}

interface Handed {
  readonly chunk: number
  readonly size: number
}

/**
 * Runs the batch of this id, whose name in the tables is `batch`, until it is done, cancelled or failed.
 *
 * @since 0.2.0
 * @category constructors
 */
export const run = <Row, I, E, R>(plan: Plan<Row, I, E, R>, id: string, batch: string): Effect.Effect<void, never, R> =>
  once(plan, id, batch).pipe(
    Effect.scoped,
    Effect.catchTags({
      SqlError: (error) => Effect.as(Effect.logWarning(`batch ${batch} waits for its tables: ${error.message}`), false),
      Overtaken: () => Effect.succeed(false)
    }),
    Effect.flatMap((isOver) =>
      isOver
        ? Effect.void
        : Effect.delay(
            Effect.suspend(() => run(plan, id, batch)),
            plan.interval
          )
    )
  )

/** Says whether it is over. */
const once = <Row, I, E, R>(
  plan: Plan<Row, I, E, R>,
  id: string,
  batch: string
): Effect.Effect<boolean, SqlError | Overtaken, R | Scope.Scope> =>
  Effect.gen(function* () {
    const { sizes, tables } = plan
    const current = yield* tables.state(batch)
    const watched = yield* plan.watch(batch)
    // What is watched may be a while old.
    if (!alive.some((state) => state === current?.state)) return true
    const size = ChunkSize.make(sizes)
    const fault: Fault = { text: undefined }
    const last = yield* tables.last(batch)
    const undone = yield* tables.undone(batch)
    const fresh = last?.size === 0 ? Stream.empty : cutting(plan, { id, batch, last, watched, size, fault })
    yield* Stream.concat(Stream.fromIterable(undone), fresh).pipe(
      Stream.mapEffect((handed) => handOut(plan, handed, size, fault), {
        concurrency: sizes.atOnce,
        unordered: true
      }),
      Stream.runDrain
    )
    return yield* end(tables, batch, fault)
  })

const alive: ReadonlyArray<State> = ["running", "paused", "cancelling"]

const handOut = <Row, I, E, R>(
  { hand }: Plan<Row, I, E, R>,
  { chunk, size }: Handed,
  sizes: ChunkSize.ChunkSize,
  fault: Fault
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const ended = yield* hand(chunk)
    switch (ended._tag) {
      case "Done":
        return sizes.ended({ rows: ended.millis > 0 ? size : 0, millis: ended.millis })
      case "Stopped":
        return
      case "Failed":
        fault.text ??= ended.detail
        return
    }
  })

/** Says whether the batch is over. It is not where somebody has paused it, or let it go on, in the last moment. */
const end = (tables: BatchTables, batch: string, fault: Fault): Effect.Effect<boolean, SqlError> =>
  Effect.gen(function* () {
    if ((yield* tables.state(batch))?.state === "cancelling") return yield* tables.move(batch, alive, "cancelled")
    const running = ["running", "paused"] as const
    if (fault.text !== undefined) return yield* tables.move(batch, running, "failed", fault.text)
    const isWhole = (yield* tables.last(batch))?.size === 0 && (yield* tables.undone(batch)).length === 0
    return isWhole && (yield* tables.move(batch, running, "done"))
  })

interface Cutting {
  readonly id: string
  readonly batch: string
  readonly last: Found | undefined
  readonly watched: Watched
  readonly size: ChunkSize.ChunkSize
  readonly fault: Fault
}

/** Reads rows and writes them down as chunks, as they are asked for; then the end of the rows. */
const cutting = <Row, I, E, R>(
  plan: Plan<Row, I, E, R>,
  { batch, fault, id, last, size, watched }: Cutting
): Stream.Stream<Handed, SqlError | Overtaken, R> => {
  const { pool, sizes, tables } = plan
  const from = last === undefined ? { chunk: 0, first: 0 } : { chunk: last.chunk + 1, first: last.first + last.size }
  const write = (cut: Cut) =>
    Effect.flatMap(tables.cut(batch, cut), (isFirst) => (isFirst ? Effect.succeed(cut) : new Overtaken()))
  const mayCut = Effect.map(watched.unpaused, (state) => state === "running" && fault.text === undefined)
  let next = from
  let broken: string | undefined

  const lines = Source.read(plan.source, plan.row, id, last).pipe(
    Stream.catchAllCause((cause) =>
      Stream.execute(
        Effect.sync(() => {
          broken = `its rows cannot be read: ${Cause.pretty(cause)}`
        })
      )
    )
  )
  const sink = Sink.unwrap(
    Effect.map(pool.stats, (stats) => Sink.collectAllN<Source.Line>(size.next(ChunkSize.allowed(stats))))
  )
  const cuts = lines.pipe(
    Stream.aggregateWithin(sink, Schedule.spaced(sizes.lasts)),
    Stream.filter(Chunk.isNonEmpty),
    Stream.mapEffect((group) => Effect.map(mayCut, (may) => (may ? Option.some(group) : Option.none()))),
    Stream.takeWhile(Option.isSome),
    Stream.mapEffect(({ value: group }) => {
      const cut = cutOf(group, next.chunk, next.first)
      next = { chunk: cut.chunk + 1, first: cut.first + cut.size }
      return write(cut)
    })
  )
  // What was read before the source failed is done first.
  const over = Effect.suspend(() => {
    if (broken === undefined) return write({ ...next, size: 0, digest: "", last: null, content: null })
    fault.text ??= broken
    return Effect.void
  })
  return Stream.concat(cuts, Stream.execute(Effect.flatMap(mayCut, (may) => (may ? over : Effect.void))))
}

const cutOf = (group: Chunk.NonEmptyChunk<Source.Line>, chunk: number, first: number): Cut => {
  const { digest, row } = Chunk.lastNonEmpty(group)
  const rows = Array.from(group, (line) => line.row)
  return { chunk, first, size: rows.length, digest, last: row, content: `[${rows.join(",")}]` }
}
