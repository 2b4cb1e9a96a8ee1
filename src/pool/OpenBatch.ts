/**
 * One batch on its way through a pool: its rows are read as there is room, worked by at most `poolSize` fibers, and leave as
 * entries.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Argument from "../structure/Argument.js"
import * as Format from "../structure/Format.js"
import type { Weight } from "../limit/Cost.js"
import type { BufferEntry, Outcome } from "../order/ReorderBuffer.js"
import type { Timer } from "../structure/TimerQueue.js"
import type { Admission } from "./Admission.js"
import * as Attempt from "./Attempt.js"
import * as BatchInput from "./BatchInput.js"
import * as CallTurn from "./CallTurn.js"
import { Feeder } from "./Feeder.js"
import * as Flows from "./Flows.js"
import { Fresh, type Known, type RowJob } from "./Fresh.js"
import { Handle } from "./Handle.js"
import * as Limiter from "./Limiter.js"
import * as Insider from "./Insider.js"
import type { Keeper } from "./Keeper.js"
import * as Lane from "./Lane.js"
import * as Outlet from "./Outlet.js"
import * as PoolError from "../PoolError.js"
import type { BatchStats } from "../PoolStats.js"
import * as PoolStats from "../PoolStats.js"
import { projected, type Snapshot } from "./Progress.js"
import type * as Source from "./Source.js"
import * as Workers from "./Workers.js"

/**
 * What a batch is to do. `F` is all that it can fail with as a whole.
 *
 * @since 0.2.0
 * @category models
 */
export interface Plan<Row, A, E, R, F> {
  readonly admission: Admission
  readonly process: (row: Row, context: BatchInput.RowContext) => Effect.Effect<A, E, R>
  readonly options: BatchInput.BatchOptions<Row, A, E, R>
  readonly timeout: Duration.Duration | undefined
  /** Whether the first failure ends it. */
  readonly isFailFast: boolean
  readonly ordered: boolean
  /** Rows that are read and whose entries are not read, at most. */
  readonly maxPending: number
  readonly keeper: Keeper<Row, A, PoolError.RowError<E>, F> | undefined
  /** How it ends where it is stopped before all rows were read. */
  readonly endOfStop: (error: PoolError.StopError) => Exit.Exit<void, F>
}

/** What the batch has of the fiber that opened it. */
interface Opener<R> {
  readonly restore: Attempt.Restore
  /** Closes last. */
  readonly scope: Scope.CloseableScope
  readonly fork: <E>(effect: Effect.Effect<void, E, R>) => Fiber.RuntimeFiber<void, E>
  readonly isTraced: boolean
  readonly outer: Insider.Insider | undefined
}

/**
 * Opens a batch, in a region that cannot be interrupted: close it. `restore` is the right to run of its attempts.
 *
 * @since 0.2.0
 * @category constructors
 */
export const open = <Row, A, E, R, F>(
  plan: Plan<Row, A, E, R, F>,
  restore: Attempt.Restore
): Effect.Effect<OpenBatch<Row, A, E, R, F>, never, R> =>
  // A scope of its own: attempts have the caller's.
  Effect.flatMap(Scope.make(), (scope) =>
    Effect.flatMap(Scope.extend(FiberSet.make<void, unknown>(), scope), (fibers) =>
      Effect.flatMap(FiberSet.runtime(fibers)<R>(), (fork) =>
        Effect.withFiberRuntime((opener) =>
          Effect.sync(
            () =>
              new OpenBatch(plan, {
                restore,
                scope,
                fork: <E1>(effect: Effect.Effect<void, E1, R>) => fork(effect, { immediate: false }),
                isTraced: Attempt.isTraced(opener),
                outer: Insider.occupantOf(opener.getFiberRef(Insider.current))
              })
          )
        )
      )
    )
  )

/** So many rows are read at once, at most. */
const mostRead = 256

