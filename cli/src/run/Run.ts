/** A run: rows out of the input, through the pool, into journal and results, until they end or something stops it. */
import type { FileSystem, HttpClient } from "@effect/platform"
import { Clock, type Duration, Effect, Exit, Fiber, Layer, Option, Stream } from "effect"
import { PooledExecutor, Usage } from "effect-aimd"
import { Journal } from "effect-aimd/journal"
import { statusOf } from "../ExitCode.js"
import { InputError } from "../Failure.js"
import * as Input from "../input/Input.js"
import * as Row from "../input/Row.js"
import { Answer, RowFailure } from "../output/Outcome.js"
import type * as OutputLine from "../output/OutputLine.js"
import * as Results from "../output/Results.js"
import * as Screen from "../output/Screen.js"
import * as Summary from "../output/Summary.js"
import * as Attempt from "./Attempt.js"
import * as Call from "./Call.js"
import * as Entries from "./Entries.js"
import * as Health from "./Health.js"
import * as RunJournal from "./Journal.js"
import * as Money from "./Money.js"
import * as Retry from "./Retry.js"
import * as Shown from "./Shown.js"
import * as Signals from "./Signals.js"
import * as Stopper from "./Stopper.js"

export interface Options extends Stopper.Options {
  readonly input: Input.Input
  readonly out: string
  readonly isFresh: boolean
  readonly retry: Retry.Retry
  readonly call: Call.Options
  readonly timeout: Option.Option<Duration.Duration>
  readonly prices: Option.Option<Money.Prices>
  readonly maxCost: number
  /** 0 for never. */
  readonly giveUpAfter: number
  /** A file for a page about the run. */
  readonly report: Option.Option<string>
}

const nameOf = ({ path }: Input.Input): string => (path === "-" ? "stdin" : path)

/** What all rows have used, those of earlier runs as well. */
const usageOf = ({ recalledUsage, usage }: PooledExecutor.Snapshot): Usage.Usage => Usage.sum(usage, recalledUsage)

/** Prepares the files: the total of the rows, the results, and what was paid before. */
const prepare = (options: Options) =>
  Effect.gen(function* () {
    const { input, isFresh, out, prices } = options
    const isFile = yield* Input.isFile(input)
    const total = isFile ? yield* Input.check(input) : undefined
    yield* isFresh ? RunJournal.putAside(out) : RunJournal.checkResults(out)
    const paid = Option.isSome(prices) ? yield* RunJournal.paid(out) : RunJournal.nothing
    const max = Option.isSome(prices) ? options.maxCost : Infinity
    const ledger = Money.make(
      Option.getOrElse(prices, () => ({ input: 0, output: 0 })),
      max,
      paid
    )
    return { total, ledger, results: yield* Results.open(out) }
  })

/** Runs the rows to their end; what is done with their entries is counted in `tally`. */
const runRows = (
  options: Options,
  prepared: Effect.Effect.Success<ReturnType<typeof prepare>>,
  tally: Summary.Tally,
  screen: Screen.Screen
) =>
  Effect.gen(function* () {
    const { input, out, poolSize, prices } = options
    const { ledger, results, total } = prepared
    const { pool, stopper } = yield* Stopper.make(options, screen, ledger.close)
    const report = yield* Shown.report(options.report, out, pool)
    const handle = yield* PooledExecutor.handle
    const common: Attempt.Common = {
      ledger,
      health: Health.make(options.giveUpAfter),
      begun: new Set(),
      own: { ended: 0 },
      stopper
    }
    const onTimeout = stopper.stop({ reason: "timeout", why: "--timeout is over" })
    if (Option.isSome(options.timeout)) yield* Effect.forkScoped(Effect.delay(onTimeout, options.timeout.value))
    yield* Signals.watch(screen, (reason) => stopper.stop({ reason, why: reason }))
    const send = yield* Call.make(options.call, ({ message }) => stopper.stop({ reason: "dead", why: message }))

    const rows = total === undefined ? "rows" : `${total.toLocaleString("en-US")} rows`
    yield* Screen.print(screen, `${rows} of ${nameOf(input)}, at most ${poolSize} at once, results in ${out}`)
    const max = Option.isSome(prices) ? options.maxCost : undefined
    const shown = Shown.progress(screen, pool, handle, common, { total, max })
    const progress = yield* Effect.forkScoped(Effect.interruptible(shown))

    const entries: Stream.Stream<OutputLine.Entry, Entries.EntriesError, Journal.Journal> = pool.stream(
      Input.rows(input, total === undefined),
      Attempt.make(send, common),
      {
        stateId: (row) => row.id,
        handle,
        onEntry: report.onEntry,
        journal: Journal.batch({
          id: RunJournal.batchId,
          success: Answer,
          failure: RowFailure,
          rowFingerprint: Row.fingerprint,
          retry: Retry.isDoneAgain(options.retry)
        })
      }
    )
    const exit = yield* Effect.exit(Stream.runForEachChunk(entries, Entries.taker(results, tally, common)))
    const end = yield* Effect.exit(Entries.endOf(exit))
    yield* results.finish(Exit.isSuccess(end) && end.value.isWhole && tally.unfinished === 0)
    yield* Fiber.interrupt(progress)
    const { isWhole } = yield* end
    return { isWhole, report, stopped: stopper.stopped(), stats: yield* pool.stats, snapshot: yield* handle.snapshot }
  })

/** Runs, and sums up. What was finished is kept however it ends. */
export const run = (
  options: Options,
  screen: Screen.Screen
): Effect.Effect<Summary.Summary, Entries.RunError, FileSystem.FileSystem | HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const { input, out, prices } = options
    const prepared = yield* prepare(options)
    const { ledger, total } = prepared
    const tally = new Summary.Tally()
    const startedAt = yield* Clock.currentTimeMillis
    const { isWhole, report, snapshot, stats, stopped } = yield* runRows(options, prepared, tally, screen)
    const millis = (yield* Clock.currentTimeMillis) - startedAt

    // Of rows that were not read nobody knows how many there are.
    const left = isWhole ? tally.unfinished : Math.max(1, tally.unfinished)
    const unfinished = total === undefined ? left : total - tally.succeeded - tally.failed
    if (isWhole && tally.succeeded + tally.failed + unfinished === 0) {
      return yield* new InputError({ message: `${nameOf(input)}: there is no row in it` })
    }
    const { answered, failed, unanswered } = tally
    const summary = Summary.make({
      status: statusOf({ answered, failed, unanswered, unfinished, stopped: stopped?.reason }),
      stopped: unfinished > 0 ? stopped?.why : undefined,
      input: nameOf(input),
      out,
      journal: RunJournal.pathOf(out),
      unfinished,
      tally,
      stats,
      millis,
      tokens: Option.isSome(prices) ? ledger.tokens() : snapshot && Money.tokensOf(usageOf(snapshot)),
      money: Option.isSome(prices) ? { cost: ledger.spent(), untold: ledger.untold() } : undefined
    })
    yield* report.write(summary)
    return summary
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(RunJournal.layer(options.out), Screen.logger(screen))))
