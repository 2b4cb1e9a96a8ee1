import { assert, describe, it } from "@effect/vitest"
import type { ControlLaw } from "effect-aimd"
import { FastCheck } from "effect"
import * as Gate from "../../src/pool/Gate.js"
import * as History from "../../src/pool/History.js"
import * as StartLog from "../../src/pool/StartLog.js"

const decision = (over: Partial<ControlLaw.Decision> = {}): ControlLaw.Decision => ({
  window: 4,
  spacing: 0,
  holdUntil: 0,
  delay: 0,
  epoch: 0,
  reason: "test",
  ...over
})

/** Starts an attempt as soon as it may, from an instant on; returns when, and what it waited for. */
const starter =
  (gate: Gate.Gate, law: ControlLaw.Decision) =>
  (now: number, holdUntil = 0) => {
    const opensAt = gate.opensAt(law, holdUntil, now)
    const at = Math.max(now, opensAt)
    if (opensAt > now) gate.opensAt(law, holdUntil, at)
    return [at, gate.pass(law, false)] as const
  }

describe("The gate", () => {
  it("lets a start through at once where nothing is decided", () => {
    const start = starter(Gate.make(0), decision())
    assert.deepStrictEqual(
      [start(5), start(5)],
      [
        [5, "none"],
        [5, "none"]
      ]
    )
  })

  it("spaces starts, and says that they waited for it", () => {
    const start = starter(Gate.make(0), decision({ spacing: 30 }))
    // Who comes at the very instant has waited for nothing.
    assert.deepStrictEqual(
      [start(0), start(10), start(100), start(130)],
      [
        [0, "none"],
        [30, "spacing"],
        [100, "none"],
        [130, "none"]
      ]
    )
  })

  describe("beside what starts weigh", () => {
    /** Starts of so many tokens as soon as they may; the second of the history was rejected. */
    const weighing = (law: ControlLaw.Decision, minSpacing = 0) => {
      const history = History.make(10)
      const start = starter(Gate.make(10, history, minSpacing), law)
      return (now: number, tokens: number): number => {
        const [at] = start(now)
        history.add(at, 0)
        history.weighs(history.last, tokens)
        if (history.last === 2) history.ended(2, "capacity", 429)
        return at
      }
    }

    it("spaces by what the last one weighs, never below the pool's own least; one that says nothing weighs the mean", () => {
      const start = weighing(decision({ spacing: 30, spacedTokens: 600 }), 10)
      assert.deepStrictEqual([start(0, 1200), start(0, 100), start(0, 0), start(0, 600)], [0, 60, 70, 100])
    })

    it("allows so many tokens in any period, but for those that were rejected", () => {
      const starts = { limit: 1000, period: 100, provenUntil: Infinity, areTokens: true }
      const start = weighing(decision({ starts }))
      assert.deepStrictEqual(
        [start(0, 600), start(1, 900), start(2, 300), start(3, 200), start(4, 100)],
        [0, 1, 2, 3, 100]
      )
    })
  })

  it("allows so many starts in any period, and says so", () => {
    const starts = { limit: 2, period: 100, provenUntil: Infinity }
    const start = starter(Gate.make(10), decision({ starts }))
    assert.deepStrictEqual(
      [start(0), start(10), start(20), start(20)],
      [
        [0, "none"],
        [10, "none"],
        [100, "period"],
        [110, "period"]
      ]
    )
  })

  it("lets a start of the next millisecond count as one that waited for the period, and no later one", () => {
    const starts = { limit: 1, period: 100, provenUntil: Infinity }
    const bounds = [100, 101, 102].map((at) => {
      const start = starter(Gate.make(10), decision({ starts }))
      start(0)
      return start(at)[1]
    })
    assert.deepStrictEqual(bounds, ["period", "period", "none"])
  })

  it("takes a wait for a period that is shorter than a start goes alone for no hold", () => {
    const starts = { limit: 3, period: 100, provenUntil: Infinity }
    const start = starter(Gate.make(10), decision({ starts, alone: 7 }))
    assert.deepStrictEqual(
      [start(0), start(1), start(95), start(96), start(100)].map(([at]) => at),
      [0, 1, 95, 100, 101]
    )
  })

  it("sends those beyond an unproven period one at a time", () => {
    const starts = { limit: 2, period: 100, provenUntil: 5 }
    const start = starter(Gate.make(10), decision({ starts, alone: 7 }))
    assert.deepStrictEqual(
      [start(0), start(10), start(20), start(100)].map(([at]) => at),
      [0, 10, 100, 107]
    )
  })

  it("lets the first start after a hold go alone", () => {
    const start = starter(Gate.make(0), decision({ alone: 20 }))
    assert.deepStrictEqual(
      [start(0, 50), start(50), start(70)].map(([at]) => at),
      [50, 70, 70]
    )
  })

  it("counts a start that waited for a hold alone as one that waited for nothing", () => {
    const rows: ReadonlyArray<readonly [spacing: number, holdUntil: number]> = [
      [0, 50],
      [30, 50],
      [50, 50],
      [60, 50]
    ]
    const bounds = rows.map(([spacing, holdUntil]) => {
      const start = starter(Gate.make(0), decision({ spacing }))
      start(0)
      return start(10, holdUntil)
    })
    assert.deepStrictEqual(bounds, [
      [50, "none"],
      [50, "none"],
      [50, "none"],
      [60, "spacing"]
    ])
  })

  it("says that a start took the last permit, whatever else it had waited for but the period", () => {
    const starts = { limit: 1, period: 100, provenUntil: Infinity }
    const rows = [decision(), decision({ spacing: 30 }), decision({ starts })]
    const bounds = rows.map((law) => {
      const gate = Gate.make(10)
      starter(gate, law)(0)
      const opensAt = gate.opensAt(law, 0, 10)
      gate.opensAt(law, 0, opensAt)
      return gate.pass(law, true)
    })
    assert.deepStrictEqual(bounds, ["window", "window", "period"])
  })

  it("does not count starts that were rejected or had nothing to do", () => {
    const starts = { limit: 1, period: 100, provenUntil: Infinity }
    const gate = Gate.make(10)
    const start = starter(gate, decision({ starts }))
    start(0)
    gate.rejected(0)
    start(1)
    gate.takeBack()
    assert.deepStrictEqual(start(2), [2, "none"])
  })
})