/**
 * An open batch.
 *
 * @since 0.2.0
 * @category models
 */
export class OpenBatch<Row, A, E, R, F> {
  readonly outlet: Outlet.Outlet<A, PoolError.RowError<E>, F, R>
  /** The cause of the row that failed first. */
  firstFailure: Cause.Cause<PoolError.RowError<E>> | undefined = undefined
  private readonly plan: Plan<Row, A, E, R, F>
  private readonly opener: Opener<R>
  private readonly fresh: Fresh<Row, A, PoolError.RowError<E>>
  private readonly base: Lane.Lane<RowJob<Row>, A, E>
  /** Where rows say each for itself whose turn it is. */
  private readonly flows: Flows.Flows<RowJob<Row>, A, E> | undefined
  private readonly lane: Omit<Lane.Lane<RowJob<Row>, A, E>, "submitted" | "moved">
  /** The turn of all rows. */
  private readonly turn: CallTurn.Told | undefined
  private readonly workers: Workers.Workers<RowJob<Row>>
  private readonly writer: Fiber.RuntimeFiber<void, F> | undefined
  private readonly timer: Timer | undefined
  private readonly feeder: Feeder<Row, F, R>
  private readonly unfinished: Array<BatchInput.UnfinishedRow<Row>> = []
  /** Rows that gave up for want of capacity. */
  private gaveUp = 0
  /** All rows were read. */
  private isLast = false
  /** Why the batch as a whole fails. */
  private failure: Exit.Exit<never, F> | undefined = undefined
  /** What is unfinished ends with this. */
  private stopError: PoolError.StopError | undefined = undefined
  /** Nobody gets an entry of what is unfinished. */
  private isAbandoned = false
  private isEnded = false

  constructor(plan: Plan<Row, A, E, R, F>, opener: Opener<R>) {
    const { admission, keeper, options, timeout } = plan
    this.plan = plan
    this.opener = opener
    this.feeder = new Feeder({
      fork: opener.fork,
      wanted: () => this.wanted,
      isStopped: () => this.isStopped,
      offer: this.offer,
      onFailure: (cause) => {
        if (!this.isStopped) this.failure ??= Exit.failCause(cause)
      },
      onEnd: this.settle
    })
    this.outlet = Outlet.make({
      ordered: plan.ordered,
      commit: keeper?.commit,
      onEntry: options.onEntry,
      now: admission.timers.wallNow,
      onLeft: this.settle,
      onKept: () => this.lane.wake(),
      onRead: this.feeder.wake
    })
    this.fresh = new Fresh(this.outlet.submit)
    this.workers = Workers.make({
      ...opener,
      admission,
      attempt: this.attempt,
      settle: (job, exit: Exit.Exit<A, E | PoolError.AttemptTimeoutError>, hints, late) => {
        this.lane.settle(job, exit, hints, late)
        // Fewer in flight: there may be room for another row.
        if (keeper !== undefined) this.lane.wake()
      },
      onCrash: (crash, left) => {
        for (const job of left) this.lane.withdraw(job)
        this.abort(Exit.failCause(crash))
      }
    })
    this.turn = turnOfAll(plan)
    this.base = this.openBase()
    this.flows = typeof options.turn === "function" || isRefused(this.turn) ? this.openFlows() : undefined
    this.lane = this.flows ?? this.base
    if (options.handle instanceof Handle) {
      options.handle.attach({
        takeBack: (stateId, how) => this.takeBack(stateId, how),
        snapshot: () => this.snapshot,
        isOver: () => this.isEnded
      })
    }
    const { work } = this.outlet
    this.writer = work && opener.fork(Effect.onExit(work, (exit) => this.onWriterExit(exit)))
    this.timer =
      timeout &&
      admission.timers.add(admission.timers.now() + Duration.toMillis(timeout), () =>
        this.lane.stop(new PoolError.BatchTimeoutError({ timeout }), true)
      )
  }

