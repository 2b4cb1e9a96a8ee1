/** Processes that share a limit, and their Redis, really killed and stopped: `npm run test:kills`. */
import { assert, describe, it } from "@effect/vitest"
import { mostIn, run } from "./processes.js"

describe("Processes that share a limit by way of Redis", () => {
  it("never exceed it, and do all rows, whoever is killed or stopped, Redis as well", async () => {
    // The API may see a call eight seconds after its start: no machine is so slow.
    const limits = [{ requests: 40, per: "2 seconds", transit: "8 seconds" }] as const
    const outcome = await run({
      port: 21_379,
      processes: 3,
      rows: 180,
      options: { poolSize: 64, limits, processes: 3, reserve: 0.25 },
      faults: [
        { after: 30, who: 0, what: "kill", millis: 0 },
        { after: 60, who: "redis", what: "kill", millis: 1000 },
        { after: 100, who: 1, what: "stop", millis: 3000 },
        { after: 120, who: "redis", what: "stop", millis: 4000 },
        { after: 140, who: 2, what: "kill", millis: 0 }
      ]
    })
    console.log({ ...outcome, instants: outcome.instants.length })
    assert.strictEqual(outcome.done, 180)
    assert.strictEqual(outcome.left, 0)
    assert.isAtMost(mostIn(outcome.instants, 2000), 40)
    // It has come back with nothing, and everybody who lived has noticed.
    assert.isTrue(outcome.said.some((line) => line.includes("is empty: only 3 requests per 2s start here")))
    assert.isTrue(outcome.said.some((line) => line.includes("is there again")))
  })

  it("start as many as a day allows, and not one more", async () => {
    const outcome = await run({
      port: 21_380,
      processes: 3,
      rows: 300,
      options: { poolSize: 4, limits: [{ requests: 60, per: "1 day" }], forgets: false },
      faults: [
        { after: 10, who: 0, what: "kill", millis: 0 },
        { after: 20, who: "redis", what: "stop", millis: 1000 },
        { after: 30, who: 1, what: "kill", millis: 0 }
      ],
      // What those had leased that were killed is lost for the day.
      enough: { calls: 40, quietFor: 3000 }
    })
    assert.strictEqual(outcome.left, 0)
    assert.isAtMost(outcome.instants.length, 60)
  })
})
