import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Duration, Exit } from "effect"
import * as Report from "../../examples/demo/report.js"

class Refused extends Data.TaggedError("Refused")<{ readonly message: string }> {}

const entry = (exit: Report.Entry["exit"], fields?: Partial<Report.Entry>): Report.Entry => ({
  submitIndex: 0,
  completeIndex: 3,
  stateId: "Effect.retry:1",
  exit,
  submittedAt: 1000,
  startedAt: 1010,
  completedAt: 1500,
  bufferWait: Duration.millis(20),
  throttleWait: Duration.millis(30),
  attempts: 2,
  ...fields
})

const metadata = {
  submitIndex: 0,
  completeIndex: 3,
  stateId: "Effect.retry:1",
  submittedAt: 1000,
  startedAt: 1010,
  completedAt: 1500,
  bufferWait: 20,
  throttleWait: 30,
  attempts: 2
}

describe("Report: auditRecord", () => {
  it("holds the entry's instants and waits in milliseconds, and its outcome", () => {
    assert.deepStrictEqual(Report.auditRecord(entry(Exit.succeed([1]), { lastStatus: 429 })), {
      ...metadata,
      lastStatus: 429,
      outcome: "success"
    })
  })

  it("names the error of a row that failed", () => {
    assert.deepStrictEqual(Report.auditRecord(entry(Exit.fail(new Refused({ message: "no" })))), {
      ...metadata,
      outcome: "failure",
      error: "Refused",
      message: "no"
    })
  })

  it("calls a defect one, and an interruption too", () => {
    assert.deepStrictEqual(Report.failureOf(entry(Exit.die(new Refused({ message: "broken" })))), {
      error: "Defect",
      message: "broken"
    })
    assert.strictEqual(Report.failureOf(entry(Exit.failCause(Cause.empty)))?.error, "Defect")
  })
})

describe("Report: results", () => {
  it("holds the rows that succeeded, in submission order", () => {
    const rows = [1, 2, 3].map((line) => ({ module: "M", name: "x", line, text: `text ${line}` }))
    const entries = [
      entry(Exit.succeed([1]), { submitIndex: 0, stateId: "a" }),
      entry(Exit.fail(new Refused({ message: "no" })), { submitIndex: 1, stateId: "b" }),
      entry(Exit.succeed([3]), { submitIndex: 2, stateId: "c" })
    ]
    assert.deepStrictEqual(Report.results(rows, entries), [
      { submitIndex: 0, stateId: "a", module: "M", name: "x", line: 1, text: "text 1", embedding: [1] },
      { submitIndex: 2, stateId: "c", module: "M", name: "x", line: 3, text: "text 3", embedding: [3] }
    ])
  })
})
