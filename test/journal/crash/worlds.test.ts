/** Thousands of processes that die in virtual time: between two operations on the disk, in the middle of a write, on a full disk. */
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import { liveThrough } from "./virtual.js"

const seed = Number(process.env["SEED"] ?? 1)
const each = 50

describe("Processes that die in virtual time, anywhere", () => {
  for (let first = 1; first <= 800; first += each) {
    it(`lose no row, do none twice, and repeat at most poolSize answers each: worlds from ${first} on`, async () => {
      // The runner wants to hear of the test before it.
      await setImmediate()
      assert.isAbove(liveThrough(seed * 1000 + first, seed * 1000 + first + each - 1), 3 * each)
    })
  }
})
