import { describe, it } from "@effect/vitest"
import { StreamChecker, type Trace } from "effect-aimd/testing"
import { assertFound, at, ended, finished, submitted, withdrawn, type Case } from "./events.js"

const opened = (ordered: boolean, maxPending = 2, reader = 0): Trace.Event => ({
  ...at(0),
  _tag: "opened",
  line: 1,
  ordered,
  maxPending,
  reader
})
/** A row of the stream is read. */
const read = (row: number, time = 0): Trace.Event => submitted(row, 1, 1, time)
const released = (time: number, row: number): Trace.Event => ({ ...at(time), _tag: "released", row })
const handedBack = (time: number, row: number): Trace.Event => ({
  ...finished(row, 0, time),
  ...{ outcome: "interrupted", attempts: 0 }
})

const cases: Record<string, Case> = {
  "a row that is read where there is no room": {
    checker: StreamChecker.readsAsThereIsRoom,
    fine: [
      [opened(true), read(0), read(1), finished(0, 0), released(9, 0), read(2)],
      [opened(true), read(0), read(1), withdrawn(1, 1), read(2)],
      // A batch hands in all at once.
      [opened(true), submitted(5, 9, 2)],
      // An empty one has the number of the row that comes after it.
      [opened(true, 1), read(0), finished(0, 0), released(9, 0), read(1), submitted(0, 0, 2)]
    ],
    broken: [opened(true), read(0), read(1), withdrawn(1, 1, "cancel"), finished(0, 0), read(2)],
    says: "3 rows are read, where 2 may be"
  },
  "an entry out of order": {
    checker: StreamChecker.releasesInOrder,
    fine: [
      [opened(true), read(0), read(1), finished(0, 0), released(9, 0), finished(1, 0), released(9, 1)],
      [opened(false), read(0), read(1), finished(1, 0), released(9, 1), finished(0, 0), released(9, 0)]
    ],
    broken: [opened(true), read(0), read(1), finished(1, 0), released(9, 1), finished(0, 0), released(9, 0)],
    says: "row 0 is released after row 1"
  },
  "an entry that is released twice": {
    checker: StreamChecker.releasesInOrder,
    fine: [[opened(false), read(0), finished(0, 0), released(9, 0)]],
    broken: [opened(false), read(0), finished(0, 0), released(9, 0), released(10, 0)],
    says: "row 0 is released, and has no entry, or was released before"
  },
  "an entry that waits for nothing": {
    checker: StreamChecker.releasesAtOnce,
    fine: [
      [opened(true), read(0), read(1), finished(1, 0, 5), finished(0, 0, 9), released(9, 0), released(9, 1)],
      // The reader was busy; the one before it was evicted, or cancelled, at that moment.
      [opened(true, 2, 20), read(0), read(1), finished(0, 0, 5), finished(1, 0, 6), released(5, 0), released(25, 1)],
      [opened(true), read(0), read(1), finished(1, 0, 5), withdrawn(40, 0), released(40, 1)]
    ],
    broken: [opened(true), read(0), read(1), finished(1, 0, 5), finished(0, 0, 9), released(9, 0), released(10, 1)],
    says: "row 1 is released at 10, and could be at 9"
  },
  "an entry that waits for those before it where no order is kept": {
    checker: StreamChecker.releasesAtOnce,
    fine: [[opened(false), read(0), read(1), finished(1, 0, 5), released(5, 1), finished(0, 0, 9), released(9, 0)]],
    broken: [opened(false), read(0), read(1), finished(1, 0, 5), finished(0, 0, 9), released(9, 1)],
    says: "row 1 is released at 9, and could be at 5"
  },
  "a finished row that is handed back": {
    checker: StreamChecker.keepsWhatIsFinished,
    fine: [
      [opened(true), read(0), ended(5, 0), handedBack(5, 0)],
      [opened(true), read(0), ended(5, 0, "capacity"), handedBack(9, 0)],
      [opened(true), read(0), ended(5, 0), finished(0, 0)],
      // The caller of a batch that is interrupted gets nothing.
      [submitted(5, 1, 2), ended(5, 5), handedBack(9, 5)]
    ],
    broken: [opened(true), read(0), ended(5, 0, "failed"), handedBack(9, 0)],
    says: "row 0 had its answer at 5, and is handed back as unfinished"
  }
}

describe("A checker of streams", () => {
  for (const [name, one] of Object.entries(cases)) it(`finds ${name}`, () => assertFound(one))
})
