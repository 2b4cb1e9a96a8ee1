import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { format } from "prettier"
import * as Help from "../../cli/src/Help.js"

const page = readFileSync("docs/CLI.md", "utf8")

describe("Help", () => {
  it("fits a screen of 120 columns", () => {
    assert.isAtMost(
      Math.max(
        ...Help.text("1.2.3")
          .split("\n")
          .map(({ length }) => length)
      ),
      120
    )
  })

  it("has the same options and exit codes as docs/CLI.md", async () => {
    for (const table of [Help.optionTable, Help.codeTable]) {
      assert.include(page, (await format(table, { parser: "markdown" })).trim())
    }
  })
})
