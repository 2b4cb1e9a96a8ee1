/** Runners of a batch that are really killed, ended and begun anew: `npm run test:kills`. */
import { assert, describe, it } from "@effect/vitest"
import { run } from "./processes.js"

const postgres = process.env["JOURNAL_POSTGRES"]
if (postgres === undefined) console.warn("JOURNAL_POSTGRES names no database: no runner of a batch is killed")

const rows = 600

describe("Runners of a batch", () => {
  for (const at of postgres === undefined ? [] : [postgres]) {
    it("give each result once and in order, whoever is killed, stopped, leaves or joins; what the API sees is printed", async () => {
      const { results, ...outcome } = await run({
        postgres: at,
        port: 23_000,
        rows,
        perSecond: 60,
        events: [
          { after: 60, kills: [0] },
          { after: 150, joins: 2 },
          { after: 200, stops: [2, 8000] },
          { after: 250, leaves: 1 },
          { after: 350, kills: [1, 2, 3] },
          { after: 350, joins: 2 }
        ]
      })
      console.log(outcome)
      assert.strictEqual(outcome.left, 0)
      assert.deepStrictEqual(
        results,
        Array.from({ length: rows }, (_, row) => [row, row * row])
      )
    })
  }
})
