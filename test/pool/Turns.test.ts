import { assert, describe, it } from "@effect/vitest"
import { Job } from "../../src/pool/Job.js"
import { Turns } from "../../src/pool/Turns.js"
import * as LinkedQueue from "../../src/structure/LinkedQueue.js"

/** A row that was rejected, and waits by itself if it has a delay of its own. */
const jobOf = (row: number, attempts = 1, ownDelay = 0): Job => Object.assign(new Job(0), { row, attempts, ownDelay })

/** Turns of which these rows are ready. */
const turnsOf = (...jobs: ReadonlyArray<Job>) => {
  const turns = new Turns<Job>((line) => line.shift()?.value)
  for (const job of jobs) turns.lineOf(job).push(LinkedQueue.node(job))
  return turns
}

/** Takes the next so many times, each time behind the one before; the rows, or "fresh". */
const taken = (
  turns: Turns<Job>,
  count: number,
  hasFresh: boolean,
  last = 0
): ReadonlyArray<number | "fresh" | undefined> =>
  Array.from({ length: count }, () => {
    const peeked = turns.peek(last, hasFresh)
    const next = turns.take(last, hasFresh, 0)
    // What is looked at first is what is taken then.
    assert.strictEqual(peeked, next)
    if (next !== undefined) last = next.row
    return next?.row ?? "fresh"
  })

describe("The turns of rejected rows", () => {
  it("are in the order in which they were ready, before fresh ones", () => {
    const turns = turnsOf(jobOf(1), jobOf(2), jobOf(3))
    assert.deepStrictEqual([turns.size, turns.first?.row], [3, 1])
    assert.deepStrictEqual(taken(turns, 4, true), [1, 2, 3, "fresh"])
    assert.deepStrictEqual([turns.size, turns.first], [0, undefined])
  })

  it("are one of a fresh row, once, where a retry was rejected", () => {
    const turns = turnsOf(jobOf(1), jobOf(2))
    turns.rejected(jobOf(9, 1))
    turns.rejected(jobOf(9, 2, 50))
    assert.deepStrictEqual(taken(turns, 1, true), [1])
    turns.rejected(jobOf(9, 2))
    assert.deepStrictEqual(taken(turns, 2, true), ["fresh", 2])
  })

  it("are still of those that are ready where a retry was rejected and no fresh one is there", () => {
    const turns = turnsOf(jobOf(1))
    turns.rejected(jobOf(9, 2))
    assert.deepStrictEqual(taken(turns, 1, false), [1])
  })

  it("are at the end of the line for the retry that was rejected just now, while there are others", () => {
    assert.deepStrictEqual(taken(turnsOf(jobOf(1, 2), jobOf(2, 2)), 2, false, 1), [2, 1])
    // The first attempt was none, and alone it goes again.
    assert.deepStrictEqual(taken(turnsOf(jobOf(1, 1), jobOf(2, 2)), 1, false, 1), [1])
    assert.deepStrictEqual(taken(turnsOf(jobOf(1, 2)), 1, false, 1), [1])
  })
})

describe("A row with a trouble of its own", () => {
  const own = (row: number) => jobOf(row, 4, 50)
  const others = Array.from({ length: 12 }, (_, i) => jobOf(10 + i))
  const names: ReadonlyArray<number | "fresh" | undefined> = others.map(({ row }) => row)

  it("has one turn in ten while others wait, be they rejected or fresh", () => {
    assert.deepStrictEqual(taken(turnsOf(own(1), ...others), 13, false), [...names.slice(0, 9), 1, ...names.slice(9)])
    const fresh = Array<"fresh">(9).fill("fresh")
    assert.deepStrictEqual(taken(turnsOf(own(1), own(2)), 20, true), [...fresh, 1, ...fresh, 2])
  })

  it("has none right after itself while others wait", () => {
    const turns = turnsOf(own(1), ...others)
    taken(turns, 8, false)
    // It is the tenth, and has just been rejected.
    assert.deepStrictEqual(taken(turns, 1, false, 1), [names[8]])
    assert.deepStrictEqual(taken(turns, 1, false, 1), [names[9]])
    assert.deepStrictEqual(taken(turns, 1, false), [1])
  })

  it("goes at once where nobody else waits, in the order of these rows", () => {
    assert.deepStrictEqual(taken(turnsOf(own(1), own(2)), 3, false), [1, 2, "fresh"])
  })
})
