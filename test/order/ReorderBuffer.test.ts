import { assert, describe, it } from "@effect/vitest"
import { Duration, Exit, FastCheck, Schema } from "effect"
import {
  EntryMetadata,
  make,
  type BufferEntry,
  type Options,
  type Outcome,
  type Ticket
} from "../../src/order/ReorderBuffer.js"

const outcome = (value: number, fields?: Partial<Outcome<number, never>>): Outcome<number, never> => ({
  exit: Exit.succeed(value),
  startedAt: 0,
  throttleWait: Duration.zero,
  attempts: 1,
  ...fields
})

const submitIndices = (entries: ReadonlyArray<BufferEntry<number, never>>) => entries.map((entry) => entry.submitIndex)
const completeIndices = (entries: ReadonlyArray<BufferEntry<number, never>>) =>
  entries.map((entry) => entry.completeIndex)
const waits = (entries: ReadonlyArray<BufferEntry<number, never>>) =>
  entries.map((entry) => Duration.toMillis(entry.bufferWait))

/** A buffer whose rows are completed by their index, as the latest submission has it. */
const indexed = (options?: Options) => {
  const buffer = make<number, never>(options)
  const tickets: Array<Ticket> = []
  const ticketOf = (index: number): Ticket => tickets[index] ?? { submitIndex: index, stateId: "nobody's" }
  return {
    buffer,
    get pending() {
      return buffer.pending
    },
    ticketOf,
    submit: (stateId: string, now: number) => {
      const ticket = buffer.submit(stateId, now)
      tickets[ticket.submitIndex] = ticket
      return ticket.submitIndex
    },
    complete: (index: number, result: Outcome<number, never>, now: number) =>
      buffer.complete(ticketOf(index), result, now),
    evict: (index: number, now: number) => buffer.evict(ticketOf(index), now)
  }
}

/** A buffer with rows "row-0", "row-1", ... submitted at instant 0. */
const filled = (rows: number) => {
  const buffer = indexed()
  for (let i = 0; i < rows; i++) buffer.submit(`row-${i}`, 0)
  return buffer
}

/** Completes row `order[i]` at instant i and returns what each completion released. */
const completeAll = (order: ReadonlyArray<number>) => {
  const buffer = filled(order.length)
  return { buffer, groups: order.map((index, now) => buffer.complete(index, outcome(index), now)) }
}

const upTo = (rows: number) => Array.from({ length: rows }, (_, i) => i)
const permutation = (rows: number) => FastCheck.shuffledSubarray(upTo(rows), { minLength: rows, maxLength: rows })
const permutationOfSome = FastCheck.integer({ min: 1, max: 70 }).chain(permutation)

