import { decision, type Law } from "./law.js"

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
