/** Processes of a cluster that are really killed and stopped: `npm run test:kills`. */
import { assert, describe, it } from "@effect/vitest"
import { run } from "./processes.js"

const postgres = process.env["JOURNAL_POSTGRES"]
if (postgres === undefined) console.warn("JOURNAL_POSTGRES names no database: no process of a cluster is killed")

const rows = 900

describe("Processes of a cluster", () => {
  for (const at of postgres === undefined ? [] : [postgres]) {
    it("do all rows, whichever is killed or stopped; what the API sees is printed", async () => {
      const outcome = await run({
        postgres: at,
        port: 42_000,
        rows,
        perSecond: 50,
        faults: [
          { after: 150, process: 0 },
          { after: 300, process: 1, stops: 8000 },
          { after: 450, process: 2 },
          { after: 600, process: 0, stops: 500 }
        ]
      })
      console.log(outcome)
      assert.strictEqual(outcome.done, rows)
      assert.strictEqual(outcome.faults, 4)
    })
  }
})
