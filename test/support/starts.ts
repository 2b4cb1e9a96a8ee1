/** What a pool would remember of starts that a simulated server has judged. */
import type { ServerModel } from "effect-aimd/testing"
import * as History from "../../src/pool/History.js"

/**
 * A start, in epoch milliseconds, what became of it, how many were in flight besides, the status of a rejection, and what it
 * weighs in tokens.
 */
export type Start = readonly [
  at: number,
  fate: Parameters<History.History["ended"]>[1],
  besides?: number,
  status?: number,
  tokens?: number
]

export const startsOf = (starts: ReadonlyArray<Start>): History.History => {
  const history = History.make(Math.max(1, starts.length))
  starts.forEach(([at, fate, besides = 0, status = 429, tokens = 0], i) => {
    history.add(at, besides)
    history.weighs(i + 1, tokens)
    history.ended(i + 1, fate, fate === "capacity" ? status : 0)
  })
  return history
}

/** The starts at such instants that a server has let through or rejected. */
export const judged = <State>(
  server: ServerModel.ServerModel<State>,
  instants: ReadonlyArray<number>,
  tokensOf?: (i: number) => number
): ReadonlyArray<Start> => {
  let state = server.initial
  return instants.map((at, i) => {
    const tokens = tokensOf?.(i) ?? 0
    const [next, verdict] = server.arrive(state, {
      at,
      client: "a",
      tokens: tokensOf === undefined ? 1 : tokens,
      service: 1,
      chance: 0
    })
    state = next
    return [at, verdict._tag === "rejected" ? "capacity" : "success", 0, 429, tokens]
  })
}

/** From 100 to 1,100 tokens, as the golden ratio has it. */
export const unequal = (i: number): number => Math.round(100 + 1000 * ((i * 0.618_033_988_7) % 1))

/** Instants that are so many milliseconds apart on average, now closer and now wider, as the golden ratio has it. */
export const spread = (count: number, gap: number, from = 0): ReadonlyArray<number> => {
  let at = from
  return Array.from({ length: count }, (_, i) => (at += 2 * gap * ((i * 0.618_033_988_7) % 1)))
}

/** The starts at such instants that a cap has let through or rejected, where each that it serves takes so long. */
export const capped = (cap: number, latency: number, instants: ReadonlyArray<number>): ReadonlyArray<Start> => {
  let ends: ReadonlyArray<number> = []
  return instants.map((at, i) => {
    ends = ends.filter((end) => end > at)
    const besides = ends.length
    if (besides >= cap) return [at, "capacity", besides]
    ends = [...ends, at + 2 * latency * ((i * 0.414_213_562_4) % 1)]
    return [at, "success", besides]
  })
}
