/**
 * The machine that applies a law's decisions: who may start now. It holds the permits, the gate, the hold, and the switch
 * that shuts a pool down.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import type * as MetricLabel from "effect/MetricLabel"
import type * as Scope from "effect/Scope"
import * as Format from "./Format.js"
import * as Insider from "./Insider.js"
import type { CapacityError } from "./Capacity.js"
import type { ControlLaw, Decision, Hints, Sample } from "./ControlLaw.js"
import type { PoolConfig } from "./PoolConfig.js"
import * as PoolStats from "./PoolStats.js"
import * as Semaphore from "./Semaphore.js"
import * as TimerQueue from "./TimerQueue.js"

/**
 * The stamp of a started attempt: the congestion epoch and the instant it was admitted in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ticket {
  readonly epoch: number
  readonly startedAt: number
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
  /** Steps the law with an outcome and applies what it decides. The permit stays taken. */
  readonly observe: (ticket: Ticket, outcome: Outcome, now: number, hints: Hints | undefined) => void
  /** Gives back the permit of an attempt that has ended. */
  readonly release: () => void
  /** Nothing starts from now on. */
  readonly shutdown: (interrupt: boolean) => void
  /** Hands out, once, what a user should hear of in the log. */
  readonly takeNotice: () => string | undefined
  /** Tells the fibers of an effect that they run an attempt of this pool. */
  readonly inside: <A, E, R>(effect: Effect.Effect<A, E, R>, insider: Insider.Insider) => Effect.Effect<A, E, R>
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
  Effect.map(TimerQueue.make, (timers) => {
    const { poolSize } = config
    const minSpacing = Duration.toMillis(config.minDispatchDelay)
    const maxHold = Duration.toMillis(config.maxRetryAfter)
    const tally = PoolStats.makeTally()
    const parties = new Set<Party>()
    const insider = Insider.makeRef()
    const waitingForIdle = new Map<() => void, Insider.Insider | undefined>()

    // A law may be the user's own: whatever it decides, the pool keeps its promises, and NaN is no way round them.
    const bounded = (decided: Decision, now: number): Decision => ({
      ...decided,
      window: clamp(Math.floor(decided.window), 1, poolSize),
      spacing: clamp(decided.spacing, minSpacing, maxHold),
      holdUntil: clamp(decided.holdUntil, 0, now + maxHold),
      delay: clamp(decided.delay, 0, Infinity)
    })

    let { decision: decided, state } = law.initial(poolSize, timers.now())
    let decision = bounded(decided, timers.now())
    /** When the gate was last asked, which is when whoever it lets through starts. */
    let asked = 0
    let lastStart = -Infinity
    let ticket: Ticket = { epoch: 0, startedAt: 0 }
    /** The instant up to which the API itself asked for silence. */
    let hintUntil = 0
    let longestRetryAfter = 0
    let isShutdown = false
    let notice: string | undefined
    /** Opens the gate; undefined while the gate is open or nobody waits at it. */
    let opening: TimerQueue.Timer | undefined

    const holdUntil = (): number => Math.max(hintUntil, decision.holdUntil)

    const gate = (): boolean => {
      asked = timers.now()
      const opensAt = Math.max(lastStart + decision.spacing, holdUntil())
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

    const permits = Semaphore.make(decision.window, gate)

    const apply = (next: Decision, now: number): void => {
      if (next === decided) return
      decided = next
      decision = bounded(next, now)
      PoolStats.recordDelay(decision.delay, labels)
      // Serves the line even where the window stayed: the gate may open earlier than before.
      permits.resize(decision.window)
    }

    const heed = (hint: number, now: number): number => {
      const retryAfter = Math.min(hint, maxHold)
      if (hint > maxHold && hintUntil <= now) {
        const [asked, cap] = [Duration.millis(hint), config.maxRetryAfter].map(Format.duration)
        notice = `pool "${config.name}": the API asks for ${asked} of silence; it gets ${cap}, the maxRetryAfter`
      }
      longestRetryAfter = Math.max(longestRetryAfter, hint)
      hintUntil = Math.max(hintUntil, now + retryAfter)
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
      queue: (party) =>
        permits.join(() => {
          lastStart = asked
          // Attempts of one millisecond and epoch share their ticket: at full speed there are many.
          if (ticket.startedAt !== asked || ticket.epoch !== decision.epoch) {
            ticket = { epoch: decision.epoch, startedAt: asked }
          }
          return party.start(ticket)
        }),
      leave: permits.leave,
      observe: (ticket, outcome, now, hints) => {
        const fields = { epoch: ticket.epoch, inFlight: permits.inUse, latency: now - ticket.startedAt, hints }
        let sample: Sample
        if (typeof outcome === "string") {
          sample = { _tag: outcome, ...fields }
        } else {
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
      inside: (effect, self) => Effect.locally(Effect.locally(effect, insider, self), Insider.current, self),
      idle: Effect.flatMap(FiberRef.get(insider), (worker) =>
        Effect.async<void>((resume) => {
          const self = worker?.current ?? worker
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
