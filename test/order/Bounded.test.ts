import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  Duration,
  Effect,
  Either,
  Exit,
  FastCheck,
  Fiber,
  FiberId,
  Schema,
  Scheduler,
  TestClock
} from "effect"
import {
  bounded,
  type BoundedBuffer,
  type BoundedEntry,
  BoundedEntryMetadata,
  type BufferShutdownError,
  type BufferTimeoutError,
  type Ticket,
  type TicketError
} from "../../src/order/ReorderBuffer.js"

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)
const permutation = (n: number) => FastCheck.shuffledSubarray(upTo(n), { minLength: n, maxLength: n })
const permutationOfSome = FastCheck.integer({ min: 1, max: 30 }).chain(permutation)

/** Lets every fiber that can run do so. */
const settle = Effect.repeatN(Effect.yieldNow(), 50)

const submitAll = (buffer: BoundedBuffer<number>, rows: number, from = 0) =>
  Effect.forEach(upTo(rows), (i) => buffer.submit(`row-${from + i}`))

/** Completes a row with its index as the value. */
const finish = (buffer: BoundedBuffer<number>, ticket: Ticket) => buffer.complete(ticket, ticket.submitIndex)

const nextN = (buffer: BoundedBuffer<number>, n: number) => Effect.forEach(upTo(n), () => buffer.next())

const sequences = (entries: ReadonlyArray<BoundedEntry<number>>) => entries.map((entry) => entry.submitIndex)

/** What is released without waiting. */
const releasable = (buffer: BoundedBuffer<number>) =>
  Effect.gen(function* () {
    const found: Array<number> = []
    for (;;) {
      const next = yield* Effect.either(buffer.next({ timeout: 0 }))
      if (Either.isLeft(next)) return found
      found.push(next.right.submitIndex)
    }
  })

const fullBuffer = (maxPending: number) =>
  Effect.gen(function* () {
    const buffer = yield* bounded<number>({ maxPending })
    const tickets = yield* submitAll(buffer, maxPending)
    return { buffer, tickets, first: at(tickets, 0), last: at(tickets, maxPending - 1) }
  })

const at = <T>(items: ReadonlyArray<T>, index: number): T => {
  const item = items[index]
  if (item === undefined) throw new Error(`no item ${index}`)
  return item
}

const messageOf = <A>(
  effect: Effect.Effect<A, BufferShutdownError | BufferTimeoutError | TicketError>
): Effect.Effect<string, A> => Effect.map(Effect.flip(effect), (error) => `${error._tag}: ${error.message}`)

const defectOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(effect), (exit) =>
    Exit.isFailure(exit) && Cause.isDieType(exit.cause) ? String(exit.cause.defect) : "no defect"
  )

