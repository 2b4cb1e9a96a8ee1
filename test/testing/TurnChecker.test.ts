import { describe, it } from "@effect/vitest"
import { PoolConfig, type PooledExecutor } from "effect-aimd"
import { TurnChecker, type Trace } from "effect-aimd/testing"
import { assertFound, at, decided, ended, finished, started, submitted, withdrawn, type Case } from "./events.js"
import { valueOf } from "./support.js"

const joined = (options: PoolConfig.Options = {}): Trace.Event => ({
  ...at(0),
  _tag: "joined",
  config: valueOf(PoolConfig.make(options))
})
const inTurn = (row: number, turn: PooledExecutor.TurnOptions, time = 0, line = 0, tokens = 0): Trace.Event => ({
  ...at(time),
  _tag: "submitted",
  row,
  count: 1,
  line,
  turns: [turn],
  costs: [{ tokens }]
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
/** A pool that was told limits, of a thousand tokens too. */
const limited = joined({ limits: "1 requests per second, 1000 tokens per second" })
const waits = [inTurn(0, { priority: 1 }), inTurn(1, {})]

/** A large row, and so many small ones, due later, that start before it. */
const passedBy = (count: number): ReadonlyArray<Trace.Event> => {
  const small = Array.from({ length: count }, (_, i) => i + 1)
  return [
    inTurn(0, { deadline: 5 }, 0, 0, 900),
    ...small.map((row) => inTurn(row, { deadline: 500 }, 1, 0, 1)),
    ...small.map((row) => started(1 + row, row)),
    over(99)
  ]
}

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
      // Nobody says anything of turns, or money has reasons of its own.
      [joined(), submitted(0, 2), started(1, 1), over(2)],
      [joined({ prices: { "*": { input: 1, output: 1 } } }), ...waits, started(1, 1), over(2)]
    ],
    broken: [joined(), ...waits, started(1, 1), over(2)],
    says: "row 1 of priority 0 starts at 1, and row 0 of priority 1 waits"
  },
  "a start of a lower priority, where there was room for the higher": {
    checker: TurnChecker.prioritiesGoFirst,
    fine: [
      // It takes less, and the other waits for room; or whoever takes more was at its first attempt, or had started at that instant.
      [limited, inTurn(0, { priority: 1 }, 0, 0, 2), inTurn(1, {}, 0, 0, 1), started(1, 1), over(2)],
      [limited, ...waits, inTurn(2, {}, 0, 0, 1), started(1, 1), over(2)],
      [limited, ...waits, inTurn(2, { priority: 1 }, 0, 0, 1), started(1, 2), ended(1, 2), started(1, 1), over(2)],
      [
        limited,
        inTurn(2, { priority: 1 }, 0, 0, 1),
        started(1, 2),
        ended(2, 2, "capacity"),
        ...waits,
        started(3, 1),
        over(4)
      ]
    ],
    broken: [
      limited,
      inTurn(2, { priority: 1 }, 0, 0, 1),
      started(1, 2),
      ended(2, 2),
      ...waits,
      started(3, 1),
      over(4)
    ],
    says: "row 1 of priority 0 starts at 3, and row 0 of priority 1 waits"
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
  "a tenant that has three turns with what takes as much": {
    checker: TurnChecker.tenantsTakeTurns,
    fine: [
      [
        limited,
        ...[0, 1, 2].map((row) => inTurn(row, { tenant: "a" }, 0, 0, 5)),
        inTurn(3, { tenant: "b" }, 0, 0, 6),
        ...[0, 1, 2].map((row) => started(row + 1, row)),
        over(9)
      ]
    ],
    broken: [
      limited,
      ...[0, 1, 2].map((row) => inTurn(row, { tenant: "a" }, 0, 0, 5)),
      inTurn(3, { tenant: "b" }, 0, 0, 5),
      ...[0, 1, 2].map((row) => started(row + 1, row)),
      over(9)
    ],
    says: 'tenant "a" has 3 turns while "b" waits for one since 0'
  },
  "a start of what is due later, and takes as much": {
    checker: TurnChecker.dueGoFirst,
    fine: [
      [limited, inTurn(1, { deadline: 5 }, 0, 0, 2), inTurn(0, { deadline: 9 }, 1, 0, 1), started(2, 0), over(3)],
      // It was looked at before the other came.
      [limited, inTurn(0, { deadline: 9 }), inTurn(1, { deadline: 5 }, 1), started(2, 0), over(3)]
    ],
    broken: [limited, inTurn(1, { deadline: 5 }), inTurn(0, { deadline: 9 }, 1), started(2, 0), over(3)],
    says: "row 0 starts at 2, and row 1 is due before it"
  },
  "a row that is passed by 65": {
    checker: TurnChecker.fewPass,
    fine: [
      [limited, ...passedBy(64)],
      [joined(), ...passedBy(65)]
    ],
    broken: [limited, ...passedBy(65)],
    says: "row 65 starts, the 65th to pass row 0"
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
