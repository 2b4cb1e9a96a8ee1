/** Processes of a cluster that are really killed, stopped and cut off: `npm run test:kills`. */
import { assert, describe, it } from "@effect/vitest"
import { busiestSecond, busyAfter, run } from "./processes.js"

const postgres = process.env["JOURNAL_POSTGRES"]
if (postgres === undefined) console.warn("JOURNAL_POSTGRES names no database: no process of a cluster is killed")

const rows = 900

describe("Processes of a cluster", () => {
  for (const at of postgres === undefined ? [] : [postgres]) {
    it("do each row once, in order, whichever is killed, stopped or cut off; what the API sees is printed", async () => {
      const { instants, ...outcome } = await run({
        postgres: at,
        port: 22_000,
        processes: 3,
        rows,
        perSecond: 50,
        faults: [
          { after: 100, process: 0, what: "kill", millis: 6000 },
          { after: 250, process: 1, what: "stop", millis: 8000 },
          { after: 400, process: 2, what: "cut from database", millis: 3000 },
          { after: 500, process: 1, what: "cut from others", millis: 3000 },
          { after: 600, process: 2, what: "kill", millis: 100 }
        ]
      })
      const usedAgain = outcome.faults.map(({ at, what }) => `${what}: ${Math.round(busyAfter(instants, at, 45))} ms`)
      console.log({ ...outcome, faults: usedAgain, busiest: busiestSecond(instants) })
      assert.strictEqual(outcome.done, rows)
      assert.strictEqual(outcome.twice, 0)
      assert.strictEqual(outcome.outOfOrder, 0)
      assert.strictEqual(outcome.faults.length, 5)
    })
  }
})
