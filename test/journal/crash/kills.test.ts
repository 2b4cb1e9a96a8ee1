/** Two hundred kills over files, and as many over databases, at random instants, over batches of 2,000 rows. */
import { assert, describe, it } from "@effect/vitest"
import { crash, instants, wrongs, type Plan } from "./crash.js"
import { liveThrough } from "./virtual.js"

const postgres = process.env["JOURNAL_POSTGRES"]
if (postgres === undefined) console.warn("JOURNAL_POSTGRES names no database: nobody is killed over PostgreSQL")

const killsEach = 20
const seed = Number(process.env["SEED"] ?? 1)

const stores: ReadonlyArray<Pick<Plan, "store" | "at"> & { readonly batches: number }> = [
  { store: "file", batches: 10 },
  { store: "libsql", batches: postgres === undefined ? 10 : 5 },
  ...(postgres === undefined ? [] : [{ store: "pg" as const, at: postgres, batches: 5 }])
]

for (const { batches, store, ...where } of stores) {
  describe(`A batch in ${store}, killed ${killsEach} times`, () => {
    for (let batch = 1; batch <= batches; batch++) {
      it(`leaves every row once, in order, at most poolSize answers lost each time: ${batch} of ${batches}`, async () => {
        const kills = instants(killsEach, 140, seed * 1000 + batch)
        const plan: Plan = { store, ...where, batch: `crash-${seed}-${batch}`, rows: 2000, poolSize: 16, kills }
        const outcome = await crash(plan)
        assert.deepStrictEqual({ seed, wrong: wrongs(outcome, plan) }, { seed, wrong: [] })
        assert.isAbove(outcome.kills, killsEach / 2)
        const lost = outcome.repeated.reduce((sum, count) => sum + count, 0)
        console.log(`${store} ${batch}: ${outcome.kills} kills, ${lost} answers lost and asked for again`)
      })
    }
  })
}

describe("Processes that die in virtual time, anywhere", () => {
  for (const first of [1, 201, 401, 601]) {
    it(`lose no row, do none twice, and repeat at most poolSize answers each: worlds from ${first} on`, () => {
      assert.isAbove(liveThrough(seed * 1000 + first, seed * 1000 + first + 199), 600)
    })
  }
})
