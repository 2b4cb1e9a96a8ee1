/** The demo as a function: rows from disk, through a pool, to an embeddings server, into files and a summary. */
import { Clock, Effect, Fiber, Option, type Redacted } from "effect"
import * as Batch from "./batch.js"
import * as Client from "./client.js"
import * as Corpus from "./corpus.js"
import * as Neighbours from "./neighbours.js"
import * as Progress from "./progress.js"
import * as Report from "./report.js"
import * as Server from "./server.js"
import * as Summary from "./summary.js"

export interface Options {
  /** Base URL of an OpenAI-compatible server; without it, one is started on loopback. */
  readonly url: Option.Option<string>
  readonly key: Option.Option<Redacted.Redacted>
  readonly model: Option.Option<string>
  readonly poolSize: number
  /** Most rows; without it, all. */
  readonly limit: Option.Option<number>
  readonly out: string
}

/** Where a run is seen: progress while it goes on, the summary at its end. */
export interface Output {
  readonly screen: Progress.Screen
  readonly summary: (summary: Summary.Summary) => Effect.Effect<void>
}

/** What the local server allows: a pool of the default size is soon over it, and the corpus takes half a minute. */
const limit = { burst: 40, perSecond: 120 }

const target = (options: Options) =>
  Option.match(options.url, {
    onNone: () =>
      Effect.map(Server.start(limit), (url) => ({
        url,
        key: Option.none(),
        model: Option.getOrElse(options.model, () => "hashed-bag-of-words")
      })),
    onSome: (url) =>
      Effect.succeed({ url, key: options.key, model: Option.getOrElse(options.model, () => "text-embedding-3-small") })
  })

const ask = (pool: Batch.Pool, client: Client.Client, results: ReadonlyArray<Report.Result>) =>
  Effect.forEach(
    Neighbours.questions,
    (question) =>
      Effect.map(pool.execute(client.embed(question)), (vector) =>
        Summary.answer(question, Neighbours.nearest(vector, results, 3))
      ),
    { concurrency: "unbounded" }
  )

/**
 * Runs the demo. Fails before the first row where that is sure to fail as well: the folder cannot be written, the server
 * cannot be reached or refuses. Once rows have started, every way to end writes both files and shows a summary, Ctrl-C
 * included.
 */
export const run = (options: Options, { screen, summary: show }: Output) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const files = yield* restore(Report.prepare(options.out))
      const corpus = yield* restore(Corpus.read)
      const rows = corpus.slice(
        0,
        Option.getOrElse(options.limit, () => corpus.length)
      )
      const server = yield* target(options)
      const client = yield* Client.make(server)
      const pool = yield* Batch.makePool({
        poolSize: options.poolSize,
        attemptTimeout: "30 seconds",
        name: "embeddings"
      })

      const counts = Effect.map(pool.stats, (stats) => ({
        ...stats,
        delay: stats.currentDelay,
        // The probe is a row of the pool, but none of the corpus.
        done: Math.max(0, stats.successes + stats.failures - 1),
        total: rows.length
      }))
      yield* Progress.print(screen, `${rows.length} doc comments, ${options.poolSize} at a time, to ${server.url}`)
      const progress = yield* Effect.fork(Effect.interruptible(Progress.show(screen, counts)))
      // One request tells what thousands of failures would: wrong key, wrong address, no such server.
      yield* restore(pool.execute(client.embed("probe"))).pipe(Effect.onError(() => Fiber.interrupt(progress)))

      const startedAt = yield* Clock.currentTimeMillis
      const { entries, stats, stopped } = yield* Batch.run(pool, client, rows, restore, (reason) =>
        Effect.zipRight(Fiber.interrupt(progress), Progress.print(screen, `stopping: ${reason}`))
      )
      const millis = (yield* Clock.currentTimeMillis) - startedAt
      yield* Fiber.interrupt(progress)

      const results = Report.results(rows, entries)
      yield* Report.write(files, results, entries)
      const answers =
        stopped === undefined
          ? yield* restore(ask(pool, client, results)).pipe(
              Effect.catchAllCause(() => Effect.as(Progress.print(screen, "the questions got no answer"), []))
            )
          : []
      const { poolSize } = options
      const { model, url } = server
      const summary = Summary.make({ url, model, poolSize, entries, stats, stopped, millis, files, answers })
      yield* show(summary)
      return summary
    })
  ).pipe(Effect.scoped, Effect.provide(Progress.logger(screen)))
