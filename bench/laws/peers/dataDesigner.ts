import { chance, decision, doubled, type Law } from "./law.js"

interface Designer {
  readonly most: number
  readonly limit: number
  readonly successes: number
  readonly holdUntil: number
}

/**
 * NVIDIA NeMo DataDesigner (`engine/models/request_admission/controller.py`, `engine/models/clients/retry.py`).
 *
 * A 429 blocks the key for Retry-After or two seconds and, if the call had been admitted under a limit no higher than the
 * present one, takes a quarter off it. 25 successes in a row while nothing is blocked add one, up to the pool's size, where it
 * also starts. 503 does not reach this law: the HTTP client tries again after two seconds, doubled each time, up to a minute
 * and less a fifth at most, or after the hint; so here with 529.
 */
export const dataDesigner: Law<Designer> = {
  name: "DataDesigner",
  initial: (poolSize) => {
    const state = { most: poolSize, limit: poolSize, successes: 0, holdUntil: 0 }
    return { state, decision: decided(state) }
  },
  step: (last, sample, now) => {
    if (sample._tag === "neutral" || (sample._tag === "success" && now < last.holdUntil)) {
      return { state: last, decision: decided(last) }
    }
    if (sample._tag === "success") {
      const isFull = last.successes + 1 >= 25
      const limit = isFull ? Math.min(last.most, last.limit + 1) : last.limit
      const state = { ...last, limit, successes: isFull ? 0 : last.successes + 1 }
      return { state, decision: decided(state) }
    }
    if (sample.status !== 429) {
      const backoff = doubled(2000, sample.attempt, 60_000) * (1 - 0.2 * chance(sample.sequence))
      return { state: last, decision: decided(last, sample.retryAfter ?? backoff) }
    }
    // The epoch is the limit under which the attempt was admitted.
    const limit = sample.epoch <= last.limit ? Math.max(1, Math.floor(0.75 * last.limit)) : last.limit
    const hint = sample.retryAfter ?? 0
    const state = { ...last, limit, successes: 0, holdUntil: now + (hint > 0 ? hint : 2000) }
    return { state, decision: decided(state) }
  }
}

const decided = ({ holdUntil, limit }: Designer, delay = 0) =>
  decision({ window: limit, holdUntil, epoch: limit, delay })