describe("Reorder buffer", () => {
  it("holds nothing and emits nothing when it is new", () => {
    assert.strictEqual(indexed().pending, 0)
  })

  it("emits a single row at once", () => {
    const buffer = filled(1)
    assert.strictEqual(buffer.pending, 1)
    assert.deepStrictEqual(submitIndices(buffer.complete(0, outcome(0), 0)), [0])
    assert.strictEqual(buffer.pending, 0)
  })

  it("emits [], [0], [], [1,2], [3,4] for completions 2,0,4,1,3", () => {
    const { buffer, groups } = completeAll([2, 0, 4, 1, 3])
    assert.deepStrictEqual(groups.map(submitIndices), [[], [0], [], [1, 2], [3, 4]])
    assert.strictEqual(buffer.pending, 0)
  })

  it("emits each row at once when rows complete in order", () => {
    assert.deepStrictEqual(completeAll([0, 1, 2]).groups.map(submitIndices), [[0], [1], [2]])
  })

  it("emits everything with the last completion when rows complete in reverse", () => {
    assert.deepStrictEqual(completeAll([2, 1, 0]).groups.map(submitIndices), [[], [], [0, 1, 2]])
  })

  it("counts a row as pending until it is emitted", () => {
    const buffer = filled(3)
    const pending = [1, 0, 2].map((index) => {
      buffer.complete(index, outcome(index), 0)
      return buffer.pending
    })
    assert.deepStrictEqual(pending, [3, 1, 0])
  })

  it("numbers the next batch from 0 after a full drain, and its completions too", () => {
    const { buffer } = completeAll([2, 0, 1])
    assert.deepStrictEqual([buffer.submit("next-0", 10), buffer.submit("next-1", 10)], [0, 1])
    assert.deepStrictEqual(buffer.complete(1, outcome(1), 11), [])
    assert.deepStrictEqual(completeIndices(buffer.complete(0, outcome(0), 12)), [1, 0])
  })

  it("keeps order and numbers on when rows are submitted while others are pending", () => {
    const buffer = indexed()
    const released: Array<number> = []
    buffer.submit("row-0", 0)
    for (let i = 0; i < 1_000; i++) {
      assert.strictEqual(buffer.submit(`row-${i + 1}`, i), i + 1)
      released.push(...submitIndices(buffer.complete(i, outcome(i), i)))
    }
    assert.deepStrictEqual(released, upTo(1_000))
    assert.strictEqual(buffer.pending, 1)
  })

  it("grows in the middle of a batch without moving a row", () => {
    const buffer = filled(10)
    for (const index of [0, 1, 2, 4, 6]) buffer.complete(index, outcome(index), 0)
    for (let i = 10; i < 40; i++) buffer.submit(`row-${i}`, i)
    const groups = [5, 3, ...upTo(33).map((i) => i + 7)].map((index) => buffer.complete(index, outcome(index), 50))
    assert.deepStrictEqual(
      groups.flat().map((entry) => entry.stateId),
      upTo(37).map((i) => `row-${i + 3}`)
    )
    assert.deepStrictEqual(
      groups.flat().map((entry) => entry.submittedAt),
      upTo(37).map((i) => (i < 7 ? 0 : i + 3))
    )
  })

  it("takes those along that wait when rows were released before, and others come", () => {
    const buffer = filled(16)
    for (const index of [0, 1, 2]) buffer.complete(index, outcome(index), 0)
    for (let i = 16; i < 19; i++) buffer.submit(`row-${i}`, i)
    buffer.complete(17, outcome(17), 20)
    buffer.submit("row-19", 19)
    const released = [...upTo(14).map((i) => i + 3), 18, 19].flatMap((i) => buffer.complete(i, outcome(i), 30))
    assert.deepStrictEqual(
      released.map(({ completeIndex, stateId, submittedAt }) => [stateId, submittedAt, completeIndex]),
      upTo(17).map((i) => [`row-${i + 3}`, i < 13 ? 0 : i + 3, i === 14 ? 3 : i < 14 ? i + 4 : i + 3])
    )
  })

  it("emits past rows that are taken out, at the head or behind it", () => {
    const buffer = filled(5)
    buffer.complete(2, outcome(2), 1)
    buffer.complete(4, outcome(4), 2)
    assert.deepStrictEqual(submitIndices(buffer.evict(3, 3)), [])
    assert.deepStrictEqual(submitIndices(buffer.evict(0, 4)), [])
    assert.strictEqual(buffer.pending, 3)
    const entries = buffer.evict(1, 5)
    assert.deepStrictEqual(submitIndices(entries), [2, 4])
    assert.deepStrictEqual(waits(entries), [4, 3])
    assert.strictEqual(buffer.pending, 0)
  })

  it("holds a recorded row back until it is let go, and numbers it when it is recorded", () => {
    const { buffer, ticketOf } = filled(3)
    assert.strictEqual(buffer.record(ticketOf(1), outcome(1), 1).completeIndex, 0)
    buffer.record(ticketOf(0), outcome(0), 2)
    assert.deepStrictEqual(submitIndices(buffer.release(ticketOf(1), 5)), [])
    const entries = buffer.release(ticketOf(0), 7)
    assert.deepStrictEqual(submitIndices(entries), [0, 1])
    assert.deepStrictEqual(completeIndices(entries), [1, 0])
    assert.deepStrictEqual(waits(entries), [5, 6])
  })

  it("emits each row at once, in the order of completion, where it keeps no order", () => {
    const buffer = indexed({ ordered: false })
    upTo(3).forEach((row) => buffer.submit(`row-${row}`, 0))
    assert.deepStrictEqual(
      [2, 0].map((row) => submitIndices(buffer.complete(row, outcome(row), 0))),
      [[2], [0]]
    )
    assert.deepStrictEqual(submitIndices(buffer.evict(1, 0)), [])
    assert.strictEqual(buffer.pending, 0)
  })

  it("numbers on after a full drain where its rows come one by one", () => {
    const buffer = indexed({ restarts: false })
    const entries = upTo(3).flatMap((row) => {
      buffer.submit(`row-${row}`, row)
      return buffer.complete(row, outcome(row), row)
    })
    assert.deepStrictEqual(submitIndices(entries), [0, 1, 2])
    assert.deepStrictEqual(completeIndices(entries), [0, 1, 2])
  })

  it.prop("emits in submission order whatever the order of completion", [permutation(10)], ([order]) => {
    assert.deepStrictEqual(submitIndices(completeAll(order).groups.flat()), upTo(10))
  })

  it.prop("emits every row exactly once, with its own outcome", [permutationOfSome], ([order]) => {
    const { buffer, groups } = completeAll(order)
    assert.deepStrictEqual(
      groups.flat().map((entry) => entry.exit),
      upTo(order.length).map((i) => Exit.succeed(i))
    )
    assert.strictEqual(buffer.pending, 0)
  })

  it.prop(
    "emits with each completion exactly the rows up to the first unfinished one",
    [permutationOfSome],
    ([order]) => {
      const finished = new Set<number>()
      let next = 0
      const expected = order.map((index) => {
        finished.add(index)
        const group: Array<number> = []
        while (finished.has(next)) group.push(next++)
        return group
      })
      assert.deepStrictEqual(completeAll(order).groups.map(submitIndices), expected)
    }
  )

  it.prop(
    "conserves rows while submissions and completions alternate at random",
    [FastCheck.array(FastCheck.nat(99), { maxLength: 300 })],
    ([choices]) => {
      const buffer = indexed()
      const unfinished: Array<readonly [index: number, row: number]> = []
      const expected: Array<string> = []
      const emitted: Array<string> = []
      for (const [row, choice] of choices.entries()) {
        const taken = choice < 50 ? undefined : unfinished[choice % unfinished.length]
        if (taken === undefined) {
          unfinished.push([buffer.submit(`row-${row}`, row), row])
          expected.push(`row-${row}`)
        } else {
          unfinished.splice(unfinished.indexOf(taken), 1)
          emitted.push(...buffer.complete(taken[0], outcome(taken[1]), row).map((entry) => entry.stateId))
        }
        assert.strictEqual(buffer.pending, expected.length - emitted.length)
        assert.deepStrictEqual(emitted, expected.slice(0, emitted.length))
      }
    }
  )
})

