import { describe, it } from "@effect/vitest"
import { LawChecker, type Trace } from "effect-aimd/testing"
import {
  assertApart,
  assertFound,
  at,
  capacity,
  decided,
  ended,
  joined,
  resized,
  started,
  type Case
} from "./events.js"

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
    checker: LawChecker.inFlightWithinWindow,
    fine: [[joined, decided(0, { window: 2.9 }), started(1), started(2), ended(3), started(4)]],
    broken: [joined, decided(0, { window: 2.9 }), started(1), started(2), started(3)],
    says: "3 in flight where 2 are allowed"
  },
  "more in flight than the pool is large": {
    checker: LawChecker.inFlightWithinWindow,
    // One admitted before the window shrank, at the same instant.
    fine: [[joined, decided(0, { window: 3 }), decided(5, { window: 1 }), started(5), started(5), started(5)]],
    broken: [joined, decided(0, { window: 99 }), started(1), started(2), started(3), started(4)],
    says: "4 in flight where 3 are allowed"
  },
  "more in flight than a pool that was made smaller": {
    checker: LawChecker.inFlightWithinWindow,
    // What is in flight may finish; at the instant of the change both sizes may be in force.
    fine: [
      [
        ...[joined, decided(0, { window: 99 }), started(1), started(2), resized(3, 1), started(3), ended(4), ended(5)],
        ...[ended(5), started(6), resized(6, 4), started(6), started(7), started(8)]
      ]
    ],
    broken: [joined, decided(0, { window: 99 }), started(1), started(2), resized(3, 1), started(4)],
    says: "3 in flight where 1 are allowed"
  },
  "starts closer than the pool's least": {
    checker: LawChecker.startsAreSpaced,
    fine: [[joined, decided(0, {}), started(0), started(5)]],
    broken: [joined, decided(0, {}), started(0), started(4)],
    says: "starts 4 ms apart, where 5 is the least"
  },
  "starts closer than the law allows": {
    checker: LawChecker.startsAreSpaced,
    fine: [[joined, decided(0, { spacing: 1e9 }), started(0), started(10_000)]],
    broken: [joined, decided(0, { spacing: 20 }), started(0), started(19)],
    says: "starts 19 ms apart, where 20 is the least"
  },
  "starts closer than what the last one weighs allows": {
    checker: LawChecker.startsAreSpaced,
    fine: [
      [
        ...[joined, decided(0, { spacing: 20, spacedTokens: 600 }), weighing(0, 300), weighing(10, 1200), started(50)],
        ...[weighing(70, 1200), took(71, 600), started(90)]
      ]
    ],
    broken: [joined, decided(0, { spacing: 20, spacedTokens: 600 }), weighing(0, 1200), started(39)],
    says: "starts 39 ms apart, where 40 is the least"
  },
  "a start in a hold of the law": {
    checker: LawChecker.noStartInHold,
    fine: [[decided(0, { holdUntil: 100 }), started(100)]],
    broken: [decided(0, { holdUntil: 100 }), started(99)],
    says: "a start inside the hold until 100"
  },
  "a start in a hold of the law that is longer than maxRetryAfter allows": {
    checker: LawChecker.noStartInHold,
    fine: [[joined, decided(0, { holdUntil: 1e9 }), started(10_000)]],
    broken: [joined, decided(0, { holdUntil: 1e9 }), started(9_999)],
    says: "a start inside the hold until 10000"
  },
  "a start before a Retry-After is over": {
    checker: LawChecker.noStartInHold,
    // At the instant of the answer a start may have been admitted before it.
    fine: [[decided(0, {}, capacity(0, 50)), started(0), started(50)]],
    broken: [decided(0, {}, capacity(0, 50)), started(30)],
    says: "a start inside the hold until 50"
  },
  "a Retry-After that the law does not hear of": {
    checker: LawChecker.hintsAreHeard,
    fine: [[joined, ended(1, 0, "capacity", 99_000), decided(1, {}, capacity(0, 10_000)), decided(2, {})]],
    broken: [joined, ended(1, 0, "capacity", 500), decided(1, {}, capacity(0))],
    says: "the API asked for 500 ms, the law heard of undefined"
  },
  "a start at the end of an older hint, at the instant of a new one": {
    checker: LawChecker.noStartInHold,
    fine: [[decided(0, {}, capacity(0, 50)), decided(50, {}, capacity(0, 5)), started(50)]],
    broken: [decided(0, {}, capacity(0, 50)), decided(40, {}, capacity(0, 5)), started(40)],
    says: "a start inside the hold until 50"
  },
  "a second decrease in one epoch": {
    checker: LawChecker.oneDecreaseAnEpoch,
    fine: [[...twoRejected, decided(2, { epoch: 1, delay: 5 }, capacity(0, undefined, 2))]],
    broken: [...twoRejected, decided(2, { epoch: 1, delay: 9 }, capacity(0, undefined, 2))],
    says: "slowed down in epoch 1 by the rejection of an attempt that was admitted in epoch 0"
  },
  "a rejection too many, of two attempts at one instant in two epochs": {
    checker: LawChecker.oneDecreaseAnEpoch,
    // The second one may have been admitted in either epoch; the first sample is of the first.
    fine: [
      [
        ...inTwoEpochs,
        decided(3, { epoch: 1 }, capacity(0, undefined, 2)),
        decided(3, { epoch: 2 }, capacity(1, undefined, 2))
      ]
    ],
    broken: [...inTwoEpochs, ...[1, 0, 0].map((epoch) => decided(3, { epoch: 1 }, capacity(epoch, undefined, 2)))],
    says: "no rejected attempt was admitted in epoch 0, as the sample says"
  },
  "an attempt that is said to be of a later epoch than it was started in": {
    checker: LawChecker.oneDecreaseAnEpoch,
    fine: [[...twoRejected, decided(2, { epoch: 1, delay: 5 }, capacity(0, undefined, 2))]],
    broken: [...twoRejected, decided(2, { epoch: 2, delay: 9 }, capacity(1, undefined, 2))],
    says: "no rejected attempt was admitted in epoch 1, as the sample says"
  }
}

describe("A checker of a pool's law", () => {
  for (const [name, one] of Object.entries(cases)) it(`finds ${name}`, () => assertFound(one))

  it("keeps clients apart", () => assertApart(LawChecker.all))
})
