/** A run: rows out of the input, through the pool, into journal and results, until they end or something stops it. */
import type { FileSystem, HttpClient } from "@effect/platform"
import {
  Cause,
  type Chunk,
  Clock,
  Deferred,
  Duration,
  Effect,
  ExecutionStrategy,
  Exit,
  Fiber,
  Layer,
  Option,
  Scope,
  Stream
} from "effect"
import { PooledExecutor, type PoolError } from "effect-aimd"
import { Journal, type JournalError } from "effect-aimd/journal"
import { type End, type Stop, statusOf } from "../ExitCode.js"
import { InputError, type OutputError } from "../Failure.js"
import * as Input from "../input/Input.js"
import * as Row from "../input/Row.js"
import { Answer, isNoAnswer, type RowFailure, RowFailure as RowFailureSchema } from "../output/Outcome.js"
import * as OutputLine from "../output/OutputLine.js"
import * as ProgressLine from "../output/ProgressLine.js"
import * as Results from "../output/Results.js"
import * as Screen from "../output/Screen.js"
import * as Summary from "../output/Summary.js"
import * as Call from "./Call.js"
import * as Health from "./Health.js"
import * as RunJournal from "./Journal.js"
import * as Money from "./Money.js"
import * as Signals from "./Signals.js"

/** Which rows that failed before are done again. */
export type Retry = "unanswered" | "failed" | "never"

export interface Options {
  readonly input: Input.Input
  readonly out: string
  readonly isFresh: boolean
  readonly retry: Retry
  readonly call: Call.Options
  readonly poolSize: number
  readonly requestTimeout: Duration.Duration
  readonly maxRetry: Duration.Duration
  readonly timeout: Option.Option<Duration.Duration>
  /** How long what is in flight gets once the run is stopped. */
  readonly grace: Duration.Duration
  readonly prices: Option.Option<Money.Prices>
  readonly maxCost: number
  /** 0 for never. */
  readonly giveUpAfter: number
}

interface Stopped {
  readonly reason: Stop
  readonly why: string
}

/** A pool that can be given up before its scope closes. */
const makePool = ({ grace, maxRetry, poolSize, requestTimeout }: Options) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const options = { poolSize, attemptTimeout: requestTimeout, maxCapacityRetry: maxRetry, name: "run" }
    const pool = yield* Scope.extend(PooledExecutor.make(options), scope)
    const giveUp = pool.shutdown.pipe(Effect.timeoutOption(grace), Effect.zipRight(Scope.close(scope, Exit.void)))
    return { pool, giveUp }
  })

type Failure = RowFailure | PoolError.RowError<never>

const unfinished: ReadonlySet<string> = new Set(["PoolShutdownError", "BatchTimeoutError", "RowCancelledError"])

/** Whether a row that failed in an earlier run is done again. */
export const isDoneAgain =
  (retry: Retry) =>
  (cause: Cause.Cause<Failure>): boolean => {
    const failure = Option.getOrUndefined(Cause.failureOption(cause))
    if (failure === undefined || unfinished.has(failure._tag)) return true
    if (retry !== "unanswered") return retry === "failed"
    if (failure._tag === "Refused") return isNoAnswer(failure.status)
    return failure._tag !== "Unanswered" || failure.code === "connection_error" || failure.code === "quota_exhausted"
  }

/** What rows of a run have in common. */
interface Common {
  readonly ledger: Money.Ledger
  readonly health: Health.Health
  /** Rows that this process has begun, and whose entries have not come yet. */
  readonly begun: Set<string>
  readonly own: { ended: number }
  readonly isStopping: () => boolean
  readonly stop: (stopped: Stopped) => Effect.Effect<void>
}

/** One attempt of a row: paid for, and watched for signs that the API is of no use. */
const attempt = (send: Call.Send, common: Common) => {
  const { begun, health, isStopping, ledger, own, stop } = common
  const giveUp = (why: string | undefined) =>
    why === undefined ? Effect.void : stop({ reason: "dead", why: `the API is of no use: ${why}` })
  return (row: Row.Row) => {
    const sent = Effect.flatMap(ledger.reserve(row), (mayStart) => {
      if (mayStart) return send(row)
      // Nothing was sent: the row stays as it is.
      return Effect.zipRight(
        stop({ reason: "budget", why: "--max-cost may be passed by the next row" }),
        Effect.interrupt
      )
    })
    begun.add(row.id)
    return Effect.onExit(sent, (exit) => {
      ledger.settle(row, Exit.isSuccess(exit) ? exit.value.body : undefined)
      if (Exit.isSuccess(exit)) {
        own.ended += 1
        return Effect.sync(health.served)
      }
      const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
      if (failure === undefined) {
        return isStopping() || !Cause.isInterruptedOnly(exit.cause) ? Effect.void : giveUp(health.timedOut())
      }
      if (failure._tag === "CapacityError") return Effect.void
      own.ended += 1
      return giveUp(health.failed(failure))
    })
  }
}

