/**
 * The law at work: it is told what came of each attempt, and what it decides is kept within the pool's own bounds.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as MetricLabel from "effect/MetricLabel"
import * as AimdDelay from "../law/AimdDelay.js"
import type { ControlLaw, Decision, Sample, Starts } from "../law/ControlLaw.js"
import * as DelayLaw from "../law/DelayLaw.js"
import * as Ramp from "../law/Ramp.js"
import type { PoolConfig } from "../PoolConfig.js"
import * as PoolStats from "../PoolStats.js"
import * as LawGuard from "./LawGuard.js"

/**
 * What a law has decided.
 *
 * @since 0.2.0
 * @category models
 */
export interface Steering {
  /** With the size that the pool has now. */
  readonly config: PoolConfig
  /** Within the pool's bounds. */
  readonly decision: Decision
  /** The latest changes, oldest first. */
  readonly changes: ReadonlyArray<PoolStats.Change>
  /** Lets somebody hear of every change; returns how to stop. */
  readonly onChange: (listener: (change: PoolStats.Change) => void) => () => void
  /**
   * Tells the law of an attempt. Throws, once, where the law is broken: the delay law goes on in its place, within the
   * window that was decided last.
   */
  readonly step: (sample: Sample, now: number, starts: Starts) => void
  /** The name of the law at work, and what a later process may begin with. */
  readonly law: string
  readonly learned: () => unknown
  /** Begins anew with what an earlier process has learned. */
  readonly learn: (learned: unknown, now: number) => void
  /** The pool has another size: a law that can be told of it is, and no decision goes beyond it. */
  readonly resize: (poolSize: number, now: number) => void
}

/**
 * What a steering needs of its pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options<State> {
  readonly config: PoolConfig
  readonly law: ControlLaw<State>
  readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  readonly now: number
  /** The change as the pool shows it, on the wall clock. */
  readonly change: (decision: Decision, now: number) => PoolStats.Change
  /** There is another decision in force. */
  readonly onDecision: () => void
}

/** A law with a state of its own, which nobody else knows the type of. */
interface Running {
  readonly name: string
  readonly learned: () => unknown
  decided: Decision
  step: (sample: Sample, now: number, starts: Starts) => Decision
  resize: (poolSize: number, now: number) => Decision
}

const run = <State>(law: ControlLaw<State>, poolSize: number, now: number, learned?: unknown): Running => {
  const guarded = LawGuard.make(law)
  let { decision, state } = guarded.initial(poolSize, now, learned)
  return {
    name: law.name,
    learned: () => guarded.learned?.(state),
    decided: decision,
    step: (sample, at, starts) => {
      ;({ decision, state } = guarded.step(state, sample, at, starts))
      return decision
    },
    resize: (size, at) => {
      if (guarded.resize !== undefined) ({ decision, state } = guarded.resize(state, size, at))
      return decision
    }
  }
}

/**
 * Puts a law to work; throws where it is broken from the start.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <State>(options: Options<State>): Steering => {
  const { change, labels, law, onDecision } = options
  let { config } = options
  let bounded = bounds(config)
  const changes: Array<PoolStats.Change> = []
  const listeners = new Set<(change: PoolStats.Change) => void>()
  let running = run(law, config.poolSize, options.now)
  let { decided } = running
  let decision = bounded(decided, options.now)
  PoolStats.recordDelay(decision.delay, labels)

  const apply = (next: Decision, now: number): void => {
    if (next === decided) return
    const last = decision
    decided = next
    decision = bounded(next, now)
    if (decision.delay !== last.delay) PoolStats.recordDelay(decision.delay, labels)
    if (isNews(last, decision)) {
      const news = change(decision, now)
      changes.push(news)
      if (changes.length > 2 * PoolStats.changesKept) changes.splice(0, PoolStats.changesKept)
      for (const listener of listeners) listener(news)
    }
    onDecision()
  }

  return {
    get config() {
      return config
    },
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
    resize: (poolSize, now) => {
      config = { ...config, poolSize }
      bounded = bounds(config)
      // A copy is another decision, so that it is bounded anew.
      apply({ ...running.resize(poolSize, now) }, now)
    },
    step: (sample, now, starts) => {
      let next: Decision
      try {
        next = running.step(sample, now, starts)
      } catch (defect) {
        running = run(DelayLaw.make(AimdDelay.parameters(config)), decision.window, now)
        apply(running.decided, now)
        throw defect
      }
      apply(next, now)
    },
    get law() {
      return running.name
    },
    learned: () => running.learned(),
    learn: (learned, now) => {
      running = run(law, config.poolSize, now, learned)
      apply(running.decided, now)
    }
  }
}

const isNews = (last: Decision, next: Decision): boolean =>
  next.window !== last.window ||
  next.holdUntil !== last.holdUntil ||
  next.reason !== last.reason ||
  next.starts?.limit !== last.starts?.limit ||
  next.starts?.period !== last.starts?.period

/** Whatever a law decides, the pool keeps its promises, and NaN is no way round them. */
const bounds = (config: PoolConfig): ((decided: Decision, now: number) => Decision) => {
  const { poolSize } = config
  const minSpacing = Duration.toMillis(config.minDispatchDelay)
  const maxHold = Duration.toMillis(config.maxRetryAfter)
  return (decided, now) => ({
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
}

const clamp = (value: number, low: number, high: number): number =>
  value > low ? Math.max(low, Math.min(value, high)) : low
