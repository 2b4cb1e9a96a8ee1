/**
 * A law on the servers of the clean table and of the field, a line each as it comes: for work on a law.
 *
 *     npx tsx bench/laws/quick.ts --only <regex> --seeds 2 --clean --field --law window --threads 2
 */
import { parseArgs } from "node:util"
import * as Crew from "./crew.js"
import * as Format from "./format.js"
import { geometricMean, type Summary } from "./measure.js"
import { describe, servers } from "./servers.js"
import { isMet } from "./targets.js"
import { laws, places, type Alone } from "./work.js"

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seeds: { type: "string", default: "1" },
    clean: { type: "boolean", default: false },
    field: { type: "boolean", default: false },
    law: { type: "string", default: "window" },
    threads: { type: "string", default: "1" }
  }
})
const only = new RegExp(values.only, "i")
const areAll = values.clean === values.field
const law = laws.findIndex(({ name }) => name.startsWith(values.law))
if (law < 0) throw new Error(`--law=${values.law}: there are ${laws.map(({ name }) => name).join(", ")}`)

const chosen = places.flatMap((server, place) => {
  const isClean = place < servers.length
  const isWanted = areAll || (isClean ? values.clean : values.field)
  return isWanted && only.test(`${server.group}: ${describe(server)}`) ? [{ server, place }] : []
})
const jobs = chosen.map(({ place, server }): Alone => ({
  _tag: "alone",
  server: place,
  law,
  seeds: Number(values.seeds),
  rows: server.rows
}))

const crew = Crew.make(Number(values.threads))
const tell = ({ median, worst }: Summary, job: number, seconds: number): void => {
  const { server } = chosen[job] ?? {}
  if (server === undefined) return
  const most = server.rejected === Infinity ? "" : ` of ${Number(server.rejected.toFixed(3))}`
  const drift = server.minutes === undefined ? "" : ` drift ${median.drift.toFixed(3)}`
  console.log(
    [
      isMet(server, median) ? "met   " : "MISSED",
      `${Format.share(median, 3)} (${Format.share(worst, 3)}) of ${server.share.toFixed(2)}`,
      `rejected ${Format.rejected(median.rejected)}${most}${drift}`,
      describe(server),
      `${seconds.toFixed(1)} s`
    ].join("  ")
  )
}
try {
  const summaries = await crew.run(jobs, tell)
  for (const isClean of [true, false]) {
    const part = chosen.flatMap(({ place, server }, job) => {
      const median = summaries[job]?.median
      return median !== undefined && place < servers.length === isClean ? [{ server, median }] : []
    })
    if (part.length === 0) continue
    const met = part.filter(({ median, server }) => isMet(server, median)).length
    const mean = geometricMean(part.map(({ median }) => median.share))
    console.log(`${isClean ? "clean" : "field"}: ${met} of ${part.length} met, geometric mean ${mean.toFixed(3)}`)
  }
} finally {
  await crew.close()
}
