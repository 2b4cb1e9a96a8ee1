import { describe, it } from "@effect/vitest"
import { JournalChecker, type Trace } from "effect-aimd/testing"
import { assertFound, at, ended, finished, joined, resized, started, submitted, type Case } from "./events.js"

/** A batch of five in a pool of three. */
const batch: ReadonlyArray<Trace.Event> = [joined, submitted(0, 5, 1)]
/** The process dies, and another does the same. */
const again: ReadonlyArray<Trace.Event> = [{ ...at(20), _tag: "crashed" }, ...batch]
const run = (...rows: ReadonlyArray<number>) => rows.flatMap((row) => [started(1, row), ended(2, row)])
const answered = (row: number, answer: number): ReadonlyArray<Trace.Event> => [
  started(1, row),
  { ...ended(2, row), answer } as Trace.Event
]
const out = (row: number, answer: number): Trace.Event => ({ ...finished(row, row), answer }) as Trace.Event

const cases: Record<string, Case> = {
  "more attempts repeated than the pool is large": {
    checker: JournalChecker.repeatsAtMostPoolSize,
    fine: [
      // Three each, after two crashes.
      [...batch, ...run(0, 1, 2, 3), ...again, ...run(0, 1, 2), ...again, ...run(0, 1, 2)],
      // What was rejected, or took too long, was not answered; what was never started is not repeated.
      [...batch, ...run(0, 1), started(1, 2), ended(2, 2, "capacity"), ...again, ...run(0, 1, 2, 3, 4)],
      [...batch, ...run(0, 1), started(1, 2), ended(2, 2, "interrupted"), ...again, ...run(0, 1, 2, 3)],
      // In one process a row is tried as often as need be, and single calls are in no journal.
      [...batch, ...run(0, 1, 2, 3), ...run(0, 1, 2, 3)],
      [joined, submitted(0, 5, 0), ...run(0, 1, 2, 3), ...again.slice(0, 2), submitted(0, 5, 0), ...run(0, 1, 2, 3)],
      [...batch, resized(0, 4), ...run(0, 1, 2, 3), ...again, ...run(0, 1, 2, 3)]
    ],
    broken: [...batch, ...run(0, 1), started(1, 2), started(1, 3), ...again, ...run(0, 1, 2), started(1, 3)],
    says: "4 attempts of process 0 are repeated, with a pool of 3"
  },
  "an entry that was out and is done again": {
    checker: JournalChecker.keepsWhatIsOut,
    fine: [
      [...batch, ...run(0), finished(0, 0), ...again, finished(0, 0), ...run(1)],
      [...batch, ...run(0), ...again, ...run(0), finished(0, 0)],
      // No answer, and asked for again.
      [...batch, ...run(0), { ...finished(0, 0), outcome: "BatchTimeoutError" } as Trace.Event, ...again, ...run(0)]
    ],
    broken: [...batch, ...run(0), finished(0, 0), ...again, ...again, started(1, 0)],
    says: "process 2 starts row 0, whose entry was out in process 0"
  },
  "a row with the answer of another": {
    checker: JournalChecker.oneResultARow,
    fine: [
      [...batch, ...answered(0, 7), out(0, 7), ...again, out(0, 7)],
      // The first answer was lost.
      [...batch, ...answered(0, 7), ...again, ...answered(0, 8), out(0, 8)],
      [...batch, ...answered(0, 7), finished(0, 0)]
    ],
    broken: [...batch, ...answered(0, 7), ...answered(1, 8), ...again, out(0, 8)],
    says: "row 0 has answer 8, and got 7 last"
  }
}

describe("Checkers of journals", () => {
  for (const [name, one] of Object.entries(cases)) {
    it(`find ${name}`, () => assertFound(one))
  }
})
