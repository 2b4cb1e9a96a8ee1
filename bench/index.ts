/** Measures and prints, and writes docs/BENCHMARKS.md: all of it, or the section that was measured. */
import { growth } from "./growth.js"
import { http } from "./http.js"
import { journal } from "./journal.js"
import { limits } from "./limits.js"
import { memory } from "./memory.js"
import { overhead } from "./overhead.js"
import type { Section } from "./report.js"
import { render, withSection, write } from "./report.js"
import { scale } from "./scale/index.js"
import { shared } from "./shared.js"
import { simulation } from "./simulation.js"
import { full, smoke } from "./sizes.js"
import { streams } from "./streams.js"
import { tracing } from "./tracing.js"
import { turns } from "./turns.js"
import { waiting } from "./waiting.js"

const options = process.argv.slice(2)
const isSmoke = options.includes("--smoke")
const only = options.includes("--only") ? options[options.indexOf("--only") + 1] : undefined
const unknown = options.filter((option) => !["--smoke", "--only", only].includes(option))
if (unknown.length > 0) throw new Error(`unknown option ${unknown.join(" ")}: there are --smoke and --only SECTION`)

const all = [
  overhead,
  growth,
  memory,
  streams,
  waiting,
  limits,
  shared,
  turns,
  tracing,
  simulation,
  http,
  journal,
  scale
]
const wanted = all.filter(({ name }) => only === undefined || name === only)
if (wanted.length === 0) throw new Error(`--only: expected one of ${all.map(({ name }) => name).join(", ")}`)

const sections = new Array<Section>()
for (const measure of wanted) {
  console.error(`${measure.name} ...`)
  sections.push(await measure(isSmoke ? smoke : full))
}

const report = render(sections)
console.log(report)
const page = new URL("../docs/BENCHMARKS.md", import.meta.url)
if (isSmoke) console.log("\nSmoke run: every result is right; the figures mean nothing, and nothing was written.")
else if (only === undefined) write(page, () => report)
else write(page, (before) => sections.reduce(withSection, before))
