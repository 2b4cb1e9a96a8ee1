/**
 * The laws of others, re-stated from what they publish, behind the contract of this library. A row that is rejected waits
 * its own delay where the law has the call sleep, and keeps its place meanwhile where it does so there; it waits at the pool's
 * gate where the law has the pool wait.
 */
import type { ControlLaw } from "effect-aimd"
import { keepingPlaces } from "./asleep.js"

type Law<State> = ControlLaw.ControlLaw<State>

const decision = (fields: Partial<ControlLaw.Decision>): ControlLaw.Decision => ({
  window: Infinity,
  spacing: 0,
  holdUntil: 0,
  delay: 0,
  epoch: 0,
  reason: "",
  ...fields
})

/** A number between 0 and 1 that is the same for the same number: a law is pure. */
const chance = (n: number): number => {
  let t = Math.imul((n + 0x6d2b79f5) ^ (n >>> 15), 1 | n)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

interface Aws {
  readonly fill: number
  readonly max: number
  readonly lastThrottle: number
  readonly measured: number
  readonly bucket: number
  readonly count: number
}

/**
 * AWS SDK adaptive retry, `DefaultRateLimiter` of smithy-typescript (`packages/util-retry/src/DefaultRateLimiter.ts`): a
 * token bucket after the first throttle, CUBIC with beta 0.7 and scale 0.4, a measured rate over half seconds smoothed by
 * 0.8, at least 0.5 a second and at most twice what was measured; with the SDK's standard backoff of 100 ms x 2^n.
 */
export const aws: Law<Aws> = {
  name: "AWS adaptive",
  initial: () => {
    const state = { fill: Infinity, max: 0, lastThrottle: 0, measured: 0, bucket: 0, count: 0 }
    return { state, decision: decision({}) }
  },
  step: (last, sample, now) => {
    const seconds = now / 1000
    const bucket = Math.floor(seconds * 2) / 2
    const passed = bucket - last.bucket
    const measured = passed > 0 ? 0.8 * ((last.count + 1) / passed) + 0.2 * last.measured : last.measured
    const state = { ...last, measured, bucket, count: passed > 0 ? 0 : last.count + 1 }
    const timeWindow = (max: number) => Math.cbrt((max * 0.3) / 0.4)
    if (sample._tag === "capacity") {
      const max = Math.max(0.5, Math.min(measured, last.fill))
      const fill = Math.max(0.5, Math.min(0.7 * max, 2 * measured))
      const next = { ...state, fill, max, lastThrottle: seconds }
      const delay = Math.max(sample.retryAfter ?? 0, 100 * 2 ** 2 * chance(sample.sequence))
      return { state: next, decision: decision({ spacing: 1000 / fill, delay }) }
    }
    if (last.fill === Infinity) return { state, decision: decision({}) }
    const calculated = 0.4 * (seconds - last.lastThrottle - timeWindow(last.max)) ** 3 + last.max
    const fill = Math.max(0.5, Math.min(calculated, 2 * measured))
    return { state: { ...state, fill }, decision: decision({ spacing: 1000 / fill, delay: 200 }) }
  }
}

interface Designer {
  readonly limit: number
  readonly successes: number
  readonly holdUntil: number
}

/**
 * NVIDIA NeMo DataDesigner (`engine/models/clients/throttle`): a 429 blocks the key for Retry-After or two seconds, and
 * takes a quarter off the limit if the call had been admitted under one no higher; one more after 25 successes.
 */
export const dataDesigner: Law<Designer> = {
  name: "DataDesigner",
  initial: (poolSize) => ({
    state: { limit: poolSize, successes: 0, holdUntil: 0 },
    decision: decision({ window: poolSize })
  }),
  step: (last, sample, now) => {
    let next = last
    if (sample._tag === "capacity") {
      const limit = sample.startedWith <= last.limit ? Math.max(1, Math.floor(0.75 * last.limit)) : last.limit
      next = { limit, successes: 0, holdUntil: Math.max(last.holdUntil, now + (sample.retryAfter ?? 2000)) }
    } else if (sample._tag === "success") {
      const full = last.successes + 1 >= 25
      next = { ...last, successes: full ? 0 : last.successes + 1, limit: full ? last.limit + 1 : last.limit }
    }
    return { state: next, decision: decision({ window: next.limit, holdUntil: next.holdUntil }) }
  }
}

interface Inspect {
  readonly limit: number
  readonly clean: number
  readonly peak: number
  readonly congested: boolean
  readonly cutAt: number
  readonly cooldown: number
}

/**
 * Inspect (UK AISI), adaptive `max_connections`: doubles after a clean round of max(limit, 4) successes with a peak of at
 * least 0.8 of the limit; 5 % a round once it was congested; cuts by a fifth, once in 15 seconds or the hint. The call
 * sleeps 3 s x 2^n with jitter, as its model retries do.
 */
export const inspect: Law<Inspect> = {
  name: "Inspect",
  initial: (poolSize) => {
    const state = { limit: Math.min(10, poolSize), clean: 0, peak: 0, congested: false, cutAt: -Infinity, cooldown: 0 }
    return { state, decision: decision({ window: state.limit }) }
  },
  step: (last, sample, now) => {
    let next = { ...last, peak: Math.max(last.peak, sample.inFlight) }
    if (sample._tag === "capacity") {
      next = { ...next, clean: 0, peak: 0, congested: true }
      if (now >= last.cutAt + last.cooldown) {
        const cooldown = Math.max(15_000, sample.retryAfter ?? 0)
        next = { ...next, limit: Math.max(1, Math.floor(last.limit * 0.8)), cutAt: now, cooldown }
      }
    } else if (sample._tag === "success") {
      next = { ...next, clean: last.clean + 1 }
      if (next.clean >= Math.max(last.limit, 4)) {
        const grown = last.congested ? Math.max(last.limit + 1, Math.ceil(last.limit * 1.05)) : last.limit * 2
        next = { ...next, clean: 0, peak: 0, limit: next.peak >= 0.8 * last.limit ? grown : last.limit }
      }
    }
    const hint = sample._tag === "capacity" ? sample.retryAfter : undefined
    const delay = hint ?? 3000 * (0.5 + chance(sample.sequence))
    return { state: next, decision: decision({ window: next.limit, delay }) }
  }
}

interface Arc {
  readonly limit: number
  readonly roundEnds: number
  readonly rtt: number
  readonly pressed: boolean
}

/**
 * Vector's adaptive request concurrency (`src/sinks/util/adaptive_concurrency`): once a mean round trip one more, or nine
 * tenths on back-pressure; starts at 1; a retry waits a Fibonacci backoff from one second, here its second step.
 */
export const vectorArc: Law<Arc> = {
  name: "Vector ARC",
  initial: () => ({ state: { limit: 1, roundEnds: 0, rtt: 0, pressed: false }, decision: decision({ window: 1 }) }),
  step: (last, sample, now) => {
    const rtt =
      sample._tag !== "success" ? last.rtt : last.rtt === 0 ? sample.latency : last.rtt * 0.6 + sample.latency * 0.4
    const pressed = last.pressed || sample._tag === "capacity"
    const state =
      now < last.roundEnds
        ? { ...last, rtt, pressed }
        : {
            limit: pressed ? Math.max(1, Math.floor(last.limit * 0.9)) : last.limit + 1,
            roundEnds: now + rtt,
            rtt,
            pressed: false
          }
    return { state, decision: decision({ window: state.limit, delay: 1000 * (0.5 + chance(sample.sequence)) }) }
  }
}

interface Learned {
  readonly limit: number
  readonly window: number
  readonly windowEnds: number
  readonly seen: number
  readonly from: number
}

/**
 * Effect 4.1, `HttpClient.withRateLimiter`: learns a fixed window from a 429 with Retry-After (limit = calls seen, window
 * = elapsed + hint), forgets it after the window and a minute, never tests upward, ignores 503 and 529, and retries a 429
 * without a hint at once.
 */
export const effectLearned: Law<Learned> = {
  name: "Effect 4 learned window",
  initial: (_, now) => {
    const state = { limit: Infinity, window: 0, windowEnds: -Infinity, seen: 0, from: now }
    return { state, decision: decision({}) }
  },
  step: (last, sample, now) => {
    let next = last
    if (sample._tag === "success") next = { ...last, seen: last.seen + 1 }
    if (last.windowEnds > -Infinity && now > last.windowEnds + last.window + 60_000) {
      next = { limit: Infinity, window: 0, windowEnds: -Infinity, seen: 0, from: now }
    }
    if (
      sample._tag === "capacity" &&
      sample.status === 429 &&
      sample.retryAfter !== undefined &&
      now >= next.windowEnds
    ) {
      const limit = Math.max(1, next.seen)
      next = {
        limit,
        window: now - next.from + sample.retryAfter,
        windowEnds: now + sample.retryAfter,
        seen: 0,
        from: now + sample.retryAfter
      }
    }
    const starts =
      next.limit === Infinity ? undefined : { limit: next.limit, period: next.window, provenUntil: Infinity }
    // No wait at all would never end in a simulation: 20 milliseconds stand for it.
    return { state: next, decision: decision({ starts, holdUntil: Math.max(0, next.windowEnds), delay: 20 }) }
  },
  remembers: 16_384
}

/**
 * Exponential backoff with full jitter for each call on its own, from 0.5 s to 8 s: the OpenAI and Anthropic SDKs with
 * retries enough; Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. The exponent follows the share of
 * rejections, for a law is not told which attempt of a row failed.
 */
export const fullJitter: Law<number> = {
  name: "full jitter",
  initial: () => ({ state: 0, decision: decision({ delay: 500 }) }),
  step: (last, sample) => {
    const state = sample._tag === "capacity" ? Math.min(1, last * 0.9 + 0.1) : last * 0.9
    const cap = Math.min(8000, 500 * 2 ** (4 * state + 1))
    const hint = sample._tag === "capacity" ? sample.retryAfter : undefined
    return { state, decision: decision({ delay: Math.max(1, hint ?? cap * chance(sample.sequence)) }) }
  }
}

/** OpenAI cookbook, `api_request_parallel_processor.py`: the whole pool pauses for 15 s after a 429. */
export const cookbook: Law<number> = {
  name: "cookbook pause",
  initial: () => ({ state: 0, decision: decision({}) }),
  step: (last, sample, now) => {
    const state = sample._tag === "capacity" ? now + 15_000 : last
    return { state, decision: decision({ holdUntil: state }) }
  }
}

export const peers: ReadonlyArray<ControlLaw.ControlLaw> = [
  keepingPlaces(aws),
  dataDesigner,
  keepingPlaces(inspect),
  vectorArc,
  keepingPlaces(effectLearned),
  keepingPlaces(fullJitter),
  cookbook
]
