/** Clusters, and what must hold in all of them. */
import { Exit, Logger, LogLevel } from "effect"
import { VirtualTime } from "effect-aimd/testing"
import { mostAtOnce, mostInSpan, type Plan, run, type Story } from "./world.js"

const startAt = 1_790_000_000_000

const calm: Plan = {
  pool: { poolSize: 64, limits: [{ requests: 50, per: "1 second", transit: "20 millis" }] },
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
    pool: { poolSize: 64, limits: [{ requests: 150, per: "10 seconds", transit: "20 millis" }] }
  },
  // Calls outlive the entity that let them start.
  places: {
    ...nasty,
    rows: 150,
    latency: 6000,
    // One that is stopped for longer cannot break off what it has at the API, and others get its places.
    longestStop: 3000,
    pool: { poolSize: 64, limits: [{ concurrent: 10, transit: "20 millis" }] }
  },
  bucket: {
    ...nasty,
    pool: { poolSize: 64, limits: [{ requests: 50, per: "1 second", kind: "bucket", burst: 5, transit: "20 millis" }] }
  },
  law: { ...nasty, pool: { poolSize: 16 } }
} satisfies Record<string, Plan>

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

/** What did not hold, in words. */
export const problemsOf = (plan: Plan, story: Story): ReadonlyArray<string> => {
  const problems = [...story.problems]
  if (story.done !== plan.rows) problems.push(`${story.done} rows of ${plan.rows} are done`)
  if (plan === plans.calm) {
    const most = mostInSpan(story.arrivals, 1000)
    if (most > 50) problems.push(`${most} calls in a second`)
  }
  if (plan === plans.window) {
    const most = mostInSpan(story.arrivals, 10_000)
    if (most > 150) problems.push(`${most} calls in ten seconds`)
  }
  if (plan === plans.places) {
    const most = mostAtOnce(story.arrivals)
    if (most > 10) problems.push(`${most} calls at once`)
  }
  if (plan === plans.bucket) {
    const most = mostMissing(story, 0.05)
    if (most > 5 + 1e-6) problems.push(`${most} missing in a bucket of 5`)
  }
  return problems
}
