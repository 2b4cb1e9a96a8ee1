/** `npm run soak -- --minutes N`: the scenario suite, random worlds and clusters on new seeds for as long as one likes. */
import { FastCheck } from "effect"
import { drawn, live, plans, problemsOf } from "../cluster/plans.js"
import { violations as violationsOf } from "../support/checks.js"
import { run, worlds } from "../support/world.js"
import { cases, explore } from "./suite.js"

const usage = "usage: npm run soak -- --minutes N [--from SEED]"

const numberAfter = (name: string, otherwise: number): number => {
  const index = process.argv.indexOf(name)
  const value = index < 0 ? otherwise : Number(process.argv[index + 1])
  if (Number.isFinite(value) && value >= 0) return value
  console.error(`${name}: expected a number of at least 0, got ${process.argv[index + 1] ?? "nothing"}\n${usage}`)
  process.exit(2)
}

const minutes = numberAfter("--minutes", 1)
// Other seeds each time; those below 1000 are what CI tries.
const from = numberAfter("--from", 1000 + (Date.now() % 1_000_000_000))
const until = Date.now() + minutes * 60_000

let seeds = 0
let events = 0
let violations = 0
const stopped = new AbortController()
process.once("SIGINT", () => stopped.abort())

/** What is wrong with a random world of this seed; nothing, if all is well. */
const wrongWith = (calm: boolean, seed: number): string | undefined => {
  const [world] = FastCheck.sample(worlds(calm), { seed, numRuns: 1 })
  if (world === undefined) return undefined
  try {
    const found = violationsOf(world, run(world))
    return found.length === 0 ? undefined : `${found.join("\n")}\n${JSON.stringify(world)}`
  } catch (error) {
    return `${String(error)}\n${JSON.stringify(world)}`
  }
}

/** What is wrong with clusters of this seed. */
const wrongWithClusters = (seed: number): ReadonlyArray<string> =>
  [plans.window, plans.places, plans.bucket, plans.law, drawn(seed)].flatMap((plan) => {
    try {
      const problems = problemsOf(plan, live(plan, seed))
      return problems.length === 0 ? [] : [`${problems.join("\n")}\n${JSON.stringify(plan)}`]
    } catch (error) {
      return [`${String(error)}\n${JSON.stringify(plan)}`]
    }
  })

console.log(`${cases.length} cases, seeds from ${from}, for ${minutes} minutes; Ctrl-C ends it with its report`)
for (let seed = from; Date.now() < until && !stopped.signal.aborted; seed++) {
  for (const one of cases) {
    const found = explore(one, [seed])
    seeds += 1
    events += found.events
    if (found.failure === undefined) continue
    violations += 1
    console.log(`\n${one.name}, seed ${seed}\n${found.failure.message}`)
  }
  for (const calm of [true, false]) {
    const wrong = wrongWith(calm, seed)
    seeds += 1
    if (wrong === undefined) continue
    violations += 1
    console.log(`\na random world, ${calm ? "calm" : "hostile"}, seed ${seed}\n${wrong}`)
  }
  for (const wrong of wrongWithClusters(seed)) {
    violations += 1
    console.log(`\na cluster, seed ${seed}\n${wrong}`)
  }
  seeds += 5
  // Lets a Ctrl-C through.
  await new Promise(setImmediate)
}
console.log(`${seeds} seeds tried, ${events} events, ${violations} violations`)
if (violations > 0) process.exitCode = 1
