/** Several clients on one server, who do not know of each other. */
import { WindowLaw } from "effect-aimd"
import {
  Checker,
  Latency,
  Report,
  ServerModel,
  Simulation,
  VirtualTime,
  Workload,
  type Trace
} from "effect-aimd/testing"
import { Cause, Exit } from "effect"
import { dozens, median, overSeeds, quiet, type Law } from "./measure.js"
import { mean, poolSize } from "./servers.js"

export interface Shared {
  readonly name: string
  readonly model: ServerModel.ServerModel
  readonly latency: Latency.Latency
  /** What there is to be had, a second. */
  readonly capacity: number
}

export const shared: ReadonlyArray<Shared> = [
  {
    name: "bucket 40/s",
    model: ServerModel.tokenBucket({ rate: 40, burst: 40 }),
    latency: Latency.logNormal(1000),
    capacity: 40
  },
  {
    name: "cap 40, 2 s calls",
    model: ServerModel.concurrencyCap({ cap: 40 }),
    latency: Latency.logNormal(2000),
    capacity: 40 / (2 * mean)
  }
]

interface Fairness {
  readonly utilisation: number
  readonly jain: number
  readonly rejected: number
  readonly isCut: boolean
}

export interface FairnessSummary extends Fairness {
  readonly worstJain: number
}

/** Who is rejected dozens of times a success is watched for so many milliseconds. */
const glimpse = 10_000

/** Clients that join five seconds apart and have work for longer than is watched; counted from when the last has joined. */
export const once = (
  server: Shared,
  law: Law,
  clients: number,
  seed: number,
  span: number,
  observers: ReadonlyArray<Trace.Observer> = []
): Fairness => {
  const { capacity, latency, model } = server
  const successes = Array.from({ length: clients }, () => 0)
  let rejections = 0
  const from = clients * 5000
  const until = from + span
  const count: Trace.Observer = (event) => {
    if (event._tag !== "ended" || event.at < from) return
    if (event.outcome === "capacity") rejections += 1
    else if (event.outcome === "success") successes[event.client] = (successes[event.client] ?? 0) + 1
  }
  const total = (): number => successes.reduce((sum, n) => sum + n, 0)
  const watched: Checker.Checker = {
    name: "watched",
    start: () => (event) => {
      if (event.at >= until) return "to the end"
      return event.at >= from + glimpse && rejections > dozens * total() ? "long enough" : undefined
    }
  }
  const program = Simulation.program(
    {
      api: { model, latency },
      clients: Array.from({ length: clients }, (_, index) => ({
        joinsAt: index * 5000 + ((seed * 37 + index * 101) % 500),
        closedAt: until,
        // Who shares an API says so.
        pool: { poolSize, control: law === "window" ? WindowLaw.make({ shared: true }) : law },
        workload: Workload.atOnce(Math.ceil((capacity * until * 1.2) / 1000), { seed })
      }))
    },
    { seed, checkers: [watched], observers: [count, ...observers] }
  )
  const { exit } = VirtualTime.run(quiet(program), { seed, maxEvents: 100_000_000 })
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : new Error("a client ran out of work")
  if (!(error instanceof Checker.ViolationError)) throw error
  return {
    utilisation: total() / ((capacity * (error.at - from)) / 1000),
    jain: Report.jain(successes),
    rejected: rejections / Math.max(1, total()),
    isCut: error.at < until
  }
}

export const summarize = (server: Shared, law: Law, clients: number, seeds: number, span: number): FairnessSummary => {
  const runs = overSeeds(
    seeds,
    (seed) => once(server, law, clients, seed, span),
    ({ isCut }) => isCut
  )
  const of = (figure: Exclude<keyof Fairness, "isCut">) => runs.map((run) => run[figure])
  return {
    utilisation: median(of("utilisation")),
    jain: median(of("jain")),
    worstJain: Math.min(...of("jain")),
    rejected: median(of("rejected")),
    isCut: runs.some(({ isCut }) => isCut)
  }
}
