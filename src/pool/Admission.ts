/**
 * The machine that applies a law's decisions: who may start now. It brings together the starts (permits and gate), the law
 * at work, the silence that the API asks for, and the switch that shuts a pool down.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as MetricLabel from "effect/MetricLabel"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { CapacityError } from "../Capacity.js"
import type { ControlLaw, Cost, Decision, Hints, Sample } from "../law/ControlLaw.js"
import type { PoolConfig } from "../PoolConfig.js"
import * as PoolError from "../PoolError.js"
import * as PoolStats from "../PoolStats.js"
import type * as Semaphore from "../structure/Semaphore.js"
import * as TimerQueue from "../structure/TimerQueue.js"
import * as Holds from "./Holds.js"
import * as Idle from "./Idle.js"
import * as Insider from "./Insider.js"
import type { Mind } from "./KeeperOpener.js"
import * as Limiter from "./Limiter.js"
import * as Pause from "./Pause.js"
import * as Silence from "./Silence.js"
import * as Starts from "./Starts.js"
import * as Steering from "./Steering.js"
import * as Trouble from "./Trouble.js"

type Ticket = Starts.Ticket

export {
  /**
   * The stamp of a started attempt.
   *
   * @since 0.1.0
   * @category models
   */
  type Ticket
} from "./Starts.js"

/**
 * What came of an attempt, as far as the pool cares: served, failed with an error of its own, which the law does not care
 * about, ended before there was an answer, or rejected.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = "success" | "failure" | "neutral" | CapacityError

/**
 * The row or call that an attempt is of.
 *
 * @since 0.2.0
 * @category models
 */
export interface Subject {
  /** Its number in the pool, from 1. */
  readonly row: number
  /** Its attempts so far, this one included. */
  readonly attempts: number
  /** The pool's latest start when the row was rejected first. */
  readonly rejectedSince: number
}

/**
 * Whoever asks for starts: a batch, or all callers of `execute` together. Parties are served turn by turn.
 *
 * @since 0.1.0
 * @category models
 */
export interface Party {
  /** Starts one attempt now; returns whether another waits. */
  readonly start: (ticket: Ticket) => boolean
  /** Says what would start next; see {@link Starts.Elect}. Only asked in a pool that keeps limits. */
  readonly elect: Starts.Elect
  /** The money of the pool is spent: what waits fails now. */
  readonly broke: (error: PoolError.BudgetExhaustedError) => void
  /** The API lets nothing through: what waits fails now. */
  readonly giveUp: () => void
  /** How many were rejected, and wait for their next start. */
  readonly parked: () => number
  /** The pool goes on after a pause. */
  readonly resumed: () => void
  /** No start before this instant: what cannot wait so long fails now. */
  readonly held: (until: number) => void
  /** The pool is shut down: what waits gets its outcome now; with `interrupt`, what is in flight is interrupted. */
  readonly shutdown: (interrupt: boolean) => void
}

/**
 * What the parties of a pool share.
 *
 * @since 0.1.0
 * @category models
 */
