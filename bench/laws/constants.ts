/**
 * What becomes of the default law when one of its constants is halved or doubled, on every server: writes docs/CONSTANTS.md.
 * With `--only=<regex>` (constants) or `--servers=<regex>` it is a part, which is printed and not written.
 */
import { writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { table } from "../report.js"
import * as Crew from "./crew.js"
import { median } from "./measure.js"
import { describe } from "./servers.js"
import { shared } from "./sharing.js"
import { constants, varied, type Edit } from "./variant.js"
import { places, type Changed, type Outcome } from "./work.js"

/** A share and Jain's index may move by so much, and rejections a success. */
const most = { share: 0.03, jain: 0.03, rejected: 0.02 }

/** A change beyond that on one seed may be chance: the median of so many decides. */
const seeds = [1, 2, 3]

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    servers: { type: "string", default: "" },
    threads: { type: "string", default: String(availableParallelism()) }
  }
})
const isWhole = values.only === "" && values.servers === ""

type Place = Pick<Changed, "server" | "isShared" | "rows"> & { readonly title: string }

const where: ReadonlyArray<Place> = [
  ...places.map((server, place) => ({
    server: place,
    isShared: false,
    rows: Math.min(server.rows, server.comparedRows),
    title: describe(server)
  })),
  ...shared.map(({ name }, place) => ({ server: place, isShared: true, rows: 0, title: `4 clients on ${name}` }))
].filter(({ title }) => new RegExp(values.servers, "i").test(title))

const found = constants().filter(({ file, name }) => new RegExp(values.only, "i").test(`${file}: ${name}`))
const edits = found.flatMap((constant) => varied(constant).map((value): Edit => ({ constant, value })))

const jobOf = (place: Place, edit: Edit | undefined, seed: number): Changed => {
  const { isShared, rows, server } = place
  return { _tag: "changed", edit, server, isShared, seed, rows }
}

type Figure = keyof Outcome
type Change = Record<Figure, number>
const figures = ["share", "rejected", "jain"] as const

const change = (before: Outcome, after: Outcome): Change => ({
  share: after.share - before.share,
  rejected: after.rejected - before.rejected,
  jain: after.jain - before.jain
})

const isBeyond = (change: Change): boolean => figures.some((figure) => Math.abs(change[figure]) > most[figure])

interface Effect {
  readonly edit: Edit
  readonly place: Place
  readonly change: Change
}

const crew = Crew.make(Number(values.threads))

/** The outcomes of the law as it is, by place and seed. */
const asItIs = async (): Promise<(place: Place, seed: number) => Outcome> => {
  const jobs = where.flatMap((place) => seeds.map((seed) => ({ place, seed })))
  const outcomes = await crew.run(
    jobs.map(({ place, seed }) => jobOf(place, undefined, seed)),
    progress("as it is", jobs.length)
  )
  return (place, seed) => {
    const outcome = outcomes[where.indexOf(place) * seeds.length + seeds.indexOf(seed)]
    if (outcome === undefined) throw new Error(`${place.title} was not measured with seed ${seed}`)
    return outcome
  }
}

const progress = (what: string, all: number): Crew.Tell<Changed> => {
  let done = 0
  return () => {
    done += 1
    if (done % 100 === 0 || done === all) console.error(`${what}: ${done} of ${all}`)
  }
}

const effects = async (): Promise<ReadonlyArray<Effect>> => {
  const before = await asItIs()
  const [seed = 1, ...others] = seeds
  const cases = edits.flatMap((edit) => where.map((place) => ({ edit, place })))
  const measured = async (some: typeof cases, seed: number): Promise<ReadonlyArray<Effect>> => {
    const outcomes = await crew.run(
      some.map(({ edit, place }) => jobOf(place, edit, seed)),
      progress(`seed ${seed}`, some.length)
    )
    return some.flatMap((one, i) => {
      const outcome = outcomes[i]
      return outcome === undefined ? [] : [{ ...one, change: change(before(one.place, seed), outcome) }]
    })
  }
  const first = await measured(cases, seed)
  const suspects = first.filter((effect) => isBeyond(effect.change))
  const rest: Array<ReadonlyArray<Effect>> = []
  for (const other of others) rest.push(await measured(suspects, other))
  const again = suspects.map((suspect, i) => {
    const all = [suspect, ...rest.flatMap((effects) => effects[i] ?? [])].map(({ change }) => change)
    const of = (figure: Figure): number => median(all.map((change) => change[figure]))
    return { ...suspect, change: { share: of("share"), rejected: of("rejected"), jain: of("jain") } }
  })
  return [...first.filter((effect) => !isBeyond(effect.change)), ...again]
}

