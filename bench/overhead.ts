/** What a row costs beside other ways to run 8 at a time. */
import { contenders, hop, immediate } from "./contenders.js"
import type { Timing } from "./measure.js"
import { median, named, race, ratio } from "./measure.js"
import type { Section, Target } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

const overheadTable = (timings: ReadonlyArray<Timing>): string =>
  table(
    ["8 at a time", "rows a round", "µs a row", "to `Effect.forEach`", "to p-queue"],
    timings.map((timing) => [
      timing.name,
      number(timing.rows),
      number(median(timing.rounds)),
      times(ratio(timing, named(timings, "`Effect.forEach`"))),
      times(ratio(timing, named(timings, "p-queue")))
    ])
  )

const targets = (timings: ReadonlyArray<Timing>, work: string): ReadonlyArray<Target> => {
  const batch = named(timings, "`pool.executeBatch`")
  const forEach = named(timings, "`Effect.forEach`")
  const what = `\`executeBatch\`, ${work}, to`
  return [
    { what: `${what} \`Effect.forEach\``, figure: ratio(batch, forEach), bound: 1.3, unit: "×" },
    {
      what: `\`execute\`, ${work}, to \`Effect.forEach\``,
      figure: ratio(named(timings, "`pool.execute`"), forEach),
      bound: 3,
      unit: "×"
    },
    { what: `${what} p-queue`, figure: ratio(batch, named(timings, "p-queue")), bound: 1.5, unit: "×" }
  ]
}

export const overhead = async (sizes: Sizes): Promise<Section> => {
  const hops = await race(contenders(hop, sizes.rows), sizes.short)
  const immediates = await race(contenders(immediate, sizes.rows), sizes.short)
  return {
    title: "Overhead a row",
    text: [
      "One asynchronous hop a row:",
      overheadTable(hops),
      "No hop, the result is there at once:",
      overheadTable(immediates)
    ].join("\n\n"),
    targets: [...targets(hops, "one hop"), ...targets(immediates, "no hop")]
  }
}
