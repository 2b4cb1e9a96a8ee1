import { assert, describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import { Trace } from "effect-aimd/testing"
import { valueOf } from "./support.js"

const at = { at: 1234.56789, client: 2 }
const decision = { window: 3.5, spacing: 0.12345, holdUntil: 2000, delay: 50, epoch: 4, reason: "halved" }

describe("Trace.line", () => {
  const lines: ReadonlyArray<readonly [Trace.Event, string]> = [
    [{ ...at, _tag: "joined", config: valueOf(PoolConfig.make({ poolSize: 8 })) }, "joined with a pool of 8"],
    [{ ...at, _tag: "submitted", row: 10, count: 5, line: 0 }, "submitted rows 10 to 14"],
    [{ ...at, _tag: "started", row: 3, attempt: 2 }, "started row 3 attempt 2"],
    [
      { ...at, _tag: "ended", row: 3, attempt: 2, outcome: "success", retryAfter: undefined },
      "ended row 3 attempt 2 success"
    ],
    [
      { ...at, _tag: "ended", row: 3, attempt: 2, outcome: "capacity", retryAfter: 1000 },
      "ended row 3 attempt 2 capacity retry after 1000"
    ],
    [
      { ...at, _tag: "decided", decision, sample: undefined },
      "decided window 3.5 spacing 0.123 holdUntil 2000 delay 50 epoch 4: halved"
    ],
    [
      { ...at, _tag: "finished", row: 3, order: 1, completedAt: 5, outcome: "RetryTimeoutError", attempts: 9 },
      "finished row 3 as entry 1: RetryTimeoutError after 9 attempts"
    ],
    [
      { ...at, _tag: "opened", line: 4, ordered: true, maxPending: 9, reader: 5 },
      "opened a stream as line 4, in order, at most 9 pending"
    ],
    [
      { ...at, _tag: "opened", line: 4, ordered: false, maxPending: 9, reader: 5 },
      "opened a stream as line 4, in any order, at most 9 pending"
    ],
    [{ ...at, _tag: "released", row: 3 }, "released row 3"],
    [{ ...at, _tag: "withdrawn", row: 3, how: "cancel" }, "withdrawn row 3 to cancel it"],
    [{ ...at, _tag: "paused" }, "paused"],
    [{ ...at, _tag: "resumed" }, "resumed"],
    [{ ...at, _tag: "resized", poolSize: 5 }, "resized to 5"],
    [{ ...at, _tag: "shutdown" }, "shutdown"],
    [{ ...at, _tag: "shut" }, "shut"],
    [{ ...at, _tag: "left", inFlight: 0, pending: 1 }, "left with 0 in flight, 1 pending"]
  ]
  for (const [event, line] of lines) {
    it(`writes ${event._tag}: ${line}`, () => assert.strictEqual(Trace.line(event), `1234.568 client 2 ${line}`))
  }
})