export interface Admission {
  readonly config: PoolConfig
  readonly timers: TimerQueue.TimerQueue
  readonly tally: PoolStats.Tally
  readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  readonly decision: Decision
  /** Where the pool stands now, as a change would tell it. */
  readonly standing: () => PoolStats.Change
  /** The latest decisions, oldest first. */
  readonly changes: ReadonlyArray<PoolStats.Change>
  /** Lets somebody hear of every change; returns how to stop. */
  readonly onChange: (listener: (change: PoolStats.Change) => void) => () => void
  /** The end of the silence that the API itself asked for. */
  readonly hintUntil: number
  readonly silence: Silence.Silence
  /** How many attempts were served. */
  readonly served: number
  /** The law at work, for whoever keeps what it has learned. */
  readonly mind: Mind
  /** The latest start's number. */
  readonly sequence: number
  /** Longest `Retry-After` seen, in milliseconds, before it was capped. */
  readonly longestRetryAfter: number
  readonly isShutdown: boolean
  /** What the pool was told of limits and money; undefined where that is nothing. */
  readonly limiter: Limiter.Limiter | undefined
  /** Set once the money is spent. */
  readonly brokeBy: PoolError.BudgetExhaustedError | undefined
  readonly inFlight: number
  readonly pause: Pause.Pause
  /** Rows and calls that were rejected, and wait for their next start. */
  readonly parked: number
  /**
   * What lets those wait that want to start: a pause, a hold, the window, the spacing and the limit of a period, or a limit
   * that the pool was told.
   */
  readonly heldBackBy: "pause" | "hold" | "window" | "pace" | "limit" | undefined
  /** Nothing starts until `resume`; both may come at any time, and again. */
  readonly pauseStarts: () => void
  readonly resume: () => void
  readonly resize: (poolSize: number) => void
  readonly enter: (party: Party) => void
  readonly exit: (party: Party) => void
  /** Asks for starts on behalf of a party, until its `start` returns false. */
  readonly queue: (party: Party) => Semaphore.Place
  readonly leave: (place: Semaphore.Place) => void
  /** Gives back the permit of a start for which nothing was left to do. */
  readonly decline: (ticket: Ticket) => void
  /**
   * Steps the law with an outcome and applies what it decides. The permit stays taken. Returns whether it was a rejection
   * that is the row's own trouble. Throws, once, where the law is broken.
   */
  readonly observe: (
    ticket: Ticket,
    subject: Subject,
    outcome: Outcome,
    now: number,
    hints: Hints | undefined
  ) => boolean
  /** Numbers a row that starts for the first time, from 1. */
  readonly nextRow: () => number
  /** Nobody waits any more. */
  readonly settled: () => void
  /** Gives back the permit of an attempt that has ended. */
  readonly release: () => void
  /** Nothing starts from now on. */
  readonly shutdown: (interrupt: boolean) => void
  /** A silence that the API asked for, in milliseconds, cut to `maxRetryAfter`. */
  readonly cappedHint: (retryAfter: number) => number
  /** Hands out, once, what a user should hear of in the log. */
  readonly takeNotice: () => string | undefined
  /** Whether a fiber runs in an attempt of this pool that is in flight: then it must not wait for another permit. */
  readonly isInside: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => boolean
  /** Waits until nothing is in flight; for an attempt that waits here itself, nothing besides such attempts. */
  readonly idle: Effect.Effect<void>
}

