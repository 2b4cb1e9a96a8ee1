/** The window law on every server, beside what it is to reach there. */
import { table } from "../report.js"
import type { Crew } from "./crew.js"
import { fieldServers } from "./field.js"
import * as Format from "./format.js"
import { geometricMean, type Figures } from "./measure.js"
import { describe, failing, servers, type Server } from "./servers.js"
import { places, type Alone } from "./work.js"

/** No change: closer than this to the same server without failures. */
const same = 0.01

/** How much less may be served in the last ten minutes of a run than in the first. */
const drifting = 0.02

export const isMet = (server: Server, median: Figures, calm?: Figures): boolean => {
  const outage = server.comeback?.outage
  const isSame = ({ rejected, share }: Figures): boolean =>
    Math.abs(share - median.share) <= same && Math.abs(rejected - median.rejected) <= same
  return (
    median.share >= server.share &&
    median.rejected <= server.rejected &&
    median.drift >= 1 - drifting &&
    (outage === undefined || median.firstSuccess <= due(outage)) &&
    (calm === undefined || isSame(calm))
  )
}

/** A second, and a twentieth of the outage. */
const due = (outage: number): number => 1000 + 0.05 * outage

/** The window law in the field. */
export const field = async (crew: Crew, seeds: number, rowsOf: (server: Server) => number): Promise<string> => {
  const jobs = fieldServers.map((server): Alone => ({
    _tag: "alone",
    server: places.indexOf(server),
    law: 0,
    seeds,
    rows: rowsOf(server)
  }))
  const summaries = await crew.run(jobs)
  const found = fieldServers.flatMap((server, place) => {
    const summary = summaries[place]
    return summary === undefined ? [] : [{ server, summary }]
  })
  const met = found.filter(({ server, summary }) => isMet(server, summary.median)).length
  const mean = geometricMean(found.map(({ summary }) => summary.median.share))
  const rows = found.map(({ server, summary }) => [
    describe(server),
    Format.both(summary, (figures) => Format.share(figures, 3)),
    `≥ ${Number(server.share.toFixed(2))}`,
    Format.both(summary, ({ rejected }) => Format.rejected(rejected)),
    server.rejected === Infinity ? "" : `≤ ${Number(server.rejected.toFixed(3))}`,
    server.minutes === undefined ? "" : Format.both(summary, ({ drift }) => drift.toFixed(3)),
    Format.verdict(isMet(server, summary.median))
  ])
  return [
    `${met} of ${found.length} met; the geometric mean of the shares is ${mean.toFixed(3)}.`,
    table(["server", "share", "target", "rejected / success", "target", "last to first ten minutes", ""], rows)
  ].join("\n\n")
}

export const report = async (crew: Crew, seeds: number, rowsOf: (server: Server) => number): Promise<string> => {
  const jobs = servers.map((server, place): Alone => ({
    _tag: "alone",
    server: place,
    law: 0,
    seeds,
    rows: rowsOf(server)
  }))
  const summaries = await crew.run(jobs)
  const [calm, ...stormy] = failing.map((server) => servers.indexOf(server))
  const rows = servers.flatMap((server, place) => {
    const summary = summaries[place]
    if (summary === undefined) return []
    const outage = server.comeback?.outage
    const base = stormy.includes(place) ? summaries[calm ?? NaN] : undefined
    const alike = base === undefined ? "" : ` and ± ${same}`
    return [
      [
        describe(server),
        Format.both(summary, (figures) => Format.share(figures, 3)),
        `≥ ${server.share}${alike}`,
        Format.both(summary, ({ rejected }) => Format.rejected(rejected)),
        `≤ ${server.rejected}${alike}`,
        outage === undefined ? "" : `${Format.seconds(summary.median.firstSuccess)} of ${Format.seconds(due(outage))}`,
        Format.verdict(isMet(server, summary.median, base?.median))
      ]
    ]
  })
  return table(
    ["server", "share of the ideal", "target", "rejected / success", "target", "first success after", ""],
    rows
  )
}
