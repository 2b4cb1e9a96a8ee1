import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import type { Status } from "../../../cli/src/ExitCode.js"
import * as Summary from "../../../cli/src/output/Summary.js"

const stats = Effect.runSync(Effect.scoped(Effect.flatMap(PooledExecutor.make(), ({ stats }) => stats)))

const linesOf = (given: Partial<Parameters<typeof Summary.make>[0]>): ReadonlyArray<string> => {
  const files = { input: "in.jsonl", out: "out.jsonl", journal: "out.jsonl.journal" }
  const nothing = { stopped: undefined, tokens: undefined, money: undefined, unfinished: 0, millis: 1000 }
  const run = { status: "done" as const, ...files, ...nothing, tally: new Summary.Tally(), stats, ...given }
  return Summary.format(Summary.make(run)).split("\n")
}

describe("The summary for people", () => {
  it("tells tokens with or without their price, and nothing where nobody told of any", () => {
    const tokens = { input: 1200, output: 34 }
    assert.include(linesOf({ tokens }), "1,200 tokens in, 34 tokens out")
    assert.include(
      linesOf({ tokens, money: { cost: 1.5, untold: 2 } }),
      "1.50 spent: 1,200 tokens in, 34 tokens out; 2 answers told no tokens: the most that they may cost is counted"
    )
    assert.isFalse(linesOf({}).some((line) => line.includes("tokens")))
  })

  it("ends with how to go on", () => {
    const last = (status: Status, unfinished = 0) => linesOf({ status, unfinished }).at(-1)
    assert.match(last("dead") ?? "", /^To go on, run the same command again: rows without an answer/)
    assert.match(last("failedRows") ?? "", /^To do the failed rows again/)
    assert.match(last("budget", 3) ?? "", /larger --max-cost/)
    assert.strictEqual(last("interrupted", 3), "To go on, run the same command again.")
    assert.match(last("done") ?? "", /^0 lines in out.jsonl/)
  })
})
