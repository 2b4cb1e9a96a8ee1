import { describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import { Liveness, type Trace } from "effect-aimd/testing"
import { at, capacity, decided, ended, evicted, finished, joined, paused, resized, resumed } from "./events.js"
import { assertFound, started, submitted, withdrawn, type Case } from "./events.js"
import { valueOf } from "./support.js"

const limited = valueOf(PoolConfig.make({ poolSize: 3, maxCapacityRetry: "1 second", attemptTimeout: 100 }))
const joinedLimited: Trace.Event = { ...at(0), _tag: "joined", config: limited }
const endedAt = (time: number, row: number): Trace.Event => ({
  ...at(time),
  _tag: "finished",
  row,
  order: 0,
  completedAt: time,
  outcome: "RetryTimeoutError",
  attempts: 1
})

/** A row of a batch that was interrupted as a whole. */
const cutOff = (row: number, time: number): Trace.Event => ({
  ...at(time),
  _tag: "finished",
  row,
  order: 0,
  completedAt: time,
  outcome: "interrupted",
  attempts: 0
})

/** A pool of 3 with rows that wait: the first starts, and has a permit beside it. */
const oneOfThree = [joined, decided(0, {}), submitted(0, 2), started(0, 0)]
const shutdown = (time: number): Trace.Event => ({ ...at(time), _tag: "shutdown" })

const cases: Record<string, Case> = {
  "a row that goes on after its budget": {
    checker: Liveness.rowsEndByBudget,
    // At the last moment; while its last attempt is in flight; never started at all; in a batch that was interrupted.
    fine: [
      [joined, started(10), ended(20), finished(0, 0, 1010)],
      [joined, started(10), ended(20), cutOff(0, 1011)],
      [joined, started(10), ended(5000), finished(0, 0, 5000)],
      [joined, finished(0, 0, 9000)],
      [joined, started(10), ended(20), evicted(0, 2000)],
      [joined, started(10), ended(20), paused(500), resumed(800), finished(0, 0, 1310)]
    ],
    broken: [joined, started(10), ended(20), finished(0, 0, 1011)],
    says: "row 0, first started at 10, ends at 1011, and not by 1010"
  },
  "a row that starts again and again before others": {
    checker: Liveness.oneRowStopsNobody,
    // With another between, at one instant with it, and where only another line has fresh rows.
    fine: [
      [joined, submitted(0, 3), started(0), started(1, 0, 2), started(2, 1), started(3, 0, 3), started(4, 2)],
      [joined, submitted(0, 3), started(0), started(1, 0, 2), started(2, 0, 3), started(2, 1), started(3, 2)],
      [joined, submitted(0, 1, 1), submitted(1, 2, 2), started(0), started(1, 0, 2), started(2, 0, 3)],
      [joined, submitted(0, 2), started(0), started(1, 0, 2), withdrawn(1, 1), started(2, 0, 3), started(3, 0, 4)],
      // A stream reads a row at the instant of the start.
      [joined, submitted(0, 1), started(0), started(1, 0, 2), submitted(1, 1, 0, 2), started(2, 0, 3), started(3, 1)]
    ],
    broken: [joined, submitted(0, 3), started(0), started(1, 0, 2), started(2, 0, 3), started(3, 1)],
    says: "row 0 starts once more at 2, before 2 rows that have had no attempt"
  },
  "a row that waits for a dead API beyond its budget": {
    checker: Liveness.endsWithinBudget,
    // Served in between, and one that comes when the pool has given up.
    fine: [
      [
        ...[joinedLimited, submitted(0, 2), decided(50, {}, capacity()), ended(900, 1)],
        ...[decided(950, {}, capacity()), endedAt(2050, 0), { ...submitted(7, 1), ...at(2050) }, endedAt(9000, 7)]
      ],
      [joinedLimited, submitted(0, 2), decided(50, {}, capacity()), cutOff(0, 1151)],
      [joinedLimited, submitted(0, 2), decided(50, {}, capacity()), paused(60), resumed(160), endedAt(1250, 0)]
    ],
    broken: [joinedLimited, submitted(0, 2), decided(50, {}, capacity()), endedAt(1151, 0)],
    says: "row 0 ends at 1151, where 1150 is the latest"
  },
  "a line that has two turns while another waits": {
    checker: Liveness.turnsAreFair,
    fine: [
      // Turn by turn.
      [submitted(0, 3, 1), submitted(5, 1, 2), started(1, 0), started(2, 5), started(3, 1)],
      // It came later, or had its turn and went away.
      [submitted(0, 3, 1), started(1, 0), started(2, 1), submitted(5, 1, 2, 2), started(3, 5)],
      [submitted(0, 4, 1), submitted(5, 2, 2), started(1, 0), finished(6, 0, 1), started(2, 1), started(3, 5)],
      [submitted(0, 4, 1), submitted(5, 2, 2), started(1, 0), withdrawn(1, 6), started(2, 1), started(3, 5)],
      // At one instant turns may be seen in any order.
      [submitted(0, 3, 1), submitted(5, 1, 2), started(1, 0), started(1, 1), started(1, 5)]
    ],
    broken: [submitted(0, 3, 1), submitted(5, 1, 2), started(1, 0), started(2, 1), started(3, 5)],
    says: "line 1 has turns at 1 and 2 while row 5 of line 2 waits since 0"
  },
  "a permit that lies idle": {
    checker: Liveness.windowIsUsed,
    fine: [
      [...oneOfThree, started(5, 1)],
      // The law allows one; a hint, a hold or a spacing is in the way; a limit of starts is the law's own; it is over.
      [joined, decided(0, { window: 1 }), submitted(0, 2), started(0, 0), ended(50, 0), started(50, 1)],
      [joined, decided(0, { alone: 20 }, capacity(0, 50)), submitted(0, 1), ended(60, 9), started(70, 0)],
      [joined, decided(0, { holdUntil: 80 }), submitted(0, 1), ended(60, 9), started(80, 0)],
      [joined, decided(0, { spacing: 90 }), submitted(0, 2), started(0, 0), ended(60, 0), started(90, 1)],
      [
        joined,
        decided(0, { starts: { limit: 1, period: 1, provenUntil: 0 } }),
        submitted(0, 1),
        ended(60, 9),
        started(90)
      ],
      [...oneOfThree, shutdown(6), ended(50, 0), started(60, 1)],
      // It came when it started, or has ended before it could.
      [joined, decided(0, {}), submitted(0, 1), started(0, 0), ended(50, 0), submitted(1, 1, 0, 60), started(60, 1)],
      [...oneOfThree, finished(1, 0, 5), ended(50, 0), started(60, 2)],
      [...oneOfThree, withdrawn(5, 1), ended(50, 0), started(60, 2)],
      // The pool is paused, or was smaller.
      [...oneOfThree, paused(1), ended(50, 0), resized(55, 9), ended(57, 8), resumed(60), started(60, 1)],
      [
        joined,
        resized(0, 1),
        decided(0, {}),
        submitted(0, 2),
        started(0, 0),
        decided(40, {}),
        resized(60, 2),
        started(60, 1)
      ]
    ],
    broken: [...oneOfThree, ended(50, 0), started(60, 1)],
    says: "row 1 starts now, and could have started at 50"
  }
}

describe("A checker", () => {
  for (const [name, one] of Object.entries(cases)) it(`finds ${name}`, () => assertFound(one))
})
