/** What a pool still holds after a thousand users have come and gone: nothing. */
import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor } from "effect-aimd"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { vi } from "vitest"
import type * as AdmissionModule from "../../src/pool/Admission.js"
import type { Place } from "../../src/structure/Semaphore.js"
import type * as SortedModule from "../../src/structure/Sorted.js"
import { busy, ok, range } from "../support/api.js"
import { fixed, sequence } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

/** Who stands in the books of the pools made here; `timers` are those that wait now. */
const books = {
  parties: new Set<unknown>(),
  listeners: new Set<unknown>(),
  places: new Set<Place>(),
  lists: new Array<{ readonly size: number }>(),
  timers: (): number => NaN
}

// No snapshot of a pool tells of these, for no user needs to know.
vi.mock("../../src/pool/Admission.js", async (original) => {
  const real = await original<typeof AdmissionModule>()
  const watched = (admission: AdmissionModule.Admission): AdmissionModule.Admission => {
    books.timers = () => admission.timers.size
    const watching: Partial<AdmissionModule.Admission> = {
      enter: (party) => {
        books.parties.add(party)
        admission.enter(party)
      },
      exit: (party) => {
        books.parties.delete(party)
        admission.exit(party)
      },
      queue: (party) => {
        const place = admission.queue(party)
        books.places.add(place)
        return place
      },
      onChange: (listener) => {
        books.listeners.add(listener)
        const stop = admission.onChange(listener)
        return () => {
          books.listeners.delete(listener)
          stop()
        }
      }
    }
    return Object.create(admission, Object.getOwnPropertyDescriptors(watching)) as AdmissionModule.Admission
  }
  return {
    ...real,
    make: (...args: Parameters<typeof real.make>) => Effect.map(real.make(...args), watched)
  }
})

vi.mock("../../src/structure/Sorted.js", async (original) => {
  const real = await original<typeof SortedModule>()
  return {
    ...real,
    make: <A extends SortedModule.Element>() => {
      const list = real.make<A>()
      books.lists.push(list)
      return list
    }
  }
})

const counts = () => ({ parties: books.parties.size, listeners: books.listeners.size, timers: books.timers() })

/** A pool alone has one party, the callers of its `execute`. */
const alone = { parties: 1, listeners: 0, timers: 0 }

/** Comes and goes, a thousand times; whatever became of it, the pool is as it was before. */
const leavesNothing = (
  name: string,
  use: (pool: PooledExecutor.PooledExecutor) => Effect.Effect<unknown, unknown>,
  control = fixed({})
) =>
  it.effect(`${name}: a thousand times, and nothing is left in the pool`, () =>
    inVirtualTime(function* () {
      books.parties.clear()
      books.listeners.clear()
      const pool = yield* PooledExecutor.make({ poolSize: 2, control })
      assert.deepStrictEqual(counts(), alone)
      for (const _ of range(1000)) yield* Effect.exit(use(pool))
      assert.deepStrictEqual(counts(), alone)
    })
  )

