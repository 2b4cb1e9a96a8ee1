import { assert, beforeEach, describe, it } from "@effect/vitest"
import { cases, explore } from "./suite.js"

// `exploration.test.ts` has many more, and `npm run soak` as many as one likes.
const seeds = 3

/** Every model with every law, with faults and without: each seed is a world and an interleaving of its own. */
describe("Every invariant holds", () => {
  // Each case is one long turn of the event loop, and the runner wants a word between two of them.
  beforeEach(() => new Promise<void>((resume) => setImmediate(resume)))

  it.each(cases)("$name", (one) => {
    const { failure, runs } = explore(
      one,
      Array.from({ length: seeds }, (_, seed) => seed)
    )
    if (failure !== undefined) assert.fail(failure.message)
    assert.strictEqual(runs, seeds)
  })
})
