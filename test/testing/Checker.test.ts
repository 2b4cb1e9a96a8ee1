import { assert, describe, it } from "@effect/vitest"
import { Checker, type Trace } from "effect-aimd/testing"
import { at, capacity, decided, ended, finished, joined, left, paused, resized, resumed } from "./events.js"
import { evicted, said, started, submitted } from "./events.js"
import { range } from "./support.js"

const weighing = (time: number, tokens: number): Trace.Event => ({
  ...at(time),
  _tag: "started",
  row: 0,
  attempt: 1,
  cost: { tokens }
})
const took = (time: number, tokens: number): Trace.Event => ({
  ...at(time),
  _tag: "ended",
  row: 0,
  attempt: 1,
  outcome: "success",
  retryAfter: undefined,
  took: { tokens }
})

interface Case {
  readonly checker: Checker.Checker
  readonly fine: ReadonlyArray<Trace.Event>
  /** Ends with the event that breaks the rule. */
  readonly broken: ReadonlyArray<Trace.Event>
  readonly says: string
}

/** Two attempts of one epoch; the first rejection ends it, and the second is about to be judged. */
const twoRejected: ReadonlyArray<Trace.Event> = [
  decided(0, {}),
  started(0, 1),
  started(0, 2),
  ended(1, 1, "capacity"),
  decided(1, { epoch: 1, delay: 5 }, capacity(0)),
  ended(2, 2, "capacity")
]

/** Two attempts that start at one instant, before and after a decision of a new epoch, and are rejected at another. */
const inTwoEpochs: ReadonlyArray<Trace.Event> = [
  decided(0, {}),
  started(1, 1),
  decided(1, { epoch: 1 }),
  started(1, 2),
  ended(3, 2, "capacity"),
  ended(3, 1, "capacity")
]

