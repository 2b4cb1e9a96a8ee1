import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import * as CallTurn from "../../src/pool/CallTurn.js"

/** It is 5,000 on the monotonic clock, and 1,000,000 on that on the wall. */
const timers = { now: () => 5000, wallNow: () => 1_000_000 }

const turnOf = (options: CallTurn.TurnOptions) => CallTurn.turnOf(options, timers)

/** What is said to be wrong with options, as a caller without types may hand them in. */
const wrong = (options: unknown, what?: string, row?: number): string | undefined => {
  const told = CallTurn.turnOf(options as CallTurn.TurnOptions, timers, what, row)
  return told instanceof Error ? told.message : undefined
}

describe("The turn of a call", () => {
  it("is none where nothing is said", () => {
    assert.isUndefined(turnOf({}))
    assert.isUndefined(turnOf({ priority: undefined, tenant: undefined }))
  })

  it("is ordinary but for what is said", () => {
    assert.deepStrictEqual(turnOf({ priority: 2 }), { ...CallTurn.ordinary, priority: 2 })
    assert.deepStrictEqual(turnOf({ tenant: "a" }), { ...CallTurn.ordinary, tenant: "a" })
    assert.deepStrictEqual(turnOf({ weight: 3 }), { ...CallTurn.ordinary, weight: 3 })
    assert.deepStrictEqual(turnOf({ late: "run" }), CallTurn.ordinary)
  })

  it("has a deadline from now on, or at an instant of the wall clock", () => {
    const deadline = (value: Duration.DurationInput | Date) => {
      const told = turnOf({ deadline: value })
      return told instanceof Error || told === undefined ? undefined : [told.deadline, told.dueAt]
    }
    const deadlines: ReadonlyArray<Duration.DurationInput | Date> = [
      ...[200, "2 seconds" as const, Duration.zero],
      ...[new Date(1_003_000), new Date(999_000)]
    ]
    assert.deepStrictEqual(
      deadlines.map(deadline),
      [5200, 7000, 5000, 8000, 4000].map((at) => [at, Infinity])
    )
  })

  it("is too late after its deadline only where that is wanted", () => {
    assert.deepStrictEqual(turnOf({ deadline: 200, late: "refuse" }), {
      ...CallTurn.ordinary,
      deadline: 5200,
      dueAt: 5200
    })
  })

  it("is refused by the name of what is wrong", () => {
    assert.deepStrictEqual(
      [
        wrong({ priority: NaN }),
        wrong({ priority: "high" }),
        wrong({ tenant: 5 }),
        wrong({ weight: 0 }),
        wrong({ weight: Infinity }),
        wrong({ deadline: -1 }),
        wrong({ deadline: new Date(NaN) }),
        wrong({ deadline: "soon" }),
        wrong({ late: "wait" }),
        wrong({ late: "refuse" })
      ],
      [
        "effect-aimd: option priority: expected a finite number, got NaN",
        'effect-aimd: option priority: expected a finite number, got "high"',
        "effect-aimd: option tenant: expected a string, got 5",
        "effect-aimd: option weight: expected a finite number over 0, got 0",
        "effect-aimd: option weight: expected a finite number over 0, got Infinity",
        'effect-aimd: option deadline: expected a duration of at least 0, such as "10 seconds", or a Date, got -1',
        'effect-aimd: option deadline: expected a duration of at least 0, such as "10 seconds", or a Date, got Invalid Date',
        'effect-aimd: option deadline: expected a duration of at least 0, such as "10 seconds", or a Date, got "soon"',
        'effect-aimd: option late: expected "run" or "refuse", got "wait"',
        'effect-aimd: option late: expected a deadline beside it, or nothing can be late, got "refuse"'
      ]
    )
    assert.strictEqual(
      wrong({ weight: -1 }, "turn", 3),
      "effect-aimd: turn of row 3.weight: expected a finite number over 0, got -1"
    )
  })
})

describe("The turn of a row", () => {
  const read = (value: unknown) => {
    const told = CallTurn.read(value, timers, "turn", 7)
    return told instanceof Error ? told.message : told
  }

  it("is an object of what is known, or nothing", () => {
    assert.deepStrictEqual(
      [read(undefined), read({}), read({ tenant: "a" })],
      [undefined, undefined, { ...CallTurn.ordinary, tenant: "a" }]
    )
    assert.deepStrictEqual(
      [read(5), read({ prio: 1 })],
      [
        "effect-aimd: turn of row 7: expected an object such as { priority: 1 }, got 5",
        "effect-aimd: turn of row 7.prio: expected only priority, tenant, weight, deadline, late, got 1"
      ]
    )
  })
})

describe("The turns of many rows", () => {
  it("are what was said of each, though most of them are alike", () => {
    const options: ReadonlyArray<CallTurn.TurnOptions | undefined> = [
      { tenant: "a", priority: 1 },
      undefined,
      { tenant: "a", priority: 1, deadline: 5, late: "refuse" },
      { tenant: "a", priority: 1, weight: 2, deadline: "1 second" },
      { tenant: "b", deadline: 0.25 },
      { tenant: "a", priority: 1 }
    ]
    const said = options.map((option) => CallTurn.read(option, timers, "turn"))
    const tolds = new CallTurn.Tolds(said.length)
    said.forEach((told, i) => {
      if (told instanceof Error) throw told
      if (told !== undefined) tolds.set(i, told)
    })
    // Each is shown until the next is asked for.
    const shown = said.map((_, i) => {
      const told = tolds.at(i)
      return told && { ...told }
    })
    assert.deepStrictEqual(shown, said)
    assert.deepStrictEqual(tolds.at(2), { tenant: "a", priority: 1, weight: 1, deadline: 5005, dueAt: 5005 })
  })

  it("say whether any of them may be refused", () => {
    const tolds = new CallTurn.Tolds(2)
    tolds.set(0, { ...CallTurn.ordinary, deadline: 5 })
    assert.isFalse(tolds.mayBeLate)
    tolds.set(1, { ...CallTurn.ordinary, deadline: 5, dueAt: 5 })
    assert.isTrue(tolds.mayBeLate)
  })
})