  private openBase(): Lane.Lane<RowJob<Row>, A, E> {
    const { plan, turn } = this
    return Lane.open<RowJob<Row>, A, E>(plan.admission, {
      hasFresh: () => this.flows === undefined && this.fresh.open > 0,
      takeFresh: () => (this.flows === undefined ? this.takeFresh() : undefined),
      mayStart: plan.keeper && (() => this.isKeptUp),
      standing: turn && (() => ({ turn, since: undefined })),
      start: this.workers.give,
      finish: this.finish,
      interrupt: this.workers.interrupt,
      onStop: this.stopped
    })
  }

  private openFlows(): Flows.Flows<RowJob<Row>, A, E> {
    const { base, feeder, plan, workers } = this
    return Flows.open<RowJob<Row>, A, E>({
      admission: plan.admission,
      base,
      ageing: Duration.toMillis(plan.admission.config.ageing),
      mayStart: plan.keeper && (() => this.isKeptUp),
      start: (job) => {
        workers.give(job)
        feeder.wake()
      },
      finish: this.finish,
      interrupt: workers.interrupt
    })
  }

  /**
   * Takes back the rows of a name that have no outcome: each ends with an error, or leaves without an entry. Returns how many
   * there were.
   */
  takeBack(stateId: string, how: "cancelled" | "evicted"): number {
    if (this.isEnded) return 0
    const fresh = this.fresh.takeBack(stateId, how)
    this.flushKnown()
    const isMeant = (job: RowJob<Row>): boolean => job.stateId === stateId && job.cancelled === undefined
    const mark = (job: RowJob<Row>): PoolError.RowCancelledError => {
      job.isEvicted = how === "evicted"
      return (job.cancelled = new PoolError.RowCancelledError({ stateId }))
    }
    const parked = [...this.lane.parked(), ...this.lane.elected(), ...(this.flows?.fresh() ?? [])].filter(isMeant)
    for (const job of parked) this.lane.finish(job, Exit.fail(mark(job)))
    const running = this.workers.jobs().filter(isMeant)
    running.forEach(mark)
    this.workers.interruptJobs((job) => running.includes(job))
    return fresh + parked.length + running.length
  }

  get isOver(): boolean {
    return this.isEnded
  }

  /** How far it is. */
  get snapshot(): Snapshot {
    const { heldBackBy, timers } = this.plan.admission
    const { tally } = this.lane.counter
    const retrying = this.lane.parked().length
    const open = this.fresh.open + (this.flows?.size ?? 0) + this.lane.elected().length
    const isFull = this.fresh.read - this.outlet.read >= this.plan.maxPending
    return {
      at: timers.wallNow(),
      rows: tally.rows,
      mayGrow: !this.isLast && !this.isStopped,
      done: tally.successes,
      failed: tally.failures,
      inFlight: tally.inFlight,
      fresh: open,
      retrying,
      finished: PoolStats.ended(tally) - this.outlet.read,
      waitsFor: open + retrying > 0 && heldBackBy !== undefined ? heldBackBy : isFull ? "reader" : "rows",
      ...projected(tally),
      usage: tally.usage,
      recalledUsage: tally.recalledUsage
    }
  }

  get stats(): BatchStats {
    return PoolStats.fromTally(this.lane.counter.tally)
  }

  /** Waits for entries. A reader who is slow with what it has leaves the others something to do. */
  get take(): Effect.Effect<Chunk.Chunk<BufferEntry<A, PoolError.RowError<E>>>, Option.Option<F>> {
    return this.outlet.take(Math.ceil(this.plan.maxPending / 4))
  }

