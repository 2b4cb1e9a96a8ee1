/**
 * What a cluster is worth, with real processes: `npm run proof:cluster`. Needs `JOURNAL_POSTGRES`, the address of a database
 * server. Options: `--rows 20000`, `--per-second 200`, `--processes 4`, `--seed 1`.
 */
import { Effect, Random } from "effect"
import { parseArgs } from "node:util"
import { busiestSecond, busyAfter, type Fault, type Outcome, run } from "./processes.js"

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "20000" },
    "per-second": { type: "string", default: "200" },
    processes: { type: "string", default: "4" },
    seed: { type: "string", default: "1" }
  }
})
const postgres = process.env["JOURNAL_POSTGRES"]
if (postgres === undefined) throw new Error("JOURNAL_POSTGRES names no database")
const [rows, perSecond, processes] = [Number(values.rows), Number(values["per-second"]), Number(values.processes)]
const whats: ReadonlyArray<Fault["what"]> = ["kill", "stop", "cut from database", "cut from others"]

/** One fault in each ten seconds of work, until nine tenths are done. */
const faultsOf = (seed: number): ReadonlyArray<Fault> => {
  const random = Random.make(seed)
  const chance = (): number => Effect.runSync(random.next)
  const apart = 10 * perSecond
  return Array.from({ length: Math.floor((0.9 * rows) / apart) }, (_, i) => {
    const what = whats[i % whats.length] ?? "kill"
    const longest = what === "stop" ? 9000 : 5000
    return {
      after: Math.round((i + 0.5 + 0.5 * chance()) * apart),
      process: Math.floor(chance() * processes),
      what,
      // A process that is killed is away until it shows whether its share is used without it.
      millis: Math.round(what === "kill" ? 8000 : 200 + chance() * longest)
    }
  })
}

/** Calls a second, from when a quarter has been made, and all processes are there, till nine tenths have. */
const rateOf = ({ instants }: Outcome): number => {
  const [from, to] = [Math.floor(instants.length / 4), Math.floor(0.9 * instants.length)]
  return (1000 * (to - from)) / ((instants[to] ?? 0) - (instants[from] ?? 0))
}

const show = (name: string, outcome: Outcome): void => {
  const { at, calls } = busiestSecond(outcome.instants)
  console.log(
    `${name}: ${outcome.done} rows in ${outcome.seconds.toFixed(1)} s, ${rateOf(outcome).toFixed(1)} a second once all are there; ` +
      `${outcome.calls} calls, at most ${calls} in any second of ${perSecond} (at ${(at / 1000).toFixed(1)} s; the API was held ` +
      `up for ${Math.round(outcome.heldUp)} ms); ${outcome.twice} said twice, ${outcome.outOfOrder} out of order, ` +
      `${outcome.fell} processes fell`
  )
}

const calm = { postgres, rows: Math.min(rows, 25 * perSecond), perSecond, faults: [] }
const alone = await run({ ...calm, port: 24_000, processes: 0 })
show("one process without a cluster", alone)
const together = await run({ ...calm, port: 24_100, processes })
show(`${processes} processes`, together)
const faulty = await run({ postgres, port: 24_200, processes, rows, perSecond, faults: faultsOf(Number(values.seed)) })
show(`${processes} processes with faults, seed ${values.seed}`, faulty)
for (const { at, millis, process: share, wasHome, what } of faulty.faults) {
  const again = busyAfter(faulty.instants, at, Math.floor(0.9 * perSecond))
  console.log(
    `  at ${(at / 1000).toFixed(1)} s: process ${share}${wasHome ? ", the entity's home," : ""} ${what}, ` +
      `${(millis / 1000).toFixed(1)} s; nine tenths of the limit again after ${(again / 1000).toFixed(1)} s`
  )
}

const problems: Array<string> = []
const must = (isTrue: boolean, what: string): void => void (isTrue || problems.push(what))
for (const outcome of [alone, together, faulty]) {
  must(outcome.twice === 0 && outcome.outOfOrder === 0, "a row was said twice, or out of order")
}
must(faulty.done === rows, "rows are missing")
must(rateOf(together) >= 0.95 * rateOf(alone), "the processes do less than 0.95 of one")
const most = Math.max(perSecond, busiestSecond(alone.instants).calls)
must(busiestSecond(together.instants).calls <= most, "the API had more than its limit")
for (const { at, wasHome, what } of faulty.faults) {
  const again = busyAfter(faulty.instants, at, Math.floor(0.9 * perSecond))
  must(what !== "kill" || wasHome || again <= 5000, `a dead process' share was unused for ${again} ms`)
}
for (const problem of problems) console.log(`WRONG: ${problem}`)
process.exit(problems.length === 0 ? 0 : 1)
