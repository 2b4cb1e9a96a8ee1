/** Two hundred kills over files, and as many over databases, at random instants, over batches of 2,000 rows. */
import { assert, describe, it } from "@effect/vitest"
import { crash, instants, wrongs, type Plan } from "./crash.js"

const postgres = process.env["JOURNAL_POSTGRES"]
if (postgres === undefined) console.warn("JOURNAL_POSTGRES names no database: nobody is killed over PostgreSQL")

const killsEach = 20
const seed = Number(process.env["SEED"] ?? 1)

const stores: ReadonlyArray<Pick<Plan, "store" | "at"> & { readonly batches: number }> = [
  { store: "file", batches: 10 },
  { store: "libsql", batches: postgres === undefined ? 10 : 6 },
  ...(postgres === undefined ? [] : [{ store: "pg" as const, at: postgres, batches: 4 }])
]

/** Kills a batch of this number to its end. */
const kill = async (where: Pick<Plan, "store" | "at">, batch: number): Promise<void> => {
  const kills = instants(killsEach, 140, seed * 1000 + batch)
  const plan: Plan = { ...where, batch: `crash-${seed}-${batch}`, rows: 2000, poolSize: 16, kills }
  const outcome = await crash(plan)
  assert.deepStrictEqual({ seed, wrong: wrongs(outcome, plan) }, { seed, wrong: [] })
  assert.isAbove(outcome.kills, killsEach / 2)
  const lost = outcome.repeated.reduce((sum, count) => sum + count, 0)
  console.log(`${where.store} ${batch}: ${outcome.kills} kills, ${lost} answers lost and asked for again`)
}

for (const { batches, ...where } of stores) {
  describe(`Batches in ${where.store}, killed ${killsEach} times each`, () => {
    // Two at a time: a process that begins keeps one core busy.
    for (let batch = 1; batch <= batches; batch += 2) {
      it(`leave every row once, in order, at most poolSize answers lost each time: ${batch} and ${batch + 1} of ${batches}`, async () => {
        await Promise.all([kill(where, batch), kill(where, batch + 1)])
      })
    }
  })
}
