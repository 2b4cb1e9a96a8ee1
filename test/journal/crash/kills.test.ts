/** Two hundred kills for each store, at random instants, over batches of 2,000 rows. */
import { assert, describe, it } from "@effect/vitest"
import { crash, instants, wrongs, type Plan } from "./crash.js"
import { liveThrough } from "./virtual.js"

const postgres = process.env["JOURNAL_POSTGRES"]
if (postgres === undefined) console.warn("JOURNAL_POSTGRES names no database: nobody is killed over PostgreSQL")

const batches = 10
const killsEach = 20
const seed = Number(process.env["SEED"] ?? 1)

const stores: ReadonlyArray<Pick<Plan, "store" | "at">> = [
  { store: "file" },
  { store: "libsql" },
  ...(postgres === undefined ? [] : [{ store: "pg" as const, at: postgres }])
]

describe("Processes that are killed 200 times", () => {
  for (const { store, ...where } of stores) {
    it(`leave every row once, in order, at most poolSize answers lost each time, in ${store}`, async () => {
      const repeated = new Array<number>()
      for (let batch = 0; batch < batches; batch++) {
        const kills = instants(killsEach, 140, seed * 1000 + batch)
        const plan: Plan = { store, ...where, batch: `crash-${seed}-${batch}`, rows: 2000, poolSize: 16, kills }
        const outcome = await crash(plan)
        assert.deepStrictEqual({ batch, seed, wrong: wrongs(outcome, plan) }, { batch, seed, wrong: [] })
        repeated.push(...outcome.repeated)
      }
      assert.isAbove(repeated.length, (batches * killsEach) / 2)
      const total = repeated.reduce((sum, count) => sum + count, 0)
      console.log(`${store}: ${repeated.length} kills, ${total} answers lost and asked for again`)
    })
  }
})

describe("Processes that die thousands of times in virtual time", () => {
  it("lose no row, do none twice, and repeat at most poolSize answers each", () => {
    assert.isAbove(liveThrough(seed * 1000 + 1, seed * 1000 + 600), 2000)
  })
})
