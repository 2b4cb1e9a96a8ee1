import { chance, decision, doubled, type Law } from "./law.js"

interface Inspect {
  readonly least: number
  readonly most: number
  readonly limit: number
  readonly clean: number
  readonly peak: number
  readonly isCongested: boolean
  readonly coolUntil: number
}

/** Multiples of five from ten on. */
const nice = (round: (value: number) => number, value: number): number =>
  value < 10 ? Math.max(1, value) : 5 * round(value / 5)

/**
 * Inspect (UK AISI), adaptive connections as since 0.3.217 (`AdaptiveConcurrencyController`, "Model Concurrency" in its
 * docs).
 *
 * Starts at 20, stays between 10 and 100, or within the pool. After a round of max(limit, 4) successes of calls that were not
 * retried, in which at least 0.8 of the limit was in use, it doubles; once it was congested it grows by 5 %, up to a multiple
 * of five. A 429 ends the round and cuts by a fifth, down to a multiple of five, but not within 15 s of the last cut, in which
 * nothing counts. Other rejections only spoil their own call. A call sleeps 3 s, doubled each time, up to half an hour, and up
 * to a second more; no hint is heeded.
 */
export const inspect: Law<Inspect> = {
  name: "Inspect",
  initial: (poolSize) => {
    const [most, least] = [Math.min(100, poolSize), Math.min(10, poolSize)]
    const limit = Math.min(20, most)
    const state = { least, most, limit, clean: 0, peak: 0, isCongested: false, coolUntil: -Infinity }
    return { state, decision: decision({ window: limit }) }
  },
  step: (last, sample, now) => {
    const isCooling = now < last.coolUntil
    let next = isCooling ? last : { ...last, peak: Math.max(last.peak, sample.inFlight) }
    if (sample._tag === "capacity" && sample.status === 429) {
      next = { ...next, clean: 0, isCongested: true }
      if (!isCooling) {
        const limit = Math.max(last.least, nice(Math.floor, Math.floor(last.limit * 0.8)))
        next = { ...next, peak: 0, limit, coolUntil: now + 15_000 }
      }
    } else if (sample._tag === "success" && sample.attempt === 1 && !isCooling) {
      next = { ...next, clean: next.clean + 1 }
      if (next.clean >= Math.max(last.limit, 4)) {
        const grown = last.isCongested
          ? nice(Math.ceil, last.limit + Math.max(1, Math.round(last.limit * 0.05)))
          : last.limit * 2
        const limit = next.peak >= 0.8 * last.limit ? Math.min(last.most, grown) : last.limit
        next = { ...next, clean: 0, peak: 0, limit }
      }
    }
    const delay = doubled(3000, sample.attempt, 1_800_000) + 1000 * chance(sample.sequence)
    return { state: next, decision: decision({ window: next.limit, delay }) }
  }
}