/** Takes entries: counts them, and writes the lines of the first rows that have ended. */
const taker = (results: Results.Results, tally: Summary.Tally, { begun, stop }: Common) => {
  let hasGap = false
  return (entries: Chunk.Chunk<OutputLine.Entry>): Effect.Effect<void, OutputError> => {
    const lines: Array<string> = []
    let dead: string | undefined
    for (const entry of entries) {
      const ending = OutputLine.endingOf(entry)
      // A row without an attempt has failed with all others, for want of capacity.
      tally.add(entry, ending, begun.delete(entry.stateId) || entry.attempts === 0)
      const line = OutputLine.format(entry.stateId, ending)
      hasGap ||= line === undefined
      if (!hasGap && line !== undefined) lines.push(line)
      if (ending._tag === "failed" && entry.attempts === 0) dead = ending.fault.message
    }
    tally.lines += lines.length
    const ended = dead === undefined ? Effect.void : stop({ reason: "dead", why: `the API is of no use: ${dead}` })
    return Effect.zipRight(results.write(lines), ended)
  }
}

/** Shows how far it is until it is interrupted. */
const showProgress = (
  screen: Screen.Screen,
  pool: PooledExecutor.PooledExecutor,
  handle: PooledExecutor.BatchHandle,
  { ledger, own }: Common,
  about: { readonly total: number | undefined; readonly max: number | undefined }
): Effect.Effect<never> =>
  Effect.flatMap(Clock.currentTimeMillis, (startedAt) => {
    let samples: ReadonlyArray<ProgressLine.Sample> = [{ at: startedAt, own: 0 }]
    const draw = Effect.gen(function* () {
      const [snapshot, stats, at] = yield* Effect.all([handle.snapshot, pool.stats, Clock.currentTimeMillis])
      if (snapshot === undefined) return
      samples = ProgressLine.sample(samples, { at, own: own.ended })
      const cost = about.max === undefined ? undefined : { spent: ledger.spent(), max: about.max }
      const standing = { at, total: about.total, snapshot, stats, own: own.ended, cost }
      yield* Screen.draw(screen, ProgressLine.line(standing, ProgressLine.rate(samples)))
    })
    const every = screen.isTerminal ? "500 millis" : "10 seconds"
    return Effect.delay(draw, every).pipe(Effect.forever, Effect.ensuring(Screen.clear(screen)))
  })

type RunError = InputError | OutputError
type EntriesError = InputError | JournalError.JournalError | PoolError.PoolShutdownError | PoolError.BatchTimeoutError

/** How the entries came to their end: what is no failure of the run itself. */
const endOf = (
  exit: Exit.Exit<void, OutputError | EntriesError>
): Effect.Effect<{ readonly isWhole: boolean }, RunError> =>
  Exit.matchEffect(exit, {
    onSuccess: () => Effect.succeed({ isWhole: true }),
    onFailure: (cause) => {
      const failure = Option.getOrUndefined(Cause.failureOption(cause))
      if (failure === undefined) return Effect.die(Cause.squash(cause))
      switch (failure._tag) {
        case "PoolShutdownError":
        case "BatchTimeoutError":
          return Effect.succeed({ isWhole: false })
        case "JournalError":
          return Effect.fail(RunJournal.explain(failure))
        case "InputError":
        case "OutputError":
          return Effect.fail(failure)
      }
    }
  })

const nameOf = ({ path }: Input.Input): string => (path === "-" ? "stdin" : path)

/** Prepares the files: the total of the rows, the results, and what was paid before. */
const prepare = (options: Options) =>
  Effect.gen(function* () {
    const { input, isFresh, out, prices } = options
    const isFile = yield* Input.isFile(input)
    const total = isFile ? yield* Input.check(input) : undefined
    yield* isFresh ? RunJournal.putAside(out) : RunJournal.checkResults(out)
    const paid = yield* RunJournal.paid(out)
    const max = Option.isSome(prices) ? options.maxCost : Infinity
    const ledger = Money.make(
      Option.getOrElse(prices, () => ({ input: 0, output: 0 })),
      max,
      paid
    )
    return { total, ledger, results: yield* Results.open(out) }
  })

