/**
 * The machine that applies a law's decisions: who may start now. It holds the permits, the gate, the hold, and the switch
 * that shuts a pool down.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as MetricLabel from "effect/MetricLabel"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { PCGRandom } from "effect/Utils"
import * as Format from "../structure/Format.js"
import * as Gate from "./Gate.js"
import * as Insider from "./Insider.js"
import type { CapacityError } from "../Capacity.js"
import type { Bound, ControlLaw, Decision, Hints, Sample } from "../law/ControlLaw.js"
import type { PoolConfig } from "../PoolConfig.js"
import * as PoolStats from "../PoolStats.js"
import * as Ramp from "../law/Ramp.js"
import * as Semaphore from "../structure/Semaphore.js"
import * as TimerQueue from "../structure/TimerQueue.js"

/**
 * The stamp of a started attempt: the congestion epoch and the instant it was admitted in, and what let it wait till then.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ticket {
  readonly epoch: number
  readonly startedAt: number
  /** Which start of the pool, from 1. */
  readonly sequence: number
  /** Attempts in flight then, this one included. */
  readonly startedWith: number
  readonly bound: Bound
}

/**
 * What came of an attempt, as far as the law cares.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = "success" | "neutral" | CapacityError

/**
 * Whoever asks for starts: a batch, or all callers of `execute` together. Parties are served turn by turn.
 *
 * @since 0.1.0
 * @category models
 */
