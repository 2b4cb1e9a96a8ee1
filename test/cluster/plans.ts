/** Clusters, and what must hold in all of them. */
import { Duration, Effect, Exit, Logger, LogLevel, Random } from "effect"
import type { PoolConfig } from "effect-aimd"
import { VirtualTime } from "effect-aimd/testing"
import { mostAtOnce, mostInSpan, type Plan, run, type Story } from "./world.js"

export const startAt = 1_790_000_000_000

const calm: Plan = {
  pool: { poolSize: 64 },
  limits: [{ requests: 50, per: "1 second", transit: "20 millis" }],
  nodes: 3,
  rows: 600,
  patience: 4000,
  delay: 5,
  loss: 0,
  misled: 0,
  faultEvery: Infinity,
  faultsUntil: startAt,
  longestStop: 12_000,
  drift: 0.005,
  latency: 100,
  transit: 20
}

const nasty: Plan = {
  ...calm,
  delay: 50,
  loss: 0.02,
  misled: 0.1,
  faultEvery: 3000,
  faultsUntil: startAt + 40_000
}

export const plans = {
  calm,
  // Longer than a runner is waited for: what was counted has to outlive the entity.
  window: {
    ...nasty,
    rows: 800,
    limits: [{ requests: 150, per: "10 seconds", transit: "20 millis" }]
  },
  // Calls outlive the entity that let them start.
  places: {
    ...nasty,
    rows: 150,
    latency: 6000,
    limits: [{ concurrent: 10, transit: "20 millis" }]
  },
  bucket: {
    ...nasty,
    limits: [{ requests: 50, per: "1 second", kind: "bucket", burst: 5, transit: "20 millis" }]
  },
  law: { ...nasty, pool: { poolSize: 16 }, limits: [] },
  // One runner dies while nothing else goes wrong, and comes back much later.
  death: { ...calm, rows: 2400, deaths: [{ share: 2, after: 3000, backAfter: 30_000 }] as const }
} satisfies Record<string, Plan>

/** A plan that nobody has thought of. */
export const drawn = (seed: number): Plan => {
  const random = Random.make(seed)
  const share = (): number => Effect.runSync(random.next)
  const whole = (low: number, high: number) => low + Math.floor(share() * (high - low + 1))
  /** As often small as large. */
  const spread = (low: number, high: number) => low * (high / low) ** share()
  const latency = Math.round(spread(5, 5000))
  const transit = Math.round(spread(1, 50))
  const own = { transit: `${transit} millis` } as const
  const requests = whole(20, 200)
  const window: PoolConfig.Limit = { requests, per: `${whole(1, 10)} seconds`, ...own }
  const bucket: PoolConfig.Limit = { requests, per: "1 second", kind: "bucket", burst: whole(1, 20), ...own }
  const places: PoolConfig.Limit = { concurrent: whole(4, 40), ...own }
  const limits = [[window], [bucket], [places], [window, places], [bucket, places], []][whole(0, 5)] ?? []
  return {
    pool: { poolSize: whole(2, 128) },
    limits,
    nodes: whole(2, 6),
    rows: whole(50, 600),
    patience: Math.round(spread(1000, 8000)),
    delay: spread(1, 300),
    loss: 0.1 * share(),
    misled: 0.3 * share(),
    faultEvery: spread(1000, 20_000),
    faultsUntil: startAt + 1000 * whole(10, 90),
    longestStop: spread(500, 30_000),
    drift: 0.01 * share(),
    latency,
    transit
  }
}

/** Lives through a plan. */
export const live = (plan: Plan, seed: number): Story => {
  const { exit } = VirtualTime.run(run(plan).pipe(Logger.withMinimumLogLevel(LogLevel.None)), {
    seed,
    interleaving: "random",
    startAt,
    // All rows are done long before, or never.
    maxVirtualTime: "20 minutes"
  })
  if (Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit.cause)}`)
  return exit.value
}

/** The most that was ever missing in a bucket that fills so much a millisecond. */
const mostMissing = ({ arrivals }: Story, rate: number): number => {
  let missing = 0
  let most = 0
  let last = 0
  for (const { at } of arrivals) {
    missing = Math.max(0, missing - rate * (at - last)) + 1
    most = Math.max(most, missing)
    last = at
  }
  return most
}

/** What is wrong with what the API has seen of a limit, in words. */
const excess = (limit: PoolConfig.Limit, story: Story): string | undefined => {
  const { concurrent, kind, per = 0, requests = 0 } = limit
  const millis = Duration.toMillis(per)
  if (concurrent !== undefined) {
    const most = mostAtOnce(story.arrivals)
    return most > concurrent ? `${most} calls at once` : undefined
  }
  if (kind === "bucket") {
    const { burst = requests } = limit
    const most = mostMissing(story, requests / millis)
    return most > burst + 1e-6 ? `${most} missing in a bucket of ${burst}` : undefined
  }
  const most = mostInSpan(story.arrivals, millis)
  return most > requests ? `${most} calls in ${millis} milliseconds` : undefined
}

/** What did not hold, in words. */
export const problemsOf = (plan: Plan, story: Story): ReadonlyArray<string> => {
  const problems = [...story.problems]
  if (story.done !== plan.rows) problems.push(`${story.done} rows of ${plan.rows} are done`)
  for (const limit of plan.limits) {
    const problem = excess(limit, story)
    if (problem !== undefined) problems.push(problem)
  }
  return problems
}
