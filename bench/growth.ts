/** What a row costs as batches grow. */
import { effectForEach, executeBatch, hop } from "./contenders.js"
import { median, named, race, ratio } from "./measure.js"
import type { Section } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

export const growth = async (sizes: Sizes): Promise<Section> => {
  const timings = await race(
    sizes.growth.flatMap((rows) => [
      { name: "Effect.forEach", rows, run: effectForEach(hop.effect) },
      { name: "executeBatch", rows, run: executeBatch(hop.effect) }
    ]),
    sizes.long
  )
  return {
    title: "Growth with the rows",
    text: table(
      ["rows", "`executeBatch`, µs a row", "`Effect.forEach`, µs a row", "ratio"],
      sizes.growth.map((rows) => {
        const batch = named(timings, "executeBatch", rows)
        const forEach = named(timings, "Effect.forEach", rows)
        return [
          number(rows),
          number(median(batch.rounds)),
          number(median(forEach.rounds)),
          times(ratio(batch, forEach))
        ]
      })
    ),
    targets: []
  }
}
