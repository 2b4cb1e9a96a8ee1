import { assert, describe, it } from "@effect/vitest"
import { type End, statusOf } from "../../cli/src/ExitCode.js"

const end = (given: Partial<End>): End => ({
  stopped: undefined,
  failed: 0,
  unfinished: 0,
  answered: 0,
  unanswered: 0,
  ...given
})

describe("ExitCode.statusOf", () => {
  it("tells runs apart by what a script does next", () => {
    assert.strictEqual(statusOf(end({ answered: 5 })), "done")
    assert.strictEqual(statusOf(end({ answered: 5, failed: 1 })), "failedRows")
    assert.strictEqual(statusOf(end({ answered: 5, failed: 1, unanswered: 1 })), "failedRows")
    assert.strictEqual(statusOf(end({ answered: 5, unfinished: 3, stopped: "budget" })), "budget")
    assert.strictEqual(statusOf(end({ unfinished: 3, stopped: "interrupted" })), "interrupted")
  })

  it("takes an API that never answered for dead, however few rows there were", () => {
    assert.strictEqual(statusOf(end({ failed: 2, unanswered: 2 })), "dead")
  })

  it("forgets a stop that came when all rows had ended", () => {
    assert.strictEqual(statusOf(end({ answered: 5, stopped: "timeout" })), "done")
  })
})