describe("Ordering metadata", () => {
  it("gives an entry everything an audit needs, and no lastStatus without a capacity error", () => {
    const buffer = indexed()
    buffer.submit("row-a", 100)
    const fields = { startedAt: 120, throttleWait: Duration.millis(15), attempts: 2 }
    assert.deepStrictEqual(buffer.complete(0, outcome(7, fields), 150), [
      {
        submitIndex: 0,
        completeIndex: 0,
        stateId: "row-a",
        exit: Exit.succeed(7),
        submittedAt: 100,
        startedAt: 120,
        completedAt: 150,
        bufferWait: Duration.zero,
        throttleWait: Duration.millis(15),
        attempts: 2
      }
    ])
  })

  it("keeps the status of the last capacity error (fault: status code lost on the way)", () => {
    const [entry] = filled(1).complete(0, outcome(0, { lastStatus: 529 }), 0)
    assert.strictEqual(entry?.lastStatus, 529)
  })

  it("keeps what the row has used, in the entry and in its record; omits it where nobody told", () => {
    const usage = { tokens: 12, inputTokens: 9, outputTokens: 3, money: 0.5 }
    const [told] = filled(1).complete(0, outcome(0, { usage }), 0)
    const [untold] = filled(1).complete(0, outcome(0), 0)
    assert(told !== undefined && untold !== undefined)
    assert.deepStrictEqual(told.usage, usage)
    assert.deepStrictEqual(Schema.encodeSync(EntryMetadata)(told).usage, usage)
    assert.notProperty(untold, "usage")
    assert.notProperty(Schema.encodeSync(EntryMetadata)(untold), "usage")
  })

  it("omits lastStatus, instead of an undefined one, when there was none", () => {
    const [entry] = filled(1).complete(0, outcome(0), 0)
    assert.isDefined(entry)
    assert.notProperty(entry, "lastStatus")
  })

  it("numbers submissions 0,1,2,3,4", () => {
    const buffer = indexed()
    assert.deepStrictEqual(
      upTo(5).map((i) => buffer.submit(`row-${i}`, 0)),
      [0, 1, 2, 3, 4]
    )
  })

  it("numbers completions 4,3,2,1,0 when rows complete in reverse", () => {
    assert.deepStrictEqual(completeIndices(completeAll([4, 3, 2, 1, 0]).groups.flat()), [4, 3, 2, 1, 0])
  })

  it.prop(
    "numbers completions in their true order (fault: the reference numbered them in the order of collection)",
    [permutationOfSome],
    ([order]) => {
      const entries = completeAll(order).groups.flat()
      assert.deepStrictEqual(
        completeIndices(entries),
        upTo(order.length).map((index) => order.indexOf(index))
      )
    }
  )

  it("stamps a row with the instants of its own submission and completion", () => {
    const buffer = indexed()
    buffer.submit("row-0", 5)
    buffer.submit("row-1", 6)
    const entries = [...buffer.complete(1, outcome(1), 8), ...buffer.complete(0, outcome(0), 9)]
    assert.deepStrictEqual(
      entries.map((entry) => [entry.submittedAt, entry.completedAt]),
      [
        [5, 9],
        [6, 8]
      ]
    )
  })

  it("waits 0 and 20 ms when row 1 completes 20 ms before row 0", () => {
    const buffer = filled(2)
    buffer.complete(1, outcome(1), 10)
    assert.deepStrictEqual(waits(buffer.complete(0, outcome(0), 30)), [0, 20])
  })

  it("waits 0 and 90 ms when rows take 100 and 10 ms", () => {
    const buffer = filled(2)
    buffer.complete(1, outcome(1), 10)
    assert.deepStrictEqual(waits(buffer.complete(0, outcome(0), 100)), [0, 90])
  })

  it("waits 0, not -1, when the clock runs backwards from 20 to 19", () => {
    const buffer = indexed()
    buffer.submit("row-0", 10)
    buffer.submit("row-1", 10)
    buffer.complete(1, outcome(1), 20)
    const entries = buffer.complete(0, outcome(0), 19)
    assert.deepStrictEqual(waits(entries), [0, 0])
    // One object for every wait of zero, however many rows there are.
    assert.isTrue(entries.every((entry) => entry.bufferWait === Duration.zero))
  })

  it("waits 0 when the clock stands still, and that is the same object", () => {
    const buffer = filled(2)
    const entries = [1, 0].flatMap((row) => buffer.complete(row, outcome(row), 7))
    assert.isTrue(entries.every((entry) => entry.bufferWait === Duration.zero))
  })

  it.prop(
    "waits from completion to release, and never less than 0, whatever the clock does",
    [FastCheck.array(FastCheck.nat(1_000), { minLength: 1, maxLength: 30 })],
    ([instants]) => {
      const buffer = filled(instants.length)
      const last = instants.length - 1
      const entries = instants.flatMap((now, i) => buffer.complete(last - i, outcome(0), now))
      const release = instants.at(-1) ?? 0
      assert.deepStrictEqual(waits(entries), instants.map((now) => Math.max(0, release - now)).reverse())
    }
  )
})