/**
 * Makes the machine. Its timers end with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <State>(
  config: PoolConfig,
  law: ControlLaw<State>,
  labels: ReadonlyArray<MetricLabel.MetricLabel>
): Effect.Effect<Admission, never, Scope.Scope> =>
  Effect.gen(function* () {
    const timers = yield* TimerQueue.make
    const log = yield* FiberSet.makeRuntime<never>()
    return assemble({ config, law, labels, timers, seed: yield* Random.nextInt, log: (line) => void log(line) })
  })

interface Parts<State> {
  readonly config: PoolConfig
  readonly law: ControlLaw<State>
  readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  readonly timers: TimerQueue.TimerQueue
  readonly seed: number
  readonly log: (line: Effect.Effect<void>) => void
}

const assemble = <State>(parts: Parts<State>): Admission => {
  const { labels, timers } = parts
  let { config } = parts
  const tally = PoolStats.makeTally()
  const parties = new Set<Party>()
  let rows = 0
  let isShutdown = false
  let notice: string | undefined
  const machine = connect(parts, tally, parties, (text) => void (notice = text))
  const { holds, idle, pause, silence, starts, steering, told } = machine

  return {
    get config() {
      return config
    },
    timers,
    tally,
    labels,
    silence,
    get decision() {
      return steering.decision
    },
    standing: machine.standing,
    get changes() {
      return steering.changes
    },
    onChange: steering.onChange,
    get hintUntil() {
      return holds.until
    },
    get longestRetryAfter() {
      return holds.longest
    },
    get served() {
      return told.served
    },
    mind: {
      get law() {
        return steering.law
      },
      learned: steering.learned,
      learn: (learned) => {
        if (starts.history.last === 0) steering.learn(learned, timers.now())
      }
    },
    get sequence() {
      return starts.history.last
    },
    get isShutdown() {
      return isShutdown
    },
    limiter: machine.limiter,
    get brokeBy() {
      return machine.brokeBy
    },
    get inFlight() {
      return starts.inFlight
    },
    pause,
    get parked() {
      return [...parties].reduce((sum, party) => sum + party.parked(), 0)
    },
    get heldBackBy() {
      return machine.heldBackBy()
    },
    pauseStarts: () => pause.begin(timers.now()),
    resume: () => machine.resume(parties),
    resize: (poolSize) => {
      config = { ...config, poolSize }
      steering.resize(poolSize, timers.now())
    },
    enter: (party) => void parties.add(party),
    exit: (party) => void parties.delete(party),
    queue: (party) => starts.queue(party.start, party.elect),
    leave: starts.leave,
    decline: starts.decline,
    nextRow: () => (rows += 1),
    observe: told.observe,
    settled: silence.forget,
    release: machine.release,
    shutdown: (interrupt) => {
      isShutdown = true
      for (const party of [...parties]) party.shutdown(interrupt)
    },
    cappedHint: holds.capped,
    takeNotice: () => {
      const taken = notice
      notice = undefined
      return taken
    },
    isInside: (fiber) => Insider.find(fiber.getFiberRef(Insider.current), tally) !== undefined,
    idle: idle.wait
  }
}

/** Makes the parts that decide who may start, each of which knows those that it asks. */
const connect = <State>(
  { config, labels, law, log, seed, timers }: Parts<State>,
  tally: PoolStats.Tally,
  parties: ReadonlySet<Party>,
  notify: (notice: string) => void
) => {
  const holds = Holds.make(config, seed, notify)
  const pause = Pause.make()
  const silence = Silence.make({
    name: config.name,
    budget: Duration.toMillis(config.maxCapacityRetry),
    timers,
    pause,
    pending: () => PoolStats.pending(tally),
    inFlight: () => starts.inFlight,
    onDead: () => [...parties].forEach((party) => party.giveUp()),
    log
  })
  const change = (decision: Decision, now: number): PoolStats.Change => changeOf(decision, holds.until, now, timers)
  const steering = Steering.make({ config, law, labels, now: timers.now(), change, onDecision: () => starts.resize() })
  const holdUntil = (): number => Math.max(holds.until, steering.decision.holdUntil)
  const limiter = Limiter.make(config)
  let brokeBy: PoolError.BudgetExhaustedError | undefined
  const onBroke = (): void => {
    const { budget = Infinity, name } = config
    const spent = limiter?.purse?.money.spent ?? 0
    brokeBy ??= new PoolError.BudgetExhaustedError({ pool: name, budget, spent, undone: PoolStats.pending(tally) })
    for (const party of [...parties]) party.broke(brokeBy)
  }
  const starts: Starts.Starts = Starts.make(
    timers,
    law.remembers ?? 0,
    () => steering.decision,
    holdUntil,
    pause,
    limiter && { limiter, onBroke }
  )
  const idle = Idle.make(tally, () => starts.inFlight)
  return {
    holds,
    pause,
    silence,
    steering,
    starts,
    limiter,
    get brokeBy() {
      return brokeBy
    },
    idle,
    told: teller({ holds, silence, starts, steering, limiter, parties, notify }),
    standing: () => change(steering.decision, timers.now()),
    heldBackBy: (): Admission["heldBackBy"] => {
      if (pause.isPaused) return "pause"
      if (holdUntil() > timers.now()) return "hold"
      if (starts.inFlight >= starts.allowed) return "window"
      return starts.isLimited ? "limit" : starts.isGated ? "pace" : undefined
    },
    resume: (parties: ReadonlySet<Party>): void => {
      if (!pause.isPaused) return
      pause.end(timers.now())
      silence.resumed(timers.now())
      for (const party of [...parties]) party.resumed()
      starts.resumed()
    },
    release: () => {
      starts.release()
      if (starts.inFlight === 0) silence.idle(holds.until, timers.now())
      idle.wake()
    }
  }
}

const changeOf = (
  decision: Decision,
  hintUntil: number,
  now: number,
  timers: TimerQueue.TimerQueue
): PoolStats.Change => {
  const { chance = 0, delay, reason, saturatedSince, spacing, starts, window } = decision
  const holdUntil = Math.max(hintUntil, decision.holdUntil)
  return {
    at: timers.toWall(now),
    window,
    spacing,
    delay,
    holdUntil: holdUntil === 0 ? 0 : timers.toWall(holdUntil),
    starts: starts && { limit: starts.limit, period: starts.period },
    chance,
    saturatedSince: saturatedSince === undefined ? undefined : timers.toWall(saturatedSince),
    reason
  }
}

