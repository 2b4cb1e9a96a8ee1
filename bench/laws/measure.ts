/** One law on one server, over several seeds. */
import type { ControlLaw } from "effect-aimd"
import { Report, Simulation, Workload, type Trace } from "effect-aimd/testing"
import { Exit } from "effect"
import type { Server, shared } from "./servers.js"

/** The name of a law of this library, or a law. */
export type Law = "window" | "delay" | ControlLaw.ControlLaw

export interface Figures {
  /** Share of the ideal; 0 where it never ended. */
  readonly share: number
  /** Rejected calls for each success. */
  readonly rejected: number
  /** Milliseconds from the end of the outage to the next success. */
  readonly firstSuccess: number
}

export interface Summary {
  readonly median: Figures
  readonly worst: Figures
}

const poolSize = 64

/** A law that needs so many times the ideal time has lost, and need not be watched to the end. */
const patience = 5

const sorted = (values: ReadonlyArray<number>): ReadonlyArray<number> => [...values].sort((a, b) => a - b)

export const median = (values: ReadonlyArray<number>): number => sorted(values)[Math.floor(values.length / 2)] ?? NaN

const worldOf = (server: Server, law: Law, seed: number, rows: number): Simulation.World => ({
  api: { model: server.model, latency: server.latency, hints: server.hints },
  clients: [
    {
      pool: { poolSize, control: law, maxCapacityRetry: "10 hours" },
      workload: Workload.atOnce(rows, server.tokens === undefined ? { seed } : { seed, tokens: server.tokens })
    }
  ]
})

export const once = (
  server: Server,
  law: Law,
  seed: number,
  rows = server.rows,
  observers: ReadonlyArray<Trace.Observer> = []
): Figures => {
  let successes = 0
  let rejections = 0
  const count: Trace.Observer = (event) => {
    if (event._tag !== "ended") return
    if (event.outcome === "capacity") rejections += 1
    else successes += 1
  }
  const { exit } = Simulation.run(worldOf(server, law, seed, rows), {
    seed,
    checkers: [],
    observers: [count, ...observers],
    recoveries: server.outage === undefined ? [] : [server.outage.until],
    // Enough for some fifty rejections a success; who needs more has lost.
    maxEvents: 10_000 + rows * 400,
    maxVirtualTime: `${patience * 7200} seconds`
  })
  if (Exit.isFailure(exit)) return { share: 0, rejected: rejections / Math.max(1, successes), firstSuccess: Infinity }
  const { recoveries, shareOfIdeal } = exit.value
  return {
    share: shareOfIdeal,
    rejected: rejections / Math.max(1, successes),
    firstSuccess: recoveries[0]?.firstSuccess ?? 0
  }
}

export const summarize = (server: Server, law: Law, seeds: number, rows = server.rows): Summary => {
  const runs: Array<Figures> = []
  for (let seed = 1; seed <= seeds; seed++) {
    runs.push(once(server, law, seed, rows))
    // Who never ends on three seeds never ends.
    if (seed === 3 && runs.every((run) => run.share === 0)) break
  }
  const of = (pick: (figures: Figures) => number) => runs.map(pick)
  return {
    median: {
      share: median(of((f) => f.share)),
      rejected: median(of((f) => f.rejected)),
      firstSuccess: median(of((f) => f.firstSuccess))
    },
    worst: {
      share: Math.min(...of((f) => f.share)),
      rejected: Math.max(...of((f) => f.rejected)),
      firstSuccess: Math.max(...of((f) => f.firstSuccess))
    }
  }
}

export interface Fairness {
  readonly utilisation: number
  readonly jain: number
  readonly rejected: number
}

/** Clients that join five seconds apart and have work for longer than is watched; counted from when the last has joined. */
export const share = (
  { capacity, latency, model }: (typeof shared)[number],
  law: Law,
  clients: number,
  seed: number,
  span = 300_000
): Fairness => {
  const successes = Array.from({ length: clients }, () => 0)
  let rejections = 0
  const from = clients * 5000
  const until = from + span
  const count: Trace.Observer = (event) => {
    if (event._tag !== "ended" || event.at < from || event.at >= until) return
    if (event.outcome === "capacity") rejections += 1
    else if (event.outcome === "success") successes[event.client] = (successes[event.client] ?? 0) + 1
  }
  Simulation.run(
    {
      api: { model, latency },
      clients: Array.from({ length: clients }, (_, index) => ({
        joinsAt: index * 5000 + ((seed * 37 + index * 101) % 500),
        closedAt: until + 1000,
        pool: { poolSize, control: law },
        workload: Workload.atOnce(Math.ceil((capacity * until * 1.2) / 1000), { seed })
      }))
    },
    { seed, checkers: [], observers: [count], maxEvents: 20_000_000 }
  )
  const total = successes.reduce((sum, n) => sum + n, 0)
  return {
    utilisation: total / ((capacity * span) / 1000),
    jain: Report.jain(successes),
    rejected: rejections / Math.max(1, total)
  }
}
