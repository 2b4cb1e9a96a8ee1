import { assert, describe, it } from "@effect/vitest"
import { table, withSection } from "../../bench/report.js"

const head = ["target", "at most", "measured", ""]
const report = `
2026-01-01, Node.

## Targets

${table(head, [
  ["a row", "2 ×", "3 ×", "**missed**"],
  ["another", "9 MB", "4 MB", "met"]
])}

## Rows

Old words.

## Others

| a | b |
| - | - |
`

const section = (title: string, what: string) => ({
  title,
  text: "New words.",
  targets: [{ what, figure: 1.5, bound: 2, unit: "×" }]
})

const headings = (text: string) => text.split("\n").filter((line) => line.startsWith("## "))

describe("A section that is measured by itself", () => {
  it("takes the place of the one before, with its targets, and leaves all else", () => {
    const written = withSection(report, section("Rows", "a row"))
    assert.deepStrictEqual(headings(written), ["## Targets", "## Rows", "## Others"])
    assert.notInclude(written, "Old words.")
    assert.match(written, /^2026-01-01, Node\.\n\n## Targets/)
    assert.match(
      written,
      /## Rows\n\nMeasured by itself: .*\n\nNew words\.\n\n## Others\n\n\| a \| b \|\n\| - \| - \|$/
    )
    const rows = table(head, [
      ["another", "9 MB", "4 MB", "met"],
      ["a row", "2 ×", "1.5 ×", "met"]
    ])
    assert.include(written, rows)
    assert.strictEqual(withSection(written, section("Rows", "a row")), written)
  })

  it("comes last where there was none", () => {
    const written = withSection(report, section("Turns", "a turn"))
    assert.deepStrictEqual(headings(written), ["## Targets", "## Rows", "## Others", "## Turns"])
    assert.include(written, "Old words.")
    assert.include(written, "| a turn  |")
  })
})
