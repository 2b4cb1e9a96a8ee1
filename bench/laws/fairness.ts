/** How several clients share a server under each law, and what the window law is to reach there. */
import { table } from "../report.js"
import type { Crew } from "./crew.js"
import * as Format from "./format.js"
import { shared, type FairnessSummary } from "./sharing.js"
import { laws, type Together } from "./work.js"

const target = { utilisation: 0.97, jain: 0.97, rejected: 0.05 }

const isMet = ({ jain, rejected, utilisation }: FairnessSummary): boolean =>
  utilisation >= target.utilisation && jain >= target.jain && rejected <= target.rejected

/** Marks what was watched for less time than the rest. */
const mark = ({ isCut }: FairnessSummary): string => (isCut ? " †" : "")

export const report = async (
  crew: Crew,
  seeds: number,
  counts: ReadonlyArray<number>,
  span: number
): Promise<string> => {
  const cases = shared.flatMap(({ name }, server) =>
    counts.map((clients) => ({ title: `${clients} on ${name}`, server, clients }))
  )
  const jobs = laws.flatMap((_, law) =>
    cases.map(({ clients, server }): Together => ({ _tag: "together", server, law, clients, seeds, span }))
  )
  const summaries = await crew.run(jobs)
  const of = (law: number): ReadonlyArray<FairnessSummary> =>
    summaries.slice(law * cases.length, (law + 1) * cases.length)
  const ours = table(
    [
      "clients",
      `utilisation (≥ ${target.utilisation})`,
      `Jain's index (≥ ${target.jain}), worst`,
      `rejected / success (≤ ${target.rejected})`,
      ""
    ],
    of(0).map((summary, place) => [
      cases[place]?.title ?? "",
      summary.utilisation.toFixed(3),
      `${summary.jain.toFixed(3)} (${summary.worstJain.toFixed(3)})`,
      Format.rejected(summary.rejected),
      Format.verdict(isMet(summary))
    ])
  )
  const all = (cell: (summary: FairnessSummary) => string): string =>
    table(
      ["law", ...cases.map(({ title }) => title)],
      laws.map(({ name }, law) => [name, ...of(law).map((summary) => `${cell(summary)}${mark(summary)}`)])
    )
  return [
    `#### The window law and its targets\n\n${ours}`,
    `#### All laws: utilisation\n\n${all(({ utilisation }) => utilisation.toFixed(2))}`,
    `#### All laws: Jain's index (worst)\n\n${all(({ jain, worstJain }) => `${jain.toFixed(2)} (${worstJain.toFixed(2)})`)}`,
    `#### All laws: rejected per success\n\n${all(({ rejected }) => Format.rejected(rejected))}`
  ].join("\n\n")
}