const cases: Record<string, Case> = {
  "more in flight than the window": {
    checker: Checker.inFlightWithinWindow,
    fine: [joined, decided(0, { window: 2.9 }), started(1), started(2), ended(3), started(4)],
    broken: [joined, decided(0, { window: 2.9 }), started(1), started(2), started(3)],
    says: "3 in flight where 2 are allowed"
  },
  "more in flight than the pool is large": {
    checker: Checker.inFlightWithinWindow,
    // One admitted before the window shrank, at the same instant.
    fine: [joined, decided(0, { window: 3 }), decided(5, { window: 1 }), started(5), started(5), started(5)],
    broken: [joined, decided(0, { window: 99 }), started(1), started(2), started(3), started(4)],
    says: "4 in flight where 3 are allowed"
  },
  "more in flight than a pool that was made smaller": {
    checker: Checker.inFlightWithinWindow,
    // What is in flight may finish; at the instant of the change both sizes may be in force.
    fine: [
      ...[joined, decided(0, { window: 99 }), started(1), started(2), resized(3, 1), started(3), ended(4), ended(5)],
      ...[ended(5), started(6), resized(6, 4), started(6), started(7), started(8)]
    ],
    broken: [joined, decided(0, { window: 99 }), started(1), started(2), resized(3, 1), started(4)],
    says: "3 in flight where 1 are allowed"
  },
  "a start while the pool is paused": {
    checker: Checker.noStartWhilePaused,
    fine: [paused(5), started(5), resumed(9), started(9), paused(10), paused(12), resumed(13), started(14)],
    broken: [paused(5), paused(6), started(7, 3)],
    says: "row 3 starts, and the pool is paused since 5"
  },
  "a start at the end of a row's budget, which stood still in a pause": {
    checker: Checker.noStartAfterBudget,
    fine: [joined, started(10), paused(100), resumed(600), started(1509, 0, 2)],
    broken: [joined, started(10), paused(100), paused(200), resumed(600), started(1510, 0, 2)],
    says: "row 0, first started at 10, starts at the end of its budget of 1000 ms"
  },
  "an entry of a row that was evicted": {
    checker: Checker.oneEntryARow,
    fine: [submitted(4, 3), evicted(5), finished(4, 0), finished(6, 1), left()],
    broken: [submitted(4, 3), evicted(5), finished(5, 0)],
    says: "row 5 was finished before, or never handed in"
  },
  "starts closer than the pool's least": {
    checker: Checker.startsAreSpaced,
    fine: [joined, decided(0, {}), started(0), started(5)],
    broken: [joined, decided(0, {}), started(0), started(4)],
    says: "starts 4 ms apart, where 5 is the least"
  },
  "starts closer than the law allows": {
    checker: Checker.startsAreSpaced,
    fine: [joined, decided(0, { spacing: 1e9 }), started(0), started(10_000)],
    broken: [joined, decided(0, { spacing: 20 }), started(0), started(19)],
    says: "starts 19 ms apart, where 20 is the least"
  },
  "starts closer than what the last one weighs allows": {
    checker: Checker.startsAreSpaced,
    fine: [
      ...[joined, decided(0, { spacing: 20, spacedTokens: 600 }), weighing(0, 300), weighing(10, 1200), started(50)],
      ...[weighing(70, 1200), took(71, 600), started(90)]
    ],
    broken: [joined, decided(0, { spacing: 20, spacedTokens: 600 }), weighing(0, 1200), started(39)],
    says: "starts 39 ms apart, where 40 is the least"
  },
  "a start in a hold of the law": {
    checker: Checker.noStartInHold,
    fine: [decided(0, { holdUntil: 100 }), started(100)],
    broken: [decided(0, { holdUntil: 100 }), started(99)],
    says: "a start inside the hold until 100"
  },
  "a start in a hold of the law that is longer than maxRetryAfter allows": {
    checker: Checker.noStartInHold,
    fine: [joined, decided(0, { holdUntil: 1e9 }), started(10_000)],
    broken: [joined, decided(0, { holdUntil: 1e9 }), started(9_999)],
    says: "a start inside the hold until 10000"
  },
  "a start before a Retry-After is over": {
    checker: Checker.noStartInHold,
    // At the instant of the answer a start may have been admitted before it.
    fine: [decided(0, {}, capacity(0, 50)), started(0), started(50)],
    broken: [decided(0, {}, capacity(0, 50)), started(30)],
    says: "a start inside the hold until 50"
  },
  "a Retry-After that the law does not hear of": {
    checker: Checker.hintsAreHeard,
    fine: [joined, ended(1, 0, "capacity", 99_000), decided(1, {}, capacity(0, 10_000)), decided(2, {})],
    broken: [joined, ended(1, 0, "capacity", 500), decided(1, {}, capacity(0))],
    says: "the API asked for 500 ms, the law heard of undefined"
  },
  "an entry too many": {
    checker: Checker.oneEntryARow,
    fine: [submitted(4, 2), finished(4, 0), finished(5, 1), left()],
    broken: [submitted(4, 2), finished(4, 0), finished(4, 0)],
    says: "row 4 was finished before, or never handed in"
  },
  "an entry out of order": {
    checker: Checker.oneEntryARow,
    fine: [submitted(4, 1), finished(4, 0)],
    broken: [submitted(4, 2), finished(5, 0), finished(4, 1)],
    says: "row 4 is entry 1, after row 5"
  },
  "a row without an entry": {
    checker: Checker.oneEntryARow,
    fine: [left()],
    broken: [submitted(4, 3), finished(5, 0), left()],
    says: "2 rows have no entry: 4, 6"
  },
  "an attempt that runs on": {
    checker: Checker.permitsComeBack,
    fine: [started(1), ended(2), left()],
    broken: [started(1), left()],
    says: "1 attempts run on"
  },
  "a permit that is not back": {
    checker: Checker.permitsComeBack,
    fine: [left()],
    broken: [started(1), ended(2), left(1, 2)],
    says: "nothing runs, and the pool counts 1 in flight and 2 pending"
  },
  "a start after a shutdown": {
    checker: Checker.noStartAfterShutdown,
    fine: [{ ...at(5), _tag: "shutdown" }, started(5)],
    broken: [{ ...at(5), _tag: "shutdown" }, started(6, 7)],
    says: "row 7 starts after the shutdown at 5"
  },
  "a start when the shutdown has returned": {
    checker: Checker.noStartAfterShutdown,
    fine: [
      { ...at(5), _tag: "shutdown" },
      { ...at(5), _tag: "shut" }
    ],
    broken: [{ ...at(5), _tag: "shutdown" }, { ...at(5), _tag: "shut" }, started(5, 7)],
    says: "row 7 starts after the shutdown at 5"
  },
  "a start at the end of a row's budget": {
    checker: Checker.noStartAfterBudget,
    fine: [joined, started(10), started(1009, 0, 2), started(5000, 1)],
    broken: [joined, started(10), started(1010, 0, 2)],
    says: "row 0, first started at 10, starts at the end of its budget of 1000 ms"
  },
  "a start at the end of an older hint, at the instant of a new one": {
    checker: Checker.noStartInHold,
    fine: [decided(0, {}, capacity(0, 50)), decided(50, {}, capacity(0, 5)), started(50)],
    broken: [decided(0, {}, capacity(0, 50)), decided(40, {}, capacity(0, 5)), started(40)],
    says: "a start inside the hold until 50"
  },
  "a permit that is out where nothing is pending": {
    checker: Checker.permitsComeBack,
    fine: [left(0, 0)],
    broken: [left(1, 0)],
    says: "nothing runs, and the pool counts 1 in flight and 0 pending"
  },
  "a row that is pending where nothing is out": {
    checker: Checker.permitsComeBack,
    fine: [left(0, 0)],
    broken: [left(0, 1)],
    says: "nothing runs, and the pool counts 0 in flight and 1 pending"
  },
  "a second decrease in one epoch": {
    checker: Checker.oneDecreaseAnEpoch,
    fine: [...twoRejected, decided(2, { epoch: 1, delay: 5 }, capacity(0, undefined, 2))],
    broken: [...twoRejected, decided(2, { epoch: 1, delay: 9 }, capacity(0, undefined, 2))],
    says: "slowed down in epoch 1 by the rejection of an attempt that was admitted in epoch 0"
  },
  "a rejection too many, of two attempts at one instant in two epochs": {
    checker: Checker.oneDecreaseAnEpoch,
    // The second one may have been admitted in either epoch; the first sample is of the first.
    fine: [
      ...inTwoEpochs,
      decided(3, { epoch: 1 }, capacity(0, undefined, 2)),
      decided(3, { epoch: 2 }, capacity(1, undefined, 2))
    ],
    broken: [...inTwoEpochs, ...[1, 0, 0].map((epoch) => decided(3, { epoch: 1 }, capacity(epoch, undefined, 2)))],
    says: "no rejected attempt was admitted in epoch 0, as the sample says"
  },
  "an attempt that is said to be of a later epoch than it was started in": {
    checker: Checker.oneDecreaseAnEpoch,
    fine: [...twoRejected, decided(2, { epoch: 1, delay: 5 }, capacity(0, undefined, 2))],
    broken: [...twoRejected, decided(2, { epoch: 2, delay: 9 }, capacity(1, undefined, 2))],
    says: "no rejected attempt was admitted in epoch 1, as the sample says"
  }
}

describe("A checker", () => {
  for (const [name, { broken, checker, fine, says }] of Object.entries(cases)) {
    it(`finds ${name}`, () => {
      assert.deepStrictEqual(said(checker, broken), [...range(broken.length - 1).map(() => undefined), says])
      assert.deepStrictEqual(
        said(checker, fine),
        fine.map(() => undefined)
      )
    })
  }

  it("keeps clients apart", () => {
    const other = (event: Trace.Event): Trace.Event => ({ ...event, client: 1 })
    const events = [
      joined,
      other(joined),
      decided(0, {}),
      other(decided(0, {})),
      ...[0, 5, 10].flatMap((time) => [started(time), other(started(time))])
    ]
    for (const checker of Checker.all)
      assert.deepStrictEqual(
        said(checker, events),
        events.map(() => undefined)
      )
  })
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
