import { assert, describe, it } from "@effect/vitest"
import { ServerModel } from "effect-aimd/testing"
import type * as Bucket from "../../../src/law/window/Bucket.js"
import * as Fitted from "../../../src/law/window/Fitted.js"
import * as Level from "../../../src/law/window/Level.js"
import * as State from "../../../src/law/window/State.js"
import { capped, judged, spread, startsOf, type Start } from "../../support/starts.js"

const draft = (over: Partial<State.Draft> = {}): State.Draft => ({
  ...State.draft(State.begin(64, 0, 0).state),
  ...over
})

const rejection = (sequence: number, retryAfter?: number) => ({
  _tag: "capacity" as const,
  row: 1,
  attempt: 1,
  epoch: 0,
  inFlight: 1,
  latency: 5,
  sequence,
  startedWith: 1,
  bound: "window" as const,
  hints: undefined,
  status: 429,
  retryAfter
})

const lastOf = (starts: ReadonlyArray<Start>): number => starts.findLastIndex(([, fate]) => fate === "capacity") + 1

const bucket = judged(ServerModel.tokenBucket({ rate: 10, burst: 5 }), spread(100, 80))
const cap = capped(5, 100, spread(200, 15))

describe("The bucket that a rejection fits", () => {
  const at = (
    starts: ReadonlyArray<Start>,
    sequence = lastOf(starts),
    over: Partial<State.Draft> = {},
    hint?: number
  ) => Fitted.at(draft({ rejectionLatency: 0, ...over }), rejection(sequence, hint), startsOf(starts))

  it("is likelier than a cap, where it explains more rejections", () => {
    const { bucket: found, isLikelier } = at(bucket) ?? assert.fail("nothing fits")
    assert.isDefined(found)
    assert.deepStrictEqual([found.depth, Math.round(found.high), found.closings, isLikelier], [5, 10, 17, true])
    // As many as a cap explains are not more: here all had as many in flight.
    const constant = bucket.map(([at, fate]): Start => [at, fate, fate === "capacity" ? 5 : 4])
    assert.isFalse(at(constant)?.isLikelier)
  })

  it("is never likelier than the cap that there is", () => {
    const rejected = cap.flatMap(([, fate], i) => (fate === "capacity" ? [i + 1] : []))
    assert.deepStrictEqual(
      rejected.filter((sequence) => at(cap, sequence, {}, 1000)?.isLikelier === true),
      []
    )
  })

  it("takes four closings, and with a hint two", () => {
    const rejected = bucket.flatMap(([, fate], i) => (fate === "capacity" ? [i + 1] : []))
    assert.deepStrictEqual(
      rejected
        .slice(0, 4)
        .map((sequence) => [at(bucket, sequence), at(bucket, sequence, {}, 1000)].map((a) => a?.bucket?.closings)),
      [
        [undefined, undefined],
        [undefined, 2],
        [undefined, 3],
        [4, 4]
      ]
    )
  })

  it("is none where others use the API, and where nothing is remembered", () => {
    assert.isUndefined(at(bucket, lastOf(bucket), { isShared: true }))
    assert.isUndefined(Fitted.at(draft(), rejection(lastOf(bucket)), undefined))
  })

  it("is of the starts since the API was closed last", () => {
    assert.strictEqual(at(bucket, lastOf(bucket), { clear: 51 })?.bucket?.closings, 10)
  })
})

const fitted = (low: number, high: number): Bucket.Bucket => ({
  depth: 5,
  low,
  high,
  closings: 9,
  starts: 100,
  unit: undefined
})