const signed = (value: number): string => `${value > 0 ? "+" : ""}${value.toFixed(3)}`

const report = (all: ReadonlyArray<Effect>): string => {
  const flagged = all.filter(({ change }) => isBeyond(change))
  const guilty = new Set(flagged.map(({ edit }) => edit.constant))
  const largest = (some: ReadonlyArray<Effect>, figure: Figure): Effect | undefined =>
    some.toSorted((a, b) => Math.abs(b.change[figure]) - Math.abs(a.change[figure]))[0]
  const rows = found.map((constant) => {
    const own = all.filter(({ edit }) => edit.constant === constant)
    const cells = figures.flatMap((figure) => {
      const effect = largest(own, figure)
      if (effect === undefined || Math.abs(effect.change[figure]) < 5e-4) return ["", ""]
      const text = signed(effect.change[figure])
      const isOver = Math.abs(effect.change[figure]) > most[figure]
      return [isOver ? `**${text}**` : text, `${Number(effect.edit.value.toPrecision(4))} on ${effect.place.title}`]
    })
    return [`${constant.file}: \`${constant.name}\``, String(Number(constant.value.toPrecision(6))), ...cells]
  })
  const details = flagged
    .toSorted((a, b) => Math.abs(b.change.share) - Math.abs(a.change.share))
    .map(({ change, edit, place }) => [
      `${edit.constant.file}: \`${edit.constant.name}\` ${edit.constant.value} → ${Number(edit.value.toPrecision(4))}`,
      place.title,
      ...figures.map((figure) => signed(change[figure]))
    ])
  return [
    `${found.length} constants, ${edits.length} changes, ${where.length} servers. Of ${all.length} outcomes ${flagged.length} move a ` +
      `share by more than ${most.share}, rejections by more than ${most.rejected} or a Jain's index by more than ${most.jain}. ` +
      `These are of ${guilty.size} constants.`,
    "## The largest change of each",
    table(["constant", "value", "share", "with", "rejected / success", "with", "Jain's index", "with"], rows),
    ...(details.length === 0
      ? []
      : [
          "## Every change beyond the bounds",
          table(["constant", "server", "share", "rejected / success", "Jain's index"], details)
        ])
  ].join("\n\n")
}

const page = (text: string): string => `# The constants of the control law

This page shows what happens when one constant of the default law is halved or doubled. It shows the share of the ideal, the
rejections for each success, and how equally four clients share (Jain's index; 1 is equal). [CONTROL-LAW.md](CONTROL-LAW.md) explains
the law.

Most constants are in \`src/law/window/Numbers.ts\`, each with its meaning. A number at the top of any other file in \`src/law\` counts
too, except 0 and 1. Most are used in several places, and all places change at once. Half of a count is a whole number. A number
between a half and one is a share: there, what it lacks of one is halved and doubled.

The servers are all of [LAWS.md](LAWS.md), with as many rows as where all laws are compared there. A change beyond the bounds
with one seed is measured with two more, and the median counts: another seed alone moves a share by 0.01 to 0.02. On a server
that serves nobody, or refuses some rows, rejections are no target and do not count. \`npm run bench:constants\` writes this page,
the same on every machine. It takes about an hour of processor time.

${text}
`

try {
  const text = report(await effects())
  console.log(text)
  if (isWhole) writeFileSync(new URL("../../docs/CONSTANTS.md", import.meta.url), page(text))
  else console.log("\nA part: nothing was written.")
} finally {
  await crew.close()
}
