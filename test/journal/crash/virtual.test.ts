import { assert, describe, it } from "@effect/vitest"
import { liveThrough } from "./virtual.js"

describe("A batch with a journal", () => {
  it("survives crashes anywhere: no row is lost, none done twice, at most poolSize answers repeated each", () => {
    assert.isAbove(liveThrough(1, 40), 130)
  })
})
