/**
 * One batch on its way through a pool: its rows are read as there is room, worked by at most `poolSize` fibers, and leave as
 * entries.
 *
 * @since 0.2.0
 */
import type * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Cost from "../limit/Cost.js"
import type { BufferEntry, Outcome } from "../order/ReorderBuffer.js"
import type { Timer } from "../structure/TimerQueue.js"
import * as CallTurn from "./CallTurn.js"
import { Feeder } from "./Feeder.js"
import * as Flows from "./Flows.js"
import { Fresh, type Known, type RowJob, type RowPlace } from "./Fresh.js"
import { Handle } from "./Handle.js"
import * as Lane from "./Lane.js"
import { Leftovers } from "./Leftovers.js"
import * as Outlet from "./Outlet.js"
import * as Plan from "./Plan.js"
import * as RowAttempt from "./RowAttempt.js"
import * as PoolError from "../PoolError.js"
import type { BatchStats } from "../PoolStats.js"
import * as PoolStats from "../PoolStats.js"
import { ofBatch, type Snapshot } from "./Progress.js"
import type * as Source from "./Source.js"
import * as Workers from "./Workers.js"

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
  private readonly plan: Plan.Plan<Row, A, E, R, F>
  private readonly opener: Plan.Opener<R>
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
  private readonly leftovers = new Leftovers<Row>()
  /** All rows were read. */
  private isLast = false
  /** Why the batch as a whole fails. */
  private failure: Exit.Exit<never, F> | undefined = undefined
  /** What is unfinished ends with this. */
  private stopError: PoolError.StopError | undefined = undefined
  /** Nobody gets an entry of what is unfinished. */
  private isAbandoned = false
  private isEnded = false

  constructor(plan: Plan.Plan<Row, A, E, R, F>, opener: Plan.Opener<R>) {
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
      attempt: (job) => RowAttempt.make(plan, job, opener.isTraced),
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
    this.turn = Plan.turnOfAll(plan)
    this.base = this.openBase()
    this.flows = Plan.isInTurn(plan, this.turn) ? this.openFlows() : undefined
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
    // Only `addInTurn` adds places, and those are of rows. A job is made only of those that are meant.
    const places = (this.flows?.fresh() ?? []) as ReadonlyArray<RowPlace<Row>>
    const waiting = places.flatMap((place) => (place.ticket.stateId === stateId ? [place.job] : []))
    const parked = [...this.lane.parked(), ...this.lane.elected(), ...waiting].filter(isMeant)
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
    const { fresh, lane, outlet, plan } = this
    return ofBatch(plan.admission, lane.counter.tally, {
      fresh: fresh.open + (this.flows?.size ?? 0) + lane.elected().length,
      retrying: lane.parked().length,
      read: outlet.read,
      isFull: fresh.read - outlet.read >= plan.maxPending,
      mayGrow: !this.isLast && !this.isStopped
    })
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
      const { keeper } = this.plan
      const first = this.fresh.read
      const said = Plan.saidOf(this.plan, rows, first)
      if (keeper === undefined || rows.length === 0) {
        return Effect.sync(() => this.add(rows, said, undefined, isLast))
      }
      const kept = rows.map((row, i) => {
        const rowIndex = first + i
        return { row, rowIndex, stateId: said.stateIds?.[i] ?? String(rowIndex) }
      })
      return keeper.recall(kept).pipe(
        Effect.map((outcomes) => this.add(rows, said, outcomes, isLast)),
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
      Effect.zipRight(Effect.suspend(() => this.leftovers.report(this.plan, this.fresh.read))),
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
    said: Plan.Said,
    outcomes: ReadonlyArray<Outcome<A, PoolError.RowError<E>> | undefined> | undefined,
    isLast: boolean
  ): void {
    const { admission } = this.plan
    const known = Plan.knownOf(admission, said, outcomes)
    const first = this.fresh.read
    const [submittedAt, since] = [admission.timers.wallNow(), admission.timers.now()]
    this.fresh.add(rows, said.stateIds, known, { submittedAt, since, weights: said.weights })
    this.isLast = isLast
    if (this.flows !== undefined) {
      const { turns, weights } = said
      const mayBeLate = turns?.mayBeLate ?? (this.turn !== undefined && this.turn.dueAt < Infinity)
      if (mayBeLate) this.flows.expect(rows.length, (i) => weights?.at(i) ?? Cost.one, since)
      const turnOf = (rowIndex: number) => turns?.at(rowIndex - first) ?? this.turn ?? CallTurn.ordinary
      this.addInTurn(this.flows, turnOf, since)
    } else {
      if (rows.length > 0) this.base.submitted(rows.length)
      this.flushKnown()
    }
    this.settle()
  }

  /** Gives the rows that were read to their lanes; each gets its place among the entries first. */
  private addInTurn(
    flows: Flows.Flows<RowJob<Row>, A, E>,
    turnOf: (rowIndex: number) => CallTurn.Told,
    cameAt: number
  ): void {
    for (;;) {
      const known = this.fresh.takeKnown()
      const place = known === undefined ? this.fresh.takePlace() : undefined
      if (known !== undefined) {
        this.base.submitted(1)
        this.endKnown(known)
      } else if (place !== undefined) {
        flows.add(place, turnOf(place.ticket.submitIndex), cameAt)
      } else return
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

  private readonly finish = (job: RowJob<Row>, exit: Exit.Exit<A, PoolError.RowError<E>>, now: number): void => {
    if (Exit.isFailure(exit) && this.hasNoEntry(job, exit.cause)) return this.outlet.evict(job.place, now)
    const { recalled } = job
    if (recalled?.usage !== undefined) this.lane.counter.recalled(recalled.usage)
    this.outlet.complete(job.place, RowAttempt.outcomeOf(job, exit), now, recalled !== undefined)
    if (Exit.isFailure(exit) && this.firstFailure === undefined) {
      this.firstFailure = exit.cause
      // The error only unblocks the others: nobody sees their entries.
      if (this.plan.isFailFast) this.abandon()
    }
  }

  /** Whether a row that failed leaves without an entry. */
  private hasNoEntry(job: RowJob<Row>, cause: Cause.Cause<PoolError.RowError<E>>): boolean {
    const failure = this.leftovers.note(job, cause, this.stopError)
    return failure === "unfinished" ? this.isAbandoned : job.isEvicted && failure === "takenBack"
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
}

type KnownRow<Row, A, E> = { readonly job: RowJob<Row>; readonly known: Known<A, E> }
