/** All laws on all servers, a table a figure. */
import { table } from "../report.js"
import type { Crew } from "./crew.js"
import { fieldServers } from "./field.js"
import * as Format from "./format.js"
import { geometricMean, median, type Figures, type Summary } from "./measure.js"
import { describe, servers, type Server } from "./servers.js"
import { isMet } from "./targets.js"
import { laws, places, type Alone } from "./work.js"

interface Row {
  readonly server: Server
  /** One a law. */
  readonly summaries: ReadonlyArray<Summary>
}

interface Cell {
  readonly text: string
  /** The lower the better; those that share the first place are all the best, and what is infinite never is. */
  readonly rank: number
}

const perLaw = (rows: ReadonlyArray<Row>, cellOf: (summary: Summary) => Cell): string =>
  table(
    ["server", ...laws.map(({ name }) => name)],
    rows.map(({ server, summaries }) => {
      const cells = summaries.map(cellOf)
      const best = Math.min(...cells.map(({ rank }) => rank))
      return [
        describe(server),
        ...cells.map(({ rank, text }) => (rank === best && rank < Infinity ? `**${text}**` : text))
      ]
    })
  )

const shares = (rows: ReadonlyArray<Row>): string =>
  perLaw(rows, (summary) => ({
    text: Format.both(summary, Format.share),
    rank: summary.median.cut !== undefined ? Infinity : -Number(summary.median.share.toFixed(2))
  }))

/** To be rejected seldom is easy for who hardly calls: the best is one of those that reach so much of the ideal. */
const worthwhile = 0.9

const rejections = (rows: ReadonlyArray<Row>): string =>
  perLaw(rows, (summary) => ({
    text: Format.both(summary, ({ rejected }) => Format.rejected(rejected)),
    rank:
      summary.median.cut !== undefined || summary.median.share < worthwhile
        ? Infinity
        : Number(Format.rejected(summary.median.rejected))
  }))

const comebacks = (rows: ReadonlyArray<Row>, figure: "firstSuccess" | "recovered"): string =>
  perLaw(rows, (summary) => ({
    text: Format.both(summary, (figures) => Format.seconds(figures[figure])),
    rank: Number((summary.median[figure] / 1000).toFixed(1))
  }))

/** What counts as good, and in what words. */
interface Good {
  readonly title: string
  readonly is: (server: Server, median: Figures) => boolean
}

const isFast: Good = {
  title: "≥ 0.95 of the ideal, ≤ 0.05 rejected",
  is: (_, { cut, rejected, share }) => cut === undefined && share >= 0.95 && rejected <= 0.05
}

const overview = (rows: ReadonlyArray<Row>, good: Good): string =>
  table(
    [
      "law",
      `${good.title}, of ${rows.length}`,
      "share: geometric mean",
      "median",
      "worst",
      "rejected: median",
      "worst"
    ],
    laws.map(({ name }, place) => {
      const medians = rows.flatMap(({ summaries }) => summaries[place]?.median ?? [])
      const count = rows.filter(({ server, summaries }) => {
        const summary = summaries[place]
        return summary !== undefined && good.is(server, summary.median)
      }).length
      const shares = medians.map(({ share }) => share)
      const rejected = medians.map(({ rejected }) => rejected)
      const lowest = medians.toSorted((a, b) => a.share - b.share)[0]
      return [
        name,
        String(count),
        geometricMean(shares).toFixed(2),
        median(shares).toFixed(2),
        lowest === undefined ? "" : Format.share(lowest),
        Format.rejected(median(rejected)),
        Format.rejected(Math.max(...rejected))
      ]
    })
  )

const measured = async (
  crew: Crew,
  seeds: number,
  list: ReadonlyArray<Server>,
  rowsOf: (server: Server) => number
): Promise<ReadonlyArray<Row>> => {
  const jobs = list.flatMap((server) =>
    laws.map((_, law): Alone => ({ _tag: "alone", server: places.indexOf(server), law, seeds, rows: rowsOf(server) }))
  )
  const summaries = await crew.run(jobs)
  return list.map((server, place) => ({
    server,
    summaries: summaries.slice(place * laws.length, (place + 1) * laws.length)
  }))
}

const sections = (rows: ReadonlyArray<Row>, good: Good): ReadonlyArray<string> => [
  `#### In short\n\n${overview(rows, good)}`,
  `#### Share of the ideal\n\n${shares(rows)}`,
  `#### Rejected per success\n\n${rejections(rows)}`
]

export const report = async (crew: Crew, seeds: number, rowsOf: (server: Server) => number): Promise<string> => {
  const rows = await measured(crew, seeds, servers, rowsOf)
  const changed = rows.filter(({ server }) => server.comeback !== undefined)
  const out = changed.filter(({ server }) => server.comeback?.outage !== undefined)
  return [
    ...sections(rows, isFast),
    `#### Time to recover: the first success after the outage\n\n${comebacks(out, "firstSuccess")}`,
    `#### Time to recover: nine tenths of the capacity that came back\n\n${comebacks(changed, "recovered")}`
  ].join("\n\n")
}

export const field = async (crew: Crew, seeds: number, rowsOf: (server: Server) => number): Promise<string> =>
  sections(await measured(crew, seeds, fieldServers, rowsOf), { title: "targets met", is: isMet }).join("\n\n")
