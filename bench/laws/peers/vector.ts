import { chance, decision, type Law } from "./law.js"

interface Mean {
  readonly mean: number
  readonly variance: number
}

interface Arc {
  readonly most: number
  readonly limit: number
  readonly past: Mean | undefined
  readonly updateAt: number
  /** Of the present interval. */
  readonly sum: number
  readonly count: number
  readonly isPressed: boolean
  readonly isReached: boolean
}

const [alpha, deviations, ratio] = [0.4, 2.5, 0.9]

/** A mean and a variance that forget. */
const smoothed = ({ mean, variance }: Mean, value: number): Mean => {
  const step = alpha * (value - mean)
  return { mean: mean + step, variance: (1 - alpha) * (variance + (value - mean) * step) }
}

/** 1, 1, 2, 3, 5: of the attempt. */
const fibonacci = (attempt: number): number => {
  let [now, next] = [1, 1]
  for (let i = 1; i < attempt && now < 30; i += 1) [now, next] = [next, now + next]
  return Math.min(30, now)
}

/**
 * Vector's adaptive request concurrency (`src/sinks/util/adaptive_concurrency/controller.rs`).
 *
 * Starts at 1, with at most 200. Once a mean round trip it compares the mean of those since with the smoothed mean of before:
 * one more if the limit was reached, nothing was rejected and the round trip is no longer than that mean; nine tenths if
 * something was rejected, or the round trip is at the mean plus 2.5 deviations. A request keeps its place through its retries,
 * and the limit moves when one is done; each sleeps a share drawn by chance of 1, 1, 2, 3, 5 s and so on, at most 30.
 */
export const vectorArc: Law<Arc> = {
  name: "Vector ARC",
  initial: (poolSize, now) => {
    const interval = { sum: 0, count: 0, isPressed: false, isReached: false }
    const state = { most: Math.min(200, poolSize), limit: 1, past: undefined, updateAt: now, ...interval }
    return { state, decision: decision({ window: 1 }) }
  },
  step: (last, sample, now) => {
    const isServed = sample._tag === "success"
    const seen = {
      ...last,
      sum: last.sum + (isServed ? sample.latency : 0),
      count: last.count + (isServed ? 1 : 0),
      isPressed: last.isPressed || sample._tag === "capacity",
      isReached: last.isReached || sample.inFlight >= last.limit
    }
    const state = sample._tag === "capacity" ? seen : updated(seen, now)
    const delay = 1000 * fibonacci(sample.attempt) * chance(sample.sequence)
    return { state, decision: decision({ window: state.limit, delay }) }
  }
}

const updated = (state: Arc, now: number): Arc => {
  const { count, past, sum } = state
  const current = count === 0 ? undefined : sum / count
  if (past === undefined) {
    return current === undefined ? state : { ...state, past: { mean: current, variance: 0 }, updateAt: now + current }
  }
  if (now < state.updateAt) return state
  const next = current === undefined ? past : smoothed(past, current)
  const interval = { sum: 0, count: 0, isPressed: false, isReached: false }
  return { ...state, limit: moved(state, past, current), past: next, updateAt: now + next.mean, ...interval }
}

const moved = ({ isPressed, isReached, limit, most }: Arc, { mean, variance }: Mean, current?: number): number => {
  if (limit < most && isReached && !isPressed && current !== undefined && current <= mean) return limit + 1
  const isSlow = (current ?? 0) >= mean + deviations * Math.sqrt(variance)
  return limit > 1 && (isPressed || isSlow) ? Math.max(1, Math.floor(limit * ratio)) : limit
}
