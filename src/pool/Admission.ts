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
import type { ControlLaw, Decision } from "../law/ControlLaw.js"
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
import * as Messenger from "./Messenger.js"
import * as Parties from "./Parties.js"
import * as Pause from "./Pause.js"
import * as Silence from "./Silence.js"
import * as Starts from "./Starts.js"
import * as Steering from "./Steering.js"

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
  /** The pools that may run a row: this one, or its members. */
  readonly pools: ReadonlyArray<Admission>
  /** The limiters of all pools that may run a row, this one's or those of its members. */
  readonly limiters: ReadonlyArray<Limiter.Limiter>
  /** Who keeps the limits for a start; undefined where nobody does. */
  readonly limiterOf: (ticket: Starts.Ticket | undefined) => Limiter.Limiter | undefined
  /** Set once the money is spent. */
  readonly brokeBy: PoolError.BudgetExhaustedError | undefined
  readonly inFlight: number
  readonly pause: Pause.Pause
  /** Rows and calls that were rejected, and wait for their next start. */
  readonly parked: number
  /** When the gate opens to whoever waits at it; undefined where it is open, or nobody waits. */
  readonly opensAt: number | undefined
  /**
   * What lets those wait that want to start: a pause, a hold, the window, the spacing and the limit of a period, or a limit
   * that the pool was told.
   */
  readonly heldBackBy: "pause" | "hold" | "window" | "pace" | "limit" | undefined
  /** Nothing starts until `resume`; both may come at any time, and again. */
  readonly pauseStarts: () => void
  readonly resume: () => void
  readonly resize: (poolSize: number) => void
  readonly enter: (party: Parties.Party) => void
  readonly exit: (party: Parties.Party) => void
  /** Asks for starts on behalf of a party, until its `start` returns false. */
  readonly queue: (party: Parties.Party) => Semaphore.Place
  readonly leave: (place: Semaphore.Place) => void
  /** Nothing starts before all have asked that do. */
  readonly together: (ask: () => void) => void
  /** A party with this place stands elsewhere now. */
  readonly changed: (place: Semaphore.Place) => void
  /** Something else would start next: looks again whether it may. */
  readonly lookAgain: () => void
  /** Gives back the permit of a start for which nothing was left to do. */
  readonly decline: (ticket: Starts.Ticket) => void
  /** Tells everybody of the pool what came of an attempt. */
  readonly observe: Messenger.Messenger["observe"]
  /** Notes what a start weighs in tokens. */
  readonly weighs: (sequence: number, tokens: number) => void
  /** The attempt of a start begins to run. */
  readonly began: (ticket: Starts.Ticket | undefined) => void
  /** Numbers a row that starts for the first time, from 1. */
  readonly nextRow: () => number
  /** Nobody waits any more. */
  readonly settled: () => void
  /** Gives back the permit of an attempt that has ended, which had this ticket. */
  readonly release: (ticket: Starts.Ticket | undefined) => void
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
 * A machine whose starts may be lent to somebody, who uses them later, or not at all.
 *
 * @since 0.2.0
 * @category models
 */
export interface Lending extends Admission, Pick<Starts.Starts, "adopt" | "giveBack"> {}

