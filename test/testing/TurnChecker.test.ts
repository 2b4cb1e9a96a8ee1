import { describe, it } from "@effect/vitest"
import { PoolConfig, type PooledExecutor } from "effect-aimd"
import { TurnChecker, type Trace } from "effect-aimd/testing"
import { assertFound, at, decided, ended, finished, started, submitted, withdrawn, type Case } from "./events.js"
import { range, valueOf } from "./support.js"

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

/** A row of a batch that has a journal. */
const kept: Trace.Event = { ...at(0), _tag: "submitted", row: 2, count: 1, line: 3, isKept: true }
/** The same event at a pool of the client's, which is a group. */
const byMember = (event: Trace.Event): Trace.Event => ({ ...event, client: 1 })
/** Rows of tenant a that start one by one from 1 on, and one of b that waits. */
const three = (others: PooledExecutor.TurnOptions, waits: PooledExecutor.TurnOptions, since = 0) => [
  ...[0, 1, 2].map((row) => inTurn(row, { tenant: "a", ...others })),
  inTurn(3, { tenant: "b", ...waits }, since),
  ...[0, 1].map((row) => started(row + 1, row)),
  over(3)
]
/** Rows of a and b that start then, and one more of b that waits; those of each take so many tokens. */
const turnsOf = (
  { a, b }: { readonly a: ReadonlyArray<number>; readonly b: ReadonlyArray<number> },
  turn: PooledExecutor.TurnOptions,
  takes = 1,
  others = takes
): ReadonlyArray<Trace.Event> => [
  ...a.map((_, row) => inTurn(row, { tenant: "a", ...turn }, 0, 0, takes)),
  ...[...b, 0].map((_, i) => inTurn(10 + i, { tenant: "b" }, 0, 0, others)),
  ...[...a.map((at, row) => started(at, row)), ...b.map((at, i) => started(at, 10 + i))].sort((x, y) => x.at - y.at),
  over(Math.max(...a, ...b) + 1)
]
const large = [0, 4].map((row) => inTurn(row, { tenant: "a" }, 0, 1, 60))
const small = [1, 2].map((row) => inTurn(row, { tenant: "a" }, 0, 1, 1))
/** Large rows of a that wait for room, and those of b: three small ones, which start, and two large ones, which wait. */
const passing: ReadonlyArray<Trace.Event> = [
  ...range(6).map((row) => inTurn(row, { tenant: "a" }, 0, 1, 90)),
  ...[6, 7, 8].map((row) => inTurn(row, { tenant: "b" }, 0, 2, 1)),
  ...[10, 11].map((row) => inTurn(row, { tenant: "b" }, 0, 3, 90)),
  ...[6, 7, 8].map((row) => started(row - 4, row))
]
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
      // Nobody says anything of turns, or they may wait for their journal.
      [joined(), submitted(0, 2), started(1, 1), over(2)],
      [joined(), kept, ...waits, started(1, 1), over(2)]
    ],
    broken: [joined(), ...waits, started(1, 1), over(2)],
    says: "row 1 of priority 0 starts at 1, and row 0 of priority 1 waits"
  },
  "a start of a lower priority in a pool that has prices": {
    checker: TurnChecker.prioritiesGoFirst,
    fine: [],
    broken: [joined({ prices: { "*": { input: 1, output: 1 } } }), ...waits, started(1, 1), over(2)],
    says: "row 1 of priority 0 starts at 1, and row 0 of priority 1 waits"
  },
  "a start of a lower priority in a group of pools": {
    checker: TurnChecker.prioritiesGoFirst,
    fine: [
      // One of its pools was told a limit, for which the higher waits.
      [
        joined(),
        byMember(limited),
        inTurn(0, { priority: 1 }, 0, 0, 2),
        inTurn(1, {}, 0, 0, 1),
        byMember(started(1, 1)),
        over(2)
      ]
    ],
    broken: [joined(), byMember(joined()), ...waits, byMember(started(1, 1)), over(2)],
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
  "a tenant that has two turns while another waits": {
    checker: TurnChecker.tenantsTakeTurns,
    fine: [
      [joined(), ...three({}, {}, 1)],
      [joined(), ...three({}, { priority: -1 })],
      // It went away, perhaps with a turn.
      [joined(), inTurn(4, { tenant: "b" }), withdrawn(0, 4), ...three({}, {})],
      // The first row waited before there were turns.
      [
        joined(),
        submitted(4, 1),
        inTurn(0, { tenant: "a" }),
        inTurn(1, { tenant: "a" }),
        started(1, 0),
        started(2, 1),
        over(3)
      ]
    ],
    broken: [joined(), ...three({}, {})],
    says: 'tenant "a" has 2 turns while "b" waits for one since 0'
  },
  "a tenant that has more turns than its weight allows": {
    checker: TurnChecker.tenantsTakeTurns,
    fine: [[joined(), ...turnsOf({ a: [1, 3, 4, 5], b: [2] }, { weight: 2 })]],
    broken: [joined(), ...turnsOf({ a: [1, 3, 4, 5, 6], b: [2] }, { weight: 2 })],
    says: 'tenant "a" has 4 turns while "b" waits for one since 2'
  },
  "a tenant that has two turns with what takes as much": {
    checker: TurnChecker.tenantsTakeTurns,
    fine: [[limited, ...turnsOf({ a: [1, 2], b: [] }, {}, 5, 6)]],
    broken: [limited, ...turnsOf({ a: [1, 2], b: [] }, {}, 5, 5)],
    says: 'tenant "a" has 2 turns while "b" waits for one since 0'
  },
  "a tenant that passes others, but not in the instant of its turn": {
    checker: TurnChecker.tenantsTakeTurns,
    // Its large row had its turn, and then the small ones passed that of the other: at one instant, in any order.
    fine: [
      [
        limited,
        ...large,
        ...small,
        inTurn(3, { tenant: "b" }, 0, 3, 60),
        started(1, 1),
        started(1, 0),
        started(1, 2),
        over(2)
      ]
    ],
    broken: [
      limited,
      ...large,
      ...small,
      inTurn(3, { tenant: "b" }, 0, 3, 60),
      started(1, 1),
      started(2, 0),
      started(2, 4),
      over(3)
    ],
    says: 'tenant "a" has 3 turns while "b" waits for one since 0'
  },
  "a tenant that waits for more turns of the others than it took ahead of its own": {
    checker: TurnChecker.tenantsTakeTurns,
    // Three times b passes the row of a that waits for room; then a has the turns that it is owed.
    fine: [[limited, ...passing, ...[0, 1, 2, 3].map((row) => started(5 + row, row)), over(9)]],
    broken: [limited, ...passing, ...[0, 1, 2, 3, 4].map((row) => started(5 + row, row)), over(10)],
    says: 'tenant "a" has 5 turns while "b" waits for one since 0'
  },
  "a tenant that passed others long ago": {
    checker: TurnChecker.tenantsTakeTurns,
    fine: [
      [limited, ...passing, ...[0, 1, 2].map((row) => started(5 + row, row)), started(8, 10), started(9, 3), over(10)]
    ],
    // What it took ahead of its turns is paid once it has one that is surely its own.
    broken: [
      limited,
      ...passing,
      ...[0, 1, 2].map((row) => started(5 + row, row)),
      started(8, 10),
      ...[3, 4, 5].map((row) => started(6 + row, row)),
      over(12)
    ],
    says: 'tenant "a" has 3 turns while "b" waits for one since 8'
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
