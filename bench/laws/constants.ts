/** What becomes of the window law when one of its constants is halved or doubled: prints the tables of docs/CONTROL-LAW.md,
 * or one of them with `--alone` or `--together`. */
import type { ControlLaw, WindowLaw } from "effect-aimd"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { table } from "../report.js"
import * as Measure from "./measure.js"
import { find } from "./servers.js"
import * as Sharing from "./sharing.js"

const seeds = 1
const mostRows = 3000

const chosen = [
  ["bucket 10/s, burst 10", "none"],
  ["bucket 50/s, burst 50", "seconds"],
  ["window 600/min", "none"],
  ["cap 8", "none"],
  ["20/s, then 5/s, then 40/s", "none"],
  ["bucket 20/s, out for 5 min", "none"]
] as const

const compared = chosen.map(([name, hints]) => find(name, hints))

const source = fileURLToPath(new URL("../../src/", import.meta.url))
const files = ["WindowLaw.ts", ...readdirSync(join(source, "window")).map((file) => `window/${file}`)]

/** A copy of the law in which one constant of one file is another. */
const variant = async (file: string, name: string, factor: number): Promise<ControlLaw.ControlLaw> => {
  const copies = mkdtempSync(fileURLToPath(new URL("../../node_modules/.cache-", import.meta.url)))
  mkdirSync(join(copies, "window"))
  try {
    let changed = ""
    for (const one of files) {
      let text = readFileSync(join(source, one), "utf8")
      if (one === `window/${file}.ts`) {
        text = text.replace(
          new RegExp(`^((?:export )?const ${name} = )(-?[\\d._/ ]+)$`, "m"),
          (_, begin, value: string) => {
            const [over = 0, under = 1] = value.replaceAll("_", "").split("/").map(Number)
            const number = (over / under) * factor
            const isCount = Number.isInteger(over) && under === 1
            changed = String(isCount && factor < 1 ? Math.max(1, Math.round(number)) : number)
            return `${begin}${changed}`
          }
        )
      }
      // What is no part of the law is the library's own.
      const home = one.includes("/") ? `"../` : `"./`
      const imports = new RegExp(`from ${home.replaceAll(".", "\\.")}(\\w+\\.js)"`, "g")
      writeFileSync(join(copies, one), text.replace(imports, `from "${source}$1"`))
    }
    if (changed === "") throw new Error(`no constant ${name} in ${file}`)
    const module = (await import(pathToFileURL(join(copies, "WindowLaw.ts")).href)) as typeof WindowLaw
    return module.make()
  } finally {
    rmSync(copies, { recursive: true })
  }
}

const alone: ReadonlyArray<readonly [file: string, names: ReadonlyArray<string>]> = [
  ["State", ["firstPermits", "permitsCount", "price"]],
  ["Success", ["growth", "leastCount", "paceTime", "paceCount", "refilledPrice", "surplus"]],
  ["Decide", ["smoothing", "catchUp"]],
  ["Level", ["step"]],
  ["Period", ["precision", "raise"]],
  [
    "Closing",
    ["long", "closedShare", "probeBase", "probeShare", "probeShareMost", "probeCount", "probeBudget", "unserved"]
  ],
  [
    "Blame",
    ["constancy", "soon", "soonAndSpaced", "stray", "usual", "enough", "steadyRatio", "settledProgress", "fallen"]
  ],
  ["Permits", ["share", "climb", "maxPatience", "hasteLevel", "blind"]],
  ["Round", ["least", "busyShare", "climbShare"]],
  ["Rejection", ["patience"]]
]

/** Those that decide how clients share an API. */
const together: typeof alone = [
  ["State", ["shareCount"]],
  ["Blame", ["enough"]],
  ["Permits", ["share", "early", "young", "climb"]],
  ["Round", ["least", "busyShare", "climbShare"]],
  ["Share", ["cut", "climb", "climbMost", "plenty", "lone"]]
]

const cells = (law: Measure.Law): ReadonlyArray<string> =>
  compared.map((server) => {
    const { median } = Measure.summarize(server, law, seeds, Math.min(server.rows, mostRows))
    return `${median.share.toFixed(2)} / ${median.rejected.toFixed(3)}`
  })

const shares = (law: Measure.Law): ReadonlyArray<string> =>
  Sharing.shared.map((server) => {
    const { jain, rejected, utilisation } = Sharing.summarize(server, law, 4, seeds, 300_000)
    return `${utilisation.toFixed(2)} / ${jain.toFixed(2)} / ${rejected.toFixed(3)}`
  })

const rowsOf = async (which: typeof alone, figures: typeof cells): Promise<ReadonlyArray<ReadonlyArray<string>>> => {
  const rows = [["as it is", ...figures("window")]]
  for (const [file, names] of which) {
    for (const name of names) {
      for (const factor of [0.5, 2]) {
        console.error(`${file}: ${name} x ${factor}`)
        rows.push([`${file}: ${name} × ${factor}`, ...figures(await variant(file, name, factor))])
      }
    }
  }
  return rows
}

const only = process.argv[2]
if (only !== "--together") {
  const heads = compared.map(({ hints, name }) => `${name}${hints === "none" ? "" : ", hints"}`)
  console.log(table(["constant", ...heads], await rowsOf(alone, cells)))
}
if (only !== "--alone") {
  const heads = Sharing.shared.map(({ name }) => `4 clients on ${name}`)
  console.log(table(["constant", ...heads], await rowsOf(together, shares)))
}
