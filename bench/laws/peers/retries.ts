/** Who only retries: no law of a pool, but what most programs do. */
import { chance, decision, doubled, type Law } from "./law.js"

/**
 * The SDKs of OpenAI and Anthropic (`calculateDefaultRetryTimeoutMillis`), with retries enough: a call waits 0.5 s, doubled
 * each time, up to 8 s, less up to a quarter drawn by chance; a hint of less than a minute instead.
 */
export const sdk: Law<null> = {
  name: "OpenAI SDK",
  initial: () => ({ state: null, decision: decision({}) }),
  step: (state, sample) => {
    const hint = sample._tag === "capacity" ? (sample.retryAfter ?? Infinity) : Infinity
    const backoff = doubled(500, sample.attempt, 8000) * (1 - 0.25 * chance(sample.sequence))
    return { state, decision: decision({ delay: hint < 60_000 ? hint : backoff }) }
  }
}

/**
 * A plain loop: `p-limit` around a call that is tried again after a share drawn by chance of 0.5 s, doubled each time, up to
 * 30 s, and heeds no hint. Full jitter: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export const fullJitter: Law<null> = {
  name: "p-limit, full jitter",
  initial: () => ({ state: null, decision: decision({}) }),
  step: (state, sample) => ({
    state,
    decision: decision({ delay: Math.max(1, doubled(500, sample.attempt, 30_000) * chance(sample.sequence)) })
  })
}

/**
 * OpenAI cookbook, `api_request_parallel_processor.py`: nothing is sent for 15 s after an error that speaks of a rate limit;
 * after any other the call is tried again at once.
 */
export const cookbook: Law<number> = {
  name: "cookbook pause",
  initial: () => ({ state: 0, decision: decision({}) }),
  step: (last, sample, now) => {
    const state = sample._tag === "capacity" && sample.status === 429 ? now + 15_000 : last
    return { state, decision: decision({ holdUntil: state }) }
  }
}
