/**
 * Measures the control laws on simulated servers, in virtual time; a full run writes docs/LAWS.md and the pictures.
 * With `--smoke`, or with other than ten seeds (`--seeds=2`), nothing is written.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import * as Comparison from "./comparison.js"
import * as Crew from "./crew.js"
import * as Fairness from "./fairness.js"
import * as Pictures from "./pictures.js"
import * as Targets from "./targets.js"

const { values } = parseArgs({
  options: {
    smoke: { type: "boolean", default: false },
    only: { type: "string" },
    seeds: { type: "string", default: "10" },
    threads: { type: "string", default: String(availableParallelism()) }
  }
})
const { only, smoke } = values
const names = ["targets", "field", "all", "fieldAll", "clients", "pictures"]
if (only !== undefined && !names.includes(only)) throw new Error(`--only=${only}: there are ${names.join(", ")}`)

const seeds = smoke ? 1 : Number(values.seeds)
const rows = (count: number): number => (smoke ? Math.min(count, 15) : count)
const crew = Crew.make(Number(values.threads))

/** Where all laws are compared, so many are enough: they differ by more than seeds do. */
const comparedSeeds = Math.min(seeds, 3)

const parts = {
  targets: () => Targets.report(crew, seeds, (server) => rows(server.rows)),
  field: () => Targets.field(crew, seeds, (server) => rows(server.rows)),
  all: () => Comparison.report(crew, comparedSeeds, (server) => rows(server.comparedRows)),
  fieldAll: () => Comparison.field(crew, comparedSeeds, (server) => rows(server.comparedRows)),
  clients: () => Fairness.report(crew, seeds, smoke ? [2] : [2, 4, 8], smoke ? 1000 : 300_000)
}

/** Replaces one part of the page; what stands around it stays. */
const write = (name: string, report: string): void => {
  const file = new URL("../../docs/LAWS.md", import.meta.url)
  const [start, end] = [`<!-- laws-${name}:start -->`, `<!-- laws-${name}:end -->`]
  const text = readFileSync(file, "utf8")
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file.pathname} needs the lines ${start} and ${end}, in this order`)
  writeFileSync(file, `${text.slice(0, from + start.length)}\n\n${report}\n\n${text.slice(to)}`)
}

const isWritten = seeds === 10
try {
  for (const [name, report] of Object.entries(parts)) {
    if (only !== undefined && name !== only) continue
    const text = await report()
    console.log(`${name}\n\n${text}\n`)
    if (isWritten) write(name, text)
  }
  if (only === undefined || only === "pictures") {
    for (const [file, picture] of Object.entries(Pictures.draw((server) => rows(server.rows)))) {
      if (isWritten) writeFileSync(new URL(`../../docs/${file}`, import.meta.url), picture)
    }
  }
  if (!isWritten) console.log("Not the ten seeds, or not the rows, of the page: nothing was written.")
} finally {
  await crew.close()
}