describe("Of those who use a pool", () => {
  leavesNothing("a line of callers", (pool) =>
    Effect.scoped(Effect.flatMap(pool.line, (line) => line.execute(Effect.void)))
  )

  let tenants = 0
  leavesNothing("a caller with a tenant and a priority of its own", (pool) =>
    pool.execute(Effect.void, { tenant: `tenant ${(tenants += 1)}`, priority: tenants })
  )

  leavesNothing("a row with a tenant and a deadline of its own", (pool) =>
    pool.executeBatch(range(2), () => Effect.void, {
      turn: (row) => ({ tenant: `tenant ${(tenants += 1)}`, deadline: row === 0 ? "1 hour" : undefined })
    })
  )

  leavesNothing("a batch", (pool) => pool.executeBatch(range(2), () => Effect.void))

  leavesNothing("a batch with a timeout that it does not need", (pool) =>
    pool.executeBatch(range(2), () => Effect.void, { timeout: "1 hour" })
  )

  leavesNothing("a batch of nothing", (pool) => pool.executeBatch([], () => Effect.void, { timeout: "1 hour" }))

  leavesNothing("a forEach that fails", (pool) =>
    pool.forEach(range(2), (row) => (row === 0 ? Effect.fail("no") : Effect.never), { timeout: "1 hour" })
  )

  leavesNothing("a batch that is interrupted", (pool) =>
    Effect.flatMap(Effect.fork(pool.executeBatch(range(4), () => Effect.never, { timeout: "1 hour" })), (fiber) =>
      Effect.zipRight(Effect.yieldNow(), Fiber.interrupt(fiber))
    )
  )

  leavesNothing(
    "a row that is interrupted while it backs off",
    (pool) =>
      Effect.flatMap(Effect.fork(pool.execute(busy())), (fiber) =>
        Effect.zipRight(Effect.yieldNow({ priority: 1 }), Fiber.interrupt(fiber))
      ),
    fixed({ delay: 1000 })
  )

  leavesNothing("a reader of the changes that stops reading", (pool) =>
    Effect.flatMap(Effect.fork(Stream.runDrain(pool.changes)), (fiber) =>
      Effect.zipRight(Effect.yieldNow({ priority: 1 }), Fiber.interrupt(fiber))
    )
  )

  // Their next turn at the gate would be at 100.
  const leavesTheLine = (
    name: string,
    use: (pool: PooledExecutor.PooledExecutor) => Effect.Effect<unknown, unknown>,
    maxCapacityRetry: number
  ) =>
    it.effect(`${name} has no place in line any more`, () =>
      inVirtualTime(function* () {
        books.places.clear()
        const pool = yield* PooledExecutor.make({ poolSize: 4, control: fixed({ spacing: 100 }), maxCapacityRetry })
        const places = () => [...books.places].filter(({ queued }) => queued).length
        yield* Effect.fork(Effect.exit(use(pool)))
        yield* Effect.sleep(40)
        assert.strictEqual(places(), 1)
        yield* Effect.sleep(20)
        assert.strictEqual(places(), 0)
      })
    )

  leavesTheLine("a batch that was stopped", (pool) => pool.executeBatch(range(2), () => ok(), { timeout: 49 }), 1000)

  leavesTheLine(
    "a caller that was interrupted",
    (pool) => Effect.zipRight(pool.execute(ok()), Effect.timeout(pool.execute(ok()), 49)),
    1000
  )

  leavesTheLine(
    "a caller with a tenant of its own that was interrupted",
    (pool) =>
      Effect.zipRight(
        pool.execute(ok(), { tenant: "other" }),
        Effect.timeout(pool.execute(ok(), { tenant: "own" }), 49)
      ),
    1000
  )

  leavesTheLine("a row that has spent its budget", (pool) => pool.executeBatch(range(1), () => busy(10)), 50)

  it.effect("a reader of the changes reads, and is among the listeners while it does", () =>
    inVirtualTime(function* () {
      books.listeners.clear()
      const pool = yield* PooledExecutor.make({ control: sequence({}, { reason: "one" }, { reason: "two" }) })
      const reader = yield* Effect.fork(Stream.runCollect(Stream.take(pool.changes, 2)))
      yield* Effect.sleep(1)
      assert.strictEqual(counts().listeners, 1)
      yield* pool.executeBatch(range(2), () => ok())
      const reasons = Chunk.toReadonlyArray(yield* Fiber.join(reader)).map(({ reason }) => reason)
      assert.deepStrictEqual(reasons, ["one", "two"])
      assert.strictEqual(counts().listeners, 0)
    })
  )

  it.effect("hardly any is kept till its deadline that has left long before", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2, control: fixed({}) })
      books.lists = []
      const kept = () => books.lists.reduce((sum, { size }) => sum + size, 0)
      const atMost = { kept: 0 }
      for (const _ of range(1000)) {
        yield* pool.execute(Effect.void, { deadline: "1 hour", late: "refuse" })
        atMost.kept = Math.max(atMost.kept, kept())
      }
      assert.isBelow(atMost.kept, 100)
    })
  )
})
