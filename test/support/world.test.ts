import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { run, worlds } from "./world.js"

describe("Hostile worlds", () => {
  it("live: nearly all of them start something, and every third row gets its answer", () => {
    const drawn = FastCheck.sample(worlds(false), { seed: 1, numRuns: 300 })
    const rowsOf = ({ parties }: (typeof drawn)[number]) => parties.flatMap(({ rows }) => rows).length
    const withRows = drawn.filter((world) => rowsOf(world) > 0)
    const rows = withRows.reduce((sum, world) => sum + rowsOf(world), 0)
    const logs = withRows.map((world) => run(world).log)
    const started = logs.filter((log) => log.some(({ type }) => type === "start")).length
    const answers = new Set(["ok", "Refused", "died: broken"])
    const answered = logs.flat().filter((event) => event.type === "end" && answers.has(event.what)).length
    assert.isAtLeast(started / withRows.length, 0.95)
    // Once the API was silent for a whole budget, those that wait end without an answer: 0.376 of them get one.
    assert.isAtLeast(answered / rows, 1 / 3)
  })
})
