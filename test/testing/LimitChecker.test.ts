import { describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import { LimitChecker, type Trace } from "effect-aimd/testing"
import { assertFound, at, ended, started, submitted, type Case } from "./events.js"
import { valueOf } from "./support.js"

const joined = (options: PoolConfig.Options): Trace.Event => ({
  ...at(0),
  _tag: "joined",
  config: valueOf(PoolConfig.make(options))
})
const weighed = (time: number, row: number, tokens: number): Trace.Event => ({
  ...at(time),
  _tag: "started",
  row,
  attempt: 1,
  cost: { tokens }
})
const told = (time: number, row: number, tokens: number): Trace.Event => ({
  ...at(time),
  _tag: "ended",
  row,
  attempt: 1,
  outcome: "success",
  retryAfter: undefined,
  took: { tokens }
})
const left = (fields: Partial<Trace.Event & { _tag: "left" }>): Trace.Event => ({
  ...at(10),
  _tag: "left",
  inFlight: 0,
  pending: 0,
  ...fields
})
const standing = { limit: "10 tokens per 1s", used: 0, reserved: 10, settled: 7, refunded: 3, open: 0 }
const money = { spent: 5, estimated: 0, reserved: 0, budget: 5 }
const tokens = joined({ limits: [{ tokens: 10, per: "1 second" }] })

/** The rows from one to another start, one after the other. */
const startsOf = (from: number, until: number) =>
  Array.from({ length: until - from + 1 }, (_, i) => started(i, from + i))

const cases: Record<string, Case> = {
  "more in a span than was told": {
    checker: LimitChecker.toldLimitsHold,
    fine: [
      [tokens, weighed(0, 0, 10), weighed(1000, 1, 10)],
      [tokens, weighed(0, 0, 10), told(5, 0, 4), weighed(6, 1, 6)],
      [tokens, weighed(0, 0, 10), ended(5, 0, "capacity"), weighed(6, 1, 10)],
      // Nobody said anything of limits.
      [joined({}), weighed(0, 0, 100)]
    ],
    broken: [tokens, weighed(0, 0, 10), told(5, 0, 4), weighed(999, 1, 7)],
    says: "row 1 starts, and makes it 11 where 10 tokens per 1s are allowed"
  },
  "more than a bucket holds": {
    checker: LimitChecker.toldLimitsHold,
    fine: [[joined({ limits: "10 requests per second burst 2" }), started(0, 0), started(0, 1), started(100, 2)]],
    broken: [joined({ limits: "10 requests per second burst 2" }), started(0, 0), started(0, 1), started(50, 2)],
    says: "row 2 starts, and makes it 2.5 where 10 requests per 1s, 2 at once are allowed"
  },
  "more at once than was told": {
    checker: LimitChecker.toldLimitsHold,
    fine: [[joined({ limits: "1 concurrent" }), started(0, 0), ended(5, 0), started(5, 1)]],
    broken: [joined({ limits: "1 concurrent" }), started(0, 0), started(5, 1)],
    says: "row 1 starts, and makes it 2 where 1 at once are allowed"
  },
  "what was reserved and is gone": {
    checker: LimitChecker.weightsConserve,
    fine: [[left({ limits: [standing] })], [left({})]],
    broken: [left({ limits: [{ ...standing, refunded: 2 }] })],
    says: "of 10 tokens per 1s, 10 were reserved, 7 settled, 2 refunded, and 0 are open"
  },
  "what is open though nothing is in flight": {
    checker: LimitChecker.weightsConserve,
    fine: [[left({ inFlight: 1, limits: [{ ...standing, settled: 0, open: 7 }] })]],
    broken: [left({ limits: [{ ...standing, settled: 0, open: 7 }] })],
    says: "of 10 tokens per 1s, 7 are open, and nothing is in flight"
  },
  "more spent than the budget": {
    checker: LimitChecker.budgetHolds,
    fine: [
      [weighed(0, 0, 1), left({ money })],
      // A row that does not say what it takes may take anything.
      [started(0, 0), left({ money: { ...money, spent: 6 } })]
    ],
    broken: [weighed(0, 0, 1), left({ money: { ...money, spent: 6 } })],
    says: "6 was spent, of 5"
  },
  "money that is set aside for nothing": {
    checker: LimitChecker.budgetHolds,
    fine: [[weighed(0, 0, 1), left({ inFlight: 1, money: { ...money, reserved: 1 } })]],
    broken: [weighed(0, 0, 1), left({ money: { ...money, reserved: 1 } })],
    says: "1 is set aside, and nothing is in flight"
  },
  "a row that is passed again and again": {
    checker: LimitChecker.fewOvertake,
    fine: [
      [tokens, submitted(0, 100, 1), ...startsOf(1, 64), started(99, 0)],
      [tokens, submitted(0, 100, 0), ...startsOf(1, 65), started(99, 0)],
      [joined({}), submitted(0, 100, 1), ...startsOf(1, 65), started(99, 0)]
    ],
    broken: [tokens, submitted(0, 100, 1), ...startsOf(1, 65), started(99, 0)],
    says: "row 0 starts after 65 others whose turn came later"
  }
}

describe("Limit checkers", () => {
  for (const [name, found] of Object.entries(cases)) it(`find ${name}`, () => assertFound(found))
})
