/** Tables for the terminal, which are also Markdown as prettier would write it. */
import { readFileSync, writeFileSync } from "node:fs"
import { cpus, totalmem } from "node:os"

/** A figure with the bound it has to keep. */
export interface Target {
  readonly what: string
  readonly figure: number
  readonly bound: number
  readonly unit: string
}

export interface Section {
  readonly title: string
  readonly text: string
  readonly targets: ReadonlyArray<Target>
}

/** Three significant digits, or the whole number. */
export const number = (figure: number): string =>
  (Math.abs(figure) >= 100 ? Math.round(figure) : Number(figure.toPrecision(3))).toLocaleString("en-US")

export const times = (figure: number): string => `${figure.toFixed(2)} ×`

/** A table with its first column aligned left and the figures right. */
export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>): string => {
    const cells = widths.map((width, i) => (i === 0 ? (row[i] ?? "").padEnd(width) : (row[i] ?? "").padStart(width)))
    return `| ${cells.join(" | ")} |`
  }
  const rule = widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`))
  return [line(head), line(rule), ...rows.map(line)].join("\n")
}

const isMet = ({ bound, figure }: Target): boolean => figure <= bound

const targetHead = ["target", "at most", "measured", ""]

const targetTable = (targets: ReadonlyArray<Target>): string =>
  table(
    targetHead,
    targets.map((target) => [
      target.what,
      `${number(target.bound)} ${target.unit}`,
      `${number(target.figure)} ${target.unit}`,
      isMet(target) ? "met" : "**missed**"
    ])
  )

const machine = (): string => {
  const all = cpus()
  const gibibytes = Math.round(totalmem() / 2 ** 30)
  const day = new Date().toISOString().slice(0, 10)
  return `${day}, Node ${process.versions.node}, ${all.length} cores (${all[0]?.model.trim() ?? "unknown"}), ${gibibytes} GiB.`
}

export const render = (sections: ReadonlyArray<Section>): string =>
  [
    machine(),
    `## Targets\n\n${targetTable(sections.flatMap(({ targets }) => targets))}`,
    ...sections.map(({ text, title }) => `## ${title}\n\n${text}`)
  ].join("\n\n")

const target = ({ what }: Target): string => `| ${what} `

/**
 * A report in which one section is measured anew: it takes the place of the one of its title, or comes last. So do its targets.
 */
export const withSection = (report: string, section: Section): string => {
  const [head = "", ...others] = report.trim().split(/\n\n(?=## )/)
  const [targets = "## Targets", ...sections] = others
  const isOld = (line: string): boolean => section.targets.some((one) => line.startsWith(target(one)))
  const rows = targets.split("\n").filter((line) => line.startsWith("| ") && !isOld(line))
  const cells = rows.slice(2).map((line) => line.split("|").slice(1, -1))
  const fresh = targetTable(section.targets)
    .split("\n")
    .slice(2)
    .map((line) => line.split("|").slice(1, -1))
  const trimmed = [...cells, ...fresh].map((row) => row.map((cell) => cell.trim()))
  const text = `## ${section.title}\n\nMeasured by itself: ${machine()}\n\n${section.text}`
  const at = sections.findIndex((one) => one.startsWith(`## ${section.title}\n`))
  const measured = at < 0 ? [...sections, text] : sections.with(at, text)
  return [head, `## Targets\n\n${table(targetHead, trimmed)}`, ...measured].join("\n\n")
}

const [start, end] = ["<!-- bench:start -->", "<!-- bench:end -->"]

/** Replaces what stands between the markers of a file; the prose around it stays. */
export const write = (file: URL, change: (report: string) => string): void => {
  const text = readFileSync(file, "utf8")
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file.pathname} needs the lines ${start} and ${end}, in this order`)
  const report = change(text.slice(from + start.length, to))
  writeFileSync(file, `${text.slice(0, from + start.length)}\n\n${report}\n\n${text.slice(to)}`)
}