interface Told {
  readonly holds: Holds.Holds
  readonly silence: Silence.Silence
  readonly starts: Starts.Starts
  readonly steering: Steering.Steering
  readonly limiter: Limiter.Limiter | undefined
  readonly parties: ReadonlySet<Party>
  readonly notify: (notice: string) => void
}

const success: SampleOf = { _tag: "success" }

/** Tells everybody of a pool what came of an attempt: first who holds starts back, then the law, which may start the next. */
const teller = ({
  holds,
  limiter,
  notify,
  parties,
  silence,
  starts,
  steering
}: Told): Pick<Admission, "observe" | "served"> => {
  const trouble = Trouble.make()
  let served = 0

  const sampleOf = (outcome: Outcome, isOwn: boolean, now: number): SampleOf => {
    if (outcome === "success") return success
    if (typeof outcome === "string" || isOwn) return { _tag: "neutral", ownRejection: isOwn }
    const asked = outcome.retryAfter
    const spread = steering.decision.alone ?? 0
    const retryAfter = asked === undefined ? undefined : holds.heed(Duration.toMillis(asked), spread, now)
    if (asked !== undefined) for (const party of [...parties]) party.held(holds.until)
    return { _tag: "capacity", status: outcome.status, retryAfter }
  }

  return {
    get served() {
      return served
    },
    observe: (ticket, { attempts, rejectedSince, row }, outcome, now, hints) => {
      const { bound, epoch, sequence, startedAt, startedWith } = ticket
      const isRejected = typeof outcome !== "string"
      const isOwn = isRejected && trouble.isOwn({ row, rejections: attempts, since: rejectedSince })
      if (outcome === "success") served += 1
      if (outcome === "success" || outcome === "failure") silence.letThrough(now)
      if (outcome === "success" || (isRejected && !isOwn)) trouble.note(row, sequence, !isRejected)
      if (isRejected) starts.rejected(startedAt)
      const what = sampleOf(outcome, isOwn, now)
      if (isRejected && !isOwn) silence.rejected(outcome, now)
      else if (isOwn || outcome === "neutral") silence.ended(now)
      const inFlight = starts.inFlight
      const latency = now - startedAt
      // Each row's: spread objects would cost more than the rest of it.
      const attempt = {
        _tag: "success",
        row,
        attempt: attempts,
        epoch,
        inFlight,
        latency,
        sequence,
        startedWith,
        bound,
        hints
      } as const
      const cost = limiter && settle(limiter, ticket, outcome, hints, now)
      try {
        starts.history.ended(sequence, what._tag, what._tag === "capacity" ? what.status : 0)
        if (cost !== undefined) starts.history.weighs(sequence, cost.tokens)
        const weighed = cost === undefined ? attempt : { ...attempt, cost }
        steering.step(what._tag === "success" ? weighed : { ...weighed, ...what }, now, starts.history)
      } catch (defect) {
        notify(`${String(defect)}; the delay law goes on in its place`)
        throw defect
      }
      return isOwn
    }
  }
}

const ends = { success: "answered", failure: "failed", neutral: "broken" } as const

/** Settles what was kept for an attempt; returns what it weighs. */
const settle = (
  limiter: Limiter.Limiter,
  { held }: Ticket,
  outcome: Outcome,
  hints: Hints | undefined,
  now: number
): Cost | undefined => {
  if (held === undefined) return undefined
  const what = typeof outcome === "string" ? ends[outcome] : "rejected"
  const { requests, tokens } = limiter.settle(held, what, hints?.usage, now)
  return { requests, tokens }
}

type WithoutFields<S> = S extends unknown
  ? Omit<
      S,
      "row" | "attempt" | "epoch" | "inFlight" | "latency" | "sequence" | "startedWith" | "bound" | "hints" | "cost"
    >
  : never

/** What differs from one sample to another. */
type SampleOf = WithoutFields<Sample>
