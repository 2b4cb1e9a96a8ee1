/** Batches whose rows have turns, deadlines and costs, in pools that were told limits, and whose processes die. */
import { assert, describe, it } from "@effect/vitest"
import { Exit, Layer } from "effect"
import { FileJournal } from "effect-aimd/journal"
import {
  Checker,
  JournalChecker,
  LawChecker,
  LimitChecker,
  ServerModel,
  Simulation,
  TurnChecker,
  Workload,
  type Trace
} from "effect-aimd/testing"
import { makeDisk } from "../../support/disk.js"
import { range } from "../../support/api.js"

// Whose turn it is nobody sees who does not know which rows the journal had.
const checkers = [
  ...Checker.all,
  ...LawChecker.all,
  ...JournalChecker.all,
  ...LimitChecker.all,
  TurnChecker.nothingStartsLate
]
const rows = 60
const poolSize = 4

/** Rows of 1 to 40 tokens of three tenants and two priorities; a third of them is wanted within `deadline`, or never. */
const workload = (deadline: number) =>
  Workload.inTurn([{ kind: "batch", rows: range(rows).map((row) => ({ tokens: 1 + ((row * 17) % 40) })) }], (row) => ({
    tenant: `${row % 3}`,
    priority: row % 2,
    ...(row % 3 === 0 && { deadline: deadline + row, late: "refuse" })
  }))

type Of<Tag> = Extract<Trace.Event, { readonly _tag: Tag }>

/** What became of a batch whose processes die so. */
const run = (
  deadline: number,
  deaths: ReadonlyArray<number>,
  limits = "10 requests per second, 150 tokens per second"
) => {
  const disk = makeDisk()
  const events: Array<Trace.Event> = []
  const { exit } = Simulation.run(
    {
      // More at once than the pool ever has, those of dead processes included.
      api: { model: ServerModel.concurrencyCap({ cap: 99 }), usage: true },
      clients: [
        {
          pool: { poolSize, limits, control: "delay" },
          costs: true,
          workload: workload(deadline),
          journal: {
            store: () => FileJournal.layer((batch) => `${batch}.jsonl`).pipe(Layer.provide(disk.mount({}))),
            deaths
          }
        }
      ]
    },
    { checkers, observers: [(event) => void events.push(event)] }
  )
  if (!Exit.isSuccess(exit)) assert.fail(String(exit))
  const of = <Tag extends Trace.Event["_tag"]>(tag: Tag) =>
    events.filter((event): event is Of<Tag> => event._tag === tag)
  const answers = of("ended").filter(({ outcome }) => outcome === "success").length
  const crashes = events.flatMap(({ _tag, at }) => (_tag === "crashed" ? [at] : []))
  return {
    outcomes: exit.value.outcomes,
    crashes,
    starts: of("started"),
    finished: of("finished"),
    answers,
    left: of("left")
  }
}

describe("A journaled batch whose rows have turns, deadlines and costs", () => {
  for (const deaths of [[], [1000], [300, 1500, 40]]) {
    it(`keeps all of it, whatever dies: ${deaths.length} processes`, () => {
      const { answers, left, outcomes } = run(60_000, deaths)
      assert.deepStrictEqual(outcomes, { success: rows })
      // Only what was in flight is done twice.
      assert.isAtMost(answers, rows + poolSize * deaths.length)
      // Of the last process: what it was told, and kept.
      const [{ limits = [] } = assert.fail("nobody left")] = left
      assert.deepStrictEqual(
        limits.map(({ open, refunded, reserved, settled }) => [open, reserved - refunded - settled]),
        [
          [0, 0],
          [0, 0]
        ]
      )
    })
  }

  it("gives the rows of each process their turns", () => {
    const { crashes, starts } = run(60_000, [1500, 1500], "10 requests per second")
    assert.strictEqual(crashes.length, 2)
    const processes = range(3).map((i) =>
      starts.filter(({ at }) => at > (crashes[i - 1] ?? -1) && at <= (crashes[i] ?? Infinity)).map(({ row }) => row)
    )
    // As long as there is room, each starts as it comes.
    const [first = [], ...others] = processes.map((rows) => rows.slice(poolSize))
    for (const rows of [first, ...others]) {
      const urgent = rows.filter((row) => row % 2 === 1)
      assert.deepStrictEqual(rows.slice(0, urgent.length), urgent)
    }
    // Tenants of the first process, which has all of their rows.
    assert.deepStrictEqual(new Set(first.slice(0, 3).map((row) => row % 3)), new Set([0, 1, 2]))
    assert.deepStrictEqual(new Set(first.slice(3, 6).map((row) => row % 3)), new Set([0, 1, 2]))
  })

  it("refuses what is too late in each process, and starts nothing late", () => {
    const { finished, outcomes, starts } = run(1500, [1000])
    const { success = 0, TooLateError = 0 } = outcomes
    assert.strictEqual(success + TooLateError, rows)
    assert.isAbove(TooLateError, 0)
    // A process that comes after another gives each row its time anew.
    const late = finished.filter(({ outcome }) => outcome === "TooLateError")
    assert.isTrue(late.every(({ row }) => row % 3 === 0))
    assert.isTrue(late.every(({ row }) => !starts.some((start) => start.row === row && start.at > 1000)))
  })
})
