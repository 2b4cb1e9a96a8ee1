import { assert, describe, it } from "@effect/vitest"
import { violations } from "../support/checks.js"
import { run, worlds } from "../support/world.js"

/** Without the ids of fibers, which count on from run to run. */
const text = (trace: unknown): string =>
  JSON.stringify(trace, (key, value: unknown) => (key === "fiberId" ? undefined : value))

/** Random worlds in virtual time of their own, thousands of events a second; see DESIGN for the numbered invariants. */
describe("Invariants", () => {
  it.prop(
    "hold in any world: failures, timeouts, interruptions, shutdowns, laws that decide anything, fibers that yield anywhere",
    [worlds(false)],
    ([world]) => assert.deepStrictEqual(violations(world, run(world)), []),
    { fastCheck: { numRuns: 300 } }
  )

  it.prop(
    "hold in a calm world, where every row ends with the last answer of the API",
    [worlds(true)],
    ([world]) => assert.deepStrictEqual(violations(world, run(world)), []),
    { fastCheck: { numRuns: 200 } }
  )

  it.prop(
    "the same seed gives the same trace, byte for byte",
    [worlds(false)],
    ([world]) => assert.strictEqual(text(run(world)), text(run(world))),
    { fastCheck: { numRuns: 50 } }
  )
})