describe("What is certain", () => {
  const isCertain = (chance: number | undefined, bucket: Bucket.Bucket | undefined, cap: Fitted.Fitted["cap"]) =>
    Fitted.isCertain({ bucket, cap, isLikelier: bucket !== undefined }, chance)
  const none = { closings: 1, starts: 1 }

  it("is a limit whose rejections chance would have had at any other time: seven of a hundred starts", () => {
    assert.deepStrictEqual(
      [6, 7].map((closings) => isCertain(undefined, { ...fitted(95, 100), closings }, none)),
      [false, true]
    )
    assert.deepStrictEqual(
      [6, 7].map((closings) => isCertain(undefined, undefined, { closings, starts: 100 })),
      [false, true]
    )
    assert.isFalse(isCertain(undefined, { ...fitted(95, 100), closings: 0 }, none))
    assert.isFalse(isCertain(undefined, undefined, { closings: 30, starts: 30 }))
  })

  it("is sooner one of tokens: three of a hundred starts that weigh differently fit nothing by accident", () => {
    assert.deepStrictEqual(
      [2, 3].map((closings) => isCertain(undefined, { ...fitted(95, 100), unit: 600, closings }, none)),
      [false, true]
    )
  })

  it("is none, while chance is known, before that would have rejected eight besides", () => {
    assert.deepStrictEqual(
      [80, 81].map((starts) => isCertain(0.1, { ...fitted(95, 100), starts }, none)),
      [false, true]
    )
    assert.isFalse(isCertain(0.1, undefined, { closings: 9, starts: 80 }))
  })

  it("is no rate that may as well be another", () => {
    assert.deepStrictEqual(
      [87, 88].map((low) => isCertain(1, fitted(low, 100), { closings: 9, starts: 100 })),
      [false, true]
    )
  })
})

describe("The pace of a bucket that fits", () => {
  /** Its top, its dip, its patience, and whether it is exact. */
  const paceOf = (pace: Level.Level | undefined, found: Bucket.Bucket | undefined, isHinted = false) => {
    const next = Fitted.paceOf(pace, found, isHinted)
    return next && [Number(next.top.toFixed(3)), Number(next.dip.toFixed(3)), next.patience, next.exact]
  }

  it("is its rate, and a hundredth less where a rejection holds the pool: with a dip as small, and the rarest tests", () => {
    assert.deepStrictEqual(paceOf(undefined, fitted(99, 100)), [100, 0.05, 0, true])
    assert.deepStrictEqual(paceOf(undefined, fitted(99, 100), true), [99, 0.01, 8, true])
  })

  it("dips to the least rate where the bounds are apart, at most by half", () => {
    assert.deepStrictEqual(
      [88, 87, 60, 20].map((low) => paceOf(undefined, fitted(low, 100))),
      [
        [100, 0.05, 0, true],
        [100, 0.13, 0, false],
        [100, 0.4, 0, false],
        [100, 0.5, 0, false]
      ]
    )
    assert.deepStrictEqual(paceOf(undefined, fitted(60, 100), true), [99, 0.394, 0, false])
  })

  it("is tested later each time it is found again, and sooner where it has changed by over a twentieth", () => {
    assert.deepStrictEqual(
      [95, 95.5, 100, 105, 105.5].map((top) => paceOf(Level.measured(top, 4), fitted(99, 100))?.[2]),
      [2, 5, 5, 5, 2]
    )
    assert.deepStrictEqual(
      [false, true].map((isHinted) => paceOf(Level.measured(50, 1), fitted(99, 100), isHinted)?.[2]),
      [0, 8]
    )
  })

  it("is what was reached, where nothing was rejected up to over a twentieth above what had been exact", () => {
    const wrong: Level.Level = { ...Level.measured(100, 4, 0.05), exact: true }
    const rates = [2, 2.01].map((progress) => ({ ...wrong, progress }))
    assert.deepStrictEqual(
      rates.map((pace) => [Number(Level.rate(pace).toFixed(1)), paceOf(pace, undefined, true)]),
      [
        [105, [100, 0.01, 5, true]],
        [105.2, [104.1, 0.05, 0, false]]
      ]
    )
  })

  it("stays where no bucket fits and a test has failed that holds the pool", () => {
    const exact: Level.Level = { ...Level.measured(100, 4, 0.05), exact: true, progress: 1.1 }
    assert.deepStrictEqual(paceOf(exact, undefined, true), [100, 0.01, 5, true])
    assert.strictEqual(Fitted.paceOf(exact, undefined, true)?.progress, 0)
    assert.deepStrictEqual(
      [
        paceOf(exact, undefined, false),
        paceOf({ ...exact, progress: 1 }, undefined, true),
        paceOf({ ...exact, exact: false }, undefined, true),
        paceOf(undefined, undefined, true)
      ],
      [undefined, undefined, undefined, undefined]
    )
  })
})

describe("The permits that a rate needs", () => {
  it("are half as many again as are in flight at it, and no more than there are", () => {
    assert.deepStrictEqual(
      [0, 10, 20, 1000].map((rate) => Fitted.permitsFor(draft({ latency: 1100 }), rate)),
      [0, 17, 33, 64]
    )
  })
})