  /** Hands in rows; no others come after the last. */
  readonly offer = (rows: ReadonlyArray<Row>, isLast: boolean): Effect.Effect<void, F> =>
    Effect.suspend(() => {
      const { keeper, options } = this.plan
      const first = this.fresh.read
      const stateIds = BatchInput.stateIdsOf(rows, options.stateId, first)
      const weights = BatchInput.weightsOf(rows, options.cost, first)
      const turns = BatchInput.turnsOf(rows, options.turn, first, this.plan.admission.timers)
      for (const limiter of this.plan.admission.limiters) {
        rows.forEach((_, i) => limiter.checkPrice(weights?.[i], `cost of row ${first + i}`))
      }
      if (keeper === undefined || rows.length === 0)
        return Effect.sync(() => this.add(rows, stateIds, weights, turns, undefined, isLast))
      const kept = rows.map((row, i) => {
        const rowIndex = first + i
        return { row, rowIndex, stateId: stateIds?.[i] ?? String(rowIndex) }
      })
      return keeper.recall(kept).pipe(
        Effect.map((outcomes) => this.add(rows, stateIds, weights, turns, outcomes, isLast)),
        Effect.tapErrorCause((cause) => Effect.sync(() => this.abort(Exit.failCause(cause))))
      )
    })

  /** Reads rows as there is room for them. */
  feed<E2 extends F>(rows: Source.Rows<Row, E2, R>): void {
    this.feeder.feed(rows)
  }

  /** Ends what is unfinished, and waits until nothing of the batch runs. */
  readonly close: Effect.Effect<void, never, R> = Effect.suspend(() => {
    if (!this.isEnded) this.abort(Exit.interrupt(FiberId.none))
    return this.workers.allGone.pipe(
      Effect.zipRight(this.feeder.ended),
      Effect.zipRight(Effect.suspend(() => this.flushOut)),
      Effect.zipRight(Effect.suspend(() => this.report)),
      Effect.ensuring(
        Effect.sync(() => {
          if (this.timer !== undefined) this.plan.admission.timers.remove(this.timer)
          this.lane.close()
        })
      ),
      Effect.ensuring(Scope.close(this.opener.scope, Exit.void))
    )
  })

  private get isStopped(): boolean {
    return this.failure !== undefined || this.stopError !== undefined
  }

  /** Whether a crash now would repeat less than an attempt each for the whole pool: what runs, or is not kept yet. */
  private get isKeptUp(): boolean {
    return this.lane.counter.tally.inFlight + this.outlet.unkept < this.plan.admission.config.poolSize
  }

  private readonly takeFresh = (): RowJob<Row> | undefined => {
    this.flushKnown()
    const job = this.fresh.take()
    this.flushKnown()
    this.feeder.wake()
    return job
  }

  /** Ends the rows whose turn it is and of which something is known. */
  private readonly flushKnown = (): void => {
    for (let next = this.fresh.takeKnown(); next !== undefined; next = this.fresh.takeKnown()) this.endKnown(next)
  }

  private endKnown({ job, known }: KnownRow<Row, A, PoolError.RowError<E>>): void {
    if (known === "cancelled" || known === "evicted") {
      job.isEvicted = known === "evicted"
      this.lane.finish(job, Exit.fail(new PoolError.RowCancelledError({ stateId: job.stateId })))
    } else {
      job.recalled = known
      this.lane.finish(job, known.exit)
    }
  }

  private add(
    rows: ReadonlyArray<Row>,
    stateIds: ReadonlyArray<string> | undefined,
    weights: ReadonlyArray<Weight> | undefined,
    turns: ReadonlyArray<CallTurn.Told | undefined> | undefined,
    outcomes: ReadonlyArray<Outcome<A, PoolError.RowError<E>> | undefined> | undefined,
    isLast: boolean
  ): void {
    const { limiters, timers } = this.plan.admission
    const isLimited = limiters.length > 0 && weights !== undefined
    const known = isLimited ? refused(limiters, weights, outcomes, timers.wallNow()) : outcomes
    const first = this.fresh.read
    this.fresh.add(rows, stateIds, weights, known, timers.wallNow(), timers.now())
    this.isLast = isLast
    if (this.flows !== undefined) {
      this.addInTurn(this.flows, (rowIndex) => turns?.[rowIndex - first] ?? this.turn)
    } else {
      if (rows.length > 0) this.base.submitted(rows.length)
      this.flushKnown()
    }
    this.settle()
  }

