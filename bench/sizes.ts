/** How much of everything: in full, and just enough to see that it works. */
import type { Rounds } from "./measure.js"

export interface Sizes {
  /** For races of a second a contender, and for those of many. */
  readonly short: Rounds
  readonly long: Rounds
  /** Rows a round for the comparison with other libraries and for tracing. */
  readonly rows: number
  readonly growth: ReadonlyArray<number>
  readonly pending: ReadonlyArray<number>
  /** Callers that are weighed: each has a fiber of its own. */
  readonly heldCallers: ReadonlyArray<number>
  /** Waiting callers, each number ten times the one before. */
  readonly callers: ReadonlyArray<number>
  /** The same for Effect's semaphore, which takes minutes for more. */
  readonly effectCallers: ReadonlyArray<number>
  readonly simulation: {
    readonly rounds: number
    /** Each number ten times the one before. */
    readonly rows: readonly [number, number, number]
    readonly seeds: number
    readonly sleeps: number
  }
  /** Rows a round with a journal, and the rounds. */
  readonly journaled: number
  /** Rows that the next process finds done. */
  readonly recovered: ReadonlyArray<number>
  readonly journals: Rounds
  /** Rows of a batch to compare with, and of the streams. */
  readonly streams: { readonly batch: number; readonly rows: ReadonlyArray<number> }
  /** Rows that go through a cluster, and that are simulated to. */
  readonly cluster: number
  readonly simulatedCluster: number
  /** HTTP requests a round. */
  readonly requests: number
  /** The window of the limiter that is met over HTTP. */
  readonly limiter: { readonly limit: number; readonly windowMs: number }
}

export const full: Sizes = {
  short: { rounds: 9, warmUps: 1 },
  long: { rounds: 7, warmUps: 1 },
  rows: 50_000,
  growth: [10_000, 100_000, 1_000_000],
  pending: [10_000, 100_000, 1_000_000],
  heldCallers: [10_000, 100_000],
  callers: [1000, 10_000, 100_000],
  effectCallers: [1000, 2000],
  simulation: { rounds: 3, rows: [10_000, 100_000, 1_000_000], seeds: 500, sleeps: 1600 },
  journaled: 10_000,
  recovered: [10_000, 100_000],
  journals: { rounds: 3, warmUps: 0 },
  streams: { batch: 10_000, rows: [10_000, 1_000_000, 10_000_000] },
  cluster: 10_000,
  simulatedCluster: 10_000_000,
  requests: 5000,
  limiter: { limit: 600, windowMs: 60_000 }
}

export const smoke: Sizes = {
  short: { rounds: 2, warmUps: 0 },
  long: { rounds: 1, warmUps: 0 },
  rows: 200,
  growth: [10, 100, 1000],
  pending: [10, 100, 1000],
  heldCallers: [10, 100],
  callers: [10, 100, 1000],
  effectCallers: [20, 40],
  simulation: { rounds: 1, rows: [10, 100, 1000], seeds: 5, sleeps: 32 },
  journaled: 100,
  recovered: [100],
  journals: { rounds: 1, warmUps: 0 },
  streams: { batch: 100, rows: [100, 1000] },
  cluster: 100,
  simulatedCluster: 10_000,
  requests: 100,
  limiter: { limit: 50, windowMs: 500 }
}
