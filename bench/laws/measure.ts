/** One law on one server, over several seeds. */
import type { ControlLaw } from "effect-aimd"
import {
  Checker,
  Fault,
  Ideal,
  SimulatedApi,
  Simulation,
  VirtualTime,
  Workload,
  type Report,
  type Trace
} from "effect-aimd/testing"
import { Cause, Exit, Logger, LogLevel, type Effect } from "effect"
import { poolSize, type Comeback, type Server } from "./servers.js"

/** The name of a law of this library, or a law. */
export type Law = "window" | "delay" | ControlLaw.ControlLaw

export interface Figures {
  /** Share of the ideal; of a run that was cut off because it is slow, what it stays below, and else of such a run nothing. */
  readonly share: number
  readonly cut: Cut | undefined
  /** Rejected calls for each that was served, until the run ended or was cut off. */
  readonly rejected: number
  /** Milliseconds from when capacity came back to the next success, and to nine tenths of what there was to be had. */
  readonly firstSuccess: number
  readonly recovered: number
  /** Served in the last ten minutes of a run of so many, to the first ten; 1 for other runs. */
  readonly drift: number
}

export interface Summary {
  readonly median: Figures
  readonly worst: Figures
}

/** So many rejections a success are hopeless. */
export const dozens = 24

/** A law that is hopeless on so many seeds is hopeless. */
const seedsOfTheHopeless = 2

/** A law may learn, at so many rejections as if so many rows had been served. */
const credit = 500

/**
 * Why a run is cut off, and what its share stays below.
 *
 * - `never`: nothing was served for as long as the ideal takes for everything
 * - `costly`: there were dozens of rejections for each row that was served, or for each that there is
 * - `slow`: it takes many times as long as the ideal
 */
const cuts = { never: 0, costly: 0, slow: 0.2 }

export type Cut = keyof typeof cuts

const sorted = (values: ReadonlyArray<number>): ReadonlyArray<number> => [...values].sort((a, b) => a - b)

/** Of an even number the mean of the two in the middle. */
export const median = (values: ReadonlyArray<number>): number => {
  const [left, right] = [(values.length - 1) / 2, values.length / 2].map((at) => sorted(values)[Math.floor(at)] ?? NaN)
  return ((left ?? NaN) + (right ?? NaN)) / 2
}

/** Of shares: none counts for more than the whole, nor for less than a thousandth. */
export const geometricMean = (shares: ReadonlyArray<number>): number =>
  Math.exp(shares.reduce((sum, share) => sum + Math.log(Math.max(1e-3, Math.min(1, share))), 0) / shares.length)

/** Ends a run that can be called lost. */
const patience = (ideal: number, rows: number, hasOutage: boolean): Checker.Checker => ({
  name: "patience",
  start: () => {
    let [served, rejected, lastServed, rejectedSince] = [0, 0, 0, 0]
    return (event): Cut | undefined => {
      if (event._tag !== "ended") return undefined
      if (event.outcome === "capacity") {
        rejected += 1
        rejectedSince += 1
      } else {
        served += 1
        lastServed = event.at
        rejectedSince = 0
      }
      if (event.at - lastServed > ideal) return "never"
      if (event.at > ideal / cuts.slow) return "slow"
      // Who gets nothing at all is watched until that is known to be for ever.
      const isStarving = !hasOutage && rejectedSince > (dozens * Math.min(rows, credit)) / 2
      return !isStarving && rejected > dozens * Math.min(rows, served + credit) ? "costly" : undefined
    }
  }
})

const span = 10_000

/** The first ten seconds that have nine tenths of what the server can do begin so long after capacity came back. */
const recovered = (successes: ReadonlyArray<number>, { at, rate }: Comeback): number => {
  const enough = Math.ceil((0.9 * rate * span) / 1000)
  const first = successes.find((from, i) => from >= at && (successes[i + enough - 1] ?? Infinity) < from + span)
  return (first ?? Infinity) - at
}

const tenMinutes = 600_000

/** How the last ten minutes of a run compare with the first. */
const drift = (successes: ReadonlyArray<number>, minutes: number): number => {
  const served = (from: number): number => successes.filter((at) => from <= at && at < from + tenMinutes).length
  return served(minutes * 60_000 - tenMinutes) / served(0)
}

/** When all would be done at best, in milliseconds. What is never done is given its time to fail. */
const dueOf = (server: Server, seed: number, workload: ReadonlyArray<Workload.Party>): number => {
  const { budget = 0, isDead = false, latency, model, refused } = server
  const demands = workload
    .flatMap((party) => party.rows)
    .map(({ tokens }, row) => ({ at: 0, tokens, service: SimulatedApi.serviceTime(seed, latency, row, tokens) }))
  const served = isDead ? 0 : Ideal.finishedAt(model, demands, server.poolSize ?? poolSize)
  return served + (isDead || refused !== undefined ? 2 * budget : 0)
}

