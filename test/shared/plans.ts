/** Worlds of processes that share a limit, and what must hold in each. */
import { Duration, Exit, Logger, LogLevel, Effect } from "effect"
import { VirtualTime } from "effect-aimd/testing"
import { mostIn, type Plan, run, type Story } from "./world.js"

export const startAt = 1_000_000

const calm: Plan = {
  options: { poolSize: 64, limits: [{ requests: 50, per: "1 second", transit: 20 }] },
  processes: 3,
  rows: 900,
  tokens: 1,
  delay: 2,
  loss: 0,
  transit: 20,
  latency: 30,
  troubles: [],
  troubleEvery: 1000,
  troubleUntil: startAt + 30_000
}

const bad: Plan = { ...calm, delay: 8, loss: 0.001 }
const reserved = { ...calm.options, processes: 3, reserve: 0.3 }

export const plans = {
  calm,
  deaths: { ...bad, troubles: ["death", "stop", "store away", "store fails"] },
  forgetful: { ...bad, options: reserved, rows: 600, troubles: ["death", "store forgets", "store away"] },
  restored: { ...bad, rows: 600, troubles: ["store restored", "store away"] },
  tokens: {
    ...bad,
    options: {
      ...reserved,
      limits: [
        { requests: 40, per: "1 second", transit: 20 },
        { tokens: 3000, per: "2 seconds", transit: 20 }
      ]
    },
    rows: 500,
    tokens: 200,
    troubles: ["death", "stop", "store away"]
  },
  bucket: {
    ...bad,
    options: { ...calm.options, limits: [{ requests: 40, per: "1 second", kind: "bucket", burst: 10, transit: 20 }] },
    rows: 500,
    troubles: ["death", "stop", "store fails"]
  }
} as const satisfies Readonly<Record<string, Plan>>

export const live = (plan: Plan, seed: number): Story => {
  const { exit } = VirtualTime.run(Effect.scoped(run(plan)).pipe(Logger.withMinimumLogLevel(LogLevel.None)), {
    seed,
    interleaving: "random",
    startAt,
    // All rows are done long before, or never.
    maxVirtualTime: "20 minutes",
    maxEvents: 1_000_000
  })
  if (Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit.cause)}`)
  return exit.value
}

/** What did not hold, in words. */
export const problemsOf = (plan: Plan, story: Story): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (story.done !== plan.rows) problems.push(`${story.done} rows of ${plan.rows} are done`)
  for (const { burst, per = 0, requests, tokens } of plan.options.limits) {
    for (const [unit, told] of [
      ["requests", requests],
      ["tokens", tokens]
    ] as const) {
      if (told === undefined) continue
      const most = burst ?? told
      const millis = (Duration.toMillis(per) * most) / told
      const seen = mostIn(story.arrivals, millis, unit)
      if (seen > most) problems.push(`${seen} ${unit} in ${millis} milliseconds, not ${most}`)
    }
  }
  return problems
}
