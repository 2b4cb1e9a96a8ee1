import { chance, decision, doubled, type Law } from "./law.js"

interface Aws {
  readonly isEnabled: boolean
  /** Starts a second. */
  readonly fill: number
  readonly maxRate: number
  /** Seconds. */
  readonly throttledAt: number
  readonly measured: number
  /** The half second in which answers are counted, and how many came since the last one that was measured. */
  readonly bucket: number
  readonly count: number
}

const [beta, scale, smooth, leastFill] = [0.7, 0.4, 0.8, 0.5]

/**
 * AWS SDK adaptive retry: `DefaultRateLimiter`, `StandardRetryStrategy` and `DefaultRetryBackoffStrategy` of
 * smithy-typescript (`packages/core/src/submodules/retry`, before 2026 `packages/util-retry`).
 *
 * A token bucket after the first 429: on a 429 its rate is 0.7 of what was measured, or of the rate itself where that is
 * less; on a success a cubic of the time since; never over twice the measured rate nor under one in two seconds. The rate is
 * that of the answers in half seconds, smoothed by 0.8. The bucket holds a second's tokens; here it is a spacing, for in a
 * batch somebody always waits for the next token. A row sleeps a share drawn by chance of 500 ms (100 ms after 503 and 529,
 * which are no throttling there) times two to its retries so far, at most 20 s, and of a hint as much as is within 5 s more.
 * The SDK's three attempts and its budget of retries are left out: the rows would fail.
 */
export const aws: Law<Aws> = {
  name: "AWS adaptive",
  initial: (_, now) => ({
    state: {
      isEnabled: false,
      fill: leastFill,
      maxRate: 0,
      throttledAt: now / 1000,
      measured: 0,
      bucket: Math.floor(now / 1000),
      count: 0
    },
    decision: decision({})
  }),
  step: (last, sample, now) => {
    if (sample._tag === "neutral") return { state: last, decision: spaced(last, 0) }
    const seconds = now / 1000
    const bucket = Math.floor(seconds * 2) / 2
    const isOver = bucket > last.bucket
    const rate = (last.count + 1) / (bucket - last.bucket)
    const measured = isOver ? smooth * rate + (1 - smooth) * last.measured : last.measured
    const counted = { ...last, measured, bucket: isOver ? bucket : last.bucket, count: isOver ? 0 : last.count + 1 }
    const isThrottled = sample._tag === "capacity" && sample.status === 429
    const maxRate = !isThrottled ? last.maxRate : last.isEnabled ? Math.min(measured, last.fill) : measured
    const plateau = Math.cbrt((maxRate * (1 - beta)) / scale)
    const calculated = isThrottled ? beta * maxRate : scale * (seconds - last.throttledAt - plateau) ** 3 + maxRate
    const state = {
      ...counted,
      isEnabled: last.isEnabled || isThrottled,
      maxRate,
      throttledAt: isThrottled ? seconds : last.throttledAt,
      fill: Math.max(leastFill, Math.min(calculated, 2 * measured))
    }
    if (sample._tag === "success") return { state, decision: spaced(state, 0) }
    const delay = chance(sample.sequence) * doubled(isThrottled ? 500 : 100, sample.attempt, Infinity)
    const backoff = Math.floor(Math.min(20_000, delay))
    return { state, decision: spaced(state, Math.max(backoff, Math.min(sample.retryAfter ?? 0, backoff + 5000))) }
  }
}

const spaced = ({ fill, isEnabled }: Aws, delay: number) => decision({ spacing: isEnabled ? 1000 / fill : 0, delay })