describe("Misuse", () => {
  it("refuses an empty stateId before it changes anything", () => {
    const buffer = indexed()
    assert.throws(() => buffer.submit("", 0), 'stateId must be a non-empty string, got ""')
    assert.strictEqual(buffer.pending, 0)
    assert.strictEqual(buffer.submit("row-0", 0), 0)
  })

  it("refuses to complete a row twice, before and after its release", () => {
    const buffer = filled(3)
    buffer.complete(0, outcome(0), 0)
    buffer.complete(2, outcome(2), 0)
    assert.throws(() => buffer.complete(0, outcome(0), 0), "row 0 is already complete; complete each row once")
    assert.throws(() => buffer.complete(2, outcome(2), 0), "row 2 is already complete; complete each row once")
    assert.deepStrictEqual(completeIndices(buffer.complete(1, outcome(1), 0)), [2, 1])
  })

  it("refuses a released row while later rows come", () => {
    const buffer = filled(16)
    buffer.complete(0, outcome(0), 0)
    const later = buffer.submit("row-16", 0)
    assert.throws(() => buffer.complete(0, outcome(0), 0), "row 0 is already complete; complete each row once")
    assert.deepStrictEqual(buffer.complete(later, outcome(16), 0), [])
  })

  it("refuses a ticket that this buffer did not issue: none, a copy, another buffer's", () => {
    const buffer = filled(2)
    for (const ticket of [buffer.ticketOf(2), { ...buffer.ticketOf(0) }, filled(1).ticketOf(0)]) {
      const says = `row ${ticket.submitIndex} has no such ticket; pass what submit returned`
      assert.throws(() => buffer.buffer.complete(ticket, outcome(0), 0), says)
      assert.throws(() => buffer.buffer.evict(ticket, 0), says)
    }
    assert.strictEqual(buffer.pending, 2)
  })

  it("refuses to take out a row that is complete, or was taken out, and to complete it then", () => {
    const buffer = filled(3)
    buffer.complete(1, outcome(1), 0)
    buffer.evict(2, 0)
    assert.throws(() => buffer.evict(1, 0), "row 1 is already complete; complete each row once")
    assert.throws(() => buffer.evict(2, 0), "row 2 was taken out; complete each row once")
    assert.throws(() => buffer.complete(2, outcome(2), 0), "row 2 was taken out; complete each row once")
    assert.deepStrictEqual(submitIndices(buffer.complete(0, outcome(0), 0)), [0, 1])
  })

  it("of rows in any order begins again at 0, too, when none is pending", () => {
    const buffer = make<number, never>({ ordered: false })
    const indices = [buffer.submit("a", 0), buffer.submit("b", 0)].flatMap((ticket) => {
      const [entry] = buffer.complete(ticket, outcome(0), 0)
      return entry === undefined ? [] : [[entry.submitIndex, entry.completeIndex]]
    })
    assert.deepStrictEqual(
      [indices, buffer.submit("c", 0).submitIndex],
      [
        [
          [0, 0],
          [1, 1]
        ],
        0
      ]
    )
  })

  it("refuses a row that came out before its turn", () => {
    const buffer = make<number, never>({ ordered: false })
    const tickets = [buffer.submit("a", 0), buffer.submit("b", 0)] as const
    buffer.complete(tickets[1], outcome(1), 0)
    assert.throws(() => buffer.complete(tickets[1], outcome(1), 0), "row 1 is already complete; complete each row once")
    assert.throws(() => buffer.evict(tickets[1], 0), "row 1 is already complete; complete each row once")
  })

  it("refuses to release a row that is not recorded, and to record one twice", () => {
    const { buffer, ticketOf } = filled(1)
    assert.throws(() => buffer.release(ticketOf(0), 0), "row 0 is not recorded; complete each row once")
    buffer.record(ticketOf(0), outcome(0), 0)
    assert.throws(() => buffer.record(ticketOf(0), outcome(0), 0), "row 0 is already complete; complete each row once")
    assert.throws(() => buffer.evict(ticketOf(0), 0), "row 0 is already complete; complete each row once")
    assert.deepStrictEqual(submitIndices(buffer.release(ticketOf(0), 0)), [0])
  })
})