/** What the pool would warn of is what is measured. */
export const quiet = <A, E>(program: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Logger.withMinimumLogLevel(program, LogLevel.None)

const run = (server: Server, law: Law, seed: number, rows: number, observers: ReadonlyArray<Trace.Observer>) => {
  const { budget, comeback, costs = false, hints, isDead, latency, refused, rejectionLatency, tokens } = server
  const model = refused === undefined ? server.model : Fault.refusing({ row: refused })(server.model)
  const workload = Workload.atOnce(rows, tokens === undefined ? { seed } : { seed, tokens })
  const successes: Array<number> = []
  let rejections = 0
  const count: Trace.Observer = (event) => {
    if (event._tag !== "ended") return
    if (event.outcome === "capacity") rejections += 1
    // What fails for another reason was served as well.
    else successes.push(event.at)
  }
  const pool = { poolSize: server.poolSize ?? poolSize, control: law, maxCapacityRetry: budget ?? "10 hours" } as const
  const program = Simulation.program(
    {
      api: { model, latency, hints, ...(rejectionLatency === undefined ? {} : { rejectionLatency }) },
      clients: [{ pool, workload, costs }]
    },
    {
      seed,
      checkers: [patience(dueOf(server, seed, workload), rows, comeback?.outage !== undefined || isDead === true)],
      observers: [count, ...observers]
    }
  )
  const { exit } = VirtualTime.run(quiet(program), { seed, maxEvents: 100_000_000 })
  return { exit, successes, rejections }
}

/** Of what the server allows; where it refuses some rows, of what the others get without them; of a budget, where it is dead. */
const shareOf = (
  server: Server,
  law: Law,
  seed: number,
  rows: number,
  report: Report.Report,
  lastSuccess: number
): number => {
  const { refused, ...others } = server
  if (server.isDead === true) return (server.budget ?? NaN) / report.makespan
  if (refused === undefined) return report.shareOfIdeal
  const count = Array.from({ length: rows }, (_, row) => row).filter((row) => !refused(row)).length
  return (run(others, law, seed, count, []).successes.at(-1) ?? 0) / lastSuccess
}

export const once = (
  server: Server,
  law: Law,
  seed: number,
  rows = server.rows,
  observers: ReadonlyArray<Trace.Observer> = []
): Figures => {
  const { comeback, minutes } = server
  const { exit, rejections, successes } = run(server, law, seed, rows, observers)
  const shared = {
    rejected: rejections / Math.max(1, successes.length),
    firstSuccess: comeback ? (successes.find((at) => at >= comeback.at) ?? Infinity) - comeback.at : 0,
    recovered: comeback ? recovered(successes, comeback) : 0,
    drift: minutes === undefined ? 1 : drift(successes, minutes)
  }
  if (Exit.isSuccess(exit)) {
    return { share: shareOf(server, law, seed, rows, exit.value, successes.at(-1) ?? 0), cut: undefined, ...shared }
  }
  const error = Cause.squash(exit.cause)
  if (!(error instanceof Checker.ViolationError)) throw error
  // The only checker there is gives one of its reasons.
  const cut = error.violation as Cut
  return { share: cuts[cut], cut, ...shared }
}

/** Runs a seed after the other, until there are enough of them or enough that are hopeless. */
export const overSeeds = <Run>(
  seeds: number,
  run: (seed: number) => Run,
  isHopeless: (run: Run) => boolean
): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  while (runs.length < seeds) {
    runs.push(run(runs.length + 1))
    if (runs.length === seedsOfTheHopeless && runs.every(isHopeless)) break
  }
  return runs
}

export const summarize = (server: Server, law: Law, seeds: number, rows = server.rows): Summary => {
  const runs = overSeeds(
    seeds,
    (seed) => once(server, law, seed, rows),
    ({ cut }) => cut !== undefined
  ).toSorted((a, b) => a.share - b.share)
  const of = (figure: Exclude<keyof Figures, "cut">) => runs.map((run) => run[figure])
  return {
    median: {
      share: median(of("share")),
      cut: runs[Math.floor((runs.length - 1) / 2)]?.cut,
      rejected: median(of("rejected")),
      firstSuccess: median(of("firstSuccess")),
      recovered: median(of("recovered")),
      drift: median(of("drift"))
    },
    worst: {
      share: Math.min(...of("share")),
      cut: runs[0]?.cut,
      rejected: Math.max(...of("rejected")),
      firstSuccess: Math.max(...of("firstSuccess")),
      recovered: Math.max(...of("recovered")),
      drift: Math.min(...of("drift"))
    }
  }
}
