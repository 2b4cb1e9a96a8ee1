import { assert, describe, it } from "@effect/vitest"
import { Hints, PooledExecutor, type ControlLaw } from "effect-aimd"
import { Effect } from "effect"
import { fixed, spy } from "./support/laws.js"
import { busy, ok } from "./support/api.js"

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