/** Runs, and sums up. What was finished is kept however it ends. */
export const run = (
  options: Options,
  screen: Screen.Screen
): Effect.Effect<Summary.Summary, RunError, FileSystem.FileSystem | HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const { grace, input, out, poolSize, prices } = options
    const { ledger, results, total } = yield* prepare(options)
    const { giveUp, pool } = yield* makePool(options)
    const handle = yield* PooledExecutor.handle
    const stopped = yield* Deferred.make<Stopped>()
    let stop: Stopped | undefined
    const common: Common = {
      ledger,
      health: Health.make(options.giveUpAfter),
      begun: new Set(),
      own: { ended: 0 },
      isStopping: () => stop !== undefined,
      // Paused at once: what is done next takes a moment.
      stop: (given) => Effect.suspend(() => Effect.zipRight(pool.pause, Deferred.succeed(stopped, (stop ??= given))))
    }
    const stopping = Effect.gen(function* () {
      const { why } = yield* Deferred.await(stopped)
      ledger.close()
      const { inFlight } = yield* pool.stats
      const wait = inFlight === 0 ? "" : `; ${inFlight} requests in flight get ${Duration.format(grace)} to end`
      yield* Screen.print(screen, `stopping: ${why}${wait}`)
      yield* giveUp
    })
    yield* Effect.forkScoped(Effect.interruptible(stopping))
    const onTimeout = common.stop({ reason: "timeout", why: "--timeout is over" })
    if (Option.isSome(options.timeout)) yield* Effect.forkScoped(Effect.delay(onTimeout, options.timeout.value))
    yield* Signals.watch(screen, (reason) => common.stop({ reason, why: reason }))

    const send = yield* Call.make(options.call, ({ message }) => common.stop({ reason: "dead", why: message }))
    const rows = total === undefined ? "rows" : `${total.toLocaleString("en-US")} rows`
    yield* Screen.print(screen, `${rows} of ${nameOf(input)}, at most ${poolSize} at once, results in ${out}`)
    const max = Option.isSome(prices) ? options.maxCost : undefined
    const progress = yield* Effect.forkScoped(
      Effect.interruptible(showProgress(screen, pool, handle, common, { total, max }))
    )

    const startedAt = yield* Clock.currentTimeMillis
    const tally = new Summary.Tally()
    const entries: Stream.Stream<OutputLine.Entry, EntriesError, FileSystem.FileSystem | Journal.Journal> = pool.stream(
      Input.rows(input, total === undefined),
      attempt(send, common),
      {
        stateId: (row) => row.id,
        handle,
        journal: Journal.batch({
          id: RunJournal.batchId,
          success: Answer,
          failure: RowFailureSchema,
          rowFingerprint: Row.fingerprint,
          retry: isDoneAgain(options.retry)
        })
      }
    )
    const exit = yield* Effect.exit(Stream.runForEachChunk(entries, taker(results, tally, common)))
    const millis = (yield* Clock.currentTimeMillis) - startedAt
    const { isWhole } = yield* Effect.exit(endOf(exit)).pipe(
      Effect.tap((end) => results.finish(Exit.isSuccess(end) && end.value.isWhole && tally.unfinished === 0)),
      Effect.flatten
    )
    yield* Fiber.interrupt(progress)

    const left = isWhole ? tally.unfinished : Math.max(1, tally.unfinished)
    const unfinished = total === undefined ? left : total - tally.succeeded - tally.failed
    const end: End = { ...tally, stopped: stop?.reason, failed: tally.failed, unfinished }
    if (total === undefined && isWhole && tally.succeeded + tally.failed + unfinished === 0) {
      return yield* new InputError({ message: `${nameOf(input)}: there is no row in it` })
    }
    return Summary.make({
      status: statusOf(end),
      stopped: unfinished > 0 ? stop?.why : undefined,
      input: nameOf(input),
      out,
      journal: RunJournal.pathOf(out),
      unfinished,
      tally,
      stats: yield* pool.stats,
      millis,
      money: Option.isSome(prices)
        ? { tokens: ledger.tokens(), cost: ledger.spent(), untold: ledger.untold() }
        : undefined
    })
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(RunJournal.layer(options.out), Screen.logger(screen))))
