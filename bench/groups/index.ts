/**
 * Measures groups of pools beside the published strategies of LiteLLM's router, in virtual time, and writes the table of
 * docs/GROUPS.md. With `--smoke`, fewer rows, nothing is written.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as Run from "./run.js"
import { worlds } from "./worlds.js"

const { values } = parseArgs({
  options: { smoke: { type: "boolean", default: false }, only: { type: "string" }, way: { type: "string" } }
})
const { only, smoke, way: onlyWay } = values
const seeds = smoke ? [1] : [1, 2, 3]

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? NaN

const cellsOf = (runs: ReadonlyArray<Run.Figures>): ReadonlyArray<string> => {
  const of = (f: (figures: Run.Figures) => number): number => median(runs.map(f))
  const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`
  return [
    of(({ share }) => share).toFixed(2),
    of(({ rejected }) => rejected).toFixed(3),
    seconds(of((figures) => figures.median)),
    seconds(of(({ slow }) => slow))
  ]
}

const lines = [
  "| servers | way | share of the ideal | rejections a row | median | 95th percentile |",
  "| --- | --- | ---: | ---: | ---: | ---: |"
]
for (const world of worlds) {
  if (only !== undefined && !world.name.includes(only)) continue
  const sized = smoke ? { ...world, rows: Math.min(world.rows, 1000) } : world
  for (const way of Run.ways) {
    if (onlyWay !== undefined && way !== onlyWay) continue
    const cells = cellsOf(seeds.map((seed) => Run.run(sized, way, seed)))
    const line = `| ${world.name} | ${way === "group" ? "**group**" : `\`${way}\``} | ${cells.join(" | ")} |`
    console.log(line)
    lines.push(line)
  }
}

if (!smoke && only === undefined && onlyWay === undefined) {
  const file = new URL("../../docs/GROUPS.md", import.meta.url)
  const [start, end] = ["<!-- groups:start -->", "<!-- groups:end -->"]
  const text = readFileSync(file, "utf8")
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file.pathname} needs the lines ${start} and ${end}, in this order`)
  writeFileSync(file, `${text.slice(0, from + start.length)}\n\n${lines.join("\n")}\n\n${text.slice(to)}`)
}