describe("Bounded reorder buffer", () => {
  describe("basics", () => {
    it.effect("releases a completed row with its index, name and value", () =>
      Effect.gen(function* () {
        const buffer = yield* bounded<string>({ maxPending: 4 })
        const ticket = yield* buffer.submit("row-a")
        assert.deepStrictEqual([ticket.submitIndex, ticket.stateId], [0, "row-a"])
        assert.isTrue(yield* buffer.complete(ticket, "a"))
        assert.deepStrictEqual(yield* buffer.next(), {
          submitIndex: 0,
          stateId: "row-a",
          value: "a",
          submittedAt: 0,
          completedAt: 0,
          bufferWait: Duration.zero
        })
      })
    )

    it.effect("releases 0,1,2 for completions 0,1,2", () =>
      Effect.gen(function* () {
        const { buffer, tickets } = yield* fullBuffer(3)
        const released: Array<ReadonlyArray<number>> = []
        for (const ticket of tickets) {
          yield* finish(buffer, ticket)
          released.push(yield* releasable(buffer))
        }
        assert.deepStrictEqual(released, [[0], [1], [2]])
      })
    )

    it.effect("releases 0,1,2 for completions 2,1,0, all after the last", () =>
      Effect.gen(function* () {
        const { buffer, tickets } = yield* fullBuffer(3)
        const released: Array<ReadonlyArray<number>> = []
        for (const ticket of [...tickets].reverse()) {
          yield* finish(buffer, ticket)
          released.push(yield* releasable(buffer))
        }
        assert.deepStrictEqual(released, [[], [], [0, 1, 2]])
      })
    )

    it.effect("counts rows as they are submitted, completed out of order and released", () =>
      Effect.gen(function* () {
        const buffer = yield* bounded<number>({ maxPending: 4 })
        const seen: Array<readonly [pending: number, completedWaiting: number]> = []
        const look = Effect.map(buffer.metrics, (metrics) => {
          seen.push([metrics.pending, metrics.completedWaiting])
        })
        yield* look
        const first = yield* buffer.submit("row-0")
        yield* look
        const second = yield* buffer.submit("row-1")
        yield* look
        yield* finish(buffer, second)
        yield* look
        yield* finish(buffer, first)
        yield* look
        yield* buffer.next()
        yield* look
        assert.deepStrictEqual(seen, [
          [0, 0],
          [1, 0],
          [2, 0],
          [2, 1],
          [2, 2],
          [1, 1]
        ])
      })
    )

    it.effect("starts with all of its metrics at zero", () =>
      Effect.gen(function* () {
        const buffer = yield* bounded<number>({ maxPending: 4 })
        assert.deepStrictEqual(yield* buffer.metrics, {
          pending: 0,
          completedWaiting: 0,
          waitingSubmits: 0,
          waitingNexts: 0,
          maxObservedPending: 0,
          totalSubmitted: 0,
          totalReleased: 0,
          totalEvicted: 0,
          totalAbandoned: 0,
          totalLate: 0,
          averageBufferWait: Duration.zero
        })
      })
    )

    it.effect("wakes a waiting next with the row it waits for", () =>
      Effect.gen(function* () {
        const { buffer, first, last } = yield* fullBuffer(2)
        const next = yield* Effect.fork(buffer.next())
        yield* settle
        yield* finish(buffer, last)
        yield* settle
        assert.strictEqual((yield* buffer.metrics).waitingNexts, 1)
        yield* finish(buffer, first)
        assert.strictEqual((yield* Fiber.join(next)).submitIndex, 0)
        assert.deepStrictEqual(yield* releasable(buffer), [1])
      })
    )
  })

  describe("back-pressure", () => {
    it.effect("suspends the third submit of a buffer for two until a row is released", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(2)
        const third = yield* Effect.fork(buffer.submit("row-2"))
        yield* settle
        yield* finish(buffer, first)
        yield* settle
        const metrics = yield* buffer.metrics
        assert.deepStrictEqual([metrics.waitingSubmits, metrics.totalSubmitted], [1, 2])
        yield* buffer.next()
        assert.strictEqual((yield* Fiber.join(third)).submitIndex, 2)
      })
    )

    it.effect("admits waiting submits first come, first served, and nobody past them", () =>
      Effect.gen(function* () {
        const { buffer, tickets } = yield* fullBuffer(2)
        const waiting = yield* Effect.forEach([2, 3], (i) => Effect.fork(buffer.submit(`row-${i}`)))
        yield* settle
        yield* Effect.forEach(tickets, (ticket) => buffer.evict(ticket))
        // Both places are free again, but belong to those who waited.
        const late = yield* Effect.fork(buffer.submit("row-4"))
        const atOnce = yield* messageOf(buffer.submit("row-5", { timeout: 0 }))
        const admitted = yield* Fiber.join(Fiber.all(waiting))
        assert.deepStrictEqual(
          admitted.map((ticket) => [ticket.stateId, ticket.submitIndex]),
          [
            ["row-2", 2],
            ["row-3", 3]
          ]
        )
        assert.strictEqual(atOnce, "BufferTimeoutError: submit: no buffer space within 0")
        yield* settle
        assert.strictEqual((yield* buffer.metrics).waitingSubmits, 1)
        yield* Fiber.interrupt(late)
      })
    )

    it.effect("hands rows to waiting nexts first come, first served, and to nobody past them", () =>
      Effect.gen(function* () {
        const { buffer, tickets } = yield* fullBuffer(3)
        const waiting = yield* Effect.forEach(upTo(2), () => Effect.fork(buffer.next()))
        yield* settle
        yield* Effect.forEach(tickets, (ticket) => finish(buffer, ticket))
        const late = yield* Effect.fork(buffer.next())
        assert.deepStrictEqual(sequences(yield* Fiber.join(Fiber.all([...waiting, late]))), [0, 1, 2])
      })
    )

    it.effect("fails a submit that has no place within its timeout", () =>
      Effect.gen(function* () {
        const { buffer } = yield* fullBuffer(1)
        const submit = yield* Effect.fork(messageOf(buffer.submit("row-1", { timeout: "100 millis" })))
        yield* TestClock.adjust("99 millis")
        assert.strictEqual((yield* buffer.metrics).waitingSubmits, 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(submit), "BufferTimeoutError: submit: no buffer space within 100ms")
        assert.strictEqual((yield* buffer.metrics).waitingSubmits, 0)
      })
    )

    it.effect("fails a next that gets no row within its timeout", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        const next = yield* Effect.fork(messageOf(buffer.next({ timeout: "2 seconds" })))
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* Fiber.join(next), "BufferTimeoutError: next: no next row in sequence within 2s")
        yield* finish(buffer, first)
        assert.deepStrictEqual(yield* releasable(buffer), [0])
      })
    )

    it.effect("takes a place and a row that come within the timeout", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        const submit = yield* Effect.fork(buffer.submit("row-1", { timeout: "1 second" }))
        const next = yield* Effect.fork(buffer.next({ timeout: "1 second" }))
        yield* TestClock.adjust("999 millis")
        yield* finish(buffer, first)
        assert.strictEqual((yield* Fiber.join(next)).submitIndex, 0)
        assert.strictEqual((yield* Fiber.join(submit)).submitIndex, 1)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* buffer.metrics).pending, 1)
      })
    )

    it.effect("takes timeout zero as at once, not as for ever", () =>
      Effect.gen(function* () {
        const { buffer } = yield* fullBuffer(1)
        // Synchronously: not even a fiber switch later.
        const messages = [
          Effect.runSync(messageOf(buffer.submit("row-1", { timeout: 0 }))),
          Effect.runSync(messageOf(buffer.next({ timeout: Duration.zero })))
        ]
        assert.deepStrictEqual(messages, [
          "BufferTimeoutError: submit: no buffer space within 0",
          "BufferTimeoutError: next: no next row in sequence within 0"
        ])
      })
    )

    it.effect("lets timeout zero submit and release when nothing needs to be waited for", () =>
      Effect.gen(function* () {
        const buffer = yield* bounded<number>({ maxPending: 1 })
        const ticket = yield* buffer.submit("row-0", { timeout: 0 })
        yield* finish(buffer, ticket)
        assert.strictEqual((yield* buffer.next({ timeout: 0 })).submitIndex, 0)
      })
    )

    it.effect("keeps to its timeout where interruption is off, as in acquireRelease", () =>
      Effect.gen(function* () {
        const { buffer } = yield* fullBuffer(1)
        const submit = yield* Effect.fork(
          messageOf(Effect.uninterruptible(buffer.submit("row-1", { timeout: "1 second" })))
        )
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(submit), "BufferTimeoutError: submit: no buffer space within 1s")
      })
    )

    it.effect("takes an infinite timeout as none", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        const submit = yield* Effect.fork(buffer.submit("row-1", { timeout: Duration.infinity }))
        yield* TestClock.adjust("365 days")
        yield* buffer.evict(first)
        assert.strictEqual((yield* Fiber.join(submit)).submitIndex, 1)
      })
    )

    it.effect("loses neither place nor row to a timeout at the very instant they come", () =>
      Effect.gen(function* () {
        for (const releaserFirst of [true, false]) {
          const { buffer, first, last } = yield* fullBuffer(2)
          const evictLater = Effect.fork(Effect.delay(buffer.evict(last), "1 second"))
          const finishLater = Effect.fork(Effect.delay(finish(buffer, first), "1 second"))
          if (releaserFirst) yield* Effect.zipRight(evictLater, finishLater)
          yield* settle
          const submit = yield* Effect.fork(Effect.either(buffer.submit("row-2", { timeout: "1 second" })))
          const next = yield* Effect.fork(Effect.either(buffer.next({ timeout: "1 second" })))
          yield* settle
          if (!releaserFirst) yield* Effect.zipRight(evictLater, finishLater)
          yield* settle
          yield* TestClock.adjust("1 second")
          const admitted = Either.isRight(yield* Fiber.join(submit)) ? 1 : 0
          const released = Either.isRight(yield* Fiber.join(next)) ? 1 : 0
          const metrics = yield* buffer.metrics
          assert.deepStrictEqual(
            [metrics.totalSubmitted, metrics.totalReleased, metrics.pending, metrics.completedWaiting],
            [2 + admitted, released, 1 + admitted - released, 1 - released]
          )
          assert.deepStrictEqual(yield* releasable(buffer), released === 1 ? [] : [0])
          // The lines still move.
          yield* buffer.submit("row-3", { timeout: 0 })
        }
      })
    )

    it.effect("wakes one fiber for a freed place, however many wait", () =>
      Effect.gen(function* () {
        const wakeUps: Array<number> = []
        for (const waiters of [1, 1_000]) {
          let tasks = 0
          const counting: Scheduler.Scheduler = {
            shouldYield: (fiber) => Scheduler.defaultScheduler.shouldYield(fiber),
            scheduleTask: (task, priority) => {
              tasks++
              Scheduler.defaultScheduler.scheduleTask(task, priority)
            }
          }
          const { buffer, first } = yield* fullBuffer(1)
          const waiting = yield* Effect.forEach(upTo(waiters), (i) =>
            Effect.fork(Effect.withScheduler(buffer.submit(`row-${i + 1}`), counting))
          )
          yield* settle
          assert.strictEqual((yield* buffer.metrics).waitingSubmits, waiters)
          tasks = 0
          yield* buffer.evict(first)
          yield* settle
          wakeUps.push(tasks)
          yield* Fiber.interruptAll(waiting)
        }
        assert.deepStrictEqual(wakeUps, [1, 1])
      })
    )
  })

  describe("interruption", () => {
    const timeouts = [undefined, "1 minute"] as const
    const withTimeout = (timeout: (typeof timeouts)[number]) => (timeout === undefined ? {} : { timeout })
    /** Two that wait, one behind the other: the first is given up. */
    const inLine = <A, E>(wait: (row: string) => Effect.Effect<A, E>) =>
      Effect.forEach(["given-up", "kept"] as const, (row) => Effect.tap(Effect.fork(wait(row)), settle)).pipe(
        // As many as were forked.
        Effect.map((fibers) => fibers as [Fiber.RuntimeFiber<A, E>, Fiber.RuntimeFiber<A, E>])
      )

    for (const timeout of timeouts) {
      const kind = timeout === undefined ? "without a timeout" : "with a timeout"

      it.effect(`takes a waiting submit ${kind} out of the line, without a trace`, () =>
        Effect.gen(function* () {
          const { buffer, first } = yield* fullBuffer(1)
          const [given, kept] = yield* inLine((row) => buffer.submit(row, withTimeout(timeout)))
          yield* Fiber.interrupt(given)
          assert.strictEqual((yield* buffer.metrics).waitingSubmits, 1)
          yield* buffer.evict(first)
          assert.strictEqual((yield* Fiber.join(kept)).submitIndex, 1)
          assert.strictEqual((yield* buffer.metrics).totalSubmitted, 2)
        })
      )

      it.effect(`leaves the place of a submit ${kind} that is interrupted as it gets it to the next`, () =>
        Effect.gen(function* () {
          const { buffer, first } = yield* fullBuffer(1)
          const [given, kept] = yield* inLine((row) => buffer.submit(row, withTimeout(timeout)))
          yield* buffer.evict(first)
          yield* Fiber.interruptAsFork(given, FiberId.none)
          assert.isTrue(Exit.isInterrupted(yield* Fiber.await(given)))
          assert.strictEqual((yield* Fiber.join(kept)).submitIndex, 1)
          const metrics = yield* buffer.metrics
          assert.deepStrictEqual([metrics.totalSubmitted, metrics.pending, metrics.waitingSubmits], [2, 1, 0])
        })
      )

      it.effect(`takes a waiting next ${kind} out of the line, without a trace`, () =>
        Effect.gen(function* () {
          const { buffer, first } = yield* fullBuffer(1)
          const [given, kept] = yield* inLine(() => buffer.next(withTimeout(timeout)))
          yield* Fiber.interrupt(given)
          assert.strictEqual((yield* buffer.metrics).waitingNexts, 1)
          yield* finish(buffer, first)
          assert.strictEqual((yield* Fiber.join(kept)).submitIndex, 0)
        })
      )

      it.effect(`leaves the row of a next ${kind} that is interrupted as it gets it to the next`, () =>
        Effect.gen(function* () {
          const { buffer, tickets } = yield* fullBuffer(2)
          const [given, kept] = yield* inLine(() => buffer.next(withTimeout(timeout)))
          yield* Effect.forEach(tickets, (ticket) => finish(buffer, ticket), { discard: true })
          yield* Fiber.interruptAsFork(given, FiberId.none)
          assert.isTrue(Exit.isInterrupted(yield* Fiber.await(given)))
          assert.strictEqual((yield* Fiber.join(kept)).submitIndex, 0)
          assert.deepStrictEqual(yield* releasable(buffer), [1])
        })
      )
    }

    it.effect("uses a turn that comes before the timed wait has begun", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        const submit = yield* Effect.fork(buffer.submit("row-1", { timeout: "1 minute" }))
        // Just far enough for the submit to be in line, not for its timer to run.
        yield* Effect.repeat(Effect.yieldNow(), {
          until: () => Effect.map(buffer.metrics, (metrics) => metrics.waitingSubmits === 1)
        })
        yield* buffer.evict(first)
        assert.strictEqual((yield* Fiber.join(submit)).submitIndex, 1)
      })
    )
  })

  describe("shutdown", () => {
    it.effect("turns isShutdown from false to true, once and for all", () =>
      Effect.gen(function* () {
        const { buffer } = yield* fullBuffer(1)
        const before = yield* buffer.isShutdown
        yield* buffer.shutdown
        yield* buffer.shutdown
        assert.deepStrictEqual([before, yield* buffer.isShutdown], [false, true])
        assert.strictEqual((yield* buffer.metrics).totalAbandoned, 1)
      })
    )

    it.effect("fails submit and next afterwards", () =>
      Effect.gen(function* () {
        const buffer = yield* bounded<number>({ maxPending: 1 })
        yield* buffer.shutdown
        assert.deepStrictEqual(
          [yield* messageOf(buffer.submit("row-0")), yield* messageOf(buffer.next())],
          ["BufferShutdownError: submit: the buffer is shut down", "BufferShutdownError: next: the buffer is shut down"]
        )
      })
    )

    it.effect("wakes every waiting submit and next", () =>
      Effect.gen(function* () {
        const { buffer } = yield* fullBuffer(1)
        const submits = yield* Effect.forEach(upTo(3), (i) => Effect.fork(messageOf(buffer.submit(`late-${i}`))))
        const nexts = yield* Effect.forEach(upTo(3), () => Effect.fork(messageOf(buffer.next())))
        yield* settle
        yield* buffer.shutdown
        assert.deepStrictEqual(
          [...new Set(yield* Fiber.join(Fiber.all(submits)))],
          ["BufferShutdownError: submit: the buffer is shut down"]
        )
        assert.deepStrictEqual(
          [...new Set(yield* Fiber.join(Fiber.all(nexts)))],
          ["BufferShutdownError: next: the buffer is shut down"]
        )
      })
    )

    it.effect("wakes a waiting submit even when completed rows still fill the buffer", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        yield* finish(buffer, first)
        const submit = yield* Effect.fork(messageOf(buffer.submit("row-1")))
        yield* settle
        yield* buffer.shutdown
        assert.strictEqual(yield* Fiber.join(submit), "BufferShutdownError: submit: the buffer is shut down")
        assert.deepStrictEqual(yield* releasable(buffer), [0])
      })
    )

    it.effect("drains completed rows across unfinished gaps, then fails", () =>
      Effect.gen(function* () {
        const { buffer, first, last } = yield* fullBuffer(3)
        yield* finish(buffer, first)
        yield* finish(buffer, last)
        yield* buffer.shutdown
        assert.deepStrictEqual(sequences(yield* nextN(buffer, 2)), [0, 2])
        assert.strictEqual(yield* messageOf(buffer.next()), "BufferShutdownError: next: the buffer is shut down")
      })
    )

    it.effect("hands the completed rows to the nexts that wait, and fails the rest of them", () =>
      Effect.gen(function* () {
        const { buffer, tickets } = yield* fullBuffer(3)
        const nexts = yield* Effect.forEach(upTo(3), () => Effect.fork(Effect.either(buffer.next())))
        yield* settle
        yield* Effect.forEach(tickets.slice(1), (ticket) => finish(buffer, ticket))
        yield* buffer.shutdown
        const results = yield* Fiber.join(Fiber.all(nexts))
        assert.deepStrictEqual(
          results.map(Either.match({ onLeft: (error) => error._tag, onRight: (entry) => entry.submitIndex })),
          [1, 2, "BufferShutdownError"]
        )
      })
    )

    it.effect("discards the late completion of an abandoned row once, then refuses it", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        const unknown: Ticket = { ...first, submitIndex: 7 }
        yield* buffer.shutdown
        assert.strictEqual((yield* buffer.metrics).pending, 0)
        assert.deepStrictEqual(
          [
            yield* messageOf(finish(buffer, unknown)),
            yield* finish(buffer, first),
            yield* messageOf(finish(buffer, first)),
            yield* buffer.evict(first)
          ],
          [
            'TicketError: complete: ticket 7 of row "row-0": no row has this index yet',
            false,
            'TicketError: complete: ticket 0 of row "row-0": its late completion was already discarded',
            false
          ]
        )
        const metrics = yield* buffer.metrics
        assert.deepStrictEqual([metrics.totalLate, metrics.totalAbandoned], [1, 1])
      })
    )
  })

  describe("eviction", () => {
    it.effect("goes on with the next row when the head is evicted", () =>
      Effect.gen(function* () {
        const { buffer, first, last } = yield* fullBuffer(2)
        yield* finish(buffer, last)
        const next = yield* Effect.fork(buffer.next())
        yield* settle
        assert.isTrue(yield* buffer.evict(first))
        assert.strictEqual((yield* Fiber.join(next)).submitIndex, 1)
      })
    )

    it.effect("releases past a row evicted behind the head (fault: it stalled release for ever)", () =>
      Effect.gen(function* () {
        const { buffer, first, tickets, last } = yield* fullBuffer(3)
        yield* finish(buffer, first)
        yield* finish(buffer, last)
        assert.isTrue(yield* buffer.evict(at(tickets, 1)))
        assert.deepStrictEqual(yield* releasable(buffer), [0, 2])
      })
    )

    it.effect("releases row 3 after 0, 1 and 2 are evicted", () =>
      Effect.gen(function* () {
        const { buffer, tickets, last } = yield* fullBuffer(4)
        yield* finish(buffer, last)
        yield* Effect.forEach(tickets.slice(0, 3), (ticket) => buffer.evict(ticket))
        assert.deepStrictEqual(yield* releasable(buffer), [3])
      })
    )

    it.effect("goes on after the last row is evicted", () =>
      Effect.gen(function* () {
        const { buffer, first, last } = yield* fullBuffer(2)
        yield* buffer.evict(last)
        const third = yield* buffer.submit("row-2")
        yield* Effect.forEach([third, first], (ticket) => finish(buffer, ticket))
        assert.deepStrictEqual(yield* releasable(buffer), [0, 2])
      })
    )

    it.effect("evicts no row that is completed, released or evicted", () =>
      Effect.gen(function* () {
        const { buffer, first, last } = yield* fullBuffer(2)
        yield* finish(buffer, first)
        const completed = yield* buffer.evict(first)
        yield* buffer.next()
        const released = yield* buffer.evict(first)
        const evicted = [yield* buffer.evict(last), yield* buffer.evict(last)]
        assert.deepStrictEqual([completed, released, ...evicted], [false, false, true, false])
        assert.strictEqual((yield* buffer.metrics).totalEvicted, 1)
      })
    )

    it.effect("evicts nothing for an index that nobody submitted yet", () =>
      Effect.gen(function* () {
        const { buffer } = yield* fullBuffer(1)
        const { last } = yield* fullBuffer(2)
        assert.isFalse(yield* buffer.evict(last))
        assert.strictEqual((yield* buffer.metrics).pending, 1)
      })
    )

    it.effect("gives the place of an evicted row to a waiting submit", () =>
      Effect.gen(function* () {
        const { buffer, last } = yield* fullBuffer(2)
        const third = yield* Effect.fork(buffer.submit("row-2", { timeout: "100 millis" }))
        yield* settle
        yield* buffer.evict(last)
        assert.strictEqual((yield* Fiber.join(third)).submitIndex, 2)
      })
    )

    it.effect("discards the late completion of an evicted row exactly once", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        yield* buffer.evict(first)
        assert.deepStrictEqual(
          [
            yield* messageOf(finish(buffer, { ...first, stateId: "forged" })),
            yield* finish(buffer, first),
            yield* messageOf(finish(buffer, first)),
            yield* releasable(buffer)
          ],
          [
            'TicketError: complete: ticket 0 of row "forged": identity mismatch, this buffer did not issue the ticket; ' +
              "pass the object that submit returned",
            false,
            'TicketError: complete: ticket 0 of row "row-0": its late completion was already discarded',
            []
          ]
        )
      })
    )

    it.effect("retains no evicted row while the head stays unfinished (fault: bookkeeping that only grows)", () =>
      Effect.gen(function* () {
        const { buffer, first, last } = yield* fullBuffer(2)
        yield* buffer.evict(last)
        for (let i = 2; i < 10_000; i++) {
          yield* buffer.evict(yield* buffer.submit(`row-${i}`))
        }
        const metrics = yield* buffer.metrics
        assert.deepStrictEqual(
          [metrics.pending, metrics.completedWaiting, metrics.waitingSubmits, metrics.totalEvicted],
          [1, 0, 0, 9_999]
        )
        yield* finish(buffer, first)
        assert.deepStrictEqual(yield* releasable(buffer), [0])
      })
    )
  })

  describe("misuse", () => {
    it.effect("refuses to complete a row twice, before and after its release", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        yield* finish(buffer, first)
        const before = yield* messageOf(buffer.complete(first, 99))
        assert.strictEqual((yield* buffer.next()).value, 0)
        const after = yield* messageOf(buffer.complete(first, 99))
        assert.deepStrictEqual(
          [before, after],
          [
            'TicketError: complete: ticket 0 of row "row-0": already completed',
            'TicketError: complete: ticket 0 of row "row-0": already completed and released'
          ]
        )
      })
    )

    it.effect("refuses a ticket for another row, a copy and another buffer's, and takes the real one", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        const { first: foreign } = yield* fullBuffer(1)
        const errors = yield* Effect.forEach([{ ...first, stateId: "row-B" }, { ...first }, foreign], (ticket) =>
          Effect.flip(
            Effect.all([Effect.flip(buffer.evict(ticket)), Effect.flip(finish(buffer, ticket))]).pipe(Effect.flip)
          )
        )
        assert.deepStrictEqual(
          errors.map((both) => both.map((error) => [error.operation, error.stateId, error.reason])),
          ["row-B", "row-0", "row-0"].map((stateId) => [
            ["evict", stateId, "Mismatch"],
            ["complete", stateId, "Mismatch"]
          ])
        )
        assert.isTrue(yield* finish(buffer, first))
      })
    )

    it.effect("dies of an empty stateId before it changes anything", () =>
      Effect.gen(function* () {
        const buffer = yield* bounded<number>({ maxPending: 1 })
        assert.include(yield* defectOf(buffer.submit("")), 'stateId must not be empty, got ""')
        const metrics = yield* buffer.metrics
        assert.deepStrictEqual([metrics.pending, metrics.totalSubmitted], [0, 0])
        const ticket = yield* buffer.submit("row-0")
        yield* finish(buffer, ticket)
        assert.deepStrictEqual(yield* releasable(buffer), [0])
      })
    )

    for (const maxPending of [0, -1, 1.5, Number.NaN, Infinity]) {
      it.effect(`dies of maxPending ${maxPending}`, () =>
        Effect.gen(function* () {
          const defect = yield* defectOf(bounded({ maxPending }))
          assert.include(defect, `maxPending must be an integer of at least 1, got ${maxPending}`)
        })
      )
    }
  })

  describe("waits", () => {
    it.effect("waits from completion to release", () =>
      Effect.gen(function* () {
        const { buffer, first, last } = yield* fullBuffer(2)
        yield* TestClock.adjust("10 millis")
        yield* finish(buffer, last)
        yield* TestClock.adjust("90 millis")
        yield* finish(buffer, first)
        const entries = yield* nextN(buffer, 2)
        assert.deepStrictEqual(
          entries.map((entry) => [entry.submittedAt, entry.completedAt, Duration.toMillis(entry.bufferWait)]),
          [
            [0, 100, 0],
            [0, 10, 90]
          ]
        )
        assert.deepStrictEqual((yield* buffer.metrics).averageBufferWait, Duration.millis(45))
      })
    )

    it.effect("waits 0, not -1, when the clock runs backwards from 20 to 19", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        yield* TestClock.setTime(20)
        yield* finish(buffer, first)
        yield* TestClock.setTime(19)
        assert.strictEqual(yield* Clock.currentTimeMillis, 19)
        assert.deepStrictEqual((yield* buffer.next()).bufferWait, Duration.zero)
      })
    )

    it.effect("stamps a submit that waited with the instant it got its place", () =>
      Effect.gen(function* () {
        const { buffer, first } = yield* fullBuffer(1)
        const submit = yield* Effect.fork(buffer.submit("row-1"))
        yield* TestClock.adjust("30 millis")
        yield* buffer.evict(first)
        yield* finish(buffer, yield* Fiber.join(submit))
        assert.strictEqual((yield* buffer.next()).submittedAt, 30)
      })
    )
  })

  describe("properties", () => {
    it.effect.prop(
      "releases in sequence, values intact, whatever the order of completion",
      [permutationOfSome],
      ([order]) =>
        Effect.gen(function* () {
          const { buffer, tickets } = yield* fullBuffer(order.length)
          yield* Effect.forEach(order, (index) => buffer.complete(at(tickets, index), index * 10))
          const entries = yield* nextN(buffer, order.length)
          assert.deepStrictEqual(
            entries.map((entry) => [entry.submitIndex, entry.stateId, entry.value]),
            upTo(order.length).map((i) => [i, `row-${i}`, i * 10])
          )
        })
    )

    it.effect("releases 0..49 when five fibers complete fifty rows in any order", () =>
      Effect.gen(function* () {
        const { buffer, tickets } = yield* fullBuffer(50)
        const order = upTo(50).map((i) => at(tickets, (i * 17) % 50))
        const reader = yield* Effect.fork(nextN(buffer, 50))
        yield* Effect.forEach(order, (ticket) => Effect.zipRight(Effect.yieldNow(), finish(buffer, ticket)), {
          concurrency: 5
        })
        assert.deepStrictEqual(sequences(yield* Fiber.join(reader)), upTo(50))
      })
    )

    it.effect("moves 200 rows through three places: submitted, completed and read at once", () =>
      Effect.gen(function* () {
        const buffer = yield* bounded<number>({ maxPending: 3 })
        const reader = yield* Effect.fork(nextN(buffer, 200))
        yield* Effect.forEach(
          upTo(200),
          (i) =>
            Effect.gen(function* () {
              const ticket = yield* buffer.submit(`row-${i}`)
              yield* Effect.repeatN(Effect.yieldNow(), (i * 7) % 5)
              yield* finish(buffer, ticket)
            }),
          { concurrency: 20 }
        )
        assert.deepStrictEqual(sequences(yield* Fiber.join(reader)), upTo(200))
        const metrics = yield* buffer.metrics
        assert.deepStrictEqual([metrics.maxObservedPending, metrics.pending, metrics.totalReleased], [3, 0, 200])
      })
    )

    it.effect.prop(
      "conserves rows, keeps to maxPending and forgets no row, whatever is done in whatever order",
      [
        FastCheck.integer({ min: 1, max: 6 }),
        FastCheck.array(
          FastCheck.tuple(FastCheck.constantFrom("submit", "complete", "evict", "next"), FastCheck.nat()),
          {
            maxLength: 120
          }
        ),
        FastCheck.boolean()
      ],
      ([maxPending, commands, shutdown]) =>
        Effect.gen(function* () {
          const buffer = yield* bounded<number>({ maxPending })
          // The model: what the buffer must hold, in sequence.
          let rows: Array<{ readonly ticket: Ticket; completed: boolean }> = []
          const released: Array<number> = []
          const expected: Array<number> = []
          for (const [command, choice] of commands) {
            const row = rows[choice % rows.length]
            switch (command) {
              case "submit": {
                const result = yield* Effect.either(buffer.submit("row", { timeout: 0 }))
                assert.strictEqual(Either.isRight(result), rows.length < maxPending)
                if (Either.isRight(result)) rows.push({ ticket: result.right, completed: false })
                break
              }
              case "complete": {
                if (row === undefined || row.completed) break
                assert.isTrue(yield* finish(buffer, row.ticket))
                row.completed = true
                break
              }
              case "evict": {
                if (row === undefined) break
                assert.strictEqual(yield* buffer.evict(row.ticket), !row.completed)
                if (!row.completed) rows = rows.filter((other) => other !== row)
                break
              }
              case "next": {
                const result = yield* Effect.either(buffer.next({ timeout: 0 }))
                if (rows[0]?.completed === true)
                  expected.push(...rows.splice(0, 1).map((head) => head.ticket.submitIndex))
                if (Either.isRight(result)) released.push(result.right.submitIndex)
                assert.deepStrictEqual(released, expected)
                break
              }
            }
            const metrics = yield* buffer.metrics
            assert.deepStrictEqual(
              [metrics.pending, metrics.completedWaiting],
              [rows.length, rows.filter((held) => held.completed).length]
            )
            assert.strictEqual(
              metrics.totalSubmitted,
              metrics.totalReleased + metrics.totalEvicted + metrics.totalAbandoned + metrics.pending
            )
            assert.isAtMost(metrics.maxObservedPending, maxPending)
          }
          if (!shutdown) return
          yield* buffer.shutdown
          const finished = rows.filter((held) => held.completed).map((held) => held.ticket.submitIndex)
          assert.deepStrictEqual(yield* releasable(buffer), finished)
          const metrics = yield* buffer.metrics
          assert.strictEqual(metrics.totalAbandoned, rows.length - finished.length)
          assert.strictEqual(metrics.pending, 0)
        })
    )
  })
})

describe("Value-type validation", () => {
  const record = { submitIndex: 0, stateId: "row-0", submittedAt: 0, completedAt: 5, bufferWait: 0 }
  const accepts = (fields: Record<string, unknown>) =>
    Schema.decodeUnknownEither(BoundedEntryMetadata)({ ...record, ...fields })._tag

  it("rejects a negative index, an empty stateId and a negative wait", () => {
    const wrong = [
      { submitIndex: -1 },
      { submitIndex: 0.5 },
      { stateId: "" },
      { bufferWait: -0.1 },
      { submittedAt: Number.NaN }
    ]
    assert.deepStrictEqual(wrong.map(accepts), ["Left", "Left", "Left", "Left", "Left"])
  })

  it("accepts a wait of 0", () => {
    assert.strictEqual(accepts({ bufferWait: 0 }), "Right")
  })

  it.effect("encodes an entry as its audit record: bufferWait as milliseconds, value left out", () =>
    Effect.gen(function* () {
      const { buffer, first } = yield* fullBuffer(1)
      yield* TestClock.setTime(5)
      yield* finish(buffer, first)
      assert.deepStrictEqual(yield* Schema.encode(BoundedEntryMetadata)(yield* buffer.next()), record)
    })
  )
})
