import { assert, describe, it } from "@effect/vitest"
import { Hints, PooledExecutor, type Capacity, type ControlLaw } from "effect-aimd"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { fixed, spy } from "./support/laws.js"
import { busy, ok, refused, type Refused } from "./support/api.js"
import { inVirtualTime } from "./support/time.js"

/** Makes a pool whose law keeps the hints of its samples. */
const heard = (poolSize: number, attemptTimeout?: number) =>
  Effect.gen(function* () {
    const hints: Array<ControlLaw.Hints | undefined> = []
    const control = spy(fixed({}), (sample) => hints.push(sample.hints))
    const timeout = attemptTimeout === undefined ? {} : { attemptTimeout }
    return { hints, pool: yield* PooledExecutor.make({ poolSize, control, ...timeout }) }
  })

const left = (remaining: number): ControlLaw.Hints => ({ requests: { remaining } })

describe("Hints.report", () => {
  it.scoped("reaches the law with the outcome of its attempt, and not with the next row's on the same fiber", () =>
    Effect.gen(function* () {
      const { hints, pool } = yield* heard(1)
      yield* pool.executeBatch([0, 1, 2], (row) => (row === 1 ? ok() : Effect.zipRight(Hints.report(left(row)), ok())))
      assert.deepStrictEqual(hints, [left(0), undefined, left(2)])
    })
  )

  it.scoped("reaches the law from a single call, from a fiber of the attempt, and from a timed attempt", () =>
    Effect.gen(function* () {
      const { hints, pool } = yield* heard(2, 1000)
      yield* pool.execute(
        Effect.asVoid(Effect.fork(Hints.report(left(1))).pipe(Effect.flatMap((fiber) => fiber.await)))
      )
      yield* pool.forEach([2, 3], (row) => Hints.report(left(row)))
      assert.deepStrictEqual(hints, [left(1), left(2), left(3)])
    })
  )

  it.scoped("goes with a rejection too, and keeps requests and tokens apart", () =>
    Effect.gen(function* () {
      const { hints, pool } = yield* heard(1)
      const both = { ...left(0), tokens: { limit: 90_000, remaining: 5, resetAfter: 20 } }
      const report = Effect.zipRight(Hints.report(left(9)), Hints.report(both))
      let calls = 0
      yield* pool.execute(Effect.suspend(() => (++calls === 1 ? Effect.zipRight(report, busy()) : ok())))
      assert.deepStrictEqual(hints, [both, undefined])
    })
  )

  it.effect("does nothing outside an attempt", () => Hints.report(left(1)))
})

describe("Hints.report of what was used", () => {
  const tokens = (inputTokens: number, outputTokens = 0) => Hints.report({ usage: { inputTokens, outputTokens } })

  it.effect("is added up over all attempts of a row, of its batch and of its pool, whatever became of them", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 2, control: "delay", attemptTimeout: "1 second" })
      const answers: Record<string, (attempt: number) => Effect.Effect<string, Refused | Capacity.CapacityError>> = {
        busy: (attempt) => (attempt === 1 ? busy() : ok()),
        refused: () => refused(),
        late: () => Effect.never
      }
      const { entries, stats } = yield* pool.executeBatch(["busy", "refused", "late", "silent"], (row, { attempt }) => {
        const answer = answers[row]?.(attempt)
        return answer === undefined ? ok() : tokens(1).pipe(Effect.zipRight(tokens(2, 4)), Effect.zipRight(answer))
      })
      const once = { tokens: 7, inputTokens: 3, outputTokens: 4 }
      const twice = { tokens: 14, inputTokens: 6, outputTokens: 8 }
      assert.deepStrictEqual(
        entries.map(({ usage }) => usage),
        [twice, once, once, undefined]
      )
      assert.deepStrictEqual(stats.usage, { tokens: 28, inputTokens: 12, outputTokens: 16 })
      yield* pool.execute(Hints.report({ usage: { money: 0.5 } }))
      yield* pool.attempt(Hints.report({ usage: { tokens: 2, money: 0.25 } }))
      assert.deepStrictEqual((yield* pool.stats).usage, {
        tokens: 30,
        inputTokens: 12,
        outputTokens: 16,
        money: 0.75
      })
    })
  )

  it.effect("shows in the progress of the batch and of the pool, while it runs", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1, control: "delay" })
      const handle = yield* PooledExecutor.handle
      const ofPool = yield* Effect.fork(Stream.runCollect(Stream.take(pool.progress, 3)))
      const run = pool.executeBatch([1, 2], () => Effect.zipRight(tokens(5), ok(900)), { handle })
      const batch = yield* Effect.fork(run)
      const progress = Chunk.toReadonlyArray(yield* Stream.runCollect(handle.progress))
      yield* Fiber.join(batch)
      const seen = [0, 5, 10].map((used) => (used === 0 ? {} : { tokens: used, inputTokens: used, outputTokens: 0 }))
      assert.deepStrictEqual(
        progress.map(({ usage }) => usage),
        seen
      )
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(yield* Fiber.join(ofPool)).map(({ usage }) => usage),
        seen
      )
      assert.isTrue(progress.every(({ recalledUsage }) => Object.keys(recalledUsage).length === 0))
    })
  )

  it.effect("reaches the law with the attempt that used it, and the pools around it", () =>
    inVirtualTime(function* () {
      const [outer, inner] = [yield* heard(1), yield* heard(1)]
      const both = Hints.report({ ...left(3), usage: { tokens: 1 } })
      yield* outer.pool.execute(
        inner.pool
          .executeBatch([1, 2], () => both)
          .pipe(
            Effect.zipRight(inner.pool.execute(both)),
            Effect.zipRight(inner.pool.attempt(both)),
            Effect.zipRight(both)
          )
      )
      const one = { ...left(3), usage: { tokens: 1 } }
      assert.deepStrictEqual(inner.hints, [one, one, one, one])
      assert.deepStrictEqual(outer.hints, [{ ...left(3), usage: { tokens: 5 } }])
      assert.deepStrictEqual((yield* outer.pool.stats).usage, { tokens: 5 })
    })
  )

  it.effect("that is no amount is not told", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1 })
      const wrong = { tokens: NaN, inputTokens: -1, money: Infinity }
      const { entries } = yield* pool.executeBatch([1], () => Hints.report({ usage: wrong }))
      assert.deepStrictEqual([entries[0]?.usage, (yield* pool.stats).usage], [undefined, {}])
    })
  )
})

describe("Hints.reported", () => {
  it.scoped("is what the attempt has said so far, and nothing outside of one", () =>
    Effect.gen(function* () {
      const { pool } = yield* heard(1)
      assert.deepStrictEqual(yield* Hints.reported, {})
      const said = pool.forEach([1, 2], (row) =>
        Effect.zipRight(Hints.report({ ...left(row), usage: { tokens: row } }), Hints.reported)
      )
      assert.deepStrictEqual(yield* said, [
        { ...left(1), usage: { tokens: 1 } },
        { ...left(2), usage: { tokens: 2 } }
      ])
    })
  )
})
