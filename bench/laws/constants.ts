/** What becomes of the window law when one of its constants is halved or doubled: prints the table of docs/CONTROL-LAW.md. */
import type { ControlLaw, WindowLaw } from "effect-aimd"
import { readFileSync, writeFileSync } from "node:fs"
import { mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { table } from "../report.js"
import * as Measure from "./measure.js"
import { find } from "./servers.js"

const seeds = 3

const chosen = [
  ["bucket 10/s, burst 10", "none"],
  ["bucket 50/s, burst 50", "seconds"],
  ["window 600/min", "none"],
  ["cap 8", "none"],
  ["20/s, then 5/s, then 40/s", "none"],
  ["bucket 20/s, out for 5 min", "none"]
] as const

const compared = chosen.map(([name, hints]) => find(name, hints))

const source = new URL("../../src/", import.meta.url)
const files = ["WindowLaw.ts", "window/Level.ts", "window/Period.ts", "window/Rate.ts"]

/** A copy of the law in which one constant is another. */
const variant = async (name: string, factor: number): Promise<ControlLaw.ControlLaw | undefined> => {
  // Beside the originals, so that what they import is found.
  const copies = mkdtempSync(join(new URL("../../node_modules/.cache-", import.meta.url).pathname))
  try {
    let changed = ""
    for (const file of files) {
      const text = readFileSync(new URL(file, source), "utf8").replace(
        new RegExp(`^const ${name} = ([\\d._]+)$`, "m"),
        (_, value: string) => {
          const number = Number(value.replaceAll("_", "")) * factor
          changed = String(Number.isInteger(Number(value)) && factor < 1 ? Math.max(1, Math.round(number)) : number)
          return `const ${name} = ${changed}`
        }
      )
      writeFileSync(join(copies, file.replace("window/", "")), text.replaceAll("./window/", "./"))
    }
    if (changed === "") throw new Error(`no constant ${name}`)
    const module = (await import(pathToFileURL(join(copies, "WindowLaw.ts")).href)) as typeof WindowLaw
    return module.make()
  } finally {
    rmSync(copies, { recursive: true })
  }
}

const constants = [
  "firstPermits",
  "growth",
  "step",
  "sharedStep",
  "leastCount",
  "paceTime",
  "paceCount",
  "windowTime",
  "sharedTime",
  "price",
  "long",
  "closedShare",
  "probeBase",
  "probeShare",
  "probeShareMost",
  "probeBudget",
  "smoothing",
  "rest",
  "constancy",
  "precision",
  "raise"
]

const cells = (law: Measure.Law): ReadonlyArray<string> =>
  compared.map((server) => {
    const { median } = Measure.summarize(server, law, seeds, Math.min(server.rows, 4000))
    return `${median.share.toFixed(2)} / ${median.rejected.toFixed(3)}`
  })

const rows = [["as it is", ...cells("window")]]
for (const name of constants) {
  for (const factor of [0.5, 2]) {
    console.error(`${name} x ${factor}`)
    const law = await variant(name, factor)
    if (law !== undefined) rows.push([`${name} × ${factor}`, ...cells(law)])
  }
}
console.log(
  table(["constant", ...compared.map(({ hints, name }) => `${name}${hints === "none" ? "" : ", hints"}`)], rows)
)
