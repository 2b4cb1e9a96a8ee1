import { describe, it } from "@effect/vitest"
import { PoolConfig, type PooledExecutor } from "effect-aimd"
import { TurnChecker, type Trace } from "effect-aimd/testing"
import { assertFound, at, decided, finished, started, submitted, withdrawn, type Case } from "./events.js"
import { valueOf } from "./support.js"

const joined = (options: PoolConfig.Options = {}): Trace.Event => ({
  ...at(0),
  _tag: "joined",
  config: valueOf(PoolConfig.make(options))
})
const inTurn = (row: number, turn: PooledExecutor.TurnOptions, time = 0, line = 0): Trace.Event => ({
  ...at(time),
  _tag: "submitted",
  row,
  count: 1,
  line,
  turns: [turn]
})
/** What happens last lets an instant be over. */
const over = (time: number): Trace.Event => decided(time, {})
const refused = (row: number): Trace.Event => ({
  ...at(9),
  _tag: "finished",
  row,
  order: 0,
  completedAt: 9,
  outcome: "TooLateError",
  attempts: 0
})
const strict = joined({ ageing: Infinity })
const waits = [inTurn(0, { priority: 1 }), inTurn(1, {})]

const cases: Record<string, Case> = {
  "a start of a lower priority": {
    checker: TurnChecker.prioritiesGoFirst,
    fine: [
      [joined(), ...waits, started(1, 0), started(2, 1), over(3)],
      // Of those that start at one instant, the order is anybody's.
      [joined(), ...waits, started(1, 1), started(1, 0), over(2)],
      // It came at the instant of the start, or has gone.
      [joined(), inTurn(1, {}), inTurn(0, { priority: 1 }, 1), started(1, 1), over(2)],
      [joined(), ...waits, withdrawn(1, 0), started(2, 1), over(3)],
      [joined(), ...waits, finished(0, 0, 1), started(2, 1), over(3)],
      // It may have been refused by now.
      [joined(), inTurn(0, { priority: 1, deadline: 5, late: "refuse" }), inTurn(1, {}), started(2, 1), over(3)],
      // The other has waited for a minute, and this one has not.
      [joined(), inTurn(1, {}), inTurn(0, { priority: 1 }, 60_001), started(60_002, 1), over(60_003)],
      // Nobody says anything of turns, or the pool has reasons of its own.
      [joined(), submitted(0, 2), started(1, 1), over(2)],
      [joined({ limits: "1 requests per second" }), ...waits, started(1, 1), over(2)]
    ],
    broken: [joined(), ...waits, started(1, 1), over(2)],
    says: "row 1 of priority 0 starts at 1, and row 0 of priority 1 waits"
  },
  "a higher priority that lets a lower one wait for ever": {
    checker: TurnChecker.prioritiesGoFirst,
    fine: [[strict, inTurn(0, {}), inTurn(1, { priority: 1 }, 90_000), started(90_001, 1), over(90_002)]],
    broken: [joined(), inTurn(0, {}), inTurn(1, { priority: 1 }, 90_000), started(90_001, 1), over(90_002)],
    says: "row 1 of priority 1 starts at 90001, and row 0 of priority 0 waits"
  },
  "a tenant that has three turns while another waits": {
    checker: TurnChecker.tenantsTakeTurns,
    fine: [
      [
        joined(),
        ...[0, 1, 2].map((row) => inTurn(row, { tenant: "a", weight: 2 })),
        inTurn(3, { tenant: "b" }),
        ...[0, 1, 2].map((row) => started(row + 1, row)),
        over(9)
      ],
      [
        joined(),
        ...[0, 1, 2].map((row) => inTurn(row, { tenant: "a" })),
        inTurn(3, { tenant: "b" }, 2),
        ...[0, 1, 2].map((row) => started(row + 1, row)),
        over(9)
      ],
      [
        joined(),
        ...[0, 1, 2].map((row) => inTurn(row, { tenant: "a" })),
        inTurn(3, { tenant: "b", priority: -1 }),
        ...[0, 1, 2].map((row) => started(row + 1, row)),
        over(9)
      ]
    ],
    broken: [
      joined(),
      ...[0, 1, 2].map((row) => inTurn(row, { tenant: "a" })),
      inTurn(3, { tenant: "b" }),
      ...[0, 1, 2].map((row) => started(row + 1, row)),
      over(9)
    ],
    says: 'tenant "a" has 3 turns while "b" waits for one since 0'
  },
  "a start of what is due later": {
    checker: TurnChecker.dueGoFirst,
    fine: [
      [joined(), inTurn(0, { deadline: 9 }), inTurn(1, { deadline: 5 }), started(1, 1), started(2, 0), over(3)],
      [joined(), inTurn(0, { deadline: 9 }, 0, 1), inTurn(1, { deadline: 5 }), started(1, 0), over(2)],
      [joined(), inTurn(0, {}), inTurn(1, { deadline: 60_001 }), started(1, 0), over(2)],
      [joined(), inTurn(0, { deadline: 9 }), inTurn(1, { deadline: 5, tenant: "b" }), started(1, 0), over(2)]
    ],
    broken: [joined(), inTurn(0, { deadline: 9 }), inTurn(1, { deadline: 5 }), started(1, 0), over(2)],
    says: "row 0 starts at 1, and row 1 is due before it"
  },
  "a start of what is too late": {
    checker: TurnChecker.nothingStartsLate,
    fine: [
      [inTurn(0, { deadline: 5, late: "refuse" }), started(5, 0), refused(0)],
      [inTurn(0, { deadline: 5 }), started(6, 0), finished(0, 0)]
    ],
    broken: [inTurn(0, { deadline: new Date(5), late: "refuse" }), started(6, 0)],
    says: "row 0 starts, and was due at 5"
  },
  "a refusal of what was to run late": {
    checker: TurnChecker.nothingStartsLate,
    fine: [[inTurn(0, { deadline: 5, late: "refuse" }), refused(0)]],
    broken: [inTurn(0, { deadline: 5 }), refused(0)],
    says: "row 0 was refused, and was to run late"
  }
}

describe("the checkers of turns", () => {
  for (const [name, found] of Object.entries(cases)) {
    it(`find ${name}`, () => assertFound(found))
  }
})