export interface Party {
  /** Starts one attempt now; returns whether another waits. */
  readonly start: (ticket: Ticket) => boolean
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
  /** The latest decisions, oldest first. */
  readonly changes: ReadonlyArray<PoolStats.Change>
  /** Lets somebody hear of every change; returns how to stop. */
  readonly onChange: (listener: (change: PoolStats.Change) => void) => () => void
  readonly holdUntil: number
  /** Longest `Retry-After` seen, in milliseconds, before it was capped. */
  readonly longestRetryAfter: number
  readonly isShutdown: boolean
  readonly inFlight: number
  readonly enter: (party: Party) => void
  readonly exit: (party: Party) => void
  /** Asks for starts on behalf of a party, until its `start` returns false. */
  readonly queue: (party: Party) => Semaphore.Place
  readonly leave: (place: Semaphore.Place) => void
  /** Gives back the permit of a start for which nothing was left to do. */
  readonly decline: () => void
  /** Steps the law with an outcome and applies what it decides. The permit stays taken. */
  readonly observe: (ticket: Ticket, outcome: Outcome, now: number, hints: Hints | undefined) => void
  /** Gives back the permit of an attempt that has ended. */
  readonly release: () => void
  /** Nothing starts from now on. */
  readonly shutdown: (interrupt: boolean) => void
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
  Effect.zipWith(TimerQueue.make, Random.nextInt, (timers, seed) => {
    const { poolSize } = config
    const minSpacing = Duration.toMillis(config.minDispatchDelay)
    const maxHold = Duration.toMillis(config.maxRetryAfter)
    const tally = PoolStats.makeTally()
    const parties = new Set<Party>()
    const waitingForIdle = new Map<() => void, Insider.Insider | undefined>()
    const chance = new PCGRandom(seed)
    const gate = Gate.make(law.remembers ?? 0)
    const changes: Array<PoolStats.Change> = []
    const listeners = new Set<(change: PoolStats.Change) => void>()

    // A law may be the user's own: whatever it decides, the pool keeps its promises, and NaN is no way round them.
    const bounded = (decided: Decision, now: number): Decision => ({
      ...decided,
      window: clamp(Math.floor(decided.window), 1, poolSize),
      spacing: clamp(decided.spacing, minSpacing, maxHold),
      holdUntil: clamp(decided.holdUntil, 0, now + maxHold),
      delay: clamp(decided.delay, 0, Infinity),
      ramp:
        decided.ramp &&
        Ramp.make(
          clamp(decided.ramp.from, 0, Infinity),
          clamp(decided.ramp.every, 1, maxHold),
          clamp(decided.ramp.most, 1, poolSize)
        )
    })

    let { decision: decided, state } = law.initial(poolSize, timers.now())
    let decision = bounded(decided, timers.now())
    PoolStats.recordDelay(decision.delay, labels)
    /** When the gate was last asked, which is when whoever it lets through starts. */
    let asked = 0
    let sequence = 0
    /** The instant up to which the API itself asked for silence. */
    let hintUntil = 0
    let longestRetryAfter = 0
    let isShutdown = false
    let notice: string | undefined
    /** Opens the gate; undefined while the gate is open or nobody waits at it. */
    let opening: TimerQueue.Timer | undefined

    const holdUntil = (): number => Math.max(hintUntil, decision.holdUntil)

    const isOpen = (): boolean => {
      asked = timers.now()
      const opensAt = gate.opensAt(decision, holdUntil(), asked)
      if (TimerQueue.isDue(opensAt, asked)) return true
      if (opening === undefined || opening.at !== opensAt) {
        if (opening !== undefined) timers.remove(opening)
        opening = timers.add(opensAt, () => {
          opening = undefined
          permits.serve()
        })
      }
      return false
    }

    const permits = Semaphore.make(decision.window, isOpen)

    /** Lets the window grow when that is due; undefined while it does not grow, or nobody waits for it. */
    let growing: TimerQueue.Timer | undefined

    const resize = (): void => {
      if (growing !== undefined) timers.remove(growing)
      const now = timers.now()
      permits.resize(Ramp.windowAt(decision, now))
      const growsAt = Ramp.nextAt(decision, now)
      growing = growsAt === undefined ? undefined : timers.add(growsAt, grow)
    }

    const grow = (): void => {
      growing = undefined
      if (permits.waiting > 0) resize()
    }

    const noteChange = (at: number): void => {
      const { delay, reason, saturatedSince, spacing, window } = decision
      const change = { at, window, spacing, delay, holdUntil: holdUntil(), saturatedSince, reason }
      changes.push(change)
      if (changes.length > 2 * PoolStats.changesKept) changes.splice(0, PoolStats.changesKept)
      for (const listener of listeners) listener(change)
    }

    const apply = (next: Decision, now: number): void => {
      if (next === decided) return
      const last = decision
      decided = next
      decision = bounded(next, now)
      if (decision.delay !== last.delay) PoolStats.recordDelay(decision.delay, labels)
      if (decision.window !== last.window || decision.holdUntil !== last.holdUntil || decision.reason !== last.reason) {
        noteChange(now)
      }
      // Serves the line even where the window stayed: the gate may open earlier than before.
      resize()
    }

    const heed = (hint: number, now: number): number => {
      const retryAfter = Math.min(hint, maxHold)
      if (hint > maxHold && hintUntil <= now) {
        const [asked, cap] = [Duration.millis(hint), config.maxRetryAfter].map(Format.duration)
        notice = `pool "${config.name}": the API asks for ${asked} of silence; it gets ${cap}, the maxRetryAfter`
      }
      longestRetryAfter = Math.max(longestRetryAfter, hint)
      // Pools that were sent away at once must not come back at once.
      const spread = Math.floor(chance.number() * (decision.alone ?? 0))
      hintUntil = Math.max(hintUntil, Math.min(now + retryAfter + spread, now + maxHold))
      return retryAfter
    }

    const isIdle = (insider: Insider.Insider | undefined): boolean => {
      if (insider?.inFlight !== true) return permits.inUse === 0
      const insiders = new Set([insider, ...waitingForIdle.values()].filter((i) => i?.inFlight === true))
      return permits.inUse <= insiders.size
    }

    const wakeWhenIdle = (): void => {
      for (const [resume, insider] of waitingForIdle) {
        if (isIdle(insider)) {
          waitingForIdle.delete(resume)
          resume()
        }
      }
    }

    return {
      config,
      timers,
      tally,
      labels,
      get decision() {
        return decision
      },
      get changes() {
        return changes.slice(-PoolStats.changesKept)
      },
      onChange: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
      get holdUntil() {
        return holdUntil()
      },
      get longestRetryAfter() {
        return longestRetryAfter
      },
      get isShutdown() {
        return isShutdown
      },
      get inFlight() {
        return permits.inUse
      },
      enter: (party) => void parties.add(party),
      exit: (party) => void parties.delete(party),
      queue: (party) => {
        // The window may have grown while nobody waited.
        if (decision.ramp !== undefined) resize()
        return permits.join(() => {
          sequence += 1
          const startedWith = permits.inUse
          const bound = gate.pass(decision, startedWith >= permits.permits)
          return party.start({ epoch: decision.epoch, startedAt: asked, sequence, startedWith, bound })
        })
      },
      leave: permits.leave,
      decline: () => {
        sequence -= 1
        gate.takeBack()
        permits.release()
      },
      observe: (ticket, outcome, now, hints) => {
        const { bound, epoch, sequence, startedAt, startedWith } = ticket
        const fields = { epoch, inFlight: permits.inUse, latency: now - startedAt, sequence, startedWith, bound, hints }
        let sample: Sample
        if (typeof outcome === "string") {
          sample = { _tag: outcome, ...fields }
        } else {
          gate.rejected(startedAt)
          const hint = outcome.retryAfter
          const retryAfter = hint === undefined ? undefined : heed(Duration.toMillis(hint), now)
          sample = { _tag: "capacity", status: outcome.status, retryAfter, ...fields }
        }
        const step = law.step(state, sample, now)
        state = step.state
        apply(step.decision, now)
      },
      release: () => {
        permits.release()
        if (waitingForIdle.size > 0) wakeWhenIdle()
      },
      shutdown: (interrupt) => {
        isShutdown = true
        for (const party of [...parties]) party.shutdown(interrupt)
      },
      takeNotice: () => {
        const taken = notice
        notice = undefined
        return taken
      },
      isInside: (fiber) => Insider.find(fiber.getFiberRef(Insider.current), tally) !== undefined,
      idle: Effect.flatMap(FiberRef.get(Insider.current), (current) =>
        Effect.async<void>((resume) => {
          const self = Insider.find(current, tally)
          if (isIdle(self)) return resume(Effect.void)
          const wake = (): void => resume(Effect.void)
          waitingForIdle.set(wake, self)
          return Effect.sync(() => void waitingForIdle.delete(wake))
        })
      )
    }
  })

const clamp = (value: number, low: number, high: number): number =>
  value > low ? Math.max(low, Math.min(value, high)) : low