  /** Gives the rows that were read to their lanes; each gets its place among the entries first. */
  private addInTurn(flows: Flows.Flows<RowJob<Row>, A, E>, turnOf: (rowIndex: number) => CallTurn.Told | undefined) {
    for (;;) {
      const known = this.fresh.takeKnown()
      const job = known?.job ?? this.fresh.take()
      if (job === undefined) return
      if (known === undefined) {
        flows.add(job, turnOf(job.rowIndex) ?? CallTurn.ordinary)
      } else {
        this.base.submitted(1)
        this.endKnown(known)
      }
    }
  }

  /** How many rows there is room for, and need of. */
  private get wanted(): number {
    const { admission, maxPending } = this.plan
    // Of rows that take turns by themselves nobody knows who is the next: all that there is room for are read.
    const low = this.flows !== undefined ? maxPending : Math.min(admission.config.poolSize, Math.floor(maxPending / 2))
    const room = maxPending - (this.fresh.read - this.outlet.read)
    return this.fresh.open <= low ? Math.min(room, mostRead) : 0
  }

  private readonly attempt = (job: RowJob<Row>): Effect.Effect<A, E | PoolError.AttemptTimeoutError, R> => {
    const { admission, process } = this.plan
    const { attempts, input, rowIndex, stateId } = job
    const context: BatchInput.RowContext = { stateId, rowIndex, attempt: attempts }
    const call = Effect.suspend(() =>
      job.cancelled === undefined ? checked(process(input, context), rowIndex) : Effect.interrupt
    )
    if (!this.opener.isTraced) return Attempt.make(admission, call, attempts, undefined)
    const span =
      job.span === undefined
        ? Effect.tap(Attempt.openRowSpan(admission, { ...context }), (opened) => void (job.span = opened))
        : Effect.succeed(job.span)
    return Effect.flatMap(span, (row) => Attempt.make(admission, call, attempts, row))
  }

  private readonly finish = (job: RowJob<Row>, exit: Exit.Exit<A, PoolError.RowError<E>>, now: number): void => {
    if (Exit.isFailure(exit) && this.hasNoEntry(job, exit.cause)) return this.outlet.evict(job.place, now)
    const { lastError, member, recalled, usage } = job
    if (recalled?.usage !== undefined) this.lane.counter.recalled(recalled.usage)
    // What was recalled for this row has its type.
    const outcome = (recalled as Outcome<A, PoolError.RowError<E>> | undefined) ?? {
      exit,
      startedAt: job.startedAt,
      throttleWait: job.throttleWait === 0 ? Duration.zero : Duration.millis(job.throttleWait),
      attempts: job.attempts,
      ...(lastError && { lastStatus: lastError.status }),
      ...(usage && { usage }),
      ...(member && { member: member.name })
    }
    this.outlet.complete(job.place, outcome, now, recalled !== undefined)
    if (Exit.isFailure(exit) && this.firstFailure === undefined) {
      this.firstFailure = exit.cause
      // The error only unblocks the others: nobody sees their entries.
      if (this.plan.isFailFast) this.abandon()
    }
  }

  /** Whether a row that failed leaves without an entry; those that the batch left unfinished are noted. */
  private hasNoEntry(job: RowJob<Row>, cause: Cause.Cause<PoolError.RowError<E>>): boolean {
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    if (error instanceof PoolError.RetryTimeoutError) this.gaveUp += 1
    if (error === undefined || error !== this.stopError) {
      return job.isEvicted && error instanceof PoolError.RowCancelledError
    }
    const { attempts, input, lastError, rowIndex, stateId } = job
    this.unfinished.push({ row: input, rowIndex, stateId, attempts, lastError })
    return this.isAbandoned
  }