/**
 * Makes the machine. Its timers end with the scope. `limiterOf` makes what keeps the limits, where that is not the pool's own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <State>(
  config: PoolConfig,
  law: ControlLaw<State>,
  labels: ReadonlyArray<MetricLabel.MetricLabel>,
  limiterOf: (config: PoolConfig) => Limiter.Limiter | undefined = (told) => Limiter.make(told)
): Effect.Effect<Lending, never, Scope.Scope> =>
  Effect.gen(function* () {
    const timers = yield* TimerQueue.make
    const log = yield* FiberSet.makeRuntime<never>()
    const seed = yield* Random.nextInt
    return assemble({ config, law, labels, limiter: limiterOf(config), timers, seed, log: (line) => void log(line) })
  })

interface Parts<State> {
  readonly config: PoolConfig
  readonly law: ControlLaw<State>
  readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  readonly limiter: Limiter.Limiter | undefined
  readonly timers: TimerQueue.TimerQueue
  readonly seed: number
  readonly log: (line: Effect.Effect<void>) => void
}

const assemble = <State>(parts: Parts<State>): Lending => {
  const { labels, timers } = parts
  const tally = PoolStats.makeTally()
  const machine = connect(parts, tally)
  const { holds, idle, limiter, messenger, parties, pause, silence, starts, steering } = machine
  let rows = 0

  const admission: Lending = {
    get config() {
      return steering.config
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
      return messenger.served
    },
    mind: mindOf(machine, timers),
    get sequence() {
      return starts.history.last
    },
    get isShutdown() {
      return parties.isShutdown
    },
    get pools() {
      return pools
    },
    limiter,
    limiters: limiter === undefined ? [] : [limiter],
    limiterOf: () => limiter,
    get brokeBy() {
      return machine.brokeBy
    },
    get inFlight() {
      return starts.inFlight
    },
    pause,
    get parked() {
      return parties.parked()
    },
    get opensAt() {
      return starts.opensAt
    },
    get heldBackBy() {
      return machine.heldBackBy()
    },
    pauseStarts: () => pause.begin(timers.now()),
    resume: machine.resume,
    resize: (poolSize) => steering.resize(poolSize, timers.now()),
    enter: parties.enter,
    exit: parties.exit,
    queue: (party) => starts.queue(party.start, party.elect, party.standing),
    leave: starts.leave,
    changed: starts.changed,
    together: starts.together,
    lookAgain: starts.serve,
    decline: starts.decline,
    adopt: starts.adopt,
    giveBack: starts.giveBack,
    weighs: starts.history.weighs,
    began: (ticket) => {
      if (ticket?.held !== undefined) limiter?.ledger.begin(ticket.held.reservation, timers.now())
    },
    nextRow: () => (rows += 1),
    observe: messenger.observe,
    settled: silence.forget,
    release: machine.release,
    shutdown: parties.shutdown,
    cappedHint: holds.capped,
    takeNotice: machine.notices.take,
    isInside: (fiber) => Insider.find(fiber.getFiberRef(Insider.current), tally) !== undefined,
    idle: idle.wait
  }
  const pools = [admission]
  return admission
}

/** Makes the parts that decide who may start, each of which knows those that it asks. */
const connect = <State>({ config, labels, law, limiter, log, seed, timers }: Parts<State>, tally: PoolStats.Tally) => {
  const notices = noticeBoard()
  const parties = Parties.make()
  const holds = Holds.make(config, seed, notices.put)
  const pause = Pause.make()
  const silence = Silence.ofPool(config, tally, {
    timers,
    pause,
    inFlight: () => starts.inFlight,
    onDead: parties.giveUp,
    log
  })
  const change = (decision: Decision, now: number): PoolStats.Change => changeOf(decision, holds.until, now, timers)
  const steering = Steering.make({ config, law, labels, now: timers.now(), change, onDecision: () => starts.resize() })
  const holdUntil = (): number => Math.max(holds.until, steering.decision.holdUntil)
  const purse = moneyOf(config, limiter, tally, parties)
  const starts: Starts.Starts = Starts.make({
    timers,
    remembers: law.remembers ?? 0,
    decision: () => steering.decision,
    holdUntil,
    pause,
    ageing: Duration.toMillis(config.ageing),
    minSpacing: Duration.toMillis(config.minDispatchDelay),
    told: limiter && { limiter, onBroke: purse.onBroke }
  })
  const idle = Idle.make(tally, () => starts.inFlight)
  return {
    notices,
    parties,
    holds,
    pause,
    silence,
    steering,
    starts,
    limiter,
    get brokeBy() {
      return purse.brokeBy
    },
    idle,
    messenger: Messenger.make({ holds, silence, starts, steering, limiter, parties, notify: notices.put }),
    standing: () => change(steering.decision, timers.now()),
    heldBackBy: (): Admission["heldBackBy"] => {
      if (pause.isPaused) return "pause"
      if (holdUntil() > timers.now()) return "hold"
      if (starts.inFlight >= starts.allowed) return "window"
      return starts.isLimited ? "limit" : starts.isGated ? "pace" : undefined
    },
    resume: (): void => {
      if (!pause.isPaused) return
      pause.end(timers.now())
      silence.resumed(timers.now())
      parties.resumed()
      starts.serve()
    },
    release: () => {
      starts.release()
      if (starts.inFlight === 0) silence.idle(holds.until, timers.now())
      idle.wake()
    }
  }
}

/** The end of the pool's money. */
const moneyOf = (
  config: PoolConfig,
  limiter: Limiter.Limiter | undefined,
  tally: PoolStats.Tally,
  parties: Parties.Parties
) => {
  let brokeBy: PoolError.BudgetExhaustedError | undefined
  return {
    get brokeBy() {
      return brokeBy
    },
    onBroke: (): void => {
      const { budget = Infinity, name } = config
      const spent = limiter?.purse?.money.spent ?? 0
      brokeBy ??= new PoolError.BudgetExhaustedError({ pool: name, budget, spent, undone: PoolStats.pending(tally) })
      parties.broke(brokeBy)
    }
  }
}

/** What a user should hear of in the log; the latest stands. */
const noticeBoard = () => {
  let notice: string | undefined
  return {
    put: (text: string): void => {
      notice = text
    },
    take: (): string | undefined => {
      const taken = notice
      notice = undefined
      return taken
    }
  }
}

const mindOf = ({ starts, steering }: ReturnType<typeof connect>, timers: TimerQueue.TimerQueue): Mind => ({
  get law() {
    return steering.law
  },
  learned: steering.learned,
  learn: (learned) => {
    if (starts.history.last === 0) steering.learn(learned, timers.now())
  }
})

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
