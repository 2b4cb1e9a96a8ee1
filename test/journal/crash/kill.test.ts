/** A few processes that are really killed; `npm run test:kills` kills hundreds. */
import { assert, describe, it } from "@effect/vitest"
import { crash, instants, wrongs, type Plan } from "./crash.js"

const small = { rows: 200, poolSize: 8 }

describe("A process that is killed", () => {
  for (const store of ["file", "libsql"] as const) {
    it(`leaves its batch in ${store} to the next: every row once, in order`, async () => {
      const plan: Plan = { ...small, store, kills: instants(2, 60, 1) }
      const outcome = await crash(plan)
      assert.deepStrictEqual(wrongs(outcome, plan), [])
      assert.strictEqual(outcome.kills, 2)
    })
  }

  it("has its journal to itself while it lives", async () => {
    const plan: Plan = { ...small, store: "file", kills: [], intruder: true }
    const outcome = await crash(plan)
    assert.deepStrictEqual(wrongs(outcome, plan), [])
    assert.match(outcome.intruder ?? "", /another process or batch works with it/)
  })
})