describe("Value-type validation", () => {
  const [entry] = filled(1).complete(0, outcome(0, { lastStatus: 429 }), 5)
  const record = {
    submitIndex: 0,
    completeIndex: 0,
    stateId: "row-0",
    submittedAt: 0,
    startedAt: 0,
    completedAt: 5,
    bufferWait: 0,
    throttleWait: 0,
    attempts: 1,
    lastStatus: 429
  }
  const accepts = Schema.decodeUnknownEither(EntryMetadata)

  it("encodes an entry as its audit record: durations as milliseconds, exit left out", () => {
    assert.isDefined(entry)
    assert.deepStrictEqual(Schema.encodeSync(EntryMetadata)(entry), record)
  })

  it("decodes an audit record", () => {
    const decoded = Schema.decodeUnknownSync(EntryMetadata)({ ...record, bufferWait: 12.5, throttleWait: 90 })
    assert.deepStrictEqual(decoded, {
      ...record,
      bufferWait: Duration.millis(12.5),
      throttleWait: Duration.millis(90)
    })
  })

  it("accepts a record without lastStatus", () => {
    const { lastStatus: _, ...without } = record
    assert.deepStrictEqual(Schema.encodeSync(EntryMetadata)(Schema.decodeUnknownSync(EntryMetadata)(without)), without)
  })

  for (const field of ["submittedAt", "startedAt", "completedAt", "bufferWait", "throttleWait"] as const) {
    it(`rejects a ${field} that is negative, NaN or infinite, and accepts 0`, () => {
      const verdicts = [-0.5, Number.NaN, Infinity, -Infinity, "1", 0].map(
        (value) => accepts({ ...record, [field]: value })._tag
      )
      assert.deepStrictEqual(verdicts, ["Left", "Left", "Left", "Left", "Left", "Right"])
    })
  }

  for (const field of ["submitIndex", "completeIndex", "attempts"] as const) {
    it(`rejects a ${field} that is negative, fractional or boolean`, () => {
      const verdicts = [-1, 0.5, true, Number.NaN, Infinity, 0].map(
        (value) => accepts({ ...record, [field]: value })._tag
      )
      assert.deepStrictEqual(verdicts, ["Left", "Left", "Left", "Left", "Left", "Right"])
    })
  }

  it("rejects an empty stateId and a status outside 100 to 599", () => {
    const wrong = [{ stateId: "" }, { lastStatus: 99 }, { lastStatus: 600 }, { lastStatus: undefined }]
    assert.deepStrictEqual(
      wrong.map((fields) => accepts({ ...record, ...fields })._tag),
      ["Left", "Left", "Left", "Left"]
    )
  })

  it("does not encode an infinite wait", () => {
    assert.isDefined(entry)
    const encoded = Schema.encodeEither(EntryMetadata)({ ...entry, throttleWait: Duration.infinity })
    assert.strictEqual(encoded._tag, "Left")
  })
})
