/** Measures the control laws on simulated servers, in virtual time; a full run writes docs/BENCHMARKS.md and the pictures. */
import type { ControlLaw } from "effect-aimd"
import type { Trace } from "effect-aimd/testing"
import { readFileSync, writeFileSync } from "node:fs"
import { table } from "../report.js"
import * as Measure from "./measure.js"
import { peers } from "./peers.js"
import { svg, type Panel } from "./picture.js"
import { servers, shared, type Server } from "./servers.js"

const names = ["targets", "all", "clients", "pictures"] as const
const options = process.argv.slice(2)
const isSmoke = options.includes("--smoke")
const only = names.find((name) => options.includes(`--only=${name}`))
const unknown = options.filter((option) => option !== "--smoke" && option !== `--only=${only ?? ""}`)
if (unknown.length > 0)
  throw new Error(`unknown option ${unknown.join(" ")}: there are --smoke and --only=${names.join("|")}`)

const seeds = isSmoke ? 1 : 10
const rowsOf = ({ rows }: Server): number => (isSmoke ? Math.min(rows, 60) : rows)
/** Enough to tell the laws apart; some send dozens of calls for each that is served. */
const comparedRows = isSmoke ? 60 : 300

const share = (value: number): string => (value === 0 ? "never" : value.toFixed(2))
const exact = (value: number): string => (value === 0 ? "never" : value.toFixed(3))
const rejected = (value: number): string => (value >= 1 ? value.toFixed(1) : value.toFixed(3))
const hintOf = ({ hints }: Server): string => (hints === "none" ? "no hint" : "Retry-After")
const describe = (server: Server): string => `${server.name}, ${hintOf(server)}`

const targets = (): string => {
  const rows = servers.map((server) => {
    console.error(`window: ${describe(server)}`)
    const { median, worst } = Measure.summarize(server, "window", seeds, rowsOf(server))
    const { outage } = server
    const due = outage === undefined ? Infinity : 1000 + 0.05 * outage.lasted
    const isMet = median.share >= server.share && median.rejected <= server.rejected && median.firstSuccess <= due
    return [
      describe(server),
      `${exact(median.share)} (${exact(worst.share)})`,
      `≥ ${server.share}`,
      `${rejected(median.rejected)} (${rejected(worst.rejected)})`,
      `≤ ${server.rejected}`,
      outage === undefined ? "" : `${(median.firstSuccess / 1000).toFixed(1)} s of ${(due / 1000).toFixed(1)} s`,
      isMet ? "met" : "**missed**"
    ]
  })
  return table(
    ["server", "share of the ideal", "target", "rejected / success", "target", "first success after", ""],
    rows
  )
}

const laws: ReadonlyArray<readonly [string, Measure.Law]> = [
  ["window (ours)", "window"],
  ["delay (ELSPETH)", "delay"],
  ...peers.map((law): readonly [string, ControlLaw.ControlLaw] => [law.name, law])
]

const comparison = (): string => {
  const compared = servers.filter((server) => server.compared === true)
  const rows = compared.map((server) => [
    describe(server),
    ...laws.map(([name, law]) => {
      console.error(`${name}: ${describe(server)}`)
      const { median, worst } = Measure.summarize(server, law, seeds, Math.min(comparedRows, server.rows))
      return `${share(median.share)} (${share(worst.share)}) / ${rejected(median.rejected)} (${rejected(worst.rejected)})`
    })
  ])
  return table(["server", ...laws.map(([name]) => name)], rows)
}

const fairness = (): string => {
  const counts = isSmoke ? [2] : [2, 4, 8]
  const shown = laws.filter(([name]) => /window \(/.test(name))
  const rows = shared.flatMap((server) =>
    counts.flatMap((clients) =>
      shown.map(([name, law]) => {
        console.error(`${name}: ${clients} clients on ${server.name}`)
        const runs = Array.from({ length: isSmoke ? 1 : 5 }, (_, seed) =>
          Measure.share(server, law, clients, seed + 1, isSmoke ? 5000 : 300_000)
        )
        const jain = runs.map((run) => run.jain)
        return [
          `${clients} clients on ${server.name}`,
          name,
          Measure.median(runs.map(({ utilisation }) => utilisation)).toFixed(3),
          `${Measure.median(jain).toFixed(3)} (${Math.min(...jain).toFixed(3)})`,
          rejected(Measure.median(runs.map((run) => run.rejected)))
        ]
      })
    )
  )
  return table(["clients", "law", "utilisation", "Jain's index (worst)", "rejected / success"], rows)
}

const watch = (server: Server, span: number, unit: "window" | "pace", limit: (seconds: number) => number): Panel => {
  const points: Array<readonly [number, number]> = []
  const rejections: Array<number> = []
  let started = 0
  const observer: Trace.Observer = (event) => {
    const seconds = event.at / 1000
    if (seconds > span) return
    if (event._tag === "ended" && event.outcome === "capacity") rejections.push(seconds)
    if (unit === "window" && event._tag === "decided") points.push([seconds, event.decision.window])
    if (unit === "pace" && event._tag === "started") {
      started += 1
      const last = points[points.length - 1]?.[0] ?? 0
      if (seconds - last >= 1) {
        points.push([seconds, started / (seconds - last)])
        started = 0
      }
    }
  }
  Measure.once(server, "window", 1, server.rows, [observer])
  // One point an instant, and none where nothing changes.
  const kept = points.filter(([at, value], i) => points[i + 1]?.[0] !== at && points[i - 1]?.[1] !== value)
  const what = unit === "window" ? "attempts that may be in flight" : "starts a second"
  return { title: describe(server), unit: what, span, limit, points: kept, rejections }
}

const named = (name: string, hints = "none"): Server => {
  const found = servers.find((server) => server.name === name && server.hints === hints)
  if (found === undefined) throw new Error(`no server ${name}`)
  return found
}

const stepped = (first: number, second: number, third: number) => (seconds: number) =>
  seconds < 100 ? first : seconds < 200 ? second : third

const pictures = (): void => {
  const docs = new URL("../../docs/", import.meta.url)
  const cap = watch(named("cap 20"), 120, "window", () => 20)
  const bucket = watch(named("bucket 10/s, burst 10"), 120, "pace", () => 10)
  const step = watch(named("20/s, then 5/s, then 40/s"), 300, "pace", stepped(20, 5, 40))
  const window = watch(named("window 600/min", "seconds"), 300, "pace", () => 10)
  const out = watch(named("bucket 20/s, out for 3 s"), 120, "pace", () => 20)
  writeFileSync(new URL("window-law.svg", docs), svg([cap, bucket, step]))
  writeFileSync(new URL("window-law-periods.svg", docs), svg([window, out]))
}

/** Replaces one part of the page; what stands around it stays. */
const write = (name: string, report: string): void => {
  const file = new URL("../../docs/BENCHMARKS.md", import.meta.url)
  const [start, end] = [`<!-- laws-${name}:start -->`, `<!-- laws-${name}:end -->`]
  const text = readFileSync(file, "utf8")
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file.pathname} needs the lines ${start} and ${end}, in this order`)
  writeFileSync(file, `${text.slice(0, from + start.length)}\n\n${report}\n\n${text.slice(to)}`)
}

const parts = { targets, all: comparison, clients: fairness }

for (const name of names) {
  if (only !== undefined && name !== only) continue
  if (name === "pictures") {
    if (!isSmoke) pictures()
    continue
  }
  const report = parts[name]()
  console.log(`${name}\n\n${report}\n`)
  if (!isSmoke) write(name, report)
}
if (isSmoke) console.log("Smoke run: the figures mean nothing, and nothing was written.")
