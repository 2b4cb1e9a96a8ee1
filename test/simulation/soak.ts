/** `npm run soak -- --minutes N`: the scenario suite on new seeds for as long as one likes. */
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
// Seeds below this are what CI tries.
const from = numberAfter("--from", 1000)
const until = Date.now() + minutes * 60_000

let seeds = 0
let events = 0
let violations = 0
const stopped = new AbortController()
process.once("SIGINT", () => stopped.abort())

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
  // Lets a Ctrl-C through.
  await new Promise(setImmediate)
}
console.log(`${seeds} seeds tried, ${events} events, ${violations} violations`)
if (violations > 0) process.exitCode = 1
