import { assert, describe, it } from "@effect/vitest"
import { Checker, type Trace } from "effect-aimd/testing"
import { assertApart, assertFound, at, ended, finished, joined, left, paused, resumed, type Case } from "./events.js"
import { evicted, started, submitted } from "./events.js"
import { range } from "./support.js"

const cases: Record<string, Case> = {
  "a start while the pool is paused": {
    checker: Checker.noStartWhilePaused,
    fine: [[paused(5), started(5), resumed(9), started(9), paused(10), paused(12), resumed(13), started(14)]],
    broken: [paused(5), paused(6), started(7, 3)],
    says: "row 3 starts, and the pool is paused since 5"
  },
  "a start at the end of a row's budget, which stood still in a pause": {
    checker: Checker.noStartAfterBudget,
    fine: [[joined, started(10), paused(100), resumed(600), started(1509, 0, 2)]],
    broken: [joined, started(10), paused(100), paused(200), resumed(600), started(1510, 0, 2)],
    says: "row 0, first started at 10, starts at the end of its budget of 1000 ms"
  },
  "an entry of a row that was evicted": {
    checker: Checker.oneEntryARow,
    fine: [[submitted(4, 3), evicted(5), finished(4, 0), finished(6, 1), left()]],
    broken: [submitted(4, 3), evicted(5), finished(5, 0)],
    says: "row 5 was finished before, or never handed in"
  },
  "an entry too many": {
    checker: Checker.oneEntryARow,
    fine: [[submitted(4, 2), finished(4, 0), finished(5, 1), left()]],
    broken: [submitted(4, 2), finished(4, 0), finished(4, 0)],
    says: "row 4 was finished before, or never handed in"
  },
  "an entry out of order": {
    checker: Checker.oneEntryARow,
    fine: [[submitted(4, 1), finished(4, 0)]],
    broken: [submitted(4, 2), finished(5, 0), finished(4, 1)],
    says: "row 4 is entry 1, after row 5"
  },
  "a row without an entry": {
    checker: Checker.oneEntryARow,
    fine: [[left()]],
    broken: [submitted(4, 3), finished(5, 0), left()],
    says: "2 rows have no entry: 4, 6"
  },
  "an attempt that runs on": {
    checker: Checker.permitsComeBack,
    fine: [[started(1), ended(2), left()]],
    broken: [started(1), left()],
    says: "1 attempts run on"
  },
  "a permit that is not back": {
    checker: Checker.permitsComeBack,
    fine: [[left()]],
    broken: [started(1), ended(2), left(1, 2)],
    says: "nothing runs, and the pool counts 1 in flight and 2 pending"
  },
  "a start after a shutdown": {
    checker: Checker.noStartAfterShutdown,
    fine: [[{ ...at(5), _tag: "shutdown" }, started(5)]],
    broken: [{ ...at(5), _tag: "shutdown" }, started(6, 7)],
    says: "row 7 starts after the shutdown at 5"
  },
  "a start when the shutdown has returned": {
    checker: Checker.noStartAfterShutdown,
    fine: [
      [
        { ...at(5), _tag: "shutdown" },
        { ...at(5), _tag: "shut" }
      ]
    ],
    broken: [{ ...at(5), _tag: "shutdown" }, { ...at(5), _tag: "shut" }, started(5, 7)],
    says: "row 7 starts after the shutdown at 5"
  },
  "a start at the end of a row's budget": {
    checker: Checker.noStartAfterBudget,
    fine: [[joined, started(10), started(1009, 0, 2), started(5000, 1)]],
    broken: [joined, started(10), started(1010, 0, 2)],
    says: "row 0, first started at 10, starts at the end of its budget of 1000 ms"
  },
  "a permit that is out where nothing is pending": {
    checker: Checker.permitsComeBack,
    fine: [[left(0, 0)]],
    broken: [left(1, 0)],
    says: "nothing runs, and the pool counts 1 in flight and 0 pending"
  },
  "a row that is pending where nothing is out": {
    checker: Checker.permitsComeBack,
    fine: [[left(0, 0)]],
    broken: [left(0, 1)],
    says: "nothing runs, and the pool counts 0 in flight and 1 pending"
  }
}

describe("A checker", () => {
  for (const [name, one] of Object.entries(cases)) it(`finds ${name}`, () => assertFound(one))

  it("keeps clients apart", () => assertApart(Checker.all))
})

describe("Checker.observe", () => {
  const found = (events: ReadonlyArray<Trace.Event>) => {
    const errors: Array<Checker.ViolationError> = []
    const observe = Checker.observe([Checker.noStartAfterShutdown], (error) => errors.push(error))
    events.forEach(observe)
    return errors
  }

  it("tells of the first violation only, with what came before", () => {
    const errors = found([{ ...at(5), _tag: "shutdown" }, started(6), started(7)])
    assert.deepStrictEqual(
      errors.map(({ message }) => message),
      [
        [
          "no start after shutdown: row 0 starts after the shutdown at 5, at 6 ms",
          "  5.000 client 0 shutdown",
          "  6.000 client 0 started row 0 attempt 1"
        ].join("\n")
      ]
    )
  })

  it("shows no more than thirty events", () => {
    const [trace = []] = found([
      ...range(100).map((time) => started(time, time)),
      { ...at(100), _tag: "shutdown" },
      started(101)
    ]).map((error) => error.trace)
    assert.strictEqual(trace.length, 30)
    assert.deepStrictEqual(
      [trace[0], trace[29]],
      ["72.000 client 0 started row 72 attempt 1", "101.000 client 0 started row 0 attempt 1"]
    )
  })
})
