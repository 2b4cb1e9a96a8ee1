/** Hundreds of clusters, each with its own faults: `npm run test:long`. */
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import { drawn, live, plans, problemsOf } from "./plans.js"

const seed = Number(process.env["SEED"] ?? 1)
const each = 25

describe("Pools of clusters in which everything goes wrong", () => {
  for (const name of ["window", "places", "bucket", "law"] as const) {
    for (let first = 0; first < 100; first += each) {
      it(`keep their promises: ${name}, worlds from ${first} on`, async () => {
        for (let i = first; i < first + each; i++) {
          // The runner wants to hear of the test before it.
          await setImmediate()
          const story = live(plans[name], 10_000 * seed + i)
          assert.deepStrictEqual(problemsOf(plans[name], story), [], `seed ${10_000 * seed + i}`)
        }
      })
    }
  }

  for (let first = 0; first < 100; first += each) {
    it(`keep their promises: plans that nobody has thought of, from ${first} on`, async () => {
      for (let i = 10_000 * seed + first; i < 10_000 * seed + first + each; i++) {
        await setImmediate()
        assert.deepStrictEqual(problemsOf(drawn(i), live(drawn(i), i)), [], `seed ${i}`)
      }
    })
  }
})