describe("A start that is taken back", () => {
  const cases: Record<
    string,
    { readonly law: ControlLaw.Decision; readonly holdUntil: number; readonly next: number }
  > = {
    "leaves the spacing to the one before it": { law: decision({ spacing: 30 }), holdUntil: 0, next: 30 },
    "leaves it to the next to go alone after a hold": { law: decision({ alone: 20 }), holdUntil: 50, next: 50 }
  }
  for (const [name, { holdUntil, law, next }] of Object.entries(cases)) {
    it(name, () => {
      const gate = Gate.make(0)
      const start = starter(gate, law)
      const [first] = start(0)
      start(10, holdUntil)
      gate.takeBack()
      const again = start(holdUntil)
      assert.deepStrictEqual([first, again[0]], [0, next])
      // And what comes after is as if it had never been.
      assert.strictEqual(start(next)[0], next + Math.max(law.spacing, law.alone ?? 0))
    })
  }

  it("leaves it to the next to say what it had waited for", () => {
    const gate = Gate.make(0)
    const start = starter(gate, decision({ spacing: 30 }))
    start(0)
    start(10)
    gate.takeBack()
    assert.deepStrictEqual(start(30), [30, "spacing"])
  })
})

describe("The log of starts", () => {
  it("knows the latest, and no more than it is to remember", () => {
    const log = StartLog.make(3)
    for (let at = 1; at <= 10; at++) log.add(at)
    assert.deepStrictEqual([1, 3, 4].map(log.latest), [10, 8, undefined])
  })

  it("takes out the latest start of an instant", () => {
    const log = StartLog.make(5)
    for (const at of [1, 2, 2, 3]) log.add(at)
    log.remove(2)
    log.remove(9)
    assert.deepStrictEqual([1, 2, 3, 4].map(log.latest), [3, 2, 1, undefined])
  })

  it("is the end of a list that is cut, whatever is added and taken out", () => {
    const ops = FastCheck.array(
      FastCheck.record({ adds: FastCheck.boolean(), at: FastCheck.integer({ min: 1, max: 9 }) }),
      {
        maxLength: 400
      }
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: 1, max: 70 }), ops, (most, ops) => {
        const log = StartLog.make(most)
        let list: Array<number> = []
        for (const { adds, at } of ops) {
          if (adds) {
            log.add(at)
            list = [...list, at].slice(-2 * most)
          } else {
            log.remove(at)
            if (list.includes(at)) list.splice(list.lastIndexOf(at), 1)
          }
          assert.strictEqual(log.size, list.length)
          for (const count of [1, Math.ceil(most / 2), most]) assert.strictEqual(log.latest(count), list.at(-count))
        }
      })
    )
  })

  it("remembers nothing where it need not", () => {
    const log = StartLog.make(0)
    log.add(1)
    assert.deepStrictEqual([log.size, log.latest(1)], [0, undefined])
  })
})