  /** Nothing of the batch starts any more; no row is read. */
  private readonly stopped = (error: PoolError.StopError): void => {
    this.stopError = error
    this.feeder.stop()
  }

  private abandon(): void {
    this.isAbandoned = true
    this.lane.stop(new PoolError.PoolShutdownError({ pool: this.plan.admission.config.name }), true)
  }

  /** Ends the batch as a whole. */
  private abort(failure: Exit.Exit<never, F>): void {
    this.failure ??= failure
    this.abandon()
    this.isEnded = true
    this.workers.dismiss()
    this.outlet.end(this.failure)
  }

  private readonly settle = (): void => {
    if (this.isEnded || this.outlet.left < this.fresh.read) return
    if (this.feeder.isReading || !(this.isLast || this.isStopped)) return
    this.isEnded = true
    this.workers.dismiss()
    const { stopError } = this
    const end = this.isLast || stopError === undefined ? Exit.void : this.plan.endOfStop(stopError)
    this.outlet.end(this.failure ?? end)
  }

  private onWriterExit(exit: Exit.Exit<void, F>): Effect.Effect<void> {
    return Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => this.abort(Exit.failCause(exit.cause)))
  }

  /** Waits until every finished row is kept and told of. */
  private get flushOut(): Effect.Effect<void> {
    this.outlet.close()
    const { writer } = this
    return writer === undefined ? Effect.void : Effect.asVoid(writer.await)
  }

  private get report(): Effect.Effect<void, never, R> {
    const { admission, options } = this.plan
    const { name, maxCapacityRetry } = admission.config
    const warning =
      this.gaveUp === 0
        ? Effect.void
        : Effect.logWarning(
            `pool "${name}": ${this.gaveUp} of ${this.fresh.read} rows gave up after ${Format.duration(maxCapacityRetry)} without capacity`
          )
    const { onUnfinished } = options
    if (onUnfinished === undefined || this.unfinished.length === 0) return warning
    return Effect.zipRight(warning, onUnfinished(this.unfinished.sort((a, b) => a.rowIndex - b.rowIndex)))
  }
}

type KnownRow<Row, A, E> = { readonly job: RowJob<Row>; readonly known: Known<A, E> }

/** Whether rows with this turn are refused where they are late: each of them is looked at by itself. */
const isRefused = (turn: CallTurn.Told | undefined): boolean => turn !== undefined && turn.dueAt < Infinity

const turnOfAll = <Row, A, E, R, F>({ admission, options }: Plan<Row, A, E, R, F>): CallTurn.Told | undefined => {
  if (options.turn === undefined || typeof options.turn === "function") return undefined
  const turn = CallTurn.read(options.turn, admission.timers, "option turn")
  if (turn instanceof Error) throw turn
  return turn
}

const checked = <A, E, R>(effect: Effect.Effect<A, E, R>, rowIndex: number): Effect.Effect<A, E, R> =>
  Effect.isEffect(effect)
    ? effect
    : Effect.die(Argument.refusal(`process of row ${rowIndex}`, Argument.anEffect, effect))

/** What is known of rows, with those that can never start: they are larger than a limit. */
const refused = <A, E>(
  limiters: ReadonlyArray<Limiter.Limiter>,
  weights: ReadonlyArray<Weight>,
  outcomes: ReadonlyArray<Outcome<A, PoolError.RowError<E>> | undefined> | undefined,
  now: number
): ReadonlyArray<Outcome<A, PoolError.RowError<E>> | undefined> =>
  weights.map((weight, i) => {
    const refusal = outcomes?.[i] === undefined ? Limiter.refusalOf(limiters, weight) : undefined
    if (refusal === undefined) return outcomes?.[i]
    return { exit: Exit.fail(refusal), startedAt: now, throttleWait: Duration.zero, attempts: 0 }
  })
